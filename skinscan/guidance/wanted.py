"""Which measures somebody wants, by name or by family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from skinscan.measures import Measure, all_measures
from skinscan.records import ParameterError
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


def families_of(measures: Mapping[str, Measure]) -> tuple[str, ...]:
    """Their families, in their own order."""
    return tuple(dict.fromkeys(measure.family for measure in measures.values()))
