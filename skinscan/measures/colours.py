"""Colour of a region: medians of the maps that are told a colour pixel, whole or tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import colour
from skinscan.arrays.cells import Cells, cells_of
from skinscan.arrays.medians import medians_of
from skinscan.measures import too_thin
from skinscan.measures.maps import Maps
from skinscan.records import Flag, Notice

DARKEST_ITA = -30.0
"""Individual typology angle, degrees, under which the unmixing does not hold."""

COLOURS: Mapping[str, tuple[Callable[[Maps], NDArray[np.float32]], tuple[float, float]]] = {
    "L*": (lambda maps: maps.lab_planes[0], (0.0, 100.0)),
    "a*": (lambda maps: maps.lab_planes[1], (-64.0, 64.0)),
    "b*": (lambda maps: maps.lab_planes[2], (-64.0, 64.0)),
    "erythema": (lambda maps: maps.erythema, (-0.5, 1.5)),
    "melanin": (lambda maps: maps.chromophores[0], (-1.0, 2.0)),
    "haemoglobin": (lambda maps: maps.chromophores[1], (-1.0, 2.0)),
}
"""The maps that are told a colour pixel, and where their values mostly lie."""


GLANCE_PX = 65_536
"""Pixels of a region that are enough to tell its colour to a tenth of a unit of Lab."""


def colour_refused(maps: Maps, cells: Cells) -> Notice | None:
    """Why a region has no colour to measure pixel by pixel, or None."""
    if maps.frame.photo.is_grey:
        return Notice(Flag.NO_COLOUR, "the file holds one grey channel")
    return too_thin(maps.colour_pixels, cells)


def smooth_colour_refused(maps: Maps, cells: Cells) -> Notice | None:
    """Why a region has no averaged colour to measure, or None."""
    return colour_refused(maps, cells) or too_thin(maps.smooth_pixels, cells)


def glanced_lab(maps: Maps, cells: Cells) -> NDArray[np.float64]:
    """Median L*, a* and b* of a region from a thinned grid of its pixels, (3,): a first look; NaN where it has none."""
    step = max(int(np.sqrt(cells.pixels / GLANCE_PX)), 1)
    rows, columns = maps.box
    inside = cells.labels[slice(None), slice(None)][::step, ::step] > 0
    rgb = maps.frame.photo.linear_rgb(slice(rows.start, rows.stop, step), slice(columns.start, columns.stop, step))[
        inside
    ]
    if not len(rgb):
        return np.full(3, np.nan)
    gains = np.asarray(maps.frame.colour.gains)
    return np.median(colour.lab(np.asarray(colour.rebalanced(rgb, gains))), 0).astype(np.float64)


def colour_medians(maps: Maps, cells: Cells, name: str) -> tuple[float, NDArray[np.float64]]:
    """Median of one of COLOURS over a region and over each of its blocks; once for all measures that ask."""
    if maps.in_tiles:
        return maps.once(("colours", id(cells)), lambda: (cells, _medians_in_tiles(maps, cells)))[1][name]

    def make() -> tuple[Cells, tuple[float, NDArray[np.float64]]]:
        picture = COLOURS[name][0](maps)
        own = cells.on(picture)
        return cells, own.medians(own.take(picture))  # the cells live as long as what their id names

    return maps.once(("colour", name, id(cells)), make)[1]


def _medians_in_tiles(maps: Maps, cells: Cells) -> dict[str, tuple[float, NDArray[np.float64]]]:
    def colours(part: Maps) -> list[NDArray[np.float32]]:
        return [picture(part) for picture, _ in COLOURS.values()]

    found = _told_in_tiles(maps, cells, colours, [span for _, span in COLOURS.values()])
    return dict(zip(COLOURS, found, strict=True))


def _told_in_tiles(
    maps: Maps,
    cells: Cells,
    pictures: Callable[[Maps], Sequence[NDArray[np.float32]]],
    spans: Sequence[tuple[float, float]],
) -> list[tuple[float, NDArray[np.float64]]]:
    """Medians of some maps of colour pixels over a region and over each of its blocks."""

    def parts() -> Iterator[tuple[Cells, Sequence[NDArray[np.float32]]]]:
        for part in maps.tiles():
            own = cells.cut(part.place)
            if own.any():
                yield own.on(part.colour_pixels), pictures(part)

    return medians_of(parts, cells.count, spans, held=maps.holds_tiles)


def median_rgb(maps: Maps, region: str) -> NDArray[np.float64]:
    """Median linear RGB of a region, (3,)."""

    def make() -> NDArray[np.float64]:
        cells = cells_of(maps.frame.regions[region][maps.box], 1)
        if not maps.in_tiles:
            return np.asarray(np.median(cells.on(maps.linear).take(maps.linear), 0), np.float64)
        found = _told_in_tiles(maps, cells, lambda part: [*np.moveaxis(part.linear, -1, 0)], [(0.0, 1.0)] * 3)
        return np.array([value for value, _ in found])

    return maps.once(("rgb", region), make)


def beyond_unmixing(maps: Maps, cells: Cells) -> tuple[Notice, ...]:
    """Why melanin and blood cannot be told apart in a region's skin, if so.

    The surface's white light outweighs what comes from inside, and more melanin makes the hue paler again: 25 % more
    of it moves the blood coordinate by four times what 25 % more blood does (docs/results.md).
    """
    ita = float(colour.ita_degree(colour_medians(maps, cells, "L*")[0], colour_medians(maps, cells, "b*")[0]))
    if not ita < DARKEST_ITA:
        return ()
    detail = "on skin this dark the surface outshines the inside, and melanin and blood cannot be told apart"
    return (Notice(Flag.OUT_OF_MODEL, f"ITA {ita:.0f}: {detail}; cross-polarised light would show them"),)
