"""The tone curve as numbers: what a phone may have done to each channel after its colours were made.

Linear light is `exp(log u + smooth) + lift`, u being what the file's own profile takes for linear light. The smooth
part is a Gaussian process over u^(1/2.2), nearly the code, with a slope for another gamma and one gain a channel; the
three channels share it but for small differences. The lift stands for glare and for a raised black. Nothing here is
a particular maker's curve.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CODE_GAMMA = 2.2
DARKEST = 2e-4
"""Linear value from which on the logarithm is not followed further down."""

SLOPE, SLOPE_OF_A_CHANNEL = 0.25, 0.012
BROAD, BROAD_LENGTH, BROAD_OF_A_CHANNEL = 0.4, 0.35, 0.008
FINE, FINE_LENGTH = 0.04, 0.12
LIFT, LIFT_OF_A_CHANNEL = 0.003, 0.0004
GAIN = 2.0
"""Standard deviations of the parts (logarithm of linear light; lift in linear light), lengths in u^(1/2.2)."""


@cache
def _nodes(length: float) -> tuple[Array, Array]:
    """Nodes of a smooth process on [0, 1] and what takes its values there to independent weights."""
    at = np.linspace(0.0, 1.05, round(1.05 / (0.4 * length)) + 1)
    kernel = np.exp(-0.5 * ((at[:, None] - at[None]) / length) ** 2)
    return at, np.linalg.inv(np.linalg.cholesky(kernel + 1e-6 * np.eye(at.size)))


def _waves(place: Array, length: float) -> Array:
    """The smooth process at places (...): (..., weights), each weight of unit variance."""
    at, whiten = _nodes(length)
    return np.asarray(np.exp(-0.5 * ((place[..., None] - at) / length) ** 2) @ whiten.T)


@cache
def _layout() -> tuple[slice, ...]:
    """Where in the vector of parameters lie: gains, slopes, broad, broad of each channel, fine, lifts."""
    broad, fine = _nodes(BROAD_LENGTH)[0].size, _nodes(FINE_LENGTH)[0].size
    ends = np.cumsum([0, 3, 4, broad, 3 * broad, fine, 4])
    return tuple(slice(int(a), int(b)) for a, b in pairwise(ends))


def size() -> int:
    """How many parameters a tone curve has; all are standard normal beforehand."""
    return int(_layout()[-1].stop)


def log_basis(linear: Array) -> Array:
    """(n, 3, parameters): what each parameter adds to the logarithm of linear light at `linear` (n, 3)."""
    gains, slopes, broad, channels, fine, _ = _layout()
    log_u = np.log(np.maximum(linear, DARKEST))
    place = np.maximum(linear, 0.0) ** (1 / CODE_GAMMA)
    out = np.zeros((*linear.shape, size()))
    wide, tight = _waves(place, BROAD_LENGTH), _waves(place, FINE_LENGTH)
    for c in range(3):
        out[:, c, gains.start + c] = GAIN
        out[:, c, slopes.start] = SLOPE * (log_u[:, c] - np.log(0.2))
        out[:, c, slopes.start + 1 + c] = SLOPE_OF_A_CHANNEL * (log_u[:, c] - np.log(0.2))
        out[:, c, broad] = BROAD * wide[:, c]
        count = wide.shape[-1]
        out[:, c, channels.start + c * count : channels.start + (c + 1) * count] = BROAD_OF_A_CHANNEL * wide[:, c]
        out[:, c, fine] = FINE * tight[:, c]
    return out


def lift_basis() -> Array:
    """(3, parameters): what each parameter adds to linear light itself."""
    lifts = _layout()[-1]
    out = np.zeros((3, size()))
    out[:, lifts.start] = LIFT
    out[range(3), range(lifts.start + 1, lifts.start + 4)] = LIFT_OF_A_CHANNEL
    return out


def apply(parameters: Array, linear: Array, basis: Array | None = None) -> tuple[Array, Array]:
    """Linear light (n, 3) of `linear` (n, 3), and its derivative by the parameters (n, 3, parameters). A `basis` may
    have more columns than a tone curve has parameters: what else adds to the logarithm."""
    basis = log_basis(linear) if basis is None else basis
    bright = np.maximum(linear, 0.0) * np.exp(np.clip(basis @ parameters, -8, 8))
    lift = np.zeros((3, basis.shape[-1]))
    lift[:, : size()] = lift_basis()
    return bright + lift @ parameters, bright[..., None] * basis + lift


def gain_parameters(gains: Array) -> Array:
    """The parameters (size,) of plain gains (3,)."""
    out = np.zeros(size())
    out[_layout()[0]] = np.log(gains) / GAIN
    return out


def monotone_table(parameters: Array, linear_of_code: Array) -> NDArray[np.float32]:
    """The curve at every code: `linear_of_code` (3, 256 or 65536) -> (3, same) float32, never falling.

    Evaluated at no more than 1024 codes a channel and interpolated in between.
    """
    codes = linear_of_code.shape[1]
    at = np.unique(np.linspace(0, codes - 1, min(codes, 1024)).round().astype(int))
    values, _ = apply(parameters, linear_of_code[:, at].T.astype(np.float64))
    rising = np.maximum.accumulate(values, axis=0)
    return np.stack([np.interp(np.arange(codes), at, rising[:, c]) for c in range(3)]).astype(np.float32)
