"""The web page: two photos in, an honest comparison out, on this computer alone. Keeps nothing.

Gradio takes seconds to import, so it is imported by the functions that need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gradio as gr

    from skinscan.web.workplace import Workplace

__all__ = ["build_page", "main", "serve"]

PORT = 7860


def build_page(workplace: Workplace | None = None) -> gr.Blocks:
    """The page. Its files lie in `workplace`, by default a private folder that goes with the process."""
    from skinscan.web.server import prepare

    workplace = prepare(workplace)
    from skinscan.web.page import build

    return build(workplace)


def serve(port: int = PORT, open_browser: bool = False) -> None:
    """Serve the page on http://127.0.0.1:<port> until interrupted. ParameterError where the port is taken."""
    from skinscan.web import server

    server.serve(port, open_browser)


def main() -> None:
    """`python app.py [port]`: serve the page and open it."""
    import sys

    from skinscan.records import SkinscanError

    try:
        serve(_port(sys.argv[1:]), open_browser=True)
    except SkinscanError as error:
        sys.exit(f"skinscan: {error}")


def _port(arguments: list[str]) -> int:
    from skinscan.records import ParameterError

    if not arguments:
        return PORT
    if len(arguments) > 1 or not arguments[0].isdigit():
        raise ParameterError("usage: app.py [PORT]", found=" ".join(arguments))
    return int(arguments[0])
