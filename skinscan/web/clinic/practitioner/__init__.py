"""The practitioner's page: patients, a new session on one screen, what changed, photos, rights. Wiring and words only:
what happens is in `services`."""

from skinscan.web.clinic.practitioner.page import build

__all__ = ["build"]
