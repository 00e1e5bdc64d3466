"""`skinscan serve`, `administrator`, `models`: the clinic's app, and the optional models."""

from __future__ import annotations

import click

from skinscan.cli.calling import progress


@click.group()
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

    with progress(100, f"fetching {name}") as advance:
        shown = 0

        def tell(done: int, total: int) -> None:
            nonlocal shown
            step = 100 * done // total - shown
            shown += step
            advance(step)

        path = shelf.get(name, tell)
    click.echo(f"Model: {path}")


@click.command()
@click.option("--port", type=int, default=7860, show_default=True, help="Port on this machine.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--url", default="", metavar="URL", help="The address that the browsers use: https://clinic.example.")
@click.option("--proxy-header", "proxied", is_flag=True, help="Our own proxy writes X-Forwarded-For: believe it.")
@click.option("--local", is_flag=True, help="No clinic: one page for two photos, which keeps nothing.")
@click.option("--demo", is_flag=True, help="A clinic of invented patients to look around in, wiped at the end.")
@click.option("--open/--no-open", "open_browser", default=True, show_default=True, help="Open the page in a browser.")
def serve(port: int, host: str, url: str, proxied: bool, local: bool, demo: bool, open_browser: bool) -> None:
    """Open the clinic: patients, sessions, photos and progress, each person seeing what is theirs.

    The first start makes the record and asks for an administrator (or takes SKINSCAN_ADMIN_USER and
    SKINSCAN_ADMIN_PASSWORD). With --local: two photos in, a comparison out, on this machine only; nothing is kept.
    With --demo: invented patients, on this machine only; prints who may sign in, as one line of JSON.
    """
    if demo:
        _serve_demo(port, open_browser, alone=not (local or url or proxied) and host == "127.0.0.1")
        return
    if local:
        from skinscan.web import serve as serve_page

        serve_page(port=port, open_browser=open_browser)
        return
    from skinscan.web.clinic.serving import Serving
    from skinscan.web.clinic.serving import serve as serve_clinic

    serve_clinic(Serving(host, port, url, proxied, open_browser), _asked, click.echo)


def _serve_demo(port: int, open_browser: bool, *, alone: bool) -> None:
    from skinscan.records import ParameterError
    from skinscan.web.clinic.demo import serve_demo

    if not alone:
        raise ParameterError(
            "The demo is for this computer alone", expected="--demo with --port and --no-open at most",
            found="--host, --url, --proxy-header or --local", todo="leave them out",
        )  # fmt: skip
    serve_demo(port, open_browser)


def _asked() -> tuple[str, str]:
    """The username and password of an administrator, from who sits at the terminal."""
    from skinscan.records import ParameterError
    from skinscan.services.passwords import check_password
    from skinscan.services.users import checked_username

    click.echo("Choose the administrator's username, and a password of at least 12 characters.")
    while True:
        try:
            name = checked_username(click.prompt("Username"))
            password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
            check_password(password, name)
        except ParameterError as error:
            click.echo(str(error))
            continue
        return name, password


@click.command()
def administrator() -> None:
    """Make an administrator, or give one a new password: for who has lost theirs and sits at this machine."""
    import tempfile
    from pathlib import Path

    from skinscan.services import Clinic
    from skinscan.services.users import make_administrator
    from skinscan.store import Places, open_store

    with open_store(Places.of_environment()) as store, tempfile.TemporaryDirectory() as desk:
        name, password = _asked()
        click.echo(f"Administrator: {make_administrator(Clinic(store, Path(desk)), name, password)}")
