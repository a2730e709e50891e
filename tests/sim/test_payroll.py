"""Plans on paper: heads, hours, pay."""

import pytest
from outcomes import scenario

from sim.payroll import payroll, total
from sim.staffing import ShiftCount, StaffingPlan

TEMPLATE = {"starts": ["08:00"], "lengths": ["8 h"]}


def shift(group: str = "s", start: str = "08:00", length: str = "8 h", number: int = 1, **more: object) -> ShiftCount:
    return ShiftCount.model_validate({"group": group, "start": start, "length": length, "number": number, **more})


def test_shifts_are_paid_by_the_hour_less_unpaid_breaks() -> None:
    desk = scenario(minutes=24 * 60, interval=60, groups=2)
    pauses = [{"after": "2 h", "length": "30 min"}, {"after": "4 h", "length": "15 min", "paid": True}]
    pay = payroll(desk, StaffingPlan(shifts=(shift(number=3, breaks=pauses, day="2026-11-11"),)))
    assert (pay["s"].shifts_worked, pay["s"].heads, pay["t"].heads) == (3, 3, 0)
    assert pay["s"].paid_hours == pytest.approx(3 * 7.5)
    assert pay["s"].cost == pytest.approx(3 * 7.5 * 30)
    assert total(pay.values()).fte == pytest.approx(3 * 7.5 / 8)


def test_a_template_may_state_cost_and_fte_of_its_shifts() -> None:
    template = TEMPLATE | {"cost": 100, "fte": 0.8}
    team = {"skills": ["a"], "cost_factor": 1.5}
    desk = scenario(shift_templates={"day": template}, agent_groups={"s": team}, minutes=24 * 60, interval=60)
    pay = payroll(desk, StaffingPlan(shifts=(shift(number=2, template="day", day="2026-11-11"),)))
    assert (pay["s"].cost, pay["s"].fte) == (300, 1.6)


def test_on_several_days_the_same_people_may_come_again() -> None:
    desk = scenario(minutes=3 * 24 * 60, interval=60)
    pay = payroll(desk, StaffingPlan(shifts=(shift(number=2, start="12:00"),)))["s"]
    assert (pay.shifts_worked, pay.heads) == (6, 2)


def test_by_level_people_are_paid_while_they_are_due() -> None:
    desk = scenario(minutes=240, interval=60)
    pay = payroll(desk, StaffingPlan(levels={"s": {"08:00": 2, "10:00": 5, "11:00": 0}}))["s"]
    assert (pay.shifts_worked, pay.heads, pay.paid_hours, pay.cost) == (None, 5, 9, 270)
    assert total([pay]).shifts_worked is None
