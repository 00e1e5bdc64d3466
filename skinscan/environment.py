"""Where skinscan's own data lies, and whether the machine underneath is sound."""

from __future__ import annotations

import re
from functools import cache
from importlib import metadata
from pathlib import Path

from skinscan.records import EnvironmentFault

_PACKAGE = Path(__file__).resolve().parent


def data_path(*parts: str) -> Path:
    """Path of a file under `datasets/` or `models/`, in a checkout and in an install alike.

    `data_path("datasets", "study", "repeatability.csv")`. Raises EnvironmentFault if it is not there.
    """
    for root in (_PACKAGE / "_data", _PACKAGE.parent):
        candidate = root.joinpath(*parts)
        if candidate.exists():
            return candidate
    raise EnvironmentFault(
        f"skinscan's own data file {'/'.join(parts)} is missing",
        expected=f"it under {_PACKAGE / '_data'} (install) or {_PACKAGE.parent} (checkout)",
        found="neither",
        todo="reinstall skinscan: pip install --force-reinstall skinscan",
    )


@cache
def check_opencv() -> None:
    """Refuse to measure when two OpenCV wheels share one environment.

    All of them install the same `cv2` folder: the last one installed wins and removing either breaks the
    other, so numbers could come from a library that nobody chose.
    """
    wheels = sorted(
        {
            name
            for dist in metadata.distributions()
            if (name := re.sub(r"[-_.]+", "-", dist.metadata["Name"] or "").lower()).startswith("opencv-")
            and "python" in name
        }
    )
    if wheels == ["opencv-python-headless"]:
        return
    others = [w for w in wheels if w != "opencv-python-headless"]
    raise EnvironmentFault(
        "more than one OpenCV is installed" if wheels else "OpenCV is not installed",
        expected="opencv-python-headless alone",
        found=", ".join(wheels) or "none",
        todo=f"run: pip uninstall -y {' '.join([*others, 'opencv-python-headless'])} && "
        "pip install --force-reinstall 'opencv-python-headless>=5'",
    )


def keep_memory() -> bool:
    """Keep memory from photo to photo instead of giving it back to the system: a tenth of the time of measuring one.

    For processes that measure many. Whether it could be done: it takes Linux and its usual C library.
    """
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or none to be found
        return False
    trim_threshold, mmap_threshold = -1, -3  # of malloc.h
    return bool(mallopt(mmap_threshold, _KEPT_BYTES) and mallopt(trim_threshold, 4 * _KEPT_BYTES))


_KEPT_BYTES = 1 << 26
