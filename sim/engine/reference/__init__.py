"""The reference engine: the written meaning of a simulation, in SimPy. When in doubt, this text decides.

Demand (the customers), Staffing (the agents) and Rules (the desk) go in, an OutcomeTable comes out. Nothing is random
here and nothing is measured: what no draw could take beforehand is decided by the contact's key. Time is whole
milliseconds. What a table of `sim.mechanisms` does not switch on does not exist.

**A contact** arrives. If its type is closed, or needs a line and none is free, it is turned away (`closed`,
`blocked`). If it meets the bot it stays there as long as the demand says; then it is resolved, contained or gone, or
it is handed off and, after the hand-off delay, asks for a person. Where the bot is full it waits for the bot, first
come first served and no longer than its patience, or asks at once. When it asks, a closed type turns it away; an
agent who is free takes it; no waiting place: `blocked`; it leaves at once if that is its nature; it hears how long it
will take and balks, or accepts to be called back; else it waits. Its wait ends when an agent takes it, when its
patience ends, or when it is cut off. Talk and then after-contact work keep the agent busy: each is what the contact
brings times the agent's factor (skill, person, fatigue: one number in thousandths, rounded half up), rounded half up;
turning to another channel costs the agent some more talk. The line is held to the end of talk, or until a call-back
is accepted.

**Silent** customers leave without a sign: at the end of their patience they are gone, but they keep their place until
an agent opens it and loses the time to find out.

**A call-back** keeps its place without patience, and gets a boost at the promised time. Ringing occupies the agent;
answered, the talk follows; else it is over.

**Closing.** At the end of an opening window those who wait are cut off (`unserved`) where the type disconnects; else
they are served. A closed type whose last skilled agent has gone for good cuts off those who wait at that instant.
Deferred work comes in at any time and is never cut off.

**Several at once.** An agent has slots, and each contact takes some of them. With n contacts in hand each goes on at
the pace of n; whenever n changes, what is left of each is counted and its end set anew, rounded up.

**Interruptible work** takes all slots. A live contact that finds nobody free takes an agent from it; the work is put
aside and goes on when the agent holds nothing else and no live contact waits for them. When the agent leaves it returns
to its place in the queue, less what is done.

**Follow-ups.** Each ending has rules, tried in order, each with its own word of the contact's key; the first that says
so makes a new contact: a redial, a repeat, a transfer, a copy elsewhere while the first still waits. It arrives
after its delay, unless the horizon is over by then. Of copies that share one history all are withdrawn when an agent
answers one; of others each is answered, briefly.

**Agents by person** keep hours of their own: spells [on, off). At `off` one with empty hands is gone; a busy one is
leaving, takes nothing more and is gone when free. At the next `on` they come back; one who is still leaving then just
stays, and the earlier spell is over at that moment. After a spell whose break keeps its length, they come back that
length after they left; spells that are over by then are lost.

**Agents by level** have no hours: a group has so many heads in each interval. When the level falls, idle agents go,
longest idle first, then by index; what is still too many is the group's excess, and whoever next has empty hands goes
before looking, until the excess is gone. When the level rises the excess shrinks first; then new agents come, lowest
free index first, and each looks before the next. From the end of the horizon on the last level stays until no live
contact waits or is on its way; then it is 0.

**Matching.** A contact looks among the agents who are free for it: enough free slots, its delay over, the group's
reserve kept; best rank of the group, then the policy, then fewest slots in use, longest idle (or longest since they
took something), lowest index. An agent looks, until hands are full, at the first of each lane: best rank of the type,
boosted before others, then the policy, then longest waiting, then lowest id. When a delay runs out the contact
looks. Where there are reserves, or slots held for contacts that need them all, the first contact of each type looks
again after every event, until nothing changes.

**One instant.** Events of one millisecond are handled one at a time, each with all its consequences, in this order:
agents leave, agents come, types close, work ends, bots change, bot sessions end, contacts enter, delays end, patience
ends; within a kind by index (agent, or group by level; type; bot; contact), work by agent and then contact. What an
event causes for the same instant takes its place in that order from then on.

The run ends with its last live event; who still waits then is `unserved`.
"""

import gc
from collections.abc import Generator
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.attendance import Staffing
from sim.demand import Demand
from sim.engine.precedence import BOT_CHANGES, CONTACT_ENTERS, TYPE_CLOSES
from sim.engine.reference.clock import At
from sim.engine.reference.desk import UNDECIDED, Desk
from sim.engine.reference.people import Contact
from sim.outcome import NEVER, Contacts, OutcomeTable, Spells, Status
from sim.routing import Rules

Life = Generator[At, Any, None]


def run(demand: Demand, staffing: Staffing, rules: Rules) -> OutcomeTable:
    """Simulate one replication.

    The garbage collector is frozen meanwhile: millions of live objects would be walked again and again for nothing.
    """
    collecting = gc.isenabled()
    gc.disable()
    desk = Desk(demand, staffing, rules)
    gc.freeze()
    try:
        follow(desk)
    finally:
        gc.unfreeze()
        if collecting:
            gc.enable()
    return table(desk)


def follow(desk: Desk) -> None:
    """Set all lives going and follow them to the last event."""
    desk.hours.begin()
    for k in np.flatnonzero(~desk.rules.always_open).tolist():
        if not desk.deferred[k]:
            desk.env.process(closings(desk, k))
    if desk.rules.mechanisms.bot_limits is not None:
        desk.env.process(bot_changes(desk))
    desk.env.process(arrivals(desk))
    desk.env.run()


def arrivals(desk: Desk) -> Life:
    """Contacts arrive one after another; those carried in stand there from the beginning."""
    for c in desk.contacts[: len(desk.demand)]:
        yield At(desk.env, max(0, c.arrival), CONTACT_ENTERS, c.i)
        desk.arrive(c)
        desk.happened()


def closings(desk: Desk, k: int) -> Life:
    """At the end of each window, and when the last skilled agent has gone, a closed type may cut off who waits."""
    rules = desk.rules
    deserted = last_presence_ms(desk.staffing, [g for groups in desk.crew.takers[k] for g in groups])
    instants = set(rules.closes_ms[k].tolist())
    if not rules.disconnects[k] and deserted is not None:
        instants.add(deserted)
    for instant in sorted(instants):
        yield At(desk.env, instant, TYPE_CLOSES, k)
        if not desk.is_open(k) and (rules.disconnects[k] or (deserted is not None and instant >= deserted)):
            desk.cut_off(k)
        desk.happened()


def bot_changes(desk: Desk) -> Life:
    """Bots get more or less room, or none."""
    limits = desk.rules.mechanisms.bot_limits
    assert limits is not None
    for bot, instant, capacity in zip(
        limits.bot.tolist(), limits.change_ms.tolist(), limits.capacity.tolist(), strict=True
    ):
        yield At(desk.env, instant, BOT_CHANGES, bot)
        desk.bots.capacity[bot] = capacity
        desk.fill_bot(bot)
        desk.happened()


def last_presence_ms(staffing: Staffing, groups: list[int]) -> int | None:
    """The instant from which no agent of these groups is due any more; None: by level they stay to the end."""
    if staffing.by_person:
        skilled = np.isin(staffing.agent_group[staffing.spell_agent], groups)
        return int(staffing.spell_off_ms[skilled].max(initial=0))
    staffed = np.flatnonzero(staffing.heads[:, groups].any(axis=1))
    last = int(staffed[-1]) + 1 if len(staffed) else 0
    return None if last == len(staffing.heads) else last * staffing.interval_ms


# ------------------------------------------------------------------------------------------------------------- record


def table(desk: Desk) -> OutcomeTable:
    """What happened, as columns."""
    for c in desk.contacts:
        close_books(c, desk.last_ms)

    def column(name: str, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        return np.array([getattr(c, name) for c in desk.contacts], dtype=dtype)

    contacts = Contacts(
        type=column("k", np.int16),
        arrival=column("arrival", np.int64),
        root=column("root", np.int32),
        parent=column("parent", np.int32),
        cause=column("cause", np.int16),
        status=column("status", np.uint8),
        queued=column("queued", np.int64),
        answered=column("answered", np.int64),
        ended=column("ended", np.int64),
        released=column("released", np.int64),
        work=column("work", np.int64),
        agent=column("agent", np.int32),
        resolved=column("resolved", np.bool_),
        predicted=column("predicted", np.int64),
    )
    rows = np.array(desk.hours.spells, dtype=np.int64).reshape(-1, 5)
    agent, group, on, off, left = rows[np.lexsort((rows[:, 2], rows[:, 0]))].T
    spells = Spells(agent=agent.astype(np.int32), group=group.astype(np.int16), on=on, off=off, left=left)
    return OutcomeTable(contacts=contacts, spells=spells, last_ms=desk.last_ms)


def close_books(c: Contact, last_ms: int) -> None:
    """Who still waits at the end is unserved from then on; who waits for a bot gives up."""
    if c.waits_for_bot:
        c.status, c.ended = int(Status.GAVE_UP_IN_BOT), last_ms
    elif c.waits and c.status != Status.SILENT:
        c.status, c.ended = int(Status.UNSERVED), last_ms
    assert c.status != UNDECIDED
    assert c.ended != NEVER or c.status == Status.AFTER_HORIZON
