"""How content customers are: a score for each contact by the scenario's rule, and the complaints to be expected."""

import numpy as np

from sim.outcome import Status
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
    nobody_came = rows.counted & np.isin(rows.contacts.status, _NOBODY_CAME)
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
    score = level + rule.per_minute * (rows.wait / 6e4 - rule.usual_wait / 60)
    score += rule.resolved * (rows.settled - rule.usually_resolved)
    score += rule.per_transfer * rows.transfers + rule.by_bot * rows.met_bot
    return np.clip(score, 1.0, 5.0)


__all__ = ["contentment", "scores"]
