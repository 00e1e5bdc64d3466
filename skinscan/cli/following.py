"""`skinscan course`: a patient's whole course out of a folder of photos or a manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skinscan.cli.calling import DONE, FAILED, check_report, photo_options, progress, regions_of, stop
from skinscan.cli.printing import print_json

if TYPE_CHECKING:
    from skinscan.course_records import Course


@click.command()
@click.argument("place", type=click.Path(path_type=Path), metavar="DIR|CSV", required=False)
@click.option("--indication", metavar="NAME", help="What is treated; it names the primary measure. See --indications.")
@click.option("--indications", is_flag=True, help="List the indications, what is measured for each, and stop.")
@click.option(
    "--session", "sessions", multiple=True, metavar="DAY", help="A day of treatment, 2026-03-04. Repeat for more."
)
@click.option(
    "--treatment",
    "override",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The clinic's own rows for the tables of treatment (TOML).",
)
@click.option("--same-setup", is_flag=True, help="Camera, settings, lamp and their place are the same at every visit.")
@click.option("--same-lamp", is_flag=True, help="Camera and lamp are the same at every visit.")
@photo_options()
def course(
    place: Path | None,
    indication: str | None,
    indications: bool,
    sessions: tuple[str, ...],
    override: Path | None,
    region: tuple[str, ...],
    regions_file: Path | None,
    out: Path | None,
    pdf: Path | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Follow a course of treatment: every visit against the baseline and the visit before, by the skin's own clock.

    DIR holds photos with their days (from the camera, or in their names) and may hold a manifest, course.csv, that
    names sessions, views and scores as well. Scale and regions are those of the first photo.
    """
    from skinscan.records import ParameterError, RegionError, SkinscanError
    from skinscan.treatment import load

    treatment = load(override)
    if indications:
        _list(treatment, as_json)
        return
    if place is None or indication is None:
        raise ParameterError(
            "what to follow is missing", expected="a folder or a manifest, and --indication",
            todo="see skinscan course --indications",
        )  # fmt: skip
    from skinscan.course.build import course_of
    from skinscan.course.reading import read_plan

    check_report(out, pdf)
    try:
        with progress(100, "following") as advance:
            shown = 0

            def tell(share: float, text: str) -> None:
                nonlocal shown
                advance(round(100 * share) - shown)
                shown = round(100 * share)

            plan = read_plan(place, indication, treatment, sessions, settings.pop("site"))
            regions = _regions(place, plan.views, region, regions_file)
            followed = course_of(plan, regions, treatment=treatment, progress=tell, **settings)
    except (ParameterError, RegionError):
        raise
    except SkinscanError as error:
        if as_json:
            from skinscan.cli.printing import error_parts

            print_json({"error": error_parts(error)})
        stop(error, FAILED)
    page = None
    if out is not None:
        from skinscan.report.course_page import write_course

        page = write_course(followed, treatment, out)
    if pdf is not None:
        from skinscan.report.course_page import course_page
        from skinscan.report.pdf import write_pdf

        write_pdf(course_page(followed, treatment, "practitioner"), pdf)
    if as_json:
        print_json(followed.to_dict())
    else:
        _print(followed)
        if page is not None:
            click.echo(f"Report: {page}")
        if pdf is not None:
            click.echo(f"PDF: {pdf}")
    told = any(p.from_baseline.verdict != "not_comparable" for line in followed.trajectories for p in line.points)
    raise SystemExit(DONE if told else FAILED)


def _regions(place: Path, views: tuple[str, ...], texts: tuple[str, ...], file: Path | None) -> Any:
    """The regions that are told, or those of `regions.json` beside the photos; of several views those of
    `regions_VIEW.json`."""
    from skinscan.records import RegionError

    folder = place if place.is_dir() else place.parent
    if len(views) < 2:
        beside = folder / "regions.json"
        return regions_of(texts, beside if not texts and file is None and beside.is_file() else file)
    if texts or file is not None:
        raise RegionError(
            "the course has several views, and a region lies in one of them", expected="--region and --regions for one",
            found=", ".join(view or "(none)" for view in views), todo="put regions_VIEW.json beside the photos",
        )  # fmt: skip
    files = {view: folder / f"regions_{view}.json" for view in views}
    return {view: regions_of((), path) for view, path in files.items() if path.is_file()} or None


def _list(treatment: Any, as_json: bool) -> None:
    from dataclasses import asdict

    from skinscan.measures import all_measures

    if as_json:
        click.echo(json.dumps([asdict(row) for row in treatment.indications], indent=2, ensure_ascii=False))
        return
    for row in treatment.indications:
        click.secho(f"{row.indication:<14} {row.title}", bold=True)
        told = [name for name in row.others if name in all_measures()]
        if row.primary in all_measures():
            told.insert(0, f"{row.primary} (primary)")
        elif row.primary:
            told.insert(0, f"{row.primary} (primary: this version does not measure it)")
        click.echo(f"  {', '.join(told) or 'not measured'}")
        if row.limits:
            click.echo(f"  {row.limits}")
        click.echo(f"  scales to enter: {', '.join(row.scales)}; source: {', '.join(row.source)}")


def _print(course: Course) -> None:
    """The course in words, flags first, and the primary and corrected numbers of every visit as a table."""
    from skinscan.report.numbers import change_places, number

    for text in course.summary["practitioner"]:
        click.echo(text)
    visits = {visit.number: visit for visit in course.plan.visits}
    rows = [
        (visits[point.visit], line, point)
        for line in course.trajectories
        for point in line.points
        if line.is_primary or point.survives_correction
    ]
    rows.sort(key=lambda row: (row[0].number, not row[1].is_primary))
    if rows:
        click.secho(
            f"{'day':<11} {'after':>5}  {'measure':<34} {'region':<12} {'change':>10} {'SDC':>9}  verdict", bold=True
        )
    for visit, line, point in rows:
        step = point.from_baseline
        places = change_places(step.change, step.sdc)
        days = "" if visit.days_after is None else str(visit.days_after)
        where = f"{line.region} {line.view}".strip()
        timing = "" if point.timing == "judged" else f" ({point.timing})"
        figures = f"{number(step.change, places, signed=True):>10} {number(step.sdc, places):>9}"
        click.echo(f"{visit.day!s:<11} {days:>5}  {line.measure:<34} {where:<12} {figures}  {step.verdict}{timing}")
    for text in course.notices:
        click.echo(f"  {text}")
    click.echo("within_error does not show that nothing changed.")
