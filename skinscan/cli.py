"""The command line: parse, call the library, print. Everything heavy loads inside the command that needs it."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from skinscan.guidance import Guided
    from skinscan.records import Assessment, Change, Comparison, SkinscanError

DONE, FAILED, WRONG_USE = 0, 1, 2
TONES = ("I", "II", "III", "IV", "V", "VI")

F = Callable[..., Any]


class _Commands(click.Group):
    """Turns a SkinscanError into its sentence and the exit code that it means."""

    def invoke(self, ctx: click.Context) -> Any:
        from skinscan.records import EnvironmentFault, ParameterError, RegionError, SkinscanError

        try:
            return super().invoke(ctx)
        except (ParameterError, RegionError) as error:
            _stop(error, WRONG_USE)
        except (EnvironmentFault, SkinscanError) as error:
            _stop(error, FAILED)


def _stop(error: SkinscanError, code: int) -> NoReturn:
    click.echo(f"skinscan: {error}", err=True)
    raise SystemExit(code)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="skinscan", message="%(version)s")
def main() -> None:
    """Honest before/after skin photographs: made comparable, measured, and every change held against its error.

    Exit codes: 0 done, 1 could not measure or compare (the reason is printed), 2 wrong use.
    """


def _photo_options(report: bool = True) -> Callable[[F], F]:
    """The options of what is measured in a photo, and of where the report goes."""
    options = (
        click.option("--mm-per-px", type=float, metavar="F", help="Millimetres a pixel on the skin."),
        click.option(
            "--marker-mm",
            type=float,
            metavar="F",
            help="Side in mm of the outer black square of an ArUco sticker (DICT_4X4_50) lying on the skin.",
        ),
        click.option(
            "--card-pitch-mm",
            type=float,
            metavar="F",
            help="From the middle of one patch of the ColorChecker to that of the next: gives the scale.",
        ),
        click.option(
            "--card",
            type=click.Choice(("auto", "before_2014", "after_2014", "none")),
            default="auto",
            show_default=True,
            help="Which ColorChecker Classic lies in the photo; auto looks for one, and for the skin card.",
        ),
        click.option(
            "--region",
            "region",
            multiple=True,
            metavar="NAME=X,Y,X,Y,...",
            help="A polygon to measure, in pixels of the upright photo. Repeat for more.",
        ),
        click.option(
            "--regions",
            "regions_file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help='A JSON file of polygons: {"NAME": [[x, y], ...]}.',
        ),
        click.option(
            "--cross-polarised",
            is_flag=True,
            help="Filters on lamp and lens cross, so that nothing shines: a card then tells colours more surely.",
        ),
        click.option(
            "--face/--no-face",
            default=True,
            show_default=True,
            help="Propose the regions of a face where no region is given.",
        ),
        click.option(
            "--reference",
            metavar="NAME",
            help="The region that is untreated skin or a neutral patch, seen in both photos.",
        ),
        click.option(
            "--max-megapixels",
            type=float,
            default=60.0,
            show_default=True,
            metavar="F",
            help="Refuse larger photos before decoding them.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else."),
    )
    folder = click.option(
        "--out",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Write report.html, overlay PNGs, measurements.csv and pores.csv here.",
    )

    def decorate(command: F) -> F:
        for option in reversed((*options[:-1], *([folder] if report else []), options[-1])):
            command = option(command)
        return command

    return decorate


@main.command()
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PHOTO...")
@_photo_options()
def assess(
    photos: tuple[Path, ...],
    region: tuple[str, ...],
    regions_file: Path | None,
    out: Path | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Measure one or several photos."""
    from skinscan.assessment import assess as assess_photo
    from skinscan.records import ParameterError, RegionError, SkinscanError

    regions = _regions(region, regions_file)
    _check_folder(out)
    done: list[Assessment] = []
    told: list[dict[str, Any]] = []
    failed = False
    with _progress(len(photos), "measuring") as advance:
        for photo in photos:
            try:
                assessment = assess_photo(photo, regions=regions, evidence=out is not None, **settings)
            except ParameterError:
                raise  # a setting is wrong, not a photo
            except SkinscanError as error:
                if isinstance(error, RegionError) and len(photos) == 1:
                    raise
                failed = True
                told.append(_error(photo, error))
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
    if as_json:
        _print_json(told if len(photos) > 1 else told[0])
    else:
        for entry in told:
            _print_assessment(entry)
        if out is not None and done:
            click.echo(f"Report: {page}")
    raise SystemExit(FAILED if failed else DONE)


@main.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@_photo_options()
@click.option(
    "--same-setup",
    is_flag=True,
    help="Camera, settings, lamp and their place against the skin were the same: smaller changes can be called.",
)
def compare(
    before: Path,
    after: Path,
    region: tuple[str, ...],
    regions_file: Path | None,
    out: Path | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Compare two photos of the same skin: what changed, and whether that is more than measurement error.

    Scale and regions are those of BEFORE; AFTER is matched to it by the skin itself.
    """
    from skinscan.records import SCHEMA, ParameterError, RegionError, SkinscanError

    regions = _regions(region, regions_file)
    _check_folder(out)
    try:
        comparison = _compare(before, after, regions, out, **settings)
    except (ParameterError, RegionError):
        raise
    except SkinscanError as error:
        if as_json:
            empty: dict[str, Any] = {"registration": None, "before": None, "after": None, "changes": []}
            _print_json(
                {"schema": SCHEMA, "comparable": False, "reasons": [str(error)], **empty, "error": _parts(error)}
            )
        _stop(error, FAILED)
    if as_json:
        _print_json(comparison.to_dict())
    else:
        _print_comparison(comparison)
        if out is not None:
            click.echo(f"Report: {out / 'report.html'}")
    raise SystemExit(DONE if comparison.comparable else FAILED)


@main.command()
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PHOTO...")
@_photo_options(report=False)
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

    _check_folder(out)
    names = None if wanted is None else [name.strip() for name in wanted.split(",") if name.strip()]
    guided = guide_photos(list(photos), baseline, names, regions=_regions(region, regions_file), **settings)
    page = write(guided, out) if out is not None else None
    if as_json:
        _print_json(guided.to_dict())
    else:
        _print_guided(guided)
        if page is not None:
            click.echo(f"Guide: {page}")
    raise SystemExit(FAILED if guided.guidance is None or guided.guidance.verdict == "cannot" else DONE)


@main.command()
@click.argument("photo", type=click.Path(path_type=Path))
@_photo_options(report=False)
@click.option("--warm", is_flag=True, help="As the page measures: memory kept, and the kernels of skinscan[fast].")
def profile(photo: Path, region: tuple[str, ...], regions_file: Path | None, as_json: bool, **settings: Any) -> None:
    """Tell where the time and the memory of measuring one photo go, in ms and in decodes of its file (D).

    One thread, the second of two runs; writes nothing.
    """
    from skinscan.profiling import profile as profile_photo

    found = profile_photo(photo, regions=_regions(region, regions_file), **settings)
    if as_json:
        _print_json(found.to_dict())
        return
    click.secho(f"{'stage':<40} {'ms':>8} {'D':>6} {'raises the peak by':>20}", bold=True)
    for stage in found.stages:
        held = "" if stage.peak_mb is None else f"{stage.peak_mb:.0f} MB"
        click.echo(f"{stage.name:<40} {stage.ms:>8.1f} {stage.ms / found.decode_ms:>6.2f} {held:>20}")
    click.echo(f"{'together':<40} {found.total_ms:>8.1f} {found.total_ms / found.decode_ms:>6.2f}")
    seen = f"{found.measured_megapixels:.1f} of {found.megapixels:.1f} megapixels measured"
    click.echo(f"{seen}; D, one decode of this file, is {found.decode_ms:.1f} ms here and now.")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list and nothing else.")
def measures(as_json: bool) -> None:
    """List every measure: unit, what it needs, how it is defined, where it comes from."""
    from skinscan.measures import summaries

    rows = summaries()
    if as_json:
        _print_json(rows)
        return
    for row in rows:
        click.secho(f"{row['measure']}  [{row['unit']}]  v{row['version']}", bold=True)
        better = {"lower": "lower is better", "higher": "higher is better", "neither": "neither way is better"}
        click.echo(f"  {row['definition']}")
        click.echo(f"  {better[row['better']]}; needs: {row['needs'] or 'nothing more'}; keep the same: {row['same']}")
        click.echo(f"  source: {row['source']}")


@main.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder to write into.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same skin.")
@click.option("--tone", type=click.Choice(TONES), default="II", show_default=True, help="ITA class of the skin.")
@click.option("--px-per-mm", type=float, default=30.0, show_default=True, help="Pixels a millimetre.")
@click.option("--size", type=int, default=1000, show_default=True, metavar="PX", help="Side of the photo.")
@click.option("--marker-mm", type=float, metavar="F", help="Lay a sticker with this black side on the skin.")
@click.option("--pair", is_flag=True, help="Write a before and an after, with changes.")
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
    pores: float,
    blood: float,
    melanin: float,
    roughness: float,
) -> None:
    """Make photos of synthetic skin with known answers beside them, to check this or any other tool."""
    from skinscan.phantom import write_example

    changes = {"pore_diameter": pores, "blood": blood, "melanin": melanin, "roughness": roughness}
    written = write_example(
        out, seed, tone, pair=pair, px_per_mm=px_per_mm, size_px=(size, size), marker_mm=marker_mm, changes=changes
    )
    click.echo("\n".join(str(path) for path in written))


@main.command()
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
    choices = {name: settings[name] for name in ("marker_mm", "reference")}
    comparison = _compare(folder / "before.jpg", folder / "after.jpg", settings["regions"], out, **choices)
    click.echo(f"Report: {(out / 'report.html').resolve()}")
    click.echo(settings["about"])
    for line in _headlines(comparison.changes, 3):
        click.echo(f"  {line}")
    raise SystemExit(DONE if comparison.comparable else FAILED)


@main.command()
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
    _print_json({name: [[round(x, 1), round(y, 1)] for x, y in corners] for name, corners in found.polygons.items()})
    raise SystemExit(DONE if found.polygons else FAILED)


@main.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default=Path("skinscan-card.pdf"))
@click.option("--paper", type=click.Choice(("a4", "letter")), default="a4", show_default=True, help="Paper's size.")
def card(file: Path, paper: Any) -> None:
    """Write the printable skin card as a PDF: it gives scale, tilt and white balance, and says how it is used."""
    from skinscan.sheet.page import make_sheet

    make_sheet(file, paper)
    click.echo(f"Card: {file.resolve()}")
    click.echo("Print it at 100 % on matt paper, and check its ruler.")


@main.group()
def models() -> None:
    """Optional models made by others: what they are for, where they lie, and fetching them."""


@models.command("list")
def list_models() -> None:
    """Tell which optional models there are, and which of them are at hand."""
    from skinscan import models as shelf

    for name, model in shelf.registry().items():
        place = shelf.locate(name)
        click.secho(f"{name}  {model.bytes / 1e6:.1f} MB  {model.licence}", bold=True)
        click.echo(f"  {model.purpose}")
        click.echo(f"  {place.path or place.reason}")


@models.command("get")
@click.argument("name", default="face_landmarker")
def get_model(name: str) -> None:
    """Download an optional model from its publisher, and check that it is the very file meant."""
    from skinscan import models as shelf

    with _progress(100, f"fetching {name}") as advance:
        shown = 0

        def tell(done: int, total: int) -> None:
            nonlocal shown
            step = 100 * done // total - shown
            shown += step
            advance(step)

        path = shelf.get(name, tell)
    click.echo(f"Model: {path}")


@main.command()
@click.option("--port", type=int, default=7860, show_default=True, help="Port on this machine.")
@click.option("--open/--no-open", "open_browser", default=True, show_default=True, help="Open the page in a browser.")
def serve(port: int, open_browser: bool) -> None:
    """Open the page in a browser: two photos in, a comparison out. This machine only; nothing is kept."""
    from skinscan.web import serve as serve_page

    serve_page(port=port, open_browser=open_browser)


@main.command(add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[WHAT] [OPTIONS]...")
def study(arguments: tuple[str, ...]) -> None:
    """Remake the error tables that skinscan ships, from phantoms and from repeated photos (in a checkout)."""
    from skinscan.study.__main__ import study as group

    group.main(args=list(arguments), prog_name="skinscan study", standalone_mode=False)


# --- calling --------------------------------------------------------------------------------------------------


def _regions(texts: Sequence[str], file: Path | None) -> Mapping[str, Any] | None:
    if not texts and file is None:
        return None
    from skinscan.capture.regions import parse_regions, read_regions
    from skinscan.records import RegionError

    found: dict[str, Any] = dict(read_regions(file)) if file is not None else {}
    for name, polygon in parse_regions(texts).items():
        if name in found:
            raise RegionError(f"region '{name}' is given twice", todo="give it in --region or in --regions, not both")
        found[name] = polygon
    return found


def _check_folder(out: Path | None) -> None:
    """Say before the work, not after it, that the report has nowhere to go."""
    from skinscan.records import ParameterError

    if out is not None and out.exists() and not out.is_dir():
        raise ParameterError(f"--out {out.name} is a file", expected="a folder", found="a file", todo="name another")


def _compare(
    before: Path, after: Path, regions: Mapping[str, Any] | None, out: Path | None, **settings: Any
) -> Comparison:
    """`skinscan.compare` with a bar, and its report in `out`."""
    from skinscan.comparison import compare as compare_photos

    with _progress(100, "comparing") as advance:
        shown = 0

        def tell(share: float, text: str) -> None:
            nonlocal shown
            step = round(100 * share) - shown
            shown += step
            advance(step)

        comparison = compare_photos(before, after, regions=regions, evidence=out is not None, progress=tell, **settings)
    if out is not None:
        from skinscan.report import write_comparison

        write_comparison(comparison, out)
    return comparison


@contextmanager
def _progress(length: int, label: str) -> Iterator[Callable[[int], None]]:
    """A bar on standard error when that is a terminal, else nothing."""
    if not sys.stderr.isatty():
        yield lambda steps: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield lambda steps: bar.update(steps)


# --- printing -------------------------------------------------------------------------------------------------


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def _error(photo: Path, error: Any) -> dict[str, Any]:
    from skinscan.records import SCHEMA

    return {"schema": SCHEMA, "photo": {"name": photo.name}, "error": _parts(error)}


def _parts(error: SkinscanError) -> dict[str, str]:
    return {
        "message": str(error),
        "what": error.what,
        "expected": error.expected,
        "found": error.found,
        "todo": error.todo,
    }


def _print_assessment(entry: Mapping[str, Any]) -> None:
    click.secho(entry["photo"]["name"], bold=True)
    if "error" in entry:
        click.echo(f"skinscan: {entry['error']['message']}", err=True)
        if "frame" not in entry:
            return
    frame = entry["frame"]
    scale = f"{frame['mm_per_px']:.5f} mm/px ({frame['scale_source']})" if frame["mm_per_px"] else "no scale"
    click.echo(f"  quality {frame['quality']['verdict']}, {scale}, colour {frame['colour_state']}")
    for notice in frame["notices"]:
        click.echo(f"  ! {notice}")
    refused: dict[str, list[str]] = {}
    for m in entry["measurements"]:
        if m["value"] is None:
            refused.setdefault(m["reason"], []).append(f"{m['measure']} ({m['region']})")
            continue
        spread = f"+- {m['spread']:.2g}" if m["spread"] is not None else ""
        click.echo(f"  {m['measure']:<36} {m['region']:<12} {m['value']:>10.4g} {spread:<10} {m['unit']}")
    _print_refused(refused)


def _print_comparison(comparison: Comparison) -> None:
    for notice in comparison.notices:
        click.echo(f"! {notice.text}")
    if not comparison.comparable:
        click.echo("The two photos cannot be compared:", err=True)
        for reason in comparison.reasons:
            click.echo(f"  {reason}", err=True)
        return
    refused: dict[str, list[str]] = {}
    for c in comparison.changes:
        if c.verdict == "not_comparable":
            refused.setdefault(c.reason, []).append(f"{c.measure} ({c.region})")
            continue
        values = "" if math.isnan(c.before) else f"{c.before:.4g} -> {c.after:.4g}"
        click.echo(
            f"{c.measure:<36} {c.region:<10} {values:<22} {c.change:>+10.3g} (SDC {c.sdc:.2g}) {c.unit:<18} {c.verdict}"
        )
    _print_refused(refused)
    click.echo("within_error does not show that nothing changed.")


def _print_guided(guided: Guided) -> None:
    if guided.burst is not None:
        for sentence in guided.burst.sentences:
            click.echo(sentence)
    guidance = guided.guidance
    if guidance is None:
        return
    click.secho(guidance.photo, bold=True)
    for sentence in guidance.sentences:
        click.echo(f"  {sentence}")
    for outlook in guidance.outlooks:
        click.echo(f"  {outlook.verdict:<7} {outlook.family:<10} {outlook.region:<12} {outlook.why}")
    regions: dict[str, list[str]] = {}
    for advice in guidance.advice:
        regions.setdefault(advice.text, []).append(advice.region)
    for text, names in regions.items():
        click.echo(f"  ! {text}" if "skin" in names else f"  ! {', '.join(names)}: {text}")
    for move in guidance.aim.moves if guidance.aim else ():
        click.echo(f"  > {move}")


def _print_refused(refused: Mapping[str, Sequence[str]]) -> None:
    for reason, names in refused.items():
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        click.echo(f"  not measured: {reason} [{shown}]")


def _headlines(changes: Sequence[Change], count: int) -> list[str]:
    """The changes that matter most, at most one a family of measures: largest against their SDC."""
    from skinscan.measures import all_measures

    real = [c for c in changes if c.verdict in ("improved", "worsened")]
    real += [c for c in changes if c.verdict == "changed"]
    real.sort(key=lambda c: (c.verdict == "changed", -abs(c.change) / c.sdc))
    lines: list[str] = []
    families: set[str] = set()
    for c in [*real]:
        family = c.measure.split(".")[0]
        if family in families or len(lines) == count:
            continue
        families.add(family)
        title = all_measures()[c.measure].title
        if math.isnan(c.before):  # told between two photos alone
            values, held = f"{c.change:+.2g}", f"(smallest detectable change {c.sdc:.2g})"
        else:
            values = f"{c.before:.3g} -> {c.after:.3g}"
            held = f"({c.change:+.2g}; smallest detectable change {c.sdc:.2g})"
        lines.append(f"{title}, {c.region}: {values} {c.unit} {held}: {c.verdict}")
    return lines or ["No change is larger than measurement error; this does not show that nothing changed."]


if __name__ == "__main__":
    main()
