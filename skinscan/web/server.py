"""The server: this computer alone, no telemetry, no other host, nothing kept."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING

from skinscan.arrays.fused import warm_up
from skinscan.environment import check_opencv
from skinscan.records import ParameterError
from skinscan.web.workplace import Workplace

if TYPE_CHECKING:
    import fastapi
    import gradio as gr

HOST = "127.0.0.1"
LARGEST_UPLOAD = "300mb"

_QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000",  # else it counts its events with pandas after each of them
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


def prepare(workplace: Workplace | None = None) -> Workplace:
    """Set what Gradio reads while it is imported: no telemetry, and its files in `workplace`."""
    workplace = workplace or Workplace()
    os.environ.update(_QUIET)
    os.environ["GRADIO_TEMP_DIR"] = str(workplace.path)
    return workplace


def application(page: gr.Blocks) -> fastapi.FastAPI:
    """The page as an ASGI application behind the guard."""
    import fastapi
    import gradio as gr

    from skinscan.web.guard import Guard
    from skinscan.web.page import HEAD, theme

    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        server_name=HOST,
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=LARGEST_UPLOAD,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=theme(),
        head=HEAD,
    )
    return app


def serve(port: int, open_browser: bool) -> None:
    """Serve the page until interrupted, then wipe the workplace."""
    check_opencv()
    listener = listen(port)
    workplace = prepare()
    threading.Thread(target=warm_up, daemon=True).start()  # half a second, and more the first time
    try:
        import uvicorn

        from skinscan.web.page import build

        app = application(build(workplace))
        address = f"http://{HOST}:{listener.getsockname()[1]}"
        print(f"skinscan is at {address} (Ctrl+C to stop). Photos stay here and are wiped.")
        if open_browser:
            webbrowser.open(address)
        end_softly()
        uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none")).run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        listener.close()
        workplace.close()


def end_softly() -> None:
    """Let a polite kill run the wiping too: the server hands SIGTERM on once it has stopped."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


def listen(port: int, host: str = HOST) -> socket.socket:
    """A socket on an address, by default this computer's own. Raises ParameterError where it cannot be had."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(64)
    except (OSError, OverflowError) as error:
        listener.close()
        raise ParameterError(
            f"port {port} cannot be used" if host == HOST else f"port {port} of {host} cannot be used",
            expected="a free port from 1024 to 65535",
            found=str(error),
            todo="give another port, or stop what uses this one",
        ) from error
    return listener
