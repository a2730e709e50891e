"""Scores, complaints, lost sales, revenue and what a bot saves, by pencil."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from full_outcomes import SPELLS, STAFF, follow, follow_ups, full, mean, means, ruled, seen
from outcomes import answered, gone, in_bot, scenario, table
from worlds import customers

from sim.demand import Demand
from sim.full_measures import BOT_WORTH, COMPLAINTS, SATISFACTION, customer_money
from sim.full_tally import tally_run
from sim.mechanisms import Deferral
from sim.metrics import stack
from sim.outcome import Status
from sim.rows import Origin
from sim.satisfaction import scores
from sim.scenario import Satisfaction, Scenario

RULE = {"level": {"voice": 4}, "usual_wait": "1 min", "usually_resolved": 0.5, "per_minute": -0.5, "resolved": 2,
        "per_transfer": -0.25, "by_bot": -0.1}  # fmt: skip


def asked(**customers: Any) -> Scenario:
    return scenario(customers=customers)


def test_a_score_is_the_channels_level_moved_by_wait_resolution_transfers_and_bot() -> None:
    rows = [
        answered(0, wait=60),
        answered(0, wait=180, resolved=False),
        follow(answered(100, wait=0), 0),
        answered(30, wait=60, arrival=10),
        in_bot(Status.CONTAINED_UNRESOLVED, 0),
        gone(Status.ABANDONED, 0, wait=600),
    ]
    found = scores(seen(rows, asked(satisfaction=RULE), follow_ups=follow_ups(Status.ANSWERED)))
    assert found == pytest.approx([5, 2, 5, 4.9, 4 + 0.5 - 1 - 0.1, 1])
    assert seen(rows, follow_ups=follow_ups(Status.ANSWERED)).origin[2] == Origin.TRANSFER


def test_deferred_work_loses_by_what_it_is_late() -> None:
    talk = {"family": "exponential", "mean": "3 min"}
    desk = scenario(
        channels={"mail": {"deferred": True}},
        contact_types={"a": {"channel": "mail", "talk": talk, "due": {"within": "5 min", "clock": "wall"}}},
        customers={"satisfaction": RULE | {"level": {"mail": 3}}},
    )
    mail = Deferral(deferred=np.array([True]), interruptible=np.array([False]))
    rows = [answered(0, wait=300), answered(0, wait=420)]
    assert scores(seen(rows, desk, deferral=mail)) == pytest.approx([4, 3])


def test_the_mean_score_is_over_all_who_asked_or_were_kept_by_the_bot() -> None:
    desk = asked(satisfaction=RULE)
    rows = [answered(0, wait=180), gone(Status.ABANDONED, 0, wait=600), gone(Status.CLOSED, 0)]
    assert mean(SATISFACTION, full(rows, desk), desk) == (4 + 1) / 2


def test_channels_have_the_levels_that_the_case_study_reports() -> None:
    assert [Satisfaction().level_of(name) for name in ("chat", "phone", "social")] == [4.2, 3.8, 4.0]
    with pytest.raises(ValueError, match="no channel 'fax'"):
        asked(satisfaction={"level": {"fax": 3}})


def test_complaints_are_expected_of_the_unresolved_and_the_unserved() -> None:
    desk = asked(complaints={"unresolved": 0.1, "unserved": 0.3})
    rows = [answered(0), answered(1, resolved=False), gone(Status.ABANDONED, 2), in_bot(Status.CONTAINED_UNRESOLVED, 3)]
    assert mean(COMPLAINTS, full(rows, desk), desk) == pytest.approx(0.4)


def test_a_sale_is_lost_with_the_customer_not_with_each_contact() -> None:
    talk = {"family": "exponential", "mean": "3 min"}
    desk = scenario(
        contact_types={"a": {"channel": "voice", "talk": talk, "lost_value": 50}}, customers={"revenue": {"a": 8}}
    )
    rows = [
        gone(Status.ABANDONED, 0),
        gone(Status.ABANDONED, 1),
        answered(2),
        answered(3, resolved=False),
        follow(answered(50), 0),
        follow(gone(Status.ABANDONED, 51), 1),
    ]
    found = means(customer_money(desk), full(rows, desk, follow_ups=follow_ups(Status.ABANDONED)), desk)
    assert found == {"lost_sales": 50, "revenue": 16}
    assert customer_money(scenario()) == ()
    with pytest.raises(ValueError, match="no contact type 'b'"):
        asked(revenue={"b": 1})


# ---------------------------------------------------------------------------------------------------- what a bot saves


def people(*talks: float) -> Demand:
    return customers(*({"at": i, "talk": talk} for i, talk in enumerate(talks)))


def test_what_a_bot_saves_is_less_than_its_contacts_times_the_mean() -> None:
    """Two easy contacts of 40 s kept, two hard ones of 100 s for people; one of the kept is back and takes 30 s."""
    rows = [
        in_bot(Status.RESOLVED_IN_BOT, 0),
        in_bot(Status.CONTAINED_UNRESOLVED, 1),
        answered(2, talk=100),
        answered(3, talk=100),
        follow(answered(60, talk=30), 1),
    ]
    desk = scenario(bots={"bot": {}}, customers={"window": "5 min"})
    by = ruled(desk, follow_ups=follow_ups(Status.CONTAINED_UNRESOLVED))
    whole = stack([tally_run(table(rows, SPELLS), desk, STAFF, by, people(40, 40, 100, 100))])
    assert means(BOT_WORTH, whole, desk) == {
        "containment_kept": 0.5,
        "bot_work_saved": pytest.approx(50 / 3600),
        "bot_work_saved_naive": pytest.approx(200 / 3600),
        "bot_work_saved_share": 0.25,
    }


def test_without_a_demand_nothing_is_known_of_the_work_saved() -> None:
    whole = full([in_bot(Status.RESOLVED_IN_BOT, 0)], scenario(customers={"window": "5 min"}))
    assert means(BOT_WORTH, whole)["bot_work_saved_share"] is None
    assert replace(whole).journeys is not None
    assert np.all(whole.journeys.saved_ms == 0) if whole.journeys else False
