"""What became of contacts beyond served, lost and unserved; promises made to those who wait, and how they were kept.

Endings and origins of their own, first responses, virtual waits.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sim.grid import sum_by
from sim.keys import ACCEPTS_CALLBACK, CHILD, mix_all
from sim.mechanisms import Offers, Predictor
from sim.outcome import NEVER, Cause, Status
from sim.parts import Endings, Ints, Promises
from sim.rows import Bools, Origin, Rows

_LATE = np.iinfo(np.int64).max


def endings(rows: Rows, thresholds: Sequence[tuple[int, int, bool]], answered_in_time: Ints) -> Endings:
    """Count them; `answered_in_time` [threshold, interval] are those who were."""
    c, counted = rows.contacts, rows.counted
    carried = rows.carried
    first = np.flatnonzero(counted & rows.talked)
    response = c.answered[first] - c.arrival[first]
    cell, size = rows.cell[first], rows.types * rows.grid.intervals
    return Endings(
        **{name: rows.count(counted & (c.status == status)) for name, status in _OWN.items()},
        **{name: rows.count(counted & (rows.origin == o), rows.arrival_cell) for name, o in _ORIGINS.items()},
        after_horizon=rows.count(c.status == Status.AFTER_HORIZON),
        carried_in=rows.count(carried),
        carried_in_answered=rows.count(carried & rows.handled),
        carried_in_wait_ms=rows.total(rows.wait, carried & rows.handled),
        settled=rows.count(rows.settled & rows.counted),
        first_responses=rows.count(first),
        first_response_ms=sum_by(cell, response, size).reshape(rows.types, -1),
        first_response_open_ms=sum_by(cell, _open_between(rows, first, response), size).reshape(rows.types, -1),
        virtual_in_time=answered_in_time + _others_in_time(rows, thresholds),
    )


_OWN = {
    "balked": Status.BALKED,
    "silent": Status.SILENT,
    "called_back": Status.CALLED_BACK,
    "callback_unanswered": Status.CALLBACK_UNANSWERED,
    "withdrawn": Status.WITHDRAWN,
}
_ORIGINS = {
    "redials": Origin.REDIAL,
    "repeats": Origin.REPEAT,
    "transfers": Origin.TRANSFER,
    "elsewhere": Origin.ELSEWHERE,
}


def _open_between(rows: Rows, which: Ints, elapsed: Ints) -> Ints:
    """How much of the time from arrival to answer the desk was open for each of these contacts."""
    c, found, kind = rows.contacts, elapsed.copy(), rows.kind[which]
    for k in np.flatnonzero(~rows.rules.always_open):
        mine = np.flatnonzero(kind == k)
        of = which[mine]
        found[mine] = open_before(rows, int(k), c.answered[of]) - open_before(rows, int(k), c.arrival[of])
    return found


def open_before(rows: Rows, k: int, at: Ints) -> Ints:
    """How long a type has been open from the start of the horizon to each instant; before it, the time to it, below 0.

    After the last window that the rules know the clock stands still.
    """
    if rows.rules.always_open[k]:
        return at
    opens, closes = rows.rules.opens_ms[k], rows.rules.closes_ms[k]
    if not len(opens):
        return np.zeros(len(at), dtype=np.int64)
    whole = np.concatenate([[0], np.cumsum(closes - opens)])
    begun = np.searchsorted(opens, at, side="right")
    last = np.maximum(begun - 1, 0)
    inside: Ints = whole[last] + np.minimum(at, closes[last]) - opens[last]
    return np.where(begun > 0, inside, 0)


# --------------------------------------------------------------------------------------------------------- virtual wait


def virtual_wait(rows: Rows, which: Ints) -> Ints:
    """How long each of these contacts would have waited had it stayed: milliseconds, very long where nobody came.

    Of those whom an agent took it is their wait. Who left, found no place or did not care to wait counts as served when
    an agent next took a contact of the type that asked later, but not before leaving: a customer without limits in
    their place would have gone before that one (the virtual wait of Jouini, Koole & Roubos 2013, IIE Transactions 45,
    341-354, where the queue is first come, first served).
    """
    c, kind = rows.contacts, rows.kind[which]
    came = _taken(rows)
    found = came[which]
    for k in np.unique(kind):
        waiting = np.flatnonzero((kind == k) & (found == _LATE))
        taken = np.flatnonzero((c.type == k) & (came != _LATE))
        taken = taken[np.argsort(rows.asked[taken], kind="stable")]
        soonest = np.append(np.minimum.accumulate(came[taken][::-1])[::-1], _LATE)
        of = which[waiting]
        after = soonest[np.searchsorted(rows.asked[taken], rows.asked[of], side="right")]
        found[waiting] = np.maximum(after, c.ended[of])
    return np.where(found == _LATE, _LATE, found - rows.asked[which])


def _taken(rows: Rows) -> Ints:
    """When an agent took each contact; very late where nobody did."""
    c = rows.contacts
    opened = np.where((c.agent >= 0) & (c.released != NEVER), c.released - c.work, _LATE)
    return np.where(c.answered != NEVER, c.answered, opened)


def _others_in_time(rows: Rows, thresholds: Sequence[tuple[int, int, bool]]) -> Ints:
    """Of the offered who were not answered: whose virtual wait lies within each threshold, [threshold, interval]."""
    which = np.flatnonzero(rows.counted & rows.ended_as(*_NOT_ANSWERED))
    wait, kind = virtual_wait(rows, which), rows.kind[which]
    found = np.zeros((len(thresholds), rows.grid.intervals), dtype=np.int64)
    for row, (k, ms, strict) in enumerate(thresholds):
        found[row] = rows.count(which[(kind == k) & (wait < ms if strict else wait <= ms)])[k]
    return found


_NOT_ANSWERED = (Status.BLOCKED, Status.BALKED, Status.ABANDONED, Status.SILENT, Status.UNSERVED)


# ------------------------------------------------------------------------------------------------------------ promises


def promises(rows: Rows) -> Promises | None:
    """Count them; None where nothing is told or offered to anybody."""
    offers = rows.rules.mechanisms.offers
    if offers is None:
        return None
    c, kind = rows.contacts, rows.kind
    told = rows.counted & (c.predicted != NEVER)
    timed = np.isin(offers.predictor, (Predictor.HEAD_OF_LINE, Predictor.LAST_TO_ENTER, Predictor.MODEL))[kind]
    known = told & timed & (c.status == Status.ANSWERED)
    error = np.where(known, c.predicted - rows.wait, 0) / 1e3
    offered = told & (c.status != Status.BALKED) & (c.predicted >= offers.offer_at[kind])
    rung = offered & rows.ended_as(Status.CALLED_BACK, Status.CALLBACK_UNANSWERED)
    rang = np.where(c.status == Status.CALLED_BACK, c.answered, c.released) - offers.ring_ms[kind]
    return Promises(
        foretold=rows.count(known),
        error_s=rows.amount(error, known),
        error_squared=rows.amount(error**2, known),
        callbacks_offered=rows.count(offered),
        callbacks_accepted=rows.count(rung | (offered & _accepts(rows, offers))),
        callbacks_rung=rows.count(rung),
        callbacks_kept=rows.count(rung & (rang <= c.queued + offers.promise_ms[kind])),
    )


def _accepts(rows: Rows, offers: Offers) -> Bools:
    """Who says yes to a call-back, by key; nobody where keys are not known."""
    if rows.demand is None:
        return np.zeros(len(rows), dtype=np.bool_)
    word = mix_all(keys(rows), np.full(len(rows), ACCEPTS_CALLBACK, dtype=np.uint64)) >> np.uint64(32)
    return word.astype(np.int64) < offers.accept_word[rows.kind]


def keys(rows: Rows) -> npt.NDArray[np.uint64]:
    """What each contact's decisions hang on: drawn with the demand, and from parent to child."""
    assert rows.demand is not None
    c, found = rows.contacts, np.zeros(len(rows), dtype=np.uint64)
    found[: len(rows.demand)] = rows.demand.key
    follow_ups = rows.rules.mechanisms.follow_ups
    left = np.flatnonzero(c.cause >= Cause.FOLLOW_UP)
    known = c.cause < Cause.FOLLOW_UP
    while follow_ups is not None and len(left):  # one generation at a time
        ready = left[known[c.parent[left]]]
        parent = c.parent[ready]
        purpose = CHILD + c.cause[ready].astype(np.int64) - Cause.FOLLOW_UP - follow_ups.first[c.type[parent]]
        found[ready] = mix_all(found[parent], purpose.astype(np.uint64))
        known[ready] = True
        left = left[~known[left]]
    return found


__all__ = ["endings", "keys", "open_before", "promises", "virtual_wait"]
