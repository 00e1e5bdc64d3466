"""Synthetic close-up skin with known answers, and the camera that sees it.

skin = make_skin(SkinRecipe(seed=7, tone="III"))
shot = photograph(skin, Camera(px_per_mm=30))
shot.pixels, shot.truth.pores, shot.truth.lab_flat
"""

from skinscan.phantom.cameras import Camera, grid_for, homography
from skinscan.phantom.card import Card, Cover, Glare, Shade, card_homography, hidden_patches
from skinscan.phantom.example import write_example
from skinscan.phantom.optics import Tone
from skinscan.phantom.photograph import Shot, map_to_photo, photograph, write_shot
from skinscan.phantom.recipes import Props, SkinRecipe, change
from skinscan.phantom.skin import Skin, make_skin
from skinscan.phantom.striae import StriaeRecipe
from skinscan.phantom.tracks import TracksRecipe
from skinscan.phantom.truth import Truth

__all__ = [
    "Camera",
    "Card",
    "Cover",
    "Glare",
    "Props",
    "Shade",
    "Shot",
    "Skin",
    "SkinRecipe",
    "StriaeRecipe",
    "Tone",
    "TracksRecipe",
    "Truth",
    "card_homography",
    "change",
    "grid_for",
    "hidden_patches",
    "homography",
    "make_skin",
    "map_to_photo",
    "photograph",
    "write_example",
    "write_shot",
]
