"""Which photos of the record are the clinic's own repeats."""

from __future__ import annotations

from skinscan.store import recording
from skinscan.store.repeats import repeated_photos
from tests.store.conftest import Seen


def _shot(seen: Seen, data: bytes, view: str, repositioned: bool | None) -> str:
    return recording.save_photo(seen.store, seen.visit.id, data, view, details={"repositioned": repositioned}).id


def test_repositioned_shots_are_pairs_and_bursts_are_not(seen: Seen) -> None:
    front = [_shot(seen, b"front %d" % n, "front", again) for n, again in enumerate((None, False, True, True))]
    for number in range(2):
        _shot(seen, b"burst %d" % number, "left", False)
    _shot(seen, b"alone", "right", True)
    (pair,) = repeated_photos(seen.store)
    assert (pair.first.id, pair.second.id, pair.view) == (front[1], front[2], "front")
    assert pair.originals(seen.store) == (b"front 1", b"front 2")
    other = Seen(seen.store)
    ids = [_shot(other, b"other %d" % n, "front", again) for n, again in enumerate((False, True))]
    assert {pair.second.id for pair in repeated_photos(seen.store)} == {front[2], ids[1]}


def test_two_shots_with_the_session_between_them_are_no_repeat(seen: Seen) -> None:
    for number, after in enumerate((False, True)):
        details = {"repositioned": True, "after_session": after}
        recording.save_photo(seen.store, seen.visit.id, b"front %d" % number, "front", details=details)
    assert repeated_photos(seen.store) == []
