"""The study of flags: what is simulated, and what its table says."""

from __future__ import annotations

from skinscan.phantom.course import ADVERSE, skin_on
from skinscan.study.flag_accuracy import EVENTS, jobs, markdown, recipe_of, shares


def test_each_tone_has_unchanged_courses_and_each_event() -> None:
    todo = jobs(2)
    assert len({job.seed for job in todo}) == len(todo) == 2 * 6 * 6
    assert {job.adverse for job in todo} == set(ADVERSE) == {"none", *EVENTS.values()}
    for job in todo[:6]:
        recipe = recipe_of(job, 25.0)
        skins = [skin_on(recipe, day) for day in recipe.visit_days]
        assert recipe.visit_days[1] >= 14
        assert (len(set(skins)) == 1) == (job.adverse == "none")


def test_the_table_counts_false_alarms_and_what_is_found_by_tone() -> None:
    rows = [
        {"adverse": "none", "tone": "I", "flags": []},
        {"adverse": "none", "tone": "VI", "flags": ["papular_foci"]},
        {"adverse": "foci", "tone": "II", "flags": ["papular_foci", "redness_persists"]},
        {"adverse": "foci", "tone": "VI", "flags": []},
    ]
    assert shares(rows, "papular_foci", "foci") == (1, 2)
    assert shares(rows, "papular_foci", "foci", ("V", "VI")) == (0, 1)
    told = markdown(rows).splitlines()
    assert "| `papular_foci` | 2 | 1 | 1 of 2 | 1 of 1 | 0 of 0 | 0 of 1 |" in told
    assert told[-1] == "| any | 2 | 1 | | | | |"
