"""Photos that were brought but not saved yet: in memory alone, each its bringer's, gone after two hours."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import PurePath

from skinscan.records import ParameterError
from skinscan.services.actor import Actor
from skinscan.store.columns import new_id
from skinscan.store.errors import NotFound

KEPT_S = 2 * 3600.0
LARGEST_BYTES = 400_000_000
"""Of one user together: a dozen photos of 30 MB."""


@dataclass(frozen=True, slots=True)
class Brought:
    """A photo on the tray: its bytes as they came, a JPEG of it that any browser shows, and the file's name, which may
    tell the view and is never kept."""

    item: str
    user_id: str
    name: str
    original: bytes = field(repr=False)
    preview: bytes = field(repr=False)
    at: float

    @property
    def stem(self) -> str:
        return PurePath(self.name).stem.casefold()


class Tray:
    """What all users brought."""

    def __init__(self) -> None:
        self._items: dict[str, Brought] = {}
        self._lock = threading.Lock()

    def put(self, actor: Actor, name: str, original: bytes, preview: bytes) -> Brought:
        """Lay a photo on the tray. Raises ParameterError where the user's photos together are too large."""
        one = Brought(new_id(), actor.user_id, name, original, preview, time.monotonic())
        with self._lock:
            self._drop_old()
            held = sum(len(o.original) + len(o.preview) for o in self._items.values() if o.user_id == actor.user_id)
            if held + len(original) > LARGEST_BYTES:
                raise ParameterError(
                    "There are too many photos that are not saved yet",
                    expected=f"at most {LARGEST_BYTES // 1_000_000} MB together", todo="save some, or take some off",
                )  # fmt: skip
            self._items[one.item] = one
        return one

    def get(self, actor: Actor, item: str) -> Brought:
        """A photo that this user brought. Raises NotFound."""
        with self._lock:
            self._drop_old()
            found = self._items.get(item)
        if found is None or found.user_id != actor.user_id:
            raise NotFound("This photo is no longer here", expected="one brought within two hours", todo="add it again")
        return found

    def drop(self, actor: Actor, item: str) -> None:
        """Take a photo off; none is no error."""
        with self._lock:
            found = self._items.get(item)
            if found is not None and found.user_id == actor.user_id:
                del self._items[item]

    def clear(self, actor: Actor) -> None:
        """Take off all that this user brought."""
        with self._lock:
            for item in [one.item for one in self._items.values() if one.user_id == actor.user_id]:
                del self._items[item]

    def _drop_old(self) -> None:
        oldest = time.monotonic() - KEPT_S
        for item in [one.item for one in self._items.values() if one.at < oldest]:
            del self._items[item]
