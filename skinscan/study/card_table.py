"""What the study of the colour card found, as the table that is shipped and as Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skinscan.study.card_accuracy import LAMPS, SETUPS, TONES

Rows = Sequence[Mapping[str, Any]]


def summary(rows: Rows) -> dict[str, Any]:
    """Errors of some photos: their number, the share refused, errors on skin, the plain matrix's, and how large they
    are against what was predicted (`z`: root mean square of error over predicted standard uncertainty)."""
    told = [row for row in rows if row["state"] == "card"]
    out: dict[str, Any] = {"photos": len(rows), "refused_share": round(1 - len(told) / max(len(rows), 1), 4)}
    if rows and all("gloss_told" in row for row in rows):
        out["gloss_told_share"] = round(float(np.mean([row["gloss_told"] for row in rows])), 4)
    if not told:
        return out
    columns = {
        "de00_mean": np.mean([row["de00"] for row in told]),
        "de00_p95": np.percentile([row["de00"] for row in told], 95),
        "predicted_de00_mean": np.mean([row["predicted_de00"] for row in told]),
        "plain_de00_mean": np.mean([row["plain_de00"] for row in told]),
        "residual_de00_max": np.max([row["residual_de00"] for row in told]),
    }
    for name in ("l", "a", "b", "ita"):
        columns[f"{name}_rms"] = _rms([row[f"d_{name}"] for row in told])
        columns[f"{name}_z"] = _rms([row[f"d_{name}"] / row[f"sd_{name}"] for row in told])
    columns["plain_a_rms"] = _rms([row["plain_a"] for row in told])
    columns["plain_ita_rms"] = _rms([row["plain_ita"] for row in told])
    return out | {name: round(float(value), 3) for name, value in columns.items()}


def _rms(values: Sequence[float]) -> float:
    return float(np.sqrt(np.nanmean(np.square(values))))


def collect(matte: Rows, glossy: Rows, changes: Rows) -> dict[str, Any]:
    """The content of datasets/study/card_accuracy.json."""
    return {
        "about": "Errors on skin after correction by a colour card, on phantom photos (JPEG, tone curve) by cameras "
        "and under lamps that the prior does not know; rms unless said otherwise",
        "cross_polarised": _split(matte),
        "glossy": _split(glossy),
        "changes": {
            setup: _changes([row for row in changes if row["setup"] == setup])
            | {tone: _changes([r for r in changes if r["setup"] == setup and r["tone"] == tone]) for tone in TONES}
            for setup in SETUPS
        },
    }


def _split(rows: Rows) -> dict[str, Any]:
    return {
        "all": summary(rows),
        "by_lamp": {lamp: summary([row for row in rows if row["lamp"] == lamp]) for lamp in LAMPS},
        "by_tone": {tone: summary([row for row in rows if row["tone"] == tone]) for tone in TONES},
    }


def _changes(rows: Rows) -> dict[str, Any]:
    told = [row for row in rows if row["state"] == "card, card"]
    if not told:
        return {"pairs": len(rows), "refused_share": 1.0}
    return {
        "pairs": len(rows),
        "refused_share": round(1 - len(told) / len(rows), 4),
        "change_of_a_rms": round(_rms([row["d_change"] for row in told]), 3),
        "z": round(_rms([row["d_change"] / row["sd_change"] for row in told]), 3),
        "taken_for_same_share": round(float(np.mean([row["same"] for row in told])), 3),
    }


def markdown(table: Mapping[str, Any]) -> str:
    """The tables for docs/results.md."""
    parts = []
    for name, title in (("cross_polarised", "Without gloss"), ("glossy", "With the skin's own gloss")):
        part = table[name]
        lines = [
            f"{title}: error on skin",
            "",
            "| | photos | refused | gloss told | dE00 mean | p95 | a* | ITA, degrees | z of a* | "
            "plain 3x3: dE00 | a* |",
            "|---|---|---|---|---|---|---|---|---|---|---|",
        ]
        rows = {"all": part["all"]} | part["by_lamp"] | {f"tone {tone}": row for tone, row in part["by_tone"].items()}
        for label, row in rows.items():
            told = f"{row['gloss_told_share']:.0%}" if "gloss_told_share" in row else ""
            if "de00_mean" not in row:
                lines.append(f"| {label} | {row['photos']} | {row['refused_share']:.0%} | {told} | | | | | | | |")
                continue
            lines.append(
                f"| {label} | {row['photos']} | {row['refused_share']:.0%} | {told} | {row['de00_mean']:.2f} | "
                f"{row['de00_p95']:.2f} | {row['a_rms']:.2f} | {row['ita_rms']:.1f} | {row['a_z']:.2f} | "
                f"{row['plain_de00_mean']:.1f} | {row['plain_a_rms']:.1f} |"
            )
        parts.append("\n".join(lines))
    lines = [
        "Change of a* of unchanged skin between two visits, rms",
        "",
        "| | pairs | refused | all tones | " + " | ".join(TONES) + " | rms of z |",
        "|---|---|---|---|" + "---|" * (len(TONES) + 1),
    ]
    for setup, row in table["changes"].items():
        tones = " | ".join(f"{row[tone].get('change_of_a_rms', float('nan')):.2f}" for tone in TONES)
        lines.append(
            f"| {setup} | {row['pairs']} | {row['refused_share']:.0%} | {row['change_of_a_rms']:.2f} | {tones} | "
            f"{row['z']:.2f} |"
        )
    return "\n\n".join([*parts, "\n".join(lines)]) + "\n"


def write(path: Path, matte: Rows, glossy: Rows, changes: Rows) -> dict[str, Any]:
    table = collect(matte, glossy, changes)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(table, indent=1) + "\n")
    return table
