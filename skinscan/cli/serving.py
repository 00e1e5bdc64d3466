"""`skinscan serve`, `models`: the page, and the optional models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from skinscan.cli.calling import (
    progress,
)

if TYPE_CHECKING:
    pass


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
@click.option("--open/--no-open", "open_browser", default=True, show_default=True, help="Open the page in a browser.")
def serve(port: int, open_browser: bool) -> None:
    """Open the page in a browser: two photos in, a comparison out. This machine only; nothing is kept."""
    from skinscan.web import serve as serve_page

    serve_page(port=port, open_browser=open_browser)
