"""Runs -> Result: which figures a result holds, its targets, its warnings, its tables."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, cast

import numpy as np

from sim import full_measures
from sim.chances import chance_questions, chance_records
from sim.digest import Desk, Digest, Key, Question, Types, about, key_of
from sim.estimates import LEVEL, Sample, exact, variance_ratio, whole_blocks
from sim.experiment import Progress, Runs, chunks, engine_for, plan_of
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
    cells,
    figure_from,
    money,
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
from sim.targets import TargetResult, judge, promised, target_questions, target_waits

MANY_ABANDON = 0.05
_BY_TYPE: tuple[Axis, ...] = ("type",)
FLATTERED = ("SL-2", "SL-4", "SL-6")
"""Service levels that look better the more of the late ones hang up."""


def questions(scenario: Scenario) -> list[Question]:
    """All that a digest is asked for a result and its tables."""
    course = [
        Question(key=_course(number), sample=partial(promised, target.model_copy(update={"per": "interval"})))
        for number, target in enumerate(scenario.targets, start=1)
        if target.measure == "service_level"
    ]
    spent = [Question(key=(measure,), sample=partial(spendings, measure)) for measure, _, _ in SPENT]
    used = Question(key=("utilisation",), sample=utilisation)
    longest = Question(key=("wait_max",), sample=lambda runs: longest_waits(runs, wait_pools(scenario)))
    return [
        *(about(figure, by, means_only=True) for by, figures in _tabled(scenario) for figure in figures),
        *(about(figure, by) for figure, by in chosen(scenario)),
        *(about(figure, by) for figure in spent_on(scenario) for by in ((), _BY_TYPE)),
        *course, *spent, longest, used,
        *target_questions(scenario.targets),
        *chance_questions(scenario),
    ]  # fmt: skip


def wait_pools(scenario: Scenario) -> list[Types]:
    """Whose waits are pooled: all, each type, and those of targets."""
    names = range(len(scenario.contact_types))
    return list(dict.fromkeys([tuple(names), *((k,) for k in names), *target_waits(scenario, scenario.targets)]))


def digest_of(runs: Runs, *, plain: bool = False) -> Digest:
    """Runs that are all there, digested; `plain`: without control variates."""
    asked = questions(runs.scenario)
    return Digest.of(runs, asked, waits=wait_pools(runs.scenario), plain=plain)


def empty_digest(desk: Desk, most: int, *, plain: bool = False, more: Iterable[Question] = ()) -> Digest:
    """A digest that takes in at most so many replications, for a result and its tables; `more` to ask it."""
    asked = [*questions(desk.scenario), *more]
    return Digest(desk, asked, most=most, waits=wait_pools(desk.scenario), plain=plain)


def digested(
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
    plain: bool = False,
) -> Digest:
    """Simulate, and keep of each replication no more than a result and its tables need."""
    chosen_engine = engine_for(scenario, engine, replications)
    found = empty_digest(Desk(scenario, plan_of(scenario, plan), seed, first, chosen_engine), replications, plain=plain)
    for runs in chunks(
        scenario,
        plan,
        replications=replications,
        seed=seed,
        first=first,
        engine=chosen_engine,
        workers=workers,
        executor=executor,
        progress=progress,
    ):
        found.add(runs)
    return found


def summarise(runs: Runs | Digest, *, level: float = LEVEL, plain: bool = False) -> list[Record]:
    """The estimates of a result: in all, by type, channel, group, day and interval; few by two of them.

    `plain`: without control variates, as a digest is or is not by itself.
    """
    of = digest_of(runs, plain=plain) if isinstance(runs, Runs) else runs
    return [
        *_figures(of, level),
        *_courses(of, level),
        *_waits(of, level),
        *_costs(of, level),
        *chance_records(of, level=level),
        *pay_records(of),
    ]


def result_of(
    runs: Runs | Digest,
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

    `plain`: without control variates, as a digest is or is not by itself.
    """
    of = digest_of(runs, plain=plain) if isinstance(runs, Runs) else runs
    targets = judge(of) if judged is None else judged
    return Result(
        command=command,
        scenario=scenario_record(of.scenario),
        staffing=staffing_mode(of.plan),
        engine=of.engine,
        seed=of.seed,
        first=of.first,
        replications=of.replications,
        versions=versions(),
        estimates=(*summarise(of), *more),
        targets=tuple(target_record(target) for target in targets),
        plan=plan,
        variance_reduction=None if of.plain else variance_reduction(of),
        stopping=stopping,
        warnings=tuple(dict.fromkeys((*_warnings(of), *_unreached(stopping), *warnings))),
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
    found = digested(scenario, plan, replications=replications, seed=seed, engine=engine, workers=workers)
    return result_of(found, command="simulate")


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


def _figures(runs: Digest, level: float) -> Iterator[Record]:
    for figure, by in chosen(runs.scenario):
        yield from _records(figure, runs, by, level)


def _records(figure: Figure, runs: Digest, by: tuple[Axis, ...], level: float) -> Iterator[Record]:
    """A figure in every cell of `by`."""
    found = runs.figure(figure, by, level=level)
    for key, one in zip(_keys(runs.scenario, by), found, strict=True):
        yield record(figure.measure, figure.unit, _of_segment(key, figure), one)


def _of_segment(key: By, figure: Figure) -> By:
    return {**key, "segment": figure.segment} if figure.segment else key


def _course(number: int) -> Key:
    return ("course", str(number))


def _courses(runs: Digest, level: float) -> Iterator[Record]:
    """The service level that each target asks for, by interval, as segments "target 1", "target 2" and so on."""
    for number, target in enumerate(runs.scenario.targets, start=1):
        if target.measure == "service_level":
            figure = service_level(runs.scenario, target.formula)
            found = figure_from(figure, runs.moments(_course(number)), level=level, correction=runs.correction)
            for key, one in zip(_keys(runs.scenario, ("interval",)), found, strict=True):
                yield record(target.measure, "share", {**key, "segment": f"target {number}"}, one)


def _keys(scenario: Scenario, by: Sequence[Axis]) -> list[By]:
    return cast(list[By], cells(scenario, by))


def longest_waits(runs: Runs, pools: Sequence[Types]) -> Sample:
    """The longest wait of an answered contact, in seconds [replication, pool]."""
    longest = runs.tallies.wait_max_ms
    return Sample(np.stack([longest[:, list(types)].max(axis=1) / 1e3 for types in pools], axis=1))


def _waits(runs: Digest, level: float) -> Iterator[Record]:
    """Quantiles and the longest wait, in all and by type."""
    names = list(runs.scenario.contact_types)
    of: list[tuple[By, Types]] = [({}, tuple(range(len(names))))]
    of += [({"type": name}, (k,)) for k, name in enumerate(names)]
    for measure in QUANTILES:
        yield from (record(measure, "s", by, runs.wait(measure, types, level=level)) for by, types in of)
    longest = runs.estimates(("wait_max",), level=level, formula="WAIT-3")
    pools = wait_pools(runs.scenario)
    yield from (record("wait_max", "s", by, longest.cell(pools.index(types))) for by, types in of)


def _costs(runs: Digest, level: float) -> Iterator[Record]:
    """Money by type and in all, with the pay on paper in it; what a contact costs that was answered or contained."""
    currency = runs.scenario.costs.currency
    for figure in spent_on(runs.scenario):
        yield from _records(figure, runs, (), level)
        yield from _records(figure, runs, _BY_TYPE, level)
    for measure, formula, unit in SPENT:
        found = runs.estimates((measure,), level=level, formula=formula)
        yield record(measure, currency + unit, {}, found.cell())
    used = runs.estimates(("utilisation",), level=level, counts=False, formula="OCC-4")
    of: list[By] = [{}, *(By(group=name) for name in runs.scenario.agent_groups)]
    for by, one in zip(of, used, strict=True):
        yield record("utilisation", "ratio", by, one)


SPENT = (
    ("cost", "COST-5", ""),
    ("cost_per_contact", "COST-6", "/contact"),
    ("cost_per_settled_contact", "COST-8", "/contact"),
)
"""What was spent in all, and per contact, with formula and unit."""


def spent_on(scenario: Scenario) -> tuple[Figure, ...]:
    """Money by type."""
    return (*money(scenario), *full_measures.customer_money(scenario))


def utilisation(runs: Runs) -> Sample:
    """Time at the desk over paid time, [replication, all and each group] (OCC-4)."""
    there = runs.tallies.staffed_ms.sum(axis=2)
    paid = np.array([pay.paid_hours for pay in payroll(runs.scenario, runs.plan).values()]) * 3.6e6
    both = (np.concatenate([part.sum(axis=-1, keepdims=True), part], axis=-1) for part in (there, paid))
    top, bottom = both
    return Sample(top, np.broadcast_to(bottom, top.shape), counts=False)


def spendings(measure: str, runs: Runs) -> Sample:
    """What each replication cost: `cost` in all, or per contact of a kind."""
    tally = runs.tallies
    spent = np.full(runs.replications, total(payroll(runs.scenario, runs.plan).values()).cost)
    for figure in money(runs.scenario):
        if figure.measure != "lost_value":
            spent = spent + figure.numerator(tally).sum(axis=(1, 2))
    if measure == "cost":
        return Sample(spent)
    done = tally.answered + tally.bot_resolved + tally.bot_contained_unresolved
    if measure == "cost_per_settled_contact":
        done = full_measures.settled_contacts(tally)
    return Sample(spent, done.sum(axis=(1, 2)))


def pay_records(runs: Runs | Digest) -> Iterator[Record]:
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
        in_days=target.in_days,
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


def variance_reduction(runs: Digest) -> VarianceReductionRecord:
    """What strata and controls were worth to the figures that people ask for first."""
    saved = []
    for figure in (service_level(runs.scenario), ASA, ABANDONMENT, OCCUPANCY):
        factor = float(variance_ratio(runs.moments(key_of(figure)), runs.correction))
        if np.isfinite(factor):
            found = SavedRecord(
                measure=figure.measure,
                formula=figure.formula,
                factor=factor,
                equivalent=round(factor * runs.replications),
            )
            saved.append(found)
    return VarianceReductionRecord(
        strata="blocks of 16" if runs.scenario.in_blocks else None,
        controls=runs.controls,
        saved=tuple(saved),
    )


def _warnings(runs: Digest) -> Iterator[str]:
    scenario, tally = runs.scenario, runs.total
    assert tally is not None, "there are runs"
    if runs.replications < 2:
        yield "one replication has no intervals: use --replications 2 or more"
    elif scenario.in_blocks and not _shows_strata(runs):
        yield "intervals are conservative: stratified busyness shows in them from 8 whole blocks of 16 replications on"
    for target in scenario.targets:
        if (
            target.measure == "service_level"
            and target.formula in FLATTERED
            and not _limits_abandonment(target, scenario)
        ):
            types = target_types(scenario, target)
            gone, offered = tally.abandoned[types].sum(), tally.offered[types].sum()
            if gone > MANY_ABANDON * offered:
                yield (
                    f"{gone / offered:.1%} of {_names(target)} abandon, and {target.formula} does not count them all: "
                    "add a target on abandonment, or use SL-3"
                )


def _unreached(stopping: StoppingRecord | None) -> Iterator[str]:
    if stopping and not stopping.reached:
        missed = ", ".join(stopping.looks[-1].missed)
        yield f"{missed}: not reached within {stopping.maximum} replications: give more with --max-replications"


def _shows_strata(runs: Digest) -> bool:
    """Whether intervals know how much stratified busyness helps."""
    return runs.correction is not None or whole_blocks(runs.first, runs.replications) is not None


def _limits_abandonment(target: Target, scenario: Scenario) -> bool:
    """Whether targets on abandonment cover all its types."""
    limits = (other for other in scenario.targets if other.measure == "abandonment")
    limited = {k for other in limits for k in target_types(scenario, other)}
    return limited >= set(target_types(scenario, target))


def _names(target: Target) -> str:
    return "all contacts" if target.contact_types == "all" else ", ".join(target.contact_types)


# -------------------------------------------------------------------------------------------------------- tables


def tables(runs: Runs | Digest, *, plain: bool = False) -> dict[str, list[Row]]:
    """Tidy tables of means: `intervals`, one row per type and interval; `groups`, one per agent group and interval."""
    of = digest_of(runs, plain=plain) if isinstance(runs, Runs) else runs
    (by_type, of_types), (by_group, of_groups) = _tabled(of.scenario)
    return {"intervals": _table(of, by_type, of_types), "groups": _table(of, by_group, of_groups)}


def _tabled(scenario: Scenario) -> list[tuple[tuple[Axis, ...], tuple[Figure, ...]]]:
    """The columns of the tables."""
    return [
        (("type", "interval"), (*COUNTS, service_level(scenario), ASA, ABANDONMENT, QUEUE_LENGTH)),
        (("group", "interval"), (SCHEDULED, POSITIONS, OCCUPANCY)),
    ]


def _table(runs: Digest, by: tuple[Axis, ...], figures: Sequence[Figure]) -> list[Row]:
    rows, _ = by
    columns = {one.measure: [_plain(value) for value in runs.means(one, by).ravel().tolist()] for one in figures}
    return [
        {"interval": key["interval"]["index"], "start": key["interval"]["start"], rows: key[rows]}
        | {measure: values[i] for measure, values in columns.items()}
        for i, key in enumerate(cells(runs.scenario, by))
    ]


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None
