"""The page to print: skin cards, a ruler to check the printer by, and what to do, in plain words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from skinscan.records import ParameterError, SkinscanError
from skinscan.sheet import layout

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

Paper = Literal["a4", "letter"]

SIZES_MM: dict[str, tuple[float, float]] = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}
RULER_MM = 100
CARDS = ((0, 0), (1, 0), (0, 1), (1, 1))
_MM = 72.0 / 25.4

STEPS = (
    "Print at 100 % (also called 'actual size'), never 'fit to page', on matte white paper of 160 g or more.",
    "Hold a steel ruler against both scales below: 100 mm must be 100 mm, give or take 0.3 mm. If it is not, set the "
    "printer to 100 % and print again. A card of the wrong size makes every number wrong, and nothing can tell.",
    "Cut along the thin lines. Glue the card on stiff card if it curls. Do not laminate it and do not print on "
    "glossy paper: it would mirror the lamp.",
    "Lay the card flat in the plane of the skin, one edge against the skin to be measured, not on top of it and not "
    "behind it: 5 mm nearer or farther at 30 cm is 1.7 % on every length. A cheek is round: keep the card next to "
    "the part that is measured, facing as it does. All four black squares should be seen; two are the least.",
    "Take both photos, before and after, with the same printed card. Wipe it; take a new one when it is bent, "
    "stained or faded, and keep it in the dark.",
)
HONEST = (
    "What this card can do: millimetres, the tilt of the plane, and bringing two photos with the same card to the same "
    "white. What it cannot: its colours come from your printer and are NOT calibrated, so it gives no absolute "
    "colour. For that photograph a ColorChecker."
)


def make_sheet(path: str | Path, paper: Paper = "a4") -> None:
    """Writes a PDF of four skin cards with two rulers and instructions, exactly to scale.

    `paper` is 'a4' or 'letter'. Needs reportlab. Raises ParameterError for another paper, SkinscanError where the
    file cannot be written.
    """
    if paper not in get_args(Paper):
        raise ParameterError("the paper is not known", expected=" or ".join(get_args(Paper)), found=repr(paper))
    from reportlab.pdfgen.canvas import Canvas

    width, height = SIZES_MM[paper]
    canvas = Canvas(str(path), pagesize=(width * _MM, height * _MM), invariant=1, bottomup=0)
    canvas.setTitle(f"skinscan skin card, version {layout.VERSION}")
    canvas.setCreator("skinscan")
    canvas.setViewerPreference("PrintScaling", "None")  # the dialogue then offers 100 % first
    canvas.scale(_MM, _MM)
    _words(canvas, width)
    left, top = (width - 2 * layout.WIDTH_MM - 20.0) / 2, 118.0
    for column, row in CARDS:
        canvas.saveState()
        canvas.translate(left + column * (layout.WIDTH_MM + 20.0), top + row * (layout.HEIGHT_MM + 10.0))
        _card(canvas)
        canvas.restoreState()
    _ruler(canvas, left, height - 42.0)
    canvas.saveState()
    canvas.translate(width - 22.0, top - 4.0)
    canvas.rotate(90)
    _ruler(canvas, 0.0, 0.0)
    canvas.restoreState()
    _text(canvas, left, height - 14.0, f"skinscan skin card, version {layout.VERSION}, {paper}", 2.8)
    try:
        canvas.save()
    except OSError as error:
        raise SkinscanError(
            "the skin card could not be written",
            found=f"{path}: {error.strerror or error}",
            todo="name a file in a folder that exists and may be written to",
        ) from error


def _text(canvas: Canvas, x: float, y: float, words: str, size: float, *, bold: bool = False) -> None:
    canvas.setFillGray(0.0)
    canvas.setFont("Helvetica-Bold" if bold else "Helvetica", size)
    canvas.drawString(x, y, words)


def _words(canvas: Canvas, width: float) -> None:
    left = 20.0
    _text(canvas, left, 20.0, "Skin card", 7.0, bold=True)
    y = 28.0
    for number, step in enumerate(STEPS, 1):
        _text(canvas, left, y, f"{number}.", 3.3, bold=True)
        y = _paragraph(canvas, step, left + 6.0, y, width - 2 * left - 6.0, "Helvetica")
    _paragraph(canvas, HONEST, left, y + 1.5, width - 2 * left, "Helvetica-Bold")


def _paragraph(canvas: Canvas, words: str, x: float, y: float, width: float, font: str) -> float:
    """Draws words broken into lines and returns where the next paragraph begins."""
    from reportlab.lib.utils import simpleSplit

    canvas.setFillGray(0.0)
    canvas.setFont(font, 3.3)
    lines: list[Any] = simpleSplit(words, font, 3.3, width)
    for line in lines:
        canvas.drawString(x, y, line)
        y += 4.5
    return y + 1.5


def _card(canvas: Canvas) -> None:
    """One card, its top left corner at the origin."""
    canvas.setStrokeGray(0.6)
    canvas.setLineWidth(0.1)
    canvas.rect(0, 0, layout.WIDTH_MM, layout.HEIGHT_MM, stroke=1, fill=0)
    canvas.setFillColorCMYK(0, 0, 0, 1)  # black ink alone
    for corners, bits in zip(layout.marker_corners(), layout.marker_bits(), strict=True):
        _marker(canvas, float(corners[0, 0]), float(corners[0, 1]), bits)
    for patch in layout.PATCHES:
        if patch.rgb is not None:
            canvas.setFillColorRGB(*(code / 255.0 for code in patch.rgb))
            canvas.rect(patch.left, patch.top, patch.width, patch.height, stroke=0, fill=1)
        elif patch.kind == "tint":
            canvas.setFillColorCMYK(0, 0, 0, patch.cover)
            canvas.rect(patch.left, patch.top, patch.width, patch.height, stroke=0, fill=1)
        elif patch.kind == "ruled":
            canvas.setFillColorCMYK(0, 0, 0, 1)
            for top, bottom in patch.lines().tolist():
                canvas.rect(patch.left, top, patch.width, bottom - top, stroke=0, fill=1)
    x, y = layout.LABEL_MM
    canvas.setFillGray(0.0)
    canvas.setFont("Helvetica", 2.0)
    canvas.drawCentredString(x, y, f"skinscan skin card v{layout.VERSION}")
    canvas.drawCentredString(x, y + 2.6, "squares 12.0 mm, matte paper")


def _marker(canvas: Canvas, left: float, top: float, bits: Any) -> None:
    """The black cells of a marker as one path: no hairlines of paper between neighbours."""
    cell = layout.MARKER_MM / (layout.MARKER_BITS + 2)
    path = canvas.beginPath()
    path.rect(left, top, layout.MARKER_MM, layout.MARKER_MM)
    canvas.drawPath(path, stroke=0, fill=1)
    white = canvas.beginPath()
    for row, line in enumerate(bits):
        start = None
        for column in range(len(line) + 1):
            if column < len(line) and line[column]:
                start = column if start is None else start
            elif start is not None:
                white.rect(left + (start + 1) * cell, top + (row + 1) * cell, (column - start) * cell, cell)
                start = None
    canvas.setFillColorCMYK(0, 0, 0, 0)
    canvas.drawPath(white, stroke=0, fill=1)
    canvas.setFillColorCMYK(0, 0, 0, 1)


def _ruler(canvas: Canvas, x: float, y: float) -> None:
    """A scale of RULER_MM that begins at (x, y)."""
    canvas.setStrokeGray(0.0)
    canvas.setLineWidth(0.15)
    canvas.line(x, y, x + RULER_MM, y)
    for mm in range(RULER_MM + 1):
        canvas.line(x + mm, y, x + mm, y + (6.0 if mm % 10 == 0 else 4.0 if mm % 5 == 0 else 2.5))
    for mm in range(0, RULER_MM + 1, 10):
        _text(canvas, x + mm - (0.8 if mm < 10 else 1.6), y + 9.0, str(mm), 2.8)
    _text(canvas, x, y - 1.5, f"0 to {RULER_MM}: exactly {RULER_MM} mm?", 2.8)
