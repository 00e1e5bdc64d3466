"""Nothing of a photo outlives the page."""

import os
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from skinscan.web.workplace import PREFIX, Workplace, wipe_stale


@pytest.fixture
def workplace(tmp_path):
    place = Workplace(tmp_path)
    yield place
    place.close()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no permission bits")
def test_only_this_user_can_look_into_it(workplace):
    assert stat.S_IMODE(workplace.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(workplace.desk("one").stat().st_mode) == 0o700


def test_it_is_gone_at_the_end(tmp_path):
    place = Workplace(tmp_path)
    (place.desk("one") / "photo.jpg").write_bytes(b"skin")
    place.close()
    place.close()
    assert list(tmp_path.iterdir()) == []


def test_one_page_leaving_does_not_touch_another(workplace):
    (workplace.desk("one") / "photo.jpg").write_bytes(b"skin")
    (workplace.desk("two") / "photo.jpg").write_bytes(b"skin")
    workplace.clear("one")
    assert not (workplace.path / "desk-one").exists()
    assert (workplace.desk("two") / "photo.jpg").exists()


def test_a_session_name_cannot_leave_the_folder(workplace):
    assert workplace.desk("../../etc").parent == workplace.path
    assert workplace.desk("").parent == workplace.path


def test_sent_files_are_swept_and_nothing_outside_is(workplace, tmp_path):
    upload = workplace.path / "abc123" / "photo.jpg"
    upload.parent.mkdir()
    upload.write_bytes(b"skin")
    mine = tmp_path / "mine.jpg"
    mine.write_bytes(b"mine")
    workplace.remember("one", upload)
    workplace.remember("one", mine)
    workplace.sweep("one")
    assert not upload.parent.exists()
    assert mine.exists()


def test_what_a_killed_process_left_is_wiped_at_the_next_start(tmp_path):
    script = (
        "import os, sys; from pathlib import Path; from skinscan.web.workplace import Workplace;"
        "w = Workplace(Path(sys.argv[1])); (w.desk('x') / 'photo.jpg').write_bytes(b'skin'); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path)], timeout=60).returncode == 9
    (left,) = tmp_path.glob(f"{PREFIX}*")
    place = Workplace(tmp_path)
    assert not left.exists()
    place.close()


def test_the_folder_of_a_living_process_is_left_alone(tmp_path):
    script = (
        "import sys; from pathlib import Path; from skinscan.web.workplace import Workplace;"
        "w = Workplace(Path(sys.argv[1])); print(w.path, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        path = other.stdout.readline().strip()
        wipe_stale(tmp_path)
        assert os.path.isdir(path)
        other.stdin.close()
        other.wait(20)
    assert not os.path.isdir(path)


def test_a_folder_that_is_just_being_made_is_left_alone(tmp_path):
    fresh = tmp_path / f"{PREFIX}fresh"
    fresh.mkdir()
    wipe_stale(tmp_path)
    assert fresh.exists()
    long_ago = time.time() - 3600
    os.utime(fresh, (long_ago, long_ago))
    wipe_stale(tmp_path)
    assert not fresh.exists()


def test_a_link_of_that_name_is_not_followed(tmp_path):
    target = tmp_path / "mine"
    target.mkdir()
    (target / "photo.jpg").write_bytes(b"mine")
    (tmp_path / f"{PREFIX}link").symlink_to(target)
    wipe_stale(tmp_path)
    assert (target / "photo.jpg").exists()


def test_wiping_goes_on_while_others_take_their_uploads_up(tmp_path: Path) -> None:
    """A folder that goes between being listed and being looked into is no error: it once cut a practitioner off."""
    workplace = Workplace(tmp_path)
    going = threading.Event()

    def come_and_go(number: int) -> None:
        turn = 0
        while not going.is_set():
            folder = workplace.path / f"{number}{turn:063x}"
            turn += 1
            folder.mkdir()
            (folder / "a.jpg").write_bytes(b"x")
            workplace.forget(folder / "a.jpg")

    with ThreadPoolExecutor(4) as pool:
        others = [pool.submit(come_and_go, number) for number in range(4)]
        try:
            for _ in range(400):
                workplace.wipe_unclaimed(sending=1)
        finally:
            going.set()
        for one in others:
            one.result()
    workplace.close()
