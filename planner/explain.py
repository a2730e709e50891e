"""What a plan costs and why: prices of targets and limits, what one more agent is worth, where it is over, its risk.

Prices are those of a model around the plan: what one agent more or fewer does to each target is simulated, by group and
time (as in the trust region), and a linear program asks what the shifts would cost if a target were another one. They
hold near the plan; a target that is taken out altogether would save more in the end.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pulp

from planner.advice import RoutingTried, advise
from planner.asked import indexed
from planner.bounds import bare_price
from planner.conflicts import Conflict, Relaxation, conflict, relaxation
from planner.cover import Caps, ShiftModel, price_of
from planner.effects import Effects, simulated
from planner.feasibility import stretches
from planner.plan import Plan
from planner.propose import problem_of
from planner.search import Candidate, Problem, Search, room
from planner.solver import Limits
from sim.estimates import clopper_pearson
from sim.experiment import Runs, Tape
from sim.results import Contract, TargetRecord
from sim.scenario import Scenario
from sim.summary import target_record
from sim.targets import held, judge, promised

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DAYS = 48
POINT = 0.01
"""One point of a share."""
BOX = 0.1
"""Agents may change by this part of those there, or by two."""
POINTS, PART = 0.05, 0.25
"""Below a level by so many points of a share, or such a part of seconds, a stretch of time is worth telling."""
FALLS_SHORT = ("infeasible", "missed", "limit", "met")
IDLE = 1e-5
"""An agent whose leaving costs no target more than this is one too many."""
PARTS = (-0.06, -0.03, 0.0, 0.03, 0.06, 0.1, 0.15)
"""Parts of the plan's shifts, more or fewer, with which the chance of a good day is simulated."""


class TargetPrice(Contract):
    """What a target costs near the plan, in the objective: `point` one point more; `saved` where it is not asked."""

    target: TargetRecord
    point: float | None
    saved: float | None


class GroupWorth(Contract):
    """What one more agent of a group, there all day and paid by nobody, would save in the objective."""

    group: str
    worth: float | None


class LimitPrice(Contract):
    """What one more head of a group, or one more shift of a template a day, would save."""

    limit: str
    saved: float | None


class Stretch(Contract):
    """A group and a time in which so many agents could leave without harm to any target."""

    group: str
    start: str
    end: str
    agents: int


class Under(Contract):
    """A stretch of time in which a target would be missed that it holds, or not, over a longer window."""

    measure: str
    contact_types: tuple[str, ...]
    start: str
    end: str
    level: float
    value: float


class RiskPoint(Contract):
    """So many heads, and the share of days on which all targets hold at once, with its 95 % interval."""

    heads: int
    cost: float
    probability: float
    low: float
    high: float


class Explanation(Contract):
    """All of that about one plan."""

    plan: str
    objective: str
    targets: tuple[TargetPrice, ...]
    groups: tuple[GroupWorth, ...]
    limits: tuple[LimitPrice, ...]
    over: tuple[Stretch, ...]
    under: tuple[Under, ...] = ()
    schedule_efficiency: float
    risk: tuple[RiskPoint, ...]
    routings: tuple[RoutingTried, ...]
    reasons: tuple[str, ...]
    conflict: Conflict | None = None
    relaxation: Relaxation | None = None


def explain(
    scenario: Scenario, plan: Plan, *, seed: int = 1, days: int = DAYS, engine: str = "auto", workers: int = 1,
    stop: Callable[[], bool] | None = None,
) -> Explanation:  # fmt: skip
    """Explain a plan of this scenario; raises NothingToPlan where its shifts are none of the templates'."""
    problem = problem_of(scenario, plan.objective, max(days, 2))
    search = Search(
        problem=problem,
        tape=Tape(scenario, seed, 0, days, engine=engine, workers=workers),
        price=lambda rows: price_of(plan.objective, problem.table, rows, scenario.horizon.interval / 3600),
        work_limit=10**9,
        stop=stop or (lambda: False),
        tell=lambda _: None,
    )
    base = search.evaluate(indexed(problem.table, plan.shifts))
    assert search.runs is not None
    around = _Around(problem, base, simulated(search, problem.table.supply(base.numbers), search.tape))
    spare = around.spare()
    supply = problem.table.supply(base.numbers)
    why = conflict(problem) if plan.status in FALLS_SHORT else None
    return Explanation(
        plan=plan.name,
        objective=plan.objective,
        targets=tuple(around.target_prices(search.runs)),
        groups=tuple(around.group_worths()),
        limits=tuple(around.limit_prices()),
        over=tuple(_over(problem, spare)),
        under=tuple(_under(problem, base)),
        schedule_efficiency=float(1.0 - spare.sum() / max(supply.sum(), 1)),
        risk=tuple(_risk(search, around)),
        routings=advise(scenario, plan, seed=seed, days=days, engine=engine, workers=workers, stop=stop),
        reasons=plan.reasons,
        conflict=why,
        relaxation=relaxation(scenario, plan, problem, seed=seed, engine=engine, workers=workers) if why else None,
    )


def with_reasons(scenario: Scenario, plan: Plan, *, engine: str = "auto", workers: int = 1) -> Plan:
    """The plan with its explanation."""
    found = explain(scenario, plan, seed=plan.search.seed, engine=engine, workers=workers)
    return plan.model_copy(update={"explanation": found.model_dump(mode="json")})


@dataclass(frozen=True, eq=False)
class _Around:
    """The linear model around a plan."""

    problem: Problem
    base: Candidate
    effects: list[Effects]

    def value(
        self, *, more: tuple[int, float] | None = None, without: int | None = None, free: int | None = None,
        caps: Caps | None = None,
    ) -> float | None:  # fmt: skip
        """Least worth of shifts near the plan that keep what every target has, or only its level if it has more.

        `more` asks that much more of a target, `without` nothing of one, `free` adds an agent of a group all day.
        """
        problem, table = self.problem, self.problem.table
        model = ShiftModel(
            problem.scenario.horizon, table, bare_price(problem.objective, table), caps or problem.caps
        )
        for variable in (*model.x, *model.heads):
            variable.cat = pulp.LpContinuous
        supply = table.supply(self.base.numbers)
        up, down = self._changes(model, supply, free)
        for g, (one, effect) in enumerate(zip(self.base.scores, self.effects, strict=True)):
            for w in np.flatnonzero(np.isfinite(one.value)) if g != without else ():
                spare = max(0.0, float(one.goal.sign * (one.value[w] - one.goal.level)))
                asked = more[1] if more is not None and more[0] == g else 0.0
                terms = [(up[at], float(effect.gain[w][at])) for at in up if effect.gain[w][at]]
                terms += [(down[at], -float(effect.loss[w][at])) for at in down if effect.loss[w][at]]
                if terms:
                    model.problem.addConstraint(pulp.LpAffineExpression(terms) >= asked - spare)
        solved = model.optimum(Limits(), None, None)
        return solved.objective

    def _changes(
        self, model: ShiftModel, supply: Ints, free: int | None
    ) -> tuple[dict[tuple[int, int], pulp.LpVariable], dict[tuple[int, int], pulp.LpVariable]]:
        table = self.problem.table
        up, down = {}, {}
        for g, i in np.ndindex(supply.shape):
            there = np.flatnonzero(table.covers[:, i] & (table.group == g))
            most = max(2.0, BOX * float(supply[g, i]))
            up[g, i] = model.amount(f"up_{g}_{i}", most=most)
            down[g, i] = model.amount(f"down_{g}_{i}", most=min(most, float(supply[g, i])))
            idle = model.amount(f"idle_{g}_{i}")
            terms = [*((model.x[s], 1.0) for s in there), (up[g, i], -1.0), (idle, -1.0), (down[g, i], 1.0)]
            model.problem.addConstraint(pulp.LpAffineExpression(terms) == float(supply[g, i] - (g == free)))
        return up, down

    def target_prices(self, runs: Runs) -> Iterator[TargetPrice]:
        """Each target: one point more, and not asked."""
        usual = self.value()
        for g, result in enumerate(judge(runs)):
            step = POINT if self.problem.theory.goals[g].is_share else 1.0
            dearer, cheaper = self.value(more=(g, step)), self.value(without=g)
            yield TargetPrice(target=target_record(result), point=_less(dearer, usual), saved=_less(usual, cheaper))

    def group_worths(self) -> Iterator[GroupWorth]:
        """What an agent of each group would save."""
        usual = self.value()
        for g, name in enumerate(self.problem.table.groups):
            yield GroupWorth(group=name, worth=_less(usual, self.value(free=g)))

    def limit_prices(self) -> Iterator[LimitPrice]:
        """Each limit raised by one."""
        usual, caps = self.value(), self.problem.caps
        for g, most in enumerate(caps.heads):
            if most is not None:
                heads = tuple(m if k != g or m is None else m + 1 for k, m in enumerate(caps.heads))
                text = f"at most {most} heads of {self.problem.table.groups[g]}"
                yield LimitPrice(limit=text, saved=_less(usual, self.value(caps=replace(caps, heads=heads))))
        for template, most in caps.per_day.items():
            looser = replace(caps, per_day={**caps.per_day, template: most + 1})
            yield LimitPrice(
                limit=f"at most {most} shifts of {template} a day", saved=_less(usual, self.value(caps=looser))
            )

    def resized(self, by: int) -> Ints:
        """The plan with so many shifts more, of most gain for their price, or fewer, of least loss."""
        numbers, table = self.base.numbers.copy(), self.problem.table
        gain, loss = (np.zeros(table.supply(numbers).shape) for _ in range(2))
        for one, effect in zip(self.base.scores, self.effects, strict=True):
            gain += effect.gain.sum(axis=0) / room(one)
            loss += effect.loss.sum(axis=0) / room(one)
        for _ in range(abs(by)):
            worth = ((gain if by > 0 else loss)[table.group] * table.covers).sum(axis=1) / table.weight
            s = int(np.argmax(worth)) if by > 0 else int(np.argmin(np.where(numbers > 0, worth, np.inf)))
            numbers[s] += 1 if by > 0 else -1
            (gain if by > 0 else loss)[table.group[s], table.covers[s]] *= 0.8 if by > 0 else 1.25
        return numbers

    def spare(self) -> Ints:
        """Agents whose leaving harms no target: one in each group and interval where the loss is nothing."""
        supply = self.problem.table.supply(self.base.numbers)
        harm = np.max([effect.loss.max(axis=0) for effect in self.effects], axis=0)
        return np.asarray((harm <= IDLE) & (supply > 0), dtype=np.int64)


def _less(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else round(a - b, 6) + 0.0


def _over(problem: Problem, spare: Ints) -> Iterator[Stretch]:
    """Where agents are one too many, as runs of intervals."""
    for g, line in enumerate(spare):
        for first, last in stretches(line > 0):
            start, end = _ends(problem, first, last)
            yield Stretch(group=problem.table.groups[g], start=start, end=end, agents=1)


def _under(problem: Problem, base: Candidate) -> Iterator[Under]:
    """Where service is well below what a target asks of a longer window, as runs of intervals."""
    names = list(problem.scenario.contact_types)
    for one in base.scores:
        goal, seen = one.goal, one.weight > 0
        least = POINTS if goal.is_share else PART * goal.level
        below = np.nan_to_num(goal.sign * (goal.level - one.observed)) > least
        for first, last in stretches(below & seen) if one.window[-1] < len(one.window) - 1 else ():
            start, end = _ends(problem, first, last)
            yield Under(
                measure=goal.target.measure,
                contact_types=tuple(names[k] for k in goal.types),
                start=start,
                end=end,
                level=goal.level,
                value=float(np.average(one.observed[first:last], weights=one.weight[first:last])),
            )


def _ends(problem: Problem, first: int, last: int) -> tuple[str, str]:
    """The local times at which a run of intervals begins and ends."""
    horizon = problem.scenario.horizon
    return horizon.interval_starts[first].isoformat(), horizon.local(last * horizon.interval_ms).isoformat()


# ----------------------------------------------------------------------------------------------------------------- risk


def _risk(search: Search, around: _Around) -> Iterator[RiskPoint]:
    """Heads and cost against the share of days on which every window of every target holds."""
    problem, seen = search.problem, set()
    for part in PARTS:
        numbers = around.resized(round(part * around.base.numbers.sum()))
        if numbers.tobytes() in seen or not problem.allows(numbers):
            continue
        seen.add(numbers.tobytes())
        runs = search.tape.runs(problem.staffing(numbers), promised_only=True, stop=search.stop)
        good, days = int(_good_days(runs).sum()), runs.replications
        low, high = clopper_pearson(np.array(good), np.array(days), 0.95)
        heads, cost = problem.heads(numbers), float(problem.table.cost @ numbers)
        yield RiskPoint(heads=heads, cost=cost, probability=good / days, low=float(low), high=float(high))


def _good_days(runs: Runs) -> npt.NDArray[np.bool_]:
    """Whether all targets held in all their windows, [day]; a window without contacts holds."""
    held_by = [held(promised(target, runs), target).all(axis=1) for target in runs.scenario.targets]
    return np.asarray(np.all(held_by, axis=0))
