"""The tables of README.md and docs/results.md, from the rows of `validation`."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from skinscan import accuracy
from skinscan.arrays.statistics import COVERAGE_95
from skinscan.records import SKIN
from skinscan.study.pairs import TONES
from skinscan.study.tables import put_table
from skinscan.study.validation import POWERED, SITUATIONS

Row = Mapping[str, Any]


def _group(rows: Iterable[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in names)].append(row)
    return dict(groups)


def _mean(rows: Sequence[Row], name: str) -> float:
    values = [row[name] for row in rows if name in row and math.isfinite(row[name])]
    return float(np.mean(values)) if values else math.nan


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _number(value: float, form: str) -> str:
    return "refused" if math.isnan(value) else format(value, form)


def pore_table(rows: Sequence[Row]) -> str:
    """Pore F1, sizes and places by um/px, blur and tone."""
    head = ["um/px", "blur px", "tone", "true pores", "F1", "strict F1", "diameter bias", "diameter MAE", "position um",
            "refused"]  # fmt: skip
    out = []
    for (um, blur, tone), group in sorted(_group(rows, "um_per_px", "blur_px", "tone").items()):
        out.append([
            f"{um:.0f}", f"{blur:g}", tone, f"{np.nansum([r.get('true', 0) for r in group]):.0f}",
            _number(_mean(group, "f1"), ".3f"), _number(_mean(group, "strict_f1"), ".3f"),
            _number(_mean(group, "diameter_bias"), "+.1%"), _number(_mean(group, "diameter_mae"), ".1%"),
            _number(_mean(group, "position_um"), ".0f"), f"{np.mean([r['refused'] for r in group]):.0%}",
        ])  # fmt: skip
    return _table(head, out)


def interval_table(rows: Sequence[Row]) -> str:
    """Share of stated 95 % intervals (value +- 1.96 spread) of pore numbers that hold the truth, by tone."""
    out = []
    for (measure,), group in _group(rows, "measure").items():
        shares = []
        for tone in (*TONES, "all"):
            held = [_holds(measure, r) for r in group if tone in (r["tone"], "all")]
            shares.append(f"{np.mean(held):.0%}" if held else "refused")
        out.append([measure, str(len(group)), *shares])
    return _table(["measure", "photos x regions", *TONES, "all"], out)


def _holds(measure: str, row: Row) -> bool:
    sd = accuracy.of_pores(measure, row["ita_degree"], row["um_per_px"], row["count"])
    return sd is not None and abs(row["error"]) <= COVERAGE_95 * sd


def colour_table(singles: Sequence[Row], mixed: Sequence[Row]) -> str:
    """a* error of a rightly balanced photo, and how the pigments answer, by tone."""
    head = ["tone", "a* error (bias, SD)", "haemoglobin to +25 % blood", "melanin to it, share of that",
            "melanin to +25 % melanin", "haemoglobin to it, share of that"]  # fmt: skip
    out = []
    for tone in TONES:
        errors = [r["a_star_error"] for r in singles if r["tone"] == tone and r["blur_px"] < 1]
        group = [r for r in mixed if r["tone"] == tone]
        blood, melanin = _mean(group, "blood_on_haemoglobin"), _mean(group, "melanin_on_melanin")
        out.append([
            tone, f"{np.mean(errors):+.2f}, {np.std(errors):.2f}", f"{blood:+.4f}",
            f"{_mean(group, 'blood_on_melanin') / blood:+.0%}", f"{melanin:+.4f}",
            f"{_mean(group, 'melanin_on_haemoglobin') / melanin:+.0%}",
        ])  # fmt: skip
    return _table(head, out)


def placebo_table(rows: Sequence[Row]) -> str:
    """Share of measure x region called within error when nothing changed, and the share refused, by tone."""
    head = ["set-up", "tone", "pairs", "not comparable at all", "measure x region refused", "judged", "within error"]
    out = []
    for situation, tone in product(SITUATIONS, (*TONES, "all")):
        group = [r for r in rows if tone in (r["tone"], "all") and r["situation"] == situation]
        pairs = {r["seed"]: r["comparable"] for r in group}
        open_ = [r for r in group if r["comparable"]]
        judged = [r for r in open_ if r["verdict"] != "not_comparable"]
        within = np.mean([r["verdict"] == "within_error" for r in judged]) if judged else math.nan
        refused = 1 - len(judged) / max(len(open_), 1)
        out.append([
            situation, tone, str(len(pairs)), f"{np.mean([not c for c in pairs.values()]):.0%}", f"{refused:.0%}",
            str(len(judged)), _number(float(within), ".1%"),
        ])  # fmt: skip
    return _table(head, out)


def placebo_by_measure(rows: Sequence[Row]) -> str:
    """The same by measure, region `skin`."""
    out = []
    shown = [r for r in rows if r["region"] == SKIN and r["situation"] == "another"]
    for (measure,), group in _group(shown, "measure").items():
        judged = [r for r in group if r["verdict"] != "not_comparable"]
        within = np.mean([r["verdict"] == "within_error" for r in judged]) if judged else math.nan
        sdc = np.median([r["sdc"] for r in judged]) if judged else math.nan
        typical = np.median([r["before"] for r in judged]) if judged else math.nan
        out.append([
            measure, str(len(judged)), f"{1 - len(judged) / len(group):.0%}", _number(float(within), ".1%"),
            _number(float(sdc), ".3g"), "" if math.isnan(float(typical)) else f"{float(typical):.3g}",
        ])  # fmt: skip
    return _table(["measure", "judged", "refused", "within error", "median SDC", "median value"], out)


CALLED_BY: Mapping[str, tuple[str, Callable[[Row], bool]]] = {
    "pores -10 %": ("pores.matched_diameter_change", lambda r: r["change"] < 0),
    "blood +25 %": ("redness.haemoglobin", lambda r: r["change"] > 0),
    "roughness -15 %": ("texture.roughness_250_500um", lambda r: r["change"] < 0),
}


def power_table(rows: Sequence[Row]) -> str:
    """Share of treated pairs in which the change was called, in the right direction, by tone."""
    out = []
    for treatment, situation in POWERED:
        measure, right = CALLED_BY[treatment]
        shown = [r for r in rows if r["treatment"] == treatment and r["situation"] == situation]
        for tone in TONES:
            group = [r for r in shown if r["measure"] == measure and r["tone"] == tone and r["region"] == SKIN]
            judged = [r for r in group if r["verdict"] != "not_comparable"]
            called = np.mean([r["verdict"] != "within_error" and right(r) for r in judged]) if judged else math.nan
            change_ = np.median([r["change"] for r in judged]) if judged else math.nan
            sdc = np.median([r["sdc"] for r in judged]) if judged else math.nan
            out.append([
                treatment, situation, measure, tone, f"{len(judged)} of {len(group)}", _number(float(change_), "+.3g"),
                _number(float(sdc), ".3g"), _number(float(called), ".0%"),
            ])  # fmt: skip
    return _table(["truth", "set-up", "measure", "tone", "judged", "median change", "median SDC", "called"], out)


README_TABLES = ("pores", "placebo", "power")
"""The tables that stand in README.md as well, each between two marker comments."""


def publish(
    root: Path,
    singles: Sequence[Row],
    intervals: Sequence[Row],
    mixed: Sequence[Row],
    placebo: Sequence[Row],
    power: Sequence[Row],
) -> None:
    """Write docs/results.md and put the tables of README.md in their places."""
    tables = {
        "pores": pore_table(singles),
        "intervals": interval_table(intervals),
        "colour": colour_table(singles, mixed),
        "placebo": placebo_table(placebo),
        "placebo_by_measure": placebo_by_measure(placebo),
        "power": power_table(power),
    }
    template = (root / "docs" / "results.template.md").read_text(encoding="utf-8")
    for name, table in tables.items():
        template = template.replace(f"{{{name}}}", table)
    (root / "docs" / "results.md").write_text(template, encoding="utf-8")
    for name in README_TABLES:
        put_table(root / "README.md", name, tables[name])
