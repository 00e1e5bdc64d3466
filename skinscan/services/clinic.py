"""The clinic that the use cases work on."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from skinscan.services.passwords import Passwords
from skinscan.services.tray import Tray
from skinscan.store import Store
from skinscan.store.recording import checked_zone
from skinscan.treatment import SHIPPED, Treatment

ZONE_VARIABLE = "SKINSCAN_ZONE"


@dataclass(frozen=True)
class Clinic:
    """An open record, the tables of treatment that the house goes by, and `desk`, the private folder in which an
    original lies in clear as long as it is read; `tray` holds photos that are not saved yet, `passwords` how they are
    hashed; `zone` is the IANA name of the clinic's time zone."""

    store: Store
    desk: Path
    treatment: Treatment = field(default=SHIPPED)
    tray: Tray = field(default_factory=Tray)
    passwords: Passwords = field(default_factory=Passwords)
    zone: str = field(default_factory=lambda: own_zone())

    @contextmanager
    def in_clear(self) -> Iterator[Path]:
        """A private folder of its own on the desk; it goes when the work is done."""
        with tempfile.TemporaryDirectory(prefix="work-", dir=self.desk) as folder:
            os.chmod(folder, 0o700)
            yield Path(folder)


def own_zone() -> str:
    """The clinic's time zone: as SKINSCAN_ZONE says, or this computer's."""
    from tzlocal import get_localzone_name

    return checked_zone(os.environ.get(ZONE_VARIABLE) or get_localzone_name() or "UTC")
