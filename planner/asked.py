"""What is asked of a plan beyond its scenario: a floor in each interval, another confidence, shifts that stay."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from planner.shifts import ShiftTable
from sim.scenario import Scenario, Target
from sim.staffing import ShiftCount


class NothingToPlan(ValueError):
    """The scenario has no targets, or no shifts to meet them with."""


def indexed(table: ShiftTable, shifts: Sequence[ShiftCount]) -> npt.NDArray[np.int64]:
    """How many work each shift of the table; one of no day is worked on all. NothingToPlan: no template allows it."""
    numbers = np.zeros(len(table), dtype=np.int64)
    for shift in shifts:
        same = [s for s, one in enumerate(table.shifts) if _kind(one.count) == _kind(shift)
                and (shift.day is None or one.count.day in (None, shift.day))]  # fmt: skip
        if not same:
            at = f"{shift.start // 60:02d}:{shift.start % 60:02d}"
            raise NothingToPlan(f"no shift template allows {shift.template or 'the shift'} of {shift.group} at {at}")
        numbers[same] += shift.number
    return numbers


def _kind(shift: ShiftCount) -> tuple[object, ...]:
    breaks = tuple((pause.after, pause.length, pause.paid) for pause in shift.breaks)
    return shift.template, shift.group, shift.start, shift.length, breaks


def asked_of(scenario: Scenario, floor: float | None, confidence: float | None) -> Scenario:
    """The scenario with what is asked beyond it."""
    asked = scenario if floor is None else with_floor(scenario, floor)
    return asked if confidence is None else with_confidence(asked, confidence)


def with_confidence(scenario: Scenario, confidence: float) -> Scenario:
    """All targets certified with this confidence."""
    targets = tuple(target.model_copy(update={"confidence": confidence}) for target in scenario.targets)
    return scenario.model_copy(update={"targets": targets})


def with_floor(scenario: Scenario, floor: float) -> Scenario:
    """Each service level of a longer window holds at this level in each interval too, so that none drowns."""
    floors = [
        target.model_copy(update={"per": "interval", "at_least": floor})
        for target in scenario.targets
        if target.measure == "service_level" and target.per != "interval" and floor < target.level
    ]
    return scenario.model_copy(update={"targets": (*scenario.targets, *_new(floors, scenario))})


def _new(floors: list[Target], scenario: Scenario) -> list[Target]:
    """Those that say more than a target that is there."""
    return [floor for i, floor in enumerate(floors) if floor not in (*scenario.targets, *floors[:i])]
