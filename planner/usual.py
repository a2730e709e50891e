"""A usual plan as a proposal of its own (`peakdesk plan --method erlang-c`), judged on fresh customers like any."""

from collections.abc import Callable
from typing import Any

from planner.baseline import Method, Simulator, named, usual
from planner.certificate import FIRST_DAYS, certify
from planner.plan import Plan, SearchRecord, evidence_of, figures, solver_record
from planner.propose import Proposal, problem_of
from planner.search import Progress
from sim.experiment import Stopped
from sim.results import staffing_mode
from sim.scenario import Scenario
from sim.summary import target_record


def propose_usual(
    scenario: Scenario,
    method: Method,
    *,
    objective: str | None = None,
    seed: int = 1,
    certify_replications: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
    engine: str = "auto",
    workers: int = 1,
) -> Proposal:
    """What a planner with formulas and a covering model would propose; repaired, with a simulator too.

    Raises NothingToPlan, and KeyboardInterrupt when told to stop: there is no best plan before the first.
    """
    days = certify_replications or FIRST_DAYS
    problem = problem_of(scenario, objective or scenario.objective, days)
    simulator = Simulator(seed=seed, days=days, engine=engine, workers=workers, stop=stop)
    if progress is not None:
        progress(Progress(phase=named(method), heads=None, worth=None, holds=False, simulated_days=0, solves=0))
    try:
        found, repairs = usual(problem, method, simulator)
        staffing = problem.staffing(found.numbers)
        certificate = certify(
            scenario, staffing, replications=days, seed=seed + 1, engine=engine, workers=workers,
            stop=stop,
        )  # fmt: skip
    except Stopped:
        raise KeyboardInterrupt from None
    records = tuple(target_record(one) for one in certificate.judged)
    values: dict[str, Any] = figures(scenario, staffing) | evidence_of(certificate.runs, records, fresh=True)
    plan = Plan(
        name=f"{scenario.name} by {named(method)}",
        scenario=scenario.name,
        scenario_hash=scenario.hash,
        objective=problem.objective,
        mode=staffing_mode(staffing),
        shifts=staffing.shifts or (),
        status=certificate.status,
        solver=solver_record(found.solved),
        search=SearchRecord(
            seed=seed,
            tape_days=days,
            simulated_days=repairs * days,
            solves=repairs + 1,
            certificates=1,
            reproducible=True,
        ),
        notes=(f"by {named(method)}, no search: {repairs} repairs",),
        **values,
    )
    supply = problem.table.supply(found.numbers)
    return Proposal(plan=plan, runs=certificate.runs, judged=certificate.judged, required=supply)
