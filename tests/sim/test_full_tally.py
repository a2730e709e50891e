"""Figures of full runs by pencil: small tables written by hand, each mechanism's figures on their own."""

from pathlib import Path

import numpy as np
import pytest
from full_outcomes import SPELLS, STAFF, carried, follow, follow_ups, full, mean, means, ruled, seen
from hypothesis import given
from hypothesis import strategies as st
from outcomes import answered, gone, in_bot, scenario, table
from worlds import S, levels

from sim.desk.targets import OF_FULL_RUNS
from sim.endings import open_before, virtual_wait
from sim.formulas import FORMULAS
from sim.full_measures import (
    BOT_WORTH,
    CALLBACKS,
    CUSTOMERS,
    ENDINGS,
    FAIRNESS,
    FIRST_RESPONSES,
    FOLLOW_UPS,
    PROMISED,
    PROMISES,
    SLOTS,
    WORK,
    chosen,
    customer_money,
)
from sim.full_tally import tally_run, wants_table
from sim.in_hand import spans_of
from sim.measures import COUNTS, HANDLING, OCCUPANCY, QUEUE_LENGTH, estimate_figure, service_level
from sim.mechanisms import ALWAYS, NOT_EVER, Deferral, Offers, Predictor, Slots
from sim.metrics import ARRAYS, Pile, join, stack, tally
from sim.outcome import Status
from sim.routing import rules
from sim.rows import Origin

# ------------------------------------------------------------------------------------------------------------ the whole


def test_a_plain_desk_has_no_parts_and_is_counted_as_ever() -> None:
    desk, outcome = scenario(), table([answered(0), gone(Status.ABANDONED, 1, wait=9)], SPELLS)
    assert not wants_table(desk, rules(desk))
    plain, same = tally(outcome, desk, STAFF), tally_run(outcome, desk, STAFF, rules(desk))
    assert all(np.array_equal(getattr(plain, name), getattr(same, name)) for name in ARRAYS)
    assert same.endings is same.in_hand is same.journeys is same.promises is same.backlog is same.contentment is None


def test_whoever_asks_after_customers_gets_the_parts() -> None:
    desk = scenario(customers={"window": "10 min"})
    assert wants_table(desk, rules(desk))
    assert tally_run(table([], SPELLS), desk, STAFF, rules(desk)).journeys is not None


BUSY = [answered(0, talk=100, after=20), answered(50, talk=80, agent=1), answered(400, wait=5, talk=30, after=9)]


@given(st.lists(st.sampled_from([Status.ABANDONED, Status.CLOSED, Status.BLOCKED, Status.UNSERVED]), max_size=5))
def test_without_anything_extra_the_full_count_is_the_plain_one(gone_ones: list[Status]) -> None:
    rows = [*BUSY, in_bot(Status.RESOLVED_IN_BOT, 7)]
    rows += [gone(status, 10 * i, wait=3 * i) for i, status in enumerate(gone_ones)]
    desk, outcome = scenario(), table(rows, SPELLS)
    plain, whole = tally(outcome, desk, STAFF), tally_run(outcome, desk, STAFF, ruled(desk))
    for name in ARRAYS:
        assert np.array_equal(getattr(plain, name), getattr(whole, name)), name


def test_by_the_other_reading_contacts_are_booked_when_they_are_answered_or_end() -> None:
    desk = scenario(booking="answer")
    whole = full([answered(290, wait=20), gone(Status.ABANDONED, 100, wait=550), answered(0)], desk)
    assert whole.answered[0].tolist() == [[1, 1, 0]]
    assert whole.abandoned[0].tolist() == [[0, 0, 1]]
    assert whole.wait_answered_ms[0].tolist() == [[0, 20 * S, 0]]
    assert whole.in_hand is not None
    assert whole.in_hand.talks[0].tolist() == [[1, 1, 0]]
    assert whole.arrived[0].tolist() == [[3, 0, 0]]  # arrivals stay where they are
    assert whole.queue_ms[0].tolist() == [[(10 + 200) * S, (10 + 300) * S, 50 * S]]


def test_parts_are_piled_stacked_and_joined_like_everything_else() -> None:
    desk = scenario()
    days = [tally_run(table(BUSY[:n], SPELLS), desk, STAFF, ruled(desk)) for n in (1, 2, 3)]
    pile = Pile(5)
    for day in days:
        pile.add(day)
    for three in (pile.stacked(), stack(days), join([stack(days[:1]), stack(days[1:])])):
        assert three.in_hand is not None
        assert three.in_hand.talks.sum(axis=(1, 2)).tolist() == [1, 2, 3]
        assert three.backlog is None


# -------------------------------------------------------------------------------------------------- endings, follow-ups

EVERYTHING = [
    answered(10),
    gone(Status.ABANDONED, 11, wait=30),
    gone(Status.SILENT, 12, wait=40, released=70, work=10, agent=1),
    gone(Status.BALKED, 13),
    gone(Status.BLOCKED, 14),
    gone(Status.UNSERVED, 15, wait=60),
    gone(Status.CLOSED, 16),
    gone(Status.WITHDRAWN, 17, wait=8),
    gone(Status.CALLBACK_UNANSWERED, 18, wait=50, released=68, work=15, agent=1),
    {**answered(19, wait=40), "status": Status.CALLED_BACK},
    in_bot(Status.RESOLVED_IN_BOT, 20),
    carried(answered(-100, wait=130, talk=20)),
    follow(gone(Status.ABANDONED, 300, wait=4), 1),
    follow({"status": Status.AFTER_HORIZON, "arrival": 950}, 5),
]


def test_every_ending_has_its_own_count_and_parts_make_up_the_whole() -> None:
    whole = full(EVERYTHING, follow_ups=follow_ups(Status.ABANDONED))
    one = dict.fromkeys(("silent", "balked", "withdrawn", "callback_unanswered", "called_back"), 1)
    assert {k: v for k, v in means(ENDINGS, whole).items() if k in one} == one
    counts = means(COUNTS, whole)
    assert counts["arrived"] == 12  # neither the one carried in nor the one after the horizon
    assert counts["offered"] == 7  # answered, two abandoned, silent, balked, blocked, unserved
    assert counts["abandoned"] == 3  # the silent one too
    assert whole.arrived.sum() == 11  # what demand draws
    outside = sum(int(getattr(whole.endings, n).sum()) for n in ("withdrawn", "called_back", "callback_unanswered"))
    assert counts["arrived"] == counts["offered"] + outside + 1 + 1  # closed, and kept by the bot
    assert means(ENDINGS, whole)["after_horizon"] == means(ENDINGS, whole)["carried_in"] == 1


def test_a_contact_carried_in_has_measures_of_its_own() -> None:
    whole = full([carried(answered(-100, wait=130, talk=20))])
    assert means(ENDINGS, whole)["carried_in_wait"] == 130
    assert means(COUNTS, whole)["answered"] == 0
    assert mean(HANDLING[0], whole) == 20  # but agents' work is work
    assert whole.queue_ms.sum() == 30 * S  # from 0 on


def test_the_queue_holds_whoever_waits_but_for_call_backs() -> None:
    rows = [gone(Status.WITHDRAWN, 280, wait=40), {**answered(0, wait=100), "status": Status.CALLED_BACK}]
    whole = full([*rows, gone(Status.SILENT, 0, wait=7, released=90, work=10, agent=0)])
    assert whole.queue_ms[0].tolist() == [[20 * S + 7 * S, 20 * S, 0]]
    assert mean(QUEUE_LENGTH, whole) == pytest.approx(47 / 900)


@pytest.mark.parametrize(
    ("on", "origin"),
    [
        (Status.ABANDONED, Origin.REDIAL),
        (Status.CLOSED, Origin.REDIAL),
        (Status.CALLBACK_UNANSWERED, Origin.REDIAL),
        (100, Origin.REPEAT),
        (Status.CONTAINED_UNRESOLVED, Origin.REPEAT),
        (Status.ANSWERED, Origin.TRANSFER),
        (101, Origin.ELSEWHERE),
    ],
)
def test_a_follow_up_is_what_its_rule_makes_it(on: int, origin: Origin) -> None:
    rows = [answered(0), follow(answered(310), 0)]
    assert seen(rows, follow_ups=follow_ups(on)).origin.tolist() == [Origin.DRAWN, origin]
    counts = means(FOLLOW_UPS, full(rows, follow_ups=follow_ups(on)))
    name = {2: "redials", 3: "repeats", 4: "transfers", 5: "asked_elsewhere"}[int(origin)]
    assert counts["follow_ups"] == counts[name] == 1
    assert counts["redial_share"] == (0.5 if origin == Origin.REDIAL else 0)


def test_history_that_knows_no_rules_tells_origins_by_the_parents_ending() -> None:
    rows = [gone(Status.ABANDONED, 0, wait=9), follow(answered(100), 0)]
    assert seen(rows).origin[1] == Origin.REDIAL


def test_who_was_passed_on_twice_knows_it() -> None:
    rows = [answered(0), follow(answered(100), 0), follow(answered(200), 1, root=0), answered(5)]
    assert seen(rows, follow_ups=follow_ups(Status.ANSWERED)).transfers.tolist() == [0, 1, 2, 0]


# ----------------------------------------------------------------------------------------- first response, virtual wait


def test_the_first_response_is_from_arrival_also_through_the_bot() -> None:
    whole = full([answered(100, wait=20, arrival=40), {**answered(0, wait=60), "status": Status.CALLED_BACK}])
    assert means(FIRST_RESPONSES, whole) == {"first_response": 70, "first_response_open": 70}


def test_in_opening_hours_the_clock_stands_still_while_the_desk_is_closed() -> None:
    desk = scenario(channels={"voice": {"opening": {"daily": ["08:05-08:10", "08:12-20:00"]}}})
    whole = full([answered(0, wait=730)], desk)
    assert mean(FIRST_RESPONSES[0], whole, desk) == 730
    assert mean(FIRST_RESPONSES[1], whole, desk) == 310
    at = np.array([0, 300, 400, 600, 700, 730]) * S
    assert open_before(seen([], desk), 0, at).tolist() == [0, 0, 100 * S, 300 * S, 300 * S, 310 * S]


def test_had_they_stayed_they_would_have_come_before_the_next_one_taken() -> None:
    rows = [
        gone(Status.ABANDONED, 10, wait=5),  # the next one taken that asked later: at 60
        answered(20, wait=40),
        gone(Status.BALKED, 30),  # at 75
        gone(Status.ABANDONED, 31, wait=60),  # at 75 as well, but not before leaving
        answered(40, wait=35),
        gone(Status.ABANDONED, 50, wait=1),  # nobody was taken after
        {**answered(0, wait=1), "type": 1},
    ]
    kind = {"channel": "voice", "talk": {"family": "exponential", "mean": "3 min"}, "threshold": "40 s"}
    desk = scenario(types=2, contact_types=dict.fromkeys("ab", kind))
    waits = virtual_wait(seen(rows, desk), np.arange(len(rows)))
    assert waits[[0, 1, 2, 3, 4]].tolist() == [50 * S, 40 * S, 45 * S, 60 * S, 35 * S]
    assert waits[5] > 10**12
    found = estimate_figure(service_level(desk, "SL-V"), desk, full(rows, desk), ("type",))
    assert [one.mean for one in found] == [2 / 6, 1]


def test_a_plain_run_is_not_counted_by_virtual_waits() -> None:
    desk = scenario()
    plain = stack([tally(table([answered(0)], SPELLS), desk, STAFF)])
    with pytest.raises(ValueError, match="virtual"):
        mean(service_level(desk, "SL-V"), plain)
    with pytest.raises(ValueError, match="plain run"):
        mean(WORK, plain)


# --------------------------------------------------------------------------------------------------------- agents' time

CHAT = Slots(
    capacity=np.array([3], dtype=np.int32),
    need=np.array([[1]], dtype=np.int32),
    rate=np.array([[0, 1000, 800, 600]], dtype=np.int32),
    holds=np.array([False]),
)


def test_two_chats_at_once_are_busy_time_once_and_two_contacts_in_hand() -> None:
    whole = full([answered(0, talk=100, work=80), answered(60, talk=100, after=10, work=90)], slots=CHAT)
    assert whole.busy_ms.sum() == 170 * S
    assert mean(OCCUPANCY, whole) == pytest.approx(170 / 1800)
    assert means(SLOTS, whole) == {
        "slot_use": pytest.approx(210 / 5400),
        "contacts_in_hand": pytest.approx(210 / 170),
    }
    assert mean(HANDLING[0], whole) == 105
    assert mean(WORK, whole) == 85


def test_finding_out_that_nobody_is_there_and_ringing_are_work() -> None:
    offers = callbacks(ring=15)
    rows = [
        gone(Status.SILENT, 0, wait=40, released=100, work=10, agent=0),
        gone(Status.CALLBACK_UNANSWERED, 0, wait=200, released=200, work=15, agent=0),
        {**answered(0, wait=300, talk=20, work=35), "status": Status.CALLED_BACK},
    ]
    spans = spans_of(seen(rows, offers=offers))
    assert (spans.start // S).tolist() == [90, 185, 285]
    assert full(rows, offers=offers).busy_ms.sum() == (10 + 15 + 35) * S


INTERRUPTIBLE = Deferral(deferred=np.array([True, False]), interruptible=np.array([True, False]))


def test_interrupted_work_is_worked_on_for_as_long_as_its_work() -> None:
    """An e-mail from 0 to 300, with a call of 100 s in between: busy all the time, one contact in hand."""
    desk = scenario(types=2)
    whole = full([answered(0, talk=300, work=200), answered(100, talk=100, type=1)], desk, deferral=INTERRUPTIBLE)
    assert whole.busy_ms.sum() == 300 * S
    assert means(SLOTS, whole, desk)["contacts_in_hand"] == 1
    by_type = estimate_figure(HANDLING[0], desk, whole, ("type",))
    assert [one.mean for one in by_type] == [200, 100]


def test_work_that_was_handed_back_counts_in_both_spells() -> None:
    """Begun at 50, handed back at 100 with 50 s done; the other agent, from 450 on, does the other 150 s until 600."""
    desk, spells = scenario(types=2), [(0, 0, 0, 100, 100), (1, 0, 450, 900, 900)]
    whole = full([answered(50, talk=550, work=200, agent=1)], desk, spells, deferral=INTERRUPTIBLE)
    assert whole.busy_ms[0].tolist() == [[50 * S, 150 * S, 0]]


def test_the_spread_of_occupancy_is_that_of_agents_within_their_group() -> None:
    spells = [(0, 0, 0, 100, 100), (1, 0, 0, 100, 100), (2, 1, 0, 100, 100)]
    rows = [answered(0, talk=80, agent=0), answered(0, talk=40, agent=1), answered(0, talk=10, agent=2)]
    desk = scenario(groups=2)
    staff = levels((2, 1), (0, 0), (0, 0), interval=300)
    whole = stack([tally_run(table(rows, spells), desk, staff, ruled(desk))])
    assert [one.mean for one in estimate_figure(FAIRNESS, desk, whole, ("group",))] == [pytest.approx(0.2), 0]
    assert mean(FAIRNESS, whole, desk) == pytest.approx(np.sqrt(0.08 / 3))


# ------------------------------------------------------------------------------------------------------------ customers

WINDOW = scenario(customers={"window": "5 min"})


def test_customers_are_judged_over_all_their_contacts() -> None:
    rows = [
        answered(0, talk=30),  # settled at once
        answered(10, talk=20, resolved=False),  # comes back, settled then, after 120 s
        gone(Status.ABANDONED, 20, wait=30),  # redials in vain
        answered(30, talk=40, resolved=False),  # passed on, settled by the expert at 110: still the first contact
        answered(40, talk=40),  # settled, but back after the window
        answered(700, talk=10),  # too late to be watched
        in_bot(Status.CONTAINED_UNRESOLVED, 50),
        in_bot(Status.RESOLVED_IN_BOT, 60),
        follow(answered(100, talk=30), 1, 0),
        follow(gone(Status.ABANDONED, 200, wait=9), 2, 1),
        follow(answered(80, talk=30), 3, 2),
        follow(answered(400, talk=10), 4, 0),
        follow(answered(90, talk=40), 6, 0),
    ]
    on = follow_ups(100, Status.ABANDONED, Status.ANSWERED)
    found = means(CUSTOMERS, full(rows, WINDOW, follow_ups=on), WINDOW)
    assert found == {
        "customers": 8,
        "watched_customers": 7,
        "fcr": 4 / 7,
        "fcr_served": 4 / 6,
        "contacts_per_customer": 10 / 7,
        "transfers_per_customer": 1 / 7,
        "settled_in_window": 6 / 7,
        "time_to_resolution": pytest.approx((30 + 120 + 80 + 40 + 80 + 10) / 6),
        "unserved_customers": 1 / 8,
    }
    worth = means(BOT_WORTH[:1], full(rows, WINDOW, follow_ups=on), WINDOW)
    assert worth == {"containment_kept": 0.5}


def test_a_horizon_shorter_than_the_window_watches_nobody() -> None:
    found = means(CUSTOMERS, full([answered(0)]))
    assert found["watched_customers"] == 0
    assert found["fcr"] is found["contacts_per_customer"] is found["time_to_resolution"] is None


# ------------------------------------------------------------------------------------------------------------- promises


def callbacks(ring: float = 10, offer_at: float = 60, promise: float = 300) -> Offers:
    one = np.ones(1, dtype=np.int64)
    return Offers(
        predictor=np.array([Predictor.HEAD_OF_LINE], dtype=np.uint8),
        handle_ms=0 * one,
        balk_at=np.full((1, 1), NOT_EVER),
        balk_word=np.zeros((1, 1), dtype=np.int64),
        offer_at=round(offer_at * S) * one,
        accept_word=ALWAYS // 2 * one,
        promise_ms=round(promise * S) * one,
        ring_ms=round(ring * S) * one,
        answer_word=ALWAYS * one,
    )


def test_what_was_foretold_is_held_against_what_came() -> None:
    rows = [
        answered(0, wait=30, predicted=20),
        answered(0, wait=10, predicted=40),
        answered(0, wait=5),
        gone(Status.ABANDONED, 0, wait=9, predicted=50),
    ]
    found = means(PROMISES, full(rows, offers=callbacks()))
    assert found == {"prediction_error": 10, "prediction_rmse": pytest.approx(np.sqrt((100 + 900) / 2))}


def test_call_backs_are_offered_accepted_kept_and_answered() -> None:
    back = {"status": Status.CALLED_BACK, "predicted": 60}
    rows = [
        answered(0, wait=70, predicted=59.9),  # no offer
        answered(0, wait=70, predicted=60),  # declined
        gone(Status.BALKED, 0, predicted=80),  # left before it was offered
        {**answered(0, wait=310, work=70), **back},  # rung at 300, as promised
        {**answered(0, wait=311, work=70), **back},  # a second late
        gone(Status.CALLBACK_UNANSWERED, 0, wait=110, released=110, work=10, agent=0, predicted=99),
    ]
    found = means(CALLBACKS, full(rows, offers=callbacks()))
    assert found == {
        "callbacks_offered": 4,
        "callback_acceptance": 3 / 4,
        "callback_kept": 2 / 3,
        "callback_answered": 2 / 3,
    }


# ------------------------------------------------------------------------------------------------------- what is given


def test_every_figure_of_a_full_run_is_defined_and_explained() -> None:
    """Of a desk on which all of them are there; formulas in the list, measures in docs/results.md."""
    talk = {"family": "exponential", "mean": "3 min"}
    calls = {"channel": "voice", "talk": talk, "announcement": "model",
             "call_back": {"wait": "1 min", "accepted": 0.5, "promise": "5 min"},
             "bot": {"containment": 0.3, "duration": talk}}  # fmt: skip
    desk = scenario(
        channels={"voice": {}, "mail": {"deferred": True}},
        contact_types={"a": calls, "b": {"channel": "mail", "talk": talk, "due": {"within": "1 h"}}},
        agent_groups={"s": {"skills": ["a", "b"]}},
        staffing={"levels": {"s": {"08:00": 2}}},
        customers={"satisfaction": {}, "revenue": {"a": 1}},
    )
    given = [*(figure for figure, _ in chosen(desk)), *customer_money(desk)]
    assert {figure.formula for figure in given} <= set(FORMULAS)
    page = (Path(__file__).parents[2] / "docs" / "results.md").read_text(encoding="utf-8")
    assert [figure.measure for figure in given if f"`{figure.measure}`" not in page] == []
    assert {figure.measure for figure in PROMISED} == set(OF_FULL_RUNS)
    keys = [(figure.measure, figure.formula, figure.segment, by) for figure, by in chosen(desk)]
    assert len(keys) == len(set(keys))
    assert list(chosen(scenario())) == []
