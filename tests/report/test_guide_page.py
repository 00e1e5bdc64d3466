"""The page of guidance: every light in a word and a mark, hostile names harmless, no network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skinscan.records import ParameterError
from skinscan.report.guide_page import LIGHTS, guide_page, write_guide

HOSTILE = "<img src=x onerror=alert(1)>{{7*7}}.jpg"


def guidance(**changed: Any) -> dict[str, Any]:
    verdicts = {"redness": "good", "pores": "usable", "texture": "cannot"}
    told = {
        "photo": HOSTILE,
        "baseline": None,
        "verdict": "usable",
        "sentences": ["Usable for pores.", "67 um/px, 50 needed: come a quarter closer."],
        "outlooks": [
            {"family": f, "region": "skin", "verdict": v, "why": "67 um/px, 50 needed", "todo": "", "measures": {}}
            for f, v in verdicts.items()
        ],
        "advice": [
            {
                "text": "67 um/px, 50 needed: come a quarter closer",
                "region": "cheek_left",
                "stops": ["pores.visible_share"],
                "weakens": ["pores.area"],
            }
        ],
        "prospects": [],
        "aim": None,
    }
    return {**told, **changed}


def text_of(html: str) -> str:
    body = html.split("<main>")[1].split("</main>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def test_every_light_is_a_word_and_a_mark_and_a_shape() -> None:
    html = guide_page(guidance())
    for verdict, (word, mark) in LIGHTS.items():
        assert f'class="light {verdict}"' in html
        assert re.search(rf"{mark}\s*{word}", text_of(html))
    assert len({mark for _, mark in LIGHTS.values()}) == 3
    style = html.split("<style>")[1].split("</style>")[0]
    shapes = {re.search(rf"\.light\.{name}[^{{]*{{[^}}]*border-radius: ([^;]+);", style)[1] for name in LIGHTS}  # type: ignore[index]
    assert len(shapes) == 3


def test_a_hostile_name_is_only_a_name() -> None:
    html = guide_page(guidance())
    assert "<img src=x" not in html
    assert "49.jpg" not in html
    assert "connect-src" not in html
    assert not re.search(r"(src|href)=\"https?:", html)


def test_numbers_read_as_people_write_them() -> None:
    text = text_of(guide_page(guidance()))
    assert "67 µm/px" in text
    assert "Cheek left" in text
    assert "Stops: Visible pores" in text


def test_moves_prospects_and_a_burst_are_told() -> None:
    aim = {"moves": ["come closer by 8 % of the distance"]}
    area = {"measure": "pores.area", "region": "skin", "reason": "", "unit": "%"}
    prospects = [
        {**area, "carries": True, "sdc": 0.31, "baseline": 1.6},
        {**area, "measure": "redness.a_star", "carries": False, "reason": "not tied", "sdc": None, "baseline": 9.5},
    ]
    burst = {
        "sentences": ["Best: number 2."],
        "caution": "it understates",
        "ranked": [{"photo": HOSTILE, "used": True, "reason": ""}],
        "spreads": [{**area, "values": [1.0, 1.2, None], "sem": 0.1, "sdc": 0.6}],
    }
    html = guide_page(guidance(baseline="before.jpg", aim=aim, prospects=prospects), burst)
    text = text_of(html)
    assert "Come closer by 8 %" in text
    assert "0.3" in text
    assert re.search(r"✓\s*Carried", text)
    assert re.search(r"✕\s*Cannot Not tied", text)
    assert "it understates" in text
    assert "1.00 to 1.20" in text
    assert "nan" not in text.lower().split()


def test_it_writes_over_nobody_elses_files(tmp_path: Path) -> None:
    html = guide_page(guidance(), None, {"ghost": ("ghost", np.zeros((8, 8, 3), np.uint8))})
    page = write_guide(html, {"ghost.png": b"png"}, tmp_path / "out")
    assert page.read_text("utf-8") == html
    write_guide(html, {}, tmp_path / "out")
    assert not (tmp_path / "out" / "ghost.png").exists()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "guide.html").write_text("mine")
    with pytest.raises(ParameterError, match="does not write over"):
        write_guide(html, {}, tmp_path / "taken")
