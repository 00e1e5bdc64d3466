"""`skinscan assess`, `compare`, `profile`, `measures`: numbers out of photos."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skinscan.cli.calling import (
    DONE,
    FAILED,
    check_report,
    compared,
    photo_options,
    progress,
    regions_of,
    stop,
)
from skinscan.cli.printing import (
    error_entry,
    error_parts,
    print_assessment,
    print_comparison,
    print_json,
)

if TYPE_CHECKING:
    from skinscan.records import Assessment


@click.command()
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PHOTO...")
@photo_options()
def assess(
    photos: tuple[Path, ...],
    region: tuple[str, ...],
    regions_file: Path | None,
    out: Path | None,
    pdf: Path | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Measure one or several photos."""
    from skinscan.assessment import assess as assess_photo
    from skinscan.records import ParameterError, RegionError, SkinscanError

    regions = regions_of(region, regions_file)
    check_report(out, pdf)
    done: list[Assessment] = []
    told: list[dict[str, Any]] = []
    failed = False
    with progress(len(photos), "measuring") as advance:
        for photo in photos:
            try:
                assessment = assess_photo(photo, regions=regions, evidence=bool(out or pdf), **settings)
            except ParameterError:
                raise  # a setting is wrong, not a photo
            except SkinscanError as error:
                if isinstance(error, RegionError) and len(photos) == 1:
                    raise
                failed = True
                told.append(error_entry(photo, error))
            else:
                entry = assessment.to_dict()
                if all(math.isnan(m.value) for m in assessment.measurements):
                    failed = True
                    reasons = dict.fromkeys(m.reason for m in assessment.measurements)
                    entry["error"] = {"message": f"nothing could be measured: {'; '.join(reasons)}"}
                told.append(entry)
                done.append(assessment)
            advance(1)
    if out is not None and done:
        from skinscan.report import write_assessment

        page = write_assessment(done, out)
    if pdf is not None and done:
        from skinscan.report import assessment_html
        from skinscan.report.pdf import write_pdf

        write_pdf(assessment_html(done), pdf)
    if as_json:
        print_json(told if len(photos) > 1 else told[0])
    else:
        for entry in told:
            print_assessment(entry)
        if out is not None and done:
            click.echo(f"Report: {page}")
        if pdf is not None and done:
            click.echo(f"PDF: {pdf}")
    raise SystemExit(FAILED if failed else DONE)


@click.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@photo_options()
@click.option(
    "--same-setup",
    is_flag=True,
    help="Camera, settings, lamp and their place against the skin were the same: smaller changes can be called.",
)
@click.option(
    "--same-lamp",
    is_flag=True,
    help="Camera and lamp were the same, wherever they stood: for colours that a neutral patch ties.",
)
def compare(
    before: Path,
    after: Path,
    region: tuple[str, ...],
    regions_file: Path | None,
    out: Path | None,
    pdf: Path | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Compare two photos of the same skin: what changed, and whether that is more than measurement error.

    Scale and regions are those of BEFORE; AFTER is matched to it by the skin itself.
    """
    from skinscan.records import SCHEMA, ParameterError, RegionError, SkinscanError

    regions = regions_of(region, regions_file)
    check_report(out, pdf)
    try:
        comparison = compared(before, after, regions, out, pdf, **settings)
    except (ParameterError, RegionError):
        raise
    except SkinscanError as error:
        if as_json:
            empty: dict[str, Any] = {"registration": None, "before": None, "after": None, "changes": []}
            print_json(
                {"schema": SCHEMA, "comparable": False, "reasons": [str(error)], **empty, "error": error_parts(error)}
            )
        stop(error, FAILED)
    if as_json:
        print_json(comparison.to_dict())
    else:
        print_comparison(comparison)
        if out is not None:
            click.echo(f"Report: {out / 'report.html'}")
        if pdf is not None:
            click.echo(f"PDF: {pdf}")
    raise SystemExit(DONE if comparison.comparable else FAILED)


@click.command()
@click.argument("photo", type=click.Path(path_type=Path))
@photo_options(report=False)
@click.option("--warm", is_flag=True, help="As the page measures: memory kept, and the kernels of skinscan[fast].")
def profile(photo: Path, region: tuple[str, ...], regions_file: Path | None, as_json: bool, **settings: Any) -> None:
    """Tell where the time and the memory of measuring one photo go, in ms and in decodes of its file (D).

    One thread, the second of two runs; writes nothing.
    """
    from skinscan.profiling import profile as profile_photo

    found = profile_photo(photo, regions=regions_of(region, regions_file), **settings)
    if as_json:
        print_json(found.to_dict())
        return
    click.secho(f"{'stage':<40} {'ms':>8} {'D':>6} {'raises the peak by':>20}", bold=True)
    for stage in found.stages:
        held = "" if stage.peak_mb is None else f"{stage.peak_mb:.0f} MB"
        click.echo(f"{stage.name:<40} {stage.ms:>8.1f} {stage.ms / found.decode_ms:>6.2f} {held:>20}")
    click.echo(f"{'together':<40} {found.total_ms:>8.1f} {found.total_ms / found.decode_ms:>6.2f}")
    seen = f"{found.measured_megapixels:.1f} of {found.megapixels:.1f} megapixels measured"
    click.echo(f"{seen}; D, one decode of this file, is {found.decode_ms:.1f} ms here and now.")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list and nothing else.")
def measures(as_json: bool) -> None:
    """List every measure: unit, what it needs, how it is defined, where it comes from."""
    from skinscan.measures import summaries

    rows = summaries()
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.secho(f"{row['measure']}  [{row['unit']}]  v{row['version']}", bold=True)
        better = {"lower": "lower is better", "higher": "higher is better", "neither": "neither way is better"}
        click.echo(f"  {row['definition']}")
        click.echo(f"  {better[row['better']]}; needs: {row['needs'] or 'nothing more'}; keep the same: {row['same']}")
        click.echo(f"  source: {row['source']}")
