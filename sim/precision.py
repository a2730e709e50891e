"""Goals such as "service_level[presale] ± 0.5pp" -> as many replications as they take, and no more.

Looks are taken after whole blocks of 16 replications, at numbers fixed beforehand. Each look spends a part of the
permitted error, and shares it out over the goals; so the intervals of all goals at all looks hold at once, whichever
look turns out to be the last.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain, count
from typing import Literal, cast

from sim import full_measures
from sim.digest import Digest, Question, about, key_of
from sim.estimates import LEVEL, Estimate
from sim.experiment import Runs
from sim.measures import (
    BOT,
    COUNTS,
    HANDLING,
    OCCUPANCY,
    POSITIONS,
    SCHEDULED,
    WAITS,
    Axis,
    Figure,
    service_level,
)
from sim.metrics import QUANTILES
from sim.moments import BLOCK
from sim.results import By, GoalRecord, LookRecord, StoppingRecord, record
from sim.scenario import Scenario
from sim.units import parse_duration

RULE = (
    "looks after 2, 3, 4, 6, 8, 12, 16, 24, … blocks of 16 replications and at the maximum; "
    "look j spends 1/(j (j + 1)) of the error, shared out evenly over the goals (Bonferroni)"
)

Run = Callable[[int, int], Iterable[Runs]]
"""`run(first, replications)`, piece by piece."""

_GOAL = re.compile(
    r"\s*(\w+)\s*(?:\[\s*(.+?)\s*\])?\s*(?:±|\+-|\+/-)\s*([0-9]*\.?[0-9]+)\s*([a-z%]*)\s*", re.IGNORECASE
)
_LIKE = 'write for example "service_level[TYPE] ± 0.5pp", "asa ± 2 s" or "abandonment ± 0.3pp"'


class BadGoal(ValueError):
    """A goal that cannot be read, or that this scenario knows nothing of."""


@dataclass(frozen=True, kw_only=True)
class Goal:
    """The half-width wanted of one figure, in the figure's own unit; `of` is a type, channel or group, or all."""

    text: str
    measure: str
    of: str | None
    axis: Literal["type", "channel", "group"] | None
    half_width: float
    unit: str

    @property
    def by(self) -> By:
        """What its estimate is of."""
        return cast(By, {self.axis: self.of} if self.axis else {})


# ------------------------------------------------------------------------------------------------------------- reading


def parse_goal(text: str, scenario: Scenario) -> Goal:
    """Read `MEASURE[NAME] ± NUMBER UNIT`; `[NAME]` may be missing, ± may be +-; raises BadGoal."""
    match = _GOAL.fullmatch(text)
    if match is None:
        raise BadGoal(f"{text!r} is no goal: {_LIKE}")
    measure, of, number, unit = match[1], match[2], match[3], match[4].lower()
    figures = _figures(scenario)
    units = {name: figure.unit for name, figure in figures.items()} | dict.fromkeys(QUANTILES, "s")
    if measure not in units:
        raise BadGoal(f"{text!r}: there is no measure {measure!r}{_meant(measure, units)}")
    axis = _axis(text, of, figures.get(measure), scenario)
    wanted = _half_width(text, number, unit, units[measure])
    if wanted <= 0:
        raise BadGoal(f"{text!r}: the half-width of an interval is more than 0")
    return Goal(text=text.strip(), measure=measure, of=of, axis=axis, half_width=wanted, unit=units[measure])


def _figures(scenario: Scenario) -> dict[str, Figure]:
    bot = BOT if any(kind.bot for kind in scenario.contact_types.values()) else ()
    plain = (service_level(scenario), *COUNTS, *WAITS, *HANDLING, *bot, OCCUPANCY, SCHEDULED, POSITIONS)
    full = (figure for figure, by in full_measures.chosen(scenario) if not by and not figure.segment)
    return {figure.measure: figure for figure in (*full, *plain)}


def _axis(
    text: str, of: str | None, figure: Figure | None, scenario: Scenario
) -> Literal["type", "channel", "group"] | None:
    if of is None:
        return None
    names: dict[Literal["type", "channel", "group"], list[str]] = {"type": list(scenario.contact_types)}
    if figure is not None:
        names["channel"] = list(scenario.channels)
    if figure is not None and figure.rows == "group":
        names = {"group": list(scenario.agent_groups)}
    for axis, known in names.items():
        if of in known:
            return axis
    known = list(chain.from_iterable(names.values()))
    raise BadGoal(f"{text!r}: there is no {' or '.join(names)} {of!r}{_meant(of, known)}")


def _meant(wrong: str, known: Sequence[str] | dict[str, str]) -> str:
    near = get_close_matches(wrong, list(known), 1)
    return f": did you mean {near[0]!r}?" if near else f": there are {', '.join(known)}"


def _half_width(text: str, number: str, unit: str, figure_unit: str) -> float:
    if figure_unit == "share":
        if unit != "pp":
            raise BadGoal(f'{text!r}: a share takes percentage points: write "{number}pp"')
        return float(number) / 100
    if figure_unit == "s":
        try:
            return parse_duration(f"{number} {unit}")
        except ValueError as error:
            raise BadGoal(f"{text!r}: {error}") from error
    if unit:
        raise BadGoal(f"{text!r}: {figure_unit} are counted: write a number without a unit")
    return float(number)


# ------------------------------------------------------------------------------------------------------------- looking


def looks(maximum: int) -> list[int]:
    """After how many replications to look: 2, 3, 4, 6, 8, 12, … whole blocks, and at the maximum."""
    blocks = chain.from_iterable((2 << k, 3 << k) for k in count())
    at: list[int] = []
    for block in blocks:
        if block * BLOCK >= maximum:
            return [*at, maximum]
        at.append(block * BLOCK)
    raise AssertionError("there is always a next look")


def spent(look: int, goals: int = 1, level: float = LEVEL) -> float:
    """Level of the interval of each goal at look 1, 2, …: the errors 1/(j (j + 1)) of all looks add up to 1.

    Spending: Lan & DeMets 1983, Biometrika 70, 659-663; repeated confidence intervals: Jennison & Turnbull 1989, J. R.
    Statist. Soc. B 51, 305-361; looks at growing distances with a summable error, by the union bound: Mnih,
    Szepesvari & Audibert 2008, ICML, 672-679. The maximum need not be known, and no law of the path is assumed.
    """
    return 1 - (1 - level) / (look * (look + 1)) / goals


def goal_questions(goals: Sequence[Goal], scenario: Scenario) -> list[Question]:
    """What a digest is asked so that it can be seen whether these goals are reached."""
    figures = _figures(scenario)
    return [about(figures[goal.measure], _by(goal)) for goal in goals if goal.measure not in QUANTILES]


def until(goals: Sequence[Goal], run: Run, into: Digest, *, level: float = LEVEL) -> StoppingRecord:
    """Run until every goal is reached, or as many replications are done as `into` takes at most.

    `into` was asked `goal_questions`, and pools the waits of all and of each type.
    """
    if into.most < 2 or not goals:
        raise ValueError("a goal and two replications at least")
    seen: list[LookRecord] = []
    for look, at in enumerate(looks(into.most), start=1):
        for runs in run(into.first + into.replications, at - into.replications):
            into.add(runs)
        of_look = spent(look, len(goals), level)
        found = [_goal_record(goal, _estimate(goal, into, of_look)) for goal in goals]
        missed = tuple(one.goal for one in found if not one.reached)
        seen.append(LookRecord(replications=at, level=of_look, missed=missed))
        if not missed:
            break
    return StoppingRecord(
        rule=RULE, level=level, reached=not missed, maximum=into.most, looks=tuple(seen), goals=tuple(found)
    )


def _goal_record(goal: Goal, one: Estimate) -> GoalRecord:
    """A goal is reached when its interval is short enough; never where there is none."""
    half = one.half_width
    return GoalRecord(
        goal=goal.text,
        half_width=goal.half_width,
        reached=half is not None and half <= goal.half_width,
        estimate=record(goal.measure, goal.unit, goal.by, one),
    )


def _estimate(goal: Goal, runs: Digest, level: float) -> Estimate:
    """The estimate of a goal."""
    scenario = runs.scenario
    if goal.measure in QUANTILES:
        names = list(scenario.contact_types)
        return runs.wait(goal.measure, (names.index(goal.of),) if goal.of else tuple(range(len(names))), level=level)
    figure = _figures(scenario)[goal.measure]
    key = key_of(figure, _by(goal))
    found = runs.estimates(key, level=level, counts=figure.counts, formula=figure.formula)
    return found.cell() if goal.of is None else found.cell(_names(goal, scenario).index(goal.of))


def _by(goal: Goal) -> tuple[Axis, ...]:
    return (goal.axis,) if goal.axis else ()


def _names(goal: Goal, scenario: Scenario) -> list[str]:
    """What lies along the axis of a goal."""
    names: dict[str, Iterable[str]] = {
        "type": scenario.contact_types,
        "channel": scenario.channels,
        "group": scenario.agent_groups,
    }
    return list(names[goal.axis or "type"])


# ------------------------------------------------------------------------------------------------------------- telling


def sentences(stopping: StoppingRecord) -> list[str]:
    """What became of each goal."""
    looked = f"look {len(stopping.looks)}, {stopping.looks[-1].replications} replications"
    return [
        f"{one.goal}: {'reached' if one.reached else 'not reached'} ({_found(one)} at {looked})"
        for one in stopping.goals
    ]


def _found(one: GoalRecord) -> str:
    mean, half, unit = one.estimate.mean, one.estimate.half_width, one.estimate.unit
    if mean is None or half is None:
        return "nothing to estimate"
    return f"{mean:.2%} ± {100 * half:.2f}pp" if unit == "share" else f"{mean:.4g} ± {half:.3g} {unit}"
