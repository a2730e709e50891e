"""Tables for people, from a Result: what the report page shows as HTML and the command line as text.

Units stand in the headers, every estimate comes with its interval, a formula id beside each service level.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple

from sim.report.records import Records, measure_name, number, share, target_text, with_interval
from sim.results import Result, TargetRecord
from sim.units import format_clock, format_duration

Status = Literal["certified", "met", "missed"]
Rows = tuple[tuple[str, ...], ...]


class Table(NamedTuple):
    """Cells as text; the first `left` columns are words and stand at the left, the others are figures."""

    title: str
    head: tuple[str, ...]
    rows: Rows
    left: int = 1
    note: str = ""


def for_screen(result: Result) -> list[Table | None]:
    """What the command line shows of a result."""
    records = Records(result.estimates)
    return [
        targets_table(result),
        staffing_table(result) if baseline(result) else None,
        solver_table(result),
        brief_service_table(records),
        brief_customers_table(records),
        brief_groups_table(records),
        money_table(records),
    ]


@dataclass(frozen=True)
class Verdict:
    """Whether the targets are held: the worst status (None: nothing was asked), and a sentence."""

    status: Status | None
    sentence: str


def verdict(targets: Iterable[TargetRecord]) -> Verdict:
    """Whether the targets are held, in one sentence."""
    found = [target.status for target in targets]
    if not found:
        return Verdict(None, "No targets were set.")
    worst: Status = min(found, key=("missed", "met", "certified").index)
    if worst == "certified":
        return Verdict(worst, f"{_ALL.get(len(found), f'All {len(found)} targets are')} certified.")
    parts = [f"{found.count(status)} {word}" for status, word in _WORDS if found.count(status)]
    return Verdict(worst, f"Of {_counted(len(found))}: {', '.join(parts)}.")


def verdict_of(result: Result) -> Verdict:
    """That of a result; of a comparison how many targets each candidate holds."""
    if not result.candidates or not any(one.targets for one in result.candidates):
        return verdict(result.targets)
    worst = verdict(target for one in result.candidates for target in one.targets).status
    held = ((one.name, sum(target.status != "missed" for target in one.targets), len(one.targets))
            for one in result.candidates)  # fmt: skip
    return Verdict(worst, f"Targets held: {'; '.join(f'{name} {kept} of {of}' for name, kept, of in held)}.")


_ALL = {1: "The target is", 2: "Both targets are"}
_WORDS: tuple[tuple[Status, str], ...] = (
    ("missed", "missed"),
    ("met", "met by the estimate only"),
    ("certified", "certified"),
)


def _counted(n: int) -> str:
    return "1 target" if n == 1 else f"{n} targets"


def headline(result: Result) -> str:
    """What was run, in one line."""
    horizon: Any = result.scenario.document["horizon"]
    return (
        f"{result.scenario.name}: {horizon['length']} from {horizon['start'].replace('T', ' ')[:16]} "
        f"({horizon.get('zone', 'UTC')}), {result.replications} replications, seed {result.seed}, "
        f"{result.staffing.replace('_', ' ')}, {result.engine} engine"
    )


def staffing_line(result: Result) -> str:
    """Heads, shifts, FTE, paid hours and cost in one line, with the objective of a plan."""
    figures = staffing_figures(result)
    parts = [f"{number(figures[name])} {currency(result) if name == 'cost' else label}"
             for name, label in STAFFING if name in figures]  # fmt: skip
    objective = f"; objective: least {result.plan.objective}" if result.plan else ""
    return f"{'plan' if result.plan else 'staffing'}: {', '.join(parts)}{objective}"


def saved_line(result: Result) -> str:
    """What variance reduction was worth, in replications; empty where there was none."""
    reduced = result.variance_reduction
    if reduced is None or not reduced.saved or not (reduced.strata or reduced.controls):
        return ""
    how = [*([reduced.strata] if reduced.strata else []), *reduced.controls]
    worth = ", ".join(f"{measure_name(one.measure)} {one.equivalent:,}" for one in reduced.saved)
    return (
        f"Variance reduction ({', '.join(how)}): these {result.replications} replications say as much as so many "
        f"independent ones: {worth}."
    )


def targets_table(result: Result) -> Table:
    """Each target with estimate, interval and status, its worst window where it has several, and the baseline's."""
    windows = any(target.per != "horizon" for target in result.targets)
    other = baseline(result)
    attained = [TargetRecord.model_validate(one) for one in other["targets"]] if other else []
    head = ("status", "target", "formula", *(["worst window"] if windows else []), "estimate (interval)")
    theirs = tuple((with_interval(one.estimate), one.status) for one in attained) or ((),) * len(result.targets)
    rows = tuple(
        (target.status, target_text(target), target.formula, *([_of(target)] if windows else []),
         with_interval(target.estimate), *beside)
        for target, beside in zip(result.targets, theirs, strict=True)
    )  # fmt: skip
    return Table("Targets", (*head, *((other["name"], "") if other else ())), rows, len(head) - 1, _meaning(result))


def _meaning(result: Result) -> str:
    percents = " and ".join(dict.fromkeys(f"{target.confidence * 100:g} %" for target in result.targets))
    return (
        f"certified: the worse end of the interval holds the target, at {percents} confidence for all targets and "
        "windows at once; met: only the estimate does."
    )


def _of(target: TargetRecord) -> str:
    """The window in which a target fared worst, where it has several."""
    if target.estimate is None:
        return "nothing offered"
    by = target.estimate.by
    if "interval" in by:
        return by["interval"]["start"][:16].replace("T", " ")
    return by.get("day", "whole horizon")


# ---------------------------------------------------------------------------------------------------------- staffing

STAFFING = (
    ("heads", "heads"),
    ("shifts_worked", "shifts worked"),
    ("fte", "FTE"),
    ("paid_hours", "paid hours"),
    ("cost", "cost"),
)


def staffing_figures(result: Result) -> dict[str, float]:
    """Heads, shifts worked, FTE, paid hours and cost of the plan that was simulated."""
    if result.plan is not None:
        return {name: float(getattr(result.plan, name)) for name, _ in STAFFING}
    records = Records(result.estimates)
    found = {name: records.mean("agent_cost" if name == "cost" else name) for name, _ in STAFFING}
    return {name: value for name, value in found.items() if value is not None}


def currency(result: Result) -> str:
    """The unit of money."""
    pay = Records(result.estimates).get("agent_cost")
    return pay.unit if pay is not None else ""


def baseline(result: Result) -> Mapping[str, Any] | None:
    """The plan that a planner is compared with: its name, figures and targets."""
    found = result.plan.details.get("baseline") if result.plan is not None else None
    return found if isinstance(found, dict) else None


def staffing_table(result: Result) -> Table:
    """What the plan takes, beside the baseline where there is one."""
    plan, other = staffing_figures(result), baseline(result)
    labels = [(name, f"{label}, {currency(result)}" if name == "cost" else label) for name, label in STAFFING]
    if other is None:
        rows = [(label, number(plan[name])) for name, label in labels if name in plan]
        return Table("Staffing", ("", "plan" if result.plan else "staffing"), tuple(rows))
    compared = [
        (label, number(plan[name]), number(other[name]), change(plan[name], other[name])) for name, label in labels
    ]
    compared.append(("targets certified or met", _held(target.status for target in result.targets),
                     _held(target["status"] for target in other["targets"]), ""))  # fmt: skip
    return Table("Staffing", ("", "plan", str(other["name"]), "change"), tuple(compared))


def change(value: float, other: float) -> str:
    """The change from `other` to `value` in per cent."""
    return f"{(value - other) / other * 100:+.1f} %".replace("-", "−") if other else "–"


def _held(statuses: Iterable[str]) -> str:
    found = list(statuses)
    return f"{sum(status != 'missed' for status in found)} of {len(found)}"


def solver_table(result: Result) -> Table | None:
    """What is known of a plan: objective, how the search ended, solver, bound, gap, work."""
    plan = result.plan
    if plan is None:
        return None
    details: dict[str, Any] = dict(plan.details)
    bound = "none" if plan.bound is None else f"{number(plan.bound)} ({plan.bound_class})"
    rows = [
        ("objective", f"least {plan.objective}"),
        ("ended", plan.status),
        ("evidence", f"{result.replications} replications of seed {result.seed}, from number {result.first}"),
        ("lower bound", bound),
        ("gap to it", "–" if plan.gap is None else share(plan.gap)),
        *_bounds(details.get("bounds", [])),
    ]
    if solver := details.get("solver"):
        gap = "" if solver["gap"] is None else f", gap {solver['gap'] * 100:.2f} %"
        rows.append(("last covering model", f"{solver['status']}{gap}: of the model, not of the plan"))
    if work := details.get("search"):
        rows.append(("search", f"seed {work['seed']}, tape of {work['tape_days']} days"))
        rows.append(("days simulated", number(work["simulated_days"])))
        rows.append(("models solved", str(work["solves"])))
        rows.append(("certificates tried", str(work["certificates"])))
        rows.append(("reproducible", "yes" if work["reproducible"] else "no: stopped by time or by hand"))
    return Table("How the plan was found", ("", ""), tuple(rows), 2)


def _bounds(bounds: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """How each lower bound was found and what it rests on, or why there is none."""
    for bound in bounds:
        known = bound["value"] is not None
        text = f"{number(bound['value'])} ({bound['bound_class']})" if known else f"none: {'; '.join(bound['why_not'])}"
        yield f"bound by {bound['method']}", text
        if known and bound["assumption"]:
            yield "assuming", "; ".join((bound["assumption"], *bound["checks"]))
        elif known and bound["checks"]:
            yield "seen", "; ".join(bound["checks"])


def shifts_table(result: Result) -> Table | None:
    """The shifts of a plan."""
    if result.plan is None:
        return None
    rows = tuple(
        (
            shift.group,
            shift.template or "–",
            _day(shift.day),
            format_clock(shift.start),
            format_duration(shift.length),
            "; ".join(
                f"{format_duration(pause.length)} after {format_duration(pause.after)}{' paid' if pause.paid else ''}"
                for pause in shift.breaks
            ) or "–",
            str(shift.number),
        )
        for shift in result.plan.shifts
    )  # fmt: skip
    head = ("agent group", "template", "day", "start", "length", "breaks", "number")
    return Table("Shifts", head, rows, 6)


def _day(day: date | None) -> str:
    return "each day" if day is None else f"{day:%a %d %b}"


# ----------------------------------------------------------------------------------------------------------- figures

BY_TYPE = ("offered", "service_level", "asa", "wait_p95", "abandonment", "aht")
BOT = ("bot_entered", "containment", "resolved_containment", "hand_off", "bot_give_up", "containment_kept")
FULL = ("first_response", "follow_ups", "fcr", "contacts_per_customer", "late_share", "satisfaction")
BY_GROUP = (
    "heads", "paid_hours", "agent_cost", "scheduled", "utilisation", "occupancy", "occupancy_spread", "slot_use",
    "contacts_in_hand", "overtime_hours",
)  # fmt: skip
BY_DAY = ("offered", "service_level", "asa", "abandonment", "occupancy")
MONEY = (
    "agent_cost", "line_cost", "bot_cost", "cost", "cost_per_contact", "cost_per_settled_contact", "lost_value",
    "lost_sales", "revenue",
)  # fmt: skip


def service_table(records: Records) -> Table:
    """Service by contact type."""
    return by_kind("Service by contact type", records, "type", BY_TYPE)


def brief_service_table(records: Records) -> Table:
    """The same without the AHT, for a screen."""
    return by_kind("Service by contact type", records, "type", BY_TYPE[:-1])


def brief_customers_table(records: Records) -> Table | None:
    """What only full runs know, for a screen; None of a plain one."""
    if records.get("fcr") is None:
        return None
    return by_kind("Customers and follow-ups", records, "type", FULL)


def bot_table(records: Records) -> Table | None:
    """The bot by contact type; None without one."""
    table = by_kind("Bot by contact type", records, "type", BOT)
    rows = tuple(row for row in table.rows if row[1:2] not in (("–",), ("0",)))
    return table._replace(rows=rows) if len(table.head) > 1 else None


def groups_table(records: Records) -> Table:
    """Staffing and occupancy by agent group; `scheduled` is the mean number due at the desk."""
    return by_kind("Agent groups", records, "group", BY_GROUP)


def brief_groups_table(records: Records) -> Table:
    """The same for a screen."""
    return by_kind("Agent groups", records, "group", ("heads", "paid_hours", "agent_cost", "occupancy"))


def expected_table(expected: Mapping[str, Mapping[str, float]]) -> Table:
    """Expected contacts of each contact type on each day."""
    days = list(dict.fromkeys(day for by_day in expected.values() for day in by_day))
    counts = [(name, [by_day.get(day, 0.0) for day in days]) for name, by_day in expected.items()]
    if len(counts) > 1:
        counts.append(("all", [sum(column) for column in zip(*(line for _, line in counts), strict=True)]))
    if len(days) > 1:
        counts = [(name, [*line, sum(line)]) for name, line in counts]
    head = ("", *days, *(["in all"] if len(days) > 1 else []))
    return Table("Expected contacts", head, tuple((n, *(number(round(x, 1)) for x in line)) for n, line in counts))


def days_table(records: Records) -> Table | None:
    """By local day; None where there is only one."""
    return by_kind("Days", records, "day", BY_DAY) if len(records.names("day")) > 1 else None


def money_table(records: Records) -> Table:
    """Costs of the horizon, without those that are 0; lost value is not part of the cost."""
    found = [records.get(measure) for measure in MONEY]
    rows = tuple((measure_name(r.measure), r.unit, r.formula, with_interval(r)) for r in found if r and r.mean)
    return Table("Money", ("", "unit", "formula", "estimate (interval)"), rows, 3)


def by_kind(title: str, records: Records, kind: str, measures: tuple[str, ...]) -> Table:
    """A row for each name and one for all, a column for each measure that there is."""
    rows_of: list[tuple[str, dict[str, str]]] = [(name, {kind: name}) for name in records.names(kind)]
    if len(rows_of) > 1:
        rows_of.append(("all", {}))
    shown = [measure for measure in measures if any(records.get(measure, **by) for _, by in rows_of)]
    head = (_NOUN[kind], *(_header(records, measure, rows_of) for measure in shown))
    rows = tuple((name, *(with_interval(records.get(measure, **by)) for measure in shown)) for name, by in rows_of)
    return Table(title, head, rows)


_NOUN = {"type": "contact type", "group": "agent group", "day": "day"}
_SAYS_ITS_UNIT = ("share", "s", "contacts", "heads")


def _header(records: Records, measure: str, rows_of: Iterable[tuple[str, dict[str, str]]]) -> str:
    """Name, unit where the cells do not show it, and the formula of a service level."""
    record = next(found for _, by in rows_of if (found := records.get(measure, **by)))
    name = measure_name(measure)
    if measure == "service_level":
        return f"{name} ({record.formula})"
    return name if record.unit in _SAYS_ITS_UNIT or name.endswith(" hours") else f"{name}, {record.unit}"
