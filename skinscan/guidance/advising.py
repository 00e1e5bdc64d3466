"""Advice on one photo, alone or held against its baseline."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from skinscan.assessment import check_site
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.environment import check_opencv
from skinscan.guidance.nouns import Guidance, together
from skinscan.guidance.photo import advice_on, outlooks_of
from skinscan.guidance.sentences import sentences_of
from skinscan.guidance.wanted import families_of, suited, united, wanted_measures
from skinscan.measures.maps import Maps
from skinscan.records import Frame, Photo

Shot = Frame | Photo | str | os.PathLike[str]


def frame_of(shot: Shot, **settings: Any) -> Frame:
    """The Frame of a photo, read where a path was given; `settings` are those of `make_frame`, and `max_megapixels`."""
    if isinstance(shot, Frame):
        return shot
    check_opencv()
    check_site(settings.get("site", ""))
    most = {"max_megapixels": settings.pop("max_megapixels")} if "max_megapixels" in settings else {}
    photo = shot if isinstance(shot, Photo) else read_photo(shot, **most)
    return make_frame(photo, **settings)


def advise(
    shot: Shot,
    baseline: Frame | None = None,
    wanted: Sequence[str] | None = None,
    *,
    same_setup: bool = False,
    same_lamp: bool = False,
    **settings: Any,
) -> Guidance:
    """What a photo can carry, why not more, and what to do, in words and in this photo's own numbers.

    `wanted`: families of measures (`redness`, `pigment`, `pores`, `texture`) or measures by name; all of them for None.
    Each is told good, usable or cannot; cannot is said of a measure exactly where `assess` gives no number. With a
    `baseline` the photo is held against it as `compare` would: which measures the pair carries, the smallest change
    that it could show, and how to move camera and lamp (`same_setup` and `same_lamp` as in `compare`). `settings` are
    those of `skinscan.assess`, for a path or a Photo.

    Raises ParameterError for an unknown name in `wanted`, and what `assess` raises.
    """
    measures = wanted_measures(wanted)
    frame = frame_of(shot, **settings)
    if baseline is not None:
        from skinscan.guidance.pair import against

        return against(baseline, frame, measures, wanted, same_setup=same_setup, same_lamp=same_lamp)
    maps = Maps(frame, lasting=False)
    by_region = suited(maps, measures, asked=wanted is not None)
    advice = advice_on(maps, by_region)
    outlooks = outlooks_of(frame, by_region, families_of(united(by_region, measures)), advice)
    verdict = together(outlook.verdict for outlook in outlooks)
    return Guidance(frame.photo.name, None, verdict, sentences_of(outlooks, advice), outlooks, advice)
