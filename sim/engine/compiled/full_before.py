"""What is known before the first event of a full run, and all its arrays.

A contact whose type has neither lines nor a bot with limits, and no follow-up of what happens before it asks, is
followed to that moment here (as in `before`): nothing of that concerns anybody else.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.attendance import Staffing
from sim.columns import columns, copies
from sim.demand import Demand, Pools
from sim.engine.compiled.before import in_order, merge_two
from sim.engine.compiled.full_desk import (
    ASKS,
    BOT_STATUS,
    CARRIED,
    CIRCLE,
    CLOSED,
    COMES,
    CONTACT,
    DONE,
    DRAW,
    HANDED_OFF,
    NO_BOT,
    SPELL,
    TALE,
    UNDECIDED,
    Desk,
)
from sim.engine.compiled.full_standing import HORIZON, TOO_LONG, Standing, rings, standing
from sim.engine.compiled.full_steps import is_open
from sim.engine.compiled.kernel import index, kernel, whole
from sim.engine.compiled.loop import KIND_SHIFT, TIME_SHIFT, ZERO
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
        **contact_columns(n, rules, known, room),
        tales=np.empty(room - n, dtype=TALE),
        **make_draws(demand.pools if follows else None),
        spells=np.empty(known.most_spells, dtype=SPELL),
        demanded=n,
        **known.shared,
        **copies(**known.own),
    )
    early = settle(demand, desk, known.keyed)
    return desk._replace(asks=early.asks), early


def contact_columns(demanded: int, rules: Rules, known: Standing, room: int) -> dict[str, Any]:
    """Room for so many contacts: what only the run needs, and what stays in the outcome."""
    m = rules.mechanisms
    queues = 2 * len(known.own["kinds"]) + len(known.own["bots"])
    contacts = columns(queues + room, contacts=CONTACT)["contacts"]
    rings(contacts, 0, queues)
    circles = np.empty(room if known.copies else 0, dtype=CIRCLE)
    circles["founder"][:demanded] = -1
    words = {"answered": True, "ended": True, "released": True, "work": known.books, "predicted": m.offers is not None}
    return {
        "contacts": contacts,
        **columns(room, resolved="?", **{name: "i8" for name, needed in words.items() if needed}),
        **{name: np.empty(0, dtype=np.int64) for name, needed in words.items() if not needed},
        "left": np.empty(room if m.deferral is not None else 0, dtype=np.int64),
        "circles": circles,
    }


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


def settle(demand: Demand, desk: Desk, keyed: bool) -> Early:
    """Where each contact enters the run: at its arrival, or when it asks; who never asks an open desk is done."""
    runs, asks = np.empty(len(demand), dtype=np.int64), np.empty(len(demand), dtype=np.int64)
    direct, later, unsettled, last_ms = _settle(
        demand.type, demand.arrival_ms, demand.fate, demand.bot_ms, demand.hand_off_ms, demand.talk_ms, demand.after_ms,
        demand.patience_ms, demand.leaves_at_once, demand.key if keyed else np.empty(0, dtype=np.uint64),
        desk.kinds, desk.windows, desk.contacts, desk.answered, desk.ended, desk.released, desk.resolved, desk.work,
        desk.predicted, runs, asks, desk.home_ms, desk.rechecks,
    )  # fmt: skip
    if not later:
        return Early(runs[:direct], unsettled, last_ms)
    asking = direct + later
    in_order(asks[:later], runs[direct:asking], np.empty(1 << 11, dtype=np.int64))
    merge_two(runs, asks, 0, direct, asking)
    return Early(asks[:asking], unsettled, last_ms)


@kernel
def _settle(
    kind_of: Any, arrival: Any, fates: Any, bot: Any, hand_off: Any, talk: Any, after: Any, patience: Any,
    at_once: Any, keys: Any, kinds: Any, windows: Any, contacts: Any, answered: Any, ended: Any, released: Any,
    resolved: Any, work: Any, predicted: Any, asks: Any, handed: Any, home_ms: int, watched: bool,
) -> tuple[int, int, int, int]:  # fmt: skip
    """What ends from `home_ms` on may send agents home, and so is left to the loop; all is where it is `watched`."""
    direct, later, last, unsettled, queues = 0, 0, 0, 0, len(contacts) - len(ended)
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
        contact = contacts[index(c + queues)]
        if became < 0:
            unsettled += not kinds[k].deferred
            key = (at << TIME_SHIFT) | (CONTACT_ENTERS << KIND_SHIFT) | c
            if fate == NO_BOT:
                asks[direct] = key
                direct += 1
            else:
                handed[later] = key
                later += 1
            contact.key = keys[c] if len(keys) > 0 else ZERO
            contact.patience = patience[c]
            contact.talk = talk[c]
            contact.after = after[c]
            contact.bot = bot[c]
            contact.hand_off = hand_off[c]
            contact.type = k
            contact.marks = 0
            contact.fate = fates[c]
            contact.at_once = at_once[c]
        if stands == ASKS and (became < 0 or became == CLOSED):
            asked = at
        contact.queued = asked
        contact.agent = -1
        contact.place = stands if became < 0 else DONE
        contact.status = became if became >= 0 else UNDECIDED
        if became >= 0:
            answered[c] = NEVER
            ended[c] = at
            released[c] = NEVER
            resolved[c] = False
        if len(work) > 0:
            work[c] = 0
        if len(predicted) > 0:
            predicted[c] = NEVER
    return direct, later, unsettled, last
