"""What is sent and is no photo, or not all of one: told in words on the page; the record as it was, nothing left."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from skinscan.store import Store, reading, verifying
from skinscan.store.tables import Photo
from tests.services.identity import PASSWORD
from tests.web.made_photos import NO_PHOTOS, noise, patient
from tests.web.served_process import Ground, ServedProcess
from tests.web.visitor import Refused, Visitor

_UPLOAD = "/practitioner/gradio_api/upload"
_SOON_S = 10.0


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(tmp_path_factory.mktemp("uploads"))


@pytest.fixture(scope="module")
def store(ground: Ground) -> Iterator[Store]:
    with ground.make("tara", "theo") as opened:
        yield opened


@pytest.fixture(scope="module")
def served(ground: Ground, store: Store) -> Iterator[ServedProcess]:
    server = ServedProcess(ground)
    yield server
    server.stop()
    assert "Traceback" not in (ground.folder / "server.log").read_text()


@pytest.fixture(scope="module")
def patient_id(store: Store) -> str:
    return patient(store)


@pytest.fixture
def tara(served: ServedProcess, patient_id: str) -> Iterator[Visitor]:
    with Visitor(served.address) as visitor:
        visitor.sign_in("tara", PASSWORD)
        visitor.open(patient_id)
        yield visitor


def left(ground: Ground) -> list[Path]:
    """Files with anything in them, among the server's temporary ones."""
    found = []
    for path in ground.temporary.rglob("*"):
        try:
            if path.is_file() and path.stat().st_size:
                found.append(path)
        except FileNotFoundError:
            pass  # wiped meanwhile
    return found


def soon(is_so: Callable[[], bool]) -> bool:
    """Whether something is so within a while."""
    end = time.monotonic() + _SOON_S
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("what", NO_PHOTOS)
def test_what_is_no_photo_is_refused_in_words(
    ground: Ground, store: Store, patient_id: str, tara: Visitor, what: str
) -> None:
    lines = store.audit.count()
    (warning,) = tara.add(NO_PHOTOS[what]).warnings
    assert "expected" in warning
    assert "<script" not in warning
    assert "<img" not in warning
    assert str(ground.folder) not in warning
    assert tara.shown() == []
    with pytest.raises(Refused, match="nothing to save"):
        tara.save()
    assert store.audit.count() == lines
    assert left(ground) == []


def test_one_that_is_none_does_not_keep_the_others_away(ground: Ground, tara: Visitor) -> None:
    told = tara.add(("front.jpg", noise(10)), NO_PHOTOS["a page"], ("left.jpg", noise(11)))
    assert len(told.warnings) == 1
    assert len(tara.shown()) == 2
    assert left(ground) == []


def test_an_empty_file_does_not_keep_the_others_away(ground: Ground, tara: Visitor) -> None:
    told = tara.add(("front.jpg", noise(12)), NO_PHOTOS["nothing"])
    assert len(told.warnings) == 1
    assert len(tara.shown()) == 1
    tara.add(("left.jpg", noise(13)))
    assert len(tara.shown()) == 2


def test_the_content_tells_what_it_is_whatever_was_said_of_it(ground: Ground, store: Store, tara: Visitor) -> None:
    tara.type("photos", tara.upload(("front.png", noise(12)), content_type="text/html"))
    tara.fire("photos", "upload")
    tara.save()
    assert "Saved: 1 photo" in tara.done
    assert left(ground) == []


@pytest.mark.parametrize("said", [True, False])
def test_too_much_is_refused_in_words(ground: Ground, tara: Visitor, said: bool) -> None:
    """Refused by what it says of its length at once; where it says nothing, when it becomes too much."""
    head = b'--xx\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(301 if not said else 1):
            yield bytes(1 << 20)

    length = {"content-length": str(301 << 20)} if said else {}
    headers = {"content-type": "multipart/form-data; boundary=xx", **length}
    if said:
        answer = _answer_to_the_beginning(tara, headers)
        assert b" 413 " in answer
        assert b"300 MB" in answer
    else:
        refused = tara.http.post(_UPLOAD, content=body(), headers=headers)
        assert refused.status_code == 413
        assert "300 MB" in refused.text
    assert soon(lambda: left(ground) == [])


def _answer_to_the_beginning(visitor: Visitor, headers: dict[str, str], body: bytes = b"", wait: bool = True) -> bytes:
    """Send the beginning of an upload; what the server answers, where that is waited for, then go away."""
    parts = urlsplit(visitor.address)
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.http.cookies.items())
    told = {"host": parts.netloc, "origin": visitor.address, "cookie": cookie, **headers}
    lines = [f"POST {_UPLOAD} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=_SOON_S) as connection:
        connection.sendall("\r\n".join(lines).encode() + body)
        answer = b""
        while wait and b"\r\n\r\n" not in answer.rstrip(b"\r\n"):  # the head and the words may come apart
            answer += connection.recv(4096)
        return answer


def test_a_browser_that_goes_away_in_the_middle_leaves_nothing(
    ground: Ground, store: Store, patient_id: str, tara: Visitor
) -> None:
    lines = store.audit.count()
    photo = noise(13, 600, 800)
    head = b'--xx\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
    headers = {"content-type": "multipart/form-data; boundary=xx", "content-length": str(len(head) + len(photo) + 10)}
    for share in (0.0, 0.3, 0.7, 1.0):
        _answer_to_the_beginning(tara, headers, head + photo[: int(share * len(photo))], wait=False)
    assert soon(lambda: left(ground) == [])
    assert store.audit.count() == lines
    tara.add(("front.jpg", photo))
    assert len(tara.shown()) == 1


def test_two_practitioners_who_save_at_once_both_succeed(store: Store, served: ServedProcess, patient_id: str) -> None:
    """One patient of both, and one patient of each; two shots of a view each time."""
    own = {name: patient(store) for name in ("tara", "theo")}
    begin = threading.Barrier(2)
    sent: dict[str, set[bytes]] = {one: set() for one in (patient_id, *own.values())}
    known = {photo.id for photo in reading.rows_of(store, Photo, patient_id)}

    def work(name: str) -> None:
        with Visitor(served.address) as visitor:
            visitor.sign_in(name, PASSWORD)
            for number, whose in enumerate((patient_id, own[name], patient_id)):
                visitor.open(whose)
                begin.wait(60)
                photos = [noise(hash((name, number, shot)) % 2**31) for shot in (1, 2)]
                visitor.add(*((f"front{shot}.jpg", photo) for shot, photo in enumerate(photos)))
                for place in (0, 1):
                    visitor.type(f"view-{place}", "front")
                begin.wait(60)
                visitor.save()
                assert "Saved: 2 photos" in visitor.done, visitor.done
                sent[whose].update(photos)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, own))
    for whose, originals in sent.items():
        rows = [photo for photo in reading.rows_of(store, Photo, whose) if photo.id not in known]
        assert {reading.original_of(store, photo.id) for photo in rows} == originals
        by_visit: dict[str, list[int]] = {}
        for photo in reading.rows_of(store, Photo, whose):  # other tests' of the same minute too
            by_visit.setdefault(photo.visit_id, []).append(photo.shot)
        # of one patient in one minute it is one visit: its shots are counted through
        assert all(sorted(shots) == list(range(1, len(shots) + 1)) for shots in by_visit.values())
    assert verifying.verify(store).ok
    store.audit.verify()
