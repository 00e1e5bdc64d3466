"""The painted scenes and what is laid over skin: known, repeatable, and of two settings that stay apart."""

import numpy as np
import pytest

from skinscan.arrays.colour import ita_class
from skinscan.study.scenes import HELD_OUT, REST, SKIN, TRAINING, UNJUDGED, make_scene
from skinscan.study.scenes.covers import COVERS, cover
from skinscan.study.skin_mask_accuracy import overlap
from skinscan.study.skin_truth import Judged, judged_face, photo_of, read_points, recoloured, relit, tone_of


def test_a_scene_is_the_same_again_and_another_by_another_seed_or_setting():
    first = make_scene(5, HELD_OUT, 128)
    assert np.array_equal(first.pixels, make_scene(5, HELD_OUT, 128).pixels)
    assert not np.array_equal(first.pixels, make_scene(6, HELD_OUT, 128, first.tone).pixels[: first.pixels.shape[0]])
    assert first.labels.shape == first.pixels.shape[:2]
    assert set(np.unique(first.labels)) <= {REST, SKIN, UNJUDGED}


def test_the_held_out_setting_shares_neither_lamp_nor_camera_with_the_training():
    assert not set(TRAINING.lamps) & set(HELD_OUT.lamps)
    assert TRAINING.cameras[1] <= HELD_OUT.cameras[0]
    assert set(TRAINING.grounds) & set(HELD_OUT.grounds) == {"wall"}


def test_every_tone_and_view_is_painted_and_darker_skin_is_darker():
    """Exposure follows the skin only in part, as people expose: the medians of several scenes keep their order."""
    views, levels = set(), []
    for tone in ("I", "IV", "VI"):
        medians = []
        for seed in range(12):
            scene = make_scene(seed, TRAINING, 96, tone)
            views.add(scene.view)
            if (scene.labels == SKIN).sum() > 100:
                medians.append(np.median(scene.pixels[scene.labels == SKIN]))
        levels.append(np.median(medians))
    assert views == {"head", "limbs", "close-up"}
    assert levels[0] > levels[1] > levels[2]


@pytest.mark.parametrize("kind", list(COVERS))
def test_a_cover_changes_the_photo_where_it_says_and_hardly_elsewhere(kind):
    """Edges are soft over 2 px and a pad throws a thin shadow: beyond 8 px nothing is changed."""
    pixels = np.random.default_rng(1).normal((190, 140, 115), 6, (200, 240, 3)).clip(0, 255).astype(np.uint8)
    skin = np.zeros((200, 240), np.bool_)
    skin[30:170, 40:200] = True
    changed, where = cover(kind, pixels, skin, np.random.default_rng(7))
    assert where.any()
    difference = np.abs(changed.astype(int) - pixels).max(axis=2)
    rows, columns = np.nonzero(where)
    far = np.ones_like(where)
    far[max(rows.min() - 8, 0) : rows.max() + 9, max(columns.min() - 8, 0) : columns.max() + 9] = False
    assert difference[far].max(initial=0) <= 1
    assert difference[where].mean() > 1


def test_overlap_counts_only_what_was_judged():
    """By hand: 60 of 100 columns of true skin found, 20 columns of the rest taken: 60/100, 60/80, 60/120."""
    skin, rest = np.zeros((100, 300), np.bool_), np.zeros((100, 300), np.bool_)
    skin[:, :100], rest[:, 200:] = True, True
    mask = np.zeros_like(skin)
    mask[:, 40:220] = True
    judged = Judged("made", "II", np.zeros((100, 300, 3), np.uint8), skin, rest)
    (row,) = overlap("made", judged, {"one": lambda photo: mask})
    assert row["recall"] == pytest.approx(0.6)
    assert row["precision"] == pytest.approx(0.75)
    assert row["iou"] == pytest.approx(0.5)


def test_hand_placed_points_make_a_mask_and_its_relit_and_recoloured_kin(test_photos):
    from skinscan.capture.photo import read_photo

    path = test_photos / "faces_frl" / "090_03.tem"
    assert read_points(path).shape == (189, 2)
    face = judged_face(path, np.asarray(read_photo(path.with_suffix(".jpg")).pixels))
    assert not (face.skin & face.rest).any()
    assert 0.08 < face.skin.mean() < 0.2
    warm = next(relit(face))
    assert warm.pixels[face.skin][:, 0].mean() > face.pixels[face.skin][:, 0].mean()
    for other in recoloured(path, face):
        assert abs(_place(tone_of(other.pixels, other.skin)) - _place(other.tone)) <= 1
    assert ita_class(60.0) == "I"
    assert photo_of(face.pixels).shape == face.pixels.shape[:2]


def _place(tone):
    return ["I", "II", "III", "IV", "V", "VI"].index(tone)
