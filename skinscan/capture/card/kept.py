"""Two photos by one correction, where camera and lamp were left as they were.

Each photo's correction has noise of its own, from its reading of 24 patches: 0.07 of a* between two photos of one
set-up. Where both cards look alike but for a trace, one correction serves both and that noise cancels; only the trace
is corrected: a lamp that drifts, an exposure a little longer. How large it is, the patches tell (Bayesian linear
regression; the scale of the trace by its evidence). Photos that were balanced or exposed anew keep their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays.colour import CAMERA_TO_SRGB
from skinscan.capture.card.difference import same_camera_and_light
from skinscan.capture.rounding import skin_errors
from skinscan.records import BoolArray, Colour, Photo

Array = NDArray[np.float64]

GAINS, EXPOSURES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3), (0.0, 0.01, 0.3)
"""Standard deviations that are tried, of each sensor channel's gain and of what all three share. No lamp is believed to
keep its colour better than to 0.1 %."""
TRACE = 0.01
"""The largest of these that is still a trace."""
OTHER = 0.15
"""What a camera's own matrix may add to any channel from any, as a share of the gains."""
LEAST_PATCHES = 12
PATCH = 0.0006
"""Standard deviation of a patch's light that is neither reading nor gain: shine, glare."""
ON_SKIN, OF_EXPOSURE = 0.005, 0.5
"""Standard deviation (logarithm) by which light on the skin changes and light on the card does not; and as a share of
the change of exposure, which may be a card that was laid down otherwise."""
DRAWS = 48


@dataclass(frozen=True, eq=False)
class Seen:
    """A photo with a card: as taken, corrected, what is known of its colour, and where its skin is (H, W)."""

    as_taken: Photo
    corrected: Photo
    colour: Colour
    skin: BoolArray


@dataclass(frozen=True, eq=False)
class Trace:
    """`mixing` (3, 3) takes linear light of the first photo to that of the second, `others` (k, 3, 3) are equally
    plausible ones."""

    mixing: Array
    others: Array


def by_one_correction(before: Seen, after: Seen) -> tuple[Seen, Seen]:
    """Both by the first one's correction, if camera and lamp were left as they were; else as they are.

    Their colours' `own_doubt` then holds what this leaves open of a change.
    """
    trace = find_trace(before, after)
    if trace is None:
        return before, after
    matrix = before.corrected.matrix.astype(np.float64)
    moved = before.colour.light_step - after.colour.light_step
    there = matrix @ np.linalg.inv(trace.mixing) * np.exp(moved)
    step = "colours as in the photo before, by what both cards show"
    photo = replace(
        after.as_taken,
        lut=before.corrected.lut.copy(),
        matrix=there.astype(np.float32),
        steps=(*after.as_taken.steps, step),
    )
    exposure = float(np.log(np.cbrt(np.linalg.det(trace.mixing))))
    light = float(np.hypot(ON_SKIN, OF_EXPOSURE * max(abs(exposure), abs(moved))))
    draws = np.random.default_rng(DRAWS).standard_normal((DRAWS, 5))
    first = matrix @ _rounded(before, draws[:, :2]) @ np.linalg.inv(matrix)
    mixed = matrix @ np.linalg.inv(trace.others) @ trace.mixing @ _rounded(after, draws[:, 2:4]) @ np.linalg.inv(matrix)
    second = mixed * np.exp(light * draws[:, 4])[:, None, None]
    return (
        replace(before, colour=replace(before.colour, own_doubt=first)),
        replace(after, corrected=photo, colour=replace(after.colour, own_doubt=second)),
    )


def find_trace(before: Seen, after: Seen) -> Trace | None:
    """How the second card differs from the first by no more than a trace; None if it does, or if that is not known."""
    alike = np.array_equal(before.as_taken.lut, after.as_taken.lut)
    alike &= np.array_equal(before.as_taken.matrix, after.as_taken.matrix)
    if not alike or not same_camera_and_light(before.colour, after.colour):
        return None
    readings = [(seen.colour.readings, seen.colour.readings_spread) for seen in (before, after)]
    told = [(values, spread) for values, spread in readings if values is not None and spread is not None]
    if len(told) < len(readings):
        return None
    table, file = before.corrected.lut, before.as_taken.lut
    first, second = (_light(values, spread, file, table) for values, spread in told)
    both = np.isfinite(np.hstack([*first, *second])).all(axis=1)
    if int(both.sum()) < LEAST_PATCHES:
        return None
    x, y = first[0][both], second[0][both]
    spread = np.sqrt(first[1][both] ** 2 + second[1][both] ** 2 + PATCH**2).ravel()
    return _regressed(_design(x) / spread[:, None], (y - x).ravel() / spread)


def _light(
    readings: Array, spread: Array, file: NDArray[np.float32], table: NDArray[np.float32]
) -> tuple[Array, Array]:
    """Linear light (24, 3) of the patches by a tone curve, with its standard uncertainty."""

    def through(values: Array) -> Array:
        return np.stack([np.interp(values[:, c], file[c], table[c]) for c in range(3)], axis=-1)

    low, high = readings - spread, readings + spread
    return through(readings), (through(high) - through(low)) / 2


def _design(light: Array) -> Array:
    """(3 n, 12): what gains of the sensor's channels, and any other mixing, add to `light` (n, 3)."""
    sensor = light @ np.linalg.inv(CAMERA_TO_SRGB).T
    gains = sensor[:, None, :] * CAMERA_TO_SRGB
    others = np.einsum("ij,nk->nijk", np.eye(3), light).reshape(len(light), 3, 9)
    return np.asarray(np.concatenate([gains, others], axis=-1).reshape(-1, 12))


def _regressed(design: Array, target: Array) -> Trace | None:
    """The trace over all scales that may be one, weighed by their evidence; None if a larger one explains more."""
    square, cross = design.T @ design, design.T @ target
    found: list[tuple[float, Array, Array]] = []
    small = []
    for gain, exposure in product(GAINS, EXPOSURES):
        prior = np.zeros((12, 12))
        prior[:3, :3] = gain**2 * np.eye(3) + exposure**2
        prior[3:, 3:] = (OTHER * gain) ** 2 * np.eye(9)
        root = np.linalg.cholesky(prior + 1e-14 * np.eye(12))
        inner = root.T @ square @ root + np.eye(12)
        weights = np.linalg.solve(inner, root.T @ cross)
        evidence = 0.5 * float(cross @ root @ weights) - 0.5 * float(np.linalg.slogdet(inner)[1])
        covariance = np.asarray(root @ np.linalg.solve(inner, root.T), np.float64)
        found.append((evidence, root @ weights, covariance))
        small.append(max(gain, exposure) <= TRACE)
    logs = np.array([evidence for evidence, _, _ in found])
    share = np.exp(logs - logs.max())
    if share[small].sum() < share.sum() / 2:
        return None
    share = np.where(small, share, 0.0) / share[small].sum()
    middle = np.sum([w * at for w, (_, at, _) in zip(share, found, strict=True)], axis=0)
    spread = np.sum(
        [w * (c + np.outer(at - middle, at - middle)) for w, (_, at, c) in zip(share, found, strict=True)], axis=0
    )
    draws = np.random.default_rng(12).standard_normal((DRAWS, 12)) @ np.linalg.cholesky(spread + 1e-14 * np.eye(12)).T
    return Trace(_mixing(middle[None])[0], _mixing(middle + draws))


def _mixing(parameters: Array) -> Array:
    """(k, 3, 3) of parameters (k, 12)."""
    gains = np.einsum("ij,kj,jl->kil", CAMERA_TO_SRGB, parameters[:, :3], np.linalg.inv(CAMERA_TO_SRGB))
    return np.asarray(np.eye(3) + gains + parameters[:, 3:].reshape(-1, 3, 3))


def _rounded(seen: Seen, draws: Array) -> Array:
    """(k, 3, 3): what JPEG's rounding of the skin may have done to the channels, by `draws` (k, 2)."""
    table = seen.corrected.lut
    errors = skin_errors(seen.as_taken, seen.skin)
    if not errors.any():
        return np.tile(np.eye(3), (len(draws), 1, 1))
    rows, columns = np.nonzero(seen.skin)
    some = slice(None, None, max(len(rows) // 40_000, 1))
    codes = np.median(seen.as_taken.pixels[rows[some], columns[some]], axis=0) / (table.shape[1] - 1)
    at = np.linspace(0.0, 1.0, table.shape[1])

    def log_light(values: Array) -> Array:
        return np.array([np.log(max(np.interp(values[c], at, table[c]), 1e-4)) for c in range(3)])

    relative = np.array([log_light(codes + error) - log_light(codes) for error in errors])
    return np.asarray(np.exp(draws @ relative)[:, None, :] * np.eye(3))
