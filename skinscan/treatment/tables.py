"""The tables of this folder, read and checked; a clinic's own rows laid over them."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from skinscan.records import SkinscanError
from skinscan.treatment import rows

Cells = dict[str | None, Any]
"""A row's cells by column; under None those beyond the last column."""


class TreatmentError(SkinscanError):
    """A table of treatment data, or a clinic's changes to it, cannot be meant."""


KINDS: Mapping[str, tuple[type, tuple[str, ...]]] = {
    "sources": (rows.Source, ("source",)),
    "devices": (rows.Device, ("device",)),
    "depths": (rows.Depth, ("area",)),
    "indications": (rows.Indication, ("indication",)),
    "protocols": (rows.Protocol, ("protocol",)),
    "clock": (rows.Window, ("window",)),
    "judging": (rows.Judging, ("family",)),
    "outcomes": (rows.Outcome, ("study",)),
    "screening": (rows.Prompt, ("prompt",)),
    "aftercare": (rows.Care, ("step",)),
    "scales": (rows.ClinicianScale, ("scale",)),
    "flags": (rows.FlagRule, ("flag", "level")),
    "sites": (rows.SiteFact, ("site", "aspect", "value")),
}
"""Each table: the kind of its rows, and the columns that name one."""


@dataclass(frozen=True)
class Treatment:
    """All that is known of a course of microneedling, each line with its source."""

    sources: tuple[rows.Source, ...]
    devices: tuple[rows.Device, ...]
    depths: tuple[rows.Depth, ...]
    indications: tuple[rows.Indication, ...]
    protocols: tuple[rows.Protocol, ...]
    clock: tuple[rows.Window, ...]
    judging: tuple[rows.Judging, ...]
    outcomes: tuple[rows.Outcome, ...]
    screening: tuple[rows.Prompt, ...]
    aftercare: tuple[rows.Care, ...]
    scales: tuple[rows.ClinicianScale, ...]
    flags: tuple[rows.FlagRule, ...]
    sites: tuple[rows.SiteFact, ...]


def load(override: Path | None = None) -> Treatment:
    """The shipped tables, with the rows of a clinic's TOML file in place of those of the same name.

    In the file `[[protocols]]` (or the name of another table) begins a row; columns that it leaves out keep what the
    shipped row says; `remove = true` takes the shipped row away. Every row names its source: one of the shipped ones,
    or one that the file adds under `[[sources]]`. Raises TreatmentError naming file, row and column.
    """
    plain = {name: _read(name) for name in KINDS}
    places = {name: [f"{name}.csv, line {n + 2}" for n in range(len(table))] for name, table in plain.items()}
    if override is not None:
        _lay_over(plain, places, override)
    built = {
        name: tuple(_row(KINDS[name][0], row, place) for row, place in zip(plain[name], places[name], strict=True))
        for name in KINDS
    }
    treatment = Treatment(**built)
    _check(treatment, places)
    return treatment


def _read(name: str) -> list[Cells]:
    with (Path(__file__).parent / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _lay_over(plain: dict[str, list[Cells]], places: dict[str, list[str]], path: Path) -> None:
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TreatmentError(
            f"The clinic's file {path.name} cannot be read", found=str(error), todo="it is a TOML text file"
        ) from None
    for name, table in told.items():
        if name not in KINDS:
            raise TreatmentError(f"{path.name}: there is no table {name!r}", expected=", ".join(KINDS))
        if not isinstance(table, list):
            raise TreatmentError(f"{path.name}: {name} is no list of rows", expected=f"[[{name}]] before each row")
        for number, row in enumerate(table, 1):
            _lay_row(plain[name], places[name], name, row, f"{path.name}, {name} row {number}")


def _lay_row(table: list[Cells], places: list[str], name: str, row: Mapping[str, Any], place: str) -> None:
    keys = KINDS[name][1]
    missing = [key for key in keys if key not in row]
    if missing:
        raise TreatmentError(f"{place}: the row has no {missing[0]}", expected=" and ".join(keys))
    at = next((n for n, old in enumerate(table) if all(old[key] == row[key] for key in keys)), None)
    cells: Cells = {name: value for name, value in row.items()}  # noqa: C416
    if cells.pop("remove", False):
        if at is None:
            raise TreatmentError(f"{place}: there is no row {row[keys[0]]!r} to remove")
        del table[at], places[at]
    elif at is None:
        table.append(cells)
        places.append(place)
    else:
        table[at] = table[at] | cells
        places[at] = place


def _row(kind: type, told: Mapping[str | None, Any], place: str) -> Any:
    """A row of a table as its type; columns may only be left out where an empty one means something."""
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    if None in told:
        raise TreatmentError(f"{place}: more cells than columns", todo='put texts that hold commas in "quotes"')
    unknown = [str(name) for name in told if name not in names]
    if unknown:
        raise TreatmentError(f"{place}: no column is named {unknown[0]!r}", expected=", ".join(names))
    return kind(**{name: _cell(told.get(name), hints[name], f"{place}, {name}") for name in names})


def _cell(told: Any, kind: Any, place: str) -> Any:
    """A cell as what its column holds: text, a number (or none), a choice, or words."""
    if get_origin(kind) is tuple:
        items = told if isinstance(told, list) else str(told or "").split(";")
        return tuple(str(item).strip() for item in items if str(item).strip())
    if get_origin(kind) is Literal:
        return _choice(told, get_args(kind), place)
    if kind is str:
        return str(told or "").strip()
    optional = type(None) in get_args(kind)
    number = next((one for one in (int, float) if one is kind or one in get_args(kind)), float)
    if told in (None, ""):
        if optional:
            return None
        raise TreatmentError(f"{place} is empty", expected="a number")
    try:
        return number(told)
    except (TypeError, ValueError):
        raise TreatmentError(f"{place} is no number", expected=number.__name__, found=repr(told)) from None


def _choice(told: Any, choices: Sequence[str], place: str) -> str:
    if told not in choices:
        raise TreatmentError(f"{place} is none of its choices", expected=", ".join(choices), found=repr(told))
    return str(told)


def _check(treatment: Treatment, places: Mapping[str, Sequence[str]]) -> None:
    """What no single cell tells: each row names its sources, rows that are named exist, ranges run upward."""
    known = {row.source for row in treatment.sources}
    indications = {row.indication for row in treatment.indications}
    for name in KINDS:
        seen: set[tuple[str, ...]] = set()
        for row, place in zip(getattr(treatment, name), places[name], strict=True):
            key = tuple(getattr(row, column) for column in KINDS[name][1])
            if not all(key) or key in seen:
                raise TreatmentError(f"{place}: the row's name is {'empty' if not all(key) else 'taken'}: {key}")
            seen.add(key)
            if name != "sources":
                _check_sources(row.source, known, place)
            for low, high in _ranges(row):
                if getattr(row, low) > getattr(row, high):
                    raise TreatmentError(f"{place}: {low} is above {high}")
            named = _indication_named(name, row)
            if named and named not in indications:
                raise TreatmentError(f"{place}: there is no indication {named!r}")
    scales = {row.scale for row in treatment.scales}
    for indication, place in zip(treatment.indications, places["indications"], strict=True):
        unknown = [scale for scale in indication.scales if scale not in scales]
        if unknown:
            raise TreatmentError(f"{place}: there is no scale {unknown[0]!r}", expected=", ".join(sorted(scales)))


def _indication_named(name: str, row: Any) -> str:
    """The indication that a row of another table speaks of, if any."""
    if name in ("protocols", "outcomes"):
        return str(row.indication)
    return row.value if name == "sites" and row.aspect == "indication" else ""


def _check_sources(told: Iterable[str], known: set[str], place: str) -> None:
    missing = [source for source in told if source not in known]
    if missing or not told:
        raise TreatmentError(
            f"{place}: a figure without its source",
            expected="names from sources.csv, or a row under [[sources]]",
            found=repr(missing[0]) if missing else "none",
        )


def _ranges(row: Any) -> list[tuple[str, str]]:
    """Pairs of columns, both filled, of which the first may not be above the second."""
    pairs = (
        ("depth_min_mm", "depth_max_mm"), ("sessions_min", "sessions_max"), ("spacing_min_days", "spacing_max_days"),
        ("from_day", "to_day"), ("hidden_until_day", "early_until_day"), ("lowest", "highest"),
    )  # fmt: skip
    return [pair for pair in pairs if all(getattr(row, name, None) is not None for name in pair)]
