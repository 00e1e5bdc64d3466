"""A clinic to look around in, thrown away when the server ends: `skinscan serve --demo`."""

from __future__ import annotations

import json
import sys
import webbrowser
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict

from skinscan.environment import check_opencv
from skinscan.services.demo import Login, make_demo
from skinscan.web.clinic.serving import address_of, run
from skinscan.web.server import end_softly, listen, prepare
from skinscan.web.workplace import Workplace


def serve_demo(port: int, open_browser: bool) -> None:
    """Serve a throw-away clinic until interrupted. Once it answers, one JSON line with its address and logins goes to
    standard output, everything else to standard error. Raises a SkinscanError."""
    check_opencv()
    with ExitStack() as stack:
        listener = stack.enter_context(listen(port))
        end_softly()
        workplace = prepare()
        stack.callback(workplace.close)
        # a place of its own: Gradio may read in the other one
        place = Workplace()
        stack.callback(place.close)
        print("Making a clinic with invented patients ...", file=sys.stderr)
        clinic, logins = make_demo(place.path)
        stack.enter_context(clinic.store)
        url = address_of(listener)

        def tell() -> None:
            print(json.dumps({"url": url, "logins": [asdict(one) for one in logins]}), flush=True)
            print(in_words(url, logins), file=sys.stderr)
            if open_browser:
                webbrowser.open(url)

        run(clinic, workplace, listener, ready=tell)


def in_words(url: str, logins: Sequence[Login]) -> str:
    """The same for a person."""
    lines = [f"  {one.role:<13} {one.user:<13} {one.password}" for one in logins]
    return "\n".join(
        [f"skinscan's demo is at {url} (Ctrl+C ends it, and everything in it is wiped). Sign in as:", *lines]
    )
