"""The fluid bound: what agents can begin at all, under any routing.

It limits *starts*. Routing does not see how long a contact will talk, so by Wald each start of a type takes its mean
time of the agent who makes it. An agent who is present for u seconds without a break begins at most work of V(u) on
average, V(u) = max over the agent's types k of mean_k + E V(u - X_k): the best that can be done with contacts always at
hand and types chosen freely. V is solved on a grid with X rounded down, which can only raise it. So in any window

    work begun by a group <= presence in the window + (agents there at its start or coming in it) * max (V(u) - u),

and a contact of an interval that is answered within T is begun in that interval or in the T after it. An LP (with whole
numbers of shifts where it is small) asks for the cheapest shifts under these limits with which targets could hold.
docs/planner.md has the proof.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pulp

from planner.bounds import COMMON, Bound, Covered, Stop, bare_price, nothing, off_the_grid, rounded_up, uncovered
from planner.cover import ShiftModel
from planner.requirements import Goal
from planner.search import Problem
from planner.shifts import ShiftTable
from planner.solver import Limits
from planner.verdict import windows_of
from sim.experiment import Runs, workload
from sim.scenario import ContactType, Scenario, Target

Floats = npt.NDArray[np.float64]

METHOD = "fluid, any routing"
TARGET_FIELDS = COMMON["Target"]
COVERED: Covered = {name: fields for name, fields in COMMON.items() if name != "Target"} | {
    "Scenario": (*(name for name in COMMON["Scenario"] if name != "trace"), "routing", "forecast"),
    "Busyness": (*COMMON["Busyness"], "by_type", "correlation", "intervals"),
    "Event": (*COMMON["Event"], "chance", "within"),
    "Arrivals": (*COMMON["Arrivals"], "forecast"),
    "Skill": ("preference", "resolution", "speed", "after"),
}
"""Targets are not in the table: one that is not understood asks for nothing, which only lowers the bound.

Of arrivals it reads their mean: what makes days differ, and does not see how long contacts take, changes nothing.
"""
STEP_S = 3.0
"""Grid of V, seconds."""
LONGEST_S = 10_800.0
"""What takes longer counts as that long."""
LENGTHS = (1, 2, 4, 8, 16, 32)
"""Windows of so many intervals, at every place, and of the whole horizon."""
FLUID_LIMITS = Limits(gap=2e-3, nodes=20, relax=200)
SIMULATED = "as many contacts ask for a person in each interval as on the days simulated"
ALIKE = "a contact takes as long as the average one of its type, whenever and however it comes"


def fluid_bound(problem: Problem, runs: Runs | None = None, *, stop: Stop = lambda: False) -> Bound:
    """The bound of any desk whose mechanisms are covered.

    `runs`, of any plan, tell how many ask for a person and when, where a bot or opening hours come before.
    """
    scenario = problem.scenario
    if why_not := _why_not(problem, runs):
        return nothing(METHOD, why_not)
    asked = [goal for goal in problem.theory.goals if _understood(goal)]
    if not asked:
        return nothing(METHOD, ["no target that it understands: service levels but SL-2"])
    plain, assumed = _plain(scenario), _assumed(scenario)
    offered = workload(scenario).asking if plain or runs is None else runs.tallies.offered.mean(axis=0).T
    solved = _Fluid(problem, asked, np.asarray(offered, dtype=np.float64)).model.optimum(FLUID_LIMITS, None, stop)
    if solved.bound is None:
        return nothing(METHOD, [f"the model is {solved.status.value}"])
    return Bound(
        method=METHOD,
        value=rounded_up(problem, solved.bound),
        bound_class="conditional" if assumed else "proven",
        assumption="; ".join(assumed),
    )


def _why_not(problem: Problem, runs: Runs | None) -> list[str]:
    found = [f"{name} is in use" for name in uncovered(problem.scenario, COVERED)]
    if any(_by_time(kind) for kind in problem.scenario.contact_types.values()):
        found.append("work takes longer at some times of day")
    if off_the_grid(problem.scenario):
        found.append("shifts or breaks begin inside an interval")
    if runs is None and not _plain(problem.scenario):
        found.append("nothing was simulated")
    return found


def _plain(scenario: Scenario) -> bool:
    """Whether all contacts ask for a person when they arrive, at known rates."""
    kinds = scenario.contact_types.values()
    opening = any(scenario.opening_of(name)[0] is not None for name in scenario.contact_types)
    return not opening and not any(kind.bot for kind in kinds)


def _assumed(scenario: Scenario) -> list[str]:
    """What the bound has to assume of a desk."""
    harder = any(_longer_after_bot(kind) for kind in scenario.contact_types.values())
    longer = any(event.talk_factor != 1 for event in scenario.events.values())
    return [text for text, needed in ((SIMULATED, not _plain(scenario)), (ALIKE, harder or longer)) if needed]


def _longer_after_bot(kind: ContactType) -> bool:
    """Whether contacts that come from the bot take another time than those that come straight."""
    bot = kind.bot
    if bot is None:
        return False
    return bool(kind.difficulty.talk or bot.triggers or bot.hand_off.talk_factor != 1 or bot.hand_off.talk_added)


def _by_time(kind: ContactType) -> bool:
    return "by_time" in {law.family for law in (kind.talk, kind.after_contact_work) if law is not None}


def _understood(goal: Goal) -> bool:
    target = goal.target
    if target.measure != "service_level" or target.formula == "SL-2":
        return False
    return not uncovered_target(target)


def uncovered_target(target: Target) -> list[str]:
    """Fields of a target in use that say something this method does not know."""
    return [
        name for name, field in Target.model_fields.items()
        if name not in (*TARGET_FIELDS, "agent_groups")
        and getattr(target, name) != field.get_default(call_default_factory=True)
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------- what can be begun


def most_begun(laws: list[Floats], steps: int) -> Floats:
    """V on the grid, in steps: for presences of 0 to `steps` - 1 steps, types by the law of their time, [type][step].

    All is in means of the laws, that is of times rounded down: rounding changes what a start takes, and V goes by that.
    """
    means = [float(law @ np.arange(len(law))) for law in laws]
    v = np.zeros(steps)
    for j in range(1, steps):
        found = 0.0
        for mean, law in zip(means, laws, strict=True):
            last = min(j, len(law) - 1)
            found = max(found, (mean + float(law[last:0:-1] @ v[j - last : j])) / (1.0 - law[0]))
        v[j] = found
    return v


def law_of(kind: ContactType, faster: float) -> Floats:
    """P(time in [j, j + 1) steps) of talk and after-contact work, each rounded down; what is longer than all, last."""
    edges = np.append(np.arange(int(LONGEST_S / STEP_S) + 1) * STEP_S * faster, np.inf)
    talk = np.diff(np.append(kind.talk.cdf(edges[:-1]), 1.0))
    if kind.after_contact_work is None:
        return np.asarray(talk)
    both = np.convolve(talk, np.diff(np.append(kind.after_contact_work.cdf(edges[:-1]), 1.0)))
    return np.append(both[: len(talk) - 1], both[len(talk) - 1 :].sum())


class _Fluid:
    """The model: shifts, agents there and coming, work begun for contacts of each type, group and interval."""

    def __init__(self, problem: Problem, goals: list[Goal], offered: Floats) -> None:
        self.problem, self.goals, self.offered = problem, goals, offered
        scenario, table = problem.scenario, problem.table
        self.kinds = list(scenario.contact_types.values())
        self.names = list(scenario.contact_types)
        self.mean_s = workload(scenario).handle_s
        self.step_s = scenario.horizon.interval
        self.late_s = {k: max(goal.threshold(k) for goal in goals if k in goal.types)
                       for goal in goals for k in goal.types}  # fmt: skip
        self.targeted = sorted({k for goal in goals for k in goal.types})
        self.model = ShiftModel(scenario.horizon, table, bare_price(problem.objective, table), problem.caps)
        self.there, self.coming = self._presence(table)
        self.after = self._after(table)
        self.work = self._work()
        self.taken = {(k, g): self._taken(k, g) for k, g in {(k, g) for k, g, _ in self.work}}
        for group in range(len(table.groups)):
            for row in self._limits(group):
                self.model.problem.addConstraint(row)
        for g, goal in enumerate(goals):
            for row in self._asked(g, goal):
                self.model.problem.addConstraint(row)

    def _presence(self, table: ShiftTable) -> tuple[list[list[pulp.LpVariable]], list[list[pulp.LpVariable]]]:
        """Agents there in each interval, and those of them who come then, by group."""
        begins = table.covers.copy()
        begins[:, 1:] &= ~table.covers[:, :-1]
        grids = []
        for name, counted in (("there", table.covers), ("coming", begins)):
            grid = []
            for g in range(len(table.groups)):
                line = [self.model.amount(f"{name}_{g}_{i}") for i in range(table.intervals)]
                for i, variable in enumerate(line):
                    shifts = np.flatnonzero(counted[:, i] & (table.group == g))
                    terms = [(self.model.x[s], 1.0) for s in shifts]
                    self.model.problem.addConstraint(pulp.LpAffineExpression([*terms, (variable, -1.0)]) == 0)
                grid.append(line)
            grids.append(grid)
        return grids[0], grids[1]

    def _after(self, table: ShiftTable) -> list[pulp.LpVariable]:
        """Agents who may be there after the horizon, by group: the last level stays, and shifts end when they end."""
        end_ms = self.problem.scenario.horizon.length_ms
        stays = table.covers[:, -1] | np.array([s.on_ms + 1000 * s.count.length > end_ms for s in table.shifts])
        line = []
        for g in range(len(table.groups)):
            line.append(self.model.amount(f"after_{g}"))
            terms = [(self.model.x[s], 1.0) for s in np.flatnonzero(stays & (table.group == g))]
            self.model.problem.addConstraint(pulp.LpAffineExpression([*terms, (line[-1], -1.0)]) == 0)
        return line

    def _work(self) -> dict[tuple[int, int, int], pulp.LpVariable]:
        """Seconds of work begun in time by a group for contacts of a type and interval."""
        found = {}
        for g, group in enumerate(self.problem.scenario.agent_groups.values()):
            for k in self.targeted:
                if self.names[k] in group.skills:
                    for i in np.flatnonzero(self.offered[:, k] > 0):
                        found[k, g, int(i)] = self.model.amount(f"work_{k}_{g}_{i}")
        return found

    def _limits(self, group: int) -> Iterator[pulp.LpConstraint]:
        """In each window no more work than the agents can begin."""
        intervals = self.problem.table.intervals
        own = [k for k in self.targeted if (k, group) in self.taken]
        if not own:
            return
        late_s = max(self.late_s[k] for k in own)
        extra = self._extra(group, own, late_s)
        for length in (*(n for n in LENGTHS if n < intervals), intervals):
            for first in range(intervals - length + 1):
                weights = self._presence_in(group, first, length, late_s, float(extra[length]))
                window = range(first, first + length)
                weights |= {self.work[k, group, i]: 1.0 for k in own for i in window if (k, group, i) in self.work}
                yield pulp.LpAffineExpression(list(weights.items())) <= 0

    def _presence_in(
        self, group: int, first: int, length: int, late_s: float, extra: float
    ) -> dict[pulp.LpVariable, float]:
        """What agents can begin in a window and in what is late after it, with the sign of a right-hand side."""
        there, coming, intervals = self.there[group], self.coming[group], self.problem.table.intervals
        weights = dict.fromkeys((there[i] for i in range(first, first + length)), -self.step_s)
        weights[there[first]] -= extra
        end, left_s = first + length, late_s
        while left_s > 0 and end < intervals:
            weights[there[end]] = -min(left_s, self.step_s)
            end, left_s = end + 1, left_s - self.step_s
        weights |= dict.fromkeys((coming[i] for i in range(first + 1, end)), -extra)
        if left_s > 0:
            weights[self.after[group]] = -left_s - extra
        return weights

    def _extra(self, group: int, own: list[int], late_s: float) -> Floats:
        """Greatest V(u) - u, seconds, over presences u of up to so many intervals and what is late, [intervals]."""
        late, each = int(np.ceil(late_s / STEP_S)) + 1, int(np.ceil(self.step_s / STEP_S))
        steps = np.arange(self.problem.table.intervals * each + late)
        v = most_begun([law_of(self.kinds[k], self._faster(k, group)) for k in own], len(steps))
        over = np.maximum.accumulate(v - steps) * STEP_S + STEP_S  # presences between two steps
        return np.asarray(over[np.arange(self.problem.table.intervals + 1) * each + late - 1])

    def _taken(self, k: int, group: int) -> float:
        """What a start takes, seconds: the mean of its time rounded down to the grid."""
        law = law_of(self.kinds[k], self._faster(k, group))
        return STEP_S * float(law @ np.arange(len(law)))

    def _faster(self, k: int, group: int) -> float:
        """How much shorter a contact takes than its stated law: speed, and what makes talk longer on average."""
        kind = self.kinds[k]
        stated = kind.talk.average + (kind.after_contact_work.average if kind.after_contact_work else 0.0)
        skill = list(self.problem.scenario.agent_groups.values())[group].skills[self.names[k]]
        return float(skill.speed * stated / self.mean_s[k])

    def _asked(self, g: int, goal: Goal) -> Iterator[pulp.LpConstraint]:
        """In each window as many in time as promised; who leaves early helps where the formula says so."""
        window = windows_of(self.problem.scenario, goal)
        credit = {"SL-1": 1.0, "SL-5": 1.0, "SL-4": goal.level, "SL-6": goal.level}.get(goal.target.formula, 0.0)
        for w in np.unique(window):
            terms, wanted = [], 0.0
            for k in goal.types:
                for i in np.flatnonzero((window == w) & (self.offered[:, k] > 0)):
                    served = self._served(k, int(i))
                    count = float(self.offered[i, k])
                    terms += served
                    wanted += goal.level * count
                    early = count * self._early(goal, k) if credit else 0.0
                    if early > 0:
                        gone = self.model.amount(f"gone_{g}_{k}_{i}", most=early)
                        terms.append((gone, credit))
                        yield pulp.LpAffineExpression([*served, (gone, 1.0)]) <= count
                    else:
                        yield pulp.LpAffineExpression(served) <= count
            yield pulp.LpAffineExpression(terms) >= wanted

    def _served(self, k: int, i: int) -> list[tuple[pulp.LpVariable, float]]:
        """Contacts of a type and interval answered in time, as what they take of each group."""
        groups = range(len(self.problem.table.groups))
        return [(self.work[k, g, i], 1.0 / self.taken[k, g]) for g in groups if (k, g, i) in self.work]

    def _early(self, goal: Goal, k: int) -> float:
        """Share whose patience ends within the limit that the formula forgives."""
        kind = self.kinds[k]
        limit = goal.short_s if goal.target.formula in ("SL-5", "SL-6") else goal.threshold(k)
        patient = 0.0 if kind.patience is None else float(kind.patience.cdf(np.array([limit]))[0])
        return kind.gives_up_at_once + (1 - kind.gives_up_at_once) * patient
