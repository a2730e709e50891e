"""Agents needed by interval, from queueing formulas: where the search for a plan starts.

A requirement stands for a *set* of contact types: all agents who serve some type of it, each counted once, are to be
at least so many. Two skills of ten erlangs with flexible agents need 14 agents each and 24 together; requirements on
single types would be content with 14 who do both.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from planner.cover import Rows
from sim.experiment import workload
from sim.metrics import QUANTILES
from sim.queues import Queues, least_in_each
from sim.scenario import ContactType, Scenario, Target
from sim.theory import Floats, Queue, offered_load

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

LONG_HANDLE = 1 / 3
"""Work longer than this share of an interval counts with its highest load in it, other work with the mean."""
MOST_UNIONS = 1024


# ---------------------------------------------------------------------------------------------------------------- load


@dataclass(frozen=True, kw_only=True, eq=False)
class Load:
    """What people have to do: offered load in erlangs [interval, type], mean handle time and patience [type], seconds.

    Patience is that of the exponential law that loses as many within the type's threshold as the type's own law.
    """

    erlangs: Floats
    handle_s: Floats
    patience_s: Floats

    def queues(self, types: Sequence[int], cells: Ints, agents: npt.ArrayLike) -> Queues:
        """These types pooled in one queue for each of the intervals `cells`, as if the interval lasted for ever."""
        erlangs = self.erlangs[cells][:, list(types)]
        rates = erlangs / self.handle_s[list(types)]
        rate, load = rates.sum(axis=1), erlangs.sum(axis=1)
        hazard = (rates / self.patience_s[list(types)]).sum(axis=1)
        some = np.where(rate > 0, rate, 1.0)
        patience = np.divide(some, hazard, out=np.full(len(cells), math.inf), where=hazard > 0)
        return Queues(rate, load / some, np.asarray(agents, dtype=np.float64), patience)


def load_of(scenario: Scenario) -> Load:
    """Offered load by M_t/G/inf with the real law of talk: its mean in each interval, its highest for long work."""
    facts, horizon = workload(scenario), scenario.horizon
    erlangs = np.zeros_like(facts.asking)
    for k, kind in enumerate(scenario.contact_types.values()):
        stretch = kind.talk.average / facts.handle_s[k]
        load = offered_load(
            facts.asking[:, k] / horizon.interval,
            horizon.interval,
            lambda x, kind=kind, stretch=stretch: kind.talk.cdf(x * stretch),  # type: ignore[misc]
            per_step=4,
            repeats=horizon.repeats != "never",
        )
        inside = np.lib.stride_tricks.sliding_window_view(load, 5)[::4]
        is_long = facts.handle_s[k] > LONG_HANDLE * horizon.interval
        erlangs[:, k] = inside.max(axis=1) if is_long else inside.mean(axis=1)
    patience = np.array([_patience_s(kind) for kind in scenario.contact_types.values()])
    return Load(erlangs=erlangs, handle_s=facts.handle_s, patience_s=patience)


def at_once(scenario: Scenario, name: str) -> float:
    """Contacts of a type that an agent with full hands gets done in the time of one: mean over the groups it is for."""
    kind = scenario.contact_types[name]
    taken = scenario.channels[kind.channel].slots
    groups = [group for group in scenario.agent_groups.values() if name in group.skills]
    if taken == "all" or kind.interruptible or not groups:
        return 1.0
    best = min(group.skills[name].preference for group in groups)
    own = [group for group in groups if group.skills[name].preference == best]
    done = [max(n * group.pace_with(n) for n in range(1, max(group.slots // taken, 1) + 1)) for group in own]
    return float(np.mean(done))


def _patience_s(kind: ContactType) -> float:
    if kind.patience is None:
        return math.inf
    at = max(kind.threshold, 1.0)
    lost = float(kind.patience.cdf(np.array([at]))[0])
    return -at / math.log1p(-min(lost, 1 - 1e-9)) if lost > 0 else math.inf


# ------------------------------------------------------------------------------------------------------- sets of types


def type_sets(scenario: Scenario) -> tuple[tuple[int, ...], ...]:
    """The sets of types, as sorted indices, on which a requirement can bind.

    Of all sets that the same groups touch only the largest matters: what no other group can serve. And a set in parts
    that no group joins asks no more than its parts. With very many kinds of groups only the sets around each type and
    each group, and all types together, are kept.
    """
    names = list(scenario.contact_types)
    skills = {frozenset(names.index(skill) for skill in group.skills) for group in scenario.agent_groups.values()}
    everything = frozenset(range(len(names)))
    unions = _unions(skills)
    if len(unions) > MOST_UNIONS:
        around = [*skills, *(frozenset({k}) for k in everything)]
        unions = {frozenset().union(*(s for s in skills if not s & core)) for core in around} | {frozenset()}
    parts = {part for union in unions for part in _joined(everything - union, skills)}
    return tuple(sorted((tuple(sorted(part)) for part in parts), key=lambda part: (len(part), part)))


def _unions(skills: set[frozenset[int]]) -> set[frozenset[int]]:
    unions: set[frozenset[int]] = {frozenset()}
    for one in sorted(skills, key=sorted):
        unions |= {union | one for union in unions}
        if len(unions) > MOST_UNIONS:
            break
    return unions


def _joined(types: frozenset[int], skills: set[frozenset[int]]) -> list[frozenset[int]]:
    """The parts of a set that are joined by groups."""
    parts: list[frozenset[int]] = [frozenset({k}) for k in types]
    for skill in skills:
        touched = [part for part in parts if part & skill]
        if touched:
            parts = [part for part in parts if not part & skill] + [frozenset().union(*touched)]
    return parts


def worth_of(scenario: Scenario, sets: Sequence[Sequence[int]]) -> Floats:
    """What an agent of each group counts for each set: the speed of its fastest skill there, 0 without any."""
    names = list(scenario.contact_types)
    speeds = [{names.index(n): skill.speed for n, skill in g.skills.items()} for g in scenario.agent_groups.values()]
    return np.array([[max((speed.get(k, 0.0) for k in types), default=0.0) for speed in speeds] for types in sets])


# --------------------------------------------------------------------------------------------------------------- goals


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A target as formulas see it: a value of the queue that should reach a level (`sign` 1) or stay below it (-1)."""

    target: Target
    types: tuple[int, ...]
    thresholds: tuple[float, ...]
    short_s: float

    @cached_property
    def sign(self) -> int:
        """Which side is good."""
        return 1 if self.target.at_least is not None or self.target.measure in QUANTILES else -1

    @cached_property
    def is_share(self) -> bool:
        """Whether values lie in [0, 1]; else they are seconds."""
        return self.target.is_share or self.target.measure in QUANTILES

    @cached_property
    def level(self) -> float:
        """What is promised: quantiles of the wait as the share that waits at most so long."""
        return QUANTILES.get(self.target.measure, self.target.level)

    def threshold(self, kind: int) -> float:
        """The threshold of a type, seconds; 0 for measures without any, so that types share what they can."""
        return self.thresholds[self.types.index(kind)] if self.target.measure == "service_level" else 0.0

    def value(self, queue: Queue | Queues, threshold_s: float) -> Floats:
        """What the queue, or each of many, gives contacts with this threshold."""
        target = self.target
        if target.measure == "service_level":
            formula = "SL-3" if target.formula == "SL-V" else target.formula  # as if it were lost with who leaves
            return np.asarray(queue.service_level(threshold_s, formula, self.short_s))
        if target.measure in QUANTILES:
            return np.asarray(queue.service_level(target.level, "SL-2"))
        if target.is_share and target.measure != "occupancy":  # what goes with abandonment is told by it
            return np.asarray(queue.p_abandon if self.sign < 0 else 1 - queue.p_abandon)
        return np.asarray(queue.occupancy if target.measure == "occupancy" else np.minimum(queue.asa_s, 1e6))

    def scale(self, value: npt.ArrayLike) -> Floats:
        """A scale on which steps are alike everywhere: log odds of shares, logarithms of seconds."""
        if self.is_share:
            share = np.clip(value, 1e-4, 1 - 1e-4)
            return np.asarray(np.log(share / (1 - share)))
        return np.asarray(np.log(np.clip(value, 1e-2, 1e6)))

    def unscale(self, x: npt.ArrayLike) -> Floats:
        """Back from that scale."""
        return np.asarray(1 / (1 + np.exp(-np.asarray(x))) if self.is_share else np.exp(x))


def goals_of(scenario: Scenario) -> tuple[Goal, ...]:
    """All targets, in their order."""
    return tuple(_goal(scenario, target) for target in scenario.targets)


def _goal(scenario: Scenario, target: Target) -> Goal:
    kinds = scenario.contact_types
    names = list(kinds)
    if target.measure == "occupancy":
        groups = scenario.agent_groups if target.agent_groups == "all" else target.agent_groups
        chosen = [n for n in names if any(n in scenario.agent_groups[g].skills for g in groups)]
    else:
        chosen = names if target.contact_types == "all" else list(dict.fromkeys(target.contact_types))
    return Goal(
        target=target,
        types=tuple(names.index(n) for n in chosen),
        thresholds=tuple(kinds[n].threshold if target.threshold is None else target.threshold for n in chosen),
        short_s=scenario.short_abandonment,
    )


# -------------------------------------------------------------------------------------------------------------- theory


Entry = tuple[int, float]
"""A goal and a threshold: what a pooled queue is asked for."""


class Theory:
    """Formulas for a scenario: requirements from what is aimed at, and what a supply of agents would give.

    Aims are of shape [goal, interval], in the units of each goal. What was found last is remembered as a guess.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.load = load_of(scenario)
        self.goals = goals_of(scenario)
        self.sets = type_sets(scenario)
        self.worth = worth_of(scenario, self.sets)
        self.intervals = scenario.horizon.intervals
        self.asked = [self._entries(k) for k in range(len(scenario.contact_types))]
        self._alike = [self._classes(types) for types in self.sets]
        self._last: dict[int, Ints] = {}

    def _entries(self, kind: int) -> tuple[Entry, ...]:
        """What a type's targets ask of its queue."""
        return tuple((g, goal.threshold(kind)) for g, goal in enumerate(self.goals) if kind in goal.types)

    def _classes(self, types: Sequence[int]) -> dict[tuple[Entry, ...], list[int]]:
        """Types of a set for which the same is asked, without those for which nothing is."""
        classes: dict[tuple[Entry, ...], list[int]] = {}
        for k in types:
            if self.asked[k]:
                classes.setdefault(self.asked[k], []).append(k)
        return classes

    @property
    def untargeted(self) -> list[int]:
        """Types that no target speaks of: nothing is required for them alone."""
        return [k for k, entries in enumerate(self.asked) if not entries]

    def levels(self) -> Floats:
        """What the targets promise, in every interval alike, shape [goal, interval]."""
        return np.array([[goal.level] * self.intervals for goal in self.goals]).reshape(-1, self.intervals)

    def requirement(self, aims: Floats, effort: Floats | float = 1.0) -> Rows:
        """Least agents for every set and interval so that the pooled queue attains what is aimed at.

        `effort` multiplies the load, [interval, type]: what experience says that the work takes.
        """
        load = replace(self.load, erlangs=self.load.erlangs * effort)
        agents = np.array([self._of_set(s, load, aims) for s in range(len(self.sets))], dtype=np.float64)
        return Rows(worth=self.worth, agents=agents.reshape(len(self.sets), self.intervals))

    def _of_set(self, s: int, load: Load, aims: Floats) -> Ints:
        """Least agents with which the types' slacks, each its worst, add up to none lacking, by load, [interval]."""
        classes = self._alike[s]
        weights = np.array([load.erlangs[:, types].sum(axis=1) for types in classes.values()])
        found = np.zeros(self.intervals, dtype=np.int64)
        busy = np.flatnonzero(weights.reshape(-1, self.intervals).any(axis=0))
        if len(busy):
            guess = self._last[s] if s in self._last else _guess(load.erlangs[:, list(self.sets[s])].sum(axis=1))

            def holds(cells: Ints, agents: Ints) -> Bools:
                values = self._values(s, load, busy[cells], agents)
                slack = np.zeros(len(cells))
                for weight, entries in zip(weights[:, busy[cells]], classes, strict=True):
                    each = [self._slack(e[0], values[e], aims[e[0], busy[cells]]) for e in entries]
                    slack += np.where(weight > 0, weight * np.min(each, axis=0), 0.0)
                return slack >= 0

            found[busy] = least_in_each(holds, guess[busy])
        self._last[s] = found
        return found

    def _slack(self, g: int, value: Floats, aim: Floats) -> Floats:
        goal = self.goals[g]
        return goal.sign * (value - aim) / (1.0 if goal.is_share else np.maximum(aim, 1.0))

    def _values(self, s: int, load: Load, cells: Ints, agents: npt.ArrayLike) -> dict[Entry, Floats]:
        """What a set's pooled queues in these intervals give for everything that is asked of them."""
        queues = load.queues(self.sets[s], cells, agents)
        entries = sorted({entry for asked in self._alike[s] for entry in asked})
        return {entry: self.goals[entry[0]].value(queues, entry[1]) for entry in entries}

    def predicted(self, supply: Ints) -> Floats:
        """What `supply[group, interval]` would give by formulas, shape [goal, interval]; NaN where nothing comes.

        A type is as well off as in the worst of the sets that contain it.
        """
        agents, every = self.worth @ supply, np.arange(self.intervals)
        values = [self._values(s, self.load, every, agents[s]) for s in range(len(self.sets))]
        found = np.full((len(self.goals), self.intervals), np.nan)
        for g, goal in enumerate(self.goals):
            worst_of = np.min if goal.sign > 0 else np.max
            worst = [
                worst_of([values[s][g, goal.threshold(k)] for s, types in enumerate(self.sets) if k in types], axis=0)
                for k in goal.types
            ]
            weights = self.load.erlangs[:, list(goal.types)].T
            np.divide((weights * worst).sum(axis=0), weights.sum(axis=0), out=found[g], where=weights.any(axis=0))
        return found


def _guess(load: Floats) -> Ints:
    """Agents by the load and half its root."""
    return np.maximum(np.round(load + 0.5 * np.sqrt(load)), 1).astype(np.int64)
