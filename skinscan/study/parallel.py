"""The same work on many phantoms, side by side in fresh processes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

import click

A = TypeVar("A")
B = TypeVar("B")


def _one_thread() -> None:
    import cv2

    cv2.setNumThreads(1)


def over(work: Callable[[A], B], jobs: Sequence[A], label: str, workers: int) -> list[B]:
    """`work` of each job in fresh processes, in the order of the jobs, with a bar."""
    done: list[B] = []
    with (
        ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_one_thread) as pool,
        click.progressbar(length=len(jobs), label=label, file=sys.stderr) as bar,
    ):
        for result in pool.map(work, jobs):
            done.append(result)
            bar.update(1)
    return done
