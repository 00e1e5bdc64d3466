"""`python -m skinscan.study WHAT`: remake the tables that skinscan ships, and the tables of its README.

Run from a checkout; every result is the same again for the same code.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from skinscan.study.parallel import over

ROOT = Path(__file__).resolve().parents[2]

@click.group()
@click.option("--workers", type=int, default=os.cpu_count() or 1, show_default=True)
@click.pass_context
def study(context: click.Context, workers: int) -> None:
    """Remake what skinscan ships and claims."""
    context.obj = workers


@study.command()
def unmixing() -> None:
    """datasets/optics/unmixing.json, from the skin model."""
    from skinscan.study import unmixing as module

    module.write(ROOT / "datasets" / "optics" / "unmixing.json")


@study.command("pore-classifier")
@click.option("--count", default=72, show_default=True)
@click.pass_obj
def pore_classifier(workers: int, count: int) -> None:
    """models/pore_classifier.json, from phantoms."""
    from skinscan.study import pore_classifier as module

    seeds = list(range(50_000, 50_000 + count))
    parts = over(module.examples, seeds, "phantoms", workers)
    module.write(ROOT / "models" / "pore_classifier.json", parts, seeds)


if __name__ == "__main__":
    study()
