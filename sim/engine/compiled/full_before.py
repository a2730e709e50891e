"""What is known before the first event of a full run, and all its arrays.

A contact whose type has neither lines nor a bot with limits, and no follow-up of what happens before it asks, is
followed to that moment here (as in `before`): nothing of that concerns anybody else.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.attendance import Staffing
from sim.columns import columns
from sim.demand import Demand, Pools
from sim.engine.compiled.before import in_order, merge
from sim.engine.compiled.full_desk import (
    ASKS,
    BOT_STATUS,
    CARRIED,
    CIRCLE,
    CLOSED,
    COMES,
    DONE,
    DRAW,
    HANDED_OFF,
    NO_BOT,
    NODE,
    SPELL,
    TALE,
    UNDECIDED,
    Desk,
)
from sim.engine.compiled.full_standing import HORIZON, TOO_LONG, Standing, rings, standing
from sim.engine.compiled.full_steps import is_open
from sim.engine.compiled.kernel import kernel, whole
from sim.engine.compiled.loop import KIND_SHIFT, TIME_SHIFT
from sim.engine.precedence import CONTACT_ENTERS
from sim.outcome import NEVER, Status
from sim.routing import Rules

Longs = npt.NDArray[np.int64]
BEFORE_ASKING = sum(
    1 << status
    for status in (
        Status.CLOSED, Status.RESOLVED_IN_BOT, Status.CONTAINED_UNRESOLVED, Status.GAVE_UP_IN_BOT
    )
)  # fmt: skip


class Early(NamedTuple):
    """What the time before the first event has brought: keys, contacts of live types not ended, the last instant."""

    asks: Longs
    unsettled: int
    last_ms: int


def prepare(demand: Demand, staffing: Staffing, rules: Rules) -> tuple[Desk, Early]:
    """All arrays of a run."""
    known = standing(staffing, rules)
    if max(int(demand.arrival_ms.max(initial=0)), -int(demand.arrival_ms.min(initial=0))) >= HORIZON:
        raise OverflowError(TOO_LONG)
    n, follows = len(demand), rules.mechanisms.follow_ups is not None
    room = n + (n // 2 + 1024 if follows else 0)
    desk = Desk(
        asks=np.empty(0, dtype=np.int64),
        fate=demand.fate,
        bot_ms=demand.bot_ms,
        hand_off=demand.hand_off_ms,
        **contact_columns(demand, rules, known, room),
        tales=np.empty(room - n, dtype=TALE),
        **make_draws(demand.pools if follows else None),
        spells=np.empty(known.most_spells, dtype=SPELL),
        **known.shared,
        **{name: made.copy() for name, made in known.own.items()},
    )
    early = settle(demand, desk)
    return desk._replace(asks=early.asks), early


def contact_columns(demand: Demand, rules: Rules, known: Standing, room: int) -> dict[str, Any]:
    """Columns of contacts with room for so many: what the demand's bring, of the others only the room."""
    m = rules.mechanisms
    queues = 2 * len(known.own["kinds"]) + len(known.own["bots"])
    brings: dict[str, Any] = {
        "type": demand.type.view(np.uint16),
        "talk": demand.talk_ms,
        "after": demand.after_ms,
        "patience": demand.patience_ms,
        "at_once": demand.leaves_at_once,
        "keys": demand.key if known.keyed else np.empty(0, dtype=np.uint64),
    }
    dtypes: dict[str, npt.DTypeLike] = {
        "place": "u1", "flags": "u1", "status": "u1", "queued": "i8", "answered": "i8", "ended": "i8",
        "released": "i8", "agent": "i4", "resolved": "?", "work": "i8", "predicted": "i8", "left": "i8",
        "circles": CIRCLE, "nodes": NODE,
    }  # fmt: skip
    needed = {
        "work": known.books, "predicted": m.offers is not None, "left": m.deferral is not None, "circles": known.copies
    }  # fmt: skip
    unused = {name: np.empty(0, dtype=dtypes.pop(name)) for name, is_needed in needed.items() if not is_needed}
    if room > len(demand):  # follow-ups stand behind the demand's own
        dtypes |= {name: column.dtype for name, column in brings.items()}
    made = columns(queues + room, **dtypes)
    nodes = made.pop("nodes")
    rings(nodes, 0, queues)
    made = {name: column[:room] for name, column in made.items()}
    if room > len(demand):
        for name, column in brings.items():
            made[name][: len(demand)] = column
    if known.copies:
        made["circles"]["founder"][: len(demand)] = -1
    return {**brings, **unused, **made, "nodes": nodes}


def make_draws(pools: Pools | None) -> dict[str, Any]:
    """The draws from which new contacts take what they bring."""
    if pools is None:
        return {"draws": np.empty(0, dtype=DRAW), "delays": np.zeros((1, 1), dtype=np.int32)}
    draws = np.empty(pools.fate.shape, dtype=DRAW)
    draws["fate"], draws["at_once"] = pools.fate, pools.leaves_at_once
    draws["bot"], draws["hand_off"], draws["patience"] = pools.bot_ms, pools.hand_off_ms, pools.patience_ms
    draws["talk"], draws["after"] = pools.talk_ms, pools.after_ms
    return {"draws": draws.ravel(), "delays": np.ascontiguousarray(pools.delay_ms)}


# ------------------------------------------------------------------------------------------------- the time before


def settle(demand: Demand, desk: Desk) -> Early:
    """Where each contact enters the run: at its arrival, or when it asks; who never asks an open desk is done."""
    asks, handed = np.empty(len(demand), dtype=np.int64), np.empty(len(demand), dtype=np.int64)
    direct, later, unsettled, last_ms = _settle(
        demand.type, demand.arrival_ms, demand.fate, demand.bot_ms, demand.hand_off_ms, desk.kinds, desk.windows,
        desk.place, desk.flags, desk.status, desk.queued, desk.answered, desk.ended, desk.released, desk.agent,
        desk.resolved, desk.work, desk.predicted, asks, handed, desk.home_ms, desk.rechecks,
    )  # fmt: skip
    if later:
        spare = np.empty(later, dtype=np.int64)
        in_order(handed[:later], spare, np.empty(1 << 11, dtype=np.int64))
        merge(asks, direct, spare)
    return Early(asks[: direct + later], unsettled, last_ms)


@kernel
def _settle(
    kind_of: Any, arrival: Any, fates: Any, bot: Any, hand_off: Any, kinds: Any, windows: Any,
    place: Any, flags: Any, status: Any, queued: Any, answered: Any, ended: Any, released: Any, agent: Any,
    resolved: Any, work: Any, predicted: Any, asks: Any, handed: Any, home_ms: int, watched: bool,
) -> tuple[int, int, int, int]:  # fmt: skip
    """What ends from `home_ms` on may send agents home, and so is left to the loop; all is where it is `watched`."""
    direct, later, last, unsettled = 0, 0, 0, 0
    for c in range(len(kind_of)):
        k, at, fate = whole(kind_of[c]), arrival[c], whole(fates[c])
        became, stands, asked = -1, ASKS, NEVER
        if at < 0:
            asked = at
            at, fate, stands = 0, NO_BOT, CARRIED
        elif watched or kinds[k].line >= 0 or kinds[k].bot >= 0 or kinds[k].listens & BEFORE_ASKING or at >= home_ms:
            fate, stands = NO_BOT, COMES
        elif not is_open(kinds, windows, k, at):
            became = CLOSED
        elif fate != NO_BOT:
            at += bot[c]
            if fate == HANDED_OFF:
                at += hand_off[c]
                if not is_open(kinds, windows, k, at):
                    became = CLOSED
            else:
                became = BOT_STATUS[fate]
        if became >= 0 and at >= home_ms:
            became, at, fate, stands = -1, arrival[c], NO_BOT, COMES
        last = max(last, at)
        if became < 0:
            unsettled += not kinds[k].deferred
            key = (at << TIME_SHIFT) | (CONTACT_ENTERS << KIND_SHIFT) | c
            if fate == NO_BOT:
                asks[direct] = key
                direct += 1
            else:
                handed[later] = key
                later += 1
        if stands == ASKS and (became < 0 or became == CLOSED):
            asked = at
        place[c] = stands if became < 0 else DONE
        status[c] = became if became >= 0 else UNDECIDED
        queued[c] = asked
        ended[c] = at if became >= 0 else NEVER
        flags[c] = 0
        answered[c] = NEVER
        released[c] = NEVER
        agent[c] = -1
        resolved[c] = False
        if len(work) > 0:
            work[c] = 0
        if len(predicted) > 0:
            predicted[c] = NEVER
    return direct, later, unsettled, last
