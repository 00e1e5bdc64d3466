"""Writing a report's files: into a folder, whole or not at all, over nobody else's files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from skinscan.records import SCHEMA, ParameterError

LIST = "skinscan-report.json"
"""The list of what a report wrote: only these files may be written over or removed by the next one."""


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write `files` (name -> content) into `folder`, which is made where it is missing.

    Files of an earlier report in the folder are replaced, those it no longer has are removed. Raises
    ParameterError where `folder` is a file, holds somebody else's file of one of these names, or cannot be
    written to; somebody else's files are then as they were.
    """
    if folder.exists() and not folder.is_dir():
        raise ParameterError(
            "the report needs a folder",
            expected="a folder",
            found=f"the file {folder}",
            todo="give another place",
        )
    earlier = _listed(folder)
    foreign = sorted(name for name in (*files, LIST) if (folder / name).exists() and name not in earlier)
    if foreign:
        raise ParameterError(
            f"the report does not write over {', '.join(foreign[:3])} in {folder}",
            expected="an empty folder or one that holds an earlier report",
            found="a file that no report wrote",
            todo="give another folder",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in sorted(earlier - set(files) - {LIST}):
            (folder / name).unlink(missing_ok=True)
        listing = {"schema": SCHEMA, "files": sorted(files)}
        _write(folder / LIST, json.dumps({**listing, "files": sorted({*earlier, *files} - {LIST})}).encode())
        for name, content in files.items():
            _write(folder / name, content)
        _write(folder / LIST, json.dumps(listing, indent=1).encode())
    except OSError as error:
        raise ParameterError(
            f"the report could not be written to {folder}",
            expected="a folder that can be written to",
            found=error.strerror or type(error).__name__,
            todo="give another folder or free some space",
        ) from error


def _listed(folder: Path) -> set[str]:
    """Names that an earlier report listed as its own in this folder, and the list itself; nothing else."""
    try:
        listing = json.loads((folder / LIST).read_text("utf-8"))
        names = {name for name in listing["files"] if isinstance(name, str)}
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {name for name in names if name == os.path.basename(name) and name not in ("", ".", "..")} | {LIST}


def _write(path: Path, content: bytes) -> None:
    """Through a file beside it: a report cut short leaves no half file, and a link is not followed."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
