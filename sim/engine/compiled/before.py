"""What is known before the first event: who finds a closed desk, what the bot makes of whom, which closing cuts off.

The event loop then meets only those who ask for a person, in the order in which they ask.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.attendance import Staffing
from sim.columns import columns
from sim.demand import BotFate, Demand
from sim.engine.compiled.kernel import index, kernel
from sim.engine.compiled.loop import (
    AGENT,
    INSTANTS,
    KIND_SHIFT,
    NO_EVENT,
    SPELL,
    TIME_SHIFT,
    UNSERVED,
    WAITER,
    Desk,
)
from sim.engine.precedence import AGENTS_COME, AGENTS_LEAVE, CONTACT_ENTERS, TYPE_CLOSES
from sim.outcome import NEVER, Status
from sim.remembered import remembered
from sim.routing import NEVER_RANK, Rules

Ints = npt.NDArray[np.int64]
TOO_LONG = "the work at hand outlasts the 49 days of the compiled engine: use the reference engine"
NO_BOT, HANDED_OFF = int(BotFate.NO_BOT), int(BotFate.HANDED_OFF)
ONE = index(1)
CLOSED = int(Status.CLOSED)
BOT_STATUS = np.full(len(BotFate), UNSERVED, dtype=np.uint8)
BOT_STATUS[BotFate.RESOLVED] = Status.RESOLVED_IN_BOT
BOT_STATUS[BotFate.CONTAINED] = Status.CONTAINED_UNRESOLVED
BOT_STATUS[BotFate.GIVES_UP] = Status.GAVE_UP_IN_BOT


class Early(NamedTuple):
    """What is settled before the loop: the outcome's columns as far as that, and who asks when.

    Of those who never ask an open desk all columns are as they stay; of the others `queued` is, and what is in the rest
    means nothing. `asks` are packed keys, ascending; `waiters` room for all of them; `last_ms` the last instant of all
    this, `last_end_ms` the last `ended`.
    """

    columns: dict[str, Any]
    asks: Ints
    waiters: Any
    last_ms: int
    last_end_ms: int


def settle(demand: Demand, rules: Rules, **more: npt.DTypeLike) -> Early:
    """Follow every contact to the moment when it asks for a person; nothing before that depends on anybody else.

    `more` columns of the outcome get room with these, but nothing in it.
    """
    n = len(demand)
    out = columns(n, queued="i8", answered="i8", ended="i8", released="i8", agent="i4", status="u1", **more)
    rough = columns(n + len(demand.types), asks="i8", waiters=WAITER)
    asks, room = rough["asks"], rough["waiters"].view(np.int64)  # whose room is not needed yet
    direct, handed_off, last_ms, last_end_ms = _settle(
        demand.type, demand.arrival_ms, demand.fate, demand.bot_ms, demand.hand_off_ms,
        rules.always_open, *windows(rules),
        out["status"], out["queued"], out["answered"], out["ended"], out["released"], out["agent"], room, asks,
    )  # fmt: skip
    if last_ms >= INSTANTS // 2:
        raise OverflowError(TOO_LONG)  # a patience may add as much again
    asking = direct + handed_off
    if handed_off:
        in_order(asks[:handed_off], room[direct:asking], np.empty(1 << 11, dtype=np.int64))
        merge_two(room, asks, 0, direct, asking)
    else:
        asks[:asking] = room[:asking]
    return Early(out, asks[:asking], rough["waiters"], last_ms, last_end_ms)


@remembered
def windows(rules: Rules) -> tuple[Ints, Ints, Ints]:
    """When types open and close, one type after another, and where each type's windows begin."""
    first = np.cumsum([0, *map(len, rules.opens_ms)])
    return np.concatenate(rules.opens_ms), np.concatenate(rules.closes_ms), first


@kernel
def _settle(
    kinds: Any, arrival: Any, fates: Any, bot: Any, hand_off: Any,
    always_open: Any, opens: Any, closes: Any, first: Any,
    status: Any, queued: Any, answered: Any, ended: Any, released: Any, agent: Any, asks: Any, handed: Any,
) -> tuple[int, int, int, int]:  # fmt: skip
    direct, handed_off, last, last_end = 0, 0, 0, 0
    for c in range(len(kinds)):
        k, fate, at = index(kinds[c]), index(fates[c]), arrival[c]
        last = max(last, at)
        became = CLOSED
        if always_open[k] or _open(opens, closes, first[k], first[k + ONE], at):
            at += bot[c] * (fate != NO_BOT) + hand_off[c] * (fate == HANDED_OFF)
            last = max(last, at)
            became = BOT_STATUS[fate]
            if not always_open[k] and fate == HANDED_OFF and not _open(opens, closes, first[k], first[k + ONE], at):
                became = CLOSED
        asks[index(direct)] = handed[index(handed_off)] = (at << TIME_SHIFT) | (CONTACT_ENTERS << KIND_SHIFT) | c
        direct += (became == UNSERVED) & (fate == NO_BOT)  # what stands behind the last is written over
        handed_off += (became == UNSERVED) & (fate == HANDED_OFF)
        queued[c] = at
        if became == UNSERVED:
            continue
        if became != CLOSED:
            queued[c] = NEVER
        status[c] = became
        answered[c] = NEVER
        ended[c] = at
        released[c] = NEVER
        agent[c] = -1
        last_end = max(last_end, at)
    return direct, handed_off, last, last_end


@kernel
def in_order(keys: Any, spare: Any, first: Any) -> None:
    """Put keys by their time into `spare`, in the order in which they stand where that is the same.

    By 11 of its 32 bits at a time, for each of which `first` has a place.
    """
    for shift in (TIME_SHIFT, TIME_SHIFT + 11, TIME_SHIFT + 22):
        first[:] = 0
        for key in keys:
            first[(key >> shift) & 2047] += 1
        place = 0
        for digit in range(len(first)):
            first[digit], place = place, place + first[digit]
        for key in keys:
            digit = (key >> shift) & 2047
            spare[first[digit]] = key
            first[digit] += 1
        keys, spare = spare, keys


@kernel
def merge_two(keys: Any, merged: Any, start: int, middle: int, end: int) -> None:
    """Merge two ascending runs of different keys, from `start` and from `middle` on.

    From both ends at once, neither of which waits for the other, and without a branch on what comes: a key that the
    other end has taken already is beyond all that are left, so it is not taken again.
    """
    a, b, a_last, b_last, place, last = start, middle, middle - 1, end - 1, start, end - 1
    steps = 1
    while steps > 0:
        steps = min(middle - a, end - b, a_last - start + 1, b_last - middle + 1, (last - place + 1) // 2)  # in bounds
        for _ in range(steps):
            x, y = keys[index(a)], keys[index(b)]
            merged[index(place)] = min(x, y)
            place, a, b = place + 1, a + (x < y), b + (y < x)
            x, y = keys[index(a_last)], keys[index(b_last)]
            merged[index(last)] = max(x, y)
            last, a_last, b_last = last - 1, a_last - (y < x), b_last - (x < y)
    for at in range(place, last + 1):  # of one run, or one key
        is_first = b > b_last or (a <= a_last and keys[index(a)] < keys[index(b)])
        merged[index(at)] = keys[index(a if is_first else b)]
        a, b = a + is_first, b + (not is_first)


@kernel
def _open(opens: Any, closes: Any, low: int, high: int, at: int) -> bool:
    """Whether one of the windows low … high - 1 holds the instant."""
    for w in range(low, high):
        if opens[w] <= at < closes[w]:
            return True
    return False


def pack(time: Any, kind: int, index: Any) -> Ints:
    """(time, kind, index) as one number."""
    key: Ints = (np.asarray(time, dtype=np.int64) << TIME_SHIFT) | (kind << KIND_SHIFT) | index
    return key


def make_changes(staffing: Staffing, rules: Rules) -> tuple[Ints, npt.NDArray[np.int32]]:
    """Attendance and closings, merged: keys in ascending order, and the value of each (see Desk)."""
    parts: list[tuple[Ints, Any]] = list(closings(staffing, rules))
    if staffing.by_person:
        planned = np.arange(len(staffing.spell_agent))
        parts.append((pack(staffing.spell_on_ms, AGENTS_COME, staffing.spell_agent), planned))
        parts.append((pack(staffing.spell_off_ms, AGENTS_LEAVE, staffing.spell_agent), planned))
    else:
        steps = np.diff(staffing.heads.astype(np.int64), axis=0, prepend=0)
        for kind, by in ((AGENTS_COME, steps), (AGENTS_LEAVE, -steps)):
            interval, group = np.nonzero(by > 0)
            parts.append((pack(interval * staffing.interval_ms, kind, group), by[interval, group]))
        parts.append((pack([end_ms(staffing)], AGENTS_LEAVE, len(staffing.groups)), np.zeros(1, dtype=np.int64)))
    key = np.concatenate([part[0] for part in parts])
    value = np.concatenate([part[1] for part in parts]).astype(np.int32)
    order = np.argsort(key, kind="stable")
    return key[order], value[order]


def end_ms(staffing: Staffing) -> int:
    """Where the levels end."""
    return len(staffing.heads) * staffing.interval_ms


def closings(staffing: Staffing, rules: Rules) -> Iterator[tuple[Ints, npt.NDArray[np.bool_]]]:
    """Per type that ever closes: the keys of its closings, and whether each cuts off who waits."""
    for k in np.flatnonzero(~rules.always_open).tolist():
        opens, closes = rules.opens_ms[k], rules.closes_ms[k]
        instants = closes
        deserted = NO_EVENT
        if not rules.disconnects[k]:
            deserted = last_presence_ms(staffing, np.flatnonzero(rules.routing.group_rank[k] < NEVER_RANK))
        if deserted != NO_EVENT:
            instants = np.union1d(closes, deserted)
        is_open = np.array([bool(((opens <= at) & (at < closes)).any()) for at in instants], dtype=bool)
        yield pack(instants, TYPE_CLOSES, k), ~is_open & (rules.disconnects[k] | (instants >= deserted))


def last_presence_ms(staffing: Staffing, groups: Ints) -> int:
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
    first = np.searchsorted(rows[order], np.arange(len(ranks) + 1)).astype(np.uint32)
    return first, columns[order].astype(np.uint16), rank[order].astype(np.int32)


class Standing(NamedTuple):
    """What staffing and rules alone decide, as in Desk; `group` and `plan` by agent, `arrivals` of agents."""

    change_key: Ints
    change_value: npt.NDArray[np.int32]
    group: npt.NDArray[np.int64]
    plan: npt.NDArray[np.int64]
    arrivals: int
    lowest_away: npt.NDArray[np.int32]
    skills: tuple[Any, Any, Any]
    takers: tuple[Any, Any, Any]
    timer_first: npt.NDArray[np.int32]
    timer_ms: npt.NDArray[np.int32]


@remembered
def standing(staffing: Staffing, rules: Rules) -> Standing:
    """The same for every replication with the same agents."""
    routing = rules.routing
    key, value = make_changes(staffing, rules)
    most = staffing.heads.max(axis=0, initial=0).astype(np.int64)
    group = staffing.agent_group if staffing.by_person else np.repeat(np.arange(len(most)), most)
    meets = routing.group_rank < NEVER_RANK
    delays = [np.unique(of_type[able & (of_type > 0)]) for of_type, able in zip(routing.delay_ms, meets, strict=True)]
    return Standing(
        change_key=key,
        change_value=value,
        group=group.astype(np.int64),
        plan=np.searchsorted(staffing.spell_agent, np.arange(len(group))) - 1,
        arrivals=int(np.diff(staffing.heads.astype(np.int64), axis=0, prepend=0).clip(min=0).sum()),
        lowest_away=(np.cumsum(most) - most).astype(np.int32),
        skills=by_rank(np.where(meets, routing.type_rank, NEVER_RANK).T),
        takers=by_rank(routing.group_rank),
        timer_first=np.cumsum([0, *map(len, delays)]).astype(np.int32),
        timer_ms=np.concatenate([*delays, np.empty(0)]).astype(np.int32),
    )


def make_agents(known: Standing, groups: int) -> Any:
    """Agents, all away, and behind them the ends of each group's idle list."""
    heads = len(known.group)
    agents = np.zeros(heads + groups, dtype=AGENT)
    agents["group"][:heads] = known.group
    agents["plan"][:heads] = known.plan
    agents["since"][heads:] = NEVER
    empty(agents[heads:], heads)
    return agents


def empty(rings: Any, first: int) -> None:
    """Make each of these places, the first of which has number `first`, the two ends of an empty ring."""
    rings["next"] = rings["previous"] = np.arange(first, first + len(rings))


def prepare(demand: Demand, staffing: Staffing, rules: Rules, early: Early) -> Desk:
    """All arrays of a run."""
    groups, types = len(staffing.groups), len(demand.types)
    known = standing(staffing, rules)
    change_key, change_value, home_ms = known.change_key, known.change_value, 0
    if not staffing.by_person:
        home_ms = max(end_ms(staffing), early.last_end_ms)
        if home_ms > end_ms(staffing):  # agents go home after the last contact: an instant of its own
            key = pack(home_ms, AGENTS_LEAVE, groups)
            place = np.searchsorted(change_key, key)
            change_key, change_value = np.insert(change_key, place, key), np.insert(change_value, place, 0)
    empty(early.waiters[:types], 0)
    leaves = 1 << max(len(known.group) - 1, 1).bit_length()
    return Desk(
        asks=early.asks,
        type=demand.type,
        talk=demand.talk_ms,
        after=demand.after_ms,
        patience=demand.patience_ms,
        at_once=demand.leaves_at_once,
        status=early.columns["status"],
        answered=early.columns["answered"],
        ended=early.columns["ended"],
        released=early.columns["released"],
        agent=early.columns["agent"],
        waiters=early.waiters,
        waiter_of=np.empty(len(demand) if len(known.timer_ms) else 0, dtype=np.int32),
        ends=np.full(2 * leaves, NO_EVENT, dtype=np.int64),
        agents=make_agents(known, groups),
        spells=np.empty(len(staffing.spell_agent) + known.arrivals, dtype=SPELL),
        change_key=change_key,
        change_value=change_value,
        plan_on=staffing.spell_on_ms,
        plan_off=staffing.spell_off_ms,
        plan_keeps=staffing.keeps_length.astype(np.uint8),
        plan_agent=staffing.spell_agent,
        skill_first=known.skills[0],
        skill_type=known.skills[1],
        skill_rank=known.skills[2],
        taker_first=known.takers[0],
        taker_group=known.takers[1],
        taker_rank=known.takers[2],
        delay=rules.routing.delay_ms,
        timer_first=known.timer_first,
        timer_ms=known.timer_ms,
        permille=rules.time_permille,
        excess=np.zeros(groups, dtype=np.int32),
        lowest_away=known.lowest_away.copy(),
        final_heads=staffing.heads[-1].astype(np.int32) if len(staffing.heads) else np.zeros(groups, dtype=np.int32),
        by_person=staffing.by_person,
        home_ms=home_ms,
    )
