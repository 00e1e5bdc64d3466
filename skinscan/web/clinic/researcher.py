"""The researcher's page."""

from __future__ import annotations

import gradio as gr

from skinscan.services import Clinic
from skinscan.web.clinic import parts


def build(clinic: Clinic) -> gr.Blocks:
    """The page."""
    page: gr.Blocks = gr.Blocks(title="skinscan", analytics_enabled=False)
    with page:
        parts.bar("Researcher")
    return page
