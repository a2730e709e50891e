"""The certificate: a plan on fresh customers, none of whom the search has met.

A target is certified when the end of its one-sided interval, simultaneous over all windows of all targets, lies on
the right side of its level; met when only the estimate does; else missed (`sim.targets`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from planner.verdict import CERTIFICATES
from sim.estimates import Estimate
from sim.experiment import Runs, experiment
from sim.scenario import Scenario, Target
from sim.staffing import StaffingPlan
from sim.targets import RANK, Status, TargetResult, judge

FIRST_LOOK = 4
"""After one in so many of the replications a plan that has clearly missed is sent back."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Certificate:
    """Fresh replications of a plan and what they say of each target."""

    runs: Runs
    judged: tuple[TargetResult, ...]

    @property
    def status(self) -> Status:
        """The worst of the targets; certified where there are none."""
        return min((result.status for result in self.judged), key=RANK.__getitem__, default="certified")


def certify(
    scenario: Scenario,
    plan: StaffingPlan,
    *,
    replications: int,
    seed: int,
    first: int = 0,
    engine: str = "auto",
    workers: int = 1,
    stop: Callable[[], bool] | None = None,
) -> Certificate:
    """Simulate a plan on these replications and judge it, giving up early when a target has clearly been missed.

    Raises `sim.experiment.Stopped`.
    """

    def fresh(start: int, count: int) -> Runs:
        return experiment(
            scenario, plan, replications=count, seed=seed, first=start, engine=engine, workers=workers, stop=stop
        )

    look = -(-replications // FIRST_LOOK)
    runs = fresh(first, look)
    judged = judge(runs, tries=CERTIFICATES)
    if look < replications and not any(clearly_missed(result) for result in judged):
        runs = runs.then(fresh(first + look, replications - look))
        judged = judge(runs, tries=CERTIFICATES)
    return Certificate(runs=runs, judged=tuple(judged))


def clearly_missed(result: TargetResult) -> bool:
    """Whether in some window even the better end of the interval lies on the wrong side."""
    return any(_wrong_side(result.target, window.estimate, result.unit) for window in result.windows)


def _wrong_side(target: Target, estimate: Estimate, unit: str) -> bool:
    if estimate.low is None or estimate.high is None or (unit == "share" and not target.is_share):
        return False
    if target.at_least is not None:
        return estimate.high < target.level
    return estimate.low > target.level
