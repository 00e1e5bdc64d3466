"""How the skin was prepared at two visits, and whether its colours may be compared."""

from __future__ import annotations

from skinscan.store.tables import Visit

_WORDS = {"washed": "washed", "sunscreen": "with sunscreen on", "tan": "tanned"}


def against_colour(before: Visit, after: Visit) -> tuple[str, ...]:
    """Why redness and pigment of two visits are not comparable, in words: make-up at either, or a preparation that is
    told of both and differs. Empty where nothing speaks against it; what was not said is not taken for a difference."""
    reasons = [
        f"make-up was on at the visit {when}" for when, one in (("before", before), ("after", after)) if one.make_up
    ]
    for name, words in _WORDS.items():
        was, now_is = getattr(before, name), getattr(after, name)
        if None not in (was, now_is) and was != now_is:
            when = "before" if was else "after"
            reasons.append(f"the skin was {words} at the visit {when} and not at the other")
    return tuple(reasons)
