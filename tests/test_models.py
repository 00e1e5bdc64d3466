"""Optional models: found only when they are the registered file, fetched only when asked, failures told in words."""

from __future__ import annotations

import errno
import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from skinscan import models
from skinscan.records import ParameterError

CONTENT = b"weights" * 5000


class Publisher(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/model" else 404)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def publisher() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Publisher)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """SKINSCAN_MODELS, empty; the user's own folder is empty too."""
    monkeypatch.setenv(models.FOLDER_VARIABLE, str(tmp_path / "named"))
    monkeypatch.setattr(models, "_own_folder", lambda: tmp_path / "own")
    return tmp_path / "named"


def register(monkeypatch: pytest.MonkeyPatch, url: str = "http://127.0.0.1:1/model", content: bytes = CONTENT) -> None:
    entry = models.Model(
        "small", "small.bin", "Small Model", "tests", url, hashlib.sha256(content).hexdigest(), len(CONTENT), "-", "-"
    )
    monkeypatch.setattr(models, "registry", lambda: {"small": entry})


def test_the_registry_pins_every_model():
    for name, model in models.registry().items():
        assert name == model.name
        assert len(model.sha256) == 64
        assert model.url.startswith("https://")
        assert model.url.endswith(model.file)
        assert model.bytes > 0
        assert model.licence
        assert model.purpose


def test_the_shared_face_model_is_the_registered_one(face_model):
    """Size and SHA-256 of a file that came from elsewhere than the registry."""
    assert face_model == models.find("face_landmarker")


def test_nothing_is_found_where_nothing_is(folder, monkeypatch):
    register(monkeypatch)
    place = models.locate("small")
    assert (place.state, place.path) == ("absent", None)
    assert "skinscan models get small" in place.reason
    assert not folder.exists()


def test_the_named_folder_comes_before_the_users_own(folder, monkeypatch):
    register(monkeypatch)
    for place in (folder.parent / "own", folder):
        place.mkdir()
        (place / "small.bin").write_bytes(CONTENT)
        assert models.find("small") == place / "small.bin"


def test_an_altered_file_is_not_used_and_the_right_one_elsewhere_is(folder, monkeypatch):
    register(monkeypatch)
    folder.mkdir()
    (folder / "small.bin").write_bytes(CONTENT[:-1] + b"!")
    assert models.find("small") is None
    assert models.locate("small").state == "altered"
    own = folder.parent / "own"
    own.mkdir()
    (own / "small.bin").write_bytes(CONTENT)
    assert models.find("small") == own / "small.bin"


def test_a_file_is_read_again_only_when_it_changed(folder, monkeypatch):
    register(monkeypatch)
    folder.mkdir()
    file = folder / "small.bin"
    file.write_bytes(CONTENT)
    before = models._digest.cache_info().misses
    for _ in range(5):
        assert models.find("small") == file
    assert models._digest.cache_info().misses == before + 1
    file.write_bytes(CONTENT[:-1] + b"!")
    assert models.find("small") is None


def test_a_model_is_fetched_once_with_progress(folder, monkeypatch, publisher):
    register(monkeypatch, f"{publisher}/model")
    told: list[tuple[int, int]] = []
    path = models.get("small", lambda done, total: told.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert path.parent == folder
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert sorted(told) == told
    register(monkeypatch)  # its publisher is gone: what is at hand is not fetched again
    assert models.get("small") == path


def test_another_file_than_the_registered_one_is_refused_and_not_kept(folder, monkeypatch, publisher):
    register(monkeypatch, f"{publisher}/model", b"something else")
    with pytest.raises(models.ModelError, match=r"is not the Small Model. expected SHA-256 .*try again"):
        models.get("small")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("path", ["http://127.0.0.1:1/model", "{publisher}/gone"])
def test_a_publisher_that_does_not_answer_is_told(folder, monkeypatch, publisher, path):
    register(monkeypatch, path.format(publisher=publisher))
    with pytest.raises(models.ModelError, match=r"could not be fetched. expected an answer from http.*found.*copy"):
        models.get("small")
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_told(folder, monkeypatch):
    register(monkeypatch)
    folder.write_text("a file where the folder should be")
    with pytest.raises(models.ModelError, match=r"cannot be kept in .*set SKINSCAN_MODELS"):
        models.get("small")


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "no room for the Small Model"), (errno.EROFS, "cannot be kept in")]
)
def test_a_full_or_locked_disk_is_told(folder, monkeypatch, number, words):
    import pooch

    def fail(*_: object, **__: object) -> str:
        raise OSError(number, "as told by the system")

    register(monkeypatch)
    monkeypatch.setattr(pooch, "retrieve", fail)
    with pytest.raises(models.ModelError, match=words):
        models.get("small")


def test_an_unknown_model_is_told_with_those_that_are():
    with pytest.raises(ParameterError, match=r"there is no model 'tail'. expected face_landmarker"):
        models.find("tail")


def test_looking_for_a_model_loads_nothing_that_could_fetch_it():
    code = (
        "import sys; from skinscan import models; models.find('face_landmarker');"
        "print(*[m for m in ('pooch', 'requests', 'urllib3') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
