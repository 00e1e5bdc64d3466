"""The same measures of a square of skin with scikit-image, as they are usually written: the yardstick for speed.

Whole region only: the blocks that carry skinscan's spreads are not asked of it.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from skimage import color, feature, filters

UNMIX = np.linalg.inv(np.array([[0.3, 0.7], [0.5, 0.4]]))
"""Two pigments from two differences of density; for the time that it takes, which any two vectors do."""

LOG_THRESHOLD = 0.10
"""Response of `blob_log` from which a pore counts: the best of a scan on three other phantoms."""


def assess(pixels: NDArray[np.uint8], mm_per_px: float) -> dict[str, float]:
    """Median colours, pigments, unevenness, pores, roughness and co-occurrence of RGB pixels (h, w, 3)."""
    um_per_px = mm_per_px * 1000
    lab = color.rgb2lab(pixels)
    l_star, a_star, b_star = (float(np.median(lab[..., k])) for k in range(3))
    coded = pixels / 255.0
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    density = -np.log10(np.maximum(linear, 1e-4))
    erythema = density[..., 1] - density[..., 0]
    pigments = np.stack([erythema, density[..., 2] - density[..., 1]], -1) @ UNMIX.T
    found = {
        "redness.a_star": a_star,
        "redness.erythema_index": float(np.median(erythema)),
        "pigment.ita": math.degrees(math.atan2(l_star - 50, b_star)),
        "pigment.melanin": float(np.median(pigments[..., 0])),
        "redness.haemoglobin": float(np.median(pigments[..., 1])),
    }
    smooth = filters.gaussian(linear, 0.15 / mm_per_px, channel_axis=-1)
    coded = np.where(smooth <= 0.0031308, 12.92 * smooth, 1.055 * np.maximum(smooth, 0) ** (1 / 2.4) - 0.055)
    smooth_lab = color.rgb2lab(coded)
    centre = np.median(smooth_lab.reshape(-1, 3), 0)
    found["pigment.evenness"] = float(color.deltaE_ciede2000(smooth_lab, centre[None, None]).mean())
    density = -np.log10(np.maximum(smooth, 1e-4))
    blood = (np.stack([density[..., 1] - density[..., 0], density[..., 2] - density[..., 1]], -1) @ UNMIX.T)[..., 1]
    middle = np.median(blood)
    limit = middle + 2 * 1.4826 * np.median(np.abs(blood - middle))
    found["redness.area"] = 100 * float((blood > limit).mean())
    flat = flattened(linear, mm_per_px)
    blobs = pores(flat, um_per_px)
    sizes = 2 * math.sqrt(2) * blobs[:, 2] * um_per_px
    found["pores.density"] = len(sizes) / (flat.size * mm_per_px**2 / 100)
    found["pores.area"] = 100 * float(np.sum(np.pi / 4 * (sizes / um_per_px) ** 2)) / flat.size
    found["pores.visible_share"] = 100 * float(np.mean(sizes >= 250))
    for share in (10, 50, 90):
        found[f"pores.diameter_p{share}"] = float(np.percentile(sizes, share))
    edges = (100, 250, 500, 1000, 2000, 5000)
    for finest, coarsest in pairwise(edges):
        narrow, wide = (filters.gaussian(flat, 0.1874 * edge / um_per_px) for edge in (finest, coarsest))
        found[f"texture.roughness_{finest}_{coarsest}um"] = float(np.sqrt(np.mean((narrow - wide) ** 2)))
    levels = np.clip(np.floor((flat + 0.32) / 0.02), 0, 31).astype(np.uint8)
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    for distance in (100, 200, 400):
        counts = feature.graycomatrix(levels, [distance / um_per_px], angles, levels=32, symmetric=True)
        matrix = counts.sum(-1, keepdims=True) / counts.sum()
        for name in ("contrast", "homogeneity", "ASM", "correlation", "entropy"):
            found[f"texture.glcm_{name}_{distance}um"] = float(feature.graycoprops(matrix, name)[0, 0])
    return found


def flattened(linear: NDArray[np.float64], mm_per_px: float) -> NDArray[np.float64]:
    """Log-luminance less its Gaussian mean of 2 mm."""
    logs = np.log(np.maximum(linear @ np.array([0.2126, 0.7152, 0.0722]), 1e-4))
    return logs - filters.gaussian(logs, 2.0 / mm_per_px)


def pores(flat: NDArray[np.float64], um_per_px: float) -> NDArray[np.float64]:
    """Row, column and sigma of dark blobs of 150-500 um."""
    scale = 2 * math.sqrt(2) * um_per_px
    return feature.blob_log(
        -flat, min_sigma=150 / scale, max_sigma=500 / scale, num_sigma=8, threshold=LOG_THRESHOLD, overlap=0.5
    )
