"""The doors for browsers. Here the page of `skinscan serve --local`: two photos in, an honest comparison out, on this
computer alone, and nothing kept; in `clinic` the clinic's app.

Gradio takes seconds to import, so it is imported by the functions that need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gradio as gr

    from skinscan.web.workplace import Workplace

__all__ = ["build_page", "serve"]

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
