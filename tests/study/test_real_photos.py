"""The table of real photos says what came of each."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from skinscan.study import real_photos
from skinscan.study.tables import put_table


def test_a_close_up_a_wall_and_a_broken_file(photo_path: Path, tmp_path: Path) -> None:
    (tmp_path / "close-up.jpg").write_bytes(photo_path.read_bytes())
    (tmp_path / "broken.jpg").write_bytes(photo_path.read_bytes()[:400])
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((300, 400, 3), 128, np.uint8))
    (tmp_path / "notes.txt").write_text("no photo")
    found = {one.name: one for one in map(real_photos.outcome, real_photos.photos_in(tmp_path))}
    assert set(found) == {"close-up.jpg", "broken.jpg", "wall.png"}
    came = dict(zip(real_photos.families(), found["close-up.jpg"].families, strict=True))
    assert came["redness"] == real_photos.MEASURED
    assert came["pores"] == "no_scale"
    assert found["broken.jpg"].refusal
    assert set(found["wall.png"].families) <= {"no_skin", "no_colour", "no_scale"}
    told = real_photos.table(found.values())
    assert "not read: " in told
    assert "| yes | yes | `no_scale` | `no_scale` |" in told


def test_photos_that_fared_alike_share_a_row() -> None:
    alike = [real_photos.Outcome("set", f"{i}.jpg", families=("yes",) * 4, told=("noisy",) * (i % 2)) for i in range(5)]
    row = real_photos.table(alike).splitlines()[-1]
    assert row.startswith("| 5 | set: `0.jpg`, `1.jpg`, `2.jpg`, ... |")
    assert "`noisy` (2)" in row


def test_a_table_goes_between_its_marks_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- table: a -->\nold\n<!-- end: a -->\nafter\n", encoding="utf-8")
    put_table(page, "a", "new")
    assert page.read_text(encoding="utf-8") == "before\n<!-- table: a -->\nnew\n<!-- end: a -->\nafter\n"
    with pytest.raises(ValueError, match="unpack"):
        put_table(page, "b", "new")
