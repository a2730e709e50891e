"""Why a plan falls short: intervals that no shift covers, skills that nobody works, limits, targets out of reach."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from planner.bounds import off_the_grid
from planner.cover import Rows
from planner.effects import by_level
from planner.plan import Shortage
from planner.search import Problem, Search
from planner.verdict import Score, score
from sim.experiment import Tape
from sim.scenario import Scenario

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PLENTY = 3.0
"""So many times the requirement is as good as any number of agents."""


def shortages(search: Search) -> tuple[Shortage, ...]:
    """Stretches of time in which the best plan's agents fall short of the requirement, with the reason for each.

    The requirement is that of the formulas; only where that is met, what the search asked for in the end: where
    nothing helped it asked for more and more.
    """
    rows, best, problem = search.rows, search.best, search.problem
    if rows is None or best is None:
        return ()
    plain = problem.theory.requirement(problem.theory.levels())
    return _short(problem, plain, best.numbers) or _short(problem, rows, best.numbers)


def _short(problem: Problem, rows: Rows, numbers: Ints) -> tuple[Shortage, ...]:
    short = rows.shortage(problem.table.supply(numbers))
    return tuple(
        found
        for row in range(len(short))
        for first, last in stretches(short[row] > 0)
        if (found := _shortage(problem, row, first, last, float(short[row, first:last].max()))).reason
    )


def stretches(bad: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Runs of intervals [first, last) that are True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], bad.astype(np.int8), [0]])))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _shortage(problem: Problem, row: int, first: int, last: int, agents: float) -> Shortage:
    horizon, names = problem.scenario.horizon, list(problem.scenario.contact_types)
    end = horizon.local(last * horizon.interval_ms)
    return Shortage(
        contact_types=tuple(names[k] for k in problem.theory.sets[row]),
        start=horizon.interval_starts[first].isoformat(),
        end=end.isoformat(),
        agents=agents,
        reason=_reason(problem, row, first, last),
    )


def _reason(problem: Problem, row: int, first: int, last: int) -> str:
    """Why these intervals cannot be covered; empty where they could be."""
    able = np.flatnonzero(problem.theory.worth[row] > 0)
    reach = problem.table.reachable()[able]
    if not reach.any():
        groups = [problem.table.groups[g] for g in able]
        return _not_working(problem.scenario, groups)
    if not reach[:, first:last].any():
        return "no shift of a group with the skill covers this time"
    if _capped(problem, able):
        return "limits on heads or on shifts a day leave too few"
    return ""


def _not_working(scenario: Scenario, groups: Sequence[str]) -> str:
    """Why none of these groups has a shift: no template is for them, or theirs hold no whole interval."""
    allowed = {name: template.groups for name, template in scenario.shift_templates.items()}
    theirs = [name for name, who in allowed.items() if who == "all" or any(group in who for group in groups)]
    if not theirs:
        return f"no shift template lets {', '.join(groups)} work"
    return f"{', '.join(theirs)}: {no_whole_interval(scenario)}"


def no_whole_interval(scenario: Scenario) -> str:
    """What is wrong with templates that give no shift, and what would help."""
    return (
        f"no shift holds a whole interval of {scenario.horizon.interval / 60:g} min inside the horizon: let shifts and "
        "breaks begin and end with intervals, take shorter intervals, or look at the days on which they are worked"
    )


def _capped(problem: Problem, able: Ints) -> bool:
    return bool(problem.caps.per_day) or any(problem.caps.heads[g] is not None for g in able)


def out_of_reach(problem: Problem, tape: Tape) -> list[str]:
    """Targets that are missed even with agents in plenty, or as many as may be, wherever a shift reaches; in words."""
    if off_the_grid(problem.scenario):  # who is there for a part of an interval would be left out
        return []
    rows = problem.theory.requirement(problem.theory.levels())
    plenty = int(np.ceil(PLENTY * rows.agents.max(initial=0.0))) + 10
    most = [plenty if limit is None else min(plenty, limit) for limit in problem.caps.heads]
    supply = problem.table.reachable() * np.array(most)[:, None]
    runs = tape.runs(by_level(problem, supply.astype(np.int64)), promised_only=True)
    scores = [score(problem.scenario, goal, runs) for goal in problem.theory.goals]
    limited = any(limit < plenty for limit in problem.caps.heads if limit is not None)
    crowd = "as many agents as limits on heads allow" if limited else "agents in plenty"
    return [text for one in scores for text in _unreached(problem, one, crowd)]


def _unreached(problem: Problem, one: Score, crowd: str) -> Sequence[str]:
    """What is out of reach for one target: the worst of its windows in words, or nothing."""
    goal = one.goal
    slack = np.nan_to_num(goal.sign * (one.value - goal.level), nan=np.inf)
    worst = int(np.argmin(slack))
    if slack[worst] >= 0:
        return []
    names = list(problem.scenario.contact_types)
    types = ", ".join(names[k] for k in goal.types)
    start = problem.scenario.horizon.interval_starts[int(np.flatnonzero(one.window == worst)[0])]
    window = goal.target.per if isinstance(goal.target.per, str) else "block"
    when = "" if window == "horizon" else f" in the {window} from {start:%Y-%m-%d %H:%M}"
    value, level = (f"{x:.1%}" if goal.is_share else f"{x:.1f} s" for x in (one.value[worst], goal.level))
    return [
        f"{goal.target.measure} of {types}: even with {crowd} wherever a shift of theirs reaches, "
        f"{value} is reached{when}, {level} is asked"
    ]
