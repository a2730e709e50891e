"""The certificate: a plan on fresh customers, none of whom the search has met.

A target is certified when the end of its one-sided interval, simultaneous over all windows of all targets, lies on
the right side of its level; met when only the estimate does; else missed (`sim.targets`). Days are added until all is
certified, or cannot be expected to be with as many days as there may be; each look has its part of the error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist

from planner.verdict import CERTIFICATES
from sim.estimates import one_sided, student
from sim.experiment import Runs, contacts_expected, experiment
from sim.scenario import Scenario
from sim.staffing import StaffingPlan
from sim.targets import RANK, Status, TargetResult, judge, slack

FIRST_DAYS = 200
"""So many days at least."""
CONTACTS, MOST_DAYS = 24_000_000, 8_000
"""Days are added up to about so many contacts, and never more than so many days."""
LAST = 0.8
"""Part of a try's error that its last look has."""
GROWTH = 4
"""The next look is at so many times the days."""
FIRST_LOOK = 4
"""A plan that has clearly missed after one in so many of the days of the first look is sent back."""
LUCK = 1.0
"""Standard errors that the days to come may be better than those seen, where it is asked whether they are worth it. Of
a target's many windows some look bad by chance: what is as likely for all at once as this is for one.
"""


def most_days(scenario: Scenario) -> int:
    """How many days a certificate may have."""
    return min(max(round(CONTACTS / max(contacts_expected(scenario), 1.0)), FIRST_DAYS), MOST_DAYS)


def looks(first: int, most: int, attempt: int = 0) -> list[tuple[int, float]]:
    """After how many days a certificate may be given, and what each look counts: the inverse of its part of the error.

    The first try has half of the error and those after it share the rest; of a try the last look has most.
    """
    days = [most]
    while days[0] >= GROWTH * first:
        days.insert(0, ceil(days[0] / GROWTH))
    tries = 2 * (1 if attempt == 0 else CERTIFICATES - 1)
    if len(days) == 1:
        return [(most, tries)]
    early = tries * (len(days) - 1) / (1 - LAST)
    return [*((n, early) for n in days[:-1]), (most, tries / LAST)]


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
    most: int | None = None,
    attempt: int = 0,
    engine: str = "auto",
    workers: int = 1,
    stop: Callable[[], bool] | None = None,
) -> Certificate:
    """Simulate a plan on `replications` days, and on up to `most` while that may still certify it, and judge it.

    `attempt`: how many certificates were refused before. Raises `sim.experiment.Stopped`.
    """

    def fresh(start: int, count: int) -> Runs:
        return experiment(
            scenario, plan, replications=count, seed=seed, first=start, engine=engine, workers=workers, stop=stop
        )

    course = looks(replications, max(most or 0, replications), attempt)
    glance = -(-course[0][0] // FIRST_LOOK)
    runs = fresh(first, glance)
    judged = judge(runs, tries=course[0][1])
    if any(clearly_missed(result) for result in judged):
        return Certificate(runs=runs, judged=tuple(judged))
    for days, tries in course:
        if days > runs.replications:
            runs = runs.then(fresh(first + runs.replications, days - runs.replications))
        judged = judge(runs, tries=tries, fine=True)
        if all(one.status == "certified" for one in judged) or any(_hopeless(one, days, course) for one in judged):
            break
    return Certificate(runs=runs, judged=tuple(judged))


def clearly_missed(result: TargetResult) -> bool:
    """Whether in some window even the better end of the interval lies on the wrong side."""
    return any(
        window.estimate.low is not None and slack(result.target, window.estimate)[2] < 0 for window in result.windows
    )


def _hopeless(result: TargetResult, days: int, course: list[tuple[int, float]]) -> bool:
    """Whether some window would not be certified by the last look either, with some luck on the days to come."""
    most, tries = course[-1]
    if days >= most or result.status == "certified":
        return False
    comparisons = max(1, round(result.comparisons * tries / dict(course)[days]))
    last = student(most - 1, one_sided(result.target.confidence, comparisons)) * sqrt(days / most)
    luck = _luck(len(result.windows)) * sqrt(1 - days / most)
    for window in result.windows:
        one = window.estimate
        if one.mean is None or one.half_width is None:
            continue
        error = one.half_width / student(days - 1, one.level)
        if slack(result.target, one)[0] + (luck - last) * error < 0:
            return True
    return False


def _luck(windows: int) -> float:
    """Standard errors of luck that each of so many windows is given."""
    return LUCK if windows < 2 else NormalDist().inv_cdf(NormalDist().cdf(LUCK) ** (1 / windows))
