"""Shifts for one desk of many, of which nothing but the shifts is wanted."""

from collections.abc import Callable

from planner.propose import propose
from planner.telling import progress_line
from sim.scenario import Scenario
from sim.staffing import StaffingPlan


def shifts_for(
    scenario: Scenario, *, seed: int, engine: str, workers: int, tell: Callable[[str], None]
) -> StaffingPlan:
    """A plan without bound and without the usual one beside; KeyboardInterrupt where one was interrupted.

    What `propose` hands over then is the best so far, which is not what the next desk would get.
    """
    found = propose(
        scenario, seed=seed, engine=engine, workers=workers, bound=False, beside=(),
        progress=lambda now: tell(progress_line(now)),
    ).plan  # fmt: skip
    if found.status == "interrupted":
        raise KeyboardInterrupt
    return found.staffing
