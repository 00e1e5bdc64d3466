"""A course's page: what it was read from, its slider, and what either reader is told."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import builders
import pytest

from skinscan.course_records import Course
from skinscan.records import FLAGS
from skinscan.report.course_page import _strips as strips_of
from skinscan.report.course_page import course_page, slides
from skinscan.report.method import sdc_sources
from skinscan.treatment import SHIPPED


@pytest.fixture(scope="module")
def course() -> Course:
    return builders.course()


def text(course: Course, role: str, **choices) -> str:
    """What the page says, its attributes included, without style, script and pictures."""
    html = course_page(course, SHIPPED, role, **choices)
    return unescape(re.sub(r"<style>.*?</style>|<script>.*?</script>|data:image[^\"]*", "", html, flags=re.DOTALL))


@pytest.mark.parametrize("role", ["practitioner", "patient"])
def test_it_tells_which_files_it_rests_on(course: Course, role: str) -> None:
    told = text(course, role)
    assert all(photo.sha256 in told for photo in course.used)
    assert "Every photo went through the same steps" in told
    assert ("frame_version 6" in told) == (role == "practitioner")
    assert ("study of phantom pairs; missing: device" in told) == (role == "practitioner")
    assert ("pores.area" in told) == (role == "practitioner")  # the measures' versions


def test_the_slider_takes_the_last_photo_that_could_be_laid_on_the_first(course: Course) -> None:
    ((first, last),) = slides(strips_of(course))
    assert (first.day, last.day) == ("2026-01-12", "2026-05-12")
    unmatched = replace(course, pictures=tuple(replace(p, matched=p.visit < 2) for p in course.pictures))
    ((first, last),) = slides(strips_of(unmatched))
    assert last.day == "2026-01-14"
    alone = replace(course, pictures=tuple(replace(p, matched=p.visit == 0) for p in course.pictures))
    assert slides(strips_of(alone)) == []
    assert 'class="slider"' not in course_page(alone, SHIPPED, "patient")


def test_what_to_do_now_may_be_left_out(course: Course) -> None:
    assert "What to do now" in text(course, "patient")
    assert "What to do now" not in text(course, "patient", care=False)


def test_the_patient_reads_plain_words(course: Course) -> None:
    told = text(course, "patient")
    assert "the change is larger than measurement error" in told
    assert re.search(r"2026-02-21, day 10 after a session: [^\"]*, no measurable change yet", told)
    assert re.search(r"2026-05-12, day 90 after a session: [^\"]*, larger than measurement error", told)
    jargon = ["smallest detectable", "SDC", "improved", "worsened", "within error", "Not comparable", "primary", "(T2)"]
    assert [word for word in jargon if word.lower() in re.sub(r'class="[^"]*"', "", told).lower()] == []
    assert not any(name in told for name in map(str, FLAGS) if "_" in name)


def test_no_measurable_change_does_not_say_that_nothing_changed(course: Course) -> None:
    (line, *others) = course.trajectories
    quiet = replace(line, points=(*line.points[:-1], replace(line.points[1], visit=3)))
    from skinscan.course.telling import summary_of

    told = summary_of(course.plan, (quiet, *others), (), SHIPPED)["patient"]
    assert "Pore area: no measurable change yet. This does not show that nothing changed." in told


def test_sources_of_errors_are_told_once_without_the_sizes_of_their_parts() -> None:
    said = "study of phantom pairs, another set-up (capture {}, blocks {}, scale 0.001); missing: device, day to day"
    own = "this clinic's own 12 repeats of 6 patients (capture 2e-05, pores 0.26); missing: another clinic"
    texts = [said.format(0.21, 0.016), said.format("1.5e-05", 2), "", own]
    changes = [replace(builders.changes()[0], sdc_source=text) for text in texts]
    assert sdc_sources(changes) == [
        "study of phantom pairs, another set-up (capture, blocks, scale); missing: device, day to day",
        "this clinic's own 12 repeats of 6 patients (capture, pores); missing: another clinic",
    ]
