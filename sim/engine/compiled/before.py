"""What is known before the first event: who finds a closed desk, what the bot makes of whom, which closing cuts off.

The event loop then meets only those who ask for a person: one 64-byte row each, in the order in which they ask, so
that a row's number orders by (queued, id).
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.attendance import Staffing
from sim.demand import BotFate, Demand
from sim.engine.compiled.kernel import kernel
from sim.engine.compiled.loop import (
    AGENT,
    KIND_SHIFT,
    NO_EVENT,
    ROW,
    SPELL,
    TIME_SHIFT,
    UNSERVED,
    Desk,
)
from sim.engine.precedence import AGENTS_COME, AGENTS_LEAVE, TYPE_CLOSES
from sim.outcome import NEVER, Status
from sim.routing import NEVER_RANK, Rules

Ints = npt.NDArray[np.int64]
NO_BOT, HANDED_OFF = int(BotFate.NO_BOT), int(BotFate.HANDED_OFF)
CLOSED = int(Status.CLOSED)
BOT_STATUS = np.zeros(len(BotFate), dtype=np.uint8)
BOT_STATUS[BotFate.RESOLVED] = Status.RESOLVED_IN_BOT
BOT_STATUS[BotFate.CONTAINED] = Status.CONTAINED_UNRESOLVED
BOT_STATUS[BotFate.GIVES_UP] = Status.GAVE_UP_IN_BOT


class Early(NamedTuple):
    """What is settled before the loop, by contact: `status`, `queued`, `ended` of those who never ask an open desk.

    For those who do, `queued` is when and `status` is UNSERVED. `handed` are those of them whom the bot hands off,
    in the order in which they ask; `direct` is the number of the others; `last_ms` the last instant of all this.
    """

    status: npt.NDArray[np.uint8]
    queued: Ints
    ended: Ints
    handed: npt.NDArray[np.int32]
    direct: int
    last_ms: int


def settle(demand: Demand, rules: Rules) -> Early:
    """Follow every contact to the moment when it asks for a person; nothing before that depends on anybody else."""
    n = len(demand)
    status, handed = np.empty(n, dtype=np.uint8), np.empty(n, dtype=np.int32)
    queued, ended = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    windows = [len(opens) for opens in rules.opens_ms]
    direct, handed_off, last_ms = _settle(
        demand.type, demand.arrival_ms, demand.fate, demand.bot_ms, demand.hand_off_ms,
        rules.always_open, np.concatenate(rules.opens_ms), np.concatenate(rules.closes_ms),
        np.cumsum([0, *windows]), status, queued, ended, handed,
    )  # fmt: skip
    mine = handed[:handed_off]
    handed = mine[np.argsort(queued[mine], kind="stable")]
    return Early(status, queued, ended, handed, direct, last_ms)


@kernel
def _settle(
    kinds: Any, arrival: Any, fates: Any, bot: Any, hand_off: Any,
    always_open: Any, opens: Any, closes: Any, first: Any,
    status: Any, queued: Any, ended: Any, handed: Any,
) -> tuple[int, int, int]:  # fmt: skip
    direct, handed_off, last = 0, 0, 0
    for c in range(len(kinds)):
        k, at = kinds[c], arrival[c]
        fate = fates[c]
        last = max(last, at)
        status[c], queued[c], ended[c] = UNSERVED, at, NEVER
        if not (always_open[k] or _open(opens, closes, first[k], first[k + 1], at)):
            status[c], ended[c] = CLOSED, at
            continue
        if fate != NO_BOT:
            at += bot[c]
            if fate != HANDED_OFF:
                status[c], queued[c], ended[c] = BOT_STATUS[fate], NEVER, at
                last = max(last, at)
                continue
            at += hand_off[c]
            last = max(last, at)
            queued[c] = at
            if not (always_open[k] or _open(opens, closes, first[k], first[k + 1], at)):
                status[c], ended[c] = CLOSED, at
                continue
            handed[handed_off] = c
            handed_off += 1
        else:
            direct += 1
    return direct, handed_off, last


@kernel
def _open(opens: Any, closes: Any, low: int, high: int, at: int) -> bool:
    """Whether one of the windows low … high - 1 holds the instant."""
    for w in range(low, high):
        if opens[w] <= at < closes[w]:
            return True
    return False


def make_rows(demand: Demand, early: Early) -> Any:
    """The rows of the event loop."""
    rows = np.empty(early.direct + len(early.handed), dtype=ROW).view(np.recarray)
    _fill(
        rows, early.status, early.queued, early.handed, demand.fate, demand.type,
        demand.talk_ms, demand.after_ms, demand.patience_ms, demand.leaves_at_once,
    )  # fmt: skip
    return rows


@kernel
def _fill(
    rows: Any, status: Any, queued: Any, handed: Any, fates: Any, kinds: Any,
    talk: Any, after: Any, patience: Any, at_once: Any,
) -> None:  # fmt: skip
    """Merge those who ask at arrival with those whom the bot hands off, by (instant, contact)."""
    next_direct, next_handed = 0, 0
    for r in range(len(rows)):
        while next_direct < len(kinds) and (fates[next_direct] != NO_BOT or status[next_direct] != UNSERVED):
            next_direct += 1
        c = next_direct
        if next_handed < len(handed):
            other = handed[next_handed]
            if c == len(kinds) or queued[other] < queued[c] or (queued[other] == queued[c] and other < c):
                c = other
        if c == next_direct:
            next_direct += 1
        else:
            next_handed += 1
        rows[r].queued = queued[c]
        rows[r].answered = NEVER
        rows[r].ended = NEVER
        rows[r].released = NEVER
        rows[r].talk = talk[c]
        rows[r].after = after[c]
        rows[r].patience = patience[c]
        rows[r].agent = -1
        rows[r].contact = c
        rows[r].type = kinds[c]
        rows[r].status = UNSERVED
        rows[r].at_once = at_once[c]


class Changes(NamedTuple):
    """The planned changes in the order of their keys."""

    key: Ints
    value: npt.NDArray[np.int32]


def pack(time: Any, kind: int, index: Any) -> Ints:
    """(time, kind, index) as one number."""
    key: Ints = (np.asarray(time, dtype=np.int64) << TIME_SHIFT) | (kind << KIND_SHIFT) | index
    return key


def make_changes(staffing: Staffing, rules: Rules, home_ms: int) -> Changes:
    """Attendance and closings, merged."""
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
        ends = sorted({len(staffing.heads) * staffing.interval_ms, home_ms})
        parts.append((pack(ends, AGENTS_LEAVE, len(staffing.groups)), np.zeros(len(ends), dtype=np.int64)))
    key = np.concatenate([part[0] for part in parts])
    value = np.concatenate([part[1] for part in parts]).astype(np.int32)
    order = np.argsort(key, kind="stable")
    return Changes(key[order], value[order])


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
    first = np.searchsorted(rows[order], np.arange(len(ranks) + 1)).astype(np.int32)
    return first, columns[order].astype(np.int32), rank[order].astype(np.int32)


def prepare(demand: Demand, staffing: Staffing, rules: Rules, early: Early) -> Desk:
    """All arrays of a run."""
    routing = rules.routing
    groups, types = len(staffing.groups), len(demand.types)
    rows = make_rows(demand, early)
    home_ms = 0
    if not staffing.by_person:
        home_ms = max(len(staffing.heads) * staffing.interval_ms, int(early.ended.max(initial=0)))
    changes = make_changes(staffing, rules, home_ms)
    most = staffing.heads.max(axis=0, initial=0).astype(np.int64)
    group_of = staffing.agent_group if staffing.by_person else np.repeat(np.arange(groups), most)
    agents = np.zeros(len(group_of), dtype=AGENT).view(np.recarray)
    agents.group = group_of
    agents.plan = np.searchsorted(staffing.spell_agent, np.arange(len(group_of))) - 1
    arrivals = np.diff(staffing.heads.astype(np.int64), axis=0, prepend=0).clip(min=0).sum()
    delays = [
        np.unique(routing.delay_ms[k][(routing.group_rank[k] < NEVER_RANK) & (routing.delay_ms[k] > 0)])
        for k in range(types)
    ]
    row_of = np.empty(0, dtype=np.int32)
    if any(len(delay) for delay in delays):
        row_of = np.empty(len(demand), dtype=np.int32)
        row_of[rows.contact] = np.arange(len(rows), dtype=np.int32)
    skill_first, skill_type, skill_rank = by_rank(
        np.where(routing.group_rank < NEVER_RANK, routing.type_rank, NEVER_RANK).T
    )
    taker_first, taker_group, taker_rank = by_rank(routing.group_rank)
    return Desk(
        rows=rows,
        row_of=row_of,
        agents=agents,
        spells=np.empty(len(staffing.spell_agent) + int(arrivals), dtype=SPELL).view(np.recarray),
        change_key=changes.key,
        change_value=changes.value,
        plan_on=staffing.spell_on_ms,
        plan_off=staffing.spell_off_ms,
        plan_keeps=staffing.keeps_length.astype(np.uint8),
        plan_agent=staffing.spell_agent,
        skill_first=skill_first,
        skill_type=skill_type,
        skill_rank=skill_rank,
        taker_first=taker_first,
        taker_group=taker_group,
        taker_rank=taker_rank,
        delay=routing.delay_ms,
        timer_first=np.cumsum([0, *map(len, delays)]).astype(np.int32),
        timer_ms=np.concatenate([*delays, np.empty(0)]).astype(np.int32),
        permille=rules.time_permille,
        queue_head=np.full(types, -1, dtype=np.int32),
        queue_tail=np.full(types, -1, dtype=np.int32),
        idle_head=np.full(groups, -1, dtype=np.int32),
        idle_tail=np.full(groups, -1, dtype=np.int32),
        excess=np.zeros(groups, dtype=np.int32),
        lowest_away=(np.cumsum(most) - most).astype(np.int32),
        final_heads=staffing.heads[-1].astype(np.int32) if len(staffing.heads) else np.zeros(groups, dtype=np.int32),
        by_person=staffing.by_person,
        home_ms=home_ms,
    )
