"""Found pores held against true ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Array = NDArray[np.floating[Any]]


def match(found_xy: Array, found_px: Array, true_xy: Array, least_px: float = 1.5) -> NDArray[np.int64]:
    """Pairs (k, 2) of found and true indices, each used once, larger found ones first.

    Two match when their centres are nearer than half the found diameter (or `least_px`).
    """
    if len(found_xy) == 0 or len(true_xy) == 0:
        return np.zeros((0, 2), np.int64)
    tree = cKDTree(true_xy)
    taken: set[int] = set()
    pairs = []
    for index in np.argsort(-found_px, kind="stable"):
        near = [i for i in tree.query_ball_point(found_xy[index], max(found_px[index] / 2, least_px)) if i not in taken]
        if near:
            best = min(near, key=lambda i: float(np.hypot(*(true_xy[i] - found_xy[index]))))
            taken.add(best)
            pairs.append((int(index), int(best)))
    return np.asarray(pairs, np.int64).reshape(-1, 2)


@dataclass(frozen=True)
class PoreScore:
    """How well pores were found and sized. `tolerance` around the floor: see `score`."""

    true: int
    found: int
    precision: float
    recall: float
    strict_f1: float
    diameter_bias: float
    diameter_mae: float
    position_um: float

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)


def score(
    found_xy: Array,
    found_um: Array,
    true_xy: Array,
    true_um: Array,
    um_per_px: float,
    floor_um: float = 150.0,
    tolerance: float = 0.1,
) -> PoreScore:
    """Precision and recall of pores of at least `floor_um`.

    A pore of 152 um measured as 148 is found, and one of 148 measured as 152 is no invention: within `tolerance`
    of the floor a pair counts as right on either side of it. `strict_f1` grants nothing.
    """
    pairs = match(found_xy, found_um / um_per_px, true_xy)
    found, true = found_um >= floor_um, true_um >= floor_um
    near = floor_um * (1 - tolerance)
    f, t = pairs[:, 0], pairs[:, 1]
    right = int((found[f] & (true_um[t] >= near)).sum())
    seen = int((true[t] & (found_um[f] >= near)).sum())
    both = found[f] & true[t]
    ratio = found_um[f][true[t]] / true_um[t][true[t]]
    gap = np.hypot(*(found_xy[f] - true_xy[t])[true[t]].T) * um_per_px if len(pairs) else np.zeros(0)
    nothing = float("nan")
    return PoreScore(
        true=int(true.sum()),
        found=int(found.sum()),
        precision=right / max(int(found.sum()), 1),
        recall=seen / max(int(true.sum()), 1),
        strict_f1=2 * int(both.sum()) / max(int(found.sum() + true.sum()), 1),
        diameter_bias=float(np.median(ratio) - 1) if len(ratio) else nothing,
        diameter_mae=float(np.abs(ratio - 1).mean()) if len(ratio) else nothing,
        position_um=float(np.median(gap)) if len(gap) else nothing,
    )
