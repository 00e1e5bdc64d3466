"""Capture guidance: before the patient leaves, what this photo can carry, and how to mend what it cannot.

    advise("photo.jpg", wanted=["pores"]).sentences
    advise("today.jpg", baseline=frame).aim.moves
    best_of(["1.jpg", "2.jpg", "3.jpg"]).best

Nothing is measured that need not be: the verdicts come from the frame's quality and from the gates by which measures
refuse, so that guidance says no where `assess` says no.
"""

from skinscan.guidance.advising import advise
from skinscan.guidance.aim import aim_of
from skinscan.guidance.burst import best_of
from skinscan.guidance.guiding import Guided, guide, page_of, write
from skinscan.guidance.nouns import Advice, Aim, BurstResult, Guidance, Outlook, Prospect

__all__ = [
    "Advice",
    "Aim",
    "BurstResult",
    "Guidance",
    "Guided",
    "Outlook",
    "Prospect",
    "advise",
    "aim_of",
    "best_of",
    "guide",
    "page_of",
    "write",
]
