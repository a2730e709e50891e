"""The compiled engine: the same sample path as the reference, about a hundred times faster, in Numba.

Demand, Staffing and Rules go in, an OutcomeTable comes out, equal to the reference's in every cell. `before` works
out what is known beforehand, `loop` follows the events, and results go back to the contacts' own rows here. What this
plain event loop does not know is for the full kernel (`full` and its parts). Customers can be drawn here, too, as they
are by `sim.demand`, in half the time (`drawing`).
"""

import numpy as np

from sim.attendance import Staffing
from sim.demand import Demand
from sim.engine.compiled import full
from sim.engine.compiled.after import count, count_columns
from sim.engine.compiled.before import TOO_LONG, Early, prepare, settle
from sim.engine.compiled.full import spell_table
from sim.engine.compiled.loop import (
    AGENT,
    ANSWERED,
    IN_QUEUE,
    INSTANTS,
    LAST,
    NEWEST,
    NO_EVENT,
    OUTLASTS,
    RUNNING,
    SPELLS,
    UNSERVED,
    WAITING,
    Desk,
    follow,
)
from sim.outcome import NEVER, Cause, Contacts, Measured, OutcomeTable, Sums
from sim.routing import Rules

try:
    from sim.engine.compiled.drawing import sample
except ImportError:  # this Numba has its tables of random numbers elsewhere
    from sim.demand import sample

__all__ = ["run", "sample", "sums"]


def run(demand: Demand, staffing: Staffing, rules: Rules) -> OutcomeTable:
    """Simulate one replication."""
    if needs_full(demand, staffing, rules):
        return full.run(demand, staffing, rules)
    early = settle(demand, rules, work="i8", root="i4", resolved="?")
    desk = prepare(demand, staffing, rules, early)
    spells, last_ms = drive(desk, early.last_ms)
    contacts = contact_table(demand, early)
    return OutcomeTable(contacts=contacts, spells=spell_table(desk.spells[:spells]), last_ms=last_ms)


def sums(demand: Demand, staffing: Staffing, rules: Rules, measured: Measured) -> Sums:
    """Simulate one replication and only count it."""
    if needs_full(demand, staffing, rules):
        outcome = full.run(demand, staffing, rules)
        group_of = full.group_of(staffing).astype(AGENT["group"])
        return count_columns(
            vars(outcome.contacts), vars(outcome.spells), group_of, measured, len(demand.types), len(staffing.groups)
        )
    early = settle(demand, rules)
    desk = prepare(demand, staffing, rules, early)
    spells, _ = drive(desk, early.last_ms)
    return count(demand, early, desk, desk.spells[:spells], measured)


def needs_full(demand: Demand, staffing: Staffing, rules: Rules) -> bool:
    """Whether the run has something that the plain event loop does not know."""
    return not rules.is_plain or staffing.permille is not None or (len(demand) > 0 and demand.arrival_ms[0] < 0)


def drive(desk: Desk, early_ms: int) -> tuple[int, int]:
    """Run the event loop, with a larger heap whenever it asks for one: number of spells, instant of the last event.

    Who waits at the end is unserved from the last event on.
    """
    if max(int(desk.plan_off.max(initial=0)), desk.home_ms) >= INSTANTS // 2:
        raise OverflowError(TOO_LONG)
    heap = np.full(1024, NO_EVENT, dtype=np.int64)
    state = np.zeros(OUTLASTS + 1, dtype=np.int64)
    state[NEWEST] = len(desk.delay)  # waiters stand behind the ends of the queues
    follow(desk, heap, state)
    while state[RUNNING]:
        heap = np.concatenate([heap, np.full_like(heap, NO_EVENT)])
        follow(desk, heap, state)
    if state[OUTLASTS]:
        raise OverflowError(TOO_LONG)
    last_ms = max(int(state[LAST]), early_ms)
    if state[IN_QUEUE]:
        waiting = desk.status == WAITING
        desk.status[waiting] = UNSERVED
        desk.ended[waiting] = last_ms
    return int(state[SPELLS]), last_ms


def contact_table(demand: Demand, early: Early) -> Contacts:
    """The contacts' columns; without follow-ups each is its own root, and nothing made it."""
    n, columns = len(demand), early.columns
    columns["root"][:] = np.arange(n)
    np.subtract(columns["released"], columns["answered"], out=columns["work"])  # 0 where both are NEVER
    np.equal(columns["status"], ANSWERED, out=columns["resolved"])
    return Contacts(
        type=demand.type,
        arrival=demand.arrival_ms,
        parent=np.broadcast_to(np.int32(-1), n),
        cause=np.broadcast_to(np.int16(Cause.ARRIVAL), n),
        predicted=np.broadcast_to(np.int64(NEVER), n),
        **columns,
    )
