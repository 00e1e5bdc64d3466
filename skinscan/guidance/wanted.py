"""Which measures somebody wants, by name or by family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from skinscan.arrays.cells import cells_of
from skinscan.measures import Measure, all_measures
from skinscan.measures.maps import Maps
from skinscan.records import Flag, Notice, ParameterError
from skinscan.report.words import PROMINENT


def wanted_measures(wanted: Sequence[str] | None) -> Mapping[str, Measure]:
    """The measures of the families or names `wanted`, all of them for None, in their own order.

    Raises ParameterError for a name that is neither a family nor a measure.
    """
    known = all_measures()
    if wanted is None:
        return known
    families = tuple(dict.fromkeys(measure.family for measure in known.values()))
    for name in wanted:
        if name not in families and name not in known:
            raise ParameterError(
                f"'{name}' is neither a family of measures nor a measure",
                expected=", ".join(families) + ", or a name that `skinscan measures` lists",
                found=name,
            )
    if not wanted:
        raise ParameterError("no measure is wanted", expected=", ".join(families), found="an empty list")
    return {name: m for name, m in known.items() if name in wanted or m.family in wanted}


def told_first(measures: Mapping[str, Measure], wanted: Sequence[str] | None) -> Mapping[str, Measure]:
    """Those of them that a report shows first, and those that were asked for by their own name."""
    named = set(wanted or ())
    return {name: m for name, m in measures.items() if name in PROMINENT or name in named}


def suited(maps: Maps, measures: Mapping[str, Measure], asked: bool = False) -> Mapping[str, Mapping[str, Measure]]:
    """Of each region the measures that are meant for it, by its site and light: hair on a scalp, dimples under raking
    light. One that is meant for no region is told of all of them where it was asked for, and else of none."""
    regions = {name: cells_of(mask[maps.box], 1) for name, mask in maps.frame.regions.items()}
    elsewhere = {
        region: {n for n, m in measures.items() if m.gate is not None and _not_meant(m.gate(maps, cells))}
        for region, cells in regions.items()
    }
    nowhere = set(measures) if regions else set()
    nowhere = nowhere.intersection(*elsewhere.values())
    return {
        region: {n: m for n, m in measures.items() if n not in absent or (asked and n in nowhere)}
        for region, absent in elsewhere.items()
    }


def _not_meant(refusal: Notice | None) -> bool:
    return refusal is not None and refusal.flag == Flag.NOT_APPLICABLE


def united(by_region: Mapping[str, Mapping[str, Measure]], measures: Mapping[str, Measure]) -> Mapping[str, Measure]:
    """The measures that are meant for any region, in their own order."""
    return {n: m for n, m in measures.items() if any(n in some for some in by_region.values())}


def families_of(measures: Mapping[str, Measure]) -> tuple[str, ...]:
    """Their families, in their own order."""
    return tuple(dict.fromkeys(measure.family for measure in measures.values()))
