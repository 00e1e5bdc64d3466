"""The face in a photo: its landmarks where they can be trusted, its regions, and what in them is no skin to measure.

Nothing may depend on a face being found: without the model, with a covered or turned face, or on any other part of the
body, regions are drawn by a person or proposed from the skin's shape.
"""

from skinscan.capture.face.face import Face, FaceSearch, Iris
from skinscan.capture.face.hair import find_hair
from skinscan.capture.face.proposing import propose_regions
from skinscan.capture.face.regions import REGIONS, face_regions, facing, left_out, turned_away
from skinscan.capture.face.search import find_face, search_face

__all__ = [
    "REGIONS",
    "Face",
    "FaceSearch",
    "Iris",
    "face_regions",
    "facing",
    "find_face",
    "find_hair",
    "left_out",
    "propose_regions",
    "search_face",
    "turned_away",
]
