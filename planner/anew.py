"""A plan on the way to something else: one desk of many, or one with other limits."""

from collections.abc import Callable

from planner.plan import Plan
from planner.propose import propose
from planner.telling import progress_line
from sim.scenario import Scenario


def plan_for(
    scenario: Scenario,
    *,
    seed: int,
    engine: str,
    workers: int,
    objective: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Plan:
    """A plan without bound and without the usual one beside; KeyboardInterrupt where one was interrupted.

    What `propose` hands over then is the best so far, which is not what the next desk would get.
    """
    found = propose(
        scenario, objective=objective, seed=seed, engine=engine, workers=workers, bound=False, beside=(),
        progress=lambda now: tell(progress_line(now)),
    ).plan  # fmt: skip
    if found.status == "interrupted":
        raise KeyboardInterrupt
    return found
