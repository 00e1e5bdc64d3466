"""What is typed on the screen of a new session, as the use cases take it. Raises ParameterError for what cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from skinscan.course_records import Preparation
from skinscan.records import ParameterError
from skinscan.services import Clinic, visits
from skinscan.web.clinic.practitioner.parts import number_in

BEFORE, AFTER = "before the session", "after the session"

Item = Mapping[str, Any]
"""A photo on the screen: {"item", "view" guessed}."""


def entered(
    clinic: Clinic, items: Sequence[Item], when: str, site: str, *typed: Any
) -> tuple[visits.Visiting, list[visits.Shown]]:
    """What was typed on the screen, in the order of its components. Raises ParameterError."""
    aids, rest = typed[:7], typed[7:]
    skin, grades, rest = rest[:5], rest[5], rest[6:]
    treatment, per_slot = rest[:12], rest[12:]
    treated = treated_of([row.prompt for row in clinic.treatment.screening], treatment)
    shown = []
    for number, one in enumerate(items or ()):
        named, taken, anew = per_slot[3 * number : 3 * number + 3]
        if one["item"]:
            after = None if treated is None else taken == AFTER
            if not (named or "").strip():
                raise ParameterError(
                    "A photo has no view yet", expected="the same name each time: front, left, close ...", found="none",
                    todo="choose one beside the photo; nothing was saved",
                )  # fmt: skip
            shown.append(visits.Shown(one["item"], (named or "").strip(), after, True if anew else None))
    visiting = visits.Visiting(
        at=moment(when, clinic.zone), zone=clinic.zone, site=site or "", preparation=preparation(*skin),
        capture=capture_of(*aids), treated=treated, scores=scores_in(grades),
    )  # fmt: skip
    return visiting, shown


def moment(text: str, zone: str) -> datetime:
    """A day with its time in the clinic's zone. Raises ParameterError."""
    from skinscan.course import dates

    try:
        day, at = dates.parse((text or "").strip())
    except ValueError as error:
        raise ParameterError(
            "The day of the visit could not be read", expected="a day and a time, as 2026-03-04 10:30",
            found=f"{(text or '')[:40] or 'nothing'} ({error})",
        ) from None  # fmt: skip
    midday = datetime.min.replace(hour=12).time()
    return datetime.combine(day, at or midday, ZoneInfo(zone))


def capture_of(
    marker: str, pitch: str, scale: str, setup: bool, lamp: bool, raking: bool, polarised: bool
) -> dict[str, Any]:
    """How the photos were taken, without what was not said. Raises ParameterError."""
    told = {
        "marker_mm": number_in("The side of the sticker", marker),
        "card_pitch_mm": number_in("The distance of the card's patches", pitch),
        "mm_per_px": number_in("Millimetres a pixel", scale),
        "same_setup": bool(setup), "same_lamp": bool(lamp), "raking_light": bool(raking),
        "cross_polarised": bool(polarised),
    }  # fmt: skip
    return {name: value for name, value in told.items() if value}


def scores_in(text: str | None) -> dict[str, float]:
    """`GAIS=2 Wrinkle=3` as scores by scale. Raises ParameterError."""
    found: dict[str, float] = {}
    for part in (text or "").replace(";", " ").split():
        name, _, score = part.partition("=")
        value = number_in(f"The grade {name}", score)
        if value is None:
            raise ParameterError("A grade could not be read", expected="GAIS=2 Wrinkle=3", found=part[:40])
        found[name] = value
    return found


def preparation(washed: str, make_up: str, sunscreen: str, tan: str, rest: str) -> Preparation:
    """How the skin was prepared. Raises ParameterError."""
    told = [{"yes": True, "no": False}.get(one) for one in (washed, make_up, sunscreen, tan)]
    minutes = number_in("The minutes of rest", rest)
    return Preparation(told[0], told[1], told[2], told[3], None if minutes is None else round(minutes))


def treated_of(prompts: Sequence[str], typed: Sequence[Any]) -> visits.Treated | None:
    """What was done; None where no session was. Raises SkinscanError."""
    treated, screening, asked, device, tip, depth, passes, topical, numbing, operator, events, notes = typed
    if not treated:
        return None
    from skinscan.course.reading import depths_in

    count = number_in("The number of passes", passes)
    return visits.Treated(
        device=device or "", tip=tip or "", depth_mm=depths_in(depth or "", "depth"),
        passes=None if count is None else round(count), topical=topical or "", numbing=numbing or "",
        operator=operator or "", adverse_events=events or "", notes=notes or "",
        screening={p: p in (screening or ()) for p in prompts if asked or p in (screening or ())},
    )  # fmt: skip
