"""What the commands share: the options of what is measured, a bar, folders, exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from skinscan.records import Comparison, SkinscanError

DONE, FAILED, WRONG_USE = 0, 1, 2

F = Callable[..., Any]


def stop(error: SkinscanError, code: int) -> NoReturn:
    click.echo(f"skinscan: {error}", err=True)
    raise SystemExit(code)


def photo_options(report: bool = True) -> Callable[[F], F]:
    """The options of what is measured in a photo, and of where the report goes."""
    options = (
        click.option("--mm-per-px", type=float, metavar="F", help="Millimetres a pixel on the skin."),
        click.option(
            "--marker-mm",
            type=float,
            metavar="F",
            help="Side in mm of the outer black square of an ArUco sticker (DICT_4X4_50) lying on the skin.",
        ),
        click.option(
            "--card-pitch-mm",
            type=float,
            metavar="F",
            help="From the middle of one patch of the ColorChecker to that of the next: gives the scale.",
        ),
        click.option(
            "--card",
            type=click.Choice(("auto", "before_2014", "after_2014", "none")),
            default="auto",
            show_default=True,
            help="Which ColorChecker Classic lies in the photo; auto looks for one, and for the skin card.",
        ),
        click.option(
            "--region",
            "region",
            multiple=True,
            metavar="NAME=X,Y,X,Y,...",
            help="A polygon to measure, in pixels of the upright photo. Repeat for more.",
        ),
        click.option(
            "--regions",
            "regions_file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help='A JSON file of polygons: {"NAME": [[x, y], ...]}.',
        ),
        click.option(
            "--cross-polarised",
            is_flag=True,
            help="Filters on lamp and lens cross, so that nothing shines: a card then tells colours more surely.",
        ),
        click.option(
            "--raking-light",
            is_flag=True,
            help="One fixed lamp stands low beside the skin and all other light is out: what dimples (cellulite) need.",
        ),
        click.option(
            "--site",
            default="",
            metavar="NAME",
            help="The part of the body: face, scalp, neck, decolletage, abdomen, thigh, buttock, upper_arm. Stretch "
            "marks are told only where it is stated.",
        ),
        click.option(
            "--face/--no-face",
            default=True,
            show_default=True,
            help="Propose the regions of a face where no region is given.",
        ),
        click.option(
            "--reference",
            metavar="NAME",
            help="The region that is untreated skin or a neutral patch, seen in both photos.",
        ),
        click.option(
            "--max-megapixels",
            type=float,
            default=60.0,
            show_default=True,
            metavar="F",
            help="Refuse larger photos before decoding them.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else."),
    )
    folder = click.option(
        "--out",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Write report.html, overlay PNGs, measurements.csv and pores.csv here.",
    )
    paper = click.option(
        "--pdf",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write the report as PDF here, over a file of that name (needs skinscan[pdf]).",
    )

    def decorate(command: F) -> F:
        for option in reversed((*options[:-1], *([folder, paper] if report else []), options[-1])):
            command = option(command)
        return command

    return decorate


def regions_of(texts: Sequence[str], file: Path | None) -> Mapping[str, Any] | None:
    if not texts and file is None:
        return None
    from skinscan.capture.regions import parse_regions, read_regions
    from skinscan.records import RegionError

    found: dict[str, Any] = dict(read_regions(file)) if file is not None else {}
    for name, polygon in parse_regions(texts).items():
        if name in found:
            raise RegionError(f"region '{name}' is given twice", todo="give it in --region or in --regions, not both")
        found[name] = polygon
    return found


def check_report(out: Path | None, pdf: Path | None = None) -> None:
    """Say before the work, not after it, that the report has nowhere to go, or that no PDF can be made."""
    from skinscan.records import ParameterError

    if pdf is not None:
        from skinscan.report.pdf import check

        check()
        if pdf.is_dir() or not pdf.parent.is_dir():
            raise ParameterError(
                f"--pdf {pdf.name} cannot be written", expected="a file in a folder that is there",
                found="a folder" if pdf.is_dir() else "no such folder", todo="name another",
            )  # fmt: skip
    if out is not None and out.exists() and not out.is_dir():
        raise ParameterError(f"--out {out.name} is a file", expected="a folder", found="a file", todo="name another")


def compared(
    before: Path,
    after: Path,
    regions: Mapping[str, Any] | None,
    out: Path | None,
    pdf: Path | None = None,
    **settings: Any,
) -> Comparison:
    """`skinscan.compare` with a bar, and its report in `out` and as `pdf`."""
    from skinscan.comparison import compare as compare_photos

    with progress(100, "comparing") as advance:
        shown = 0

        def tell(share: float, text: str) -> None:
            nonlocal shown
            step = round(100 * share) - shown
            shown += step
            advance(step)

        shown_too = out is not None or pdf is not None
        comparison = compare_photos(before, after, regions=regions, evidence=shown_too, progress=tell, **settings)
    if out is not None:
        from skinscan.report import write_comparison

        write_comparison(comparison, out)
    if pdf is not None:
        from skinscan.report.page import comparison_page
        from skinscan.report.pdf import write_pdf

        write_pdf(comparison_page(comparison), pdf)
    return comparison


@contextmanager
def progress(length: int, label: str) -> Iterator[Callable[[int], None]]:
    """A bar on standard error when that is a terminal, else nothing."""
    if not sys.stderr.isatty():
        yield lambda steps: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield lambda steps: bar.update(steps)
