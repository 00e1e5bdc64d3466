"""What holds for the whole clinic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skinscan.records import plain_json
from skinscan.store.audit import SYSTEM
from skinscan.store.columns import now
from skinscan.store.measured_tables import Setting
from skinscan.store.opening import Store


def setting_of(store: Store, name: str) -> dict[str, Any] | None:
    """A setting's value (JSON), or None where it was never set."""
    with store.database.reading() as rows:
        found = rows.get(Setting, name)
        return None if found is None else found.value


def set_setting(store: Store, name: str, value: Mapping[str, Any], *, actor: str = SYSTEM) -> None:
    """Set it, in place of an earlier value."""
    with store.change("set", "setting", name, actor) as rows:
        rows.merge(Setting(name=name, value=plain_json(dict(value)), made_at=now()))
