"""Generated scenes with skin and what surrounds it: for teaching a skin mask, and by another setting for judging one.

Skin's colour comes from the phantom's optics, its photograph from the phantom's camera. What is skin is known from how
the scene was painted. A `Setting` says which grounds, lamps, cameras, views and compression occur; TRAINING and
HELD_OUT share no ground but the wall, no lamp, no camera sensitivity.
"""

from skinscan.study.scenes.bodies import REST, SKIN, UNJUDGED
from skinscan.study.scenes.scene import HELD_OUT, TRAINING, Scene, Setting, make_scene

__all__ = ["HELD_OUT", "REST", "SKIN", "TRAINING", "UNJUDGED", "Scene", "Setting", "make_scene"]
