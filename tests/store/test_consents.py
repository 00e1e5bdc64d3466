"""Sharing rests on consent: withdrawn, it ends in the same moment."""

from __future__ import annotations

import pytest

from skinscan.store import consents, recording
from skinscan.store.access_tables import Consent
from skinscan.store.errors import NotFound, RecordError
from skinscan.store.reading import rows_of
from tests.store.conftest import Seen


def test_withdrawing_stops_every_share_at_once(seen: Seen) -> None:
    store, patient = seen.store, seen.patient.id
    photo = recording.save_photo(store, seen.visit.id, b"photo", "front")
    after = recording.save_photo(store, seen.visit.id, b"later", "front")
    consents.give_consent(store, patient, "sharing", wording="form of 2026")
    consents.give_consent(store, patient, "research")
    shared = consents.share(store, patient, photo_id=photo.id, after_photo_id=after.id)
    assert [one.id for one in consents.shares_of(store, patient)] == [shared.id]

    assert consents.withdraw_consent(store, patient, "sharing") == 1
    assert consents.shares_of(store, patient) == []
    assert not consents.agrees(store, patient, "sharing")
    assert consents.agrees(store, patient, "research")
    with pytest.raises(RecordError, match="does not agree"):
        consents.share(store, patient, photo_id=photo.id)
    consents.give_consent(store, patient, "sharing")  # a new consent brings no old share back
    assert consents.shares_of(store, patient) == []
    given = [one for one in rows_of(store, Consent, patient) if one.purpose == "sharing"]
    assert [one.withdrawn_at is None for one in sorted(given, key=lambda one: one.given_at)] == [False, True]


def test_a_share_holds_only_with_consent_and_of_what_is_the_patients(seen: Seen) -> None:
    store, other = seen.store, Seen(seen.store)
    photo = recording.save_photo(store, other.visit.id, b"photo", "front")
    with pytest.raises(RecordError, match="does not agree"):
        consents.share(store, other.patient.id, photo_id=photo.id)
    consents.give_consent(store, seen.patient.id, "sharing")
    with pytest.raises(NotFound):
        consents.share(store, seen.patient.id, photo_id=photo.id)
    with pytest.raises(RecordError, match="nothing to share"):
        consents.share(store, seen.patient.id)
    with pytest.raises(RecordError, match="no purpose"):
        consents.give_consent(store, seen.patient.id, "marketing")


def test_a_stopped_share_is_not_shown(seen: Seen) -> None:
    photo = recording.save_photo(seen.store, seen.visit.id, b"photo", "front")
    consents.give_consent(seen.store, seen.patient.id, "sharing")
    shared = consents.share(seen.store, seen.patient.id, photo_id=photo.id)
    consents.stop_share(seen.store, shared.id)
    assert consents.shares_of(seen.store, seen.patient.id) == []
    with pytest.raises(NotFound):
        consents.stop_share(seen.store, "0" * 32)
