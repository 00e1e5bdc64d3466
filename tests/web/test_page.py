"""The page in a real browser, which may talk to this computer alone."""

import csv
import io
import socket
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import builders
import cv2
import pytest

import skinscan

APP = Path(__file__).resolve().parents[2] / "app.py"
HOSTILE = "a${alert(1)}{{7*7}}<img src=x onerror=alert(2)>.jpg"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two photos, one with a name that tries to run as a script."""
    folder = tmp_path_factory.mktemp("photos")
    for name, seed, redness in ((HOSTILE, 1, 30.0), ("after.jpg", 2, 60.0)):
        picture, _ = builders.picture(seed=seed, redness=redness)
        (folder / name).write_bytes(cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes())
    (folder / "broken.jpg").write_bytes(b"this is no photo")
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The page served from a thread, with records built by hand; yields (address, workplace)."""
    import uvicorn

    from skinscan.web.server import application, listen, prepare
    from skinscan.web.workplace import Workplace

    workplace = prepare(Workplace(tmp_path_factory.mktemp("work")))
    from skinscan.web.page import build

    listener = listen(0)
    config = uvicorn.Config(application(build(workplace)), log_level="warning", ws="none")
    server = uvicorn.Server(config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(skinscan, "compare", lambda b, a, progress, **_: builders.comparison(b.name, a.name))
        patch.setattr(skinscan, "assess", lambda path, **_: builders.assessment(path.name))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", workplace
        server.should_exit = True
        thread.join(20)
    workplace.close()


def send(page, box: str, path) -> None:
    page.set_input_files(f"{box} input[type=file]", path)
    page.wait_for_selector(f"{box} img[src*='preview-']")


def test_two_photos_give_words_a_slider_maps_a_table_and_a_report(site, folder, offline):
    address, workplace = site
    page = offline(address)
    send(page, "#before", folder / HOSTILE)
    send(page, "#after", folder / "after.jpg")
    page.click("#go")
    page.wait_for_selector("#report")
    assert "5 of 8 numbers changed by more than measurement error" in page.inner_text("#said")
    assert page.locator("#table tbody tr").count() == len(builders.changes())
    assert "≈" in page.inner_text("#table")
    page.locator("#slider").scroll_into_view_if_needed()
    sizes = page.locator("#slider img").evaluate_all(
        "async (all) => { await Promise.all(all.map((i) => i.decode()));"
        " return all.map((i) => [i.naturalWidth, i.naturalHeight]) }"
    )
    assert sizes == [[480, 360], [480, 360]]
    assert "pores.png" in page.get_attribute("#map-before img", "src")
    page.click("#overlay input")
    page.get_by_role("option", name="Haemoglobin").click()
    page.wait_for_selector("#map-after img[src*='redness.haemoglobin']")
    with page.expect_download() as download:
        page.click("#report")
    assert "5 of 8 numbers changed" in download.value.path().read_text("utf-8")
    with page.expect_download() as download:
        page.click("#archive")
    with zipfile.ZipFile(download.value.path()) as archive:
        names = {row["photo"] for row in csv.DictReader(io.StringIO(archive.read("measurements.csv").decode()))}
    assert "after.jpg" in names
    sent = [p for p in workplace.path.rglob("*.jpg") if not p.name.startswith(("preview-", "laid-"))]
    assert sent == []


def test_a_photo_just_added_is_told_what_it_can_carry(site, photo_path, offline):
    page = offline(site[0], width=390)
    send(page, "#before", photo_path)
    page.wait_for_selector(".lights .light", timeout=30_000)
    told = page.inner_text(".lights")
    assert "Redness" in told
    assert "Pores" in told
    assert page.locator(".lights li").count() == 6
    with page.expect_download() as download:
        page.click("#settings button")
        page.click("#skin-card")
    assert download.value.path().read_bytes().startswith(b"%PDF-")


def test_one_photo_is_measured(site, folder, offline):
    page = offline(site[0], width=390)
    send(page, "#before", folder / "after.jpg")
    page.click("#go")
    page.wait_for_selector("#report")
    assert "What after.jpg shows" in page.inner_text("#said")
    assert not page.is_visible("#slider")
    assert not page.is_visible("#map-after")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_errors_are_words(site, folder, offline):
    page = offline(site[0])
    page.click("#go")
    page.wait_for_selector("#said [role=alert]")
    assert "there is no photo yet" in page.inner_text("#said")
    page.set_input_files("#before input[type=file]", folder / "broken.jpg")
    page.get_by_text("broken.jpg").wait_for()
    assert "Traceback" not in page.inner_text("body")


def test_where_nothing_is_proposed_the_page_says_so_and_keeps_what_was_typed(site, offline):
    page = offline(site[0])
    page.click("#settings button")
    page.fill("#regions textarea", "cheek=1,1,9,1,9,9")
    page.click("#propose")
    page.wait_for_selector("#said [role=status]")
    assert "No region could be proposed" in page.inner_text("#said")
    assert page.input_value("#regions textarea") == "cheek=1,1,9,1,9,9"


def test_other_names_and_other_sites_are_refused(site):
    import urllib.error
    import urllib.request

    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        request = urllib.request.Request(site[0], headers=headers)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=10)
        refused.value.close()
        assert refused.value.code == 403


def test_closing_the_page_wipes_what_it_left(site, folder, offline):
    address, workplace = site
    page = offline(address)
    before = set(workplace.path.glob("desk-*"))
    send(page, "#before", folder / "after.jpg")
    (mine,) = set(workplace.path.glob("desk-*")) - before
    page.close(run_before_unload=True)
    deadline = time.monotonic() + 20
    while mine.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not mine.exists()


def test_the_report_opens_offline_and_its_slider_obeys_the_keyboard(tmp_path, offline):
    from skinscan.report import write_comparison

    path = write_comparison(builders.comparison(HOSTILE), tmp_path)
    for width in (1280, 390):
        page = offline(path.as_uri(), width=width)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        cut = "getComputedStyle(document.querySelector('.slider')).getPropertyValue('--cut').trim()"
        assert page.evaluate(cut) == "50%"
        page.focus(".slider input")
        page.keyboard.press("ArrowRight")
        assert page.evaluate(cut) == "51%"
        page.click("[data-view=map-1]")
        assert page.is_visible(".view[data-name=map-1] svg")
        assert not page.is_visible(".view[data-name=plain]")


def test_a_taken_port_is_told_in_words():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        command = [sys.executable, APP, "--local", "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert f"port {port} cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


def test_importing_the_room_does_not_import_gradio():
    code = "import sys, skinscan.web, skinscan.report; sys.exit('gradio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
