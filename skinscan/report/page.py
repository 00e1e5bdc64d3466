"""The page itself: one file with everything in it, which asks nothing of any network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from skinscan.records import SKIN, Assessment, Comparison
from skinscan.report import headline, maps, method, pictures, rows, warping
from skinscan.report.maps import Layer
from skinscan.report.numbers import number, unit_text
from skinscan.report.warping import Points
from skinscan.report.words import listing, readable, title, visible

TEMPLATES = Path(__file__).resolve().parent / "templates"
STYLES = ("report.css", "drawings.css", "print.css")
_MAP_SIDES = (1000, 850, 700, 550, 400)
_MAP_BYTES = 6_500_000


@dataclass(frozen=True, slots=True)
class Shot:
    """One photo as the page shows it. `pores`: (x, y, radius) in pixels of the upright photo."""

    role: str
    label: str
    name: str
    uri: str
    width: int
    height: int
    pores: tuple[tuple[float, float, float], ...] | None
    polygons: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MapPicture:
    """One coloured map of one photo: its place in pixels of the upright photo."""

    uri: str
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class MapView:
    """One map of all photos, with its range as text."""

    key: str
    title: str
    what: str
    caution: str
    unit: str
    low: str
    high: str
    pictures: Mapping[str, MapPicture]


def comparison_page(comparison: Comparison) -> str:
    """The HTML of a comparison."""
    both = {"before": comparison.before, "after": comparison.after}
    pair = warping.aligned(comparison)
    after = _photo_uri(pictures.shown(comparison.after.frame.photo))
    shots = [
        shot("before", "Before", comparison.before, _photo_uri(pair[0])),
        shot("after", "After", comparison.after, after, warping.carried_polygons(comparison)),
    ]
    changes = rows.change_rows(comparison.changes)
    return render(
        "comparison.html",
        head=headline.of_comparison(comparison),
        shots=shots,
        maps=map_views(maps.compared_layers(comparison)),
        bar=pictures.data_uri(maps.bar_png(), "png"),
        warped=_photo_uri(pair[1]),
        registered=bool(comparison.registration and comparison.registration.ok),
        families=rows.families(changes),
        glance=[row for family in rows.families(changes) for row in family.first if row.strip],
        values=_values(shots, both),
        registration=method.of_registration(comparison.registration),
        sources=method.sdc_sources(comparison.changes),
        facts=[(shot.label, method.of_frame(both[shot.role].frame)) for shot in shots],
        versions=method.versions(both.values()),
    )


def assessment_page(assessments: Mapping[str, Assessment]) -> str:
    """The HTML of photos assessed each for itself. `assessments`: role -> Assessment."""
    shots = [
        shot(role, label(i, len(assessments)), a, _photo_uri(pictures.shown(a.frame.photo)))
        for i, (role, a) in enumerate(assessments.items())
    ]
    return render(
        "assessment.html",
        head=headline.of_assessments({shot.label: assessments[shot.role] for shot in shots}),
        shots=shots,
        maps=map_views(maps.layers(assessments)),
        bar=pictures.data_uri(maps.bar_png(), "png"),
        values=_values(shots, assessments),
        facts=[(shot.label, method.of_frame(assessments[shot.role].frame)) for shot in shots],
        versions=method.versions(assessments.values()),
    )


def label(place: int, count: int) -> str:
    """What a photo is called in a report of `count` photos."""
    return "Photo" if count == 1 else f"Photo {place + 1}"


def shot(role: str, label: str, assessment: Assessment, uri: str, polygons: Mapping[str, Points] | None = None) -> Shot:
    """One photo with what is drawn over it; `polygons` where its own frame has none."""
    frame = assessment.frame
    height, width = frame.shape
    outlines = tuple(
        (visible(name), " ".join(f"{x:.1f},{y:.1f}" for x, y in points))
        for name, points in (frame.polygons or polygons or {}).items()
        if name != SKIN
    )
    return Shot(role, label, visible(frame.photo.name), uri, width, height, circles(assessment), outlines)


def circles(assessment: Assessment) -> tuple[tuple[float, float, float], ...] | None:
    """(x, y, radius) of each pore in pixels of the upright photo; None where pores were not looked for."""
    pores, scale = assessment.pores, assessment.frame.scale
    if pores is None or scale is None:
        return None
    radius = pores.diameter_um / 2 / (scale.mm_per_px * 1000)
    return tuple((float(x), float(y), float(r)) for x, y, r in zip(pores.x_px, pores.y_px, radius, strict=True))


def map_views(layers: list[Layer]) -> list[MapView]:
    """The maps as pictures, as large as the page can carry all of them."""
    encoded: list[dict[str, bytes]] = []
    count = sum(len(layer.evidence) for layer in layers)
    for side in (side for side in _MAP_SIDES if side == _MAP_SIDES[-1] or count * side**2 <= 3 * _MAP_BYTES):
        encoded = [{role: maps.map_png(layer, role, side) for role in layer.evidence} for layer in layers]
        if sum(len(data) for group in encoded for data in group.values()) <= _MAP_BYTES:
            break
    return [_map_view(layer, group) for layer, group in zip(layers, encoded, strict=True)]


def _map_view(layer: Layer, encoded: Mapping[str, bytes]) -> MapView:
    views = {}
    for role, data in encoded.items():
        evidence = layer.evidence[role]
        height, width = evidence.values.shape
        views[role] = MapPicture(pictures.data_uri(data, "png"), width * evidence.step, height * evidence.step)
    places = maps.places(layer)
    low, high = number(layer.low, places), number(layer.high, places)
    read_by = listing([title(measure) for measure in layer.measures])
    what = readable(layer.what) + (f"; read by: {read_by}" if read_by else "")
    return MapView(layer.key, layer.title, what, layer.caution, unit_text(layer.unit), low, high, views)


def _photo_uri(picture: pictures.Picture) -> str:
    return pictures.data_uri(pictures.jpeg(picture), "jpeg")


def _values(shots: list[Shot], assessments: Mapping[str, Assessment]) -> list[tuple[Shot, Any]]:
    axes = rows.shared_axes(assessments.values())
    return [(shot, rows.families(rows.value_rows(assessments[shot.role], axes))) for shot in shots]


@cache
def templates_digest() -> str:
    """Which pages these are: two of other templates are two pages, of the same numbers too."""
    parts = hashlib.sha256()
    for path in sorted(TEMPLATES.iterdir()):
        parts.update(path.read_bytes())
    return parts.hexdigest()[:16]


def environment(*folders: Path) -> Environment:
    """Templates of `folders` and of the report; every text is escaped, an unknown name is an error."""
    return Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def style(*names: str) -> str:
    """The style of a report, or some of its sheets."""
    return "".join((TEMPLATES / name).read_text("utf-8") for name in names or STYLES)


def render(template: str, **context: Any) -> str:
    """The page of a template, its style and script within it."""
    script = (TEMPLATES / "report.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return (
        environment()
        .get_template(template)
        .render(script=Markup(script), style=Markup(style()), script_digest=digest, **context)
    )
