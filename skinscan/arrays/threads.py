"""Two things at once: photos of a pair do not wait for each other. OpenCV and numpy let go of Python's lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")

AT_ONCE = 2


def side_by_side(first: Callable[[], T], second: Callable[[], T]) -> tuple[T, T]:
    """What both return, the second called in a thread beside the first; an error of the first comes first."""
    from concurrent.futures import ThreadPoolExecutor  # not at the top: one photo does without

    with ThreadPoolExecutor(1) as beside:
        other = beside.submit(second)
        return first(), other.result()


def each(function: Callable[[U], T], items: Iterable[U]) -> list[T]:
    """What a function makes of each item, in order, AT_ONCE at a time."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(function, items))
