"""A patient's export: the originals byte for byte, every number, and files that others' programs accept."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
import subprocess
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from skinscan.records import SKIN, Assessment, Colour, Flag, Frame, Measurement, Quality
from skinscan.store import consents, exporting, measuring, recording
from skinscan.store.errors import NotFound, StoreError, VaultError
from skinscan.store.fhir import uid_of
from tests.store.conftest import NAME, Seen

RED, GREEN = (200, 120, 100), (90, 160, 90)


def _photo(left: tuple[int, int, int] = RED, size: tuple[int, int] = (61, 93)) -> bytes:
    """A JPEG of odd sides: red (RGB) on the left, green on the right."""
    picture = np.zeros((*size, 3), np.uint8)
    picture[:, : size[1] // 2], picture[:, size[1] // 2 :] = left[::-1], GREEN[::-1]
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 97])[1])


def _assessment(original: bytes) -> Assessment:
    from skinscan.capture.photo import photo_of

    photo = photo_of(original)
    skin = np.ones(photo.shape, bool)
    quality = Quality("good", 1.0, 1.0, 33.0, 0.0, 0.0, 0.0, 0.1, 0.01, 97, 0.0, False)
    frame = Frame(photo, skin, {SKIN: skin}, None, Colour(), quality, recipe={"card": "auto", "site": "face"})
    return Assessment(
        frame,
        (
            Measurement("redness.a_star", SKIN, 12.3456789, "CIELAB a* (D65)", 0.5, 900, (Flag.UNCORRECTED_COLOUR,), 3),
            Measurement("pores.density", SKIN, math.nan, "1/cm2", math.nan, 0, (Flag.NO_SCALE,), 4, "no scale"),
        ),
        versions={"skinscan": "0.1.0", "numpy": "2"},
    )


@pytest.fixture
def exported(seen: Seen, tmp_path: Path) -> tuple[Seen, dict[str, bytes], list[bytes]]:
    originals = [_photo(), _photo((150, 90, 70)), b"not a photo"]
    for original, view in zip(originals, ("front", "left", "../odd view"), strict=True):
        details = {"format": "JPEG"} if original[:2] == b"\xff\xd8" else {}
        photo = recording.save_photo(seen.store, seen.visit.id, original, view, site="face", details=details)
        if view == "front":
            measuring.save_assessment(seen.store, photo.id, _assessment(original))
    consents.give_consent(seen.store, seen.patient.id, "treatment")
    done = exporting.export_patient(seen.store, seen.patient.id, tmp_path / "patient.zip")
    assert (done.photos, done.measurements) == (3, 2)
    assert done.not_as_dicom == ("2026-03-29____odd_view_1.bin",)
    assert not done.path.stat().st_mode & 0o077
    with zipfile.ZipFile(done.path) as archive:
        return seen, {name: archive.read(name) for name in archive.namelist()}, originals


def test_an_export_holds_everything(exported: tuple[Seen, dict[str, bytes], list[bytes]]) -> None:
    seen, files, originals = exported
    assert set(files) == {
        "record.json", "measurements.csv", "observations.json", "photos/2026-03-29_front_1.jpg",
        "photos/2026-03-29_left_1.jpg", "photos/2026-03-29____odd_view_1.bin", "dicom/2026-03-29_front_1.dcm",
        "dicom/2026-03-29_left_1.dcm",
    }  # fmt: skip
    assert files["photos/2026-03-29_front_1.jpg"] == originals[0]
    record = json.loads(files["record.json"])
    assert record["name"] == NAME
    assert record["patient"]["code"] == seen.patient.code
    assert record["session"][0]["notes"] == "<script>alert(1)</script>"
    assert record["consent"][0]["purpose"] == "treatment"
    rows = list(csv.DictReader(io.StringIO(files["measurements.csv"].decode("utf-8-sig"))))
    assert [(row["measure"], row["value"], row["reason"]) for row in rows] == [
        ("pores.density", "", "no scale"),
        ("redness.a_star", "12.3456789", ""),
    ]
    assert json.loads(rows[0]["recipe"]) == {"card": "auto", "site": "face"}


def test_observations_are_fhir(exported: tuple[Seen, dict[str, bytes], list[bytes]]) -> None:
    from fhir.resources.R4B.bundle import Bundle

    seen, files, _ = exported
    told = json.loads(files["observations.json"])
    Bundle.model_validate(told)
    undefined, redness = (entry["resource"] for entry in told["entry"])
    assert redness["status"] == "final"  # the validator accepts any word here
    assert redness["valueQuantity"]["value"] == 12.3456789
    assert redness["component"][0]["valueQuantity"]["value"] == 0.5
    assert redness["effectiveDateTime"] == "2026-03-29T07:30:00+00:00"
    assert "valueQuantity" not in undefined
    assert undefined["dataAbsentReason"]["text"] == "no scale"
    assert NAME not in files["observations.json"].decode()
    assert redness["subject"]["identifier"]["value"] == seen.patient.code


def test_dicom_shows_the_photo_upright_in_its_colours(
    exported: tuple[Seen, dict[str, bytes], list[bytes]],
) -> None:
    import pydicom
    import simplejpeg
    from pydicom.encaps import generate_frames

    seen, files, _ = exported
    image = pydicom.dcmread(io.BytesIO(files["dicom/2026-03-29_left_1.dcm"]))
    assert (image.Rows, image.Columns, image.ImageLaterality) == (61, 93, "L")
    assert image.PatientID == seen.patient.code
    assert NAME not in str(image)
    assert image.StudyInstanceUID == uid_of(seen.visit.id)
    assert (image.StudyDate, image.StudyTime, image.TimezoneOffsetFromUTC) == ("20260329", "093000", "+0200")
    picture = simplejpeg.decode_jpeg(next(generate_frames(image.PixelData, number_of_frames=1)))
    assert picture.shape == (61, 93, 3)
    assert np.abs(picture[5:-5, 5:40].mean((0, 1)) - (150, 90, 70)).max() < 3  # two JPEG compressions
    assert np.abs(picture[5:-5, 52:-5].mean((0, 1)) - GREEN).max() < 3


def test_dicom_passes_dciodvfy(exported: tuple[Seen, dict[str, bytes], list[bytes]], tmp_path: Path) -> None:
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy is not installed: apt-get install dicom3tools")
    for name, data in exported[1].items():
        if name.endswith(".dcm"):
            path = tmp_path / "image.dcm"
            path.write_bytes(data)
            done = subprocess.run([program, str(path)], capture_output=True, text=True)
            assert "Error" not in done.stdout + done.stderr
            assert "VLPhotographicImage" in done.stdout + done.stderr
            assert done.returncode == 0


def test_an_export_is_whole_or_not_there(seen: Seen, tmp_path: Path) -> None:
    photo = recording.save_photo(seen.store, seen.visit.id, _photo(), "front", details={"format": "JPEG"})
    path = tmp_path / "patient.zip"
    path.write_bytes(b"mine")
    with pytest.raises(StoreError, match="already"):
        exporting.export_patient(seen.store, seen.patient.id, path)
    assert path.read_bytes() == b"mine"
    seen.store.vault.path_of(seen.patient.id, photo.digest).unlink()
    with pytest.raises(VaultError):
        exporting.export_patient(seen.store, seen.patient.id, tmp_path / "other.zip")
    with pytest.raises(StoreError, match="could not be written"):
        exporting.export_patient(seen.store, seen.patient.id, tmp_path / "no" / "other.zip")
    assert [one.name for one in tmp_path.iterdir() if "zip" in one.name or "begun" in one.name] == ["patient.zip"]


def test_an_assessment_again_replaces_its_own_only(seen: Seen) -> None:
    original = _photo()
    photo = recording.save_photo(seen.store, seen.visit.id, original, "front")
    first = measuring.save_assessment(seen.store, photo.id, _assessment(original))
    again = measuring.save_assessment(seen.store, photo.id, _assessment(original))
    assert first.key == again.key
    found = measuring.measurements_of(seen.store, photo.id)
    assert [(one.measure, one.value, one.spread) for one in found] == [
        ("pores.density", None, None), ("redness.a_star", 12.3456789, 0.5)
    ]  # fmt: skip
    assert found[1].flags == ["uncorrected_colour"]
    assert found[1].assessment_id == again.id
    with pytest.raises(NotFound):
        measuring.save_assessment(seen.store, "0" * 32, _assessment(original))
