"""Scenario -> proposal: search, certify on fresh customers, and go back with a larger margin where that fails."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.asked import NothingToPlan, indexed
from planner.baseline import Method, Simulator, beside
from planner.bounds import Bound
from planner.bounds_best import lower_bounds, ranked
from planner.bounds_levels import FEW_LOOKS
from planner.bounds_levels import why_not as level_bound_lacks
from planner.bounds_tried import tried_bound
from planner.certificate import FIRST_DAYS, Certificate, certify, looks, most_days
from planner.columns import averaging, generate, worthwhile
from planner.courses import SUM_DAYS, Courses
from planner.cover import Rows, caps_of, price_of
from planner.cuts import CutSearch, carries_over
from planner.effects import Effects
from planner.efforts import Efforts
from planner.feasibility import no_whole_interval, out_of_reach, shortages
from planner.levels import LevelSearch, one_skill
from planner.plan import (
    Baseline,
    Plan,
    PlanStatus,
    SearchRecord,
    bound_fields,
    evidence_of,
    figures,
    solver_record,
)
from planner.polish import polish
from planner.region import improve, leaning
from planner.requirements import Theory, at_once
from planner.search import OutOfWork, Problem, Progress, Search
from planner.shifts import MOST_SHIFTS, enumerate_shifts
from planner.trials import LOOKS, Trials
from planner.verdict import CERTIFICATES, score
from sim.experiment import Runs, Stopped, Tape
from sim.results import TargetRecord, staffing_mode
from sim.scenario import Scenario
from sim.staffing import ShiftCount
from sim.summary import target_record
from sim.targets import RANK, Status, TargetResult, judge

Ints = npt.NDArray[np.int64]

TAPE_CONTACTS = 200_000
"""The tape is as many blocks of stratified days as have about so many contacts, within limits."""
LEAST_DAYS, MOST_DAYS = 16, 128
LONG_TAPE_CONTACTS, LONG_DAYS = 1_000_000, 256
"""The same where columns are generated: who searches harder finds more plans that are lucky on few days."""
FEW_SHIFTS = 20
"""In a plan of so few each counts: what a model with margins for every interval leaves is looked for shift by shift."""
THOROUGH = {"steps": 16, "solves": 40}
"""Work of the trust region where columns are generated."""
MANY_IN_A_DAY = 100_000
"""Contacts of a day that make a very large desk."""
COURSE_DAYS = 20_000
"""With less work allowed than so many days, not every level of every interval is looked at."""
CANDIDATES, OF_GROUPS, CANDIDATE_CONTACTS, ENOUGH_DAYS = 500, 600, 1_000_000_000, 2_500
"""Default limit of work: so many simulations of the tape, where there are several groups so many; contacts at most.

Days enough for some looks at what agents do may be simulated whatever comes in them.
"""
SOON_CONTACTS = 3_000_000
"""For so many whoever interrupted a search waits while what it found is simulated once more: a few seconds."""
RESERVED = 0.2
"""Part of the work that is kept for a plan that a certificate refuses, where it has several groups."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Proposal:
    """A plan with the runs it was judged by, and the agents that it required, [group, interval]."""

    plan: Plan
    runs: Runs
    judged: tuple[TargetResult, ...]
    required: Ints


def propose(
    scenario: Scenario,
    *,
    objective: str | None = None,
    seed: int = 1,
    days: int | None = None,
    certify_replications: int | None = None,
    time_limit: float | None = None,
    work_limit: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
    engine: str = "auto",
    workers: int = 1,
    bound: bool = True,
    beside: Sequence[Method] = ("erlang-c",),
    keep: Sequence[ShiftCount] = (),
    start: Sequence[ShiftCount] | None = None,
    gap: float | None = None,
) -> Proposal:
    """Search for the plan that is least in the objective and meets all targets, and prove it.

    The certificate has `certify_replications` days; where none are given 200, and more while that may certify the plan.
    `days` are those of the tape, `work_limit` the days that may be simulated on it in all, `time_limit` seconds (which
    makes the plan one that cannot be repeated): where they end the search, its best plan is still judged on fresh
    customers. `stop` is asked between replications; a KeyboardInterrupt does the same: the best plan so far is
    returned as it stands. `bound`: say also what no plan can beat; `beside`: the usual plans that are
    simulated on the same customers. The shifts to `keep` are in the plan in any case; `start` is a plan to begin from;
    within `gap` of the bound a plan that holds is good enough. Raises NothingToPlan.
    """
    _check(scenario)
    first_days = certify_replications or FIRST_DAYS
    most = certify_replications or most_days(scenario)
    problem = problem_of(scenario, objective or scenario.objective, most, keep, looks(first_days, most)[-1][1])
    with _Clock(time_limit) as clock:
        planning = _Planning(
            problem=problem,
            seed=seed,
            days=days or _tape_days(problem),
            first_days=first_days,
            work_limit=work_limit,
            stop=stop or (lambda: False),
            out_of_time=lambda: clock.over,
            progress=progress or (lambda _: None),
            engine=engine,
            workers=workers,
            bound=bound,
            beside=beside,
            start=None if start is None else indexed(problem.table, start),
            gap=gap,
        )
        ended = planning.run()
        try:
            return planning.proposal(ended, reproducible=not clock.over)
        except KeyboardInterrupt:  # meant for the search, which has just ended by itself: what it found is handed over
            return planning.proposal(ended, reproducible=not clock.over)


def unproved(runs: Runs) -> tuple[TargetResult, ...]:
    """How targets fare on customers that the search has seen: nothing is certified by them."""

    def capped(status: Status) -> Status:
        return "met" if status == "certified" else status

    return tuple(
        replace(
            one,
            status=capped(one.status),
            windows=tuple(replace(window, status=capped(window.status)) for window in one.windows),
        )
        for one in judge(runs)
    )


def _check(scenario: Scenario) -> None:
    if not scenario.targets:
        raise NothingToPlan(f"{scenario.name} has no targets: say in `targets` what is promised")
    if not scenario.shift_templates:
        raise NothingToPlan(f"{scenario.name} has no shift_templates: say there which shifts may be worked")


def _tape_days(problem: Problem) -> int:
    thorough = averaging(problem)
    blocks = round((LONG_TAPE_CONTACTS if thorough else TAPE_CONTACTS) / problem.contacts / LEAST_DAYS)
    return int(np.clip(blocks * LEAST_DAYS, LEAST_DAYS, LONG_DAYS if thorough else MOST_DAYS))


def problem_of(
    scenario: Scenario, objective: str, certificate_days: int, keep: Sequence[ShiftCount] = (),
    certificate_tries: float = CERTIFICATES,
) -> Problem:
    """What is to be planned; raises NothingToPlan where there is no shift or no price."""
    table = enumerate_shifts(scenario)
    if not len(table):
        raise NothingToPlan(f"{', '.join(scenario.shift_templates)}: {no_whole_interval(scenario)}")
    if objective == "cost" and not table.cost.any():
        raise NothingToPlan("the objective is cost, but no shift costs anything: give cost_per_hour or cost")
    return Problem(
        scenario=scenario,
        objective=objective,
        table=table,
        theory=Theory(scenario),
        caps=replace(caps_of(scenario), fixed=indexed(table, keep) if keep else None),
        certificate_days=certificate_days,
        certificate_tries=certificate_tries,
    )


class _Clock:
    """Says when the time is over; without a limit, never."""

    def __init__(self, seconds: float | None) -> None:
        self.over = False
        self._timer = None if seconds is None else threading.Timer(seconds, self._ring)

    def _ring(self) -> None:
        self.over = True

    def __enter__(self) -> "_Clock":
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()


@dataclass(kw_only=True, eq=False)
class _Planning:
    """One call of `propose` on its way."""

    problem: Problem
    seed: int
    days: int
    first_days: int
    work_limit: int | None
    stop: Callable[[], bool]
    out_of_time: Callable[[], bool]
    progress: Callable[[Progress], None]
    engine: str
    workers: int
    bound: bool
    beside: Sequence[Method]
    start: Ints | None
    gap: float | None

    def __post_init__(self) -> None:
        self.certificates: list[tuple[Ints, Certificate]] = []
        self.unreached: list[str] = []
        self.baselines: tuple[Baseline, ...] = ()
        self.bounds: tuple[Bound, ...] = ()
        self.courses: Courses | None = None
        self.levels: LevelSearch | None = None
        self.allowed = self._work_by_default() if self.work_limit is None else self.work_limit
        self.search = Search(
            problem=self.problem,
            tape=self._tape(self.days),
            price=lambda rows: price_of(self.problem.objective, self.problem.table, rows, self._interval_h),
            work_limit=self.allowed,
            stop=lambda: self.out_of_time() or self._near_enough() or self.stop(),
            tell=self.progress,
        )
        if self.start is not None:
            self.search.rows = self.problem.theory.requirement(self.problem.theory.levels())

    @property
    def _interval_h(self) -> float:
        return self.problem.scenario.horizon.interval / 3600

    def _work_by_default(self) -> int:
        plans = OF_GROUPS if len(self.problem.table.groups) > 1 else CANDIDATES
        return min(plans * self.days, max(round(CANDIDATE_CONTACTS / self.problem.contacts), ENOUGH_DAYS))

    def _tape(self, days: int) -> Tape:
        return Tape(self.problem.scenario, self.seed, 0, days, engine=self.engine, workers=self.workers)

    # ------------------------------------------------------------------------------------------------------ course

    def run(self) -> PlanStatus:
        """All phases; how it ended: certified, met, missed or infeasible, or stopped: interrupted or limit."""
        limited = False
        try:
            for attempt in range(CERTIFICATES):
                if attempt:
                    self._send_back()
                limited = self._attempt()
                if self.search.best is None:
                    return "limit"
                if self._refused_before() or self._certify().status == "certified" or limited or self.unreached:
                    break
        except (KeyboardInterrupt, Stopped):
            return "interrupted"
        for more in (self._try_all, self._compare):
            with suppress(KeyboardInterrupt, Stopped):  # what is proved by now stays proved without anything beside it
                more()
        status = self.certificates[self._chosen()][1].status
        if status == "certified":
            return status
        if self.unreached and status == "missed":
            return "infeasible"
        return "limit" if limited else status

    def _attempt(self) -> bool:
        """Search until nothing gets better; whether work or time ran out before."""
        search = self.search
        limited, by_levels = False, self._by_levels()
        first = not by_levels and not self.certificates
        search.work_limit = round((1 - RESERVED) * self.allowed) if first else self.allowed
        try:
            if by_levels:
                self._search_levels()
            else:
                self._search_groups()
        except OutOfWork:
            limited = not first
        except Stopped:
            if self.stop():
                raise
            limited = self.out_of_time()  # else near enough to the bound: good, unless the certificate is refused
        if search.best is not None and not search.best.holds:
            self.unreached = out_of_reach(self.problem, self._tape(min(self.days, LEAST_DAYS)))
        return limited

    def _by_levels(self) -> bool:
        """Whether the desk has one skill, and what may be simulated allows to look at every level."""
        return one_skill(self.problem) and (self._much_work() or not Courses(self._trials()).sums)

    def _much_work(self) -> bool:
        return self.work_limit is None or self.work_limit >= COURSE_DAYS

    def _trials(self) -> Trials:
        return Trials(
            problem=self.problem, seed=self.seed + 3, engine=self.engine, workers=self.workers, stop=self.search.stop
        )

    def _search_levels(self) -> None:
        """One skill: what each interval needs is simulated, then levels and shifts are chosen at once."""
        search = self.search
        if self.levels is None:
            self.courses = Courses(self._trials())
            if self.courses.sums:
                search.round()  # a plan to have at hand
                search.phase = "levels"
                search.report()
                self.courses.find_least(self._looks())
                self.courses.find_courses(SUM_DAYS if self._looks() > 1 else LOOKS[0])
            self.levels = self._level_search(self.courses)
            if self.start is not None:
                self.levels.begin(self.start)
                if self.gap is not None:
                    self._find_bounds()  # it may be good enough
        search.phase = "levels" if not self.certificates else "repair"
        self.levels.run()
        self._find_bounds()
        if search.best is not None and search.best.numbers.sum() <= FEW_SHIFTS:
            search.phase = "polish"
            polish(search)

    def _level_search(self, courses: Courses) -> LevelSearch:
        """By cuts where talk carries over into the next intervals and each has a target of its own.

        Least levels to begin from take as many days as a bound; on a very large desk they are not worth it without one.
        """
        many = self.problem.contacts > MANY_IN_A_DAY and self._looks() == 1
        if courses.sums or many or not carries_over(self.problem) or not self._much_work():
            return LevelSearch(self.search, courses)
        courses.find_least(self._looks())
        return CutSearch(self.search, courses)

    def _looks(self) -> int:
        """How long single intervals are looked at: as the bound does, if there is to be one."""
        return FEW_LOOKS if self.bound and not level_bound_lacks(self.problem) else 1

    def _search_groups(self) -> None:
        """Several skills: formulas and experience, then what single agents do, then local search."""
        search = self.search
        if self.start is not None and not self.certificates:
            search.phase = "start"
            search.evaluate(self.start)
        if not self.certificates or len(self.problem.table.groups) == 1:
            search.phase = "cover" if not self.certificates else "repair"
            if self._learns_effort():
                Efforts(search).run()
            else:
                search.run()
        self._find_bounds()
        effects: list[Effects] = []
        if len(self.problem.table.groups) > 1:
            effects = self._trade()
        search.phase = "polish"
        polish(search, effects)

    def _learns_effort(self) -> bool:
        """Whether the desk has several groups, is very large, and has contacts side by side: formulas err by load."""
        problem = self.problem
        very_large = len(problem.table.groups) > 1 and problem.contacts > MANY_IN_A_DAY and not averaging(problem)
        return very_large and any(at_once(problem.scenario, name) > 1 for name in problem.scenario.contact_types)

    def _trade(self) -> list[Effects]:
        """Several groups: columns where they say something, once; then the trust region.

        Effects of agents tell what to leave out where formulas do not: where types may be let down for hours. A refused
        plan lacks little and is mended for less than one that has been too dear all along is thinned out.
        """
        search = self.search
        base = search.least(leaning) if self.certificates else None
        thorough = averaging(self.problem)
        if worthwhile(self.problem) and not self.certificates:
            search.phase = "mix"
            base = generate(search)
        search.phase = "trade" if not self.certificates else "repair"
        effects = improve(search, base, fine=bool(self.certificates), **(THOROUGH if thorough else {}))
        return effects if thorough else []

    def _refused_before(self) -> bool:
        """Whether the best plan is one that was refused: another try with other customers would be cheating."""
        best = self.search.best
        return any(best is not None and (numbers == best.numbers).all() for numbers, _ in self.certificates)

    def _certify(self) -> Certificate:
        best, problem = self.search.best, self.problem
        assert best is not None
        self.search.phase = "certify"
        self.search.report()
        certificate = certify(
            problem.scenario,
            problem.staffing(best.numbers),
            replications=self.first_days,
            most=problem.certificate_days,
            attempt=len(self.certificates),
            seed=self.seed + 1,
            first=len(self.certificates) * problem.certificate_days,
            engine=self.engine,
            workers=self.workers,
            stop=self.stop,
        )
        self.certificates.append((best.numbers, certificate))
        return certificate

    def _send_back(self) -> None:
        """Larger margins where the last certificate was refused."""
        certificate = self.certificates[-1][1]
        uncertified: dict[int, Ints] = {}
        for g, result in enumerate(certificate.judged):
            bad = [window.status != "certified" for window in result.windows]
            value = score(self.problem.scenario, self.problem.theory.goals[g], certificate.runs).value
            uncertified[g] = np.flatnonzero(np.isfinite(value))[np.flatnonzero(bad)]
        if self.levels is not None:
            self.levels.warned(certificate.runs, uncertified)
        else:
            self.search.warned(certificate.runs, uncertified)

    def _try_all(self) -> None:
        """A bound from trying all that is cheaper than a certified plan, where that is not much and says more."""
        numbers, certificate = self.certificates[self._chosen()]
        worth, search = self.problem.worth(numbers)[0], self.search
        proven = max((bound.value or 0.0 for bound in self.bounds if bound.bound_class == "proven"), default=0.0)
        if not self.bound or not self._much_work() or certificate.status != "certified" or proven >= worth - 1e-9:
            return
        search.phase = "bound"
        search.report()
        found = tried_bound(
            self.problem, worth, above=proven, seed=self.seed + 4, engine=self.engine, workers=self.workers,
            stop=search.stop,
        )  # fmt: skip
        if found is not None:
            self.bounds = ranked([*self.bounds, found])

    def _chosen(self) -> int:
        """The best certificate: first the better status, then the cheaper plan."""
        found = self.certificates
        return max(
            range(len(found)),
            key=lambda c: (RANK[found[c][1].status], [-w for w in self.problem.worth(found[c][0])], c),
        )

    def _compare(self) -> None:
        """The usual plans, simulated on the certificate's customers."""
        self.search.phase = "baseline"
        self.search.report()
        runs = self.certificates[self._chosen()][1].runs
        simulator = Simulator(
            seed=self.seed, days=self.first_days, engine=self.engine, workers=self.workers, stop=self.stop
        )
        self.baselines = beside(self.problem, self.beside, runs, simulator)

    # ---------------------------------------------------------------------------------------------------- proposal

    def proposal(self, ended: PlanStatus, *, reproducible: bool) -> Proposal:
        """What is handed over: the best certified plan, else the best there is."""
        numbers, runs, judged, fresh = self._evidence()
        scenario, search = self.problem.scenario, self.search
        staffing = self.problem.staffing(numbers)
        values: dict[str, Any] = figures(scenario, staffing) | evidence_of(runs, _records(judged), fresh)
        values |= bound_fields(self.bounds, self.problem.worth(numbers)[0])
        plan = Plan(
            name=f"{scenario.name} at least {self.problem.objective}",
            scenario=scenario.name,
            scenario_hash=scenario.hash,
            objective=self.problem.objective,
            mode=staffing_mode(staffing),
            shifts=staffing.shifts or (),
            status=ended,
            solver=solver_record(search.model.solved) if search.model else None,
            reasons=tuple(self.unreached) if ended == "infeasible" else (),
            shortages=() if ended == "interrupted" else shortages(search),
            baselines=self.baselines,
            search=SearchRecord(
                seed=self.seed,
                tape_days=self.days,
                simulated_days=search.simulated,
                solves=search.solves,
                certificates=len(self.certificates),
                reproducible=reproducible and ended != "interrupted",
                mixture=search.mixture,
            ),
            notes=tuple(self._notes()),
            **values,
        )
        return Proposal(plan=plan, runs=runs, judged=judged, required=self._required(numbers))

    def _find_bounds(self) -> None:
        """What no plan can beat, once there is a plan to compare; nothing where nobody asked or there is no time."""
        search = self.search
        if not self.bound or self.bounds or search.runs is None or self.stop():
            return
        search.phase = "bound"
        search.report()
        self.bounds = lower_bounds(
            self.problem, search.runs, seed=self.seed + 3, engine=self.engine, workers=self.workers, stop=search.stop,
            courses=self.courses,
        )  # fmt: skip
        search.bound = self.bounds[0].value

    def _near_enough(self) -> bool:
        """Whether the best plan holds and is as near to the bound as was asked for."""
        best, bound = self.search.best, self.search.bound
        return bool(
            self.gap is not None and bound and best and best.holds and best.worth[0] <= bound * (1 + self.gap) + 1e-9
        )

    def _evidence(self) -> tuple[Ints, Runs, tuple[TargetResult, ...], bool]:
        if self.certificates:
            numbers, certificate = self.certificates[self._chosen()]
            return numbers, certificate.runs, certificate.judged, True
        numbers, runs = self._interrupted()
        return numbers, runs, unproved(runs), False

    def _interrupted(self) -> tuple[Ints, Runs]:
        """The best plan on the tape, or on as many of its days as can be counted in full without a wait.

        Where none was simulated yet: what the covering model says, on the least of customers.
        """
        search, days = self.search, 1
        best, runs = search.best, search.runs
        if best is not None and runs is not None:
            if not runs.promised_only:
                return best.numbers, runs
            days = int(np.clip(SOON_CONTACTS / self.problem.contacts, 1, search.tape.days))
        found = best or search.model
        numbers = np.zeros(len(self.problem.table), dtype=np.int64) if found is None else found.numbers
        return numbers, search.tape.beginning(days).runs(self.problem.staffing(numbers))

    def _notes(self) -> list[str]:
        names, theory = list(self.problem.scenario.contact_types), self.problem.theory
        notes = []
        if theory.untargeted:
            types = ", ".join(names[k] for k in theory.untargeted)
            notes.append(f"no target speaks of {types}: nobody is planned for them alone")
        if self.problem.table.thinned:
            notes.append(f"more than {MOST_SHIFTS:,} shifts: fewer placings of breaks were tried")
        return notes

    def _required(self, numbers: Ints) -> Ints:
        """Agents of the plan that the requirement it came from needs, [group, interval]: idle ones taken out."""
        supply = self.problem.table.supply(numbers)
        rows = self.search.rows
        return supply if rows is None else needed(rows, supply)


def needed(rows: Rows, supply: Ints) -> Ints:
    """As few of `supply[group, interval]` as keep every row as well covered as it is, or as it needs to be.

    Agents of the last group are let go first.
    """
    kept = supply.copy()
    goal = np.minimum(rows.agents, rows.supplied(supply))
    for group in range(len(kept))[::-1]:
        worth = rows.worth[:, group]
        spare = rows.supplied(kept) - goal
        with np.errstate(divide="ignore", invalid="ignore"):
            loose = np.where(worth[:, None] > 0, np.floor(spare / worth[:, None] + 1e-9), np.inf).min(axis=0)
        kept[group] -= np.minimum(np.where(np.isfinite(loose), loose, 0), kept[group]).astype(np.int64)
    return kept


def _records(judged: tuple[TargetResult, ...] | list[TargetResult]) -> tuple[TargetRecord, ...]:
    return tuple(target_record(result) for result in judged)
