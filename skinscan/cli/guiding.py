"""`skinscan guide`, `regions`, `card`: before the measuring."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skinscan.cli.calling import (
    DONE,
    FAILED,
    check_report,
    photo_options,
    regions_of,
)
from skinscan.cli.printing import (
    print_guided,
    print_json,
)

if TYPE_CHECKING:
    pass


@click.command()
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PHOTO...")
@photo_options(report=False)
@click.option(
    "--baseline", type=click.Path(path_type=Path), metavar="PHOTO", help="Hold it against this earlier photo."
)
@click.option(
    "--wanted", metavar="NAMES", help="Families or measures, with commas: pores,redness. All where not given."
)
@click.option("--burst", is_flag=True, help="The photos are a burst: find the best one, and tell how they scatter.")
@click.option(
    "--same-setup", is_flag=True, help="Camera, settings, lamp and their place are the baseline's (see compare)."
)
@click.option("--same-lamp", is_flag=True, help="Camera and lamp are the baseline's (see compare).")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Write guide.html, ghost.png and overlay.png here."
)
def guide(
    photos: tuple[Path, ...],
    region: tuple[str, ...],
    regions_file: Path | None,
    baseline: Path | None,
    wanted: str | None,
    out: Path | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Say, while the patient is still there, what a photo can carry and how to take a better one.

    With --baseline: whether the two can be compared, and how to move camera and lamp; scale and regions are then those
    of the baseline. Exits with 1 where nothing that is wanted can be measured.
    """
    from skinscan.guidance import guide as guide_photos
    from skinscan.guidance import write

    check_report(out)
    names = None if wanted is None else [name.strip() for name in wanted.split(",") if name.strip()]
    guided = guide_photos(list(photos), baseline, names, regions=regions_of(region, regions_file), **settings)
    page = write(guided, out) if out is not None else None
    if as_json:
        print_json(guided.to_dict())
    else:
        print_guided(guided)
        if page is not None:
            click.echo(f"Guide: {page}")
    raise SystemExit(FAILED if guided.guidance is None or guided.guidance.verdict == "cannot" else DONE)


@click.command()
@click.argument("photo", type=click.Path(path_type=Path))
@click.option(
    "--max-megapixels", type=float, default=60.0, show_default=True, metavar="F", help="Refuse larger photos."
)
def regions(photo: Path, max_megapixels: float) -> None:
    """Propose regions of a photo, as JSON for --regions: a face's own, or areas by the skin's shape."""
    from skinscan.capture.photo import read_photo
    from skinscan.capture.proposals import propose
    from skinscan.environment import check_opencv

    check_opencv()
    found = propose(read_photo(photo, max_megapixels=max_megapixels))
    print_json({name: [[round(x, 1), round(y, 1)] for x, y in corners] for name, corners in found.polygons.items()})
    raise SystemExit(DONE if found.polygons else FAILED)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default=Path("skinscan-card.pdf"))
@click.option("--paper", type=click.Choice(("a4", "letter")), default="a4", show_default=True, help="Paper's size.")
def card(file: Path, paper: Any) -> None:
    """Write the printable skin card as a PDF: it gives scale, tilt and white balance, and says how it is used."""
    from skinscan.sheet.page import make_sheet

    make_sheet(file, paper)
    click.echo(f"Card: {file.resolve()}")
    click.echo("Print it at 100 % on matt paper, and check its ruler.")
