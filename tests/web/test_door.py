"""The door's parts, each alone: names, origins, cookies, headers."""

from __future__ import annotations

import pytest

from skinscan.report.page import TEMPLATES
from skinscan.web.clinic import bodies, cookie
from skinscan.web.clinic.door import _is_crooked, place_of
from skinscan.web.clinic.front import Front, front, headers_of
from skinscan.web.clinic.headers import dressed
from skinscan.web.clinic.routes import disposition, shown
from skinscan.web.guard import Message
from tests.web.looping import ran

PUBLIC = front("https://Clinic.Example", proxied=True)
HERE = {"host": "127.0.0.1:7860"}
THERE = {"host": "clinic.example"}


def test_the_clinic_answers_under_its_address_and_here() -> None:
    for host in ("clinic.example", "CLINIC.example", "localhost:7860", "127.0.0.1:7860", "[::1]:7860"):
        assert PUBLIC.is_ours(host)
    for host in ("clinic.example:444", "www.clinic.example", "clinic.example.evil.example", "clinic.example.", ""):
        assert not PUBLIC.is_ours(host)
    assert not Front().is_ours("clinic.example")


def test_the_cookie_needs_tls_everywhere_but_here() -> None:
    assert PUBLIC.is_secure("clinic.example")
    assert not PUBLIC.is_secure("localhost:7860")
    told = cookie.setting("t", secure=True)
    assert told == "__Host-skinscan=t; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure"
    assert "Secure" not in cookie.setting("t", secure=False)
    assert "Max-Age=0" in cookie.clearing(secure=True)


def test_a_cookie_without_tls_is_none_where_there_is_tls() -> None:
    """Who can write to http://clinic.example could plant it; a browser takes __Host- over TLS alone."""
    assert cookie.token_in("skinscan=planted", secure=True) is None
    assert cookie.token_in("skinscan=planted; __Host-skinscan=own", secure=True) == "own"
    assert cookie.token_in("__Host-skinscan=a; __Host-skinscan=b", secure=True) is None
    assert cookie.token_in("a=b; skinscan=own;c", secure=False) == "own"


def test_an_origin_is_the_whole_of_it() -> None:
    for origin, own in (
        ("https://clinic.example", True),
        ("https://CLINIC.example", True),
        ("http://clinic.example", False),
        ("https://clinic.example:8443", False),
        ("https://clinic.example.evil.example", False),
        ("http://localhost:7860", False),
        ("null", False),
    ):
        assert PUBLIC.is_own_page("POST", THERE | {"origin": origin}) is own, origin
    assert PUBLIC.is_own_page("POST", HERE | {"origin": "http://127.0.0.1:7860"})
    assert not PUBLIC.is_own_page("POST", HERE | {"origin": "https://clinic.example"})


def test_an_address_is_believed_from_our_own_proxy_alone() -> None:
    told = {"x-forwarded-for": "203.0.113.1, 198.51.100.7"}
    assert PUBLIC.address_of("127.0.0.1", told) == "198.51.100.7"  # what was there before is anyone's word
    assert PUBLIC.address_of("127.0.0.1", {}) == "127.0.0.1"
    assert front("https://clinic.example").address_of("127.0.0.1", told) == "127.0.0.1"


def test_a_header_that_decides_is_there_once() -> None:
    for name in (b"Host", b"origin", b"Content-Length", b"Sec-Fetch-Site", b"content-type"):
        with pytest.raises(ValueError, match=name.decode().lower()):
            headers_of([(name, b"1"), (name.lower(), b"1")])
    assert headers_of([(b"cookie", b"a=1"), (b"Cookie", b"b=2")]) == {"cookie": "a=1; b=2"}


@pytest.mark.parametrize(
    "path", ["//", "/a//b", "/..", "/a/../b", "/./a", "/a\\b", "/a;b", "/%2e", "/a\0b", "/a\nb", "/a\u202eb", "/a/."]
)
def test_a_path_is_straight(path: str) -> None:
    assert _is_crooked(path)


def test_most_paths_are_straight() -> None:
    for path in ("/", "/admin/", "/practitioner/assets/index-Bz_9.js", "/practitioner/gradio_api/heartbeat/ab12"):
        assert not _is_crooked(path)
    assert [place_of(path) for path in ("/admin", "/admin/x", "/administrator", "/patient/", "/", "x")] == [
        "/admin", "/admin", "", "/patient", "", "",
    ]  # fmt: skip


def _answered(path: str, secure: bool, *own: tuple[bytes, bytes]) -> dict[bytes, bytes]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    ran(dressed(send, path, secure)({"type": "http.response.start", "status": 200, "headers": list(own)}))
    return dict(sent[0]["headers"])


def test_every_answer_forbids_frames_guessing_and_keeping() -> None:
    for path in ("/login", "/admin/", "/practitioner/", "/media/1", "/nothing"):
        told = _answered(path, True)
        assert told[b"cache-control"] == b"no-store"
        assert told[b"x-content-type-options"] == b"nosniff"
        assert told[b"x-frame-options"] == b"DENY"
        assert b"frame-ancestors 'none'" in told[b"content-security-policy"]
        assert told[b"strict-transport-security"] == b"max-age=31536000"
        assert b"strict-transport-security" not in _answered(path, False)
    assert b"script-src" not in _answered("/login", True)[b"content-security-policy"]
    assert b"default-src 'none'" in _answered("/login", True)[b"content-security-policy"]
    assert _answered("/practitioner/assets/x.js", True)[b"cache-control"] == b"private, max-age=3600"


def test_nobody_else_is_let_in_by_a_header() -> None:
    told = _answered("/practitioner/", False, (b"Access-Control-Allow-Origin", b"*"), (b"Server", b"x"))
    assert b"access-control-allow-origin" not in told
    assert b"server" not in told


def test_a_reports_own_script_runs_and_no_other() -> None:
    own = (TEMPLATES / "base.html").read_text("utf-8").replace("{{ script_digest }}", "abc+/=")
    policy = shown(own.encode(), "text/html; charset=utf-8", "report.html").headers["content-security-policy"]
    assert "script-src 'sha256-abc+/=';" in policy
    sneaky = b'<meta http-equiv="Content-Security-Policy" content="script-src \'unsafe-inline\' https://evil.example">'
    assert "script-src 'none'" in shown(sneaky, "text/html", "x").headers["content-security-policy"]


def test_what_could_hold_a_script_is_handed_over_as_a_file() -> None:
    for kind in ("image/svg+xml", "application/xhtml+xml", "text/xml", "application/json", "text/javascript", ""):
        headers = shown(b"<svg/>", kind, "x").headers
        assert headers["content-disposition"].startswith("attachment"), kind
        assert "sandbox" in headers["content-security-policy"]


@pytest.mark.parametrize(
    "name", ['a"b.pdf', "a\r\nSet-Cookie: x=1", "../../etc/passwd", "Zoë Ångström.pdf", "", ".", "a;b"]
)
def test_a_name_cannot_begin_another_header(name: str) -> None:
    told = disposition("attachment", name)
    assert told.isascii()
    assert told.isprintable()
    plain = told.split('filename="')[1].split('"')[0]
    assert plain
    assert not set(plain) & set('"\\/;\r\n')
    assert told.count(";") == 2


def test_a_body_is_given_again_as_it_was() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def read() -> list[Message]:
        again = bodies.again(b"body", receive)
        return [await again(), await again()]

    assert ran(read()) == [
        {"type": "http.request", "body": b"body", "more_body": False}, {"type": "http.disconnect"},
    ]  # fmt: skip
