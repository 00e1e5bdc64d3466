"""Reports: a page that needs no network, its pictures, the numbers as CSV. Draws; measures nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from skinscan.records import Assessment, Comparison, ParameterError
from skinscan.report import folder as _folder
from skinscan.report import maps, page, pictures, tables
from skinscan.report.warping import aligned

__all__ = ["PAGE", "aligned", "assessment_html", "overlays", "write_assessment", "write_comparison"]

PAGE = "report.html"


def write_assessment(assessments: Sequence[Assessment], folder: Path) -> Path:
    """Write the report of one or several photos into `folder`; returns the path of its `report.html`.

    Beside it: `measurements.csv`, `pores.csv` where pores were looked for, and a PNG for each map. Raises
    ParameterError where there is nothing to report or `folder` cannot be used (see `folder.write_files`).
    """
    if not assessments:
        raise ParameterError("there is nothing to report", expected="at least one assessment", found="none")
    roles = _roles(assessments)
    files = {
        PAGE: _bytes(page.assessment_page(roles)),
        **_tables(roles),
        **_pictures(roles, maps.layers(roles)),
    }
    _folder.write_files(Path(folder), files)
    return Path(folder) / PAGE


def assessment_html(assessments: Sequence[Assessment]) -> str:
    """The page of `write_assessment` alone."""
    return page.assessment_page(_roles(assessments))


def _roles(assessments: Sequence[Assessment]) -> dict[str, Assessment]:
    single = len(assessments) == 1
    return {"photo" if single else f"photo{i}": a for i, a in enumerate(assessments, start=1)}


def write_comparison(comparison: Comparison, folder: Path) -> Path:
    """Write the report of two photos into `folder`; returns the path of its `report.html`.

    Beside it: `changes.csv`, `measurements.csv`, `pores.csv` where pores were looked for, and a PNG for each
    map of each photo. Raises ParameterError where `folder` cannot be used (see `folder.write_files`).
    """
    roles = {"before": comparison.before, "after": comparison.after}
    files = {
        PAGE: _bytes(page.comparison_page(comparison)),
        "changes.csv": _bytes(tables.changes_csv(comparison.changes)),
        **_tables(roles),
        **_pictures(roles, maps.compared_layers(comparison)),
    }
    _folder.write_files(Path(folder), files)
    return Path(folder) / PAGE


def _tables(roles: Mapping[str, Assessment]) -> dict[str, bytes]:
    files = {"measurements.csv": _bytes(tables.measurements_csv(roles))}
    if any(a.pores is not None for a in roles.values()):
        files["pores.csv"] = _bytes(tables.pores_csv(roles))
    return files


def overlays(assessments: Mapping[str, Assessment]) -> dict[str, dict[str, str]]:
    """Title -> role -> name of its picture among the files of the report. `assessments`: by role."""
    names = {layer.title: {r: f"{r}_{layer.key}.png" for r in layer.evidence} for layer in maps.layers(assessments)}
    rings = {role: f"{role}_pores.png" for role, a in assessments.items() if page.circles(a) is not None}
    return {**({"Pores": rings} if rings else {}), **names}


def _pictures(roles: Mapping[str, Assessment], layers: Sequence[maps.Layer]) -> dict[str, bytes]:
    files = {}
    photos = {role: a.frame.photo for role, a in roles.items()}
    base = {role: pictures.shown(photo, pictures.MAP_SIDE) for role, photo in photos.items()}
    for layer in layers:
        for role in layer.evidence:
            over = maps.overlay(layer, role, base[role], photos[role].shape)
            files[f"{role}_{layer.key}.png"] = pictures.png(maps.captioned(over, layer))
    for role, assessment in roles.items():
        rings = maps.pores_over(assessment)
        if rings is not None:
            files[f"{role}_pores.png"] = pictures.png(rings)
    return files


def _bytes(text: str) -> bytes:
    """UTF-8; a file name that is none (possible on Linux) keeps its odd bytes as `\\udcxx`."""
    return text.encode("utf-8", "backslashreplace")
