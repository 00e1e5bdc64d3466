"""docs/registration.md: what `skinscan.study.registration_accuracy` found, in tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skinscan.study import registration_placebo
from skinscan.study.pairs import TONES
from skinscan.study.registration_pairs import PX_PER_MM, SIDE_PX

Row = Mapping[str, Any]

_COLUMNS: Mapping[str, Any] = {
    "median_px": np.median,
    "p95_px": np.median,
    "median_um": np.median,
    "p95_um": np.median,
    "common_px": np.median,
    "unknown": np.mean,
    "residual_px": np.median,
    "spread_px": np.median,
    "z_rms": lambda values: np.sqrt(np.mean(np.square(values))),
    "z_within_2": np.mean,
}


_HEADS = {"median_px": "median px", "z_rms": "error/said"}


def table(rows: Iterable[Row], by: Sequence[str] = ("kind", "what")) -> list[dict[str, Any]]:
    """Rows of `run` in groups: medians over the pairs that were registered, and the share of those that were."""
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row.get(name) for name in by)].append(row)
    out = []
    for key, group in groups.items():
        line: dict[str, Any] = dict(zip(by, key, strict=True))
        line |= {"pairs": len(group), "registered": float(np.mean([row["ok"] for row in group]))}
        line["mirrored"] = float(np.mean([row["mirrored"] for row in group]))
        for name, over in _COLUMNS.items():
            values = [row[name] for row in group if np.isfinite(row.get(name, np.nan))]
            if values:
                line[name] = float(over(values))
        out.append(line)
    return out


def publish(root: Path, rows: Sequence[Row], lamps: Sequence[Row]) -> None:
    """Write docs/registration.md; `lamps`: rows of `skinscan.study.registration_placebo`."""
    page = _PAGE.format(
        side=SIDE_PX,
        px_per_mm=f"{PX_PER_MM:g}",
        seeds=f"{min(row['seed'] for row in rows)}-{max(row['seed'] for row in rows)}",
        same=same_table(rows),
        tones=tone_table(rows),
        said=tone_table(rows, "z_rms", 2),
        others=other_table(rows),
        lamps=registration_placebo.table(lamps),
    )
    (root / "docs" / "registration.md").write_text(page, encoding="utf-8")


def same_table(rows: Iterable[Row]) -> str:
    """One line a disturbance."""
    head = "| what differs | pairs | registered | median px | p95 px | median um | said, px | error/said | in 95 % |"
    lines = [head, "|---" + "|--:" * 8 + "|"]
    for line in table(row for row in rows if row["kind"] == "same"):
        lines.append(
            f"| {line['what']} | {line['pairs']} | {line['registered']:.0%} | {_told(line, 'median_px', 3)} "
            f"| {_told(line, 'p95_px', 2)} | {_told(line, 'median_um', 1)} | {_told(line, 'spread_px', 3)} "
            f"| {_told(line, 'z_rms', 2)} | {_told(line, 'z_within_2', 2)} |"
        )
    return "\n".join(lines)


def tone_table(rows: Iterable[Row], name: str = "median_px", digits: int = 3) -> str:
    """A column of `table` by disturbance and tone; refused where no pair was registered."""
    found = {
        (line["what"], line["tone"]): line for line in table(rows, ("what", "tone", "kind")) if line["kind"] == "same"
    }
    lines = [f"| {_HEADS[name]} | " + " | ".join(TONES) + " |", "|---" + "|--:" * len(TONES) + "|"]
    for what in dict.fromkeys(name for name, _ in found):
        cells = [_told(found[what, tone], name, digits) if (what, tone) in found else "" for tone in TONES]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def other_table(rows: Iterable[Row]) -> str:
    """Share of pairs that were wrongly registered, and of mirrored pairs that were said to be."""
    lines = ["| what the two photos have in common | pairs | registered | said to be mirrored |", "|---|--:|--:|--:|"]
    for line in table(row for row in rows if row["kind"] != "same"):
        mirrored = f"{line['mirrored']:.0%}" if line["kind"] == "mirrored" else ""
        lines.append(f"| {line['what']} | {line['pairs']} | {line['registered']:.0%} | {mirrored} |")
    return "\n".join(lines)


def _told(line: Row, name: str, digits: int) -> str:
    return f"{line[name]:.{digits}f}" if name in line else "refused"


_PAGE = """# Registration: how far off, and what it believes

Made by `skinscan study registration` from phantoms of {side} px a side, {px_per_mm} px/mm, seeds {seeds}.
The same skin is photographed twice with one thing changed; the dense map is held against the truth over what both
photos show. Errors are in pixels of the after photo, median and 95th percentile of a pair, median over pairs. *Said* is
the map's own standard uncertainty of one axis (`Registration.spread`); errors over it would have an RMS of 1, and 95 %
of them would lie within 1.96.

{same}

By tone:

{tones}

Errors over what is said of them, by tone:

{said}

**Light that moves.** Shading moves with the lamp, and with it the look of every furrow, all in one direction: no patch
disagrees with its neighbours. What lies deep is dark in every light and follows the lamp less than the whole, what
shines follows it more. The map is shifted by what dark and bright parts lie off it, enlarged to where nothing would
follow (2.6 and -2 times, set on other phantoms). Without pores, with many, with cavities twice or half as dark, or
light that spreads more or less under the skin, dark parts lie 0.55 to 0.85 of the whole's error off: so much of the
shift is not known, and is said. Nothing is shifted unless the skin's blocks agree on it. A raised lamp shifts by less,
and less of that is told; 6 um are added for it. A lowered one can shift all that is seen by 30 um and leave dark and
bright parts where they are to one another. Its height shows in the direction of the shading: by how much the anisotropy
of that changed, up to 16 um are said at least.

**Not the same skin.** Photos of different skin that have something else in common, each as the pipeline masks it and
with the whole photo drawn as a region. The same skin mirrored (first line) has to be registered and said to be
mirrored; all else has to be refused.

{others}

**What moved light does to comparisons.** Unchanged skin at 25 px/mm under the baseline's lamp and under one that moved,
pose within 5 degrees, exposure within 0.3 EV: the share of measure x region that is called within error, by tone, and
the share refused. The smallest detectable changes were fitted on lamps moved by 20 degrees at most.

{lamps}

A lamp 20 degrees higher or lower is the farthest that the fit holds, and what fails there is no matter of place: the
lamp changes what is measured. Higher on skin that shines, pores look 4 to 27 % wider and coarse relief up to half as
strong again; on matt skin grey levels lie closer together. Lower, pores look longer, and grey levels lie further apart.
No sign was found that tells it from treatment. The direction of the shading (its anisotropy) changes by 0.01 to 0.18
under such a lamp and by 0.007 at most under the same one, but by as much where the lamp went round the skin, which
harms far less, and by 0.01 to 0.06 and up to 0.09 where relief or pores became 30 % smaller. The skewness of the
shading goes with the error of grey levels, and with relief that became 15 % smaller by as much. So pairs are not held
apart by it: neither refused, nor given a larger error, nor denied the same set-up that the user states. Stated so with
a lamp that was raised by 10 degrees, two of five numbers change: that word is to be given for a lamp that is fixed.

**Faces that smile.** Brow, forehead and nose carry a face of 1350 px; the cheeks of most people who smile do not. The
smile folds them, and at 3-4 px/mm they show little else. Starting from the face's landmarks finds no more patches that
agree, so nothing is carried there: ask for the same expression.
"""
