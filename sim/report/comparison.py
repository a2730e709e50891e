"""Tables of a comparison: who was compared, what differs, what moved.

Differences are the candidate less the baseline.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sim.report.records import Records, measure_name, number, target_text, with_interval
from sim.report.tables import STAFFING, Table, currency
from sim.results import CandidateRecord, DifferenceRecord, Result

SHOWN = (
    "offered", "follow_ups", "service_level", "asa", "wait_p95", "abandonment", "first_response", "occupancy",
    "slot_use", "aht", "containment", "bot_work_saved", "fcr", "contacts_per_customer", "time_to_resolution",
    "unserved_customers", "satisfaction", "complaints", "backlog_hours", "late_share", "heads", "fte", "paid_hours",
    "agent_cost", "line_cost", "bot_cost", "cost", "cost_per_contact", "cost_per_settled_contact", "lost_value",
    "lost_sales", "revenue",
)  # fmt: skip
MOST_MOVES = 15


def comparison_tables(result: Result, most: int = MOST_MOVES) -> list[Table]:
    """All tables of a comparison; none for another result."""
    if not result.candidates:
        return []
    return [
        candidates_table(result),
        *([promises_table(result)] if any(one.targets for one in result.candidates) else []),
        differences_table(result),
        moved_table(result, most),
    ]


def candidates_table(result: Result) -> Table:
    """Heads, shifts, FTE, paid hours and cost of each, and how many of its targets it holds."""
    money = currency(result)
    head = ["", *(f"{label}, {money}" if name == "cost" else label for name, label in STAFFING), "targets held"]
    rows = tuple((one.name, *_staffing(one), _held(one)) for one in result.candidates)
    return Table("Candidates", tuple(head), rows)


def _staffing(one: CandidateRecord) -> Iterable[str]:
    records = Records(one.estimates)
    values = (records.mean("agent_cost" if name == "cost" else name) for name, _ in STAFFING)
    return ["–" if value is None else number(value) for value in values]


def _held(one: CandidateRecord) -> str:
    return f"{sum(target.status != 'missed' for target in one.targets)} of {len(one.targets)}" if one.targets else "–"


def promises_table(result: Result) -> Table:
    """Each target of each candidate: status, estimate, and on how many days it is held."""
    rows = tuple(
        (target.status, target_text(target), one.name, target.formula, with_interval(target.estimate),
         with_interval(Records(one.estimates).get("target_met", segment=f"target {number}")))
        for number in range(1, max(len(one.targets) for one in result.candidates) + 1)
        for one in result.candidates
        for target in one.targets[number - 1 : number]
    )  # fmt: skip
    note = "P(target met): share of simulated horizons in which the target was held, with its Clopper-Pearson interval."
    head = ("status", "target", "candidate", "formula", "estimate (interval)", "P(target met)")
    return Table("Targets of all candidates", head, rows, 4, note)


def differences_table(result: Result) -> Table:
    """The baseline, and by how much each candidate differs from it."""
    base = Records(result.estimates)
    others = [one.name for one in result.candidates[1:]]
    found = {name: _overall(result.differences, name) for name in others}
    rows = []
    for measure in SHOWN:
        one = base.get(measure)
        changes = [found[name].get(measure) for name in others]
        if one is not None and (one.mean or any(change is not None and change.mean for change in changes)):
            unit = "" if one.unit in ("share", "s", "contacts", "heads") else one.unit
            rows.append((measure_name(measure), one.formula, unit, with_interval(one), *map(signed, changes)))
    level = f"{result.differences[0].level * 100:g} %" if result.differences else ""
    note = f"Candidate less baseline, day by day on the same customers; {level} intervals, each on its own."
    head = ("", "formula", "unit", result.candidates[0].name, *others)
    return Table("Differences from the baseline", head, tuple(rows), 3, note)


def _overall(differences: Iterable[DifferenceRecord], candidate: str) -> dict[str, DifferenceRecord]:
    """The first of each measure: the default formula comes before its siblings."""
    found: dict[str, DifferenceRecord] = {}
    for one in differences:
        if one.candidate == candidate and not one.by:
            found.setdefault(one.measure, one)
    return found


def moved_table(result: Result, most: int = MOST_MOVES) -> Table:
    """What moved most clearly."""
    moved = result.moved
    found = moved.differences if moved else ()
    rows = tuple((one.candidate, measure_name(one.measure), of_what(one.by), signed(one)) for one in found[:most])
    if not rows:
        rows = (("none", "", "", ""),)
    of = f"{len(found)} of {moved.comparisons}" if moved else "0"
    level = f"{moved.level * 100:g} %" if moved else ""
    note = (
        f"{of} differences by type, group, day and interval are not 0 at {level} confidence for all at once "
        f"(Bonferroni); the clearest first{f', {most} of them' if len(found) > most else ''}."
    )
    return Table("What moved", ("candidate", "measure", "of", "difference (interval)"), rows, 3, note)


def of_what(by: Mapping[str, Any]) -> str:
    """In words, what a figure is of."""
    parts = [
        f"{value['start'][:16].replace('T', ' ')}" if key == "interval" else f"{key} {value}"
        for key, value in by.items()
    ]
    return ", ".join(parts) or "all"


def signed(one: DifferenceRecord | None) -> str:
    """A difference with its interval: "+1.2 pp (+0.8 to +1.6)"; exact ones stand alone."""
    if one is None or one.mean is None:
        return "–"
    if one.low is None or one.high is None:
        return _change(one.mean, one.unit)
    if one.low == one.high:
        return _change(one.mean, one.unit) if one.mean else "0"
    low, high = (_change(end, one.unit, bare=True) for end in (one.low, one.high))
    return f"{_change(one.mean, one.unit)} ({low} to {high})"


def _change(value: float, unit: str, *, bare: bool = False) -> str:
    """With its sign: percentage points for shares, seconds for times."""
    if unit == "share":
        return f"{value * 100:+.2f}{'' if bare else ' pp'}"
    if unit == "s":
        return f"{value:+,.1f}{'' if bare else ' s'}"
    size = abs(value)
    if value == int(value):
        return f"{value:+,.0f}"
    return f"{value:+,.{0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 or not size else 4}f}"


__all__ = [
    "candidates_table", "comparison_tables", "differences_table", "moved_table", "of_what",
    "promises_table", "signed",
]  # fmt: skip
