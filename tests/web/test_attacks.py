"""What an attacker tries: against the real server, as a program speaks to it.

Routes are taken from the server's own table: a new one is tried too, and one that takes an id which nobody told this
file how to try fails here.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from skinscan.services import inviting
from skinscan.services.signing_in import actor_of_token
from skinscan.store import access, accounts
from skinscan.web.clinic.server import AT_ONCE
from skinscan.web.clinic.tenancy import QUEUED
from tests.services.identity import PASSWORD
from tests.web.attacked_site import (
    KEEP,
    PEOPLE,
    PLACES,
    READ,
    RECALL,
    SHARED_PAGE,
    SLOW,
    Page,
    Site,
    file_data,
    parameters,
    serving,
    walk,
)

GRADIO = ("/practitioner", "/patient", "/researcher")
SECRET = b"of A alone"
MB = 1024 * 1024


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, photo_path: Path) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("site"), photo_path.read_bytes()) as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_counted(site: Site) -> Iterator[None]:
    """Each test begins without wrong passwords of the one before."""
    yield
    from sqlalchemy import text

    with site.clinic.store.database.writing() as rows:
        rows.execute(text("DELETE FROM attempts"))


@pytest.fixture
def a(site: Site) -> Page:
    return Page(site.of("res"))


@pytest.fixture
def b(site: Site) -> Page:
    return Page(site.of("rita"))


# --- what Gradio alone does not keep apart -----------------------------------------------------------------------


def test_the_probe_works_for_its_own(a: Page) -> None:
    """Else what follows would prove nothing."""
    path = a.upload(SECRET)
    assert a.result(READ, file_data(path)) == SECRET.decode()
    a.result(KEEP, "mine")
    assert a.result(RECALL, None) == "state: mine"


def test_a_file_of_another_is_not_there(a: Page, b: Page) -> None:
    path = a.upload(SECRET)
    for route in (f"file={path}", f"file={quote(path, safe='')}", f"file/{path}", f"file=/..{path}", f"proxy={path}"):
        answer = b.client.get(b.url(route))
        assert answer.status_code == 404, route
        assert SECRET not in answer.content


def _named(path: str) -> list[Any]:
    """Ways to name a file in an event."""
    folder, _, name = path.rpartition("/")
    return [
        file_data(path),
        {"path": path},
        file_data(f"{folder}/./{name}"),
        file_data(f"{folder}/../{folder.rpartition('/')[2]}/{name}"),
        file_data(f"/proc/self/root{path}"),
        file_data(f"file://{path}"),
        file_data("", url=path),
        path,
        [file_data(path)],
        {"nested": {"deeper": [file_data(path)]}},
        {path: 1},
    ]


@pytest.mark.parametrize("way", range(11))
def test_an_event_cannot_name_a_file_of_another(a: Page, b: Page, way: int) -> None:
    path = a.upload(SECRET)
    named = _named(path)
    assert len(named) == 11
    answer = b.join(READ, named[way])
    assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", "http://127.0.0.1/", "record.sqlite", "."])
def test_an_event_cannot_name_a_file_of_the_server(a: Page, path: str) -> None:
    assert a.join(READ, file_data(path)).status_code == 404


def test_the_server_fetches_nothing_for_an_event(a: Page) -> None:
    """A url in a file's data is not followed: another computer would be asked in the server's name."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(1)
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/"
        own = a.upload(SECRET)
        assert a.result(READ, file_data(own, url=url)) == SECRET.decode()
        assert a.join(READ, file_data(url, url=url)).status_code == 404
        with suppress(TimeoutError):
            trap.accept()
            asked.append(url)
    assert asked == []


def test_the_first_of_two_keys_does_not_hide_the_second(a: Page, b: Page) -> None:
    path = a.upload(SECRET)
    own = json.dumps(file_data(b.upload(b"mine")))
    theirs = json.dumps(file_data(path))
    for first, second in ((own, theirs), (theirs, own)):
        body = (
            f'{{"data":[{first}],"data":[{second}],"fn_index":{READ},"session_hash":"{a.session}",'
            f'"session_hash":"{b.session}","trigger_id":{b._trigger}}}'
        )
        answer = b.client.post(b.url("queue/join"), content=body, headers={"content-type": "application/json"})
        if answer.status_code == 200:
            assert "mine" in second or second == own
        else:
            assert answer.status_code == 404


def test_a_session_of_another_is_not_there(a: Page, b: Page) -> None:
    a.result(KEEP, "secret state")
    thief = Page(b.client, session=a.session)
    assert thief.join(RECALL, None).status_code == 404
    assert b.client.get(b.url("queue/data"), params={"session_hash": a.session}).status_code == 404
    assert b.client.get(b.url(f"heartbeat/{a.session}")).status_code == 404
    two = [("session_hash", b.session), ("session_hash", a.session)]
    assert b.client.get(b.url("queue/data"), params=two).status_code == 404
    assert b.client.get(b.url("queue/data"), params=two[::-1]).status_code == 404


def test_a_state_is_gone_with_the_sign_in(site: Site) -> None:
    """Gradio keeps it for an hour, for whoever names the session next."""
    first = site.sign_in("res")
    page = Page(first)
    page.result(KEEP, "of a sign-in that ended")
    held = [mount.state_holder for mount in site.door.tenancy._pages.values()]
    assert any(page.session in holder for holder in held)
    assert first.post("/logout").status_code == 303
    assert not any(page.session in holder for holder in held)
    for client in (site.of("rita"), site.sign_in("res")):
        assert Page(client, session=page.session).join(RECALL, None).status_code == 404


def test_an_event_of_another_cannot_be_cancelled(a: Page, b: Page, site: Site) -> None:
    joined = a.join(SLOW).json()["event_id"]
    told = {"session_hash": a.session, "fn_index": SLOW, "event_id": joined}
    with a.stream() as messages:
        assert any(message["msg"] == "process_generating" for message in messages)
        for client, refused in ((b.client, 404), (site.anonymous(), 401), (site.of("dr"), 404)):
            for session in (a.session, b.session):
                answer = client.post(a.url("cancel"), json=told | {"session_hash": session})
                assert answer.status_code == refused
            assert client.post(a.url("reset"), json={"event_id": joined}).status_code == refused
        seen = [next(messages)["msg"] for _ in range(3)]
        assert "process_generating" in seen
        assert a.client.post(a.url("cancel"), json=told).status_code == 200


def test_an_upload_of_another_cannot_be_watched(a: Page, b: Page) -> None:
    """Its progress tells the names of files."""
    files = {"files": ("jane-doe.txt", SECRET)}
    assert a.client.post(a.url("upload"), params={"upload_id": "up1"}, files=files).status_code == 200
    assert b.client.get(b.url("upload_progress"), params={"upload_id": "up1"}).status_code == 404
    assert b.client.post(b.url("upload"), params={"upload_id": "up1"}, files=files).status_code == 404


def test_the_same_file_sent_by_two_stays_for_the_other(a: Page, site: Site) -> None:
    other = site.sign_in("rita")
    path = a.upload(b"the same")
    assert Page(other).upload(b"the same") == path
    other.post("/logout")
    assert a.result(READ, file_data(path)) == "the same"


def test_files_are_wiped_when_the_sign_in_ends(site: Site) -> None:
    client = site.sign_in("res")
    path = Path(Page(client).upload(b"wiped at the end"))
    assert path.exists()
    client.post("/logout")
    assert not path.exists()


def test_signing_out_ends_what_is_under_way(site: Site) -> None:
    client = site.sign_in("res")
    page = Page(client)
    page.join(SLOW)
    with page.stream() as messages:
        assert next(messages)["msg"] in ("estimation", "process_starts")
        began = time.monotonic()
        site.client(dict(client.cookies)).post("/logout")
        with suppress(httpx.RemoteProtocolError):
            for _ in messages:
                pass
    assert time.monotonic() - began < 5


def test_a_closed_account_ends_what_is_under_way(site: Site) -> None:
    hashed = site.clinic.passwords.hash(PASSWORD)
    user = access.new_user(site.clinic.store, "leaving", ["researcher"], password_hash=hashed)
    client = site.sign_in("leaving")
    with client.stream("GET", "/researcher/gradio_api/heartbeat/leaving1") as answer:
        lines = answer.iter_lines()
        assert "ALIVE" in next(lines)
        site.with_role("administrator").post(f"/admin/users/{user.id}/disable")
        began = time.monotonic()
        with suppress(httpx.RemoteProtocolError):
            for _ in lines:
                pass
    assert time.monotonic() - began < 20  # looked at every five seconds
    assert client.get("/researcher/").status_code == 303
    assert client.get("/researcher/config").status_code == 401


# --- Gradio's routes ---------------------------------------------------------------------------------------------

OPEN_IN_GRADIO = {
    "GET /", "HEAD /", "GET /config", "GET /config/", "GET /theme.css", "GET /favicon.ico", "GET /manifest.json",
    "GET /assets/{path:path}", "GET /static/{path:path}", "GET /svelte/{path:path}",
    "GET /gradio_api/startup-events", "GET /gradio_api/theme.css", "GET /gradio_api/app_id",
    "GET /gradio_api/app_id/", "GET /gradio_api/user", "GET /gradio_api/user/", "GET /gradio_api/login_check",
    "GET /gradio_api/login_check/", "GET /gradio_api/heartbeat/{session_hash}", "GET /gradio_api/queue/data",
    "GET /gradio_api/upload_progress", "POST /gradio_api/upload", "POST /gradio_api/queue/join",
    "POST /gradio_api/cancel", "POST /gradio_api/reset",
}  # fmt: skip
"""What the guard lets through, each with its own check. Whoever adds a line makes sure that it shows nothing of
another's."""


def _gradio_routes(site: Site) -> list[tuple[str, str, str]]:
    """(place, method, path within it) of all routes of Gradio."""
    found = []
    for method, path, _ in walk(site.door.app.routes):
        place = next((one for one in GRADIO if path.startswith(f"{one}/")), None)
        if place is not None:
            found.append((place, method, path[len(place) :]))
    assert len(found) > 100
    return found


def _with(path: str, value: str) -> str:
    return re.sub(r"{[^}]+}", value, path)


def test_gradios_other_routes_are_not_there(site: Site) -> None:
    reached = []
    for place, method, path in _gradio_routes(site):
        if f"{method} {path}" in OPEN_IN_GRADIO:
            continue
        client = site.with_role(place[1:])
        for value in ("1", "a", "file"):
            answer = client.request(method, place + _with(path, value))
            if answer.status_code not in (404, 405):
                reached.append((method, place, path, answer.status_code))
    assert reached == []


def test_every_route_that_is_let_through_is_there_in_this_gradio(site: Site) -> None:
    """A route that a later Gradio names otherwise would leave the guard without its check."""
    there = {f"{method} {path}" for _, method, path in _gradio_routes(site)}
    assert there >= OPEN_IN_GRADIO - {"GET /gradio_api/theme.css"}


def test_gradios_pages_need_their_role(site: Site) -> None:
    for place, method, path in _gradio_routes(site):
        url = place + _with(path, "a1")
        expected = (303,) if path == "/" and method in ("GET", "HEAD") else (401,)
        assert site.anonymous().request(method, url).status_code in expected, url
        for role in PLACES:
            if role != place[1:]:
                assert site.with_role(role).request(method, url).status_code == 404, (role, url)


def test_gradios_files_lead_nowhere_else(site: Site) -> None:
    for tail in (
        "/assets/../../routes.py", "/assets/%2e%2e/%2e%2e/routes.py", "/static/..%2f..%2froutes.py",
        "/assets//etc/passwd", "/assets/%2fetc/passwd", "/svelte/../../../../../../etc/passwd",
        "/static/..%5c..%5croutes.py", "/assets/%252e%252e/x", "/assets/a%00b", "/gradio_api/file%3d/etc/passwd",
        "/gradio_api/../config", "//config", "/./config",
    ):  # fmt: skip
        answer = raw(site, f"GET /researcher{tail} HTTP/1.1", cookie=site.of("res"))
        assert answer.startswith(b"HTTP/1.1 404"), (tail, answer[:60])


def test_run_history_telemetry_and_the_api_page_are_off(site: Site) -> None:
    for place in GRADIO:
        config = site.with_role(place[1:]).get(f"{place}/config").json()
        assert config["run_history"] is False
        assert config["footer_links"] == []
        assert config["analytics_enabled"] is False
        assert not config.get("mcp_server")
        assert config["show_error"] is False
        assert config["space_id"] is None


def test_the_queue_cannot_be_passed_by(site: Site, a: Page) -> None:
    for route in ("run/predict", "api/predict", "call/_lambda", "call/v2/_lambda", "run/lambda", "api/0"):
        assert a.client.post(a.url(route), json={"data": [], "fn_index": RECALL}).status_code == 404


def test_a_page_loads_nothing_from_elsewhere(site: Site) -> None:
    for role, place in PLACES.items():
        answer = site.with_role(role).get(place)
        assert answer.status_code == 200
        loaded = re.findall(r"""(?:src|href|action)=["']?(https?:)?//([^"'/ >]+)""", answer.text)
        assert {host for _, host in loaded} <= {urlsplit(site.address).netloc}, role
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy or "default-src 'none'" in policy
        assert "http" not in policy
        assert "*" not in policy


# --- our routes --------------------------------------------------------------------------------------------------

Tried = Callable[[Site], list[tuple[str, str]]]

NOBODYS = ("0" * 32, "1", "-1", "x" * 500, "%00", "null", "' OR 1=1 --", "__proto__")


def _of_media(site: Site) -> list[tuple[str, str]]:
    ids = site.ids
    theirs = [
        ("ada", "bea photo"),
        ("ada", "bea page"),
        ("ada", "bea report"),
        ("ada", "ada report"),
        ("ada", "ada tray"),
    ]
    theirs += [("bea", f"{who} {what}") for who in ("ada", "bea") for what in ("photo", "page", "report", "tray")]
    theirs += [(who, f"ada {what}") for who in ("res", "root") for what in ("photo", "page", "report", "tray")]
    theirs += [("dora", "ada tray"), ("dr", "ada patient"), ("dr", "ada course"), ("dr", "user ada")]
    return [(ids.get(who, who), f"/media/{ids[what]}") for who, what in theirs]


def _of_users(doing: str) -> Tried:
    def tried(site: Site) -> list[tuple[str, str]]:
        own = [site.ids["user root"], site.ids["user dr"], site.ids["user ada"]]
        people = ("dr", "res", site.ids["ada"])
        found = [(who, f"/admin/users/{one}/{doing}") for who in people for one in own]
        # an id of something else is no user's
        return [*found, ("root", f"/admin/users/{site.ids['ada patient']}/{doing}")]

    return tried


def _of_reports(site: Site) -> list[tuple[str, str]]:
    """The same reports as PDF; what is no report is none as PDF either."""
    own = [("dr", f"/media/{site.ids['ada photo']}"), (site.ids["ada"], f"/media/{site.ids['ada photo']}")]
    return [(who, f"{url.replace('/media/', '/download/')}.pdf") for who, url in (*_of_media(site), *own)]


def _of_patients(site: Site) -> list[tuple[str, str]]:
    theirs = [(site.ids["ada"], "bea patient"), (site.ids["bea"], "ada patient"), ("res", "ada patient"),
              ("root", "ada patient"), ("dr", "ada photo")]  # fmt: skip
    return [(who, f"/download/patients/{site.ids[what]}.zip") for who, what in theirs]


IDS: dict[str, Tried] = {
    "GET /download/{media_id}.pdf": _of_reports,
    "GET /download/patients/{patient_id}.zip": _of_patients,
    "GET /media/{media_id}": _of_media,
    "GET /static/{name}": lambda site: [("dr", "/static/..%2fserver.py"), ("dr", "/static/skinscan.css.bak")],
    "GET /invitation/{token}": lambda site: [("dr", f"/invitation/{site.ids['user ada']}")],
    "POST /invitation/{token}": lambda site: [("dr", f"/invitation/{site.ids['user ada']}")],
    "POST /admin/users/{user_id}/invite": _of_users("invite"),
    "POST /admin/users/{user_id}/roles": _of_users("roles"),
    "POST /admin/users/{user_id}/{doing}": _of_users("disable"),
}
"""Of each route that takes an id: who must not reach which one."""

KNOWN_QUESTIONS = {"GET /media/{media_id}": {"download"}}
"""What else our routes read from the address: nothing by which another's could be named."""


def _own_routes(site: Site) -> list[tuple[str, str, Any]]:
    found = [
        (method, path, route)
        for method, path, route in walk(site.door.app.routes)
        if not path.startswith(tuple(f"{place}/" for place in GRADIO)) and method != "HEAD"
    ]
    assert len(found) >= 15
    return found


def test_every_route_with_an_id_is_tried(site: Site) -> None:
    """Whoever adds one says above whose id it is, and who must not reach it."""
    found = {f"{method} {path}" for method, path, _ in _own_routes(site) if parameters(path)}
    assert found == set(IDS)


def test_every_question_in_an_address_is_known(site: Site) -> None:
    for method, path, route in _own_routes(site):
        asked = {one.name for one in route.dependant.query_params}
        assert asked == KNOWN_QUESTIONS.get(f"{method} {path}", set()), path


@pytest.mark.parametrize("route", sorted(IDS))
def test_what_is_not_yours_is_not_there(site: Site, route: str) -> None:
    method, path = route.split(" ")
    tried = IDS[route](site)
    assert tried
    for who, url in tried:
        answer = site.of(who).request(method, url)
        assert answer.status_code == 404, (who, url)
        assert SHARED_PAGE not in answer.content
    role_needed = "root" if path.startswith("/admin") else "dr"
    for value in NOBODYS:
        answer = site.of(role_needed).request(method, _with(path, quote(value, safe="")))
        assert answer.status_code in (404, 400), (path, value, answer.status_code)
    if not path.startswith(("/static", "/invitation")):
        for _, url in tried:
            assert site.anonymous().request(method, url).status_code == 401


def test_what_is_yours_is_there(site: Site) -> None:
    """Else the test before would prove nothing."""
    ada = site.of(site.ids["ada"])
    answer = ada.get(f"/media/{site.ids['ada page']}")
    assert answer.status_code == 200
    assert answer.content == SHARED_PAGE
    assert ada.get(f"/media/{site.ids['ada photo']}").headers["content-type"] == "image/jpeg"
    dr = site.of("dr")
    for what in ("ada photo", "bea photo", "ada report", "bea page", "ada tray"):
        assert dr.get(f"/media/{site.ids[what]}").status_code == 200


def test_what_is_no_longer_shared_is_gone_at_once(site: Site) -> None:
    from skinscan.store import consents, deriving

    bea = site.of(site.ids["bea"])
    page = f"/media/{site.ids['bea page']}"
    store, key = site.clinic.store, deriving.derived_of(site.clinic.store, site.ids["bea page"]).key
    other = consents.share(store, site.ids["bea patient"], course_id=site.ids["bea course"], key="0" * 64)
    assert bea.get(page).status_code == 404  # another report of the same course is shared, not this one
    consents.stop_share(store, other.id)
    share = consents.share(store, site.ids["bea patient"], course_id=site.ids["bea course"], key=key)
    assert bea.get(page).status_code == 200
    consents.stop_share(site.clinic.store, share.id)
    assert bea.get(page).status_code == 404


def test_the_headers_of_what_is_shown(site: Site) -> None:
    for what, kind in (("ada photo", "image/jpeg"), ("ada page", "text/html; charset=utf-8")):
        headers = site.of("dr").get(f"/media/{site.ids[what]}").headers
        assert headers["content-type"] == kind
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'self'" in headers["content-security-policy"]
        assert headers["content-disposition"].startswith("inline; filename=")
    policy = site.of("dr").get(f"/media/{site.ids['ada page']}").headers["content-security-policy"]
    assert "script-src 'none'" in policy  # this page has none of its own
    taken = site.of("dr").get(f"/media/{site.ids['ada page']}", params={"download": "true"})
    assert taken.headers["content-disposition"].startswith("attachment; ")


@pytest.mark.parametrize("place", [*PLACES.values(), "/admin", "/practitioner", "/"])
def test_who_is_not_signed_in_is_asked_to(site: Site, place: str) -> None:
    answer = site.anonymous().get(place)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login"


def test_each_page_is_of_its_role_alone(site: Site) -> None:
    for role in PLACES:
        client = site.with_role(role)
        for other, place in PLACES.items():
            assert client.get(place).status_code == (200 if other == role else 404), (role, place)
            bare = client.get(place.rstrip("/"))
            assert bare.status_code == (303 if other == role else 404)


@pytest.mark.parametrize(
    "path", ["/nothing", "/docs", "/openapi.json", "/admin2", "/media", "/.git/config", "/login/x", "/gradio_api/info"]
)
def test_what_nobody_made_is_not_there(site: Site, path: str) -> None:
    for client in (site.anonymous(), *(site.with_role(role) for role in PLACES)):
        assert client.get(path).status_code in (404, 401 if path == "/media" else 404)


# --- signing in --------------------------------------------------------------------------------------------------


def test_spraying_passwords_is_throttled(site: Site) -> None:
    """200 wrong passwords took Gradio 0.3 s."""
    client, answers = site.anonymous(), []
    for number in range(200):
        answers.append(client.post("/login", data={"username": f"user{number % 50}", "password": "Winter2026!!"}))
    assert [one.status_code for one in answers[:20]] == [401] * 20
    assert sum(one.status_code == 401 for one in answers) <= 24
    last = answers[-1]
    assert last.status_code == 429
    assert int(last.headers["retry-after"]) >= 1


def test_an_address_that_is_made_up_does_not_help(site: Site) -> None:
    statuses = [
        site.anonymous(**{"x-forwarded-for": f"203.0.113.{number}", "forwarded": f"for=203.0.113.{number}"})
        .post("/login", data={"username": f"user{number}", "password": "wrong"})
        .status_code
        for number in range(30)
    ]
    assert statuses.count(429) >= 5


def test_one_user_is_guarded_by_name(site: Site) -> None:
    client = site.anonymous()
    statuses = [client.post("/login", data={"username": "dr", "password": "wrong"}).status_code for _ in range(8)]
    assert statuses == [401] * 5 + [429] * 3
    assert client.post("/login", data={"username": "dr", "password": PASSWORD}).status_code == 429


def test_a_wrong_password_and_no_user_are_answered_alike(site: Site) -> None:
    def said(username: str) -> tuple[int, str]:
        answer = site.anonymous().post("/login", data={"username": username, "password": "wrong"})
        return answer.status_code, answer.text.replace(username, "NAME")

    assert said("dr") == said("nobody")


@pytest.mark.parametrize(
    "data", [{}, {"username": "dr"}, {"password": PASSWORD}, {"username": "dr", "password": ["a", "b"]}]
)
def test_half_a_form_lets_nobody_in(site: Site, data: dict[str, Any]) -> None:
    answer = site.anonymous().post("/login", data=data)
    assert answer.status_code in (401, 422)
    assert "set-cookie" not in answer.headers


def test_a_plain_program_can_sign_in_and_out(site: Site) -> None:
    client = site.anonymous()
    answer = client.post("/login", data={"username": "dr", "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/practitioner/")
    assert client.get("/practitioner/").status_code == 200
    assert client.post("/logout").status_code == 303


def test_a_session_cannot_be_replayed_after_signing_out(site: Site) -> None:
    client = site.sign_in("dr")
    kept = dict(client.cookies)
    assert site.client(kept).get("/practitioner/").status_code == 200
    assert client.post("/logout").status_code == 303
    replay = site.client(kept)
    assert replay.get("/practitioner/").status_code == 303
    assert replay.get("/practitioner/config").status_code == 401
    assert replay.get(f"/media/{site.ids['ada photo']}").status_code == 401
    assert replay.post("/practitioner/gradio_api/queue/join", json={}).status_code == 401


def test_signing_out_by_a_link_is_asked_first(site: Site) -> None:
    client = site.sign_in("dr")
    assert "<form" in client.get("/logout").text
    assert client.get("/practitioner/").status_code == 200


def test_a_token_that_was_planted_is_not_taken(site: Site) -> None:
    """Session fixation: whatever cookie is there before, signing in gives another, and ends the one that was there."""
    planted = {"skinscan": "planted-by-an-attacker"}
    answer = site.client(planted).post("/login", data={"username": "dr", "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    fresh = answer.cookies["skinscan"]
    assert fresh != planted["skinscan"]
    assert site.client(planted).get("/practitioner/").status_code == 303
    theirs = site.sign_in("res")
    old = dict(theirs.cookies)
    again = site.client(old).post("/login", data={"username": "dr", "password": PASSWORD})
    assert again.cookies["skinscan"] != old["skinscan"]
    assert actor_of_token(site.clinic, old["skinscan"]) is None


@pytest.mark.parametrize("cookie", ["skinscan=a; skinscan=b", "skinscan=", "SKINSCAN=x", "__Host-skinscan=x"])
def test_an_odd_cookie_is_none(site: Site, cookie: str) -> None:
    token = site.of("dr").cookies["skinscan"]
    told = cookie.replace("=b", f"={token}").replace("=x", f"={token}")
    assert site.anonymous(cookie=told).get("/practitioner/").status_code == 303


def test_the_cookie_is_for_this_server_alone(site: Site) -> None:
    answer = site.anonymous().post("/login", data={"username": "dr", "password": PASSWORD})
    parts = [part.strip() for part in answer.headers["set-cookie"].split(";")]
    assert set(parts[1:]) == {"Path=/", "Max-Age=43200", "HttpOnly", "SameSite=Lax"}


def test_a_role_that_is_taken_away_is_gone_at_once(site: Site) -> None:
    hashed = site.clinic.passwords.hash(PASSWORD)
    user = access.new_user(site.clinic.store, "changing", ["practitioner"], password_hash=hashed)
    client = site.sign_in("changing")
    assert client.get(f"/media/{site.ids['ada photo']}").status_code == 200
    accounts.set_roles(site.clinic.store, user.id, ["researcher"])
    assert client.get(f"/media/{site.ids['ada photo']}").status_code == 401  # the sign-in ended with the role
    assert client.get("/practitioner/").status_code == 303
    client = site.sign_in("changing")
    assert client.get(f"/media/{site.ids['ada photo']}").status_code == 404
    assert client.get("/practitioner/").status_code == 404
    assert client.get("/researcher/").status_code == 200


def test_a_disabled_user_is_out_at_once(site: Site) -> None:
    hashed = site.clinic.passwords.hash(PASSWORD)
    user = access.new_user(site.clinic.store, "fired", ["practitioner"], password_hash=hashed)
    client = site.sign_in("fired")
    access.disable(site.clinic.store, user.id)
    assert client.get("/practitioner/").status_code == 303
    assert client.get(f"/media/{site.ids['ada photo']}").status_code == 401
    assert client.post("/practitioner/gradio_api/upload", files={"files": b"x"}).status_code == 401
    again = site.anonymous().post("/login", data={"username": "fired", "password": PASSWORD})
    assert again.status_code == 401


def test_a_link_to_elsewhere_after_signing_in_is_ignored(site: Site) -> None:
    for told in (
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/%0d%0aSet-Cookie:x=1",
        "javascript:alert(1)",
    ):
        for name in ("next", "url", "redirect", "return_to"):
            answer = site.anonymous().post(
                f"/login?{name}={quote(told, safe='%')}", data={"username": "dr", "password": PASSWORD, name: told}
            )
            assert answer.headers["location"] == "/practitioner/"
            assert "x" not in answer.cookies
        assert "evil" not in site.of("dr").get(f"/?next={quote(told)}").headers["location"]


def test_an_invitation_does_not_leave_the_browser(site: Site) -> None:
    root = site.with_role("administrator")
    page = root.post(f"/admin/users/{site.ids['user rita']}/invite")
    assert page.status_code == 201
    token = re.search(r"/invitation/([\w-]{43})", page.text)
    assert token is not None
    answer = site.anonymous().get(f"/invitation/{token[1]}")
    assert answer.status_code == 200
    assert answer.headers["referrer-policy"] == "strict-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert token[1] not in answer.text  # nothing on the page could send it on
    bad = site.anonymous().post(f"/invitation/{token[1]}", data={"password": "too short", "again": "too short"})
    assert bad.status_code == 400
    done = site.anonymous().post(f"/invitation/{token[1]}", data={"password": PASSWORD, "again": PASSWORD})
    assert done.status_code == 200
    assert "set-cookie" not in done.headers
    assert site.anonymous().get(f"/invitation/{token[1]}").status_code == 404
    site.cookies.pop("rita", None)


def test_a_script_in_a_name_is_text(site: Site) -> None:
    typed = '"><script>alert(1)</script>'
    answer = site.anonymous().post("/login", data={"username": typed, "password": "x"})
    assert "<script" not in answer.text
    assert "&lt;script&gt;" in answer.text
    answer = site.with_role("administrator").post("/admin/users", data={"username": typed, "roles": "practitioner"})
    assert answer.status_code == 400
    assert "<script" not in answer.text


# --- other sites -------------------------------------------------------------------------------------------------

FOREIGN = (
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:9"},
    {"origin": "HTTPS://EVIL.EXAMPLE"},
    {"origin": ""},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
)


def test_no_other_site_changes_anything(site: Site) -> None:
    """Each route that takes more than GET and HEAD, Gradio's too, with the cookie of who may use it."""
    tried = 0
    for method, path, _ in walk(site.door.app.routes):
        if method in ("GET", "HEAD"):
            continue
        place = next((one for one in (*GRADIO, "/admin") if path.startswith(f"{one}/")), None)
        role = "administrator" if place == "/admin" else place[1:] if place else "practitioner"
        cookies = dict(site.with_role(role).cookies)
        for headers in FOREIGN:
            answer = site.client(cookies, **headers).request(method, _with(path, site.ids["user dr"]))
            assert answer.status_code in (403, 405), (method, path, headers, answer.status_code)
            tried += 1
    assert tried > 100
    assert site.of("dr").get("/practitioner/").status_code == 200


def test_our_own_pages_may(site: Site) -> None:
    client = site.sign_in("dr")
    own = {"origin": site.address, "sec-fetch-site": "same-origin"}
    assert client.post("/logout", headers=own).status_code == 303


def test_no_other_site_reads_anything(site: Site) -> None:
    for path in ("/practitioner/config", f"/media/{site.ids['ada photo']}", "/practitioner/gradio_api/startup-events"):
        for headers in (
            {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
            {"origin": "https://evil.example"},
        ):
            assert site.client(dict(site.of("dr").cookies), **headers).get(path).status_code == 403


def test_a_link_from_elsewhere_opens_a_page(site: Site) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert site.anonymous(**headers).get("/login").status_code == 200
    framed = headers | {"sec-fetch-dest": "iframe"}
    assert site.anonymous(**framed).get("/login").status_code == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "",
        "localhost.evil.example:80",
        "127.0.0.1@evil.example",
        "[::1",
        "0.0.0.0",
        "evil@localhost",
        "localhost/evil",
        "localhost:evil",
        "localhost?evil",
    ],
)
def test_under_another_name_there_is_nothing(site: Site, host: str) -> None:
    for path in ("/login", "/practitioner/", "/static/skinscan.css", f"/media/{site.ids['ada photo']}"):
        answer = site.client(dict(site.of("dr").cookies), host=host).get(path)
        assert answer.status_code in (421, 400), path
        assert "access-control-allow-origin" not in answer.headers
        assert host == "" or host not in answer.text


def test_two_names_are_none(site: Site) -> None:
    port = urlsplit(site.address).port
    for second in ("evil.example", f"127.0.0.1:{port}"):
        answer = raw(site, "GET /login HTTP/1.1", f"Host: {second}")
        assert answer.startswith((b"HTTP/1.1 421", b"HTTP/1.1 400")), answer[:80]


def test_no_origin_is_reflected(site: Site) -> None:
    """Gradio answers any Origin with credentials where the Host is not this computer's."""
    for place in GRADIO:
        for origin in ("https://evil.example", "null", site.address):
            client = site.client(dict(site.with_role(place[1:]).cookies), origin=origin)
            for method in ("GET", "OPTIONS", "POST"):
                headers = client.request(
                    method, f"{place}/gradio_api/queue/join", headers={"access-control-request-method": "POST"}
                ).headers
                assert "access-control-allow-origin" not in headers
                assert "access-control-allow-credentials" not in headers


def test_forwarding_headers_do_not_move_the_page(site: Site) -> None:
    """Gradio writes the address into its page that they name."""
    told = {"x-forwarded-host": "evil.example", "x-forwarded-proto": "https", "x-gradio-server": "https://evil.example"}
    answer = site.client(dict(site.of("dr").cookies), **told).get("/practitioner/")
    assert answer.status_code == 200
    assert "evil.example" not in answer.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "QUERY"])
def test_other_methods_do_nothing(site: Site, method: str) -> None:
    for path in ("/login", "/practitioner/", "/admin/users"):
        assert site.of("dr").request(method, path).status_code == 405


# --- bodies ------------------------------------------------------------------------------------------------------


def raw(site: Site, request: str, *headers: str, cookie: httpx.Client | None = None, body: bytes = b"") -> bytes:
    """An answer to bytes as they are."""
    parts = urlsplit(site.address)
    lines = [request, f"Host: {parts.netloc}", "Connection: close", *headers]
    if cookie is not None:
        lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in cookie.cookies.items()))
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        parts_read = []
        with suppress(ConnectionResetError):
            while chunk := connection.recv(65536):
                parts_read.append(chunk)
    return b"".join(parts_read)


@pytest.mark.parametrize("charset", ["punycode", "unicode_escape", "utf-8"])
def test_nobody_chooses_how_a_form_is_decoded(site: Site, charset: str) -> None:
    """60 KB of punycode take seconds, in which nobody else is answered; half a letter was an error inside."""
    part = b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\n\\ud800-' + b"b" * 60_000 + b"\r\n--x--\r\n"
    headers = {"content-type": f"multipart/form-data; boundary=x; charset={charset}"}
    began = time.monotonic()
    assert site.anonymous().post("/login", content=part, headers=headers).status_code == 415
    upload = site.of("dr").post("/practitioner/gradio_api/upload", content=part, headers=headers)
    assert upload.status_code == 415
    assert time.monotonic() - began < 2


def test_pages_that_take_no_photos_take_no_files(site: Site) -> None:
    for role in ("patient", "practitioner"):  # of the real pages; the researcher's is this file's own
        answer = site.with_role(role).post(f"/{role}/gradio_api/upload", files={"files": b"x" * 1000})
        assert answer.status_code == (404 if role == "patient" else 200), role


def test_one_user_cannot_take_all_connections(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skinscan.web.clinic.running.MOST", 5)
    client = site.sign_in("rita")
    parts = urlsplit(site.address)
    cookie = f"skinscan={client.cookies['skinscan']}"
    held = []
    for number in range(8):
        one = socket.create_connection((parts.hostname, parts.port), timeout=10)
        asked = f"GET /researcher/gradio_api/heartbeat/many{number} HTTP/1.1"
        one.sendall(f"{asked}\r\nHost: {parts.netloc}\r\nCookie: {cookie}\r\n\r\n".encode())
        held.append(one)
    try:
        answers = sorted(one.recv(12) for one in held)  # whichever came first
        assert answers == [b"HTTP/1.1 200"] * 5 + [b"HTTP/1.1 503"] * 3
        assert site.of("dr").get("/practitioner/").status_code == 200
        assert client.post("/logout").status_code == 303  # which ends them
    finally:
        for one in held:
            one.close()


def test_a_body_that_says_it_is_too_large_is_not_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skinscan.web.clinic.bodies._DRAINED_S", 0.1)
    for path, size in (
        ("/login", 100_000),
        ("/researcher/gradio_api/queue/join", 5 * MB),
        ("/researcher/gradio_api/upload", 301 * MB),
    ):
        answer = raw(site, f"POST {path} HTTP/1.1", f"Content-Length: {size}", cookie=site.of("res"))
        assert answer.startswith(b"HTTP/1.1 413"), (path, answer[:60])


def _chunks(total: int, size: int = 65536) -> Iterator[bytes]:
    for _ in range(total // size):
        yield b"a" * size


def test_a_body_that_does_not_say_how_large_it_is_is_counted(site: Site, a: Page) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert site.anonymous().post("/login", content=_chunks(MB), headers=form).status_code == 413
    answer = a.client.post(a.url("queue/join"), content=_chunks(6 * MB), headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_an_upload_is_counted_as_it_comes(site: Site, a: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    from skinscan.web.clinic import bodies, door

    monkeypatch.setattr(bodies, "UPLOAD", bodies.Allowance(MB, 30))
    assert door.allowance("/researcher/gradio_api/upload").bytes == MB

    def multipart() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        yield from _chunks(4 * MB)
        yield b"\r\n--x--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert a.client.post(a.url("upload"), content=multipart(), headers=headers).status_code == 413


def test_who_is_not_signed_in_uploads_nothing(site: Site) -> None:
    before = set(site.uploads.rglob("*"))
    answer = site.anonymous().post("/researcher/gradio_api/upload", files={"files": b"x" * MB})
    assert answer.status_code == 401
    assert set(site.uploads.rglob("*")) == before


def test_a_body_that_never_comes_is_not_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from skinscan.web.clinic import bodies

    monkeypatch.setattr(bodies, "FORM", bodies.Allowance(bodies.FORM_BYTES, 30.0, silent_s=0.5))
    monkeypatch.setattr(bodies, "_DRAINED_S", 0.5)
    began = time.monotonic()
    form = "Content-Type: application/x-www-form-urlencoded"
    answer = raw(site, "POST /login HTTP/1.1", "Content-Length: 50", form, body=b"username=")
    assert answer.startswith(b"HTTP/1.1 408")
    assert time.monotonic() - began < 5


def test_a_body_that_drips_has_an_end(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from skinscan.web.clinic import bodies

    monkeypatch.setattr(bodies, "FORM", bodies.Allowance(bodies.FORM_BYTES, 1.0, silent_s=0.5))
    monkeypatch.setattr(bodies, "_DRAINED_S", 0.2)

    def drops() -> Iterator[bytes]:
        for _ in range(100):
            time.sleep(0.1)
            yield b"a"

    began = time.monotonic()
    with suppress(httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
        form = {"content-type": "application/x-www-form-urlencoded"}
        answer = site.anonymous().post("/login", content=drops(), headers=form)
        assert answer.status_code == 408
    assert time.monotonic() - began < 6


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"1", b"{", b'{"a":' * 40000, b"[" * 200000, b"\xff\xfe{\x00}\x00", b'{"session_hash": 1}',
     b'{"session_hash": "../x"}', b'{"session_hash": null}', b'{"data": []}'],
)  # fmt: skip
def test_an_odd_event_is_refused(a: Page, body: bytes) -> None:
    for route in ("queue/join", "cancel", "reset", "component_server"):
        answer = a.client.post(a.url(route), content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 404, (route, body[:20])


def test_a_components_own_functions_are_not_there(a: Page, b: Page) -> None:
    """Gradio's components serve some: lists of files, pictures kept under a name that the browser gives."""
    form = {
        "session_hash": (None, b.session),
        "component_id": (None, "1"),
        "fn_name": (None, "ls"),
        "data": (None, "1"),
    }
    assert a.client.post(a.url("component_server"), files=form).status_code == 404


def test_many_odd_requests_leave_the_server_well(site: Site) -> None:
    for request in (
        "GET /login HTTP/1.1\r\nContent-Length: -1", "POST /login HTTP/1.1\r\nContent-Length: 1e3",
        "POST /login HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
        "GET http://evil.example/login HTTP/1.1",
        "GET /login\r\nX: y HTTP/1.1", "GET /%ff%fe HTTP/1.1", "GET /\x7f HTTP/1.1", "GET * HTTP/1.1",
        "POST /login HTTP/1.1\r\nContent-Type: multipart/form-data\r\nContent-Length: 3",
    ):  # fmt: skip
        answer = raw(site, request, body=b"a=b")
        status = int(answer[9:12] or b"400")
        assert status in (200, 400, 401, 404, 405, 413, 415, 421, 422), (request, answer[:80])
        assert b"Traceback" not in answer
    assert site.anonymous().get("/login").status_code == 200


def test_many_at_once_do_not_mix(site: Site) -> None:
    """Twelve sign-ins keep and recall their own state, all at the same time."""
    wrong: list[str] = []

    def keep_and_recall(number: int) -> None:
        page = Page(site.of("res" if number % 2 else "rita"))
        page.result(KEEP, f"mine {number}")
        if (told := page.result(RECALL, None)) != f"state: mine {number}":
            wrong.append(told)

    site.of("res"), site.of("rita")
    threads = [threading.Thread(target=keep_and_recall, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_one_user_cannot_fill_the_queue(site: Site, a: Page, b: Page) -> None:

    joined = [a.join(SLOW) for _ in range(70)]
    statuses = [one.status_code for one in joined]
    assert statuses.count(200) <= QUEUED + AT_ONCE  # some are being done
    assert statuses[-1] == 503
    assert b.join(RECALL, None).status_code == 200
    for one in joined:
        if one.status_code == 200:
            told = {"session_hash": a.session, "fn_index": SLOW, "event_id": one.json()["event_id"]}
            assert a.client.post(a.url("cancel"), json=told).status_code == 200


def test_files_that_nobody_takes_in_are_wiped(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skinscan.web.clinic.tenancy.UPLOADED_BYTES", 250_000)
    page = Page(site.sign_in("res"))
    paths = [Path(page.upload(bytes([number]) * 100_000)) for number in range(4)]
    assert [path.exists() for path in paths] == [False, False, True, True]
    assert page.join(READ, file_data(str(paths[0]))).status_code == 404


def test_an_upload_that_broke_off_is_wiped(site: Site, a: Page) -> None:
    parts = urlsplit(site.address)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        cookie = "; ".join(f"{name}={value}" for name, value in a.client.cookies.items())
        head = (
            f"POST {a.url('upload')} HTTP/1.1\r\nHost: {parts.netloc}\r\nCookie: {cookie}\r\nContent-Length: 9000\r\n"
            'Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\nContent-Disposition: form-data; name="files"; '
            'filename="a"\r\n\r\n'
        )
        connection.sendall(head.encode() + b"half a photo" * 100)
        time.sleep(0.5)
    time.sleep(0.5)
    assert [path.name for path in site.uploads.iterdir() if path.is_file()] == ["lock"]


def test_names_and_photos_are_not_on_the_administrators_page(site: Site) -> None:
    page = site.with_role("administrator").get("/admin/").text
    assert "/media/" not in page
    assert site.ids["ada patient"] not in page
    assert all(name in page for name in PEOPLE)


def test_a_link_that_is_guessed_is_throttled_by_its_length(site: Site) -> None:
    """256 random bits: counting guesses would add nothing."""
    made = inviting.invite_user(
        site.clinic,
        actor_of_token(site.clinic, site.of("root").cookies["skinscan"]),
        site.ids["user rita"],  # type: ignore[arg-type]
    )
    assert len(made.path.rpartition("/")[2]) == 43


def test_under_the_public_address_everything_goes_by_tls(tmp_path: Path, photo_path: Path) -> None:
    """Behind a proxy that takes TLS off."""
    with serving(tmp_path, photo_path.read_bytes(), url="https://clinic.example") as public:
        there = {"host": "clinic.example", "origin": "https://clinic.example"}
        data = {"username": "dr", "password": PASSWORD}
        assert public.client(host="clinic.example", origin="http://clinic.example").post("/login").status_code == 403
        answer = public.client(**there).post("/login", data=data)
        assert answer.status_code == 303
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        told = answer.headers["set-cookie"]
        assert told.startswith("__Host-skinscan=")
        assert told.endswith("; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure")
        token = told.partition("=")[2].partition(";")[0]
        page = public.client(host="clinic.example", cookie=f"__Host-skinscan={token}").get("/practitioner/")
        assert page.status_code == 200
        assert "http://" not in re.sub(
            r"http://www\.w3\.org/[\w/]+", "", page.text.partition("window.gradio_config")[0]
        )
        assert '"root":"https://clinic.example/practitioner"' in page.text.replace("\\", "").replace(" ", "")
        for cookie in (f"skinscan={token}", f"__host-skinscan={token}"):
            assert public.client(host="clinic.example", cookie=cookie).get("/practitioner/").status_code == 303
