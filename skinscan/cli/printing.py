"""What a command prints: for people, or one JSON object."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from skinscan.guidance.guiding import Guided
    from skinscan.records import Change, Comparison, SkinscanError

NOT_MEANT = "not_applicable"
"""The flag of measures that are meant for another part of the body or another light: no line is lost on them."""


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def error_entry(photo: Path, error: Any) -> dict[str, Any]:
    from skinscan.records import SCHEMA

    return {"schema": SCHEMA, "photo": {"name": photo.name}, "error": error_parts(error)}


def error_parts(error: SkinscanError) -> dict[str, str]:
    return {
        "message": str(error),
        "what": error.what,
        "expected": error.expected,
        "found": error.found,
        "todo": error.todo,
    }


def print_assessment(entry: Mapping[str, Any]) -> None:
    click.secho(entry["photo"]["name"], bold=True)
    if "error" in entry:
        click.echo(f"skinscan: {entry['error']['message']}", err=True)
        if "frame" not in entry:
            return
    frame = entry["frame"]
    scale = f"{frame['mm_per_px']:.5f} mm/px ({frame['scale_source']})" if frame["mm_per_px"] else "no scale"
    click.echo(f"  quality {frame['quality']['verdict']}, {scale}, colour {frame['colour_state']}")
    for notice in frame["notices"]:
        click.echo(f"  ! {notice}")
    refused: dict[str, list[str]] = {}
    for m in entry["measurements"]:
        if m["value"] is None and NOT_MEANT in m["flags"]:
            continue
        if m["value"] is None:
            refused.setdefault(m["reason"], []).append(f"{m['measure']} ({m['region']})")
            continue
        spread = f"+- {m['spread']:.2g}" if m["spread"] is not None else ""
        click.echo(f"  {m['measure']:<36} {m['region']:<12} {m['value']:>10.4g} {spread:<10} {m['unit']}")
    print_refused(refused)


def print_comparison(comparison: Comparison) -> None:
    for notice in comparison.notices:
        click.echo(f"! {notice.text}")
    if not comparison.comparable:
        click.echo("The two photos cannot be compared:", err=True)
        for reason in comparison.reasons:
            click.echo(f"  {reason}", err=True)
        return
    refused: dict[str, list[str]] = {}
    for c in comparison.changes:
        if NOT_MEANT in c.flags:
            continue
        if c.verdict == "not_comparable":
            refused.setdefault(c.reason, []).append(f"{c.measure} ({c.region})")
            continue
        values = "" if math.isnan(c.before) else f"{c.before:.4g} -> {c.after:.4g}"
        click.echo(
            f"{c.measure:<36} {c.region:<10} {values:<22} {c.change:>+10.3g} (SDC {c.sdc:.2g}) {c.unit:<18} {c.verdict}"
        )
    print_refused(refused)
    click.echo("within_error does not show that nothing changed.")


def print_guided(guided: Guided) -> None:
    if guided.burst is not None:
        for sentence in guided.burst.sentences:
            click.echo(sentence)
    guidance = guided.guidance
    if guidance is None:
        return
    click.secho(guidance.photo, bold=True)
    for sentence in guidance.sentences:
        click.echo(f"  {sentence}")
    for outlook in guidance.outlooks:
        click.echo(f"  {outlook.verdict:<7} {outlook.family:<10} {outlook.region:<12} {outlook.why}")
    regions: dict[str, list[str]] = {}
    for advice in guidance.advice:
        regions.setdefault(advice.text, []).append(advice.region)
    for text, names in regions.items():
        click.echo(f"  ! {text}" if "skin" in names else f"  ! {', '.join(names)}: {text}")
    for move in guidance.aim.moves if guidance.aim else ():
        click.echo(f"  > {move}")


def print_refused(refused: Mapping[str, Sequence[str]]) -> None:
    for reason, names in refused.items():
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        click.echo(f"  not measured: {reason} [{shown}]")


def headlines(changes: Sequence[Change], count: int) -> list[str]:
    """The changes that matter most, at most one a family of measures: largest against their SDC."""
    from skinscan.measures import all_measures

    real = [c for c in changes if c.verdict in ("improved", "worsened")]
    real += [c for c in changes if c.verdict == "changed"]
    real.sort(key=lambda c: (c.verdict == "changed", -abs(c.change) / c.sdc))
    lines: list[str] = []
    families: set[str] = set()
    for c in [*real]:
        family = c.measure.split(".")[0]
        if family in families or len(lines) == count:
            continue
        families.add(family)
        title = all_measures()[c.measure].title
        if math.isnan(c.before):  # told between two photos alone
            values, held = f"{c.change:+.2g}", f"(smallest detectable change {c.sdc:.2g})"
        else:
            values = f"{c.before:.3g} -> {c.after:.3g}"
            held = f"({c.change:+.2g}; smallest detectable change {c.sdc:.2g})"
        lines.append(f"{title}, {c.region}: {values} {c.unit} {held}: {c.verdict}")
    return lines or ["No change is larger than measurement error; this does not show that nothing changed."]
