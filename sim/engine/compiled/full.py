"""The full kernel from Demand to OutcomeTable: for runs that switch on what the plain event loop does not know."""

from typing import Any

import numpy as np

from sim.attendance import Staffing
from sim.columns import columns
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
    UNDECIDED,
    UNSETTLED,
    WAITS,
    Desk,
)
from sim.engine.compiled.full_loop import GAVE_UP, ROOM, UNSERVED, follow
from sim.engine.compiled.full_standing import TOO_LONG
from sim.engine.compiled.full_steps import SILENT
from sim.engine.compiled.kernel import byte, kernel
from sim.engine.compiled.loop import KIND_SHIFT, NO_EVENT
from sim.outcome import NEVER, Cause, Contacts, OutcomeTable, Spells
from sim.routing import Rules

TOO_MANY = "more contacts than the compiled engine can number: use the reference engine"
BY_CONTACT = Desk._fields[Desk._fields.index("contacts") : Desk._fields.index("tales") + 1]


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
    heap = np.full(1024, NO_EVENT, dtype=np.int64)
    state = np.zeros(OUTLASTS + 1, dtype=np.int64)
    state[CONTACTS], state[UNSETTLED] = desk.demanded, early.unsettled
    follows = len(desk.rules) > 0
    follow(desk, heap, state)
    while state[RUNNING]:
        if follows and state[CONTACTS] + state[IN_QUEUE] + state[BEFORE_BOT] + ROOM > len(desk.ended):
            desk = with_more_room(desk)
        else:
            heap = np.concatenate([heap, np.full_like(heap, NO_EVENT)])
        follow(desk, heap, state)
    if state[OUTLASTS]:
        raise OverflowError(TOO_LONG)
    return desk, state


def with_more_room(desk: Desk) -> Desk:
    """Twice as much for contacts."""
    columns = {name: getattr(desk, name) for name in BY_CONTACT}  # of `contacts` the queues' own places come first
    room = len(desk.ended)
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
    n, demanded, queues = int(state[CONTACTS]), len(demand), len(desk.contacts) - len(desk.ended)
    out = columns(n, queued="i8", agent="i4", status="u1")
    contacts, ended = desk.contacts[queues : queues + n], desk.ended[:n]
    answered, released, resolved = desk.answered[:n], desk.released[:n], desk.resolved[:n]
    take_out(
        contacts, answered, ended, released, resolved, last_ms, out["queued"], out["agent"], out["status"]
    )  # fmt: skip
    made, tales = contacts[demanded:], desk.tales[: n - demanded]
    return Contacts(
        type=behind(demand.type, made["type"].view(np.int16)),
        arrival=behind(demand.arrival_ms, tales["arrival"]),
        root=behind(np.arange(demanded, dtype=np.int32), tales["root"]),
        parent=behind(np.broadcast_to(np.int32(-1), demanded), tales["parent"]),
        cause=behind(causes(demand), tales["cause"]),
        **out,
        answered=answered,
        ended=ended,
        released=released,
        work=desk.work[:n] if len(desk.work) else released - answered,
        resolved=resolved,
        predicted=desk.predicted[:n] if len(desk.predicted) else np.broadcast_to(np.int64(NEVER), n),
    )


@kernel
def take_out(
    contacts: Any, answered: Any, ended: Any, released: Any, resolved: Any, last_ms: int,
    queued: Any, agent: Any, status: Any,
) -> None:  # fmt: skip
    """Copy out of the records what the outcome has columns for, and end what has no end."""
    for c in range(len(status)):
        contact = contacts[c]
        became = contact.status
        waits = contact.place == WAITS and became != SILENT
        if waits or contact.place == AWAITS_BOT:
            if became == UNDECIDED:  # else interruptible work that was begun and handed back
                answered[c] = NEVER
            ended[c] = last_ms
            released[c] = NEVER
            resolved[c] = False
            became = byte(UNSERVED if waits else GAVE_UP)
        queued[c] = contact.queued
        agent[c] = contact.agent
        status[c] = became


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
