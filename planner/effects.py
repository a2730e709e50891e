"""What one agent more or fewer does to each target, simulated, with its noise taken out as far as that can be known.

One run changes a group in every third block of time, by an agent or a few in a hundred; each is credited with what
happens from it on. The days of a run differ, so it is known how noisy what was seen is. A model that may choose among
thousands of such figures chooses those that luck has favoured; so each is drawn towards the mean of its like, the more
the noisier it is and the less its like differ by more than noise (empirical Bayes: Efron & Morris 1975, with the moment
estimate of DerSimonian & Laird 1986).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.requirements import Goal
from planner.search import Problem, Search
from planner.verdict import score, windows_of
from sim.experiment import Runs, Tape
from sim.staffing import StaffingPlan
from sim.targets import promised

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BLOCK_S = 1800.0
"""Agents are added and taken away for so long at a time, or for one interval if that is longer."""
APART = 3
"""Every third block is changed in one run; a change is credited with what happens until the next one."""
CHANGE = 0.03
"""Part of a group by which it is changed, one agent at least: in large groups a single one is lost in the noise."""
ALIKE = 4
"""Blocks inside a window from which on they are compared with one another; in shorter windows with those of others."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Effects:
    """What a target gains and loses, on its good side, by an agent more or fewer: [window, group, interval] each."""

    gain: Floats
    loss: Floats

    def predicted(self, change: Ints, most: Floats) -> Floats:
        """Gain of the windows by a change of supply [group, interval]; what is added beyond `most` gains nothing."""
        up, down = np.clip(change, 0, most), np.clip(-change, 0, None)
        return np.asarray((self.gain * up - self.loss * down).sum(axis=(1, 2)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """How a change of agents moved a target, sums over `days`: [window, group, block], each for one agent's interval.

    `agents`: the agents' intervals that were changed, [group, block]; 0: none could be.
    """

    total: Floats
    squares: Floats
    agents: Floats
    days: int

    def then(self, other: "Seen") -> "Seen":
        """Together with what was seen on other days."""
        return Seen(
            total=self.total + other.total,
            squares=self.squares + other.squares,
            agents=np.where(other.agents > 0, other.agents, self.agents),
            days=self.days + other.days,
        )

    def believed(self, kin: Ints) -> Floats:
        """The means, each drawn towards those of its kin[window, block]; -1: nothing was credited there."""
        mean = self.total / self.days
        if self.days < 2:
            return mean
        variance = np.maximum(self.squares / self.days - mean**2, 0.0) / (self.days - 1)
        found = np.zeros_like(mean)
        for g, agents in enumerate(self.agents):
            there = (kin >= 0) & (agents > 0)[None, :]
            size = np.broadcast_to(agents, kin.shape)[there]
            found[:, g][there] = drawn(mean[:, g][there], variance[:, g][there], size, kin[there])
        return found


def drawn(mean: Floats, variance: Floats, size: Floats, kin: Ints) -> Floats:
    """Figures drawn towards the mean of their kin, an integer each; the noise of a kind goes by 1 / size."""
    def summed(values: Floats) -> Floats:
        return np.asarray(np.bincount(kin, values))

    count = np.maximum(np.bincount(kin), 1)
    noise = (summed(variance * size**2) / count)[kin] / size**2
    if not (noise > 0).any():
        return mean
    noise = np.maximum(noise, 1e-12 * noise.max())
    weight = 1.0 / noise
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (summed(weight * mean) / summed(weight))[kin]
        spread = summed(weight * (mean - centre) ** 2) - (count - 1)
        between = np.nan_to_num(np.maximum(spread / (summed(weight) - summed(weight**2) / summed(weight)), 0.0))[kin]
        both = 1.0 / (noise + between)
        centre = (summed(both * mean) / summed(both))[kin]
    return np.asarray((between * mean + noise * centre) * both)


Differences = list[tuple[Seen, Seen]]
"""Of each target: what agents more did, and agents fewer."""


def simulated(search: Search, supply: Ints, tape: Tape) -> list[Effects]:
    """Effects of single agents around so many, [group, interval], one for each target, from runs by level."""
    return believed(search.problem, [differences(search, supply, tape)])


def differences(search: Search, supply: Ints, tape: Tape) -> Differences:
    """What was seen of them on the days of a tape."""
    return _Differences(search, supply, tape).found()


def believed(problem: Problem, seen: Sequence[Differences]) -> list[Effects]:
    """Of all that was seen; a change is not believed to help by leaving, nor to gain more than it loses."""
    block, effects = blocks_of(problem), []
    for goal, *looks in zip(problem.theory.goals, *seen, strict=True):
        kin = _kin(windows_of(problem.scenario, goal), block)
        more, fewer = looks[0]
        for later in looks[1:]:
            more, fewer = more.then(later[0]), fewer.then(later[1])
        gain = np.clip(more.believed(kin), 0, None)[:, :, block]
        loss = np.maximum(-fewer.believed(kin)[:, :, block], gain)
        reachable = problem.table.reachable()
        effects.append(Effects(gain=gain * reachable, loss=loss * reachable))
    return effects


def runs_for(groups: int) -> int:
    """How many runs show the effects of so many groups: one as it is, and more and fewer of each, thrice."""
    return 1 + 2 * APART * groups


def blocks_of(problem: Problem) -> Ints:
    """The block of each interval."""
    each = max(1, round(BLOCK_S / problem.scenario.horizon.interval))
    return np.arange(problem.table.intervals) // each


def _kin(window: Ints, block: Ints) -> Ints:
    """Which figures [window, block] are alike: those of blocks inside a window, and those of so many blocks before it.

    In windows of few blocks those of all windows are.
    """
    windows, blocks = int(window[-1]) + 1, int(block[-1]) + 1
    kin = np.full((windows, blocks), -1, dtype=np.int64)
    for w in range(windows):
        inside = np.unique(block[window == w])
        kin[w, inside] = w if len(inside) >= ALIKE else windows
        for before in range(1, APART):
            if inside[0] >= before:
                kin[w, inside[0] - before] = windows + before
    return kin


class _Differences:
    """Parallel finite differences around agents [group, interval] on the days of a tape."""

    def __init__(self, search: Search, supply: Ints, tape: Tape) -> None:
        self.search, self.tape, self.supply = search, tape, supply
        self.problem = search.problem
        self.goals = self.problem.theory.goals
        self.block = blocks_of(self.problem)
        self.first = np.unique(self.block, return_index=True)[1]
        self.reachable = self.problem.table.reachable()
        self.step = np.maximum(np.round(CHANGE * supply), 1).astype(np.int64)
        runs = self._runs(supply)
        self.base = self._days(runs)
        self.value = [np.nan_to_num(score(self.problem.scenario, goal, runs).value) for goal in self.goals]
        self.window = [windows_of(self.problem.scenario, goal) for goal in self.goals]

    def found(self) -> Differences:
        """For each target."""
        shapes = [(len(value), len(self.supply), len(self.first)) for value in self.value]
        both = [[(np.zeros(shape), np.zeros(shape)) for shape in shapes] for _ in range(2)]
        agents = [np.zeros((len(self.supply), len(self.first))) for _ in range(2)]
        for group in range(len(self.supply)):
            for phase in range(APART):
                for side, sign in enumerate((1, -1)):
                    self._difference(group, phase, sign, both[side], agents[side])
        more, fewer = (
            [Seen(total=total, squares=squares, agents=of, days=self.tape.days) for total, squares in side]
            for side, of in zip(both, agents, strict=True)
        )
        return list(zip(more, fewer, strict=True))

    def _difference(
        self, group: int, phase: int, sign: int, into: list[tuple[Floats, Floats]], agents: Floats
    ) -> None:
        """Change a group in the blocks of a phase, and credit each block, for each agent, with what follows."""
        chosen = (self.block % APART == phase) & self.reachable[group]
        supply = self.supply.copy()
        supply[group, chosen] = np.maximum(supply[group, chosen] + sign * self.step[group, chosen], 0)
        changed = np.add.reduceat(np.abs(supply[group] - self.supply[group]), self.first)
        if not changed.any():
            return
        agents[group] += changed
        after = self._days(self._runs(supply))
        for g, (total, squares) in enumerate(into):
            change = self._contributions(g, after[g])
            for b in np.flatnonzero(changed):
                end = self.first[b + APART] if b + APART < len(self.first) else len(self.block)
                inside = self.window[g][self.first[b] : end]
                starts = np.flatnonzero(np.diff(inside, prepend=-1))
                effect = np.add.reduceat(change[:, self.first[b] : end], starts, axis=1) / changed[b]
                total[inside[starts], group, b] = effect.sum(axis=0)
                squares[inside[starts], group, b] = (effect**2).sum(axis=0)

    def _contributions(self, g: int, after: tuple[Floats, Floats]) -> Floats:
        """What each day and interval adds to the change of its window's value, on the good side, times the days."""
        (old_top, old_bottom), (top, bottom) = self.base[g], after
        window = self.window[g]
        total = np.bincount(window, old_bottom.mean(axis=0))[window]
        value = self.value[g][window]
        return np.asarray(
            self.goals[g].sign * (top - old_top - value * (bottom - old_bottom)) / np.maximum(total, 1e-9)
        )

    def _runs(self, supply: Ints) -> Runs:
        return self.search.simulate(by_level(self.problem, supply), self.tape)

    def _days(self, runs: Runs) -> list[tuple[Floats, Floats]]:
        """Numerator and denominator of each target, [day, interval]."""
        return per_interval(self.goals, runs, lambda part: np.asarray(part, dtype=np.float64))


def per_interval(
    goals: Sequence[Goal], runs: Runs, of: Callable[[npt.ArrayLike], Floats]
) -> list[tuple[Floats, Floats]]:
    """Numerator and denominator of each goal's measure [day, interval], as `of` makes them; alike ones once."""
    known: dict[str, tuple[Floats, Floats]] = {}
    found = []
    for goal in goals:
        fine = goal.target.model_copy(update={"per": "interval"})
        key = repr((fine.measure, fine.contact_types, fine.agent_groups, fine.threshold, fine.formula, fine.strict))
        if key not in known:
            sample = promised(fine, runs)
            assert sample.denominator is not None
            known[key] = of(sample.numerator), of(sample.denominator)
        found.append(known[key])
    return found


def by_level(problem: Problem, supply: Ints) -> StaffingPlan:
    """A plan of so many agents of each group in each interval."""
    labels = [f"{at:%Y-%m-%d %H:%M}" for at in problem.scenario.horizon.interval_starts]
    levels = {
        group: dict(zip(labels, line.tolist(), strict=True))
        for group, line in zip(problem.table.groups, supply, strict=True)
    }
    return StaffingPlan.model_construct(mode="by_level", levels=levels, shifts=None)
