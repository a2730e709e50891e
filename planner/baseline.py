"""The usual plans, to compare ours with: Erlang C or A for each type and interval, then a cover; plain and repaired.

Each type is staffed on its own for the interval's mean rate, by Erlang C as if nobody hung up; an agent with several
skills splits time between types. What such a plan really attains is simulated like any other. *Repaired* means what a
planner would do who sees that: load is added to the types and times that miss, until all targets hold.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from planner.cover import Cover, Rows, cover, price_of
from planner.plan import Baseline, figures
from planner.requirements import Goal, Theory, at_once
from planner.search import Problem
from planner.solver import Limits
from planner.verdict import windows_of
from sim.experiment import Runs, experiment, workload
from sim.scenario import Scenario
from sim.staffing import StaffingPlan
from sim.summary import target_record
from sim.targets import TargetResult, judge
from sim.theory import Queue, least_agents

Floats = npt.NDArray[np.float64]
Formula = Literal["erlang-c", "erlang-a"]
Method = Literal["erlang-c", "erlang-a", "erlang-c-repaired", "erlang-a-repaired"]
METHODS: tuple[Method, ...] = get_args(Method)
NAMES: dict[str, str] = {"erlang-c": "Erlang C + cover", "erlang-a": "Erlang A + cover"}
USUAL_LIMITS = Limits(gap=2e-3, nodes=20, near=400)
MORE = 0.04
"""Load added, as part of it, where a target misses."""
REPAIRS = 40


def named(method: Method) -> str:
    """As people call it."""
    formula = method.removesuffix("-repaired")
    return NAMES[formula] + (", repaired" if method != formula else "")


@dataclass(frozen=True, kw_only=True, eq=False)
class Simulator:
    """How plans are simulated: the customers of a seed, so many days of them, where and with what."""

    seed: int
    days: int
    first: int = 0
    engine: str = "auto"
    workers: int = 1
    stop: Callable[[], bool] | None = None

    def runs(self, problem: Problem, plan: StaffingPlan) -> Runs:
        """A plan on these days; raises `sim.experiment.Stopped`."""
        return experiment(
            problem.scenario, plan, replications=self.days, seed=self.seed, first=self.first, engine=self.engine,
            workers=self.workers, stop=self.stop,
        )  # fmt: skip


def usual(problem: Problem, method: Method, simulator: Simulator) -> tuple[Cover, int]:
    """The plan by a formula, and how often it was repaired: until all targets are certified on the simulator's days."""
    more, repairs = np.ones((problem.theory.intervals, len(problem.scenario.contact_types))), 0
    formula: Formula = "erlang-a" if method.startswith("erlang-a") else "erlang-c"
    while True:
        rows = formula_rows(problem.scenario, problem.theory, formula, more)
        price = price_of(problem.objective, problem.table, rows, problem.scenario.horizon.interval / 3600)
        found = cover(
            problem.scenario.horizon, problem.table, rows, price, problem.caps, limits=USUAL_LIMITS, stop=simulator.stop
        )
        if method == formula or repairs == REPAIRS:
            return found, repairs
        if not _add(more, problem, judge(simulator.runs(problem, problem.staffing(found.numbers)))):
            return found, repairs
        repairs += 1


def beside(problem: Problem, methods: Sequence[Method], runs: Runs, simulator: Simulator) -> tuple[Baseline, ...]:
    """Usual plans, each repaired on the simulator's days, and what they attain on as many days of those of `runs`."""
    days = min(runs.replications, simulator.days)
    judges = replace(simulator, seed=runs.seed, first=runs.first, days=days)
    found = []
    for method in methods:
        plan, _ = usual(problem, method, simulator)
        staffing = problem.staffing(plan.numbers)
        judged = judge(judges.runs(problem, staffing))
        numbers: dict[str, Any] = figures(problem.scenario, staffing)
        shortage = float(plan.shortage.sum())
        targets = tuple(target_record(one) for one in judged)
        found.append(Baseline(name=named(method), **numbers, shortage=shortage, targets=targets))
    return tuple(found)


def _add(more: Floats, problem: Problem, judged: Sequence[TargetResult]) -> bool:
    """Add load where windows are not certified; whether there were any."""
    short = np.zeros_like(more, dtype=np.bool_)
    for goal, result in zip(problem.theory.goals, judged, strict=True):
        window = windows_of(problem.scenario, goal)
        bad = [w for w, one in zip(_judged_windows(problem, goal), result.windows, strict=True)
               if one.status != "certified"]  # fmt: skip
        short[np.ix_(np.isin(window, bad).nonzero()[0], np.array(goal.types))] = True
    more[short] += MORE
    return bool(short.any())


def _judged_windows(problem: Problem, goal: Goal) -> list[int]:
    """The windows in which anything is offered: those that are judged."""
    window = windows_of(problem.scenario, goal)
    offered = workload(problem.scenario).expected[:, list(goal.types)].sum(axis=1)
    return [int(w) for w in np.unique(window) if offered[window == w].sum() > 0]


def formula_rows(scenario: Scenario, theory: Theory, formula: Formula, more: Floats | float = 1.0) -> Rows:
    """Requirements on each type's mean rate in each interval, times `more`; a set needs the sum over its types."""
    facts = workload(scenario)
    alone = np.zeros_like(facts.asking)
    load = facts.asking * more / scenario.horizon.interval
    handle_s = facts.handle_s / [at_once(scenario, name) for name in scenario.contact_types]
    patience_s = theory.load.patience_s if formula == "erlang-a" else np.full(len(handle_s), np.inf)
    for i, k in np.argwhere(facts.asking > 0):
        goals = [goal for goal in theory.goals if k in goal.types]
        if goals:
            alone[i, k] = _least(goals, int(k), float(load[i, k]), float(handle_s[k]), float(patience_s[k]))
    agents = np.array([alone[:, list(types)].sum(axis=1) for types in theory.sets])
    return Rows(worth=theory.worth, agents=agents.reshape(len(theory.sets), -1))


def _least(goals: list[Goal], kind: int, rate: float, handle_s: float, patience_s: float) -> int:
    def holds(agents: int) -> bool:
        queue = Queue(rate, handle_s, agents, patience_s)
        return (agents > queue.load or np.isfinite(patience_s)) and all(
            goal.sign * (goal.value(queue, goal.threshold(kind)) - goal.level) >= 0 for goal in goals
        )

    return least_agents(holds, int(rate * handle_s) + 1)
