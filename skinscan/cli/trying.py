"""`skinscan demo`, `phantom`, `study`: known answers, and the tables made from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skinscan.cli.calling import (
    DONE,
    FAILED,
    compared,
)
from skinscan.cli.printing import (
    headlines,
)

if TYPE_CHECKING:
    pass

TONES = ("I", "II", "III", "IV", "V", "VI")


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder to write into.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same skin.")
@click.option("--tone", type=click.Choice(TONES), default="II", show_default=True, help="ITA class of the skin.")
@click.option("--px-per-mm", type=float, default=30.0, show_default=True, help="Pixels a millimetre.")
@click.option("--size", type=int, default=1000, show_default=True, metavar="PX", help="Side of the photo.")
@click.option("--marker-mm", type=float, metavar="F", help="Lay a sticker with this black side on the skin.")
@click.option("--pair", is_flag=True, help="Write a before and an after, with changes.")
@click.option(
    "--course", is_flag=True, help="Write a course of three sessions and six visits, its manifest, and the truth."
)
@click.option(
    "--adverse",
    type=click.Choice(("none", "redness", "pigment", "marks", "foci", "asymmetry")),
    default="none",
    show_default=True,
    help="With --course: redness that does not settle, pigment that follows it, marks of the device, red papules, or "
    "one side that stays red.",
)
@click.option("--pores", type=float, default=-0.10, show_default=True, help="With --pair: change of pore diameters.")
@click.option("--blood", type=float, default=0.0, show_default=True, help="With --pair: change of blood.")
@click.option("--melanin", type=float, default=0.0, show_default=True, help="With --pair: change of melanin.")
@click.option("--roughness", type=float, default=0.0, show_default=True, help="With --pair: change of relief.")
def phantom(
    out: Path,
    seed: int,
    tone: Any,
    px_per_mm: float,
    size: int,
    marker_mm: float | None,
    pair: bool,
    course: bool,
    adverse: Any,
    pores: float,
    blood: float,
    melanin: float,
    roughness: float,
) -> None:
    """Make photos of synthetic skin with known answers beside them, to check this or any other tool."""
    from skinscan.phantom import SkinRecipe, write_example

    if course:
        from skinscan.phantom.course import CourseRecipe, write_course

        recipe = CourseRecipe(SkinRecipe(seed, tone), pores=pores, relief=roughness, adverse=adverse, seed=seed)
        written = write_course(out, recipe, px_per_mm=px_per_mm, size_px=size)
        click.echo("\n".join(str(path) for path in written))
        told = f"--indication pores --mm-per-px {1 / px_per_mm:.5f} --reference grey --same-lamp"
        click.echo(f"skinscan course {out} {told} --out report")
        return
    changes = {"pore_diameter": pores, "blood": blood, "melanin": melanin, "roughness": roughness}
    written = write_example(
        out, seed, tone, pair=pair, px_per_mm=px_per_mm, size_px=(size, size), marker_mm=marker_mm, changes=changes
    )
    click.echo("\n".join(str(path) for path in written))


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("skinscan-demo"),
    show_default=True,
    metavar="DIR",
    help="Folder for the report.",
)
def demo(out: Path) -> None:
    """Compare the two photos that come with skinscan (synthetic skin) and write the report."""
    from skinscan.environment import data_path

    folder = data_path("datasets", "demo")
    settings = json.loads((folder / "demo.json").read_text(encoding="utf-8"))
    choices = {name: settings[name] for name in ("marker_mm", "reference", "same_lamp")}
    comparison = compared(folder / "before.jpg", folder / "after.jpg", settings["regions"], out, **choices)
    click.echo(f"Report: {(out / 'report.html').resolve()}")
    click.echo(settings["about"])
    for line in headlines(comparison.changes, 3):
        click.echo(f"  {line}")
    raise SystemExit(DONE if comparison.comparable else FAILED)


@click.command(add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[WHAT] [OPTIONS]...")
def study(arguments: tuple[str, ...]) -> None:
    """Remake the error tables that skinscan ships, from phantoms and from repeated photos (in a checkout)."""
    from skinscan.study.__main__ import study as group

    group.main(args=list(arguments), prog_name="skinscan study", standalone_mode=False)
