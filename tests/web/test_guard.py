"""Only this computer's own browser is let in."""

import pytest

from skinscan.web.guard import Guard, is_welcome
from tests.web.looping import ran

HERE = {"host": "127.0.0.1:7860"}


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "localhost", "[::1]:7860", "LOCALHOST:1"])
def test_names_of_this_computer_are_welcome(host):
    assert is_welcome({"host": host})


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:7860",
        "127.0.0.1.evil.example",
        "localhost.evil.example:7860",
        "[",
        "0.0.0.0",
    ],
)
def test_other_names_are_refused_however_they_resolve(host):
    assert not is_welcome({"host": host})


def test_another_sites_requests_are_refused():
    assert is_welcome({**HERE, "origin": "http://127.0.0.1:7860"})
    assert not is_welcome({**HERE, "origin": "http://evil.example"})
    assert not is_welcome({**HERE, "origin": "null"})
    assert not is_welcome({**HERE, "origin": "http://127.0.0.1:9999"})
    assert not is_welcome({**HERE, "sec-fetch-site": "cross-site"})
    assert is_welcome({**HERE, "sec-fetch-site": "same-origin"})


def ask(path: str, headers: dict[str, str], kind: str = "http"):
    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-frame-options", b"ALLOWALL")]})
        await send({"type": "http.response.body", "body": b"hello"})

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "path": path, "headers": [(k.encode(), v.encode()) for k, v in headers.items()]}
    ran(Guard(application)(scope, None, send))
    return sent


def test_a_welcome_answer_forbids_other_hosts_frames_and_caches():
    start, body = ask("/gradio_api/file=photo.jpg", HERE)
    headers = dict(start["headers"])
    assert start["status"] == 200
    assert body["body"] == b"hello"
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"x-frame-options"] == b"DENY"
    assert b"default-src 'self'" in headers[b"content-security-policy"]
    assert b"http" not in headers[b"content-security-policy"]


def test_a_refusal_says_what_to_do():
    start, body = ask("/", {"host": "evil.example"})
    assert start["status"] == 403
    assert b"http://127.0.0.1" in body["body"]


def test_sockets_are_refused_too():
    assert ask("/", {"host": "evil.example"}, "websocket") == [{"type": "websocket.close", "code": 1008}]
