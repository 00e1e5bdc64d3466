"""A browser that must stay on this computer, and records built by hand for it to show."""

import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "report"))

CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium():
    """The system's Chromium, driven by playwright; never one that playwright would download."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("no chromium on this machine, and in CI the browser tests must run")
        pytest.skip("no chromium on this machine: apt-get install --no-install-recommends chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def browsers(chromium):
    """Makes browsers of their own (`browsers()` -> `open_page(address, width)`), each with its own sign-in; the test
    fails on any request to another computer, any dialog and any script error."""
    wrong: list[str] = []
    contexts = []

    def watch(request):
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:", "file:///")):
            wrong.append(f"request to {request.url}")

    def made():
        context = chromium.new_context(accept_downloads=True)
        contexts.append(context)

        def open_page(address: str, width: int = 1280):
            page = context.new_page()
            page.set_viewport_size({"width": width, "height": 900})
            page.on("request", watch)
            page.on("pageerror", lambda error: wrong.append(f"script error: {error}"))
            page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
            page.goto(address)
            return page

        return open_page

    yield made
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def offline(browsers):
    """One such browser."""
    return browsers()


@pytest.fixture
def accessible():
    """`accessible(page)` fails on what axe-core finds against WCAG 2.1 A and AA, in the page and in its frames.

    `but`: CSS selectors of what is left out, for markup of Gradio's own that nothing here can mend; say why beside it.
    """
    from axe_playwright_python.base import AXE_SCRIPT

    def check(page, but: tuple[str, ...] = ()) -> None:
        for frame in page.frames:
            frame.evaluate(AXE_SCRIPT)
        found = page.evaluate(
            """but => axe.run({include: [['html']], exclude: but.map(one => [one])},
            {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})""",
            list(but),
        )
        wrong = [
            f"{rule['id']} ({rule['impact']}): {' '.join(map(str, node['target']))}: {node['failureSummary']}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]
        assert not wrong, "\n".join(wrong)
        assert found["passes"], "axe-core looked at nothing"

    return check
