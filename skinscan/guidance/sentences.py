"""Guidance in three sentences at most: what comes, what does not, what to do first."""

from __future__ import annotations

from collections.abc import Sequence

from skinscan.guidance.nouns import Advice, Outlook, together
from skinscan.records import SKIN
from skinscan.report.words import FAMILIES, listing

MOST = 3


def sentences_of(
    outlooks: Sequence[Outlook], advice: Sequence[Advice], moves: Sequence[str] = (), what: str = "this photo"
) -> tuple[str, ...]:
    """The verdict in a sentence, then the most important errands, each kind of errand once."""
    said = [_verdict(outlooks, what)]
    errands: list[str] = []
    most = MOST - 1 if moves else MOST
    for one in advice:
        if one.act not in errands and one.todo and len(said) < most:
            errands.append(one.act)
            said.append(_sentence(one.text if one.region == SKIN else f"{one.region}: {one.text}"))
    if moves and len(said) < MOST:
        said.append(_sentence(listing(list(moves[:2]))))
    return tuple(said)


def _verdict(outlooks: Sequence[Outlook], what: str) -> str:
    """Which families come: good or cannot where they are so in every region."""
    by_verdict: dict[str, list[str]] = {"good": [], "usable": [], "cannot": []}
    for family in dict.fromkeys(outlook.family for outlook in outlooks):
        verdict = together(outlook.verdict for outlook in outlooks if outlook.family == family)
        by_verdict[verdict].append(FAMILIES.get(family, family).lower())
    good, usable, cannot = (listing(by_verdict[v]) for v in ("good", "usable", "cannot"))
    if not usable and not cannot:
        return _sentence(f"good for {good}")
    if not good and not usable:
        return _sentence(f"{what} cannot carry {cannot}")
    parts = [f"good for {good}" if good else "", f"usable for {usable}" if usable else ""]
    text = ", ".join(part for part in parts if part)
    return _sentence(f"{text}; not for {cannot}" if cannot else text)


def _sentence(text: str) -> str:
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")
