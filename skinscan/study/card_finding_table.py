"""What `card_finding` found, as the tables of docs/scale.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from skinscan.study.tables import put_table

Row = dict[str, Any]
Group = Callable[[Row], str]

BELIEF = (-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3)
"""Edges of the histogram of what agreement was above the least."""

SHADES = (
    ("0.3 to 0.45", 0.3, 0.45), ("0.45 to 0.6", 0.45, 0.6), ("0.6 to 0.7", 0.6, 0.7), ("0.7 to 0.8", 0.7, 0.81),
    ("all of these", 0.3, 0.81), ("no shadow", 0.99, 1.1),
)  # fmt: skip
"""Names of the depths of shadows, and between what shares of the light they lie."""


def _band(value: float, edges: tuple[float, ...]) -> str:
    """The band of a value as words that sort in order."""
    place = sum(value >= edge for edge in edges)
    if place == 0:
        return f"under {edges[0]:g}"
    return f"{edges[place - 1]:g} and more" if place == len(edges) else f"{edges[place - 1]:g} to {edges[place]:g}"


GROUPS: tuple[tuple[str, Group], ...] = (
    ("all", lambda r: ""),
    ("tilt, degrees", lambda r: _band(r["tilt"], (0, 10, 20))),
    ("hidden, of 24", lambda r: "none" if r["hidden"] == 0 else _band(24 * r["hidden"], (1, 4, 7))),
    ("covered by", lambda r: r["cover"]),
    ("turn, degrees", lambda r: _band(r["turn"], (0, 90, 180, 270))),
    ("mirrored", lambda r: "yes" if r["mirrored"] else "no"),
    ("width, px", lambda r: _band(r["width_px"], (0, 150, 250, 500))),
    ("light in shadow", lambda r: "no shadow" if r["shade"] == 1 else _band(r["shade"], (0.3, 0.45, 0.6, 0.7))),
    ("shine", lambda r: "yes" if r["glare"] else "no"),
    ("lamp", lambda r: r["lamp"]),
    ("white balance", lambda r: "right" if r["balanced"] else "of daylight"),
)


def found_table(cards: list[Row]) -> str:
    """Markdown: cards found and reported wrongly, by circumstance."""
    lines = ["| | | cards | found | wrong place or turn |", "|---|---|---|---|---|"]
    for name, of in GROUPS:
        for group in sorted({of(r) for r in cards}, key=_by_number):
            rows = [r for r in cards if of(r) == group]
            found, wrong = sum(r["found"] for r in rows), sum(r["seen"] and not r["found"] for r in rows)
            lines.append(f"| {name} | {group} | {len(rows)} | {100 * found / len(rows):.1f} % | {wrong} |")
    return "\n".join(lines)


def _by_number(text: str) -> tuple[float, str]:
    start = text.split(" ")[0]
    return (float(start) if start.replace(".", "", 1).isdigit() else -1.0, text)


def shade_table(cards: list[Row]) -> str:
    """Markdown: patches in a shadow and beside it that were told to be in it; how uneven the usable ones' light
    is, and which patches were taken as usable."""
    lines = [
        "| light in the shadow | cards with both | patches in it told | lit ones told so | cards "
        "| light of usable patches uneven by | lit ones usable | covered ones taken as usable |",
        "|---|---|---|---|---|---|---|---|",
    ]
    found = [r for r in cards if r["found"]]
    for name, low, high in SHADES:
        rows = [r for r in found if low <= r["shade"] < high]
        both = rows if low > 0.9 else [r for r in rows if r["dark"] >= 2 and r["lit"] >= 2]
        told = _share(both, "dark_told", "dark") if low < 0.9 else ""
        uneven = 100 * np.sqrt(np.nanmean([r["uneven"] ** 2 for r in rows])) if rows else np.nan
        usable, covered = (_share(rows, f"{what}_used", f"{what}_all") for what in ("clean", "hidden"))
        lines.append(
            f"| {name} | {len(both)} | {told} | {_share(both, 'lit_told', 'lit')} | {len(rows)} | {uneven:.1f} % "
            f"| {usable} | {covered} |"
        )
    return "\n".join(lines)


def _share(rows: list[Row], part: str, whole: str) -> str:
    return f"{100 * sum(r[part] for r in rows) / max(sum(r[whole] for r in rows), 1):.1f} %"


def belief_table(sets: dict[str, list[Row]]) -> str:
    """Markdown: how many pictures of each set have their best arrangement so far above or below the least agreement."""
    bands = [f"under {BELIEF[0]:g}", *(f"to {edge:g}" for edge in BELIEF[1:]), f"over {BELIEF[-1]:g}"]
    lines = ["| agreement above the least | nothing like it | " + " | ".join(bands) + " | reported |"]
    lines.append("|---" * (len(bands) + 3) + "|")
    for name, rows in sets.items():
        beliefs = np.array([r["belief"] for r in rows], float)
        known = beliefs[np.isfinite(beliefs)]
        counts = np.bincount(np.searchsorted(BELIEF, known), minlength=len(bands))
        cells = " | ".join(str(n) for n in (len(beliefs) - len(known), *counts, sum(r["seen"] for r in rows)))
        lines.append(f"| {name} ({len(rows)}) | {cells} |")
    return "\n".join(lines)


def summary(cards: list[Row]) -> str:
    """Errors of place and scale, as markdown."""
    found = [r for r in cards if r["found"]]
    place, scale = (np.array([abs(r[key]) for r in found]) for key in ("off_px", "scale_off"))
    lines = ["| of the cards found | median | 95 % |", "|---|---|---|"]
    lines.append(f"| worst patch off by, px | {np.median(place):.2f} | {np.quantile(place, 0.95):.2f} |")
    lines.append(
        f"| scale at its centre off by | {100 * np.median(scale):.3f} % | {100 * np.quantile(scale, 0.95):.3f} % |"
    )
    return "\n".join(lines)


def publish(root: Path, cards: list[Row], sets: dict[str, list[Row]]) -> None:
    """Put the tables into docs/scale.md."""
    page = root / "docs" / "scale.md"
    put_table(page, "cards", found_table(cards))
    put_table(page, "cardplaces", summary(cards))
    put_table(page, "cardshade", shade_table(cards))
    put_table(page, "cardbelief", belief_table({"colour cards": cards, **sets}))
