"""Routing advice: what other ways to route the same contacts to the same agents would attain.

The plan stays as it is, and so do the customers: only who takes what changes. Beside each target stand abandonment and
the P95 of the wait, for a service level alone can be bettered by leaving those who are late anyway to themselves.
"""

from collections.abc import Callable, Iterator

import numpy as np

from planner.plan import Plan
from planner.requirements import Goal, goals_of
from planner.verdict import score
from sim.experiment import Runs, Tape
from sim.measures import ABANDONMENT, sample_of
from sim.metrics import BUCKETS, bucket_high
from sim.results import Contract
from sim.scenario import Scenario

WITHOUT_PARAMETERS = (
    "priority", "fcfs", "preference", "specialists", "own_first", "longest_queue", "fastest", "least_busy", "uniform",
    "last_agent",
)  # fmt: skip
DELAYS = ("20 s", "60 s")
WEIGHTS = (2.0, 4.0)
"""Weights of the wait that are tried for each single type, against 1 for the others."""


class RoutingTried(Contract):
    """A way to route at the plan: each target's worst window, the least slack to a level, and what it costs others."""

    routing: str
    document: dict[str, object]
    present: bool
    values: tuple[float, ...]
    slack: float
    abandonment: float
    wait_p95_s: float


def advise(
    scenario: Scenario, plan: Plan, *, seed: int = 1, days: int = 48, engine: str = "auto", workers: int = 1,
    stop: Callable[[], bool] | None = None,
) -> tuple[RoutingTried, ...]:  # fmt: skip
    """Routings that need not be told more, the best first: that with the most slack in its worst target."""
    found = []
    for document in _candidates(scenario):
        desk = _routed(scenario, document)
        runs = Tape(desk, seed, 0, days, engine=engine, workers=workers).runs(plan.staffing, stop=stop)
        found.append(_tried(desk, document, desk.routing == scenario.routing, runs))
    return tuple(sorted(found, key=lambda one: -one.slack))


def with_best_routing(scenario: Scenario, tried: tuple[RoutingTried, ...]) -> Scenario:
    """The scenario with the routing that was best."""
    return _routed(scenario, tried[0].document)


def _routed(scenario: Scenario, document: dict[str, object]) -> Scenario:
    routing = type(scenario.routing).model_validate(document)
    return scenario.model_copy(update={"routing": routing})


def _candidates(scenario: Scenario) -> Iterator[dict[str, object]]:
    """The present routing, all that need no parameters, and a few of those that do."""
    present = scenario.routing.model_dump(mode="json", exclude_defaults=True) | {"policy": scenario.routing.policy}
    yield present
    tried: list[dict[str, object]] = [{"policy": policy} for policy in WITHOUT_PARAMETERS]
    tried += [{"policy": "overflow", "after": after} for after in DELAYS]
    names = list(scenario.contact_types)
    weights = [{n: weight if n == name else 1.0 for n in names} for name in names for weight in WEIGHTS]
    if len(names) > 1:
        tried += [{"policy": "weighted_wait", "weights": one} for one in weights]
    yield from (one for one in tried if one != present)


def _tried(scenario: Scenario, document: dict[str, object], present: bool, runs: Runs) -> RoutingTried:
    values, slacks = [], []
    for goal in goals_of(scenario):
        worst, slack = _worst(scenario, goal, runs)
        values.append(worst)
        slacks.append(slack)
    gone = sample_of(ABANDONMENT, scenario, runs.tallies)
    return RoutingTried(
        routing=_name(document),
        document=document,
        present=present,
        values=tuple(values),
        slack=min(slacks, default=0.0),
        abandonment=float(np.asarray(gone.numerator).sum() / max(float(np.asarray(gone.denominator).sum()), 1.0)),
        wait_p95_s=_wait_p95_s(runs),
    )


def _worst(scenario: Scenario, goal: Goal, runs: Runs) -> tuple[float, float]:
    """The value of the worst window, and its slack; shares in points, seconds as a part of the level."""
    value = score(scenario, goal, runs).value
    slack = np.nan_to_num(goal.sign * (value - goal.level), nan=np.inf) / (1.0 if goal.is_share else goal.level or 1.0)
    w = int(np.argmin(slack))
    return float(np.nan_to_num(value[w])), float(slack[w]) if np.isfinite(slack[w]) else 1.0


def _wait_p95_s(runs: Runs) -> float:
    """Of all who are answered, to the resolution of the histogram."""
    counts = runs.tallies.wait_histogram.sum(axis=(0, 1), dtype=np.int64)
    upto = np.cumsum(counts)
    bucket = int(np.searchsorted(upto, 0.95 * upto[-1])) if upto[-1] else 0
    return float(bucket_high(np.array(min(bucket, BUCKETS - 1))) / 1000)


def _name(document: dict[str, object]) -> str:
    weights = document.get("weights")
    if isinstance(weights, dict):
        return "weighted_wait, " + ", ".join(f"{name} {w:g}" for name, w in weights.items() if w != 1.0)
    more = [f"{key} {value}" for key, value in document.items() if key != "policy"]
    return ", ".join((str(document["policy"]), *more))
