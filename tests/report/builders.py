"""Records built by hand, for drawing. Every number is invented test data."""

from __future__ import annotations

import math
from datetime import date, timedelta
from pathlib import Path

import cv2
import numpy as np

from skinscan.course.telling import summary_of
from skinscan.course_records import Course, Plan, Point, Session, Shot, Step, Trajectory, Used, Visit
from skinscan.course_records import Picture as CoursePicture
from skinscan.records import (
    Assessment,
    Change,
    Colour,
    Comparison,
    Evidence,
    Flag,
    Frame,
    Measurement,
    Notice,
    Photo,
    Pores,
    Quality,
    Registration,
    Scale,
)
from skinscan.treatment import SHIPPED

SHAPE = (360, 480)
MM_PER_PX = 0.03


def srgb_lut() -> np.ndarray:
    v = np.arange(256) / 255
    curve = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    return np.repeat(curve[None], 3, axis=0).astype(np.float32)


def picture(shape=SHAPE, seed: int = 1, redness: float = 30.0) -> tuple[np.ndarray, np.ndarray]:
    """A skin-like picture and its pores (n, 3): x, y, radius in pixels."""
    random = np.random.default_rng(seed)
    height, width = shape
    y, x = np.mgrid[:height, :width]
    patch = np.exp(-(((x - 0.62 * width) / (0.16 * width)) ** 2 + ((y - 0.45 * height) / (0.2 * height)) ** 2))
    noise = cv2.GaussianBlur(random.normal(0, 1, shape).astype(np.float32), (0, 0), 3) * 40
    shade = 1 - 0.15 * (x / width)
    image = np.array([206.0, 160.0, 138.0]) * shade[..., None] + noise[..., None]
    image -= patch[..., None] * np.array([0.0, 1.0, 0.8]) * redness
    pores = np.random.default_rng(7).uniform((8, 8, 2.5), (width - 8, height - 8, 6), (width * height // 1500, 3))
    for px, py, radius in pores:
        cv2.circle(image, (round(px), round(py)), round(radius), (150, 105, 88), -1, cv2.LINE_AA)
    return np.clip(cv2.GaussianBlur(image, (0, 0), 0.8), 0, 255).astype(np.uint8), pores


def photo(name: str = "before.jpg", shape=SHAPE, seed: int = 1, redness: float = 30.0) -> Photo:
    pixels, _ = picture(shape, seed, redness)
    return Photo(
        pixels=pixels,
        lut=srgb_lut(),
        matrix=np.eye(3, dtype=np.float32),
        sha256=f"{seed:02x}" * 32,
        name=name,
        format="JPEG",
        jpeg_quality=92,
        steps=("orientation 1", "no colour profile: taken for sRGB"),
    )


def frame(photo: Photo, *, scale: Scale | None, notices: tuple[Notice, ...] = ()) -> Frame:
    height, width = photo.shape
    skin = np.zeros((height, width), bool)
    cv2.ellipse(
        mask := skin.astype(np.uint8),
        (width // 2, height // 2),
        (width // 2 - 6, height // 2 - 6),
        0,
        0,
        360,
        1,
        -1,
    )
    skin = mask.astype(bool)
    polygon = np.array([[0.45, 0.25], [0.8, 0.25], [0.8, 0.7], [0.45, 0.7]]) * (width, height)
    cheek = cv2.fillPoly(np.zeros((height, width), np.uint8), [polygon.astype(np.int32)], 1).astype(bool) & skin
    quality = Quality(
        verdict="usable" if notices else "good",
        sharpness=0.8,
        blur_px=1.1,
        effective_um_per_px=33.0 if scale else None,
        clipped_bright_share=0.01,
        clipped_dark_share=0.0,
        specular_share=0.02,
        light_unevenness=0.1,
        noise=0.01,
        jpeg_quality=92,
        smoothing_score=0.1,
        smoothing_suspected=False,
    )
    return Frame(
        photo=photo,
        usable=np.ones((height, width), bool),
        regions={"skin": skin, "cheek": cheek},
        scale=scale,
        colour=Colour(),
        quality=quality,
        notices=notices,
        polygons={"cheek": polygon},
        recipe={"skin": "ellipse"},
    )


_NUMBERS = {
    "redness.haemoglobin": (0.061, "optical density", 0.004),
    "redness.a_star": (14.2, "CIELAB a*", 0.31),
    "redness.area": (7.4, "% of region", 0.9),
    "pigment.spot_area": (3.1, "% of region", 0.4),
    "pigment.evenness": (2.84, "dE00", 0.05),
    "pores.area": (4.1, "% of region", 0.2),
    "pores.density": (61.0, "1/cm2", 4.2),
    "pores.diameter_p50": (214.0, "um", 3.3),
    "texture.roughness_250_500um": (0.0412, "log-luminance RMS", 0.0007),
    "texture.glcm_entropy_200um": (6.21, "bit", 0.02),
}


def measurements(factor: float = 1.0) -> tuple[Measurement, ...]:
    rows = [
        Measurement(name, region, value * factor * (1.1 if region == "cheek" else 1.0), unit, spread, 12000, (), 1)
        for name, (value, unit, spread) in _NUMBERS.items()
        for region in ("skin", "cheek")
    ]
    rows.append(
        Measurement(
            "texture.roughness_100_250um",
            "skin",
            math.nan,
            "log-luminance RMS",
            math.nan,
            0,
            (Flag.BAND_TOO_FINE,),
            1,
            "100 um are 2.4 px here, 3 are needed",
        )
    )
    return tuple(rows)


def evidence(photo: Photo, skin: np.ndarray, step: int = 2) -> tuple[Evidence, ...]:
    image = photo.pixels.astype(np.float32)
    red = np.log10(image[..., 0] + 1) - np.log10(image[..., 1] + 1)
    grey = np.log(image.mean(axis=2) + 1)
    grey -= cv2.GaussianBlur(grey, (0, 0), 12)

    def small(values: np.ndarray) -> np.ndarray:
        return np.where(skin, values, np.nan)[::step, ::step].astype(np.float32)

    return (
        Evidence("Haemoglobin", "optical density", small(red), step, ("redness.haemoglobin", "redness.area")),
        Evidence("Optical roughness", "log-luminance", small(np.abs(grey)), step, ("texture.roughness_250_500um",)),
    )


def pores(photo: Photo, mm_per_px: float = MM_PER_PX) -> Pores:
    _, circles = picture(photo.shape)
    n = len(circles)
    return Pores(
        x_px=circles[:, 0],
        y_px=circles[:, 1],
        diameter_um=circles[:, 2] * 2 * mm_per_px * 1000,
        contrast=np.linspace(0.05, 0.2, n),
        elongation=np.linspace(1.0, 1.6, n),
        region=tuple("cheek" if i % 2 else "skin" for i in range(n)),
    )


def assessment(
    name: str = "before.jpg",
    *,
    shape=SHAPE,
    seed: int = 1,
    redness: float = 30.0,
    factor: float = 1.0,
    scale: bool = True,
    notices: tuple[Notice, ...] = (),
    with_evidence: bool = True,
) -> Assessment:
    shot = photo(name, shape, seed, redness)
    framed = frame(shot, scale=Scale(MM_PER_PX, 0.0001, "given") if scale else None, notices=notices)
    return Assessment(
        frame=framed,
        measurements=measurements(factor),
        evidence=evidence(shot, framed.regions["skin"]) if with_evidence else (),
        pores=pores(shot) if scale else None,
        versions={"skinscan": "0.1.0", "numpy": np.__version__},
    )


def registration() -> Registration:
    turn = math.radians(2.0)
    homography = np.array(
        [[math.cos(turn), -math.sin(turn), 9.0], [math.sin(turn), math.cos(turn), -4.0], [0.0, 0.0, 1.0]]
    )
    displacement = np.zeros((SHAPE[0] // 16 + 2, SHAPE[1] // 16 + 2, 2), np.float32)
    return Registration(True, homography, displacement, 16, 812, 0.08, 0.93, 1.003, 2.0, False, 0.94, 0.03)


def changes() -> tuple[Change, ...]:
    source = "shipped study: shot, reposition"

    def row(measure, region, before, after, unit, sdc, verdict, reason="", flags=()):
        return Change(measure, region, before, after, after - before, unit, sdc, source, verdict, reason, flags, 9000)

    uncorrected = "the colours of the two photos cannot be held against each other: no colour card, no reference"

    def refused(measure, before, after, unit):
        flags = (Flag.UNCORRECTED_COLOUR,)
        return row(measure, "skin", before, after, unit, math.nan, "not_comparable", uncorrected, flags)

    nan = math.nan
    matched = "pores.matched_diameter_change"
    paired = Change(matched, "skin", nan, nan, -6.2, "%", 2.1, source, "improved", "", (), 143)
    return (
        row("pores.area", "skin", 4.1, 3.3, "% of region", 0.6, "improved"),
        row("pores.area", "cheek", 4.4, 4.1, "% of region", 0.8, "within_error"),
        row("pores.density", "skin", 61.0, 52.0, "1/cm2", 11.0, "within_error"),
        paired,
        row("redness.area", "skin", 7.4, 11.9, "% of region", 1.4, "worsened"),
        refused("redness.haemoglobin", math.nan, math.nan, "optical density"),
        refused("redness.a_star", 14.2, 15.9, "CIELAB a*"),
        row("pigment.evenness", "skin", 2.84, 2.8, "dE00", 0.21, "within_error"),
        row("texture.roughness_250_500um", "skin", 0.0412, 0.0351, "log-luminance RMS", 0.0031, "improved"),
        row("texture.glcm_entropy_200um", "skin", 6.21, 6.02, "bit", 0.09, "changed"),
    )


def comparison(
    before_name: str = "before.jpg", after_name: str = "after.jpg", *, comparable: bool = True
) -> Comparison:
    light = Notice(Flag.LIGHT_DIFFERS, "the shading agrees to 0.41 only")
    blurred = Notice(Flag.BLURRED, "blur of 2.9 px, 1.5 wanted")
    return Comparison(
        comparable=comparable,
        reasons=() if comparable else ("the two photos could not be matched: 9 points agree, 40 are needed",),
        registration=registration() if comparable else None,
        before=assessment(before_name),
        after=assessment(after_name, seed=2, redness=60.0, factor=0.9, notices=(blurred,)),
        changes=changes() if comparable else (),
        notices=() if comparable else (light,),
    )


def course(views: tuple[str, ...] = ("",)) -> Course:
    """Three visits after a baseline, two sessions; pore area fell for good, redness rose and was hidden once."""
    start = date(2026, 1, 12)
    days, treated = (0, 2, 40, 120), (0, 30)
    visits = tuple(
        Visit(
            number,
            start + timedelta(days=day),
            tuple(Shot(Path(f"{day}.jpg"), view, start + timedelta(days=day)) for view in views),
            None if not number else day - max(t for t in treated if t <= day),
            sum(t <= day for t in treated),
            not number,
        )
        for number, day in enumerate(days)
    )
    plan = Plan("pores", "face", tuple(Session(start + timedelta(days=t), device="pen") for t in treated), visits)
    lines = tuple(
        Trajectory(view, measure, "skin", unit, "lower", baseline, sdc / 2, points, None, measure == "pores.area")
        for view in views
        for measure, unit, baseline, sdc, points in (
            ("pores.area", "% of region", 4.1, 0.6, _points((-0.2, -0.3, -0.9), 0.6)),
            ("redness.area", "% of region", 7.4, 1.4, _points((3.0, 0.5, 0.1), 1.4)),
        )
    )
    shown = tuple(
        CoursePicture(v.number, view, picture((240, 320), seed=v.number + 1)[0], v.number != 2)
        for view in views
        for v in visits
    )
    used = tuple(
        Used(
            v.number, view, f"{v.number:02x}" * 32, (("SHA-256", f"{v.number:02x}" * 32), ("Recipe", "frame_version 6"))
        )
        for view in views
        for v in visits
    )
    told = summary_of(plan, lines, (), SHIPPED)
    source = "study of phantom pairs; missing: device"
    return Course(plan, "pores.area", lines, (), ("one note",), told, shown, {"skinscan": "0.1.0"}, used, (source,))


def _points(changes: tuple[float, ...], sdc: float) -> tuple[Point, ...]:
    def step(change: float) -> Step:
        verdict = "within_error" if abs(change) <= sdc else "improved" if change < 0 else "worsened"
        return Step(change, change - sdc, change + sdc, sdc, change / sdc * 1.96, verdict, "")

    hidden = Step(math.nan, math.nan, math.nan, math.nan, math.nan, "not_comparable", "swelling closes pores (T2)")
    first = Point(1, hidden, None, "hidden", "day 2")
    return (first, *(Point(n, step(c), None, "judged", "") for n, c in enumerate(changes[1:], start=2)))
