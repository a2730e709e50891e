"""The event loop of the compiled engine: steps named as in the reference, arrays instead of objects.

Three sources of events are merged: the rows (contacts that ask for a person, in the order in which they ask), the
planned changes (attendance, closings), and a heap of packed keys (time, kind, index) for what the run itself brings
about. An array must never be reached through the Desk tuple inside the loop: each access would count references.
"""

from typing import Any, NamedTuple

import numpy as np

from sim.demand import FOREVER
from sim.engine.compiled.kernel import kernel
from sim.engine.precedence import (
    AGENTS_COME,
    CONTACT_ENTERS,
    DELAY_ENDS,
    PATIENCE_ENDS,
    TYPE_CLOSES,
    WORK_ENDS,
)
from sim.outcome import NEVER, Status

TIME_SHIFT = 31
KIND_SHIFT = 27
INDEX_MASK = (1 << KIND_SHIFT) - 1
KIND_MASK = 15
NO_EVENT = 2**63 - 1
ZERO, ONE = np.uint64(0), np.uint64(1)
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


@kernel
def sift_down(heap: Any, size: int, key: int) -> None:
    """Put `key` in the place of the root of a heap of `size` keys: the hole sinks to a leaf, then `key` climbs."""
    end = np.uint64(size)
    hole = ZERO
    child = ONE
    while child + ONE < end:
        if heap[child + ONE] < heap[child]:
            child += ONE
        heap[hole] = heap[child]
        hole = child
        child = (hole << ONE) + ONE
    if child < end:
        heap[hole] = heap[child]
        hole = child
    while hole > ZERO:
        parent = (hole - ONE) >> ONE
        if heap[parent] <= key:
            break
        heap[hole] = heap[parent]
        hole = parent
    heap[hole] = key


@kernel
def sift_up(heap: Any, size: int, key: int) -> None:
    """Add `key` to a heap of `size` keys."""
    hole = np.uint64(size)
    while hole > ZERO:
        parent = (hole - ONE) >> ONE
        if heap[parent] <= key:
            break
        heap[hole] = heap[parent]
        hole = parent
    heap[hole] = key


@kernel
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


@kernel
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


@kernel
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


@kernel
def leave(agents: Any, spells: Any, lowest_away: Any, by_person: bool, a: int, now: int) -> None:
    """The agent leaves the desk; by level, they were to leave just now."""
    spell = agents[a].spell
    spells[spell].left = now
    agents[a].state = AWAY
    if not by_person:
        spells[spell].off = now
        g = agents[a].group
        lowest_away[g] = min(lowest_away[g], a)


@kernel
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


@kernel
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


@kernel
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
            if size > len(heap) - ROOM - len(agents):  # a rising level may bring every agent in one step
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
            row = rows[r]
            permille = permilles[row.type, agents[a].group]
            ended = now + (row.talk * permille + 500) // 1000
            released = ended + (row.after * permille + 500) // 1000
            row.status = ANSWERED
            row.agent = a
            row.answered = now
            row.ended = ended
            row.released = released
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
