"""Skin and camera: the truth that they tell is the picture that they make."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy import stats
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from skinscan.arrays.colour import lab
from skinscan.phantom import (
    Camera,
    Props,
    SkinRecipe,
    change,
    make_skin,
    map_to_photo,
    photograph,
    write_example,
    write_shot,
)
from skinscan.phantom.light import camera_rgb
from skinscan.phantom.optics import reflectance
from skinscan.phantom.photograph import colours
from skinscan.phantom.pores import GAP_MM, GSD, MEDIAN_UM, PoreTable, draw_pores, pits
from skinscan.records import ParameterError

SMALL = SkinRecipe(seed=5, tone="III", width_mm=16, height_mm=14)
NEAR = Camera(size_px=(300, 360))
CLEAN = replace(
    NEAR,
    noise=0,
    blur_px=0,
    glare=0,
    vignetting=0,
    gradient=0,
    gloss=0,
    dome=1,
    jpeg_quality=None,
    bit_depth=16,
)


@pytest.fixture(scope="module")
def skin():
    return make_skin(SMALL)


def linear(shot):
    coded = shot.pixels / np.iinfo(shot.pixels.dtype).max
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def mean_lab(shot):
    return lab(linear(shot).reshape(-1, 3).mean(axis=0))


# --- determinism --------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(skin):
    first = photograph(skin, NEAR)
    again = photograph(make_skin(SMALL), NEAR)
    assert first.data == again.data
    assert photograph(skin, replace(NEAR, seed=1)).data != first.data
    assert photograph(make_skin(replace(SMALL, seed=6)), NEAR).data != first.data


def test_the_order_of_shots_does_not_matter(skin):
    warm = replace(NEAR, illuminant="A", sensitivities=3)
    fresh = make_skin(SMALL)
    one, two = photograph(fresh, warm).data, photograph(fresh, NEAR).data
    assert photograph(skin, NEAR).data == two
    assert photograph(skin, warm).data == one


def test_the_skin_does_not_depend_on_its_grid():
    fine, coarse = (
        photograph(make_skin(SMALL, um), replace(CLEAN, px_per_mm=20, size_px=(220, 260))) for um in (16.0, 24.0)
    )
    difference = np.log(linear(fine)[..., 1] / linear(coarse)[..., 1])
    texture = np.log(linear(fine)[..., 1]).std()
    assert np.sqrt((difference**2).mean()) < 0.2 * texture
    np.testing.assert_allclose(mean_lab(fine), mean_lab(coarse), atol=0.15)


# --- colour -------------------------------------------------------------------------------------------------


def test_the_lookup_table_is_the_model(skin):
    for sensitivities, lamp in ((None, "D65"), (2, "F11")):
        weights = camera_rgb(sensitivities, lamp)[0]
        exact = reflectance(skin.melanin[::40, ::40], skin.blood[::40, ::40]) @ weights
        np.testing.assert_allclose(colours(skin, sensitivities, lamp)[::40, ::40], exact, rtol=2e-3)


@pytest.mark.parametrize("tone", ["I", "III", "V", "VI"])
def test_a_flat_even_skin_photographs_as_its_true_colour(tone):
    recipe = SkinRecipe(
        tone=tone, width_mm=8, height_mm=8, mottling=0, redness_patches=0, spots=0, hairs=0, vellus=0,
        roughness_scale=0, pore_density_per_cm2=0,
    )  # fmt: skip
    shot = photograph(make_skin(recipe), replace(CLEAN, size_px=(100, 100)))
    np.testing.assert_allclose(mean_lab(shot), shot.truth.lab_flat, atol=0.05)
    np.testing.assert_allclose(shot.truth.lab_as_seen, shot.truth.lab_flat, atol=0.05)


def test_the_colour_as_seen_is_that_of_the_photo(skin):
    shot = photograph(skin, CLEAN)
    np.testing.assert_allclose(mean_lab(shot), shot.truth.lab_as_seen, atol=0.8)
    assert shot.truth.lab_as_seen[0] < shot.truth.lab_in_view[0], "cavities darken"


def test_changes_go_the_right_way(skin):
    base = mean_lab(photograph(skin, CLEAN))

    def after(**changes):
        return mean_lab(photograph(make_skin(change(SMALL, **changes)), CLEAN))

    assert after(blood=0.25)[1] > base[1] + 0.3
    assert after(melanin=0.25)[0] < base[0] - 1
    bald = replace(SMALL, hairs=0, vellus=0, mottling=0, spots=0, redness_patches=0, pore_density_per_cm2=0)
    raking = replace(CLEAN, dome=0.5)
    texture, smooth = (
        np.log(linear(photograph(make_skin(r), raking))[..., 1]).std() for r in (bald, change(bald, roughness=-0.5))
    )
    assert smooth == pytest.approx(0.5 * texture, rel=0.1), "shading follows slope"


def test_light_and_gloss_go_the_right_way(skin):
    dull, shiny = (mean_lab(photograph(skin, replace(CLEAN, dome=0.5, gloss=g))) for g in (0, 2))
    assert shiny[0] > dull[0]
    assert mean_lab(photograph(skin, replace(CLEAN, exposure_ev=-0.5)))[0] < mean_lab(photograph(skin, CLEAN))[0] - 5
    warm = mean_lab(photograph(skin, replace(CLEAN, white_balance=(1.1, 1.0, 0.9))))
    assert warm[2] > mean_lab(photograph(skin, CLEAN))[2] + 3


# --- pores --------------------------------------------------------------------------------------------------


def test_pores_are_lognormal_and_keep_apart():
    pores = draw_pores(SkinRecipe(seed=3, width_mm=60, height_mm=60, pore_density_per_cm2=100))
    assert len(pores) == 3600
    z = np.log(np.array([50, 500]) / MEDIAN_UM) / np.log(GSD)
    cut = stats.truncnorm(*z, loc=np.log(MEDIAN_UM), scale=np.log(GSD))
    assert stats.kstest(np.log(pores.diameter_um), cut.cdf).pvalue > 0.01
    places = np.stack([pores.x_mm, pores.y_mm], axis=1)
    assert cKDTree(places).query(places, 2)[0][:, 1].min() >= GAP_MM
    assert pores.elongation.min() >= 1
    assert pores.elongation.max() <= 1.6


def test_treatment_shrinks_pores_and_moves_nothing():
    before, after = draw_pores(SMALL), draw_pores(change(SMALL, pore_diameter=-0.10))
    np.testing.assert_allclose(after.diameter_um, before.diameter_um * 0.9)
    np.testing.assert_array_equal(after.x_mm, before.x_mm)
    np.testing.assert_array_equal(after.angle_deg, before.angle_deg)
    shots = [photograph(make_skin(r), NEAR) for r in (SMALL, change(SMALL, pore_diameter=-0.10))]
    assert shots[1].truth.counted.sum() < shots[0].truth.counted.sum()
    assert shots[1].truth.pore_area_percent < shots[0].truth.pore_area_percent


@pytest.mark.parametrize("diameter_um", [180.0, 250.0, 400.0])
@pytest.mark.parametrize("elongation", [1.0, 1.5])
def test_half_contrast_area_of_a_lone_pore_is_its_stated_diameter(diameter_um, elongation):
    """Without spreading light and lens blur, at 30 px/mm: 3 % of the equivalent diameter."""
    recipe = SkinRecipe(
        width_mm=6, height_mm=6, mottling=0, redness_patches=0, spots=0, hairs=0, vellus=0, roughness_scale=0,
        pore_density_per_cm2=0,
    )  # fmt: skip
    flat = make_skin(recipe)
    one = PoreTable(*(np.array([v]) for v in (0.11, -0.07, diameter_um, elongation, 30.0, 0.0, 0.3)))
    dark, _ = pits(one, flat.grid)
    shot = photograph(replace(flat, pores=one, dark=dark, cache={}), replace(CLEAN, size_px=(64, 64), subsurface=0))
    green = linear(shot)[..., 1]
    level = np.median(green[:6])
    y, x = np.mgrid[0:63:0.1, 0:63:0.1]
    fine = map_coordinates(green, [y, x], order=3)
    centre = map_coordinates(green, [shot.truth.pore_y_px, shot.truth.pore_x_px], order=3)[0]
    inside = fine < (level + centre) / 2
    found = 2 * np.sqrt(inside.sum() * 0.01 / np.pi) * shot.truth.mm_per_px * 1000
    assert found == pytest.approx(diameter_um, rel=0.03)
    # the darkness itself has its centre where the truth says
    weight = np.clip(level - fine, 0, None)
    assert (x * weight).sum() / weight.sum() == pytest.approx(shot.truth.pore_x_px[0], abs=0.1)
    assert (y * weight).sum() / weight.sum() == pytest.approx(shot.truth.pore_y_px[0], abs=0.1)


def test_pores_of_150_um_show_like_real_ones():
    skin = make_skin(SkinRecipe(seed=2, tone="II", width_mm=16, height_mm=16, hairs=0, vellus=0))
    shot = photograph(skin, replace(CLEAN, size_px=(400, 400), blur_px=0.7, dome=0.5))
    truth, green = shot.truth, linear(shot)[..., 1]
    which = truth.counted & (np.abs(truth.pore_x_px - 200) < 180) & (np.abs(truth.pore_y_px - 200) < 180)
    x, y, r = truth.pore_x_px[which], truth.pore_y_px[which], truth.pores.diameter_um[which] * 0.015
    centre = map_coordinates(green, [y, x], order=1)
    turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ring = [map_coordinates(green, [y + 2.2 * r * np.sin(t), x + 2.2 * r * np.cos(t)], order=1) for t in turn]
    contrast = 1 - centre / np.median(ring, axis=0)
    assert 0.15 < np.median(contrast) < 0.32
    assert np.mean((contrast > 0.08) & (contrast < 0.40)) > 0.9


# --- geometry -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pose",
    [
        {},
        {"rotation_deg": 17.0, "shift_mm": (0.6, -0.4)},
        {"tilt_deg": 20.0, "tilt_axis_deg": 40.0, "rotation_deg": -8.0, "px_per_mm": 24.0},
    ],
)
def test_a_marker_lands_where_the_truth_says(skin, pose):
    """Each side of the black square, found as the half-way line of linear light, within 0.1 px of the
    truth."""
    props = Props(marker_mm=3.0, marker_at_mm=(0.7, -0.5), marker_id=7, marker_angle_deg=11.0)
    shot = photograph(skin, replace(CLEAN, size_px=(260, 260), **pose), props)
    cos, sin = np.cos(np.radians(11.0)), np.sin(np.radians(11.0))
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * 1.5 @ [[cos, sin], [-sin, cos]] + (0.7, -0.5)
    corners = shot.truth.to_photo(square)
    green = linear(shot)[..., 1]
    across, along = np.linspace(-5, 5, 201), np.linspace(-25, 25, 51)
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        run = (end - start) / np.linalg.norm(end - start)
        out = np.array([run[1], -run[0]])
        band = (start + end) / 2 + out * across[:, None, None] + run * along[None, :, None]
        x, y = band.transpose(2, 0, 1)
        profile = map_coordinates(green, [y, x], order=1).mean(axis=1)
        assert profile[0] == pytest.approx(0.04, abs=0.005)
        assert profile[-1] == pytest.approx(0.88, abs=0.005)
        assert abs(np.interp(0.46, profile, across)) < 0.1


def test_a_marker_is_found_in_an_ordinary_photo(skin):
    props = Props(marker_mm=3.0, marker_at_mm=(0.7, -0.5), marker_id=7, marker_angle_deg=11.0)
    shot = photograph(skin, NEAR, props)
    detector = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50))
    corners, ids, _ = detector.detectMarkers(shot.pixels)
    assert ids.ravel().tolist() == [7]
    np.testing.assert_allclose(corners[0][0].mean(axis=0), shot.truth.to_photo([(0.7, -0.5)])[0], atol=0.5)


def test_the_homography_between_two_shots_carries_one_onto_the_other(skin):
    first = photograph(skin, replace(CLEAN, size_px=(200, 200)))
    second = photograph(skin, replace(CLEAN, size_px=(200, 200), rotation_deg=9, shift_mm=(0.5, 0.3), px_per_mm=27))
    back = cv2.warpPerspective(
        linear(second).astype(np.float32), np.linalg.inv(first.truth.homography_to(second.truth)), (200, 200)
    )
    a, b = (np.log(i[40:160, 40:160, 1]) for i in (linear(first), back))
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.97


def test_scale_and_frame_are_told(skin):
    truth = photograph(skin, NEAR).truth
    assert truth.mm_per_px == pytest.approx(1 / 30)
    np.testing.assert_allclose(truth.to_photo([[0, 0], [1, 0]]), [[179.5, 149.5], [209.5, 149.5]])
    x, y = truth.pore_x_px, truth.pore_y_px
    inside = (x >= -0.5) & (x < 359.5) & (y >= -0.5) & (y < 299.5)
    np.testing.assert_array_equal(truth.pore_visible, inside)


def test_pigment_maps_follow_the_photo(skin):
    shot = photograph(skin, NEAR)
    melanin = map_to_photo(skin.melanin, skin, shot.truth)
    assert melanin.shape == (300, 360)
    assert float(melanin.mean()) == pytest.approx(shot.truth.melanin, rel=0.01)


# --- relief, props, files -----------------------------------------------------------------------------------


def test_roughness_scales_every_band():
    rough, smooth = (make_skin(r).sq_um for r in (SMALL, change(SMALL, roughness=-0.15)))
    assert rough["all"] == pytest.approx(17.0, rel=0.01)
    for band, value in rough.items():
        assert smooth[band] == pytest.approx(0.85 * value, rel=0.01)


def test_lines_are_valleys_of_their_stated_depth():
    skin = make_skin(replace(SMALL, lines=3))
    assert len(skin.lines) == 3
    assert skin.lines_um.min() == pytest.approx(-max(line.depth_um for line in skin.lines), rel=0.1)


def test_background_grey_patch_and_hidden_pores():
    recipe = SkinRecipe(seed=5, width_mm=16, height_mm=16)
    props = Props(skin_ellipse_mm=(4.0, 3.0), background=0.35, grey_mm=1.5, grey_at_mm=(1.0, 0.5), grey=0.19)
    shot = photograph(make_skin(recipe), replace(CLEAN, size_px=(330, 330)), props)
    image = linear(shot)
    np.testing.assert_allclose(image[5, 5], 0.35, atol=0.002)
    x, y = np.rint(shot.truth.to_photo([[1.0, 0.5]])[0]).astype(int)
    np.testing.assert_allclose(image[y, x], 0.19, atol=0.002)
    p = shot.truth.pores
    seen = shot.truth.pore_visible
    assert ((p.x_mm[seen] / 4) ** 2 + (p.y_mm[seen] / 3) ** 2).max() < 1
    assert not (seen & (np.abs(p.x_mm - 1.0) < 0.7) & (np.abs(p.y_mm - 0.5) < 0.7)).any()


def test_jpeg_png_and_bytes(skin, tmp_path):
    shot = photograph(skin, replace(NEAR, chroma_subsampling="4:2:0", jpeg_quality=80))
    path = write_shot(shot, tmp_path / "a.jpg")
    assert path.read_bytes() == shot.data
    np.testing.assert_array_equal(cv2.imread(str(path))[..., ::-1], shot.pixels)
    with pytest.raises(ParameterError, match=r"expected \.jpg"):
        write_shot(shot, tmp_path / "a.png")
    assert photograph(skin, CLEAN).pixels.dtype == np.uint16


def test_errors_say_what_to_do(skin):
    with pytest.raises(ParameterError, match=r"looks past the skin.*width_mm"):
        photograph(skin, Camera())
    with pytest.raises(ParameterError, match="grid_um"):
        photograph(skin, replace(NEAR, px_per_mm=80))
    with pytest.raises(ParameterError, match="Unknown tone"):
        SkinRecipe(tone="VII")


def test_examples_are_written_with_their_truth(tmp_path):
    names = [p.name for p in write_example(tmp_path, 3, "IV", size_px=(200, 200), marker_mm=1.5)]
    assert names == ["photo.jpg", "truth.json", "pores_truth.csv"]
    truth = json.loads((tmp_path / "truth.json").read_text())
    rows = (tmp_path / "pores_truth.csv").read_text().splitlines()
    assert truth["recipe"]["tone"] == "IV"
    assert len(rows) - 1 == truth["pores"]
    pair = write_example(tmp_path, 3, "IV", pair=True, size_px=(200, 200))
    assert [p.name for p in pair][::3] == ["before.jpg", "after.jpg"]
    again = write_example(tmp_path / "again", 3, "IV", pair=True, size_px=(200, 200))
    assert [p.read_bytes() for p in pair] == [p.read_bytes() for p in again]
