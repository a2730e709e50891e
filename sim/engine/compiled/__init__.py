"""The compiled engine: the same sample path as the reference, about a hundred times faster, in Numba.

Demand, Staffing and Rules go in, an OutcomeTable comes out, equal to the reference's in every cell. `before` works
out what is known beforehand, `loop` follows the events, and results go back to the contacts' own rows here.
"""

import numpy as np

from sim.attendance import Staffing
from sim.demand import Demand
from sim.engine.compiled.after import count
from sim.engine.compiled.before import Early, prepare, settle
from sim.engine.compiled.loop import LAST, RUNNING, SPELLS, UNSERVED, WAITING, Desk, follow
from sim.outcome import NEVER, Cause, Contacts, Measured, OutcomeTable, Spells, Status, Sums
from sim.routing import Rules

INSTANTS = 1 << 32
"""Milliseconds that a packed key can tell apart, 49 days."""
TOO_LONG = "the work at hand outlasts the 49 days of the compiled engine: use the reference engine"


def run(demand: Demand, staffing: Staffing, rules: Rules) -> OutcomeTable:
    """Simulate one replication."""
    early = settle(demand, rules)
    desk = prepare(demand, staffing, rules, early)
    return table(demand, early, desk, *drive(desk, early.last_ms))


def sums(demand: Demand, staffing: Staffing, rules: Rules, measured: Measured) -> tuple[Sums, Spells]:
    """Simulate one replication and only count it: the sums of its contacts, and its spells."""
    early = settle(demand, rules)
    desk = prepare(demand, staffing, rules, early)
    spells, _ = drive(desk, early.last_ms)
    return count(demand, early, desk, measured), spell_table(desk, spells)


def drive(desk: Desk, early_ms: int) -> tuple[int, int]:
    """Run the event loop, with a larger heap whenever it asks for one: number of spells, instant of the last event.

    Who waits at the end is unserved from the last event on.
    """
    if max(int(desk.rows.queued.max(initial=0)), int(desk.plan_off.max(initial=0)), desk.home_ms) >= INSTANTS // 2:
        raise OverflowError(TOO_LONG)  # a patience may add as much again
    heap = np.empty(1024 + 2 * len(desk.agents), dtype=np.int64)
    state = np.zeros(RUNNING + 1, dtype=np.int64)
    follow(desk, heap, state)
    while state[RUNNING]:
        heap = np.concatenate([heap, np.empty_like(heap)])
        follow(desk, heap, state)
    if len(desk.rows) and int(desk.rows.released.max()) >= INSTANTS:
        raise OverflowError(TOO_LONG)
    last_ms = max(int(state[LAST]), early_ms)
    waiting = desk.rows.status == WAITING
    if waiting.any():
        desk.rows.status[waiting] = UNSERVED
        desk.rows.ended[waiting] = last_ms
    return int(state[SPELLS]), last_ms


def table(demand: Demand, early: Early, desk: Desk, spells: int, last_ms: int) -> OutcomeTable:
    """Results of the rows put back to the contacts' own places, as columns."""
    rows, n = desk.rows, len(demand)
    contact = rows.contact
    early.status[contact], early.ended[contact] = rows.status, rows.ended
    answered, released = np.full(n, NEVER, dtype=np.int64), np.full(n, NEVER, dtype=np.int64)
    answered[contact], released[contact] = rows.answered, rows.released
    agent = np.full(n, -1, dtype=np.int32)
    agent[contact] = rows.agent
    contacts = Contacts(
        type=demand.type,
        arrival=demand.arrival_ms,
        root=np.arange(n, dtype=np.int32),
        parent=np.broadcast_to(np.int32(-1), n),
        cause=np.broadcast_to(np.int16(Cause.ARRIVAL), n),
        status=early.status,
        queued=early.queued,
        answered=answered,
        ended=early.ended,
        released=released,
        work=np.where(released == NEVER, 0, released - answered),
        agent=agent,
        resolved=early.status == Status.ANSWERED,
        predicted=np.broadcast_to(np.int64(NEVER), n),
    )
    return OutcomeTable(contacts=contacts, spells=spell_table(desk, spells), last_ms=last_ms)


def spell_table(desk: Desk, spells: int) -> Spells:
    """The spells by (agent, on)."""
    rows = desk.spells[:spells]
    rows = rows[np.lexsort((rows.on, rows.agent))]
    return Spells(
        agent=np.ascontiguousarray(rows.agent),
        group=np.ascontiguousarray(rows.group),
        on=np.ascontiguousarray(rows.on),
        off=np.ascontiguousarray(rows.off),
        left=np.ascontiguousarray(rows.left),
    )
