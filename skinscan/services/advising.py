"""What a photo that was just brought can carry, and what to do, before it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skinscan.guidance.nouns import Guidance
from skinscan.services import measuring, visits
from skinscan.services.actor import Actor
from skinscan.services.clinic import Clinic
from skinscan.treatment.functions import sites_of

_OF_PHOTO = ("marker_mm", "card_pitch_mm", "raking_light", "cross_polarised")


def advise(clinic: Clinic, actor: Actor, item: str, site: str, capture: Mapping[str, Any]) -> Guidance:
    """What a photo of the tray can carry by itself. `capture` as in `visits.Visiting`. Raises SkinscanError."""
    from skinscan.guidance.advising import advise as advise_on

    settings = _settings(clinic, site, capture)
    if capture.get("mm_per_px"):
        settings["mm_per_px"] = capture["mm_per_px"]
    return advise_on(_photo(clinic, actor, item), **settings)


def advise_against(
    clinic: Clinic, actor: Actor, item: str, earlier_photo_id: str, capture: Mapping[str, Any]
) -> Guidance:
    """What it can carry against an earlier photo of the same view: the smallest change that the pair could show, and
    how to take it more alike. Raises SkinscanError."""
    from skinscan.guidance.advising import advise as advise_on

    earlier = visits.photo_of(clinic, actor, earlier_photo_id)
    baseline = measuring.frame_of(clinic, actor, earlier.id)
    return advise_on(
        _photo(clinic, actor, item),
        baseline,
        same_setup=bool(capture.get("same_setup")),
        same_lamp=bool(capture.get("same_lamp")),
        **_settings(clinic, earlier.site, capture),
    )


def _photo(clinic: Clinic, actor: Actor, item: str) -> Any:
    from skinscan.capture.photo import photo_of

    return photo_of(clinic.tray.get(actor, item).original, "this photo")


def _settings(clinic: Clinic, site: str, capture: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: capture[name] for name in _OF_PHOTO if capture.get(name)}
    return {**said, "site": site if site in sites_of(clinic.treatment) else ""}
