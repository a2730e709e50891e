"""Shifts for each desk of a sweep."""

from types import SimpleNamespace

import centres
import pytest

from planner import anew
from sim.staffing import StaffingPlan

SHIFT = {"starts": ["08:00"], "lengths": ["2 h"]}


def desk() -> object:
    kind = {"arrivals": {"per_hour": 60}, "talk": {"family": "exponential", "mean": "3 min"}}
    return centres.centre(
        {"orders": kind},
        start="2026-03-02 08:00",
        length="2 h",
        shift_templates={"short": SHIFT},
        targets=[{"measure": "service_level", "threshold": "20 s", "at_least": 0.8}],
    )


def test_a_desk_gets_shifts_and_says_how_it_goes() -> None:
    told: list[str] = []
    staffing = anew.plan_for(desk(), seed=1, engine="reference", workers=1, tell=told.append).staffing
    assert sum(shift.number for shift in staffing.shifts) >= 4  # three Erlangs want at least as many
    assert any("best" in line for line in told)


def test_what_was_interrupted_is_no_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = SimpleNamespace(plan=SimpleNamespace(status="interrupted", staffing=StaffingPlan(shifts=())))
    monkeypatch.setattr(anew, "propose", lambda *_, **__: stopped)
    with pytest.raises(KeyboardInterrupt):
        anew.plan_for(desk(), seed=1, engine="reference", workers=1, tell=print)
