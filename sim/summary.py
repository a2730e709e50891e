"""Runs -> Result: which figures a result holds, its targets, its warnings, its tables."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import numpy as np

from sim import full_measures
from sim.chances import chance_records
from sim.controls import controls_of
from sim.estimates import LEVEL, Controls, Sample, estimates_of, exact, variance_ratio
from sim.experiment import Runs, experiment
from sim.measures import (
    ABANDONMENT,
    ASA,
    BOT,
    COUNTS,
    HANDLING,
    OCCUPANCY,
    OVERTIME,
    POSITIONS,
    QUEUE_LENGTH,
    SCHEDULED,
    SERVICE_FORMULAS,
    WAITS,
    Axis,
    Figure,
    blocks_of,
    cells,
    estimate_figure,
    estimate_wait,
    money,
    sample_of,
    service_level,
)
from sim.metrics import QUANTILES, target_types
from sim.payroll import Pay, payroll, total
from sim.results import (
    By,
    PlanRecord,
    Record,
    Result,
    Row,
    SavedRecord,
    StoppingRecord,
    TargetRecord,
    VarianceReductionRecord,
    WindowRecord,
    record,
    scenario_record,
    staffing_mode,
    versions,
)
from sim.scenario import Scenario, Target
from sim.staffing import StaffingPlan
from sim.targets import TargetResult, judge, target_sample

MANY_ABANDON = 0.05
FLATTERED = ("SL-2", "SL-4", "SL-6")
"""Service levels that look better the more of the late ones hang up."""


def summarise(runs: Runs, *, level: float = LEVEL, plain: bool = False) -> list[Record]:
    """The estimates of a result: in all, by type, channel, group, day and interval; few by two of them.

    `plain`: without control variates.
    """
    controls = None if plain else controls_of(runs.scenario, runs.tallies)
    return [
        *_figures(runs, level, controls),
        *_courses(runs, level, controls),
        *_waits(runs, level, controls),
        *_costs(runs, level, controls),
        *chance_records(runs, level=level),
        *pay_records(runs),
    ]


def result_of(
    runs: Runs,
    *,
    command: str,
    judged: Sequence[TargetResult] | None = None,
    plan: PlanRecord | None = None,
    more: Iterable[Record] = (),
    warnings: Iterable[str] = (),
    stopping: StoppingRecord | None = None,
    plain: bool = False,
) -> Result:
    """A whole result. `judged` are its targets, by default those of the scenario; `more` are further estimates.

    `plain`: without control variates.
    """
    targets = judge(runs, plain=plain) if judged is None else judged
    return Result(
        command=command,
        scenario=scenario_record(runs.scenario),
        staffing=staffing_mode(runs.plan),
        engine=runs.engine,
        seed=runs.seed,
        first=runs.first,
        replications=runs.replications,
        versions=versions(),
        estimates=(*summarise(runs, plain=plain), *more),
        targets=tuple(target_record(target) for target in targets),
        plan=plan,
        variance_reduction=None if plain else variance_reduction(runs),
        stopping=stopping,
        warnings=tuple(dict.fromkeys((*_warnings(runs, plain), *_unreached(stopping), *warnings))),
    )


def simulate(
    scenario: Scenario,
    plan: StaffingPlan | None = None,
    *,
    replications: int = 100,
    seed: int = 1,
    engine: str = "auto",
    workers: int = 1,
) -> Result:
    """Simulate a desk and say what came of it."""
    runs = experiment(scenario, plan, replications=replications, seed=seed, engine=engine, workers=workers)
    return result_of(runs, command="simulate")


# ----------------------------------------------------------------------------------------------------- estimates


def chosen(scenario: Scenario) -> Iterator[tuple[Figure, tuple[Axis, ...]]]:
    """Which figures are given by what; the default service level comes before its siblings."""
    service = service_level(scenario)
    main = (service, *COUNTS, *WAITS, *HANDLING)
    bot = BOT if any(kind.bot for kind in scenario.contact_types.values()) else ()
    agents = (OCCUPANCY, SCHEDULED, POSITIONS)
    by: dict[tuple[Axis, ...], tuple[Figure, ...]] = {
        (): (
            *main,
            *(service_level(scenario, formula) for formula in SERVICE_FORMULAS if formula != service.formula),
            *bot,
            *agents,
            OVERTIME,
        ),
        ("type",): (*main, *bot),
        ("channel",): main if len(scenario.channels) > 1 else (),
        ("group",): (*agents, OVERTIME),
        ("day",): (service, *COUNTS, ASA, ABANDONMENT, *agents) if len(scenario.horizon.days) > 1 else (),
        ("interval",): (service, *COUNTS, ASA, ABANDONMENT, QUEUE_LENGTH, *agents),
        ("type", "interval"): (QUEUE_LENGTH,) if len(scenario.contact_types) > 1 else (),
        ("group", "interval"): (OCCUPANCY, SCHEDULED),
    }
    yield from ((figure, axes) for axes, figures in by.items() for figure in figures)
    yield from full_measures.chosen(scenario)


def _figures(runs: Runs, level: float, controls: Controls | None) -> Iterator[Record]:
    for figure, by in chosen(runs.scenario):
        yield from _records(figure, runs, by, level, controls)


def _records(
    figure: Figure, runs: Runs, by: tuple[Axis, ...], level: float, controls: Controls | None
) -> Iterator[Record]:
    """A figure in every cell of `by`."""
    found = estimate_figure(figure, runs.scenario, runs.tallies, by, first=runs.first, level=level, controls=controls)
    for key, one in zip(_keys(runs.scenario, by), found, strict=True):
        yield record(figure.measure, figure.unit, _of_segment(key, figure), one)


def _of_segment(key: By, figure: Figure) -> By:
    return {**key, "segment": figure.segment} if figure.segment else key


def _courses(runs: Runs, level: float, controls: Controls | None) -> Iterator[Record]:
    """The service level that each target asks for, by interval, as segments "target 1", "target 2" and so on."""
    blocks = blocks_of(runs.scenario, runs.first, runs.replications)
    for number, target in enumerate(runs.scenario.targets, start=1):
        if target.measure == "service_level":
            sample = target_sample(target.model_copy(update={"per": "interval"}), runs)
            found = estimates_of(sample, level=level, blocks=blocks, controls=controls, formula=target.formula)
            for key, one in zip(_keys(runs.scenario, ("interval",)), found, strict=True):
                yield record(target.measure, "share", {**key, "segment": f"target {number}"}, one)


def _keys(scenario: Scenario, by: Sequence[Axis]) -> list[By]:
    return cast(list[By], cells(scenario, by))


def _waits(runs: Runs, level: float, controls: Controls | None) -> Iterator[Record]:
    """Quantiles and the longest wait, in all and by type."""
    names = list(runs.scenario.contact_types)
    of: list[tuple[By, list[int]]] = [({}, list(range(len(names))))]
    of += [({"type": name}, [k]) for k, name in enumerate(names)]
    for measure in (*QUANTILES, "wait_max"):
        for by, types in of:
            found = estimate_wait(
                measure, runs.scenario, runs.tallies, types, first=runs.first, level=level, controls=controls
            )
            yield record(measure, "s", by, found)


def _costs(runs: Runs, level: float, controls: Controls | None) -> Iterator[Record]:
    """Money by type and in all, with the pay on paper in it; what a contact costs that was answered or contained."""
    scenario = runs.scenario
    blocks, currency = blocks_of(scenario, runs.first, runs.replications), scenario.costs.currency
    customers = full_measures.customer_money(scenario)
    for figure in (*money(scenario), *customers):
        yield from _records(figure, runs, (), level, controls)
        yield from _records(figure, runs, ("type",), level, controls)
    spent, each = spendings(runs)
    whole = estimates_of(spent, level=level, blocks=blocks, controls=controls, formula="COST-5")
    per_contact = estimates_of(each, level=level, blocks=blocks, controls=controls, formula="COST-6")
    yield record("cost", currency, {}, whole.cell())
    settled = estimates_of(
        Sample(spent.numerator, full_measures.settled_contacts(runs.tallies).sum(axis=(1, 2))),
        level=level, blocks=blocks, controls=controls, formula="COST-8",
    )  # fmt: skip
    yield record("cost_per_contact", f"{currency}/contact", {}, per_contact.cell())
    yield record("cost_per_settled_contact", f"{currency}/contact", {}, settled.cell())
    used = estimates_of(utilisation(runs), level=level, blocks=blocks, controls=controls, formula="OCC-4")
    of: list[By] = [{}, *(By(group=name) for name in scenario.agent_groups)]
    for by, one in zip(of, used, strict=True):
        yield record("utilisation", "share", by, one)


def utilisation(runs: Runs) -> Sample:
    """Time at the desk over paid time, [replication, all and each group] (OCC-4)."""
    there = runs.tallies.staffed_ms.sum(axis=2)
    paid = np.array([pay.paid_hours for pay in payroll(runs.scenario, runs.plan).values()]) * 3.6e6
    both = (np.concatenate([part.sum(axis=-1, keepdims=True), part], axis=-1) for part in (there, paid))
    top, bottom = both
    return Sample(top, np.broadcast_to(bottom, top.shape), counts=False)


def spendings(runs: Runs) -> tuple[Sample, Sample]:
    """What each replication cost, in all (COST-5) and per contact answered or contained (COST-6)."""
    tally = runs.tallies
    spent = np.full(runs.replications, total(payroll(runs.scenario, runs.plan).values()).cost)
    for figure in money(runs.scenario):
        if figure.measure != "lost_value":
            spent = spent + figure.numerator(tally).sum(axis=(1, 2))
    done = tally.answered + tally.bot_resolved + tally.bot_contained_unresolved
    return Sample(spent), Sample(spent, done.sum(axis=(1, 2)))


def pay_records(runs: Runs) -> Iterator[Record]:
    """The plan on paper, in all and by group."""
    groups = payroll(runs.scenario, runs.plan)
    of: list[tuple[By, Pay]] = [({}, total(groups.values()))]
    of += [({"group": name}, pay) for name, pay in groups.items()]
    for by, pay in of:
        for measure, formula, unit, value in (
            ("shifts_worked", "STAFF-4", "shifts", pay.shifts_worked),
            ("heads", "STAFF-5", "heads", pay.heads),
            ("fte", "STAFF-6", "full-time days", pay.fte),
            ("paid_hours", "STAFF-7", "h", pay.paid_hours),
            ("agent_cost", "COST-1", runs.scenario.costs.currency, pay.cost),
        ):
            if value is not None:
                found = exact(float(value), replications=runs.replications, formula=formula)
                yield record(measure, unit, by, found)


def required_records(runs: Runs, required: Any) -> Iterator[Record]:
    """What a planner required, agents [group, interval]: by interval, by group and interval; schedule efficiency."""
    scenario, needed = runs.scenario, np.asarray(required, dtype=np.float64)
    interval, both = _keys(scenario, ("interval",)), _keys(scenario, ("group", "interval"))
    for by, value in (*zip(interval, needed.sum(axis=0), strict=True), *zip(both, needed.ravel(), strict=True)):
        yield record("required", "agents", by, exact(float(value), replications=runs.replications, formula="STAFF-9"))
    due = runs.tallies.scheduled_ms.mean(axis=0) / scenario.horizon.interval_ms
    share = float(np.minimum(needed, due).sum() / due.sum()) if due.sum() else None
    found = exact(share, replications=runs.replications, formula="STAFF-8")
    yield record("schedule_efficiency", "share", {}, found)


# ------------------------------------------------------------------------------------------------------- targets


def target_record(result: TargetResult) -> TargetRecord:
    """A judged target as it stands in a result."""
    target, worst = result.target, result.worst
    return TargetRecord(
        measure=target.measure,
        formula=target.formula if target.measure == "service_level" else worst.estimate.formula if worst else "",
        contact_types=target.contact_types,
        agent_groups=target.agent_groups,
        threshold_s=target.threshold,
        strict=target.strict,
        at_least=target.at_least,
        at_most=target.at_most,
        per=target.per,
        confidence=target.confidence,
        unit=result.unit,
        status=result.status,
        comparisons=result.comparisons,
        estimate=record(target.measure, result.unit, cast(By, worst.by), worst.estimate) if worst else None,
        windows=tuple(
            WindowRecord(
                by=cast(By, window.by),
                status=window.status,
                mean=window.estimate.mean,
                low=window.estimate.low,
                high=window.estimate.high,
            )
            for window in result.windows
        ),
    )


# ------------------------------------------------------------------------------------------------------ warnings


def variance_reduction(runs: Runs) -> VarianceReductionRecord:
    """What strata and controls were worth to the figures that people ask for first."""
    scenario, tally = runs.scenario, runs.tallies
    blocks, controls = blocks_of(scenario, runs.first, runs.replications), controls_of(scenario, tally)
    saved = []
    for figure in (service_level(scenario), ASA, ABANDONMENT, OCCUPANCY):
        factor = float(variance_ratio(sample_of(figure, scenario, tally), blocks, controls))
        if np.isfinite(factor):
            found = SavedRecord(
                measure=figure.measure,
                formula=figure.formula,
                factor=factor,
                equivalent=round(factor * runs.replications),
            )
            saved.append(found)
    return VarianceReductionRecord(
        strata="blocks of 16" if scenario.busyness.cv > 0 else None,
        controls=controls.names if controls else (),
        saved=tuple(saved),
    )


def _warnings(runs: Runs, plain: bool) -> Iterator[str]:
    scenario, tally = runs.scenario, runs.tallies
    if runs.replications < 2:
        yield "one replication has no intervals: use --replications 2 or more"
    elif scenario.busyness.cv > 0 and not _shows_strata(runs, plain):
        yield "intervals are conservative: stratified busyness shows in them from 8 whole blocks of 16 replications on"
    for target in scenario.targets:
        if (
            target.measure == "service_level"
            and target.formula in FLATTERED
            and not _limits_abandonment(target, scenario)
        ):
            types = target_types(scenario, target)
            gone, offered = tally.abandoned[:, types].sum(), tally.offered[:, types].sum()
            if gone > MANY_ABANDON * offered:
                yield (
                    f"{gone / offered:.1%} of {_names(target)} abandon, and {target.formula} does not count them all: "
                    "add a target on abandonment, or use SL-3"
                )


def _unreached(stopping: StoppingRecord | None) -> Iterator[str]:
    if stopping and not stopping.reached:
        missed = ", ".join(stopping.looks[-1].missed)
        yield f"{missed}: not reached within {stopping.maximum} replications: give more with --max-replications"


def _shows_strata(runs: Runs, plain: bool) -> bool:
    """Whether intervals know how much stratified busyness helps."""
    controlled = not plain and controls_of(runs.scenario, runs.tallies) is not None
    return controlled or blocks_of(runs.scenario, runs.first, runs.replications) is not None


def _limits_abandonment(target: Target, scenario: Scenario) -> bool:
    """Whether targets on abandonment cover all its types."""
    limits = (other for other in scenario.targets if other.measure == "abandonment")
    limited = {k for other in limits for k in target_types(scenario, other)}
    return limited >= set(target_types(scenario, target))


def _names(target: Target) -> str:
    return "all contacts" if target.contact_types == "all" else ", ".join(target.contact_types)


# -------------------------------------------------------------------------------------------------------- tables


def tables(runs: Runs, *, plain: bool = False) -> dict[str, list[Row]]:
    """Tidy tables of means: `intervals`, one row per type and interval; `groups`, one per agent group and interval."""
    service = service_level(runs.scenario)
    controls = None if plain else controls_of(runs.scenario, runs.tallies)
    return {
        "intervals": _table(runs, "type", (*COUNTS, service, ASA, ABANDONMENT, QUEUE_LENGTH), controls),
        "groups": _table(runs, "group", (SCHEDULED, POSITIONS, OCCUPANCY), controls),
    }


def _table(runs: Runs, rows: Axis, figures: Sequence[Figure], controls: Controls | None) -> list[Row]:
    by: tuple[Axis, ...] = (rows, "interval")
    columns: dict[str, list[float | None]] = {}
    for figure in figures:
        found = estimate_figure(figure, runs.scenario, runs.tallies, by, first=runs.first, controls=controls)
        columns[figure.measure] = [one.mean for one in found]
    return [
        {"interval": key["interval"]["index"], "start": key["interval"]["start"], rows: key[rows]}
        | {measure: values[i] for measure, values in columns.items()}
        for i, key in enumerate(cells(runs.scenario, by))
    ]
