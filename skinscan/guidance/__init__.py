"""Capture guidance: before the patient leaves, what this photo can carry, and how to mend what it cannot.

    advise("photo.jpg", wanted=["pores"]).sentences

Nothing is measured that need not be: the verdicts come from the frame's quality and from the gates by which measures
refuse, so that guidance says no where `assess` says no.
"""

from skinscan.guidance.nouns import Advice, Aim, BurstResult, Guidance, Outlook, Prospect

__all__ = ["Advice", "Aim", "BurstResult", "Guidance", "Outlook", "Prospect"]
