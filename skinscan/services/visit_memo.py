"""What each photo of a course gave, kept sealed: a course with one more visit measures that visit alone."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

from skinscan.course.measuring import Seen
from skinscan.course_records import Shot
from skinscan.services.clinic import Clinic
from skinscan.services.measuring import Followed, versions_now
from skinscan.store import deriving, measuring
from skinscan.store.deriving import Made, Of

PICKLE = "application/octet-stream"


class SealedMemo:
    """A `course.measuring.Memo` in the clinic's cache. What is unpickled was sealed here under the patient's key, so it
    can be nobody else's."""

    def __init__(self, clinic: Clinic, of: Followed) -> None:
        self._clinic, self._of = clinic, of

    def identity(self, shot: Shot) -> str:
        """The vault's address: unlike a digest of the file it confirms nothing to who has the record alone."""
        return self._of.photo_at(shot.path).digest

    def get(self, known: Sequence[Any]) -> Seen | None:
        store, patient_id = self._clinic.store, self._of.course.patient_id
        key, name = self._key(known), _name(known)
        kept = deriving.kept(store, patient_id, key)
        if name not in kept:
            return None
        try:
            found = pickle.loads(deriving.content_of(store, deriving.derived_of(store, kept[name])))
        except Exception:  # dropped meanwhile, or of another version of a package, which may fail in any way
            return None
        return found if isinstance(found, Seen) else None

    def put(self, known: Sequence[Any], seen: Seen) -> None:
        place = Of(self._of.course.patient_id, course_id=self._of.course.id)
        made = {_name(known): Made(pickle.dumps(seen), PICKLE)}
        deriving.keep(self._clinic.store, place, self._key(known), made)

    def _key(self, known: Sequence[Any]) -> str:
        return measuring.key_of("seen", self._of.course.id, list(known), versions_now())


def _name(known: Sequence[Any]) -> str:
    """Of the photo, so that what is seen of it anew replaces what was seen before."""
    return f"seen.{known[0][0][:40]}"
