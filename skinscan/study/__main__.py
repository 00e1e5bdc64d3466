"""`python -m skinscan.study WHAT`: remake the tables that skinscan ships, and the tables of its README.

Run from a checkout; every result is the same again for the same code.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

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


@study.command("colour-accuracy")
def colour_accuracy() -> None:
    """datasets/study/colour_accuracy.json, from cameras, lamps and the skin model."""
    from skinscan.study import colour_accuracy as module

    module.write(ROOT / "datasets" / "study" / "colour_accuracy.json")


@study.command("pore-classifier")
@click.option("--count", default=72, show_default=True)
@click.pass_obj
def pore_classifier(workers: int, count: int) -> None:
    """models/pore_classifier.json, from phantoms."""
    from skinscan.study import pore_classifier as module

    seeds = list(range(50_000, 50_000 + count))
    parts = over(module.examples, seeds, "phantoms", workers)
    module.write(ROOT / "models" / "pore_classifier.json", parts, seeds)


@study.command("pore-accuracy")
@click.option("--count", default=108, show_default=True)
@click.pass_obj
def pore_accuracy(workers: int, count: int) -> None:
    """datasets/study/pore_accuracy.json, from phantoms."""
    from skinscan.study import pore_accuracy as module

    seeds = list(range(module.FIRST_SEED, module.FIRST_SEED + count))
    rows = [row for part in over(module.errors, seeds, "photos", workers) for row in part]
    module.write(ROOT / "datasets" / "study" / "pore_accuracy.json", rows)


@study.command()
@click.option("--count", default=144, show_default=True, help="Skins, each photographed five times.")
@click.option("--rows", type=click.Path(path_type=Path), help="Keep the rows here, or read them if the file exists.")
@click.pass_obj
def repeatability(workers: int, count: int, rows: Path | None) -> None:
    """datasets/study/repeatability.json, from unchanged phantom pairs."""
    import pandas as pd

    from skinscan.study import pairs, repeatability_model

    if rows is not None and rows.exists():
        found: list[dict[str, Any]] = [
            {str(name): value for name, value in row.items()}
            for row in pd.read_csv(rows, low_memory=False).to_dict("records")
        ]
        for row in found:
            row["measure"] = row["measure"] if isinstance(row["measure"], str) else ""
    else:
        found = [row for part in over(pairs.run, pairs.study_jobs(count), "skins", workers) for row in part]
        if rows is not None:
            pd.DataFrame(found).to_csv(rows, index=False)
    repeatability_model.write(ROOT / "datasets" / "study" / "repeatability.json", found)


@study.command()
@click.option("--singles", default=2, show_default=True, help="Photos a tone and resolution.")
@click.option("--drawn", default=72, show_default=True, help="Photos by a drawn camera, for the intervals.")
@click.option("--placebos", default=12, show_default=True, help="Unchanged pairs a tone.")
@click.option("--treated", default=4, show_default=True, help="Treated pairs a tone and treatment.")
@click.pass_obj
def validate(workers: int, singles: int, drawn: int, placebos: int, treated: int) -> None:
    """docs/results.md and the tables of README.md, from phantoms that nothing was fitted on."""
    from skinscan.study import validation as v

    alone = over(v.single, v.jobs_single(singles), "photos", workers)
    from skinscan.study.pairs import TONES
    from skinscan.study.pore_accuracy import errors

    intervals = [r for part in over(errors, v.seeds_intervals(drawn), "drawn photos", workers) for r in part]
    mixed = over(
        v.pigments, [v.Pigments(v.FIRST_SEED + 30_000 + i, t) for i, t in enumerate(TONES)], "pigments", workers
    )
    placebo = [r for part in over(v.twice, v.jobs_placebo(placebos), "placebo", workers) for r in part]
    power = [r for part in over(v.twice, v.jobs_power(treated), "treated", workers) for r in part]
    v.publish(ROOT, alone, intervals, mixed, placebo, power)


@study.command("skin-mask")
@click.option("--count", default=120, show_default=True, help="Held-out scenes.")
@click.option("--photos", envvar="SKINSCAN_TEST_PHOTOS", type=click.Path(path_type=Path), required=True)
@click.pass_obj
def skin_mask(workers: int, count: int, photos: Path) -> None:
    """docs/skin_mask.md: the mask by tone, on held-out scenes and hand-placed points, and what lies over skin."""
    from skinscan.study import skin_mask_accuracy as s

    parts = over(s.judge_scene, range(count), "scenes", workers)
    parts += over(s.judge_face, sorted((photos / "faces_frl").glob("*.tem")), "faces", workers)
    parts += over(s.judge_close_up, range(12), "close-ups", workers)
    judged, laid, alarms = ([row for part in parts for row in part[kind]] for kind in range(3))
    s.write(ROOT / "docs" / "skin_mask.md", judged, laid, alarms)


@study.command()
def demo() -> None:
    """datasets/demo/, the two photos of `skinscan demo`."""
    from skinscan.study import demo as module

    module.write(ROOT / "datasets" / "demo")


if __name__ == "__main__":
    study()
