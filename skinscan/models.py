"""Optional models of others: where they lie, and how they are fetched when a person asks for it.

`get` is the only function of skinscan that reaches for the network, and only `skinscan models get` calls it. All else
asks `find`, which looks into the folder that SKINSCAN_MODELS names and then into the user's own data folder.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

from skinscan.environment import data_path
from skinscan.records import ParameterError, SkinscanError

FOLDER_VARIABLE = "SKINSCAN_MODELS"
"""Environment variable that names a folder with model files."""

Progress = Callable[[int, int], None]
"""Told how many bytes have come, and how many there are in all."""


class ModelError(SkinscanError):
    """A model could not be fetched or stored."""


@dataclass(frozen=True, slots=True)
class Model:
    """An entry of `models/registry.json`: a file of another publisher, pinned by its SHA-256."""

    name: str
    file: str
    title: str
    purpose: str
    url: str
    sha256: str
    bytes: int
    publisher: str
    licence: str


@dataclass(frozen=True, slots=True)
class Place:
    """Whether a model is at hand. `path` is None unless `state` is 'ready'; `reason` tells what was found, in words."""

    state: Literal["ready", "absent", "altered"]
    path: Path | None
    reason: str


@cache
def registry() -> dict[str, Model]:
    """Every optional model by name."""
    entries = json.loads(data_path("models", "registry.json").read_text(encoding="utf-8"))["models"]
    return {entry["name"]: Model(**entry) for entry in entries}


def find(name: str) -> Path | None:
    """Path of a model whose file has the registered SHA-256, or None. Never downloads."""
    return locate(name).path


def locate(name: str) -> Place:
    """Like `find`, with the reason in words where the model is not at hand."""
    model = _known(name)
    altered = None
    for folder in folders():
        path = folder / model.file
        try:
            status = path.stat()
        except OSError:
            continue
        if status.st_size == model.bytes and _digest(path, status.st_size, status.st_mtime_ns) == model.sha256:
            return Place("ready", path, "")
        altered = path
    todo = f"run: skinscan models get {name}"
    if altered is not None:
        return Place("altered", None, f"{altered} is not the {model.title} that skinscan knows and is not used; {todo}")
    return Place("absent", None, f"the {model.title} is not on this machine; {todo}")


def folders() -> list[Path]:
    """Folders in which models are looked for, first things first."""
    named = os.environ.get(FOLDER_VARIABLE, "").strip()
    return [*([Path(named).expanduser()] if named else []), _own_folder()]


def get(name: str, progress: Progress | None = None) -> Path:
    """Path of a model, fetched from its publisher when it is not at hand.

    It is written to SKINSCAN_MODELS where that is set, else to the user's data folder, under another name until its
    SHA-256 is found right. Raises ModelError when the publisher cannot be reached, sends another file, or the folder
    cannot be written to or is full.
    """
    model = _known(name)
    found = find(name)
    if found is not None:
        return found
    folder = folders()[0]
    _make(folder)
    import pooch  # not at the top: only who fetches needs it

    pooch.get_logger().setLevel("ERROR")
    fetch = pooch.HTTPDownloader(progressbar=_Bar(model.bytes, progress) if progress else False, timeout=30)
    try:
        fetched = pooch.retrieve(model.url, f"sha256:{model.sha256}", model.file, folder, downloader=fetch)
    except ValueError:
        raise ModelError(
            f"the file that came for {name} is not the {model.title}",
            expected=f"SHA-256 {model.sha256}",
            found=f"another file at {model.url}",
            todo="try again in another network; if it stays so, update skinscan. Nothing was kept",
        ) from None
    except OSError as error:
        raise _failure(model, folder, error) from error
    return Path(fetched)


class _Bar:
    """What pooch tells of a download, passed on."""

    def __init__(self, total: int, progress: Progress) -> None:
        self.total, self._registered, self._progress, self._done = total, total, progress, 0

    def update(self, count: int) -> None:
        self._done += count
        self._progress(min(self._done, self._registered), self._registered)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        """pooch closes what it is lent."""


def _known(name: str) -> Model:
    models = registry()
    if name not in models:
        raise ParameterError(
            f"there is no model '{name}'", expected=" or ".join(models), found=f"'{name}'", todo="choose one of these"
        )
    return models[name]


def _own_folder() -> Path:
    from platformdirs import user_data_path  # not at the top: what only prints help shall start at once

    return user_data_path("skinscan", appauthor=False) / "models"


@lru_cache(maxsize=32)
def _digest(path: Path, size: int, modified_ns: int) -> str:
    """SHA-256 of a file, read once as long as its size and date stay; empty where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(folder, None)


def _failure(model: Model, folder: Path, error: OSError) -> ModelError:
    """An OSError of a download in words: the disk, the folder, or else the network."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ModelError(
            f"there is no room for the {model.title}",
            expected=f"{model.bytes / 1e6:.1f} MB free in {folder}",
            found="a full disk",
            todo=f"make room, or set {FOLDER_VARIABLE} to a folder on another disk",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return _unwritable(folder, error)
    return ModelError(
        f"the {model.title} could not be fetched",
        expected=f"an answer from {model.url}",
        found=_shortly(error),
        todo=f"check the network and try again, or copy {model.file} from another machine into {folder}",
    )


def _unwritable(folder: Path, error: OSError | None) -> ModelError:
    return ModelError(
        f"models cannot be kept in {folder}",
        expected="a folder that may be written to",
        found=(error.strerror if error is not None else None) or "no permission to write",
        todo=f"set {FOLDER_VARIABLE} to a folder of yours",
    )


def _shortly(error: Any, limit: int = 160) -> str:
    """The first line of an error, without the object addresses that HTTP libraries print."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    text = text.split(">: ")[-1].rstrip(")")
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
