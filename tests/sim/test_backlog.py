"""Work that lies open, by pencil: at the end of each interval, by age; when a type has been open for so long."""

from typing import Any

import numpy as np
from full_outcomes import carried, full, mean
from outcomes import answered, gone, scenario

from sim.full_measures import AGE, LATE, OVERDUE, backlog_by_age, backlog_levels
from sim.measures import estimate_figure
from sim.mechanisms import Deferral
from sim.outcome import Status
from sim.parts import AGES

MAIL = Deferral(deferred=np.array([True, False]), interruptible=np.array([False, False]))
DESK = scenario(types=2, minutes=180, interval=60)
H = 3600


def mail(rows: list[dict[str, Any]]) -> Any:
    return full(rows, DESK, deferral=MAIL)


def test_open_at_the_end_of_each_interval_are_those_not_yet_done() -> None:
    """The ends lie at 1, 2 and 3 h; work is whole until it is done; what is not deferred is no backlog."""
    rows = [
        answered(0, wait=0.5 * H, talk=0.25 * H),  # done before the first end
        answered(0.5 * H, wait=1 * H, talk=0.5 * H),  # done just at the second
        gone(Status.UNSERVED, 1 * H, wait=9 * H, work=0),  # of unknown work: the mean of those known
        answered(0.9 * H, wait=0.2 * H, talk=60, type=1),
    ]
    whole = mail(rows)
    count, hours, _ = (estimate_figure(figure, DESK, whole, ("interval",)) for figure in backlog_levels(DESK))
    assert [one.mean for one in count] == [2, 1, 1]
    assert [one.mean for one in hours] == [0.5 + 0.375, 0.375, 0.375]
    assert mean(backlog_levels(DESK)[0], whole, DESK) == 4 / 3
    assert mean(AGE, whole, DESK) == (0.5 + 0 + 1 + 2) * H / 4


def test_what_was_carried_in_lies_open_from_the_start_and_ages_on() -> None:
    whole = mail([carried(answered(-23 * H, wait=24.5 * H, talk=0.5 * H))])
    by_age = {f.segment: f for f in backlog_by_age(DESK) if f.measure == "backlog"}
    assert list(by_age) == [f"age {age}" for age in AGES]
    ages = ("age 4h_to_24h", "age 24h_to_72h")
    young, old = (estimate_figure(by_age[age], DESK, whole, ("interval",)) for age in ages)
    assert [one.mean for one in young] == [0, 0, 0]
    assert [one.mean for one in old] == [1, 0, 0]
    assert sum(mean(figure, whole, DESK) or 0 for figure in by_age.values()) == 1 / 3


def test_without_due_times_nothing_is_late() -> None:
    whole = mail([gone(Status.UNSERVED, 0, wait=9 * H)])
    assert mean(OVERDUE, whole, DESK) == 0
    assert mean(LATE, whole, DESK) is None


def test_what_is_open_past_its_due_time_is_overdue_and_what_ends_past_it_late() -> None:
    """Due within 1.5 h: the first is done in time, the second late, the third not at all, the fourth not yet due."""
    talk = {"family": "exponential", "mean": "3 min"}
    desk = scenario(
        types=2,
        minutes=180,
        interval=60,
        channels={"voice": {}, "mail": {"deferred": True}},
        contact_types={
            "a": {"channel": "mail", "talk": talk, "due": {"within": "1.5 h", "clock": "wall"}},
            "b": {"channel": "voice", "talk": talk},
        },
    )
    rows = [
        answered(0, wait=1 * H, talk=0.5 * H),
        answered(0, wait=2.25 * H, talk=0.5 * H),
        gone(Status.UNSERVED, 0.25 * H, wait=9 * H, work=0),
        gone(Status.UNSERVED, 2 * H, wait=9 * H, work=0),
    ]
    whole = full(rows, desk, deferral=MAIL)
    overdue = estimate_figure(backlog_levels(desk)[2], desk, whole, ("interval",))
    assert [one.mean for one in overdue] == [0, 2, 1]
    assert mean(OVERDUE, whole, desk) == 3 / 8
    assert mean(LATE, whole, desk) == 2 / 3
