"""Many replications of one desk: draw the customers, let the agents come, run, measure, keep only the tally.

Replication number r of a seed is the same whatever else is run, by any number of workers. A tape keeps the customers
of some replications, so that many plans can be tried on the same ones.
"""

from collections.abc import Callable, Generator
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from math import ceil

from sim import attendance, routing
from sim import engine as engines
from sim.demand import Demand
from sim.executors import in_chunks, in_order
from sim.full_tally import parts_of, parts_promised, tally_run, wants_table
from sim.metrics import Pile, Tally, join, measured, tally_of
from sim.scenario import Scenario
from sim.shrinkage import Crews
from sim.staffing import StaffingPlan
from sim.start import started
from sim.workload import Workload, contacts_expected, workload

Customers = Callable[[int], Demand]
Progress = Callable[[int, int], None]
Stop = Callable[[], bool]

COST_MS = {"compiled": (1.0, 0.0004), "reference": (1.0, 0.02)}
"""Least milliseconds of a replication, and of each contact in it, on a machine of today."""
WORTH_SENDING_MS = 100
CHUNK = 32
"""Replications of a piece: whole blocks, so that strata can be seen in it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Runs:
    """What replications `first` to `first` + `replications` - 1 of a seed came to under one plan.

    `promised_only`: of full runs, no more was counted than what the scenario's targets are read from.
    """

    scenario: Scenario
    plan: StaffingPlan
    seed: int
    first: int
    replications: int
    engine: str
    tallies: Tally
    promised_only: bool = False

    def then(self, later: "Runs") -> "Runs":
        """These replications and the ones right after them as one; ValueError where they do not follow."""
        next_one = (self.seed, self.first + self.replications, self.plan, self.scenario)
        if (later.seed, later.first, later.plan, later.scenario) != next_one:
            raise ValueError("only the next replications of the same seed, scenario and plan can be joined")
        tallies = join([self.tallies, later.tallies])
        return replace(self, replications=self.replications + later.replications, tallies=tallies)


class Stopped(Exception):
    """An experiment was stopped between two replications; `runs` holds what was done, None where nothing was."""

    def __init__(self, runs: Runs | None) -> None:
        super().__init__(f"stopped after {runs.replications if runs else 0} replications")
        self.runs = runs


def plan_of(scenario: Scenario, plan: StaffingPlan | None) -> StaffingPlan:
    """The plan that is given, else the scenario's own; ValueError without either."""
    chosen = plan if plan is not None else scenario.staffing
    if chosen is None:
        raise ValueError(f"{scenario.name} has no staffing: give a plan, or let `peakdesk plan` propose one")
    return chosen


def engine_for(scenario: Scenario, engine: str, replications: int) -> str:
    """The engine that "auto" stands for, or the one that is named."""
    contacts = contacts_expected(scenario)
    return engines.choose(engine, contacts * replications, scenario.horizon.length_ms)


def simulation(
    scenario: Scenario, plan: StaffingPlan, seed: int, engine: str, *,
    customers: Customers | None = None, crews: Crews | None = None, promised_only: bool = False,
) -> Callable[[int], Tally]:  # fmt: skip
    """The function that simulates one replication, by its number, on the engine "compiled" or "reference"."""
    rules, by = routing.rules(scenario), measured(scenario)
    parts = parts_promised(scenario) if promised_only else None
    draw = customers or partial(engines.sample, scenario, seed, name=engine)
    only_sums = engine == "compiled" and not wants_table(scenario, rules)

    def one(replication: int) -> Tally:
        staffing, came = attendance.attend(scenario, plan, seed, replication, crews), draw(replication)
        if only_sums:
            return tally_of(engines.sums(came, staffing, rules, by), scenario, staffing)
        outcome, came = started(scenario, staffing, rules, came, engine)
        return tally_run(outcome, scenario, staffing, rules, came, parts=parts)

    return one


@dataclass(frozen=True)
class Task:
    """An experiment as data for workers elsewhere: scenario and plan as JSON."""

    scenario: str
    plan: str
    seed: int
    engine: str


@lru_cache(maxsize=8)
def _unpacked(task: Task) -> Callable[[int], Tally]:
    scenario = Scenario.model_validate_json(task.scenario)
    return simulation(scenario, StaffingPlan.model_validate_json(task.plan), task.seed, task.engine)


def work(task: Task, replications: range) -> list[Tally]:
    """Some replications of a task: what a worker does, wherever it is."""
    return list(map(_unpacked(task), replications))


def chunk(engine: str, contacts: float) -> int:
    """How many replications of so many contacts each are worth a message to a worker."""
    start, each = COST_MS[engine]
    return ceil(WORTH_SENDING_MS / (start + each * contacts))


def experiment(
    scenario: Scenario,
    plan: StaffingPlan | None = None,
    *,
    replications: int,
    seed: int,
    first: int = 0,
    engine: str = "auto",
    workers: int = 1,
    executor: Executor | None = None,
    customers: Customers | None = None,
    crews: Crews | None = None,
    promised_only: bool = False,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> Runs:
    """Simulate `plan`, or the scenario's own staffing, by `workers` threads or else wherever the executor does.

    `customers(replication)` gives the Demand of a replication, drawn from the seed by default; they cannot travel to
    an executor, nor can the `crews` known from other plans on this scenario and seed. `promised_only`: of a full run
    count but what its targets are read from, which is enough for a search. `progress(done, total)` is told of each
    replication; when `stop()` holds between two of them, `Stopped` is raised with those done. All tallies are held at
    once: for many replications see `chunks`.
    """
    whole = _course(scenario, plan, seed, range(first, first + replications), engine, promised_only=promised_only)
    pile = Pile(replications)
    with closing(whole.tallies(workers, executor, customers, crews)) as coming:
        while pile.done < replications:
            if stop is not None and stop():
                raise Stopped(whole.runs(pile, first) if pile.done else None)
            pile.add(next(coming))
            if progress is not None:
                progress(pile.done, replications)
    return whole.runs(pile, first)


def chunks(
    scenario: Scenario,
    plan: StaffingPlan | None = None,
    *,
    replications: int,
    seed: int,
    first: int = 0,
    engine: str = "auto",
    workers: int = 1,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Generator[Runs, None, None]:
    """The same, piece by piece: replications up to the next number that is a multiple of `CHUNK`, and so on.

    Workers go on while a piece is looked at. Whoever lets go of the pieces needs no more memory for many replications
    than for few.
    """
    whole = _course(scenario, plan, seed, range(first, first + replications), engine)
    at, end = first, first + replications
    with closing(whole.tallies(workers, executor)) as coming:
        while at < end:
            pile = Pile(min(CHUNK - at % CHUNK, end - at))
            while pile.done < pile.most:
                pile.add(next(coming))
                if progress is not None:
                    progress(at - first + pile.done, replications)
            yield whole.runs(pile, at)
            at += pile.done


def _course(
    scenario: Scenario, plan: StaffingPlan | None, seed: int, numbers: range, engine: str, *,
    promised_only: bool = False,
) -> "_Course":  # fmt: skip
    if not numbers:
        raise ValueError(f"replications is {numbers.stop - numbers.start}: at least 1")
    return _Course(
        scenario=scenario,
        plan=plan_of(scenario, plan),
        seed=seed,
        numbers=numbers,
        engine=engine_for(scenario, engine, len(numbers)),
        promised_only=promised_only and bool(parts_of(scenario)),
    )


@dataclass(frozen=True, kw_only=True)
class _Course:
    """Some replications of a plan, about to be run."""

    scenario: Scenario
    plan: StaffingPlan
    seed: int
    numbers: range
    engine: str
    promised_only: bool

    def tallies(
        self, workers: int, executor: Executor | None, customers: Customers | None = None, crews: Crews | None = None
    ) -> Generator[Tally, None, None]:
        """The tally of each replication, in order."""
        if executor is None:
            task = simulation(
                self.scenario, self.plan, self.seed, self.engine,
                customers=customers, crews=crews, promised_only=self.promised_only,
            )  # fmt: skip
            return in_order(task, self.numbers, workers)
        if customers is not None or self.promised_only:
            raise ValueError("customers and promised_only stay in this process: give no executor")
        contacts = contacts_expected(self.scenario)
        data = Task(self.scenario.model_dump_json(), self.plan.model_dump_json(), self.seed, self.engine)
        return in_chunks(partial(work, data), self.numbers, executor, chunk(self.engine, contacts))

    def runs(self, done: Pile, first: int) -> Runs:
        """The replications of a pile, from number `first` on."""
        return Runs(
            scenario=self.scenario,
            plan=self.plan,
            seed=self.seed,
            first=first,
            replications=done.done,
            engine=self.engine,
            tallies=done.stacked(),
            promised_only=self.promised_only,
        )


@dataclass(frozen=True, eq=False)
class Tape:
    """The customers of replications `first` to `first` + `days` - 1, drawn once to try many plans on."""

    scenario: Scenario
    seed: int
    first: int
    days: int
    engine: str = "auto"
    workers: int = 1

    @cached_property
    def demands(self) -> tuple[Demand, ...]:
        """The customers, day by day."""
        numbers = range(self.first, self.first + self.days)
        return tuple(engines.sample(self.scenario, self.seed, day, self._engine) for day in numbers)

    @property
    def _engine(self) -> str:
        """The engine that "auto" stands for."""
        return engines.choose(self.engine, horizon_ms=self.scenario.horizon.length_ms)

    def beginning(self, days: int) -> "Tape":
        """Its first days, with the customers if they are drawn already."""
        part = replace(self, days=days)
        if "demands" in vars(self):
            vars(part)["demands"] = self.demands[:days]
        return part

    @cached_property
    def _crews(self) -> Crews:
        """Who came of the teams of earlier plans."""
        return Crews()

    def runs(
        self, plan: StaffingPlan, *, promised_only: bool = False, progress: Progress | None = None,
        stop: Stop | None = None,
    ) -> Runs:  # fmt: skip
        """Simulate a plan on all days, as `experiment` does; raises `Stopped`."""
        return experiment(
            self.scenario,
            plan,
            replications=self.days,
            seed=self.seed,
            first=self.first,
            engine=self._engine,
            workers=self.workers,
            customers=lambda replication: self.demands[replication - self.first],
            crews=self._crews,
            promised_only=promised_only,
            progress=progress,
            stop=stop,
        )

    def tallies(self, plan: StaffingPlan) -> Tally:
        """The stacked tallies of a plan on all days."""
        return self.runs(plan).tallies


__all__ = [
    "Customers", "Progress", "Runs", "Stop", "Stopped", "Tape", "Workload", "chunks", "contacts_expected", "engine_for",
    "experiment", "plan_of", "workload",
]  # fmt: skip
