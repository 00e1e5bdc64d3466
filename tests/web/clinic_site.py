"""The clinic's real server on a loopback port, in a thread, and a browser's way in."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skinscan.services import Clinic
from skinscan.store import Places, make_store
from tests.services.identity import CHEAP, PASSWORD, user


@dataclass(frozen=True)
class Site:
    """A clinic that is served at an address."""

    clinic: Clinic
    address: str

    def user(self, name: str, roles: Sequence[str], patient_id: str | None = None) -> str:
        """A new user with `PASSWORD`; the id."""
        return user(self.clinic, name, *roles, patient_id=patient_id)

    def sign_in(self, open_page: Any, name: str, width: int = 1280) -> Any:
        """The page of a user who signed in by the form."""
        page = open_page(f"{self.address}/login", width=width)
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        return page


@contextmanager
def served(folder: Path) -> Iterator[Site]:
    """A new clinic, served as `skinscan serve` does."""
    import uvicorn

    from skinscan.web.server import listen, prepare
    from skinscan.web.workplace import Workplace

    workplace = prepare(Workplace(folder))
    from skinscan.web.clinic.server import application
    from skinscan.web.clinic.serving import OF_UVICORN

    with make_store(Places.under(folder / "clinic")) as store, listen(0) as listener:
        clinic = Clinic(store, workplace.desk("clinic"), passwords=CHEAP, zone="Europe/Berlin")
        server = uvicorn.Server(uvicorn.Config(application(clinic, workplace), **OF_UVICORN))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.05)
        yield Site(clinic, f"http://127.0.0.1:{listener.getsockname()[1]}")
        server.should_exit = True
        thread.join(20)
    workplace.close()
