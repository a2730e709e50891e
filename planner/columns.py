"""Column generation: how each stretch of the horizon could be staffed, mixed at least cost until all targets hold.

A column is a staffing of one block of time, [group], with what it was simulated to add to every target. The master
LP mixes the columns of each block under the shifts' coverage and the targets; its duals tell which neighbours of the
best columns are worth simulating. At the end shifts become whole numbers, and a block may no longer mix columns in
which a type is in time with columns in which it is let down.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pulp

from planner import solver
from planner.cover import ShiftModel
from planner.effects import APART, blocks_of, by_level, per_interval, simulated
from planner.region import PENALTY, SIZE, Centre, Region, gained, merit, solved
from planner.search import Candidate, Problem, Search, Stopped, room
from planner.verdict import score, windows_of
from sim.experiment import Runs, Tape

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Sums = tuple[Floats, Floats]
"""Numerators and denominators of the goals over all days, [goal, interval] each."""

CONTACTS, FEWEST_DAYS, MOST_DAYS = 250_000, 2, 48
"""Columns are simulated on so many days of the tape as have about so many contacts, within limits."""
ROUNDS = 14
CHILDREN = 8
"""Columns simulated for each block in a round."""
STEPS = (0.1, 0.05)
"""Part of a group, one agent at least, by which neighbours differ: in the first rounds and the later ones."""
PARENTS = 2
"""Columns of a block's mixture whose neighbours are looked at."""
SCALES = (0.0, 0.6, 0.8, 0.9, 1.1, 1.25)
"""The first columns are the base, so many times the base, and the base without each type."""
LOOKS = 3
"""The master is solved so often, with the known columns that it lacked, before new ones are simulated."""
KEPT, JOINING, NEGATIVE = 60, 12, 1e-7
"""Columns of a block that the master sees; those that join at a time; the reduced cost from which they do."""
IN_TIME = 0.6
"""A target is served in a block where it attains at least such a part of its level."""
NEARLY = 0.97
"""A block whose mixture has so much of one pattern keeps to it."""
DIVES = (4, 8, 16)
"""In so many steps at least patterns are fixed, once each."""
MOST_CONTACTS = 230_000_000
"""No further dive is begun when columns have taken so many simulated contacts."""
SETTLING = 6
"""Rounds of pricing when all patterns are fixed."""
ROUNDED = 2
"""So many of the dives become plans."""
PLANS = 4
"""Plans tried for a mixture, each corrected by what the one before fell short of its model."""
Pattern = tuple[bool, ...]


@dataclass(kw_only=True, eq=False)
class Column:
    """Agents of each group in a block; sums over `days` of what it adds to each row: numerator and denominator.

    `own` are numerator and denominator of each goal inside the block itself.
    """

    block: int
    agents: Ints
    top: Floats
    bottom: Floats
    own: Floats
    days: int

    def again(self, other: "Column") -> None:
        """Pool with a later simulation of the same column."""
        self.top, self.bottom, self.own = self.top + other.top, self.bottom + other.bottom, self.own + other.own
        self.days += other.days

    def serves(self, levels: Floats) -> tuple[bool, ...]:
        """Which goals it serves in its block, none of them well perhaps: its pattern."""
        top, bottom = self.own
        share = np.divide(top, bottom, out=np.ones_like(top), where=bottom > 0)
        return tuple((share >= IN_TIME * levels).tolist())

    def adds(self, wanted: Floats) -> Floats:
        """What it adds to each row above what is wanted, a day."""
        return (self.top - wanted * self.bottom) / self.days


class Grid:
    """Blocks of time and rows of targets: each window of each goal is a row."""

    def __init__(self, problem: Problem) -> None:
        scenario = problem.scenario
        self.problem = problem
        self.block = blocks_of(problem)
        self.blocks = int(self.block[-1]) + 1
        self.first = np.searchsorted(self.block, np.arange(self.blocks))
        self.goals = problem.theory.goals
        windows = [windows_of(scenario, goal) for goal in self.goals]
        start = np.cumsum([0, *(int(window[-1]) + 1 for window in windows)])
        self.rows, self.windows = int(start[-1]), np.diff(start)
        self.row = np.array([window + first for window, first in zip(windows, start, strict=False)])  # [goal, interval]
        self.sign = self.of_rows([float(goal.sign) for goal in self.goals])
        self.level = self.of_rows([goal.level for goal in self.goals])

    def of_rows(self, of_goals: Sequence[float]) -> Floats:
        """A figure of each goal for each of its rows."""
        return np.repeat(np.asarray(of_goals, dtype=np.float64), self.windows)

    def sums(self, runs: Runs) -> Sums:
        """Numerators and denominators of the goals over all days, [goal, interval], denominators of good sign."""
        found = per_interval(self.goals, runs, lambda part: np.asarray(part, dtype=np.float64).sum(axis=0))
        tops, bottoms = zip(*found, strict=True)
        return np.array(tops), np.array(bottoms)

    def fold(self, values: Floats, intervals: npt.NDArray[np.bool_]) -> Floats:
        """Values [goal, interval] of some intervals, summed by row."""
        rows, parts = self.row[:, intervals].ravel(), values[:, intervals].ravel()
        return np.asarray(np.bincount(rows, parts, minlength=self.rows), dtype=np.float64)


class Columns:
    """All columns known, and the simulations that make them."""

    def __init__(self, search: Search, tape: Tape) -> None:
        self.search, self.tape = search, tape
        self.problem = search.problem
        self.grid = Grid(search.problem)
        self.known: list[dict[bytes, Column]] = [{} for _ in range(self.grid.blocks)]
        self.reachable = self.problem.table.reachable()

    def wide(self, staffing: Ints) -> Ints:
        """Agents by block as agents by interval."""
        return np.where(self.reachable, staffing[:, self.grid.block], 0)

    def _run(self, staffing: Ints) -> Sums:
        return self.grid.sums(self.search.simulate(by_level(self.problem, self.wide(staffing)), self.tape))

    def simulate(self, base: Ints, tried: Sequence[Sequence[Ints]]) -> None:
        """Learn the columns of a base [group, block], and `tried[block]` around it, every third block in a run."""
        grid = self.grid
        before = self._run(base)
        for b in range(grid.blocks):
            self._learn(b, base[:, b], before, None)
        for turn in range(max(map(len, tried))):
            for phase in range(APART):
                chosen = [b for b in range(phase, grid.blocks, APART) if turn < len(tried[b])]
                if not chosen:
                    continue
                staffing = base.copy()
                for b in chosen:
                    staffing[:, b] = tried[b][turn]
                after = self._run(staffing)
                for b in chosen:
                    self._learn(b, tried[b][turn], after, before)

    def _learn(self, b: int, agents: Ints, found: Sums, base: Sums | None) -> None:
        """What a block's agents did there and, against another base than themselves, to the blocks after it."""
        grid, here = self.grid, self.grid.block == b
        top, bottom = (grid.fold(part, here) for part in found)
        if base is not None:
            later = (grid.block > b) & (grid.block < b + APART)
            top, bottom = (
                total + grid.fold(new - old, later)
                for total, new, old in zip((top, bottom), found, base, strict=True)
            )
        own = np.array([part[:, here].sum(axis=1) for part in found])
        column = Column(block=b, agents=agents.copy(), top=top, bottom=bottom, own=own, days=self.tape.days)
        known = self.known[b].setdefault(agents.tobytes(), column)
        if known is not column:
            known.again(column)


@dataclass(frozen=True, kw_only=True, eq=False)
class Mix:
    """An optimum of the master: its value, weights of each block's columns, and what agents and targets are worth.

    `agent[group, block]` is the price of an agent there, `target[row]` that of a share of 1 more of a row.
    """

    value: float
    weights: list[list[tuple[Column, float]]]
    agent: Floats
    target: Floats
    block: Floats


class Master:
    """The cheapest shifts that cover a mixture of columns in each block and hold all targets."""

    def __init__(self, columns: Columns, scale: Floats) -> None:
        self.columns, self.grid, self.search = columns, columns.grid, columns.search
        self.scale = scale  # of a row: its observations in a day, 0 where there are none
        self.needs = self._needs()

    def _needs(self) -> list[tuple[int, int, int]]:
        """(group, block, interval): each interval of a block that shifts cover differently."""
        alike, found = self.search.problem.table.blocks(), []
        for b in range(self.grid.blocks):
            inside = np.flatnonzero(self.grid.block == b)
            for i in inside[np.unique(alike[inside], return_index=True)[1]]:
                found += [(int(g), b, int(i)) for g in np.flatnonzero(self.columns.reachable[:, i])]
        return found

    def adds(self, column: Column, wanted: Floats) -> Floats:
        """What a column adds to each row, on its good side, as a share of the row's observations."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.scale > 0, self.grid.sign * column.adds(wanted) / self.scale, 0.0)

    def model(
        self, chosen: Sequence[Sequence[Column]], wanted: Floats, lacking: Floats, prices: Floats
    ) -> tuple[ShiftModel, list[list[pulp.LpVariable]]]:
        """The master of some columns, with rows "cover_g_i", "mix_b" and "row_r"; `prices[row]` of what is short."""
        search, problem = self.search, self.search.problem
        table = problem.table
        assert search.rows is not None
        model = ShiftModel(problem.scenario.horizon, table, search.price(search.rows), problem.caps)
        z = [[model.amount(f"z_{b}_{c}") for c in range(len(of))] for b, of in enumerate(chosen)]
        for b, line in enumerate(z):
            model.problem.addConstraint(pulp.LpAffineExpression([(v, 1.0) for v in line]) == 1.0, f"mix_{b}")
        for g, b, i in self.needs:
            there = np.flatnonzero(table.covers[:, i] & (table.group == g))
            terms = [(model.x[s], 1.0) for s in there]
            terms += [(v, -float(c.agents[g])) for v, c in zip(z[b], chosen[b], strict=True) if c.agents[g]]
            model.problem.addConstraint(pulp.LpAffineExpression(terms) >= 0, f"cover_{g}_{i}")
        terms_of: list[list[tuple[pulp.LpVariable, float]]] = [[] for _ in range(self.grid.rows)]
        for line, of in zip(z, chosen, strict=True):
            for v, column in zip(line, of, strict=True):
                adds = self.adds(column, wanted)
                for r in np.flatnonzero(adds).tolist():
                    terms_of[r].append((v, float(adds[r])))
        for r, terms in enumerate(terms_of):
            if self.scale[r] > 0:
                short = model.amount(f"short_{r}", float(prices[r]))
                row = pulp.LpAffineExpression([*terms, (short, 1.0)]) >= float(lacking[r])
                model.problem.addConstraint(row, f"row_{r}")
        return model, z

    def mix(self, chosen: Sequence[Sequence[Column]], wanted: Floats, lacking: Floats, prices: Floats) -> Mix | None:
        """The optimum in real numbers."""
        model, z = self.model(chosen, wanted, lacking, prices)
        model.problem.setObjective(pulp.LpAffineExpression(model.terms))
        best = solver.relaxed(model.problem, stop=self.search.stop)
        self.search.solves += 1
        if best is None:
            return None
        agent = np.zeros((len(self.search.problem.table.groups), self.grid.blocks))
        for g, b, i in self.needs:
            agent[g, b] += best.duals[f"cover_{g}_{i}"]
        weights = [
            [(c, best.values[v.name]) for v, c in zip(line, of, strict=True) if best.values[v.name] > 1e-6]
            for line, of in zip(z, chosen, strict=True)
        ]
        target = np.array([best.duals.get(f"row_{r}", 0.0) for r in range(self.grid.rows)])
        block = np.array([best.duals[f"mix_{b}"] for b in range(self.grid.blocks)])
        return Mix(value=best.objective, weights=weights, agent=agent, target=target, block=block)


class Generation:
    """The columns known so far, the master's optimum over all of them, and rounds of pricing."""

    def __init__(self, search: Search, base: Candidate, tape: Tape) -> None:
        self.search = search
        self.columns = Columns(search, tape)
        self.grid = self.columns.grid
        every = range(self.grid.blocks)
        supply = search.problem.table.supply(base.numbers)
        self.staffing = np.array([supply[:, self.grid.block == b].max(axis=1) for b in every]).T
        self.can = np.array([self.columns.reachable[:, self.grid.block == b].any(axis=1) for b in every]).T
        self.wanted = np.concatenate(search.wanted(base.scores))
        self.lacking = np.zeros(self.grid.rows)
        self.prices = np.concatenate(
            [np.full(len(one.value), PENALTY * max(base.worth[0], 1.0) / room(one)) for one in base.scores]
        )
        self.levels = np.array([goal.level for goal in self.grid.goals])
        self.fixed: list[Pattern | None] = [None] * self.grid.blocks
        self.active: list[list[Column]] = [[] for _ in every]
        self.columns.simulate(self.staffing, [self._seeds(b) for b in every])
        bases = [self.columns.known[b][self.staffing[:, b].tobytes()] for b in every]
        self.master = Master(self.columns, np.sum([c.bottom / c.days for c in bases], axis=0))
        self.mix = self.remix()

    def _seeds(self, b: int) -> list[Ints]:
        """The base as a whole larger and smaller, and without each type."""
        base = self.staffing[:, b]
        found = [np.round(base * scale).astype(np.int64) for scale in SCALES]
        found += [self._without(base, k) for k in range(len(self.search.problem.scenario.contact_types))]
        return _fresh(found, {base.tobytes()})

    def _without(self, base: Ints, kind: int) -> Ints:
        """Agents who serve a type moved to groups that do not, but serve most of the rest."""
        problem = self.search.problem
        names = list(problem.scenario.contact_types)
        skills = [{names.index(n) for n in group.skills} for group in problem.scenario.agent_groups.values()]
        found = base.copy()
        for g, own in enumerate(skills):
            if kind not in own:
                continue
            others = [h for h, theirs in enumerate(skills) if kind not in theirs and theirs & own]
            if others and found[g]:
                found[max(others, key=lambda h: (len(skills[h] & own), -len(skills[h])))] += found[g]
            found[g] = 0
        return found

    # ------------------------------------------------------------------------------------------------------- master

    def remix(self) -> Mix:
        """The optimum over all known columns that the fixed patterns allow, by pricing those left out."""
        allowed = [self._allowed(b) for b in range(self.grid.blocks)]
        for b, of in enumerate(allowed):
            keys = {c.agents.tobytes() for c in of}
            self.active[b] = [c for c in self.active[b] if c.agents.tobytes() in keys] or of[:KEPT]
        for _ in range(LOOKS):
            found = self.master.mix(self.active, self.wanted, self.lacking, self.prices)
            if found is None:
                raise Stopped(None)
            self.mix, more = found, 0
            for b, of in enumerate(allowed):
                cost = self.reduced(b, of)
                order = np.argsort(cost, kind="stable")
                inside = {id(c) for c in self.active[b]}
                new = [of[j] for j in order[:JOINING] if cost[j] < -NEGATIVE and id(of[j]) not in inside]
                more += len(new)
                if len(self.active[b]) > KEPT:
                    own = self.reduced(b, self.active[b])
                    self.active[b] = [self.active[b][j] for j in np.argsort(own, kind="stable")[: KEPT // 2]]
                self.active[b] += new
            if not more:
                break
        return self.mix

    def _allowed(self, b: int) -> list[Column]:
        pattern = self.fixed[b]
        return [c for c in self.columns.known[b].values() if pattern is None or c.serves(self.levels) == pattern]

    def reduced(self, b: int, of: Sequence[Column]) -> Floats:
        """Reduced costs of columns of a block."""
        agents = np.array([c.agents for c in of])
        adds = np.array([self.master.adds(c, self.wanted) for c in of])
        return np.asarray(agents @ self.mix.agent[:, b] - adds @ self.mix.target - self.mix.block[b])

    def profile(self) -> Floats:
        """The mixture's agents, [group, block]."""
        return np.array([sum(z * c.agents for c, z in of) for of in self.mix.weights]).T

    # ------------------------------------------------------------------------------------------------------ pricing

    def price(self, step: float, children: int) -> Mix:
        """Simulate new columns around the mixture, and solve anew."""
        base = np.array([max(of, key=lambda pair: pair[1])[0].agents for of in self.mix.weights]).T
        tried = [self._children(b, base, step, children) for b in range(self.grid.blocks)]
        self.columns.simulate(base, tried)
        return self.remix()

    def _children(self, b: int, base: Ints, step: float, most: int) -> list[Ints]:
        """Columns in the mixture that are not in the base, again, then their most promising neighbours."""
        support = [column for column, _ in sorted(self.mix.weights[b], key=lambda pair: -pair[1])[:PARENTS]]
        again = [column.agents for column in support if (column.agents != base[:, b]).any()]
        ways = sorted((way for column in support for way in self._ways(b, column, step)), key=lambda way: way[0])
        return (again + _fresh((agents for _, agents in ways), set(self.columns.known[b])))[:most]

    def _ways(self, b: int, parent: Column, step: float) -> Iterator[tuple[float, Ints]]:
        """Neighbours with the reduced cost that is expected of them; single changes first, until they are known."""
        sizes = np.maximum(np.round(step * parent.agents), 1).astype(np.int64)
        known: list[tuple[Ints, Column]] = []
        for g in np.flatnonzero(self.can[:, b]):
            for sign in (1, -1):
                change = np.zeros_like(parent.agents)
                change[g] = max(sign * sizes[g], -parent.agents[g])
                if not change[g]:
                    continue
                column = self.columns.known[b].get((parent.agents + change).tobytes())
                if column is None:
                    yield -np.inf, parent.agents + change
                else:
                    known.append((change, column))
        if not known:
            return
        own, costs = self.reduced(b, [parent])[0], self.reduced(b, [column for _, column in known])
        for i, (one, _) in enumerate(known):
            for j, (other, _) in enumerate(known[: i + 1]):
                agents = parent.agents + one + other
                if (agents >= 0).all() and (i == j or (one + other).any()):
                    yield float(costs[i] + costs[j] - own), agents

    # ----------------------------------------------------------------------------------------------------- patterns

    def weights(self, b: int) -> dict[Pattern, float]:
        """How much of a block's mixture has each pattern."""
        found: dict[Pattern, float] = {}
        for column, z in self.mix.weights[b]:
            pattern = column.serves(self.levels)
            found[pattern] = found.get(pattern, 0.0) + z
        return found

    def _leaning(self, b: int) -> tuple[float, int, Pattern]:
        """The pattern that a block leans to, with its weight, the highest lowest."""
        weights = self.weights(b)
        pattern = max(weights, key=lambda p: weights[p])
        return -weights[pattern], b, pattern

    def dive(self, at_once: int, children: int, step: float) -> Mix:
        """Fix the pattern of the blocks that lean to one most, price anew, until all are fixed."""
        while True:
            left = [self._leaning(b) for b in range(self.grid.blocks) if self.fixed[b] is None]
            if not left:
                return self.mix
            for n, (weight, b, pattern) in enumerate(sorted(left)):
                if n < at_once or -weight >= NEARLY:
                    self.fixed[b] = pattern
            self.remix()
            self.price(step, children)

    def estimate(self) -> float:
        """What the best mixture costs that only just holds the targets, without any margin."""
        wanted, self.wanted = self.wanted, self.grid.level
        found, self.wanted = self.remix().value, wanted
        return found


# ----------------------------------------------------------------------------------------------------------- a plan


def worthwhile(problem: Problem) -> bool:
    """Whether columns say something of the desk: what one group more or less does is known after a round or two."""
    return averaging(problem) and len(problem.table.groups) <= CHILDREN


def averaging(problem: Problem) -> bool:
    """Whether the desk has several groups, its targets average over time, and columns are much like its agents.

    They are staffed by level. People are much the same where whoever is planned comes and all are equally quick; they
    are worth the work in a few groups.
    """
    few = len(problem.table.groups) <= CHILDREN
    staffed = problem.by_level or (few and all(group.is_plain for group in problem.scenario.agent_groups.values()))
    averaged = all(goal.target.in_days is None and goal.target.per != "interval" for goal in problem.theory.goals)
    return staffed and averaged and len(problem.table.groups) > 1


def mixed(search: Search, base: Candidate) -> Generation:
    """Columns around a candidate and their mixture, which tells the search what it costs: an estimate of the least."""
    days = int(np.clip(round(CONTACTS / search.problem.contacts), FEWEST_DAYS, min(MOST_DAYS, search.tape.days)))
    found = Generation(search, base, replace(search.tape, days=days))
    for n in range(ROUNDS):
        found.price(STEPS[0] if 2 * n < ROUNDS else STEPS[1], CHILDREN)
    search.mixture = found.estimate()
    return found


def generate(search: Search) -> Candidate | None:
    """The best plan near a mixture of columns with one pattern in each block."""
    base = search.best
    if base is None:
        return None
    already = search.simulated
    found = mixed(search, base)
    found.remix()
    free = [list(of) for of in found.active]
    dives: list[tuple[float, list[Pattern | None], list[list[Column]]]] = []
    for at_once in dict.fromkeys(-(-found.grid.blocks // parts) for parts in DIVES):
        if dives and (search.simulated - already) * search.problem.contacts > MOST_CONTACTS:
            break
        found.fixed, found.active = [None] * found.grid.blocks, [list(of) for of in free]
        found.remix()
        found.dive(at_once, CHILDREN, STEPS[1])
        for _ in range(SETTLING):
            found.price(STEPS[1], CHILDREN)
        dives.append((found.mix.value, list(found.fixed), [list(of) for of in found.active]))
    plans: list[Candidate] = []
    for _, found.fixed, found.active in sorted(dives, key=lambda dive: dive[0])[:ROUNDED]:
        found.remix()
        plans += rounded(search, found)
    return min(plans, key=merit, default=None)


def rounded(search: Search, found: Generation) -> Iterator[Candidate]:
    """Plans near the mixture: shifts that come so near to its agents that effects of single ones can be believed."""
    problem = search.problem
    supply = found.columns.wide(np.round(found.profile()).astype(np.int64))
    runs = search.simulate(by_level(problem, supply))
    scores = tuple(score(problem.scenario, goal, runs) for goal in problem.theory.goals)
    centre = Centre(supply=supply, scores=scores, worth=found.mix.value)
    effects = simulated(search, supply, search.short_tape)
    region, errors = Region(SIZE, 1.0), [np.zeros(len(one.value)) for one in scores]
    for _ in range(PLANS):
        numbers = solved(search, centre, effects, region, errors)
        if numbers is None:
            return
        plan = search.evaluate(numbers)
        yield plan
        change = problem.table.supply(numbers) - supply
        errors = [
            effect.predicted(change, region.most(supply)) - gained(before, after)
            for effect, before, after in zip(effects, scores, plan.scores, strict=True)
        ]


def _fresh(found: Iterable[Ints], seen: set[bytes]) -> list[Ints]:
    kept = []
    for agents in found:
        if agents.tobytes() not in seen:
            seen.add(agents.tobytes())
            kept.append(agents)
    return kept
