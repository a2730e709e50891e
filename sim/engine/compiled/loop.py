"""The event loop of the compiled engine: steps named as in the reference, arrays instead of objects.

Four sources of packed keys (time, kind, index) are merged: those who ask for a person, in the order in which they ask;
a tournament of the ends of work, one place for each agent; a heap for what waiting brings about; and planned changes
(attendance, closings). What becomes of a contact is written straight into the columns of the outcome. Arrays are not
reached through the Desk tuple inside the loop.
"""

from typing import Any, NamedTuple

import numpy as np

from sim.demand import FOREVER
from sim.engine.compiled.kernel import kernel
from sim.engine.precedence import (
    AGENTS_COME,
    DELAY_ENDS,
    PATIENCE_ENDS,
    TYPE_CLOSES,
    WORK_ENDS,
)
from sim.outcome import NEVER, Status

TIME_SHIFT = 31
KIND_SHIFT = 27
INSTANTS = 1 << 32  # milliseconds that a key can tell apart, 49 days
INDEX_MASK = (1 << KIND_SHIFT) - 1
KIND_MASK = 15
NO_EVENT = 2**63 - 1
ZERO, ONE, TWO, THREE = (np.uint64(x) for x in range(4))
ROOM = 16  # free places in the heap that one event can never use up

# records, whose fields read alike with and without the compiler
WAITER = np.dtype(
    (np.record, [("queued", "i8"), ("contact", "i4"), ("next", "i4"), ("previous", "i4"), ("type", "u2"),
                 ("pad", "i2")])
)  # fmt: skip
AGENT = np.dtype(
    (np.record, [("since", "i8"), ("spell", "i4"), ("next", "i4"), ("previous", "i4"), ("plan", "i4"), ("group", "u2"),
                 ("state", "u1"), ("held", "u1"), ("pad", "i4")])
)  # fmt: skip
SPELL = np.dtype(
    (np.record, [("on", "i8"), ("off", "i8"), ("left", "i8"), ("agent", "i4"), ("group", "i2"), ("pad", "i2")])
)

AWAY, IDLE, BUSY, LEAVING = range(4)
ANSWERED, ABANDONED, UNSERVED = int(Status.ANSWERED), int(Status.ABANDONED), int(Status.UNSERVED)
WAITING = 255  # a contact's status until it is decided

# places in the state vector that survives a return to the driver
NEXT_ASK, NEXT_CHANGE, HEAP_SIZE, SPELLS, LAST, NEWEST, IN_QUEUE, IDLERS, HOME, RUNNING, OUTLASTS = range(11)


class Desk(NamedTuple):
    """All arrays of one run; see `prepare`."""

    asks: Any  # int64 [ask]: packed (time, kind, contact) of all who ask for a person, ascending
    type: Any  # int16 [contact], as the next four straight from the demand
    talk: Any
    after: Any
    patience: Any
    at_once: Any
    status: Any  # uint8 [contact], as the next four straight into the outcome
    answered: Any  # int64 [contact]
    ended: Any
    released: Any
    agent: Any  # int32 [contact]
    waiters: Any  # WAITER [type + ask]: the ends of each type's queue, then who had to wait, in the order of asking
    waiter_of: Any  # int32 [contact], or empty without delays
    ends: Any  # int64 [2 * leaf]: packed end of each agent's work at the leaves, the lesser of two above them
    agents: Any  # AGENT [agent + group]: the agents, then the ends of each group's idle list
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
    excess: Any  # int32 [group]
    lowest_away: Any  # int32 [group]: no agent of the group below it is away, by level
    final_heads: Any  # int32 [group]
    by_person: bool
    home_ms: int  # by level: end of the horizon, or of the last contact that never asks for a person


# ------------------------------------------------------------------------------------------------------------ pieces


@kernel
def sift_down(heap: Any, size: int, key: int) -> None:
    """Put `key` in the place of the root of a heap of `size` keys, behind which all places hold NO_EVENT.

    Each key has four below it. Which of them is the least is worked out without a branch, as nobody could foresee it.
    """
    end, hole, child = np.uint64(size), ZERO, ONE
    while child < end:
        second, third, fourth = heap[child + ONE], heap[child + TWO], heap[child + THREE]
        left = child + np.uint64(second < heap[child])
        right = child + TWO + np.uint64(fourth < third)
        low, high = min(second, heap[child]), min(third, fourth)
        least = min(low, high)
        if key <= least:
            break
        heap[hole] = least
        hole = left + (right - left) * np.uint64(high < low)
        child = (hole << TWO) + ONE
    heap[hole] = key


@kernel
def sift_up(heap: Any, size: int, key: int) -> None:
    """Add `key` to a heap of `size` keys."""
    hole = np.uint64(size)
    while hole > ZERO:
        parent = (hole - ONE) >> TWO
        if heap[parent] <= key:
            break
        heap[hole] = heap[parent]
        hole = parent
    heap[hole] = key


@kernel
def pop(heap: Any, size: int) -> int:
    """Take the root out of a heap of `size` keys; its new size."""
    last = np.uint64(size - 1)
    key = heap[last]
    heap[last] = NO_EVENT
    if last > ZERO:
        sift_down(heap, size - 1, key)
    return size - 1


@kernel
def set_end(ends: Any, a: int, key: int) -> None:
    """The agent's work ends at `key` (NO_EVENT: none at hand); the least of all climbs to ends[1].

    A tournament rather than a heap: which places are read does not depend on what is in them, so they load at once.
    """
    place = np.uint64(a) + np.uint64(len(ends) >> 1)
    ends[place] = key
    while place > ONE:
        key = min(key, ends[place ^ ONE])
        place >>= ONE
        ends[place] = key


# Queues and idle lists are rings through a place of their own, so that nothing need be asked at either end.


@kernel
def unlink(ring: Any, x: int) -> None:
    """Take a waiter or an idle agent out, wherever it stands."""
    before, after = ring[x].previous, ring[x].next
    ring[before].next = after
    ring[after].previous = before


@kernel
def link(ring: Any, before: int, x: int) -> None:
    """Put a waiter or an agent right behind another."""
    after = ring[before].next
    ring[x].previous = before
    ring[x].next = after
    ring[before].next = x
    ring[after].previous = x


@kernel
def add_idle(agents: Any, ring: int, a: int, now: int) -> None:
    """The agent is idle from now on: behind all who are idle longer, or as long with a lower index."""
    before = agents[ring].previous
    while agents[before].since == now and before > a:
        before = agents[before].previous
    link(agents, before, a)
    agents[a].since = now
    agents[a].state = IDLE


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
    next_ask, next_change, size = state[NEXT_ASK], state[NEXT_CHANGE], state[HEAP_SIZE]
    spells, last, newest, in_queue, idlers, home = (
        state[SPELLS], state[LAST], state[NEWEST], state[IN_QUEUE], state[IDLERS], state[HOME],
    )  # fmt: skip
    asks, kinds, talk, after, patience, at_once = d[:6]
    status, answered, ended, released, agent_of = d[6:11]
    waiters, waiter_of, ends, agents, spell_rows, change_keys, change_values = d[11:18]
    plan_on, plan_off, plan_keeps, plan_agent = d[18:22]
    skill_first, skill_type, skill_rank, taker_first, taker_group, taker_rank, delay = d[22:29]
    timer_first, timer_ms, permilles, excess, lowest_away, final_heads, by_person, home_ms = d[29:]
    ask_count, change_count, idle_rings = len(asks), len(change_keys), len(agents) - len(excess)
    ask_key = asks[next_ask] if next_ask < ask_count else NO_EVENT
    change_key = change_keys[next_change] if next_change < change_count else NO_EVENT
    delays = len(timer_ms) > 0
    coming, coming_group, now = 0, 0, 0
    state[RUNNING] = 0
    while True:
        a, c, w, worker = -1, -1, -1, -1  # who looks: an agent or a contact; its place in the queue; whose end changes
        end_key, pending, timer = NO_EVENT, NO_EVENT, NO_EVENT
        popped = False
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
            work_key = ends[1]
            heap_key = heap[0]
            key = min(ask_key, work_key, heap_key, change_key)
            now = key >> TIME_SHIFT
            x = key & INDEX_MASK
            if key == NO_EVENT:
                break
            if key == ask_key:  # ---------------------------------------------------------- a contact asks
                last = now
                c = x
                next_ask += 1
                ask_key = asks[next_ask] if next_ask < ask_count else NO_EVENT
            elif key == work_key:  # ------------------------------------------------------- an agent's work ends
                last = now
                worker = x
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
            elif key == heap_key:  # ------------------------------------------------------- what waiting brought about
                popped = True
                kind = (key >> KIND_SHIFT) & KIND_MASK
                if kind == PATIENCE_ENDS:
                    gone = waiters[x].contact
                    if status[gone] == WAITING:
                        last = now
                        unlink(waiters, x)
                        status[gone] = ABANDONED
                        ended[gone] = now
                        in_queue -= 1
                elif kind == DELAY_ENDS:
                    if status[x] == WAITING:
                        last = now
                        c = x
                        w = waiter_of[x]
                else:  # AGENTS_COME after a break that kept its length
                    last = now
                    agents[x].held = 0
                    agents[x].plan += 1
                    come(agents, spell_rows, spells, x, now, plan_off[agents[x].plan])
                    spells += 1
                    a = x
            else:  # ----------------------------------------------------------------------- a planned change
                kind = (key >> KIND_SHIFT) & KIND_MASK
                value = change_values[next_change]
                next_change += 1
                change_key = change_keys[next_change] if next_change < change_count else NO_EVENT
                if kind == TYPE_CLOSES:
                    last = now
                    while value and waiters[x].next != x:
                        cut = waiters[waiters[x].next].contact
                        unlink(waiters, waiters[x].next)
                        status[cut] = UNSERVED
                        ended[cut] = now
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
                            unlink(agents, x)
                            idlers -= 1
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
        # ------------------------------------------------------------------------------------ matching
        if a >= 0:
            g = agents[a].group  # best rank of the type, then longest waiting, then lowest id: the lowest waiter
            rank = 0
            if in_queue > 0:
                for j in range(skill_first[g], skill_first[g + 1]):
                    if w >= 0 and skill_rank[j] != rank:
                        break
                    k = skill_type[j]
                    first = waiters[k].next
                    if first != k and (w < 0 or first < w) and (
                        not delays or now - waiters[first].queued >= delay[k, g]
                    ):
                        w, rank = first, skill_rank[j]
            if w < 0:
                add_idle(agents, idle_rings + g, a, now)
                idlers += 1
            else:
                c = waiters[w].contact
                unlink(waiters, w)
                in_queue -= 1
        elif c >= 0:
            k = np.uint16(kinds[c])
            queued = now if w < 0 else waiters[w].queued
            since, rank = 0, 0  # best rank of the group, then longest idle, then lowest index
            if idlers > 0:
                for j in range(taker_first[k], taker_first[k + 1]):
                    if a >= 0 and taker_rank[j] != rank:
                        break
                    g = taker_group[j]
                    first = agents[idle_rings + g].next
                    if first >= idle_rings or (delays and now - queued < delay[k, g]):
                        continue
                    if a < 0 or agents[first].since < since or (agents[first].since == since and first < a):
                        a, since, rank = first, agents[first].since, taker_rank[j]
            if a >= 0:
                unlink(agents, a)
                idlers -= 1
                if w >= 0:
                    unlink(waiters, w)
                    in_queue -= 1
            else:
                if w < 0:  # has just asked
                    status[c] = ABANDONED if at_once[c] else WAITING
                    answered[c] = NEVER
                    ended[c] = now
                    released[c] = NEVER
                    agent_of[c] = -1
                    if not at_once[c]:
                        w = newest
                        newest += 1
                        in_queue += 1
                        waiters[w].queued = now
                        waiters[w].contact = c
                        waiters[w].type = k
                        link(waiters, waiters[k].previous, w)  # the latest to ask stands last
                        if delays:
                            waiter_of[c] = w
                        if patience[c] != FOREVER:
                            pending = ((now + patience[c]) << TIME_SHIFT) | (PATIENCE_ENDS << KIND_SHIFT) | w
                if w >= 0:
                    for j in range(timer_first[k], timer_first[k + 1]):
                        due = queued + timer_ms[j]
                        if due > now:
                            timer = (due << TIME_SHIFT) | (DELAY_ENDS << KIND_SHIFT) | c
                            break
        # ------------------------------------------------------------------------------------ start of work
        if a >= 0 and c >= 0:
            permille = permilles[np.uint16(kinds[c]), agents[a].group]
            end = now + (talk[c] * permille + 500) // 1000
            free = end + (after[c] * permille + 500) // 1000
            if free >= INSTANTS:
                state[OUTLASTS] = 1
                break
            status[c] = ANSWERED
            answered[c] = now
            ended[c] = end
            released[c] = free
            agent_of[c] = a
            agents[a].state = BUSY
            worker = a
            end_key = (free << TIME_SHIFT) | (WORK_ENDS << KIND_SHIFT) | a
        if worker >= 0:
            set_end(ends, worker, end_key)
        # ------------------------------------------------------------------------------------ the heap
        if popped:
            if pending == NO_EVENT:
                pending, timer = timer, NO_EVENT
            if pending != NO_EVENT:
                sift_down(heap, size, pending)
            else:
                size = pop(heap, size)
        elif pending != NO_EVENT:
            sift_up(heap, size, pending)
            size += 1
        if timer != NO_EVENT:
            sift_up(heap, size, timer)
            size += 1
        # ------------------------------------------------------------------------------------ after the horizon
        if next_ask == ask_count and now >= home_ms and not home and not by_person and in_queue == 0:
            home = 1
            for group in range(len(excess)):
                excess[group] += final_heads[group]
            falling_first, falling_last = 0, len(excess)
        for group in range(falling_first, falling_last):  # idle agents go, longest idle first; the rest is excess
            while excess[group] > 0 and agents[idle_rings + group].next < idle_rings:
                excess[group] -= 1
                a = agents[idle_rings + group].next
                unlink(agents, a)
                idlers -= 1
                leave(agents, spell_rows, lowest_away, by_person, a, now)
    state[NEXT_ASK], state[NEXT_CHANGE], state[HEAP_SIZE] = next_ask, next_change, size
    state[SPELLS], state[LAST], state[NEWEST] = spells, last, newest
    state[IN_QUEUE], state[IDLERS], state[HOME] = in_queue, idlers, home
