from __future__ import annotations

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

import skinscan
from skinscan.measures import all_measures
from skinscan.phantom import Shot
from skinscan.records import Flag, ParameterError, PhotoError, RegionError
from tests.conftest import PX_PER_MM

REGION = {"middle": [(150, 150), (450, 150), (450, 450), (150, 450)]}


@pytest.fixture(scope="module")
def assessment(photo_path: Path):  # type: ignore[no-untyped-def]
    return skinscan.assess(photo_path, mm_per_px=1 / PX_PER_MM, regions=REGION)


def test_every_measure_of_every_region_has_a_value_or_a_reason(assessment) -> None:  # type: ignore[no-untyped-def]
    single = [m.name for m in all_measures().values() if m.evaluate is not None]
    assert [(m.measure, m.region) for m in assessment.measurements] == [
        (n, r) for r in ("skin", "middle") for n in single
    ]
    for m in assessment.measurements:
        if math.isnan(m.value):
            assert m.reason
            assert m.flags
            assert math.isnan(m.spread)
        else:
            assert m.spread >= 0
            assert m.n > 0 or m.measure.startswith(("pores.", "lines."))


def test_the_json_is_the_schema_of_the_readme(assessment) -> None:  # type: ignore[no-untyped-def]
    entry = json.loads(assessment.to_json())
    assert entry["schema"] == 1
    assert set(entry) >= {"photo", "frame", "measurements"}
    told = {"mm_per_px", "mm_per_px_spread", "scale_source", "colour_state", "colour_residual_de00", "quality", "flags"}
    assert set(entry["frame"]) >= told
    assert entry["frame"]["scale_source"] == "given"
    assert entry["frame"]["colour_state"] == "uncorrected"
    for row in entry["measurements"]:
        assert set(row) >= {"measure", "region", "value", "unit", "spread", "n", "flags", "version"}
    fine = next(r for r in entry["measurements"] if r["measure"] == "texture.roughness_100_250um")
    assert fine["value"] is None
    assert fine["flags"] == ["band_too_fine"]


def test_the_table_has_a_row_a_measurement(assessment) -> None:  # type: ignore[no-untyped-def]
    table = assessment.to_frame()
    assert len(table) == len(assessment.measurements)
    assert table.loc[0, "measure"] == "redness.a_star"


def test_colour_of_a_rightly_lit_photo_is_that_of_the_skin(assessment, shot: Shot) -> None:  # type: ignore[no-untyped-def]
    """Ideal camera, D65: median a* within 0.5 of the truth as seen (mottling and gloss remain)."""
    found = {m.measure: m.value for m in assessment.measurements if m.region == "skin"}
    assert found["redness.a_star"] == pytest.approx(float(shot.truth.lab_as_seen[1]), abs=0.5)
    assert found["pigment.ita"] == pytest.approx(shot.truth.ita_degree, abs=4)


def test_without_a_scale_lengths_are_refused_and_the_rest_comes(photo_path: Path) -> None:
    found = skinscan.assess(photo_path, evidence=False).measurements
    for m in found:
        if Flag.NOT_APPLICABLE in m.flags:
            continue  # hair and dimples are meant for other sites and another light
        needs = m.measure.startswith(("lines.", "pores.", "scars.", "texture."))
        assert math.isnan(m.value) == needs, m.measure
        assert (Flag.NO_SCALE in m.flags) == needs


def test_pores_are_listed_in_the_upright_photo(assessment) -> None:  # type: ignore[no-untyped-def]
    pores = assessment.pores
    height, width = assessment.frame.shape
    assert len(pores) > 50
    for place, limit in ((pores.x_px, width), (pores.y_px, height)):
        assert ((place >= -0.5) & (place <= limit - 0.5)).all()
    inside = np.array([name == "middle" for name in pores.region])
    x, y = pores.x_px[inside], pores.y_px[inside]
    assert inside.any()
    assert ((x > 149) & (x < 451) & (y > 149) & (y < 451)).all()
    density = next(m for m in assessment.measurements if m.measure == "pores.density" and m.region == "skin")
    assert density.n == len(pores)


def test_every_number_has_its_map(assessment) -> None:  # type: ignore[no-untyped-def]
    drawn = {name for evidence in assessment.evidence for name in evidence.measures}
    assert drawn == {m.measure for m in assessment.measurements if not math.isnan(m.value)}
    for evidence in assessment.evidence:
        assert np.isfinite(evidence.values).any()
    units = {evidence.title: evidence.unit for evidence in assessment.evidence}
    assert units["haemoglobin, averaged"] == units["haemoglobin"] == "optical density"
    assert units["flattened log-luminance with pores"] == "log-luminance"


def test_a_tiny_region_is_refused(photo_path: Path) -> None:
    found = skinscan.assess(
        photo_path, mm_per_px=0.04, regions={"dot": [(10, 10), (30, 10), (30, 30), (10, 30)]}, evidence=False
    )
    dot = [m for m in found.measurements if m.region == "dot"]
    assert all(math.isnan(m.value) and Flag.REGION_TOO_SMALL in m.flags for m in dot)


def test_wrong_settings_are_told(photo_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError):
        skinscan.assess(photo_path, mm_per_px=-1)
    with pytest.raises(RegionError):
        skinscan.assess(photo_path, regions={"line": [(1, 1), (5, 5)]})
    with pytest.raises(RegionError, match="cheek"):
        skinscan.assess(photo_path, reference="cheek")
    with pytest.raises(PhotoError):
        skinscan.assess(tmp_path)


@pytest.mark.parametrize("colour", [(60, 160, 60), (200, 200, 205), (0, 0, 0), (255, 255, 255)])
@pytest.mark.parametrize("side", [8, 40, 600])
def test_a_picture_of_anything_is_measured_or_refused(tmp_path: Path, colour: tuple[int, int, int], side: int) -> None:
    import cv2

    path = tmp_path / "thing.png"
    noise = np.random.default_rng(0).integers(-3, 4, (side, side, 3))
    assert cv2.imwrite(str(path), np.clip(np.array(colour[::-1]) + noise, 0, 255).astype(np.uint8))
    found = skinscan.assess(path, mm_per_px=0.03)
    for m in found.measurements:
        assert m.reason or not math.isnan(m.value)
    json.loads(found.to_json())


def test_very_close_photos_and_lone_pixels_do_not_break(photo_path: Path) -> None:
    """At 2 um/px every average is far wider than the pixel: each number comes or is refused."""
    found = skinscan.assess(photo_path, mm_per_px=0.002, evidence=False)
    assert all(m.reason or not math.isnan(m.value) for m in found.measurements)


def test_the_photo_and_its_arrays_are_left_alone(photo_path: Path) -> None:
    before = photo_path.read_bytes()
    found = skinscan.assess(photo_path, mm_per_px=0.04, evidence=False)
    assert photo_path.read_bytes() == before
    assert not found.frame.photo.pixels.flags.writeable
    assert not found.frame.regions["skin"].flags.writeable


def test_the_same_photo_gives_the_same_numbers(photo_path: Path) -> None:
    first, second = (skinscan.assess(photo_path, mm_per_px=0.04, evidence=False).to_json() for _ in range(2))
    assert first == second


@pytest.mark.parametrize(("size", "px_per_mm"), [((401, 640), 60.0), ((97, 640), 30.0), ((602, 450), 30.0)])
def test_any_size_of_photo_is_measured(tmp_path: Path, shot, size: tuple[int, int], px_per_mm: float) -> None:  # type: ignore[no-untyped-def]
    """Sides that no reduction divides: every map knows where its pixels lie."""
    path = tmp_path / "part.jpg"
    cv2.imwrite(str(path), shot.pixels[: size[0], : size[1], ::-1])
    found = skinscan.assess(path, mm_per_px=1 / px_per_mm, evidence=True)
    assert any(not math.isnan(m.value) for m in found.measurements)


def test_a_few_lone_pixels_do_not_cost_the_other_pores(photo_path: Path, tmp_path: Path) -> None:
    pixels = cv2.imread(str(photo_path))
    pixels[:, 300:] = 255
    counts = []
    for name, speck in (("white.png", 0), ("speck.png", 7)):
        pixels[420 : 420 + speck, 560 : 560 + speck] = cv2.imread(str(photo_path))[420 : 420 + speck, 560 : 560 + speck]
        cv2.imwrite(str(tmp_path / name), pixels)
        found = skinscan.assess(
            tmp_path / name, mm_per_px=1 / PX_PER_MM, regions={"all": [(0, 0), (639, 0), (639, 639), (0, 639)]},
            evidence=False,
        )  # fmt: skip
        counts.append(next(m.n for m in found.measurements if (m.measure, m.region) == ("pores.density", "all")))
    assert counts[1] == pytest.approx(counts[0], abs=1)
    assert counts[0] > 10


def test_a_region_thinner_than_the_averaged_pixels_is_refused(photo_path: Path) -> None:
    """Three pixels wide and 600 long: measured where the map has a pixel in it, else refused with the reason."""
    for left in range(300, 304):
        line = [(left - 0.5, 10), (left + 2.5, 10), (left + 2.5, 630), (left - 0.5, 630)]
        found = skinscan.assess(photo_path, mm_per_px=1 / 30, regions={"line": line}, evidence=False)
        for m in found.measurements:
            assert not math.isnan(m.value) or m.reason, m.measure
