"""What the page does, without a browser."""

import re
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import builders
import cv2
import numpy as np
import pytest

import skinscan
from skinscan.phantom import write_example
from skinscan.records import PhotoError
from skinscan.web import handlers
from skinscan.web.handlers import Settings, Upload


def quiet(share, text):
    assert 0.0 <= share <= 1.0
    assert text


@pytest.fixture(scope="module")
def jpeg():
    picture, _ = builders.picture()
    return cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes()


@pytest.fixture
def by_hand(monkeypatch):
    """The library's two calls, answered with records built by hand."""
    calls = []

    def compare(before, after, *, progress, **options):
        calls.append((before, after, options))
        assert before.exists()
        assert after.exists()
        progress(1.0, "done")
        return builders.comparison(before.name, after.name)

    def assess(path, **options):
        calls.append((path, options))
        return builders.assessment(path.name)

    monkeypatch.setattr(skinscan, "compare", compare)
    monkeypatch.setattr(skinscan, "assess", assess)
    return calls


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_two_photos_are_compared_and_nothing_of_them_stays(tmp_path, jpeg, by_hand):
    result = handlers.run(Upload("b.jpg", jpeg), Upload("a.jpg", jpeg), Settings(), tmp_path, quiet)
    assert "5 of 8 numbers changed" in plain(result.words)
    assert "Within error" in plain(result.table)
    first, second = (cv2.imread(path) for path in result.slider)
    assert first.shape == second.shape
    assert set(result.overlays) == {"Pores", "Haemoglobin", "Optical roughness 250-500 µm"}
    assert all(Path(p).exists() for roles in result.overlays.values() for p in roles.values())
    assert Path(result.report).name == "report.html"
    assert "changes.csv" in zipfile.ZipFile(result.archive).namelist()
    assert [p.name[:4] for p in tmp_path.iterdir()] == ["run-"]


@pytest.mark.parametrize("place", [0, 1])
def test_one_photo_in_either_box_is_measured(tmp_path, jpeg, by_hand, place):
    pair = [None, None]
    pair[place] = Upload("only.jpg", jpeg)
    result = handlers.run(*pair, Settings(), tmp_path, quiet)
    assert result.slider is None
    assert "Pore area" in plain(result.table)
    assert list(result.overlays["Pores"]) == ["photo"]


def test_the_settings_reach_the_library(tmp_path, jpeg, by_hand):
    typed = Settings("0,033", " 10 ", "cheek=1,1,90,1,90,90\n\nneck=5,5,50,5,50,50\n", " neck ")
    handlers.run(Upload("b.jpg", jpeg), Upload("a.jpg", jpeg), typed, tmp_path, quiet)
    options = by_hand[0][2]
    assert options["mm_per_px"] == 0.033
    assert options["marker_mm"] == 10.0
    assert list(options["regions"]) == ["cheek", "neck"]
    assert options["reference"] == "neck"


def test_a_new_run_wipes_the_last_and_takes_new_addresses(tmp_path, jpeg, by_hand):
    upload = Upload("b.jpg", jpeg)
    first = handlers.run(upload, upload, Settings(), tmp_path, quiet)
    second = handlers.run(upload, upload, Settings(), tmp_path, quiet)
    assert first.slider != second.slider
    assert not Path(first.report).exists()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(mm_per_px="a few"), "millimetres per pixel could not be read"),
        (Settings(regions="cheek 1,2,3"), "a region could not be read"),
        (Settings(regions="cheek=1,2,3"), "cheek"),
        (Settings(regions="/etc/passwd"), "a region could not be read"),
    ],
)
def test_what_cannot_be_read_is_told_in_words(tmp_path, jpeg, by_hand, settings, words):
    result = handlers.run(Upload("b.jpg", jpeg), None, settings, tmp_path, quiet)
    assert words in plain(result.words)
    assert result.report is None
    assert by_hand == []


def test_no_photo_is_told_in_words(tmp_path):
    assert "there is no photo yet" in plain(handlers.run(None, None, Settings(), tmp_path, quiet).words)


def test_a_fault_of_ours_shows_no_traceback(tmp_path, jpeg, monkeypatch, caplog):
    def broken(*_, **__):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(skinscan, "assess", broken)
    words = handlers.run(Upload("b.jpg", jpeg), None, Settings(), tmp_path, quiet).words
    assert "Something went wrong inside skinscan (ZeroDivisionError)" in plain(words)
    assert "secret detail" not in words
    assert "Traceback" not in words
    assert "secret detail" in caplog.text


def test_a_hostile_name_is_text_and_cannot_leave_the_folder(tmp_path, jpeg, by_hand):
    name = "../../<img src=x onerror=alert(1)>.jpg"
    result = handlers.run(Upload(name, jpeg), None, Settings(), tmp_path, quiet)
    assert "<img" not in result.words + result.table
    assert by_hand[0][0].parent.parent == tmp_path


def test_a_preview_is_made_of_what_browsers_cannot_show(tmp_path):
    import tifffile

    pixels = (np.linspace(0.2, 0.6, 300 * 400 * 3).reshape(300, 400, 3) * 65535).astype(np.uint16)
    tifffile.imwrite(tmp_path / "photo.tif", pixels, photometric="rgb")
    upload = handlers.take(tmp_path / "photo.tif")
    desk = tmp_path / "desk"
    desk.mkdir()
    path = handlers.preview(upload, desk)
    assert cv2.imread(path).shape == (300, 400, 3)
    assert [p.name for p in desk.iterdir()] == [Path(path).name]


def test_what_is_no_photo_is_an_error_in_words(tmp_path):
    with pytest.raises(PhotoError):
        handlers.preview(Upload("photo.jpg", b"not a photo"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_real_pair_goes_all_the_way(tmp_path):
    write_example(tmp_path, pair=True, size_px=(500, 600), changes={"pore_diameter": -0.3})
    uploads = [handlers.take(tmp_path / name) for name in ("before.jpg", "after.jpg")]
    desk = tmp_path / "desk"
    desk.mkdir()
    result = handlers.run(*uploads, Settings(mm_per_px=str(1 / 30)), desk, quiet)
    assert result.report is not None, plain(result.words)
    assert "Pore area" in plain(result.table)


def test_two_photos_added_at_once_do_not_meet(tmp_path):
    """With one folder for all, 4 of 120 failed."""
    uploads = [
        Upload(f"{n}.png", cv2.imencode(".png", np.full((64, 64, 3), 90 * n, np.uint8))[1].tobytes()) for n in (1, 2)
    ]
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda n: handlers.preview(uploads[n % 2], tmp_path), range(120)))
    assert len(set(paths)) == 2
    assert len(list(tmp_path.iterdir())) == 2


def guided(monkeypatch):
    """The options that advice is asked with."""
    import skinscan.guidance.advising as advising
    from skinscan.guidance.nouns import Guidance

    asked = []

    def advise(path, **options):
        asked.append(options)
        return Guidance("photo.jpg", None, "good", ("Fine.",), (), ())

    monkeypatch.setattr(advising, "advise", advise)
    return asked


def test_the_scale_typed_is_not_taken_for_the_after_photo(tmp_path, jpeg, monkeypatch):
    asked = guided(monkeypatch)
    settings = Settings(mm_per_px="0.04", marker_mm="9")
    first, second = (handlers.advice(Upload("b.jpg", jpeg), settings, tmp_path, of_after) for of_after in (False, True))
    assert [options["mm_per_px"] for options in asked] == [0.04, None]
    assert [options["marker_mm"] for options in asked] == [9.0, 9.0]
    assert "those of the before photo" not in first
    assert "those of the before photo" in second


def test_where_no_region_can_be_proposed_a_sentence_says_so_and_what_was_typed_stays(tmp_path, monkeypatch):
    from skinscan.web.page import proposed

    blue = cv2.imencode(".png", np.full((300, 300, 3), (200, 60, 20), np.uint8))[1].tobytes()
    for upload in (None, Upload("blue.png", blue), Upload("photo.jpg", b"not a photo")):
        lines, why = handlers.proposed_regions(upload, tmp_path)
        assert lines is None
        assert len(plain(why).split()) > 5
        regions, said = proposed(lines, why)
        assert "value" not in regions
        assert said == why
    lines, why = proposed("cheek=1,1,9,1,9,9", "")
    assert lines == "cheek=1,1,9,1,9,9"
    assert "value" not in why


def test_a_surprise_while_a_photo_is_added_becomes_words(tmp_path, monkeypatch, caplog):
    from skinscan.web import page
    from skinscan.web.workplace import Workplace

    def broken(*_):
        raise ZeroDivisionError("secret detail")

    workplace = Workplace(tmp_path)
    (tmp_path / "photo.jpg").write_bytes(b"photo")
    monkeypatch.setattr(handlers, "preview", broken)
    picture, upload, note = page._kept(workplace, str(tmp_path / "photo.jpg"), "session")
    workplace.close()
    assert picture is None
    assert upload is None
    assert "Something went wrong inside skinscan (ZeroDivisionError)" in plain(note["value"])
    assert "secret detail" not in note["value"]
    assert "secret detail" in caplog.text
