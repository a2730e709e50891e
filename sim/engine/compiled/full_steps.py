"""The smaller pieces of the full kernel: time, keys, rings, endings and the follow-ups of endings."""

from typing import Any

import numpy as np

from sim import keys as plain_keys
from sim.demand import FOREVER
from sim.engine.compiled.full_desk import (
    AWAITS_BOT,
    BOOSTED,
    CALLBACK,
    CLOSED,
    COMES,
    CONTACTS,
    DONE,
    HAS_LINE,
    MEETS_BOT,
    NO_BOT,
    RECALLED,
    UNDECIDED,
    UNNOTICED,
    UNRESOLVED,
    UNSETTLED,
    WAITING,
    WAITS,
)
from sim.engine.compiled.kernel import byte, index, inlined, kernel, whole
from sim.engine.compiled.loop import KIND_SHIFT, NO_EVENT, TIME_SHIFT, link, sift_down, sift_up, unlink
from sim.engine.precedence import BOT_ENDS, CONTACT_ENTERS, DELAY_ENDS, PATIENCE_ENDS
from sim.mechanisms import Siblings
from sim.outcome import NEVER, Cause, Status

ANSWERED, CALLED_BACK, SILENT = int(Status.ANSWERED), int(Status.CALLED_BACK), int(Status.SILENT)
BLOCKED, WITHDRAWN = int(Status.BLOCKED), int(Status.WITHDRAWN)
AFTER_HORIZON, FOLLOW_UP_CAUSE = int(Status.AFTER_HORIZON), int(Cause.FOLLOW_UP)
SHARED = int(Siblings.SHARED)
FOLLOW_UP, CHILD = plain_keys.FOLLOW_UP, plain_keys.CHILD
DRAWS = whole(plain_keys.DRAWS)
LAST_INSTANT = (1 << 32) - 1
"""What is later happens never: the driver refuses a run that comes so far."""
GAMMA, FIRST, SECOND = (np.uint64(x) for x in (0x9E37_79B9_7F4A_7C15, 0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB))
BITS_30, BITS_27, BITS_31, BITS_32 = (np.uint64(x) for x in (30, 27, 31, 32))
ENTERS, BOT, DELAY, PATIENCE = (
    kind << KIND_SHIFT for kind in (CONTACT_ENTERS, BOT_ENDS, DELAY_ENDS, PATIENCE_ENDS)
)

# ------------------------------------------------------------------------------------------------------- keys and time


@inlined
def mix_words(key: Any, purpose: int) -> Any:
    """`sim.keys.mix` in 64-bit words: Numba would make a float of an unsigned and a signed integer."""
    z = key + GAMMA * np.uint64(purpose + 1)
    z = (z ^ (z >> BITS_30)) * FIRST
    z = (z ^ (z >> BITS_27)) * SECOND
    return z ^ (z >> BITS_31)


def mix_plainly(key: Any, purpose: int) -> Any:
    """The mixer itself: without Numba's compiler NumPy would warn of what is meant to overflow."""
    return np.uint64(plain_keys.mix(int(key), int(purpose)))


mix: Any = mix_words if hasattr(mix_words, "py_func") else mix_plainly


@inlined
def high(word: Any) -> Any:
    """The high half of a word, on which decisions hang."""
    return whole(word >> BITS_32)


@inlined
def moment(time: int) -> int:
    """The first part of a packed key."""
    return min(time, LAST_INSTANT) << TIME_SHIFT


@kernel
def push(heap: Any, size: int, key: int, popped: bool) -> int:
    """Add a key, in the place of the root where that is done with; the heap's new size."""
    if popped:
        sift_down(heap, size, key)
        return size
    sift_up(heap, size, key)
    return size + 1


@inlined
def is_open(kinds: Any, windows: Any, k: int, now: int) -> bool:
    """Whether contacts of this type are let in now."""
    if kinds[k].always_open:
        return True
    for w in range(kinds[k].first_window, kinds[k].last_window):
        if windows[2 * w] <= now < windows[2 * w + 1]:
            return True
    return False


@inlined
def next_delay(kinds: Any, timers: Any, k: int, queued: int, callback: bool, least: int) -> Any:
    """The next instant, `least` or later, at which a delay of one who waits runs out; NO_EVENT: none."""
    due = NO_EVENT
    for j in range(kinds[k].first_timer, kinds[k].last_timer):
        if queued + timers[j].after >= least:
            due = queued + timers[j].after
            break
    if callback and queued + kinds[k].promise >= least:
        due = min(due, queued + kinds[k].promise)
    return due


@inlined
def next_timer(kinds: Any, timers: Any, contact: Any, k: int, c: int, least: int) -> Any:
    """What happens next to one who waits if nothing changes: a delay is over, or patience; NO_EVENT: nothing."""
    callback = contact.marks & CALLBACK > 0
    due = next_delay(kinds, timers, k, contact.queued, callback, least)
    key = NO_EVENT if due == NO_EVENT else moment(due) | DELAY | c
    if contact.patience != FOREVER and not callback and not kinds[k].deferred:
        key = min(key, moment(max(contact.queued, 0) + contact.patience) | PATIENCE | c)
    return key


# --------------------------------------------------------------------------------------------------------------- rings


@kernel
def insert(ring: Any, ends: int, x: int, since: int) -> None:
    """Put x into the ring through the place `ends`, in order of (since, x): mostly the last, or before all others."""
    ring[x].since = since
    before = ring[ends].previous
    if ring[before].since > since or (ring[before].since == since and before > x):
        first = ring[ends].next
        if since < ring[first].since or (since == ring[first].since and x < first):
            before = ends
        else:
            while ring[before].since > since or (ring[before].since == since and before > x):
                before = ring[before].previous
    link(ring, before, x)


@inlined
def first_waiting(contacts: Any, lane: int, queues: int) -> Any:
    """The place of who waits longest in two neighbouring lanes; -1: nobody waits."""
    boosted, normal = contacts[lane].next, contacts[lane + 1].next
    if boosted < queues:
        return normal if normal >= queues else -1
    if normal < queues or contacts[boosted].since < contacts[normal].since:
        return boosted
    return boosted if contacts[boosted].since == contacts[normal].since and boosted < normal else normal


@inlined
def join_queue(contacts: Any, kinds: Any, places: Any, queues: int, k: int, c: int) -> Any:
    """The contact stands in its lane from now on; its type's bit, if it is the first there."""
    contact, kind = contacts[index(c + queues)], kinds[k]
    contact.place = WAITS
    insert(contacts, 2 * k + 1 - (contact.marks & BOOSTED), c + queues, contact.queued)
    kind.waiting += 1
    if kind.place >= 0 and not contact.marks & CALLBACK:
        places[kind.place].used += 1
    return whole(kind.bit) if contact.previous < queues else 0


@inlined
def leave_queue(contacts: Any, kinds: Any, places: Any, queues: int, k: int, c: int) -> Any:
    """The contact stands in no lane any more; bits of the types whose first contact may find an agent now."""
    contact, kind = contacts[index(c + queues)], kinds[k]
    may = whole(kind.bit) if contact.previous < queues else 0
    unlink(contacts, c + queues)
    kind.waiting -= 1
    if kind.place >= 0 and not contact.marks & CALLBACK:
        places[kind.place].used -= 1
    return may | kind.frees if kind.waiting == 0 else may


# -------------------------------------------------------------------------------------------------- coming to the desk


@inlined
def enter(
    contacts: Any, kinds: Any, windows: Any, lines: Any, bots: Any, queues: int, c: int, now: int
) -> tuple[int, int, bool]:
    """A contact comes, or is back from the bot: its ending, or -1; an event to come; whether it asks for a person."""
    contact = contacts[index(c + queues)]
    k = whole(contact.type)
    contact.queued = now
    if contact.marks & RECALLED:
        return WITHDRAWN, NO_EVENT, False
    if not is_open(kinds, windows, k, now):
        return CLOSED, NO_EVENT, False
    if contact.place != COMES:
        return -1, NO_EVENT, True
    pool, b = whole(kinds[k].line), whole(kinds[k].bot)
    if pool >= 0:
        if lines[pool].used >= lines[pool].most:
            return BLOCKED, NO_EVENT, False
        lines[pool].used += 1
        contact.marks |= byte(HAS_LINE)
    full = b >= 0 and bots[b].sessions >= bots[b].capacity
    if contact.fate == NO_BOT or (full and not kinds[k].awaits_bot):
        return -1, NO_EVENT, True
    contact.queued = NEVER
    if full:
        contact.place = AWAITS_BOT
        insert(contacts, 2 * len(kinds) + b, c + queues, now)
        return -1, moment(now + contact.patience) | PATIENCE | c if contact.patience != FOREVER else NO_EVENT, False
    contact.place = MEETS_BOT
    if b >= 0:
        bots[b].sessions += 1
    return -1, moment(now + contact.bot) | BOT | c, False


# ----------------------------------------------------------------------------------------------- endings, follow-ups


@inlined
def give_line_back(contact: Any, kinds: Any, lines: Any, k: int) -> None:
    """The line held is free again."""
    contact.marks &= byte(255 - HAS_LINE)
    lines[kinds[k].line].used -= 1


@inlined
def conclude(
    contact: Any, answered: Any, ended: Any, released: Any, resolved: Any, c: int, ending: int, now: int
) -> None:
    """The contact ends without a talk."""
    contact.place = UNNOTICED if ending == SILENT else DONE
    contact.status = ending
    answered[c] = NEVER
    ended[c] = now
    released[c] = NEVER
    resolved[c] = False


@inlined
def find_rule(rules: Any, key: Any, first: int, last: int, ending: int, resolved: bool, after: int, depth: int) -> int:
    """The first rule of an ending that says so; -1: none. `ending` as in ENDINGS, `after` for WAITING."""
    unresolved = (ending == ANSWERED or ending == CALLED_BACK) and not resolved
    for r in range(first, last):
        on = rules[r].on
        if (
            (on == ending or (unresolved and on == UNRESOLVED))
            and (ending != WAITING or rules[r].after == after)
            and depth < rules[r].at_most
            and high(mix(key, FOLLOW_UP + r - first)) < rules[r].word
        ):
            return r
    return -1


@inlined
def follow_up(  # the one place at which contacts are made
    contacts: Any, answered: Any, ended: Any, released: Any, resolved: Any, work: Any, predicted: Any, circles: Any,
    tales: Any, kinds: Any, rules: Any, draws: Any, delays: Any, state: Any,
    demanded: int, horizon_ms: int, queues: int, c: int, r: int, place_of_rule: int, waits: bool, now: int,
) -> Any:  # fmt: skip
    """The follow-up of c by rule r: the key of its arrival, NO_EVENT if it comes too late."""
    rule, parent = rules[r], contacts[index(c + queues)]
    x = state[CONTACTS]
    state[CONTACTS] += 1
    rows = whole(delays.shape[1])
    mask = np.uint64(rows - 1)
    arrival = now + delays[r, whole(mix(parent.key, FOLLOW_UP + place_of_rule) & mask)]
    key = mix(parent.key, CHILD + place_of_rule)
    draw = draws[rule.to * rows + whole(mix(key, DRAWS) & mask)]
    contact = contacts[index(x + queues)]
    contact.queued = NEVER
    contact.key = key
    contact.patience = parent.patience if rule.keeps_patience else draw.patience
    contact.talk = parent.talk if rule.keeps_talk else draw.talk
    contact.after = parent.after if rule.keeps_talk else draw.after
    contact.bot = draw.bot
    contact.hand_off = draw.hand_off
    contact.agent = -1
    contact.type = rule.to
    contact.place = COMES
    contact.marks = BOOSTED if rule.boost else 0
    contact.status = UNDECIDED
    contact.fate = draw.fate
    contact.at_once = draw.at_once
    answered[x] = NEVER
    ended[x] = NEVER
    released[x] = NEVER
    resolved[x] = False
    if len(work) > 0:
        work[x] = 0
    if len(predicted) > 0:
        predicted[x] = NEVER
    tale = tales[x - demanded]
    tale.arrival = arrival
    tale.root = tales[c - demanded].root if c >= demanded else c
    tale.depth = tales[c - demanded].depth + 1 if c >= demanded else 1
    tale.parent = c
    tale.cause = FOLLOW_UP_CAUSE + r
    if len(circles) > 0:
        circles[x].founder = -1
    if arrival >= horizon_ms:
        contact.status = AFTER_HORIZON
        contact.place = DONE
        return NO_EVENT
    state[UNSETTLED] += not kinds[rule.to].deferred
    if waits and rule.siblings:
        join(circles, c, x, rule.siblings == SHARED, rule.duplicate)
    return moment(arrival) | ENTERS | x


@inlined
def join(circles: Any, c: int, x: int, shared: bool, duplicate: int) -> None:
    """A copy x of c, which founds the circle if it is in none."""
    if circles[c].founder < 0:
        founder = circles[c]
        founder.founder = c
        founder.last = c
        founder.next = -1
        founder.shared = shared
        founder.served = 0
        founder.duplicate = duplicate
    founder = circles[circles[c].founder]
    circles[x].founder = circles[c].founder
    circles[x].next = -1
    circles[founder.last].next = x
    founder.last = x
