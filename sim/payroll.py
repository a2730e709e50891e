"""What a staffing plan comes to on paper: shifts, heads, full-time equivalents, paid hours, pay. Nothing is random."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sim.attendance import levels_of
from sim.remembered import remembered
from sim.scenario import Scenario
from sim.staffing import ShiftCount, StaffingPlan, least_heads, workings

FULL_DAY_H = 8.0
"""Paid hours of one full-time equivalent."""


@dataclass(frozen=True, kw_only=True)
class Pay:
    """Of one group, or of all: `shifts_worked` is None where heads are given by level and no shifts are known."""

    shifts_worked: int | None
    heads: int
    fte: float
    paid_hours: float
    cost: float


@remembered
def payroll(scenario: Scenario, plan: StaffingPlan) -> dict[str, Pay]:
    """By group, in the order of the scenario."""
    if plan.shifts is None:
        return _of_levels(scenario, plan)
    heads = least_heads(scenario.horizon, plan.shifts)
    return {
        group: _of_shifts(scenario, [shift for shift in plan.shifts if shift.group == group], heads.get(group, 0))
        for group in scenario.agent_groups
    }


def total(parts: Iterable[Pay]) -> Pay:
    """Groups together; people belong to one of them."""
    parts = list(parts)
    shifts = [part.shifts_worked for part in parts if part.shifts_worked is not None]
    return Pay(
        shifts_worked=sum(shifts) if shifts else None,
        heads=sum(part.heads for part in parts),
        fte=sum(part.fte for part in parts),
        paid_hours=sum(part.paid_hours for part in parts),
        cost=sum(part.cost for part in parts),
    )


def _of_shifts(scenario: Scenario, shifts: list[ShiftCount], heads: int) -> Pay:
    worked = [(shift, work.paid_ms / 3.6e6) for shift in shifts for work in workings(scenario.horizon, shift)]
    return Pay(
        shifts_worked=sum(shift.number for shift, _ in worked),
        heads=heads,
        fte=sum(shift.number * _fte(scenario, shift, hours) for shift, hours in worked),
        paid_hours=sum(shift.number * hours for shift, hours in worked),
        cost=sum(shift.number * _cost(scenario, shift, hours) for shift, hours in worked),
    )


def _fte(scenario: Scenario, shift: ShiftCount, hours: float) -> float:
    template = scenario.shift_templates.get(shift.template)
    return hours / FULL_DAY_H if template is None or template.fte is None else template.fte


def _cost(scenario: Scenario, shift: ShiftCount, hours: float) -> float:
    template, group = scenario.shift_templates.get(shift.template), scenario.agent_groups[shift.group]
    if template is None or template.cost is None:
        return hours * group.cost_per_hour
    return template.cost * group.cost_factor


def _of_levels(scenario: Scenario, plan: StaffingPlan) -> dict[str, Pay]:
    """By level people are paid while they are due; there must be as many as the level's peak."""
    levels = levels_of(scenario, plan)
    hours = levels.sum(axis=0) * scenario.horizon.interval / 3600
    return {
        name: Pay(
            shifts_worked=None,
            heads=int(peak),
            fte=float(h) / FULL_DAY_H,
            paid_hours=float(h),
            cost=float(h) * group.cost_per_hour,
        )
        for (name, group), h, peak in zip(
            scenario.agent_groups.items(), hours, np.max(levels, axis=0, initial=0), strict=True
        )
    }
