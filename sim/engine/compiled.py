"""The compiled engine: the same sample path as the reference, about a hundred times faster, in Numba.

Demand, Staffing and Rules go in, an OutcomeTable comes out, equal to the reference's in every cell. What is known
before the first event is worked out before it: who finds a closed desk, what the bot makes of whom, which closing
cuts off. The event loop meets only those who ask for a person, one 64-byte row each, in the order in which they ask
(so a row's number orders by (queued, id)); results go back to the contacts' own rows at the end.

Three sources of events are merged: the rows, the planned changes (attendance, closings), and a heap of packed keys
(time, kind, index) for what the run itself brings about. Steps are named as in the reference.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from sim.attendance import Staffing
from sim.demand import FOREVER, BotFate, Demand
from sim.engine.precedence import (
    AGENTS_COME,
    AGENTS_LEAVE,
    CONTACT_ENTERS,
    DELAY_ENDS,
    PATIENCE_ENDS,
    TYPE_CLOSES,
    WORK_ENDS,
)
from sim.outcome import NEVER, Cause, Contacts, OutcomeTable, Spells, Status
from sim.routing import NEVER_RANK, Rules

TIME_SHIFT = 31
KIND_SHIFT = 27
INDEX_MASK = (1 << KIND_SHIFT) - 1
KIND_MASK = 15
NO_EVENT = 2**63 - 1
ROOM = 16  # free places in the heap that one event can never use up

ROW = np.dtype(
    [
        ("queued", "i8"), ("answered", "i8"), ("ended", "i8"), ("released", "i8"),
        ("talk", "i4"), ("after", "i4"), ("patience", "i4"), ("agent", "i4"),
        ("next", "i4"), ("previous", "i4"), ("contact", "i4"), ("type", "i2"), ("status", "u1"), ("at_once", "u1"),
    ]
)  # fmt: skip
AGENT = np.dtype(
    [("since", "i8"), ("spell", "i4"), ("next", "i4"), ("previous", "i4"), ("plan", "i4"), ("group", "i2"),
     ("state", "u1"), ("held", "u1"), ("pad", "i4")]
)  # fmt: skip
SPELL = np.dtype([("on", "i8"), ("off", "i8"), ("left", "i8"), ("agent", "i4"), ("group", "i2"), ("pad", "i2")])

AWAY, IDLE, BUSY, LEAVING = range(4)
ANSWERED, ABANDONED, UNSERVED = int(Status.ANSWERED), int(Status.ABANDONED), int(Status.UNSERVED)
WAITING = 255  # a row's status until it is decided

# places in the state vector that survives a return to the driver
NEXT_ROW, NEXT_CHANGE, HEAP_SIZE, SPELLS, LAST, IN_QUEUE, HOME, RUNNING = range(8)


class Desk(NamedTuple):
    """All arrays of one run; see `prepare`."""

    rows: Any  # ROW [row]
    row_of: Any  # int32 [contact], or empty without delays
    agents: Any  # AGENT [agent]
    spells: Any  # SPELL [spell]
    change_key: Any  # int64 [change]: packed (time, kind, index)
    change_value: Any  # int32 [change]: heads more or fewer; planned spell; whether a closing cuts off
    plan_on: Any  # int64 [planned spell]
    plan_off: Any
    plan_keeps: Any  # uint8: the break after it keeps its length
    plan_agent: Any
    skill_first: Any  # int32 [group + 1] into the next two: what a group may take, best rank first
    skill_type: Any
    skill_rank: Any
    taker_first: Any  # int32 [type + 1] into the next two: who may take a type, best rank first
    taker_group: Any
    taker_rank: Any
    delay: Any  # int32 [type, group]
    timer_first: Any  # int32 [type + 1] into timer_ms: the distinct delays of a type, ascending
    timer_ms: Any
    permille: Any  # int32 [type, group]
    queue_head: Any  # int32 [type]: row, or -1
    queue_tail: Any
    idle_head: Any  # int32 [group]: agent, or -1
    idle_tail: Any
    excess: Any  # int32 [group]
    lowest_away: Any  # int32 [group]: no agent of the group below it is away, by level
    final_heads: Any  # int32 [group]
    by_person: bool
    home_ms: int  # by level: end of the horizon, or of the last contact that never asks for a person


# ------------------------------------------------------------------------------------------------------------ pieces


@njit(nogil=True, cache=True)
def sift_down(heap: Any, size: int, key: int) -> None:
    """Put `key` in the place of the root of a heap of `size` keys."""
    hole = 0
    child = 1
    while child < size:
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[hole] = heap[child]
        hole = child
        child = 2 * hole + 1
    heap[hole] = key


@njit(nogil=True, cache=True)
def sift_up(heap: Any, size: int, key: int) -> None:
    """Add `key` to a heap of `size` keys."""
    hole = size
    while hole > 0:
        parent = (hole - 1) >> 1
        if heap[parent] <= key:
            break
        heap[hole] = heap[parent]
        hole = parent
    heap[hole] = key


@njit(nogil=True, cache=True)
def dequeue(rows: Any, head: Any, tail: Any, r: int) -> None:
    """Take the row out of its queue, wherever it stands."""
    k, before, after = rows[r].type, rows[r].previous, rows[r].next
    if before < 0:
        head[k] = after
    else:
        rows[before].next = after
    if after < 0:
        tail[k] = before
    else:
        rows[after].previous = before


@njit(nogil=True, cache=True)
def drop_idle(agents: Any, head: Any, tail: Any, a: int) -> None:
    """Take the agent out of the idle list of their group."""
    g, before, after = agents[a].group, agents[a].previous, agents[a].next
    if before < 0:
        head[g] = after
    else:
        agents[before].next = after
    if after < 0:
        tail[g] = before
    else:
        agents[after].previous = before


@njit(nogil=True, cache=True)
def add_idle(agents: Any, head: Any, tail: Any, a: int, now: int) -> None:
    """The agent is idle from now on: behind all who are idle longer, or as long with a lower index."""
    g = agents[a].group
    before = tail[g]
    while before >= 0 and before > a and agents[before].since == now:
        before = agents[before].previous
    after = head[g] if before < 0 else agents[before].next
    agents[a].since = now
    agents[a].state = IDLE
    agents[a].previous = before
    agents[a].next = after
    if before < 0:
        head[g] = a
    else:
        agents[before].next = a
    if after < 0:
        tail[g] = a
    else:
        agents[after].previous = a


@njit(nogil=True, cache=True)
def leave(agents: Any, spells: Any, lowest_away: Any, by_person: bool, a: int, now: int) -> None:
    """The agent leaves the desk; by level, they were to leave just now."""
    spell = agents[a].spell
    spells[spell].left = now
    agents[a].state = AWAY
    if not by_person:
        spells[spell].off = now
        g = agents[a].group
        lowest_away[g] = min(lowest_away[g], a)


@njit(nogil=True, cache=True)
def come(agents: Any, spells: Any, spell: int, a: int, now: int, off: int) -> bool:
    """A spell begins; True: the agent has empty hands and looks. One still busy stays, and the earlier spell ends."""
    busy = agents[a].state >= BUSY
    if busy:
        spells[agents[a].spell].left = now
        agents[a].state = BUSY
    agents[a].spell = spell
    spells[spell].agent = a
    spells[spell].group = agents[a].group
    spells[spell].on = now
    spells[spell].off = off
    spells[spell].left = NEVER
    return not busy


@njit(nogil=True, cache=True)
def next_plan(agents: Any, plan_on: Any, plan_off: Any, plan_agent: Any, a: int, back: int) -> int:
    """The key of the agent's return at `back`, into the first planned spell that is not over by then.

    NO_EVENT where that spell's own change will bring them, or nothing will.
    """
    p = agents[a].plan + 1
    while p < len(plan_off) and plan_agent[p] == a and plan_off[p] <= back:
        p += 1
    agents[a].plan = p - 1  # the changes of all spells up to this one are void
    if p < len(plan_off) and plan_agent[p] == a and plan_on[p] <= back:
        agents[a].held = 1
        return (back << TIME_SHIFT) | (AGENTS_COME << KIND_SHIFT) | a
    return NO_EVENT


# ---------------------------------------------------------------------------------------------------------- the loop


@njit(nogil=True, cache=True)
def follow(d: Desk, heap: Any, state: Any) -> None:
    """Follow the run from event to event until the last one, or until the heap must grow (state[RUNNING] stays 1)."""
    next_row, next_change, size = state[NEXT_ROW], state[NEXT_CHANGE], state[HEAP_SIZE]
    spells, last, in_queue, home = state[SPELLS], state[LAST], state[IN_QUEUE], state[HOME]
    rows, row_of, agents, spell_rows, change_keys, change_values = d[:6]
    plan_on, plan_off, plan_keeps, plan_agent = d[6:10]
    skill_first, skill_type, skill_rank, taker_first, taker_group, taker_rank, delay = d[10:17]
    timer_first, timer_ms, permilles, queue_head, queue_tail, idle_head, idle_tail = d[17:24]
    excess, lowest_away, final_heads, by_person, home_ms = d[24:]
    row_count, change_count = len(rows), len(change_keys)
    row_key = NO_EVENT
    if next_row < row_count:
        row_key = (rows[next_row].queued << TIME_SHIFT) | (CONTACT_ENTERS << KIND_SHIFT)
    change_key = change_keys[next_change] if next_change < change_count else NO_EVENT
    coming, coming_group, now = 0, 0, 0
    state[RUNNING] = 0
    while True:
        a, r, pending, timer = -1, -1, NO_EVENT, NO_EVENT
        waits, popped = False, False
        falling_first, falling_last = 0, 0
        if coming > 0:  # one more agent of a level that has risen
            coming -= 1
            a = lowest_away[coming_group]
            while agents[a].state != AWAY:
                a += 1
            lowest_away[coming_group] = a + 1
            come(agents, spell_rows, spells, a, now, NEVER)
            spells += 1
        else:
            if size > len(heap) - ROOM:
                state[RUNNING] = 1
                break
            key = heap[0] if size > 0 else NO_EVENT
            if row_key < key and row_key < change_key:  # ---------------------------------- a contact asks
                now = row_key >> TIME_SHIFT
                r = next_row
                next_row += 1
                row_key = NO_EVENT
                if next_row < row_count:
                    row_key = (rows[next_row].queued << TIME_SHIFT) | (CONTACT_ENTERS << KIND_SHIFT)
                last = now
            elif change_key < key:  # ------------------------------------------------------ a planned change
                now = change_key >> TIME_SHIFT
                kind = (change_key >> KIND_SHIFT) & KIND_MASK
                x = change_key & INDEX_MASK
                value = change_values[next_change]
                next_change += 1
                change_key = change_keys[next_change] if next_change < change_count else NO_EVENT
                if kind == TYPE_CLOSES:
                    last = now
                    while value and queue_head[x] >= 0:
                        cut = queue_head[x]
                        dequeue(rows, queue_head, queue_tail, cut)
                        rows[cut].status = UNSERVED
                        rows[cut].ended = now
                        in_queue -= 1
                elif by_person:
                    if kind == AGENTS_COME:
                        if agents[x].plan == value - 1 and not agents[x].held:
                            last = now
                            agents[x].plan = value
                            if come(agents, spell_rows, spells, x, now, plan_off[value]):
                                a = x
                            spells += 1
                    elif agents[x].plan == value and agents[x].state != AWAY and not agents[x].held:
                        last = now
                        if agents[x].state == IDLE:
                            drop_idle(agents, idle_head, idle_tail, x)
                            leave(agents, spell_rows, lowest_away, by_person, x, now)
                        else:
                            agents[x].state = LEAVING
                            agents[x].held = plan_keeps[value]
                elif kind == AGENTS_COME:
                    last = now
                    stay = min(value, excess[x])
                    excess[x] -= stay
                    coming, coming_group = value - stay, x
                else:
                    last = now
                    if x < len(excess):
                        excess[x] += value
                        falling_first, falling_last = x, x + 1
            elif key != NO_EVENT:  # ------------------------------------------------------- what the run brought about
                popped = True
                now = key >> TIME_SHIFT
                kind = (key >> KIND_SHIFT) & KIND_MASK
                x = key & INDEX_MASK
                if kind == WORK_ENDS:
                    last = now
                    if agents[x].state == LEAVING:
                        leave(agents, spell_rows, lowest_away, by_person, x, now)
                        if agents[x].held:
                            agents[x].held = 0
                            p = agents[x].plan
                            if p + 1 < len(plan_on) and plan_agent[p + 1] == x:
                                pending = next_plan(
                                    agents, plan_on, plan_off, plan_agent, x, now + plan_on[p + 1] - plan_off[p]
                                )
                    elif excess[agents[x].group] > 0:
                        excess[agents[x].group] -= 1
                        leave(agents, spell_rows, lowest_away, by_person, x, now)
                    else:
                        a = x
                elif kind == PATIENCE_ENDS:
                    if rows[x].status == WAITING:
                        last = now
                        dequeue(rows, queue_head, queue_tail, x)
                        rows[x].status = ABANDONED
                        rows[x].ended = now
                        in_queue -= 1
                elif kind == DELAY_ENDS:
                    if rows[row_of[x]].status == WAITING:
                        last = now
                        r = row_of[x]
                        waits = True
                else:  # AGENTS_COME after a break that kept its length
                    last = now
                    agents[x].held = 0
                    agents[x].plan += 1
                    come(agents, spell_rows, spells, x, now, plan_off[agents[x].plan])
                    spells += 1
                    a = x
            else:
                break
        # ------------------------------------------------------------------------------------ matching
        if a >= 0:
            g = agents[a].group  # best rank of the type, then longest waiting, then lowest id: the lowest row
            rank = 0
            for j in range(skill_first[g], skill_first[g + 1]):
                if r >= 0 and skill_rank[j] != rank:
                    break
                k = skill_type[j]
                first = queue_head[k]
                if first >= 0 and (r < 0 or first < r) and now - rows[first].queued >= delay[k, g]:
                    r, rank = first, skill_rank[j]
            if r < 0:
                add_idle(agents, idle_head, idle_tail, a, now)
            else:
                dequeue(rows, queue_head, queue_tail, r)
                in_queue -= 1
        elif r >= 0:
            k = rows[r].type
            waited = now - rows[r].queued
            since, rank = 0, 0  # best rank of the group, then longest idle, then lowest index
            for j in range(taker_first[k], taker_first[k + 1]):
                if a >= 0 and taker_rank[j] != rank:
                    break
                g = taker_group[j]
                first = idle_head[g]
                if first < 0 or waited < delay[k, g]:
                    continue
                if a < 0 or agents[first].since < since or (agents[first].since == since and first < a):
                    a, since, rank = first, agents[first].since, taker_rank[j]
            if a >= 0:
                drop_idle(agents, idle_head, idle_tail, a)
                if waits:
                    dequeue(rows, queue_head, queue_tail, r)
                    in_queue -= 1
            elif rows[r].at_once:
                rows[r].status = ABANDONED
                rows[r].ended = now
            else:
                if not waits:
                    tail = queue_tail[k]  # the latest to ask stands last
                    rows[r].previous = tail
                    rows[r].next = -1
                    if tail < 0:
                        queue_head[k] = r
                    else:
                        rows[tail].next = r
                    queue_tail[k] = r
                    rows[r].status = WAITING
                    in_queue += 1
                    if rows[r].patience != FOREVER:
                        pending = ((now + rows[r].patience) << TIME_SHIFT) | (PATIENCE_ENDS << KIND_SHIFT) | r
                for j in range(timer_first[k], timer_first[k + 1]):
                    due = rows[r].queued + timer_ms[j]
                    if due > now:
                        timer = (due << TIME_SHIFT) | (DELAY_ENDS << KIND_SHIFT) | rows[r].contact
                        break
        # ------------------------------------------------------------------------------------ start of work
        if a >= 0 and r >= 0:
            permille = permilles[rows[r].type, agents[a].group]
            rows[r].status = ANSWERED
            rows[r].agent = a
            rows[r].answered = now
            ended = now + (rows[r].talk * permille + 500) // 1000
            released = ended + (rows[r].after * permille + 500) // 1000
            rows[r].ended = ended
            rows[r].released = released
            agents[a].state = BUSY
            pending = (released << TIME_SHIFT) | (WORK_ENDS << KIND_SHIFT) | a
        # ------------------------------------------------------------------------------------ the heap
        if popped:
            if pending != NO_EVENT:
                sift_down(heap, size, pending)
            else:
                size -= 1
                sift_down(heap, size, heap[size])
        elif pending != NO_EVENT:
            sift_up(heap, size, pending)
            size += 1
        if timer != NO_EVENT:
            sift_up(heap, size, timer)
            size += 1
        # ------------------------------------------------------------------------------------ after the horizon
        if now >= home_ms and not home and not by_person and in_queue == 0 and next_row == row_count:
            home = 1
            for g in range(len(excess)):
                excess[g] += final_heads[g]
            falling_first, falling_last = 0, len(excess)
        for g in range(falling_first, falling_last):  # idle agents go, longest idle first; the rest is excess
            while excess[g] > 0 and idle_head[g] >= 0:
                excess[g] -= 1
                a = idle_head[g]
                drop_idle(agents, idle_head, idle_tail, a)
                leave(agents, spell_rows, lowest_away, by_person, a, now)
    state[NEXT_ROW], state[NEXT_CHANGE], state[HEAP_SIZE] = next_row, next_change, size
    state[SPELLS], state[LAST], state[IN_QUEUE], state[HOME] = spells, last, in_queue, home


# ------------------------------------------------------------------------------------------- before and after the loop


@njit(nogil=True, cache=True)
def fill_rows(rows: Any, direct: Any, handed: Any, handed_at: Any, arrival: Any, kind: Any) -> None:
    """Merge those who ask at arrival with those whom the bot hands off, by (instant, contact)."""
    i, j = 0, 0
    for r in range(len(rows)):
        if j == len(handed) or (
            i < len(direct)
            and (arrival[direct[i]] < handed_at[j] or (arrival[direct[i]] == handed_at[j] and direct[i] < handed[j]))
        ):
            c = direct[i]
            rows[r].queued = arrival[c]
            i += 1
        else:
            c = handed[j]
            rows[r].queued = handed_at[j]
            j += 1
        rows[r].contact = c
        rows[r].type = kind[c]
        rows[r].status = UNSERVED
        rows[r].answered = NEVER
        rows[r].ended = NEVER
        rows[r].released = NEVER
        rows[r].agent = -1


class Early(NamedTuple):
    """What is settled before the event loop, per contact: those who never ask, or ask a closed desk."""

    status: npt.NDArray[np.uint8]
    queued: npt.NDArray[np.int64]
    ended: npt.NDArray[np.int64]
    asks: npt.NDArray[np.bool_]  # asks for a person while its type is open
    asked: npt.NDArray[np.int64]  # when


def settle_early(demand: Demand, rules: Rules) -> Early:
    """Follow every contact up to the moment when it asks for a person; nothing before depends on anybody else."""
    n = len(demand)
    arrival, fate = demand.arrival_ms, demand.fate
    in_bot = fate != BotFate.NO_BOT
    handed = fate == BotFate.HANDED_OFF
    asked = arrival.copy()
    bot_ends = arrival + demand.bot_ms
    asked[handed] = bot_ends[handed] + demand.hand_off_ms[handed]
    status = np.full(n, UNSERVED, dtype=np.uint8)
    ended = np.full(n, NEVER, dtype=np.int64)
    queued = np.full(n, NEVER, dtype=np.int64)
    asks = ~in_bot | handed
    queued[asks] = asked[asks]
    kept = in_bot & ~handed
    status[kept] = BOT_STATUS[fate[kept]]
    ended[kept] = bot_ends[kept]
    for k in np.flatnonzero(~rules.always_open).tolist():
        mine = demand.type == k
        refused = mine & ~is_open(rules, k, arrival)
        queued[refused] = ended[refused] = arrival[refused]
        late = mine & asks & ~refused & ~is_open(rules, k, asked)
        ended[late] = asked[late]
        status[refused | late] = Status.CLOSED
        asks[refused | late] = False
    return Early(status, queued, ended, asks, asked)


def is_open(rules: Rules, k: int, at: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether type k lets contacts in at each instant."""
    window = np.searchsorted(rules.opens_ms[k], at, side="right") - 1
    closes = np.append(rules.closes_ms[k], 0)  # window -1: not open yet
    return np.asarray((window >= 0) & (at < closes[window]))


BOT_STATUS = np.zeros(len(BotFate), dtype=np.uint8)
BOT_STATUS[BotFate.RESOLVED] = Status.RESOLVED_IN_BOT
BOT_STATUS[BotFate.CONTAINED] = Status.CONTAINED_UNRESOLVED
BOT_STATUS[BotFate.GIVES_UP] = Status.GAVE_UP_IN_BOT


def make_rows(demand: Demand, early: Early) -> Any:
    """The rows of the event loop, in the order in which they ask."""
    handed = np.flatnonzero(early.asks & (demand.fate == BotFate.HANDED_OFF))
    handed = handed[np.argsort(early.asked[handed], kind="stable")]
    direct = np.flatnonzero(early.asks & (demand.fate == BotFate.NO_BOT))
    rows = np.empty(len(handed) + len(direct), dtype=ROW).view(np.recarray)
    fill_rows(rows, direct, handed, early.asked[handed], demand.arrival_ms, demand.type)
    fill_work(rows, demand.talk_ms, demand.after_ms, demand.patience_ms, demand.leaves_at_once)
    return rows


@njit(nogil=True, cache=True)
def fill_work(rows: Any, talk: Any, after: Any, patience: Any, at_once: Any) -> None:
    """What each row brings."""
    for r in range(len(rows)):
        c = rows[r].contact
        rows[r].talk = talk[c]
        rows[r].after = after[c]
        rows[r].patience = patience[c]
        rows[r].at_once = at_once[c]


class Changes(NamedTuple):
    """The planned changes in the order of their keys."""

    key: npt.NDArray[np.int64]
    value: npt.NDArray[np.int32]


def pack(time: Any, kind: int, index: Any) -> Any:
    """(time, kind, index) as one number."""
    return (np.asarray(time, dtype=np.int64) << TIME_SHIFT) | (kind << KIND_SHIFT) | index


def make_changes(staffing: Staffing, rules: Rules, home_ms: int) -> Changes:
    """Attendance and closings, merged."""
    parts = list(closings(staffing, rules))
    if staffing.by_person:
        planned = np.arange(len(staffing.spell_agent))
        parts.append((pack(staffing.spell_on_ms, AGENTS_COME, staffing.spell_agent), planned))
        parts.append((pack(staffing.spell_off_ms, AGENTS_LEAVE, staffing.spell_agent), planned))
    else:
        steps = np.diff(staffing.heads.astype(np.int64), axis=0, prepend=0)
        for kind, by in ((AGENTS_COME, steps), (AGENTS_LEAVE, -steps)):
            interval, group = np.nonzero(by > 0)
            parts.append((pack(interval * staffing.interval_ms, kind, group), by[interval, group]))
        horizon_ms = len(staffing.heads) * staffing.interval_ms
        ends = sorted({horizon_ms, home_ms})
        parts.append((pack(ends, AGENTS_LEAVE, len(staffing.groups)), np.zeros(len(ends), dtype=np.int64)))
    key = np.concatenate([part[0] for part in parts])
    value = np.concatenate([part[1] for part in parts]).astype(np.int32)
    order = np.argsort(key, kind="stable")
    return Changes(key[order], value[order])


def closings(staffing: Staffing, rules: Rules) -> Any:
    """Per type that ever closes: the keys of its closings, and whether each cuts off who waits."""
    for k in np.flatnonzero(~rules.always_open).tolist():
        instants = rules.closes_ms[k]
        takers = np.flatnonzero(rules.routing.group_rank[k] < NEVER_RANK)
        deserted = NO_EVENT if rules.disconnects[k] else last_presence_ms(staffing, takers)
        if deserted != NO_EVENT:
            instants = np.union1d(instants, deserted)
        cuts = ~is_open(rules, k, instants) & (rules.disconnects[k] | (instants >= deserted))
        yield pack(instants, TYPE_CLOSES, k), cuts


def last_presence_ms(staffing: Staffing, groups: npt.NDArray[np.int64]) -> int:
    """The instant from which no agent of these groups is due any more; NO_EVENT: by level they stay to the end."""
    if staffing.by_person:
        skilled = np.isin(staffing.agent_group[staffing.spell_agent], groups)
        return int(staffing.spell_off_ms[skilled].max(initial=0))
    staffed = np.flatnonzero(staffing.heads[:, groups].any(axis=1))
    last = int(staffed[-1]) + 1 if len(staffed) else 0
    return NO_EVENT if last == len(staffing.heads) else last * staffing.interval_ms


def by_rank(ranks: npt.NDArray[np.int16]) -> tuple[Any, Any, Any]:
    """Per row of `ranks`, the columns that are not never, best rank first: first index, column, rank."""
    rows, columns = np.nonzero(ranks < NEVER_RANK)
    rank = ranks[rows, columns]
    order = np.lexsort((columns, rank, rows))
    first = np.searchsorted(rows[order], np.arange(len(ranks) + 1)).astype(np.int32)
    return first, columns[order].astype(np.int32), rank[order].astype(np.int32)


def prepare(demand: Demand, staffing: Staffing, rules: Rules, early: Early) -> Desk:
    """All arrays of a run."""
    routing = rules.routing
    groups, types = len(staffing.groups), len(demand.types)
    rows = make_rows(demand, early)
    horizon_ms = len(staffing.heads) * staffing.interval_ms
    home_ms = max(horizon_ms, int(early.ended.max(initial=0))) if not staffing.by_person else 0
    changes = make_changes(staffing, rules, home_ms)
    most = staffing.heads.max(axis=0, initial=0).astype(np.int64)
    first_agent = np.cumsum(most) - most
    group_of = staffing.agent_group if staffing.by_person else np.repeat(np.arange(groups), most)
    agents = np.zeros(len(group_of), dtype=AGENT).view(np.recarray)
    agents.group = group_of
    agents.plan = np.searchsorted(staffing.spell_agent, np.arange(len(group_of))) - 1
    arrivals = np.diff(staffing.heads.astype(np.int64), axis=0, prepend=0).clip(min=0).sum()
    spells = np.empty(len(staffing.spell_agent) + int(arrivals), dtype=SPELL).view(np.recarray)
    delays = [
        np.unique(routing.delay_ms[k][(routing.group_rank[k] < NEVER_RANK) & (routing.delay_ms[k] > 0)])
        for k in range(types)
    ]
    row_of = np.empty(0, dtype=np.int32)
    if any(len(delay) for delay in delays):
        row_of = np.empty(len(demand), dtype=np.int32)
        row_of[rows.contact] = np.arange(len(rows), dtype=np.int32)
    return Desk(
        rows,
        row_of,
        agents,
        spells,
        changes.key,
        changes.value,
        staffing.spell_on_ms,
        staffing.spell_off_ms,
        staffing.keeps_length.astype(np.uint8),
        staffing.spell_agent,
        *by_rank(np.where(routing.group_rank < NEVER_RANK, routing.type_rank, NEVER_RANK).T),
        *by_rank(routing.group_rank),
        routing.delay_ms,
        np.cumsum([0, *map(len, delays)]).astype(np.int32),
        np.concatenate([*delays, np.empty(0)]).astype(np.int32),
        rules.time_permille,
        np.full(types, -1, dtype=np.int32),
        np.full(types, -1, dtype=np.int32),
        np.full(groups, -1, dtype=np.int32),
        np.full(groups, -1, dtype=np.int32),
        np.zeros(groups, dtype=np.int32),
        first_agent.astype(np.int32),
        staffing.heads[-1].astype(np.int32) if len(staffing.heads) else np.zeros(groups, dtype=np.int32),
        staffing.by_person,
        home_ms,
    )


def run(demand: Demand, staffing: Staffing, rules: Rules) -> OutcomeTable:
    """Simulate one replication."""
    early = settle_early(demand, rules)
    desk = prepare(demand, staffing, rules, early)
    last_ms, spells = drive(desk)
    last_ms = max(last_ms, int(demand.arrival_ms.max(initial=0)), int(early.ended.max(initial=0)))
    return table(demand, early, desk, spells, last_ms)


def drive(desk: Desk) -> tuple[int, int]:
    """Run the event loop, with a larger heap whenever it asks for one; the last event's instant, and the spells."""
    heap = np.empty(1024 + len(desk.agents), dtype=np.int64)
    state = np.zeros(RUNNING + 1, dtype=np.int64)
    follow(desk, heap, state)
    while state[RUNNING]:
        heap = np.concatenate([heap, np.empty_like(heap)])
        follow(desk, heap, state)
    return int(state[LAST]), int(state[SPELLS])


def table(demand: Demand, early: Early, desk: Desk, spells: int, last_ms: int) -> OutcomeTable:
    """Results of the rows put back to the contacts' own places, as columns."""
    rows, n = desk.rows, len(demand)
    waiting = rows.status == WAITING
    rows.status[waiting] = UNSERVED
    rows.ended[waiting] = last_ms
    contact = rows.contact
    status, ended = early.status, early.ended
    status[contact], ended[contact] = rows.status, rows.ended
    answered, released = np.full(n, NEVER, dtype=np.int64), np.full(n, NEVER, dtype=np.int64)
    answered[contact], released[contact] = rows.answered, rows.released
    agent = np.full(n, -1, dtype=np.int32)
    agent[contact] = rows.agent
    contacts = Contacts(
        type=demand.type,
        arrival=demand.arrival_ms,
        root=np.arange(n, dtype=np.int32),
        parent=np.full(n, -1, dtype=np.int32),
        cause=np.full(n, Cause.ARRIVAL, dtype=np.int16),
        status=status,
        queued=early.queued,
        answered=answered,
        ended=ended,
        released=released,
        work=np.where(released == NEVER, 0, released - answered),
        agent=agent,
    )
    rec = desk.spells[:spells]
    rec = rec[np.lexsort((rec.on, rec.agent))]
    columns = {name: np.ascontiguousarray(rec[name]) for name in ("agent", "group", "on", "off", "left")}
    return OutcomeTable(contacts=contacts, spells=Spells(**columns), last_ms=last_ms)
