"""Customers rather than contacts: what became of a matter over all contacts that go back to one root.

A customer is a root that was drawn; what was carried in began before anybody looked. Whether a customer came back, and
when the matter was settled, is judged within a window after the first contact, and only of customers who arrived at
least one window before the end of the horizon: of all others it is not known yet.
"""

import numpy as np

from sim.outcome import NEVER, Status
from sim.parts import Ints, Journeys
from sim.rows import Bools, Origin, Rows
from sim.units import to_ms

LATEST = np.iinfo(np.int64).max


def journeys(rows: Rows) -> Journeys:
    """Count them."""
    c, root = rows.contacts, rows.contacts.root
    drawn = rows.origin == Origin.DRAWN
    window, cell = to_ms(rows.scenario.customers.window), rows.arrival_cell
    since = c.arrival - c.arrival[root]
    soon = (since <= window) & (c.status != Status.AFTER_HORIZON)
    watched = drawn & (c.arrival < rows.grid.end_ms - window)
    came_back = _any(rows, soon & rows.follows & (rows.origin != Origin.TRANSFER))
    served = rows.talked | rows.contained
    when = _first(rows, np.where(rows.settled, c.ended, LATEST))
    settled = (when != LATEST) & (when - c.arrival <= window)
    number = _number(rows, soon & (rows.origin != Origin.TRANSFER))
    saved, naive = _work_saved(rows)
    return Journeys(
        customers=rows.count(drawn, cell),
        unserved_customers=rows.count(drawn & ~_any(rows, served), cell),
        settled_customers=rows.count(drawn & (when != LATEST), cell),
        watched=rows.count(watched, cell),
        contacts=rows.total(number, watched, cell),
        passed_on=rows.total(_number(rows, soon & (rows.origin == Origin.TRANSFER)), watched, cell),
        settled=rows.count(watched & settled, cell),
        settling_ms=rows.total(np.where(settled, when - c.arrival, 0), watched, cell),
        served_first=rows.count(watched & served, cell),
        settled_first=rows.count(watched & served & settled & ~came_back, cell),
        contained=rows.count(watched & rows.contained, cell),
        stayed_away=rows.count(watched & rows.contained & ~came_back, cell),
        saved_ms=saved,
        naive_ms=naive,
    )


def _number(rows: Rows, which: Bools) -> Ints:
    """How many of these each root has, at its own row."""
    return np.bincount(rows.contacts.root[which], minlength=len(rows))


def _any(rows: Rows, which: Bools) -> Bools:
    """Whether a root has one of these, at its own row."""
    found = np.zeros(len(rows), dtype=np.bool_)
    found[rows.contacts.root[which]] = True
    return found


def _first(rows: Rows, at: Ints) -> Ints:
    """The earliest of these instants among the contacts of each root, at its own row."""
    found = np.full(len(rows), LATEST)
    np.minimum.at(found, rows.contacts.root, at)
    return found


# ----------------------------------------------------------------------------------------------------------- work saved


def _work_saved(rows: Rows) -> tuple[Ints, Ints]:
    """Really, and naively, [type, interval] in milliseconds of work at speed 1; 0 where the demand is not known.

    What a contained contact would have taken was drawn with it, its difficulty included; what follow-ups to contained
    contacts took of agents goes off again. Naively each is worth what the contacts of its type took that people got.
    """
    c, none = rows.contacts, np.zeros((rows.types, rows.grid.intervals), dtype=np.int64)
    if rows.demand is None or not rows.contained.any():
        return none, none
    drawn = np.zeros(len(rows), dtype=np.int64)
    drawn[: len(rows.demand)] = rows.demand.talk_ms.astype(np.int64) + rows.demand.after_ms
    known = (np.arange(len(rows)) < len(rows.demand)) & rows.counted
    kept, asked = rows.contained & known, known & (c.queued != NEVER)
    mean = np.bincount(rows.kind[asked], weights=drawn[asked], minlength=rows.types) / np.maximum(
        np.bincount(rows.kind[asked], minlength=rows.types), 1
    )
    back = _after_containment(rows) & rows.talked
    saved = rows.total(drawn, kept, rows.arrival_cell) - rows.total(c.work, back, rows.arrival_cell)
    naive = rows.amount(mean[rows.kind], kept, rows.arrival_cell)
    return saved, np.rint(naive).astype(np.int64)


def _after_containment(rows: Rows) -> Bools:
    """Which contacts follow one that the bot had kept, at once or over others."""
    c = rows.contacts
    found, left = np.zeros(len(rows), dtype=np.bool_), np.flatnonzero(c.parent >= 0)
    at = c.parent[left]
    while len(left):  # one step up the chain at a time
        found[left] |= rows.contained[at]
        further = c.parent[at] >= 0
        left, at = left[further], c.parent[at[further]]
    return found


__all__ = ["journeys"]
