"""`skinscan study`: remake the tables that skinscan ships, and the tables of its README.

Every result is the same again for the same code.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from skinscan.study.parallel import over

ROOT = Path(__file__).resolve().parents[2]


@click.group(invoke_without_command=True)
@click.option("--workers", type=int, default=os.cpu_count() or 1, show_default=True)
@click.option(
    "--people",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Folder of the repeated photos of real people (datasets/repeats/).",
)
@click.pass_context
def study(context: click.Context, workers: int, people: Path | None) -> None:
    """Remake what skinscan ships and claims.

    Without a command: the table that smallest detectable changes rest on, from phantoms with and without cards, and
    with --people the repeatability of real faces.
    """
    context.obj = workers
    _check_checkout()
    if context.invoked_subcommand is None:
        context.invoke(repeatability, count=144, rows=None)
        if people is not None:
            context.invoke(of_people, folder=people, name="faces_frl")


def _check_checkout() -> None:
    from skinscan.records import EnvironmentFault

    if not (ROOT / "pyproject.toml").exists():
        raise EnvironmentFault(
            "the study remakes files of skinscan's own checkout",
            expected="skinscan installed from a checkout: pip install -e .",
            found="an installed package",
            todo="clone the repository, and run it there",
        )


@study.command()
def unmixing() -> None:
    """datasets/optics/unmixing.json, from the skin model."""
    from skinscan.study import unmixing as module

    module.write(ROOT / "datasets" / "optics" / "unmixing.json")


@study.command("colour-accuracy")
def colour_accuracy() -> None:
    """datasets/study/colour_accuracy.json and its table, from cameras, lamps and the skin model."""
    from skinscan.study import colour_accuracy as module

    module.write(ROOT / "datasets" / "study" / "colour_accuracy.json", ROOT / "docs" / "colour.md")


@study.command("card-prior")
def card_prior() -> None:
    """datasets/optics/card_prior.npz, from measured cameras, lamps, the chart and the skin model."""
    from skinscan.study import card_prior as module

    module.write(ROOT / "datasets" / "optics" / "card_prior.npz")


@study.command("colour-card")
@click.option("--photos", default=2, show_default=True, help="Photos a tone and lamp, and half as many with gloss.")
@click.option("--pairs", default=4, show_default=True, help="Skins a tone, photographed at two visits three times.")
@click.pass_obj
def colour_card(workers: int, photos: int, pairs: int) -> None:
    """datasets/study/card_accuracy.json and its tables, from phantoms with a colour card."""
    from skinscan.study import card_accuracy as module
    from skinscan.study import card_table
    from skinscan.study.tables import put_table

    matte = over(module.errors, module.jobs(photos), "photos", workers)
    glossy = over(module.errors, module.jobs(max(photos // 2, 1), gloss=1.0), "with gloss", workers)
    changes = [row for part in over(module.changes, module.jobs_of_changes(pairs), "visits", workers) for row in part]
    found = card_table.write(ROOT / "datasets" / "study" / "card_accuracy.json", matte, glossy, changes)
    put_table(ROOT / "docs" / "colour.md", "card", card_table.markdown(found).rstrip())


@study.command()
@click.option("--count", default=4, show_default=True, help="Courses a tone that change, and as many that do not.")
@click.pass_obj
def courses(workers: int, count: int) -> None:
    """The table of simulated courses in docs/treatment.md."""
    from skinscan.study import course_accuracy as module
    from skinscan.study.tables import put_table

    rows = [row for part in over(module.follow, module.jobs(count), "courses", workers) for row in part]
    put_table(ROOT / "docs" / "treatment.md", "courses", module.markdown(module.summary(rows)))


@study.command()
@click.option(
    "--count", default=4, show_default=True, help="Courses a tone of unchanged skin, and of each adverse event."
)
@click.pass_obj
def flags(workers: int, count: int) -> None:
    """The table of flags in docs/treatment.md: false alarms, and what is found, by tone."""
    from skinscan.study import flag_accuracy as module
    from skinscan.study.tables import put_table

    rows = [row for part in over(module.follow, module.jobs(count), "courses", workers) for row in part]
    put_table(ROOT / "docs" / "treatment.md", "flags", module.markdown(rows))


@study.command("face-shape")
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def face_shape(photos: tuple[Path, ...]) -> None:
    """models/face_shape.json, from photos of faces that look into the camera (faces_frl/*_03.jpg)."""
    from skinscan.study import face_shape as module

    module.write(ROOT / "models" / "face_shape.json", photos)


@study.command("pore-classifier")
@click.option("--count", default=72, show_default=True)
@click.pass_obj
def pore_classifier(workers: int, count: int) -> None:
    """models/pore_classifier.json, from phantoms."""
    from skinscan.study import pore_classifier as module

    seeds = list(range(50_000, 50_000 + count))
    parts = over(module.examples, seeds, "phantoms", workers)
    module.write(ROOT / "models" / "pore_classifier.json", parts, seeds)


@study.command("scar-classifier")
@click.option("--count", default=96, show_default=True)
@click.pass_obj
def scar_classifier(workers: int, count: int) -> None:
    """models/scar_classifier.json, from phantoms."""
    from skinscan.study import scar_classifier as module

    seeds = list(range(60_000, 60_000 + count))
    parts = over(module.examples, seeds, "phantoms", workers)
    module.write(ROOT / "models" / "scar_classifier.json", parts, seeds)


@study.command("pore-accuracy")
@click.option("--count", default=108, show_default=True)
@click.pass_obj
def pore_accuracy(workers: int, count: int) -> None:
    """datasets/study/pore_accuracy.json, from phantoms."""
    from skinscan.study import pore_accuracy as module

    seeds = list(range(module.FIRST_SEED, module.FIRST_SEED + count))
    rows = [row for part in over(module.errors, seeds, "photos", workers) for row in part]
    module.write(ROOT / "datasets" / "study" / "pore_accuracy.json", rows)


@study.command("line-accuracy")
@click.option("--rounds", default=3, show_default=True, help="Photos of each tone, depth and recipe.")
@click.option("--fit", is_flag=True, help="Fit what tells a line, on other skins, instead of telling how good it is.")
@click.pass_obj
def line_accuracy(workers: int, rounds: int, fit: bool) -> None:
    """docs/sites.md: how well lines are found on phantoms."""
    from skinscan.study import line_accuracy as module
    from skinscan.study.tables import put_table

    if fit:
        jobs = module.jobs(module.FIRST_SEED + 500_000, rounds, every=True)
        click.echo(str(module.fit(over(module.run, jobs, "photos", workers))))
        return
    rows = over(module.run, module.jobs(module.FIRST_SEED, rounds), "photos", workers)
    put_table(ROOT / "docs" / "sites.md", "lines", module.table(rows))


@study.command("line-errors")
@click.option("--rounds", default=2, show_default=True, help="Photos of each tone, depth and recipe to fit on, twice.")
@click.option(
    "--count", default=15, show_default=True, help="Photos with few and faint lines to fit on, and to try it."
)
@click.pass_obj
def line_errors(workers: int, rounds: int, count: int) -> None:
    """datasets/study/line_accuracy.json, and in docs/sites.md how often the intervals hold the truth."""
    from skinscan.study import line_accuracy, line_errors
    from skinscan.study.tables import put_table

    first = line_accuracy.FIRST_SEED
    jobs = [line_accuracy.jobs(start, rounds + 1) for start in (first, first + 500_000)]
    last = len(jobs[0]) * rounds // (rounds + 1)  # of each, the last round is for trying
    seeds = range(line_errors.FIRST_SEED, line_errors.FIRST_SEED + 2 * count)
    faint = over(line_errors.errors, seeds, "faint lines", workers)
    found = [over(line_errors.of_job, part, "photos", workers) for part in jobs]
    fitted = [row for part in (*found[0][:last], *found[1][:last], *faint[:count]) for row in part]
    line_errors.write(ROOT / "datasets" / "study" / "line_accuracy.json", fitted)
    tried = [row for part in (*found[0][last:], *found[1][last:], *faint[count:]) for row in part]
    put_table(ROOT / "docs" / "sites.md", "lineintervals", line_errors.table(tried))


@study.command()
@click.option("--count", default=144, show_default=True, help="Skins, each photographed five times.")
@click.option("--rows", type=click.Path(path_type=Path), help="Keep the rows here, or read them if the file exists.")
@click.pass_obj
def repeatability(workers: int, count: int, rows: Path | None) -> None:
    """datasets/study/repeatability.json, from unchanged phantom pairs."""
    import pandas as pd

    from skinscan.study import pairs, repeatability_model, site_pairs

    if rows is not None and rows.exists():
        found: list[dict[str, Any]] = [
            {str(name): value for name, value in row.items()}
            for row in pd.read_csv(rows, low_memory=False).to_dict("records")
        ]
        for row in found:
            row["measure"] = row["measure"] if isinstance(row["measure"], str) else ""
    else:
        parts = [
            *over(pairs.run, pairs.study_jobs(count), "skins", workers),
            *over(site_pairs.run, site_pairs.site_jobs(count // 3), "scalps and thighs", workers),
        ]
        found = [row for part in parts for row in part]
        if rows is not None:
            pd.DataFrame(found).to_csv(rows, index=False)
    repeatability_model.write(ROOT / "datasets" / "study" / "repeatability.json", found)


@study.command("people")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--name", default="faces_frl", show_default=True, help="Manifest of the set, in datasets/repeats/.")
@click.pass_obj
def of_people(workers: int, folder: Path, name: str) -> None:
    """datasets/study/people.json, from real people photographed twice."""
    from skinscan.study import people as module

    about = module.manifest(name)
    found = [row for part in over(module.rows, module.repeats_in(folder, about), "people", workers) for row in part]
    summary = module.summarise(found, about)
    module.write(ROOT / "datasets" / "study" / "people.json", summary)
    click.echo(module.table(summary))


@study.command("photos")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.pass_obj
def photos(workers: int, folder: Path) -> None:
    """The table of real photos in docs/refusals.md: what they carry, what they are refused, and why."""
    from skinscan.study import real_photos
    from skinscan.study.tables import put_table

    found = over(real_photos.outcome, real_photos.photos_in(folder), "photos", workers)
    put_table(ROOT / "docs" / "refusals.md", "photos", real_photos.table(found))


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
    from skinscan.study.validation_tables import publish

    intervals = [r for part in over(errors, v.seeds_intervals(drawn), "drawn photos", workers) for r in part]
    mixed = over(
        v.pigments, [v.Pigments(v.FIRST_SEED + 30_000 + i, t) for i, t in enumerate(TONES)], "pigments", workers
    )
    placebo = [r for part in over(v.twice, v.jobs_placebo(placebos), "placebo", workers) for r in part]
    power = [r for part in over(v.twice, v.jobs_power(treated), "treated", workers) for r in part]
    publish(ROOT, alone, intervals, mixed, placebo, power)


@study.command("skin-mask")
@click.option("--count", default=120, show_default=True, help="Held-out scenes.")
@click.option("--photos", envvar="SKINSCAN_TEST_PHOTOS", type=click.Path(path_type=Path), required=True)
@click.pass_obj
def skin_mask(workers: int, count: int, photos: Path) -> None:
    """docs/skin_mask.md: the mask by tone, on held-out scenes and hand-placed points, and what lies over skin."""
    from skinscan.study import skin_mask_accuracy as s
    from skinscan.study.scenes.without_skin import MATERIALS

    parts = over(s.judge_scene, range(count), "scenes", workers)
    parts += over(s.judge_face, sorted((photos / "faces_frl").glob("*.tem")), "faces", workers)
    parts += over(s.judge_close_up, range(12), "close-ups", workers)
    bare = over(s.without_skin, range(20 * len(MATERIALS)), "pictures without skin", workers)
    judged, laid, alarms = ([row for part in parts for row in part[kind]] for kind in range(3))
    s.write(ROOT / "docs" / "skin_mask.md", judged, laid, alarms, bare)


@study.command()
@click.option("--count", default=4, show_default=True, help="Skins a tone, each in some fifty pairs.")
@click.option("--rows", type=click.Path(path_type=Path), help="Keep the rows here too, as CSV.")
@click.pass_obj
def registration(workers: int, count: int, rows: Path | None) -> None:
    """docs/registration.md, from phantom pairs with one thing changed and from pairs that share no skin."""
    import pandas as pd

    from skinscan.study import registration_accuracy, registration_placebo, registration_table

    found = [
        row
        for part in over(registration_accuracy.run, registration_accuracy.jobs(count), "skins", workers)
        for row in part
    ]
    if rows is not None:
        pd.DataFrame(found).to_csv(rows, index=False)
    lamps = over(registration_placebo.run, registration_placebo.jobs(count), "lamps", workers)
    registration_table.publish(ROOT, found, [row for part in lamps for row in part])


@study.command("card-finding")
@click.option("--cards", default=500, show_default=True, help="Scenes with a card.")
@click.option("--others", default=500, show_default=True, help="Scenes without one, and as many of another recipe.")
@click.option("--first", type=int, help="First seed; the study's own unless told.")
@click.option("--photos", envvar="SKINSCAN_TEST_PHOTOS", type=click.Path(path_type=Path), required=True)
@click.pass_obj
def card_finding(workers: int, cards: int, others: int, first: int | None, photos: Path) -> None:
    """docs/scale.md: how surely the colour card is found, and how near what is none comes to being taken for one."""
    from skinscan.study import card_finding as module
    from skinscan.study import card_finding_table as table

    first = module.FIRST_SEED if first is None else first
    shown = over(module.with_card, range(first, first + cards), "cards", workers)
    others_seeds = range(first, first + others)
    bare = over(module.bare_photo, module.photos_without_card(photos), "photos", workers)
    sets = {
        "scenes without one": over(module.without_card, others_seeds, "others", workers),
        "pictures of another recipe": over(module.impostor_alone, others_seeds, "impostors", workers),
        "shared photos without one": [row for row in bare if row is not None],
    }
    table.publish(ROOT, shown, sets)


@study.command()
def demo() -> None:
    """datasets/demo/, the two photos of `skinscan demo`."""
    from skinscan.study import demo as module

    module.write(ROOT / "datasets" / "demo")


@study.command()
def clinic() -> None:
    """datasets/clinic/, the photos of `skinscan serve --demo`."""
    from skinscan.study import clinic as module

    module.write(ROOT / "datasets" / "clinic")


if __name__ == "__main__":
    study()
