"""The house rules that no linter knows."""

from __future__ import annotations

import inspect
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skinscan.assessment import cells_in
from skinscan.measures import Measure, all_measures
from skinscan.measures.maps import Maps
from skinscan.records import FLAGS, Flag, SkinscanError

ROOT = Path(__file__).resolve().parents[1]
MEASURES = list(all_measures().values())
SINGLE = [m for m in MEASURES if m.evaluate is not None]


@pytest.mark.parametrize("measure", MEASURES, ids=lambda m: m.name)
def test_each_measure_is_documented(measure: Measure) -> None:
    assert measure.title
    assert measure.unit
    assert len(measure.definition) > 20
    assert measure.source
    assert measure.same
    assert measure.empty
    assert measure.version >= 1
    assert measure.better in ("lower", "higher", "neither")
    assert (measure.evaluate is None) != (measure.paired is None)
    assert measure.evidence is not None or measure.paired is not None


@pytest.mark.parametrize("family", sorted({m.family for m in MEASURES}))
def test_each_family_has_its_file_and_its_tests(family: str) -> None:
    assert (ROOT / "skinscan" / "measures" / f"{family}.py").exists()
    tests = (ROOT / "tests" / "measures" / f"test_{family}.py").read_text()
    assert "approx(" in tests, "a reference value"


def test_neutral_measures_are_never_an_improvement() -> None:
    """measures.md: ITA, melanin level and all texture but roughness; and which way a stretch mark differs."""
    told = ("pigment.ita", "pigment.melanin", "striae.contrast_lightness", "striae.contrast_redness")
    for measure in MEASURES:
        neutral = measure.name in told or (measure.family == "texture" and "roughness" not in measure.name)
        assert (measure.better == "neither") == neutral, measure.name


@pytest.mark.parametrize("measure", SINGLE, ids=lambda m: m.name)
def test_a_measure_writes_nothing_it_was_lent(measure: Measure, maps: Maps) -> None:
    lent = Maps(maps.frame)
    cells = cells_in(lent, "skin")
    shared = {
        name: getattr(lent, name) for name in ("linear", "log_luminance", "lab", "erythema", "flattened", "measured")
    }
    kept = {name: array.copy() for name, array in shared.items()}
    labels = cells.labels.copy()
    assert measure.evaluate is not None
    first = measure.evaluate(lent, cells, None)
    if measure.evidence is not None:
        picture = measure.evidence(lent)
        assert lent.enlarged(picture).shape == lent.measured.shape
        assert picture.dtype == np.float32
    for name, array in shared.items():
        assert np.array_equal(array, kept[name], equal_nan=True), name
    assert np.array_equal(cells.labels, labels)
    again = measure.evaluate(lent, cells, None)
    assert again.value == first.value or math.isnan(first.value)
    assert first.blocks.shape == first.weights.shape == (cells.count,)


@pytest.mark.parametrize("measure", SINGLE, ids=lambda m: m.name)
def test_what_cannot_be_measured_is_nan_with_a_reason(measure: Measure, maps: Maps) -> None:
    grey = Maps(replace(maps.frame, scale=None, photo=replace(maps.frame.photo, is_grey=True)))
    assert measure.evaluate is not None
    found = measure.evaluate(grey, cells_in(grey, "skin"), None)
    assert math.isnan(found.value)
    assert found.notices


def test_every_flag_is_told_in_words() -> None:
    assert set(FLAGS) == set(Flag)
    assert all(FLAGS[flag] for flag in Flag)


def test_an_error_says_what_was_expected_found_and_to_do() -> None:
    error = SkinscanError("the file is empty", expected="a photo", found="0 bytes", todo="export it again")
    assert str(error) == "the file is empty. expected a photo, found 0 bytes. export it again."


def test_importing_loads_nothing_heavy() -> None:
    heavy = (
        "torch", "gradio", "fastapi", "starlette", "uvicorn", "cv2", "numpy", "pandas", "pyarrow", "sqlalchemy",
        "alembic", "psycopg", "cryptography", "argon2", "cffi", "pydicom", "segno", "tzlocal", "weasyprint",
        "reportlab", "pooch",
    )  # fmt: skip
    asked = "sys.argv[1:] = ['--help']; skinscan.cli.main(standalone_mode=False)"
    code = f"import sys, skinscan, skinscan.cli; {asked}; print('loaded', *[m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded"


def test_measuring_loads_neither_torch_nor_gradio() -> None:
    code = "import sys, skinscan.comparison; print(*[m for m in ('torch', 'gradio', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_public_names_stay_functions_whatever_is_imported_first() -> None:
    code = "import skinscan.comparison, skinscan; print(callable(skinscan.assess), callable(skinscan.compare))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]


def test_public_functions_have_docstrings() -> None:
    import skinscan

    for name in skinscan.__all__:
        assert inspect.getdoc(getattr(skinscan, name)), name
    with pytest.raises(AttributeError):
        skinscan.nothing  # noqa: B018
