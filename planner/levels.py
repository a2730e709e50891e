"""The search on a desk with one skill: what each interval needs is simulated, and one MILP finds levels and shifts.

Targets in each interval ask for a least level of it, by formulas at first. What simulated plans show of an interval at
its level raises it; agents taken out of every third interval in one run show where less would do (cuts from simulation:
Atlason, Epelman & Henderson 2008). For targets over longer windows the model knows what each interval adds at every
level (`planner.courses`); what it promised too much for a plan is asked for on top. Days are fresh each time, few while
a plan clearly fails, more as it comes close.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from planner.bounds import bare_price, off_the_grid
from planner.courses import Courses, Hull
from planner.cover import Cover, Price, Rows
from planner.effects import by_level
from planner.evidence import Evidence, Seen, Shown, Sums
from planner.level_model import LevelModel
from planner.search import Candidate, OutOfWork, Problem, Search
from planner.solver import Limits
from sim.estimates import one_sided, student
from sim.experiment import Runs
from sim.staffing import StaffingPlan

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Window = tuple[int, int]
"""A target, and one of its windows (an interval where it is one for each interval)."""

ROUNDS = 30
FIRST, GROWTH = 5, 4
"""A plan is simulated on so many times the days of a tape at first, then on so many times more."""
CONTACTS = 5_000_000
"""A plan is simulated on days of up to about so many contacts."""
CAUTION, WARNED = 0.6, 0.5
"""Standard errors of the certificate by which a plan must be better than it needs to be; more after a refusal."""
WARNINGS = 20
SURE, DOUBT, OUT = -1.0, 2.0, -2.5
"""Standard errors by which a window must lack something before it is believed while days are few; within which of what
is wanted more days are worth it; below which a level is not tried again."""
APART = 3
"""Agents are taken out of every third interval in one run."""
EASINGS = 3
"""So often a window with something to spare is asked for less."""
AT_ONCE = 240
"""Customers of so many days are held at once."""
LOOK_AHEAD = 8
LEVEL_LIMITS, HULL_LIMITS = Limits(gap=1e-3, nodes=2000, near=1500), Limits(gap=1e-3, nodes=40, near=0)
"""With hulls the model is solved near its relaxation, in a second or two."""


def one_skill(problem: Problem) -> bool:
    """Whether all groups serve all types alike, agents come and go with the intervals, and targets hold on average."""
    worth = problem.theory.worth
    on_average = all(goal.target.in_days is None for goal in problem.theory.goals)
    return len(worth) == 1 and bool((worth == 1).all()) and on_average and not off_the_grid(problem.scenario)


@dataclass(eq=False)
class _Tried:
    """A plan that was simulated: its level in each interval, what longer windows showed, on how many days."""

    numbers: Ints
    levels: Ints
    windows: dict[Window, Sums] = field(default_factory=dict)
    days: int = 0
    runs: Runs | None = None


class LevelSearch:
    """What intervals need as far as is known, and the plans tried; the best of them is the search's."""

    BACK = 1
    """Experience of an interval is kept by its agents and by those of so many intervals before."""

    def __init__(self, search: Search, courses: Courses) -> None:
        self.search, self.problem = search, search.problem
        theory, scenario = self.problem.theory, self.problem.scenario
        self.goals, self.evidence = theory.goals, Evidence(scenario, theory.goals, self.BACK)
        self.each, self.windows = self.evidence.each, self.evidence.windows
        self.need = courses.found.copy() if courses.sums else self._by_formulas()
        self.hulls: dict[int, dict[int, Hull]] = {g: courses.hulls(g) for g in courses.sums}
        self.caution = [np.full(int(window[-1]) + 1, CAUTION) for window in self.windows]
        self.asked: dict[Window, float] = {}
        self.eased = 0
        self.tried: dict[bytes, _Tried] = {}
        self.tested: dict[int, tuple[int, int]] = {}
        self.seen_days = 0
        days, most = search.tape.days, round(CONTACTS / self.search.problem.contacts)
        self.first = max(min(FIRST * days, most), days)
        self.most = max(min(FIRST * GROWTH**2 * days, most), self.first)
        self.end = self._certificate_end()

    def _by_formulas(self) -> Ints:
        theory = self.problem.theory
        asks_nothing = np.array([[0.0 if goal.sign > 0 else 1.0 if goal.is_share else math.inf] for goal in self.goals])
        aims = np.where([[g in self.each] for g in range(len(self.goals))], theory.levels(), asks_nothing)
        needed: Ints = theory.requirement(aims).agents[0].astype(np.int64)
        return needed

    def _certificate_end(self) -> float:
        """Standard errors from the estimate to the end of the certificate's interval."""
        windows = sum(int(window[-1]) + 1 for window in self.windows)
        confidence = max(goal.target.confidence for goal in self.goals)
        comparisons = math.ceil(self.problem.certificate_tries * windows)
        return student(self.problem.certificate_days - 1, one_sided(confidence, comparisons))

    # ------------------------------------------------------------------------------------------------------ the course

    def begin(self, numbers: Ints) -> None:
        """Try a plan that is given."""
        self._simulate(numbers, self.first)

    def run(self) -> None:
        """Rounds, each stage with more days, until the model's plan holds and no level can be had for less."""
        stage = self.first
        for _ in range(ROUNDS):
            tried = self._simulate(self._solve().numbers, stage)
            if self._learnt(tried) or (stage < self.most and self._relaxed(tried, stage)):
                continue
            if stage >= self.most:
                return
            stage = min(GROWTH * stage, self.most)

    def warned(self, runs: Runs, uncertified: Mapping[int, Ints]) -> None:
        """A certificate was refused: its days are experience too, and windows that failed need more to spare.

        So much more that the plan lacks something: it is not to be found again.
        """
        best = self.search.best
        assert best is not None
        refused = self._entry(best.numbers)
        self._learn_from(refused, runs)
        for _ in range(WARNINGS):
            for g, windows in uncertified.items():
                self.caution[g][windows] += WARNED
            if self._lacking(refused):
                break
        self._judge_anew()

    def _solve(self) -> Cover:
        problem = self.problem
        rows = Rows(worth=problem.theory.worth, agents=self.need[None].astype(np.float64))
        model = LevelModel(problem, self._price(rows), self.need)
        solved = model.optimum(self._complete(model), None, self.search.stop)
        self.search.solves += 1
        best = self.search.best
        nothing = np.zeros(len(problem.table), dtype=np.int64) if best is None else best.numbers
        numbers = model.numbers(solved) if solved.solved else nothing
        shortage = rows.shortage(problem.table.supply(numbers))
        self.search.rows = self._with_unreachable(rows)
        self.search.model = Cover(numbers=numbers, shortage=shortage, solved=solved)
        return self.search.model

    def _complete(self, model: LevelModel) -> Limits:
        """Ask for what windows must come to; how far the model is to be solved then."""
        for g, hulls in self.hulls.items():
            for w in np.unique(self.windows[g]):
                inside = {i: hull for i, hull in hulls.items() if self.windows[g][i] == w}
                model.ask(f"{g}_{w}", inside, self.asked.get((g, int(w)), 0.0))
        return HULL_LIMITS if self.hulls else LEVEL_LIMITS

    def _with_unreachable(self, rows: Rows) -> Rows:
        """What is needed, by formulas where no shift reaches: so that it is said."""
        theory = self.problem.theory
        nobody = ~self.problem.table.reachable().any(axis=0)
        asked = theory.requirement(theory.levels()).agents
        return replace(rows, agents=np.where(nobody, np.maximum(asked, rows.agents), rows.agents))

    def _price(self, rows: Rows) -> Price:
        """The objective alone: what decides between equals keeps the solver busy ten times longer on hulls."""
        price = self.search.price(rows)
        if self.problem.objective == "heads" or not self.hulls:
            return price
        return replace(price, shift=bare_price(self.problem.objective, self.problem.table).shift)

    # ------------------------------------------------------------------------------------------------------ simulation

    def _simulate(self, numbers: Ints, stage: int) -> _Tried:
        """A plan on so many days in all, or fewer where it surely lacks something or nothing is in doubt."""
        tried = self._entry(numbers)
        while tried.days < stage:
            days = self.first if not tried.days else min((GROWTH - 1) * tried.days, stage - tried.days)
            self._take_in(tried, self._runs(self.problem.staffing(numbers), days))
            if self._failing(tried) or not self._in_doubt(tried, stage):
                break
        return tried

    def _entry(self, numbers: Ints) -> _Tried:
        """What is known of a plan: nothing yet of one that local search has found."""
        levels = self.problem.table.supply(numbers).sum(axis=0)
        return self.tried.setdefault(numbers.tobytes(), _Tried(numbers, levels))

    def _runs(self, plan: StaffingPlan, days: int) -> Runs:
        """A plan on days that were never seen."""
        search, tape = self.search, self.search.tape
        if search.simulated and search.simulated + days > search.work_limit:
            raise OutOfWork
        found: Runs | None = None
        for first in range(0, days, AT_ONCE):
            part = replace(tape, first=self.seen_days + first, days=min(AT_ONCE, days - first))
            runs = part.runs(plan, stop=search.stop)
            found = runs if found is None else found.then(runs)
        assert found is not None
        self.seen_days += days
        search.simulated += days
        return found

    def _take_in(self, tried: _Tried, runs: Runs) -> None:
        """Learn from days of a plan, and judge all plans anew."""
        self._learn_from(tried, runs)
        self._judge_anew()

    def _learn_from(self, tried: _Tried, runs: Runs) -> None:
        shown = Shown.by(self.problem.scenario, self.goals, runs)
        self.evidence.add(tried.levels, shown)
        for g in range(len(self.goals)):
            for w in np.unique(self.windows[g]) if g not in self.each else ():
                inside = self.windows[g] == w
                found = Sums.of(shown.beyond[g][:, inside].sum(axis=1), shown.controls[:, inside].sum(axis=1))
                tried.windows[g, int(w)] = found.plus(tried.windows.get((g, int(w))))
        tried.days += runs.replications
        tried.runs = tried.runs or runs

    def _judge_anew(self) -> None:
        """The best of all plans by what is known now."""
        search = self.search
        plans = [(self._candidate(one), one) for one in self.tried.values() if one.days]
        search.best, best = min(plans, key=lambda pair: (pair[0].shortfall, pair[0].worth))
        search.runs = best.runs
        search.report()

    def _candidate(self, tried: _Tried) -> Candidate:
        short = sum(lack / max(self._offered(*at), 1e-9) for at, lack in self._lacking(tried).items())
        return Candidate(numbers=tried.numbers, worth=self.problem.worth(tried.numbers), shortfall=short, scores=())

    # ------------------------------------------------------------------------------------------------- what is lacking

    def _offered(self, g: int, w: int) -> float:
        return float(self.evidence.offered[g, self.windows[g] == w].sum())

    def _wanted(self, g: int, w: int, seen: Seen, doubt: float = 0.0) -> float:
        """What a window must show so that a certificate can be expected; `doubt`: standard errors of what was seen.

        The certificate's interval is that of days, or that of contacts where it is wider.
        """
        goal = self.goals[g]
        by_contacts = math.sqrt(goal.level * (1 - goal.level) * self._offered(g, w)) if goal.is_share else 0.0
        certificate = max(seen.spread, by_contacts) / math.sqrt(self.problem.certificate_days)
        return float((self.end + self.caution[g][w]) * certificate + doubt * seen.error)

    def _seen(self, tried: _Tried) -> Iterator[tuple[int, int, Seen]]:
        """Of each target its windows, and what was seen of them at a plan's levels."""
        for g in self.each:
            for i in np.flatnonzero(self.evidence.offered[g] > 0):
                seen = self.evidence.of(g, int(i), tried.levels)
                if seen is not None:
                    yield g, int(i), seen
        for (g, w), sums in tried.windows.items():
            yield g, w, sums.seen()

    def _lacking(self, tried: _Tried, doubt: float = 0.0) -> dict[Window, float]:
        """How much each window lacks; with a negative doubt surely, or as it seems where many days were seen."""
        found = {}
        for g, w, seen in self._seen(tried):
            lack = self._wanted(g, w, seen, self.doubt(seen, doubt)) - seen.mean
            if lack > 0:
                found[g, w] = lack
        return found

    def doubt(self, seen: Seen, doubt: float = SURE) -> float:
        """Standard errors by which something must lack before it is believed: none where many days were seen."""
        return doubt if seen.days < self.most else 0.0

    def _failing(self, tried: _Tried) -> dict[Window, float]:
        return self._lacking(tried, SURE)

    def _in_doubt(self, tried: _Tried, stage: int) -> bool:
        """Whether more days could change what is thought of some window."""
        return any(
            seen.days < stage and abs(seen.mean - self._wanted(g, w, seen)) < DOUBT * seen.error
            for g, w, seen in self._seen(tried)
        )

    # ----------------------------------------------------------------------------------------------------------- raise

    def _learnt(self, tried: _Tried) -> bool:
        """Raise what intervals need and what windows are asked for, where a plan lacks something; whether it did."""
        failing = self._failing(tried)
        raised = [self._raised(g, i, tried, lack) for (g, i), lack in failing.items() if g in self.each]
        moved = [self._moved(g, int(w), tried, failing) for g in self.hulls for w in np.unique(self.windows[g])]
        return any([*raised, *moved])

    def _raised(self, g: int, interval: int, tried: _Tried, lack: float) -> bool:
        """Ask for more agents in an interval, unless the shifts could not give what it needs already."""
        level = int(tried.levels[interval])
        if level < self.need[interval]:
            return False
        self.need[interval] = level + self._agents_for(g, interval, level, lack)
        return True

    def _agents_for(self, g: int, interval: int, agents: int, lack: float) -> int:
        """How many agents more would make up what an interval lacks, by formulas."""
        theory, goal = self.problem.theory, self.goals[g]
        queues = theory.load.queues(theory.sets[0], np.full(LOOK_AHEAD, interval), agents + np.arange(LOOK_AHEAD))
        value = goal.sign * goal.value(queues, goal.threshold(goal.types[0])) * self._offered(g, interval)
        enough = np.flatnonzero(value - value[0] >= lack)
        return max(1, int(enough[0]) if len(enough) else LOOK_AHEAD - 1)

    def _moved(self, g: int, w: int, tried: _Tried, failing: dict[Window, float]) -> bool:
        """Ask a window for its margin and for what the model promised too much; whether that is news."""
        if (g, w) not in tried.windows:
            return False
        seen, before = tried.windows[g, w].seen(), self.asked.get((g, w), 0.0)
        inside = {i: hull for i, hull in self.hulls[g].items() if self.windows[g][i] == w}
        promised = sum(hull.at(float(tried.levels[i])) for i, hull in inside.items())
        asked = promised - seen.mean + self._wanted(g, w, seen)
        if (g, w) in failing:
            self.asked[g, w] = max(asked, before + failing[g, w])
            return True
        if asked < before - seen.error and self.eased < EASINGS:
            self.eased += 1
            self.asked[g, w] = asked
            return True
        return False

    # ----------------------------------------------------------------------------------------------------------- relax

    def _relaxed(self, tried: _Tried, stage: int) -> bool:
        """Try one agent fewer where a need binds and a cheaper plan would make use of it; whether some can do with it.

        No more of that when half as many days were simulated as the certificate may have.
        """
        if self.hulls or not self.each or self.search.simulated > self.problem.certificate_days // 2:
            return False
        loose = self._used([i for i in np.flatnonzero(tried.levels == self.need).tolist() if self._untested(i, stage)],
                           tried)  # fmt: skip
        self._try_fewer(loose, tried)
        done = False
        for i in loose:
            self.tested[i] = stage, int(self.need[i])
            if not self._out(i, SURE):
                self.need[i] -= 1
                done = True
        return done

    def _untested(self, interval: int, stage: int) -> bool:
        """Whether one agent fewer was not tried at this stage yet, and is not surely too few."""
        agents = int(self.need[interval])
        return agents > 0 and self.tested.get(interval) != (stage, agents) and not self._out(interval, OUT)

    def _out(self, interval: int, doubt: float) -> bool:
        """Whether some target of an interval lacks something with one agent fewer than it needs, by what was seen."""
        for g in self.each:
            seen = self.evidence.best_at(g, interval, int(self.need[interval]) - 1)
            if seen is not None and seen.mean < self._wanted(g, interval, seen, doubt):
                return True
        return False

    def _used(self, loose: list[int], tried: _Tried) -> list[int]:
        """Those of which a cheaper plan would make use, if all could do with an agent fewer; none: no plan is."""
        before, self.need = self.need, self.need.copy()
        self.need[loose] -= 1
        try:
            numbers = self._solve().numbers if loose else tried.numbers
        finally:
            self.need = before
        if self.problem.worth(numbers)[0] >= self.problem.worth(tried.numbers)[0] - 1e-9:
            return []
        levels = self.problem.table.supply(numbers).sum(axis=0)
        return [i for i in loose if levels[i] < self.need[i]]

    def _try_fewer(self, loose: list[int], tried: _Tried) -> None:
        """One agent fewer in every third interval at once: by level, less what a plan by person has more than that."""
        if not loose:
            return
        more = 0.0 if self.problem.by_level else self._by_person_more(tried)
        for phase in range(APART):
            mine = [i for i in loose if i % APART == phase]
            levels = tried.levels.copy()
            levels[mine] -= 1
            if mine:
                self.evidence.add(levels, self._shown(levels).plus(more), mine)

    def _by_person_more(self, tried: _Tried) -> Floats:
        """What intervals add more by person than by level, [goal, interval]."""
        more = np.zeros((len(self.goals), len(tried.levels)))
        base = self._shown(tried.levels).beyond.mean(axis=1)
        for g, i, seen in self._seen(tried):
            if g in self.each:
                more[g, i] = seen.mean - base[g, i]
        return more

    def _shown(self, levels: Ints) -> Shown:
        supply = np.zeros((len(self.problem.table.groups), len(levels)), dtype=np.int64)
        supply[0] = levels
        return Shown.by(self.problem.scenario, self.goals, self._runs(by_level(self.problem, supply), self.first))
