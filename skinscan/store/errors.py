"""What can fail in the record and the vault."""

from __future__ import annotations

from skinscan.records import SkinscanError


class StoreError(SkinscanError):
    """The record or the vault cannot do what was asked. Its words hold ids only, never a name or a note."""


class MasterKeyError(StoreError):
    """The master key is missing, unusable, or not the one of this installation."""


class VaultError(StoreError):
    """A photo cannot be written to the vault, or not be read back as it was."""


class RecordError(StoreError):
    """The database refuses: it is full, busy, damaged or out of reach, or a row contradicts another."""


class BusyError(StoreError):
    """Another process holds what is needed; later it will do."""


class NotFound(StoreError):
    """There is no such patient, visit or photo (or no longer)."""


class BackupError(StoreError):
    """A backup cannot be made, or what is there is no whole backup."""


class AuditError(StoreError):
    """The audit log does not hold together."""
