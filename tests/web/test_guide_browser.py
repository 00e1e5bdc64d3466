"""The page of guidance in a real browser, on a phone and on a desk."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from skinscan.report.guide_page import guide_page, write_guide

LONG = "an_awfully_long_region_name_of_forty_cha"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory) -> Path:
    why = "the light comes from another direction (0.54, 0.68 at most); the upper left of the picture gained by 1.4"
    outlooks = [
        {"family": f, "region": LONG, "verdict": v, "why": why, "todo": "", "measures": {}}
        for f, v in (("redness", "good"), ("pigment", "usable"), ("pores", "cannot"))
    ]
    advice = [{"text": why, "region": LONG, "stops": ["pores.area"], "weakens": ["texture.glcm_contrast_100um"] * 9}]
    prospects = [
        {"measure": "texture.roughness_1000_2000um", "region": LONG, "carries": False, "reason": why, "sdc": None,
         "baseline": 0.0123, "unit": "log-luminance RMS"}
    ] * 3  # fmt: skip
    told = {
        "photo": "x" * 90 + ".jpg", "baseline": "y" * 90 + ".jpg", "sentences": ["Usable for pigment.", why],
        "outlooks": outlooks, "advice": advice, "prospects": prospects, "aim": {"moves": ["move the camera left"]},
    }  # fmt: skip
    picture = cv2.applyColorMap(np.tile(np.arange(200, dtype=np.uint8), (300, 1)), cv2.COLORMAP_VIRIDIS)
    return write_guide(guide_page(told, None, {"ghost": ("ghost", picture)}), {}, tmp_path_factory.mktemp("g") / "out")


@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_and_its_lights_are_in_view(offline, page_file, width) -> None:
    page = offline(page_file.as_uri(), width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    lights = page.locator(".lights .light")
    assert [text.split()[-1] for text in lights.all_inner_texts()] == ["Good", "Usable", "Cannot"]
    boxes = [light.bounding_box() for light in lights.all()]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
    assert boxes[0]["y"] < 900  # the first light is on the first screen
    corners = [light.evaluate("e => getComputedStyle(e).borderRadius") for light in lights.all()]
    assert len(set(corners)) == 3
