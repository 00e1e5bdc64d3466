"""The clinic's own repeats in the record: photos of one view of one visit, between which camera and patient were placed
anew. What their differences say of this clinic's error is told by `skinscan.study.clinic_repeats`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise

from sqlalchemy import select

from skinscan.store.opening import Store
from skinscan.store.tables import Photo


@dataclass(frozen=True)
class RepeatedPhoto:
    """Two photos of the same skin of a patient on one occasion, placed anew in between."""

    patient_id: str
    site: str
    view: str
    first: Photo
    second: Photo

    def originals(self, store: Store) -> tuple[bytes, bytes]:
        """Both files' bytes. Raises VaultError."""
        return store.vault.get(self.patient_id, self.first.digest), store.vault.get(self.patient_id, self.second.digest)


def repeated_photos(store: Store) -> list[RepeatedPhoto]:
    """One pair of each view of each visit that has a repositioned shot: the shot before it, and it. A burst is none,
    nor are two shots with the session between them: that changed the skin."""
    order = (Photo.visit_id, Photo.site, Photo.view, Photo.shot)
    with store.database.reading() as rows:
        anew = select(Photo.visit_id).where(Photo.repositioned.is_(True))
        photos = rows.scalars(select(Photo).where(Photo.visit_id.in_(anew)).order_by(*order)).all()
    groups = groupby(photos, key=lambda photo: (photo.visit_id, photo.site, photo.view))
    return [pair for _, shots in groups for pair in _first_pair(list(shots))]


def _first_pair(shots: list[Photo]) -> Iterator[RepeatedPhoto]:
    for first, second in pairwise(shots):
        if second.repositioned and bool(first.after_session) == bool(second.after_session):
            yield RepeatedPhoto(second.patient_id, second.site, second.view, first, second)
            return
