"""What the clinician graded stands beside what was measured, over the scale's whole range."""

from __future__ import annotations

from dataclasses import replace

import pytest

from skinscan.report.course_charts import MARGIN, score_chart
from skinscan.treatment import SHIPPED
from tests.course.plans import a_plan

CEA = next(row for row in SHIPPED.scales if row.scale == "CEA")


def test_scores_lie_where_they_were_given() -> None:
    plan = a_plan([0, 30, 60], indication="redness")
    scored = {0: {"CEA": CEA.highest}, 2: {"CEA": CEA.lowest, "GAIS": 2.0}}
    visits = tuple(replace(visit, scores=scored.get(visit.number, {})) for visit in plan.visits)
    drawn = score_chart(replace(plan, visits=visits), CEA)
    assert drawn is not None
    assert [(dot.x, dot.y) for dot in drawn.dots] == [
        (pytest.approx(MARGIN), pytest.approx(MARGIN)),
        (pytest.approx(100 - MARGIN), pytest.approx(100 - MARGIN)),
    ]
    assert all(dot.top == dot.bottom for dot in drawn.dots)  # no error is claimed for them
    assert "lower is better" in drawn.where
    assert "given by the clinician" in drawn.dots[0].label


def test_a_scale_without_scores_has_no_chart() -> None:
    assert score_chart(a_plan([0, 30]), CEA) is None
