"""How content customers are: a score for each contact by the scenario's rule, and the complaints to be expected."""

import numpy as np

from sim.mechanisms import NOT_EVER
from sim.outcome import NEVER, Status
from sim.parts import Contentment, Floats
from sim.rows import Rows

_NOBODY_CAME = (
    Status.BLOCKED,
    Status.BALKED,
    Status.ABANDONED,
    Status.SILENT,
    Status.CALLBACK_UNANSWERED,
    Status.UNSERVED,
)


def contentment(rows: Rows) -> Contentment | None:
    """Count it; None where the scenario says nothing of it."""
    asked = rows.scenario.customers
    if asked.satisfaction is None and not (asked.complaints.unresolved or asked.complaints.unserved):
        return None
    nobody_came = rows.counted & rows.ended_as(*_NOBODY_CAME)
    heard = rows.counted & (rows.talked | rows.contained)
    which = nobody_came | heard
    chance = np.where(nobody_came, asked.complaints.unserved, np.where(rows.settled, 0.0, asked.complaints.unresolved))
    score = scores(rows) if asked.satisfaction else np.zeros(len(rows))
    return Contentment(
        scored=rows.count(which),
        score=rows.amount(score, which),
        complaints=rows.amount(chance, which & ~rows.contained),
    )


def scores(rows: Rows) -> Floats:
    """The score of each contact, `sim.desk.customers.Satisfaction`; of those who ended neither way it means nothing."""
    rule = rows.scenario.customers.satisfaction
    assert rule is not None
    level = np.array([rule.level_of(kind.channel) for kind in rows.scenario.contact_types.values()])[rows.kind]
    score = level + rule.per_minute * _minutes_beyond(rows, rule.usual_wait)
    score += rule.resolved * (rows.settled - rule.usually_resolved)
    score += rule.per_transfer * rows.transfers + rule.by_bot * rows.met_bot
    return np.clip(score, 1.0, 5.0)


def _minutes_beyond(rows: Rows, usual_wait: float) -> Floats:
    """How much longer than usual each contact waited; deferred work: how long after it was due it was begun."""
    c, beyond = rows.contacts, rows.wait / 6e4 - usual_wait / 60
    deferral = rows.rules.mechanisms.deferral
    if deferral is None:
        return beyond
    answer = np.where(c.answered == NEVER, c.ended, c.answered)
    late = np.where(rows.due == NOT_EVER, 0, answer - np.minimum(rows.due, answer)) / 6e4
    return np.where(deferral.deferred[rows.kind], late, beyond)


__all__ = ["contentment", "scores"]
