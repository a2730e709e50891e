"""OutcomeTable -> Tally of a run in which more happens than a plain one knows: the same sums, and parts of their own.

Carried-in contacts and those after the horizon stand outside the usual figures; a plain run has no parts and is counted
by `sim.metrics` alone, on both engines alike.
"""

from collections.abc import Callable, Collection
from dataclasses import fields, replace
from typing import Any

import numpy as np

from sim.attendance import Staffing
from sim.backlog import backlog
from sim.demand import Demand
from sim.desk.customers import Complaints, Customers
from sim.endings import endings, promises
from sim.grid import Grid
from sim.in_hand import in_hand
from sim.journeys import journeys
from sim.metrics import Tally, count, measured, tally_of
from sim.outcome import NEVER, Contacts, OutcomeTable, Status
from sim.parts import Ints
from sim.routing import Rules, rules
from sim.rows import Rows
from sim.satisfaction import contentment
from sim.scenario import Scenario


def wants_table(scenario: Scenario, rules: Rules) -> bool:
    """Whether figures of this desk take the whole table of a run, not only sums."""
    asked = scenario.customers != Customers() or any(target.needs_table for target in scenario.targets)
    asked = asked or scenario.booking == "answer" or not rules.is_plain
    return asked or scenario.warms_up or len(scenario.at_work) > 0


def parts_of(scenario: Scenario) -> frozenset[str]:
    """Names of the parts that tallies of this desk have."""
    of = rules(scenario)
    if not wants_table(scenario, of):
        return frozenset()
    mechanisms, asked = of.mechanisms, scenario.customers
    wanted = {
        "promises": mechanisms.offers is not None,
        "backlog": mechanisms.deferral is not None and bool(mechanisms.deferral.deferred.any()),
        "contentment": asked.satisfaction is not None or asked.complaints != Complaints(),
    }
    return frozenset(["endings", "in_hand", "journeys", *(part for part, there in wanted.items() if there)])


def parts_promised(scenario: Scenario) -> frozenset[str]:
    """Names of the parts that targets of this desk are read from."""
    return frozenset(target.part for target in scenario.targets if target.part)


def tally_run(
    outcome: OutcomeTable, scenario: Scenario, staffing: Staffing, by: Rules, demand: Demand | None = None, *,
    parts: Collection[str] | None = None,
) -> Tally:  # fmt: skip
    """Count one replication, with parts where the desk wants them; it was run on `demand`, where that is known.

    No more than the `parts` that are named, where some are: a search needs but what its targets are read from.
    """
    if not wants_table(scenario, by):
        sums = count(outcome, measured(scenario), len(scenario.agent_groups))
        return tally_of(sums, scenario, staffing)
    rows = Rows(outcome=outcome, scenario=scenario, rules=by, demand=demand)
    usual = OutcomeTable(contacts=_usual(rows), spells=outcome.spells, last_ms=outcome.last_ms)
    sums = count(usual, measured(scenario), len(scenario.agent_groups), by_answer=scenario.booking == "answer")
    base = tally_of(sums, scenario, staffing)
    follow_ups = rows.count(rows.counted & rows.follows, rows.arrival_cell)
    usually = replace(base, arrived=base.arrived - follow_ups, queue_ms=base.queue_ms + _queue_of_others(rows))
    counts: dict[str, Callable[[], Any]] = {
        "endings": lambda: endings(rows, base.thresholds, base.answered_in_time),
        "in_hand": lambda: in_hand(rows, base),
        "journeys": lambda: journeys(rows),
        "promises": lambda: promises(rows),
        "backlog": lambda: backlog(rows),
        "contentment": lambda: contentment(rows),
    }
    found = {name: count() for name, count in counts.items() if parts is None or name in parts}
    if hands := found.get("in_hand"):
        found |= {"talk_ms": hands.talk_ms, "after_ms": hands.after_ms, "busy_ms": hands.some_ms}
    return replace(usually, **found)


def _usual(rows: Rows) -> Contacts:
    """The contacts that usual figures count; what was begun and not finished waited until it was begun."""
    c = rows.contacts
    columns = {field.name: getattr(c, field.name) for field in fields(Contacts)}
    begun = np.flatnonzero((c.status == Status.UNSERVED) & (c.answered != NEVER))
    if len(begun):
        columns["ended"] = c.ended.copy()
        columns["ended"][begun] = c.answered[begun]
    if not rows.counted.all():
        columns = {name: column[rows.counted] for name, column in columns.items()}
    return Contacts(**columns)


def _queue_of_others(rows: Rows) -> Ints:
    """The queue, too, of those who were carried in, from 0 on, and of those withdrawn, [type, interval]."""
    c, grid = rows.contacts, rows.grid
    carried = rows.carried & ~rows.ended_as(Status.CALLED_BACK, Status.CALLBACK_UNANSWERED)
    which = np.flatnonzero((carried | (c.status == Status.WITHDRAWN)) & (c.queued != NEVER))
    start = np.maximum(c.queued[which], 0)
    end = np.maximum(c.queued[which] + rows.wait[which], 0)
    return _queue(grid, rows.kind[which], start, end, rows.types)


def _queue(grid: Grid, row: Ints, start: Ints, end: Ints, rows: int) -> Ints:
    """Waits by real time; the last interval takes what lies behind it."""
    first = grid.index(start)
    size = rows * grid.intervals
    total = np.bincount(row * grid.intervals + first, weights=end - start, minlength=size).astype(np.int64)
    return (total + grid.spill(row, first, end, rows)).reshape(rows, -1)


__all__ = ["parts_of", "parts_promised", "tally_run", "wants_table"]
