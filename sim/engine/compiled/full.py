"""The full kernel from Demand to OutcomeTable: for runs that switch on what the plain event loop does not know."""

from typing import Any

import numpy as np

from sim.attendance import Staffing
from sim.demand import Demand
from sim.engine.compiled.full_before import Early, prepare
from sim.engine.compiled.full_desk import (
    AWAITS_BOT,
    BEFORE_BOT,
    CONTACTS,
    IN_QUEUE,
    LAST,
    OUTLASTS,
    RUNNING,
    SPELLS,
    UNSETTLED,
    WAITS,
    Desk,
)
from sim.engine.compiled.full_loop import ROOM, follow
from sim.engine.compiled.full_standing import TOO_LONG
from sim.engine.compiled.loop import KIND_SHIFT
from sim.outcome import NEVER, Cause, Contacts, OutcomeTable, Spells, Status
from sim.routing import Rules

TOO_MANY = "more contacts than the compiled engine can number: use the reference engine"
BY_CONTACT = Desk._fields[Desk._fields.index("type") : Desk._fields.index("nodes") + 1]


def run(demand: Demand, staffing: Staffing, rules: Rules) -> OutcomeTable:
    """Simulate one replication."""
    desk, early = prepare(demand, staffing, rules)
    desk, state = drive(desk, early)
    last_ms = max(int(state[LAST]), early.last_ms)
    return OutcomeTable(
        contacts=contact_table(demand, desk, state, last_ms),
        spells=spell_table(desk.spells[: int(state[SPELLS])]),
        last_ms=last_ms,
    )


def drive(desk: Desk, early: Early) -> tuple[Desk, Any]:
    """Run the event loop, with a larger heap and more room for contacts whenever it asks for them."""
    heap = np.empty(1024, dtype=np.int64)
    state = np.zeros(OUTLASTS + 1, dtype=np.int64)
    state[CONTACTS], state[UNSETTLED] = len(desk.fate), early.unsettled
    follows = len(desk.rules) > 0
    follow(desk, heap, state)
    while state[RUNNING]:
        if follows and state[CONTACTS] + state[IN_QUEUE] + state[BEFORE_BOT] + ROOM > len(desk.status):
            desk = with_more_room(desk)
        else:
            heap = np.concatenate([heap, np.empty_like(heap)])
        follow(desk, heap, state)
    if state[OUTLASTS]:
        raise OverflowError(TOO_LONG)
    return desk, state


def with_more_room(desk: Desk) -> Desk:
    """Twice as much for contacts."""
    columns = {name: getattr(desk, name) for name in BY_CONTACT}  # nodes too: the queues' own places come first
    room = len(desk.status)
    if 2 * room >= 1 << KIND_SHIFT:
        raise OverflowError(TOO_MANY)
    more: dict[str, Any] = {
        name: np.concatenate([column, np.empty(room, dtype=column.dtype)])
        for name, column in columns.items()
        if len(column)
    }
    return desk._replace(**more)


def contact_table(demand: Demand, desk: Desk, state: Any, last_ms: int) -> Contacts:
    """The contacts' columns; who waits at the end is unserved from the last event on, or gives up in the bot."""
    n, demanded = int(state[CONTACTS]), len(demand)
    place, status, ended = desk.place[:n], desk.status[:n], desk.ended[:n]
    if state[IN_QUEUE]:
        in_queue = (place == WAITS) & (status != Status.SILENT)
        status[in_queue], ended[in_queue] = Status.UNSERVED, last_ms
    if state[BEFORE_BOT]:
        before_bot = place == AWAITS_BOT
        status[before_bot], ended[before_bot] = Status.GAVE_UP_IN_BOT, last_ms
    tales = desk.tales[: n - demanded]
    answered, released = desk.answered[:n], desk.released[:n]
    return Contacts(
        type=desk.type[:n].view(np.int16),
        arrival=behind(demand.arrival_ms, tales["arrival"]),
        root=behind(np.arange(demanded, dtype=np.int32), tales["root"]),
        parent=behind(np.broadcast_to(np.int32(-1), demanded), tales["parent"]),
        cause=behind(causes(demand), tales["cause"]),
        status=status,
        queued=desk.queued[:n],
        answered=answered,
        ended=ended,
        released=released,
        work=desk.work[:n] if len(desk.work) else released - answered,
        agent=desk.agent[:n],
        resolved=desk.resolved[:n],
        predicted=desk.predicted[:n] if len(desk.predicted) else np.broadcast_to(np.int64(NEVER), n),
    )


def behind(demanded: Any, made: Any) -> Any:
    """A column of the demand's contacts, and behind them of the follow-ups, if there are any."""
    return np.concatenate([demanded, made]) if len(made) else demanded


def causes(demand: Demand) -> Any:
    """What brought the demand's contacts."""
    if len(demand) and demand.arrival_ms[0] < 0:  # they come in order
        return np.where(demand.arrival_ms < 0, Cause.CARRIED_IN, Cause.ARRIVAL).astype(np.int16)
    return np.broadcast_to(np.int16(Cause.ARRIVAL), len(demand))


def group_of(staffing: Staffing) -> Any:
    """The group of each agent."""
    most = staffing.heads.max(axis=0, initial=0).astype(np.int64)
    return staffing.agent_group if staffing.by_person else np.repeat(np.arange(len(most)), most)


def spell_table(rows: Any) -> Spells:
    """The spells by (agent, on)."""
    rows = rows[np.lexsort((rows["on"], rows["agent"]))]
    return Spells(
        agent=np.ascontiguousarray(rows["agent"]),
        group=np.ascontiguousarray(rows["group"]),
        on=np.ascontiguousarray(rows["on"]),
        off=np.ascontiguousarray(rows["off"]),
        left=np.ascontiguousarray(rows["left"]),
    )
