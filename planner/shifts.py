"""Shift templates -> the shifts that may be worked: one for each start, length, placing of breaks, day and group.

A `Shift` knows the intervals in which its agent is there from beginning to end, its paid time, what it costs, and how
long it takes its agent from other shifts. Shifts that are alike in all of that are kept once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.clock import Horizon
from sim.scenario import WEEKDAYS, Scenario, ShiftTemplate, StartWindow
from sim.staffing import BreakAt, ShiftCount, WorkedShift, free_again_ms, workings, wrapped

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_SHIFTS = 30_000
"""Above that many, fewer placings of breaks are tried for each start and length."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Shift:
    """One shift that one agent may work on one day.

    `covers` tells the intervals, shape [interval]; the agent may start the next shift at `free_ms`.
    """

    count: ShiftCount
    group: int
    day: int
    on_ms: int
    free_ms: int
    covers: Bools
    paid_h: float
    cost: float
    fte: float


class _Likeness(NamedTuple):
    """Shifts that agree in it are one and the same to the covering model."""

    template: str
    group: int
    day: int
    on_ms: int
    free_ms: int
    covers: bytes
    paid_h: float
    cost: float
    fte: float


@dataclass(frozen=True, eq=False)
class ShiftTable:
    """All shifts of a scenario and their columns; `thinned` tells that placings of breaks were left out."""

    shifts: tuple[Shift, ...]
    groups: tuple[str, ...]
    intervals: int
    thinned: bool = False

    def __len__(self) -> int:
        return len(self.shifts)

    @cached_property
    def covers(self) -> Bools:
        """Shape [shift, interval]."""
        return np.array([shift.covers for shift in self.shifts], dtype=np.bool_).reshape(len(self), self.intervals)

    @cached_property
    def group(self) -> Ints:
        """Group index, shape [shift]."""
        return np.array([shift.group for shift in self.shifts], dtype=np.int64)

    @cached_property
    def on_ms(self) -> Ints:
        """Start, milliseconds from that of the horizon, shape [shift]."""
        return np.array([shift.on_ms for shift in self.shifts], dtype=np.int64)

    @cached_property
    def free_ms(self) -> Ints:
        """When the agent may start another shift, shape [shift]."""
        return np.array([shift.free_ms for shift in self.shifts], dtype=np.int64)

    @cached_property
    def paid_h(self) -> Floats:
        """Paid hours, shape [shift]."""
        return np.array([shift.paid_h for shift in self.shifts])

    @cached_property
    def cost(self) -> Floats:
        """Cost, shape [shift]."""
        return np.array([shift.cost for shift in self.shifts])

    @cached_property
    def fte(self) -> Floats:
        """Full-time equivalents, shape [shift]."""
        return np.array([shift.fte for shift in self.shifts])

    @cached_property
    def weight(self) -> Floats:
        """What a shift weighs where a rough price will do: its cost, its paid hours at a desk without costs."""
        return self.cost if self.cost.any() else self.paid_h

    def supply(self, numbers: Ints) -> Ints:
        """Agents there throughout each interval, shape [group, interval], when `numbers[shift]` work each shift."""
        supply = np.zeros((len(self.groups), self.intervals), dtype=np.int64)
        used = np.flatnonzero(numbers)
        np.add.at(supply, self.group[used], self.covers[used] * numbers[used, None])
        return supply

    def counts(self, numbers: Ints) -> tuple[ShiftCount, ...]:
        """The shifts that are worked, as neutral records."""
        worked = ((self.shifts[s].count, int(numbers[s])) for s in np.flatnonzero(numbers))
        return tuple(count.model_copy(update={"number": number}) for count, number in worked)

    def by_day(self, limits: Mapping[str, int]) -> Iterator[tuple[list[int], int]]:
        """Shifts of each limited template that start on one day, with the limit."""
        found: dict[tuple[str, int], list[int]] = {}
        for s, shift in enumerate(self.shifts):
            if shift.count.template in limits:
                found.setdefault((shift.count.template, shift.day), []).append(s)
        for (template, _), shifts in found.items():
            yield shifts, limits[template]

    def blocks(self) -> Ints:
        """Number of the block of each interval: the intervals of a block are covered by the same shifts."""
        return np.unique(self.covers, axis=1, return_inverse=True)[1].reshape(-1).astype(np.int64)

    def reachable(self) -> Bools:
        """Whether some shift of a group covers an interval, shape [group, interval]."""
        found = np.zeros((len(self.groups), self.intervals), dtype=np.bool_)
        np.logical_or.at(found, self.group, self.covers)
        return found


def enumerate_shifts(scenario: Scenario, most: int = MOST_SHIFTS) -> ShiftTable:
    """All shifts that the templates allow and that cover some interval of the horizon."""
    groups = tuple(scenario.agent_groups)
    whole = sum(len(_workers(scenario, pattern)) for pattern in _patterns(scenario, None))
    placings = None if whole <= most else max(1, _most_placings(scenario) * most // whole)
    found: dict[_Likeness, Shift] = {}
    for pattern in _patterns(scenario, placings):
        for shift in _shifts(scenario, groups, pattern):
            found.setdefault(_likeness(shift), shift)
    return ShiftTable(tuple(found.values()), groups, scenario.horizon.intervals, placings is not None)


def _likeness(shift: Shift) -> _Likeness:
    return _Likeness(
        shift.count.template,
        shift.group,
        shift.day,
        shift.on_ms,
        shift.free_ms,
        shift.covers.tobytes(),
        shift.paid_h,
        shift.cost,
        shift.fte,
    )


def _shifts(scenario: Scenario, groups: Sequence[str], pattern: ShiftCount) -> Iterator[Shift]:
    """The shifts of a pattern, priced, one for each group that may work it; none when it covers no whole interval."""
    template = scenario.shift_templates[pattern.template]
    for work in workings(scenario.horizon, pattern):
        covers = coverage(scenario.horizon, work)
        if not covers.any():
            continue
        paid_h = work.paid_ms / 3_600_000
        for name in _workers(scenario, pattern):
            group = scenario.agent_groups[name]
            yield Shift(
                count=pattern.model_copy(update={"group": name}),
                group=groups.index(name),
                day=pattern.day.toordinal() if pattern.day else 0,
                on_ms=work.on_ms,
                free_ms=free_again_ms(work),
                covers=covers,
                paid_h=paid_h,
                cost=paid_h * group.cost_per_hour if template.cost is None else template.cost * group.cost_factor,
                fte=paid_h / 8.0 if template.fte is None else template.fte,
            )


def coverage(horizon: Horizon, work: WorkedShift) -> Bools:
    """Intervals in which the agent is there from beginning to end, shape [interval]."""
    covers = np.zeros(horizon.intervals, dtype=np.bool_)
    for turn in wrapped(horizon, work):
        for on, off in turn.spells:
            first, last = -(-on // horizon.interval_ms), off // horizon.interval_ms
            covers[max(first, 0) : max(last, 0)] = True
    return covers


# --------------------------------------------------------------------------------------------------- what may be worked


def _patterns(scenario: Scenario, placings: int | None) -> Iterator[ShiftCount]:
    """Each template × length × start × placing of breaks × day, for no group yet."""
    for name, template in scenario.shift_templates.items():
        days = [day for day in _days(scenario.horizon) if _worked_on(template, day)]
        for length in template.lengths:
            breaks = _thin(placements(template, length), placings)
            for day, start, pauses in product(days, _starts(template), breaks):
                yield ShiftCount.model_construct(
                    template=name,
                    group="",
                    start=start,
                    length=length,
                    day=None if scenario.horizon.repeats == "day" else day,
                    breaks=pauses,
                    number=1,
                )


def _workers(scenario: Scenario, pattern: ShiftCount) -> Sequence[str]:
    """Groups that may work a pattern."""
    allowed = scenario.shift_templates[pattern.template].groups
    return tuple(scenario.agent_groups) if allowed == "all" else allowed


def _days(horizon: Horizon) -> list[date]:
    """Dates on which a shift may start: one for each day of a desk that repeats, else also the day before."""
    if horizon.repeats == "never":
        return [horizon.days[0] - timedelta(days=1), *horizon.days]
    return list(horizon.days[: round(horizon.length / 86400)])


def _worked_on(template: ShiftTemplate, day: date) -> bool:
    return template.days == "all" or WEEKDAYS[day.weekday()] in template.days or day.isoformat() in template.days


def _starts(template: ShiftTemplate) -> tuple[int, ...]:
    return template.starts.times if isinstance(template.starts, StartWindow) else template.starts


def placements(template: ShiftTemplate, length: float) -> list[tuple[BreakAt, ...]]:
    """All ways to place the breaks of a template, in their listed order, in a shift of `length` seconds."""
    grids = [np.arange(rule.earliest, rule.latest + 1e-6, rule.step) for rule in template.breaks]
    ways = []
    for afters in product(*grids):
        pauses = tuple(
            BreakAt.model_construct(after=float(after), length=rule.length, paid=rule.paid)
            for after, rule in zip(afters, template.breaks, strict=True)
        )
        if _apart(pauses, length, template.between_breaks):
            ways.append(pauses)
    return ways


def _apart(pauses: tuple[BreakAt, ...], length: float, least_s: float) -> bool:
    """Whether breaks follow one another with work between, and the last ends before the shift does."""
    ends = [pause.after + pause.length for pause in pauses]
    between = all(b.after - end >= max(least_s, 1.0) for (_, b), end in zip(pairwise(pauses), ends, strict=False))
    return between and (not pauses or ends[-1] < length)


def _most_placings(scenario: Scenario) -> int:
    return max(len(placements(t, length)) for t in scenario.shift_templates.values() for length in t.lengths)


def _thin(ways: list[tuple[BreakAt, ...]], most: int | None) -> list[tuple[BreakAt, ...]]:
    """At most so many of them, spread evenly."""
    if most is None or len(ways) <= most:
        return ways
    return [ways[i] for i in np.unique(np.linspace(0, len(ways) - 1, most).round().astype(int))]


__all__ = ["Shift", "ShiftTable", "coverage", "enumerate_shifts", "placements"]
