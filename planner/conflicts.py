"""Which limits and requirements cannot hold together, and the least that limits would have to give way.

A limit that is too low shows in the covering model: with every requirement kept exactly, and every limit, there are no
shifts. HiGHS then names an irreducible set of rows: leave out any of them, and the others can hold. What the limits
would have to be is the least raise for which there are shifts; a plan for these limits is then searched and proved.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pulp

from planner import solver
from planner.anew import plan_for
from planner.cover import Caps, CoverModel, Price, Rows
from planner.feasibility import stretches
from planner.plan import Plan
from planner.search import Problem
from planner.shifts import ShiftTable
from planner.solver import Limits
from sim.clock import Horizon
from sim.results import Contract
from sim.scenario import Scenario

Ints = npt.NDArray[np.int64]

TRIES = 3
MORE = 0.1
"""Part by which limits are raised further where the plan for the least raise misses."""
RAISE_LIMITS = Limits(gap=0.01, nodes=200, near=2000)


class Conflict(Contract):
    """Requirements, and limits, that cannot hold together; without any of them the others could."""

    requirements: tuple[str, ...]
    limits: tuple[str, ...]


class Raised(Contract):
    """A limit, what it is, and what it would have to be."""

    limit: str
    given: int
    needed: int


class Relaxation(Contract):
    """Limits raised as little as helps, and the plan for them; `status` as its certificate says."""

    raised: tuple[Raised, ...]
    heads: int
    cost: float
    paid_hours: float
    status: str


def conflict(problem: Problem) -> Conflict | None:
    """An irreducible set of what cannot hold; None where shifts within the limits meet all that formulas ask for."""
    model = _Strict(problem)
    named = solver.irreducible(model.problem)
    if not named:
        return None
    needs = [tuple(map(int, name.split("_")[1:])) for name in named if name.startswith("need_")]
    limits = dict.fromkeys(model.limit_of[name] for name in named if name in model.limit_of)
    return Conflict(requirements=tuple(_needs(problem, model, needs)), limits=tuple(limits))


def relaxation(
    scenario: Scenario, plan: Plan, problem: Problem, *, seed: int, engine: str, workers: int
) -> Relaxation | None:
    """The least raise of limits with which a plan can do, and that plan; None where limits are not what is in the way.

    Where the plan for the least raise by formulas misses a target, limits are raised by a tenth more, up to twice.
    """
    caps = _raised(problem)
    if caps is None:
        return None
    for attempt in range(TRIES):
        found = plan_for(
            _with(scenario, caps), objective=plan.objective, seed=seed, engine=engine, workers=workers
        )
        if found.status in ("certified", "met") or attempt == TRIES - 1:
            break
        caps = _more(problem.caps, caps)
    return Relaxation(
        raised=tuple(_changes(problem, caps)),
        heads=found.heads,
        cost=found.cost,
        paid_hours=found.paid_hours,
        status=found.status,
    )


class _Strict(CoverModel):
    """The covering model with nothing elastic: requirements by the formulas, every limit a row that can be named."""

    def __init__(self, problem: Problem) -> None:
        self.limit_of: dict[str, str] = {}
        rows = problem.theory.requirement(problem.theory.levels())
        super().__init__(*_unlimited(problem, rows))
        for variable in (v for line in self.short for v in line):
            variable.upBound = 0
        for name, text, row in _limit_rows(problem, self):
            self.limit_of[name] = text
            self.problem.addConstraint(row, name)


def _unlimited(problem: Problem, rows: Rows) -> tuple[Horizon, ShiftTable, Rows, Price, Caps]:
    """What a covering model takes, with limits so high that they are none, but rows for people."""
    caps = problem.caps
    free = replace(caps, heads=tuple(None if most is None else 10**6 for most in caps.heads), per_day={})
    return problem.scenario.horizon, problem.table, rows, Price(shift=np.ones(len(problem.table)), short=1e3), free


def _limit_rows(problem: Problem, model: CoverModel) -> Iterator[tuple[str, str, pulp.LpConstraint]]:
    """Name, words and row of each limit."""
    caps, table = problem.caps, problem.table
    for g, most in enumerate(caps.heads):
        if most is not None:
            yield f"heads_limit_{g}", _of_heads(problem, g), model.heads[g] <= most
    for template, limit in caps.per_day.items():
        for day, (shifts, most) in enumerate(table.by_day({template: limit})):
            row = pulp.LpAffineExpression([(model.x[s], 1.0) for s in shifts]) <= most
            yield f"day_limit_{template}_{day}", _of_day(template, limit), row


def _of_heads(problem: Problem, g: int) -> str:
    return f"at most {problem.caps.heads[g]} heads of {problem.table.groups[g]}"


def _of_day(template: str, most: int) -> str:
    return f"at most {most} shifts of {template} a day"


def _needs(problem: Problem, model: CoverModel, needs: list[tuple[int, ...]]) -> Iterator[str]:
    """Requirements in words, by their row and block: stretches of time with the most agents in each."""
    names, horizon = list(problem.scenario.contact_types), problem.scenario.horizon
    for row in sorted({row for row, _ in needs}):
        asked = np.isin(model.block, [block for at, block in needs if at == row])
        for first, last in stretches(asked):
            most = model.rows.agents[row, model.block[first:last]].max()
            types = ", ".join(names[k] for k in problem.theory.sets[row])
            start, end = horizon.interval_starts[first], horizon.local(last * horizon.interval_ms)
            yield f"up to {most:,.0f} agents for {types} from {start:%Y-%m-%d %H:%M} to {end:%H:%M}"


# ------------------------------------------------------------------------------------------------- the least raise


def _raised(problem: Problem) -> Caps | None:
    """Limits raised as little as lets shifts meet what formulas ask for; None where none has to be."""
    rows = problem.theory.requirement(problem.theory.levels())
    model = CoverModel(*_unlimited(problem, rows))
    raised: dict[str, pulp.LpVariable] = {}
    total = float(rows.agents.max(initial=1.0))
    for name, text, row in _limit_rows(problem, model):
        more = raised.setdefault(text, model.amount(f"more_{name}", price=10.0 * total))
        more.cat = pulp.LpInteger
        model.problem.addConstraint(pulp.LpAffineExpression([*row.items(), (more, -1.0)]) <= -row.constant)
    if not raised:
        return None
    model.terms = [(v, 1e3 * 10.0 * total if v.name.startswith("short") else price) for v, price in model.terms]
    solved = model.optimum(RAISE_LIMITS, None, None)
    by = {text: round(solved.values[more.name]) for text, more in raised.items()} if solved.solved else {}
    if not any(by.values()):
        return None
    caps = problem.caps
    return replace(
        caps,
        heads=tuple(None if most is None else most + by[_of_heads(problem, g)] for g, most in enumerate(caps.heads)),
        per_day={template: most + by[_of_day(template, most)] for template, most in caps.per_day.items()},
    )


def _more(given: Caps, caps: Caps) -> Caps:
    """Those limits that were raised, raised again."""
    def higher(was: int, now: int) -> int:
        return now if now == was else now + max(1, round(MORE * now))

    return replace(
        caps,
        heads=tuple(
            None if was is None or now is None else higher(was, now)
            for was, now in zip(given.heads, caps.heads, strict=True)
        ),
        per_day={name: higher(given.per_day[name], now) for name, now in caps.per_day.items()},
    )


def _with(scenario: Scenario, caps: Caps) -> Scenario:
    groups = {
        name: group.model_copy(update={"max_heads": most})
        for (name, group), most in zip(scenario.agent_groups.items(), caps.heads, strict=True)
    }
    templates = {
        name: template.model_copy(update={"max_number": caps.per_day.get(name)})
        for name, template in scenario.shift_templates.items()
    }
    return scenario.model_copy(update={"agent_groups": groups, "shift_templates": templates})


def _changes(problem: Problem, caps: Caps) -> Iterator[Raised]:
    for g, (given, needed) in enumerate(zip(problem.caps.heads, caps.heads, strict=True)):
        if given is not None and needed is not None and needed > given:
            yield Raised(limit=f"heads of {problem.table.groups[g]}", given=given, needed=needed)
    for name, given in problem.caps.per_day.items():
        if caps.per_day[name] > given:
            yield Raised(limit=f"shifts of {name} a day", given=given, needed=caps.per_day[name])
