"""What a measure is.

A measure takes a Frame's shared maps and a region cut into blocks, and says one number of the region and of each
block: `evaluate(maps, cells, carried) -> Sample`. Value, spread, overlay, paired difference and verdict all follow
from that, so a measure knows neither statistics nor plots. A measure may instead be `paired`: a number that only
two registered photos have.

Adding a measure is one new file here with a tuple `MEASURES`, and its test. Measures do not know one another.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import statistics
from skinscan.arrays.cells import Cells
from skinscan.measures.maps import Maps
from skinscan.records import Better, Flag, Notice, Registration

ScaleName = Literal["identity", "log", "sqrt", "threshold"]


@dataclass(frozen=True)
class Sample:
    """A measure's number of a region and of each of its blocks.

    `value` NaN with the reason in `notices` where it is undefined; `blocks` (K,) and their `weights` (K,) (what
    the number rests on in each: pixels, pores), `n` the total. `carried` is what a follow-up must reuse; `quantiles`
    (k,) what a share above a threshold was taken of, at evenly spaced probabilities.
    """

    value: float
    blocks: NDArray[np.float64]
    weights: NDArray[np.float64]
    n: int
    notices: tuple[Notice, ...] = ()
    carried: Mapping[str, float] = field(default_factory=dict)
    quantiles: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class PairedSample:
    """A paired measure's change, its standard uncertainty and the number of pairs."""

    change: float
    standard_uncertainty: float
    n: int
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class Measure:
    """A number of skin: its name, unit, meaning, needs and the function that reads it.

    `better`: which way is an improvement; `neither` is never called improved. `of_colour`: the value of an even
    patch of one linear RGB colour, for measures whose value includes the lamp and the camera, so that between
    photos they take a card or a reference; None for those that contrast skin with itself. `transform`: the scale
    on which differences are judged. `scale_power`: d ln(value) / d ln(mm_per_px), to carry the scale's uncertainty.
    `largest_um_per_px`: effective resolution beyond which it is refused. `within_photo`: the threshold comes from
    the photo itself; only a comparison, which carries it, says more. `fine`: it rests on fine structure, so light,
    sharpness and noise may not differ by more than the error study covers. `same`: what must stay the same for two
    results to be comparable. `evidence_unit`: of the map, where it is not the number's own. `gate`: why a region cannot
    carry the measure as far as the frame tells before anything is measured; `evaluate` refuses for the same reasons,
    and for those that only measuring tells (too few pores, a constant region). `method_error`: standard uncertainty, in
    the unit, of how the method itself differs from the truth, which no scatter of blocks shows, and
    `method_error_scaled` the same on the scale of `transform`. `by_view`: it is compared even where two photos are
    matched by their view alone.
    """

    name: str
    title: str
    unit: str
    better: Better
    definition: str
    source: str
    version: int
    evidence: Callable[[Maps], NDArray[np.float32]] | None
    evidence_title: str
    evaluate: Callable[[Maps, Cells, Mapping[str, float] | None], Sample] | None = None
    paired: Callable[[Maps, Maps, Registration, Cells, Cells], PairedSample] | None = None
    transform: ScaleName = "identity"
    needs_scale: bool = False
    of_colour: Callable[[NDArray[np.float64]], float] | None = None
    largest_um_per_px: float | None = None
    scale_power: float = 0.0
    within_photo: bool = False
    fine: bool = False
    gate: Callable[[Maps, Cells], Notice | None] | None = None
    evidence_unit: str | None = None
    method_error: float = 0.0
    method_error_scaled: float = 0.0
    by_view: bool = False
    same: str = "camera, light and distance"
    empty: str = "NaN with the reason"

    @property
    def needs_colour(self) -> bool:
        """Whether the value includes the lamp and the camera."""
        return self.of_colour is not None

    @property
    def family(self) -> str:
        return self.name.split(".", 1)[0]

    def scale(self, baseline: Sample) -> statistics.Transform:
        """The scale on which this measure's differences from a baseline are judged."""
        if self.transform == "threshold":
            return statistics.IDENTITY if baseline.quantiles is None else statistics.above_threshold(baseline.quantiles)
        return {"identity": statistics.IDENTITY, "log": statistics.LOG, "sqrt": statistics.SQRT}[self.transform]


def refused(flag: Flag, detail: str, cells: Cells | None = None) -> Sample:
    """An undefined sample that says why."""
    return refused_for(Notice(flag, detail), cells)


def refused_for(notice: Notice, cells: Cells | None = None) -> Sample:
    """An undefined sample with its reason."""
    blocks = np.full(cells.count if cells is not None else 0, np.nan)
    return Sample(float("nan"), blocks, np.zeros(len(blocks)), 0, (notice,))


def too_thin(picture: NDArray[Any], cells: Cells) -> Notice | None:
    """Why a map that holds fewer pixels than the photo says nothing of a region, or None."""
    if not cells.hardly_on(picture):
        return None
    return Notice(Flag.REGION_TOO_SMALL, "the region is thinner than the pixels of the averaged photo")


@cache
def all_measures() -> Mapping[str, Measure]:
    """Every measure by name, in the order of the files of this folder and of their MEASURES."""
    found: dict[str, Measure] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda item: _ORDER.get(item.name, len(_ORDER))):
        module = importlib.import_module(f"{__name__}.{info.name}")
        for measure in getattr(module, "MEASURES", ()):
            found[measure.name] = measure
    return found


_ORDER: dict[str, int] = {"redness": 0, "pigment": 1, "pores": 2, "texture": 3}
"""Families that people look at first come first; new ones follow by name."""


def summaries() -> list[dict[str, Any]]:
    """One row a measure, for `skinscan measures`."""
    return [
        {
            "measure": m.name,
            "unit": m.unit,
            "better": m.better,
            "version": m.version,
            "needs": ", ".join(
                need
                for need in (
                    "scale" if m.needs_scale else "",
                    f"<= {m.largest_um_per_px:g} um/px" if m.largest_um_per_px else "",
                    "card or reference between photos" if m.needs_colour else "",
                    "two photos" if m.paired else "",
                )
                if need
            ),
            "definition": m.definition,
            "same": m.same,
            "source": m.source,
        }
        for m in all_measures().values()
    ]
