"""The switch for the compiled kernels of `find_blobs` and `measure_pits` (numba, the optional extra `fast`).

Importing numba takes half a second, so nothing is compiled unless `load_kernels` is called: it pays where a process
measures several photos. Without numba, or before that, the same functions work as numpy and OpenCV alone.
"""

from __future__ import annotations

import importlib
import sys
from threading import Lock
from types import ModuleType

from skinscan.environment import keep_memory

kept_on_disk = True
"""Whether kernels are compiled once for all processes, where a folder for that can be had."""

_lock = Lock()
_kernels: ModuleType | None = None
_known: ModuleType | None = None


def load_kernels() -> bool:
    """Import (compiling where no cache is found) the kernels and use them from now on, in this process.

    False where numba is missing or does not go with this numpy. From any thread; a second call costs nothing. Raises
    what numba raises where it can be imported and the kernels cannot be compiled.
    """
    global _kernels, _known
    with _lock:
        try:
            _known = _known or _imported_or_compiled()
        except ImportError:
            return False
        _kernels = _known
    return True


def _imported_or_compiled() -> ModuleType:
    try:
        return _imported(kept=True)
    except ImportError:
        raise
    except Exception:  # whatever a damaged or full cache makes numba raise; without one, what fails is no cache's fault
        return _imported(kept=False)


def _imported(kept: bool) -> ModuleType:
    global kept_on_disk
    kept_on_disk = kept
    sys.modules.pop(f"{__package__}.kernels", None)
    return importlib.import_module(f"{__package__}.kernels")


def warm_up() -> bool:
    """Make this process ready to measure many photos: the kernels where they can be had, and memory kept from photo to
    photo. Returns whether the kernels are in use."""
    keep_memory()
    return load_kernels()


def loaded() -> bool:
    """Whether the kernels are in use."""
    return _kernels is not None


def unload() -> None:
    """Use numpy and OpenCV alone again."""
    global _kernels
    with _lock:
        _kernels = None


def kernels() -> ModuleType | None:
    """`skinscan.arrays.kernels` while in use."""
    return _kernels
