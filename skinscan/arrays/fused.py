"""The switch for the compiled kernels of `find_blobs` and `measure_pits` (numba, the optional extra `fast`).

Importing numba takes half a second, so nothing is compiled unless `load_kernels` is called: it pays where a process
measures several photos. Without numba, or before that, the same functions work as numpy and OpenCV alone.
"""

from __future__ import annotations

from threading import Lock
from types import ModuleType

_lock = Lock()
_kernels: ModuleType | None = None


def load_kernels() -> bool:
    """Import (compiling where no cache is found) the kernels and use them from now on, in this process.

    False where numba is missing or does not go with this numpy. From any thread; a second call costs nothing.
    """
    global _kernels
    with _lock:
        if _kernels is None:
            try:
                import numba  # noqa: F401
            except ImportError:
                return False
            from skinscan.arrays import kernels

            _kernels = kernels
    return True


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
