"""Speed: factors of skill, person and fatigue, multiplied once; time to switch to another channel."""

import pytest
from full_worlds import deferral, full, offers, paced, silence, slots, strain
from worlds import customers, desk, levels, persons, seconds

from sim.mechanisms import Predictor
from sim.outcome import Status


def tires(per_hour=1000, most=500, recovery=0, **more):
    """An agent who needs `per_hour` thousandths more for each hour with work in hand."""
    return full(desk(), strain=strain(per_hour=(per_hour,), most=(most,), recovery=(recovery,)), **more)


def test_all_factors_are_multiplied_before_one_rounding(run):
    """1250 * 1002 = 1,252,500, a thousandth of it 1252.5, up to 1253: 1 s of talk is 1253 ms, 2 ms of work 3 ms."""
    out = run(
        customers({"talk": 1, "after": 0.002}), paced(persons((0, [(0, 9)])), 1002), full(desk(permille=1250))
    ).contacts
    assert out.ended.tolist() == [1253]
    assert out.released.tolist() == [1256]  # (2 * 1253 + 500) // 1000 = 3


def test_no_factor_is_below_one_thousandth(run):
    """1 * 300 / 1000 = 0.3 down to 0, but at least 1: 10 s take 10 ms."""
    out = run(customers({"talk": 10}), paced(levels(1), 300), full(desk(permille=1))).contacts
    assert out.ended.tolist() == [10]


def test_work_tires(run):
    """1000 thousandths an hour: after 36 s of work 36,000 * 1000 // 3,600,000 = 10 thousandths longer.

    Contact 1, at 36 s: 100 s become 101 s, to 137 s. Contact 2: tired for 137 s, 38 thousandths: 10 s are 10.38 s.
    """
    out = run(customers({"talk": 36}, {"at": 1, "talk": 100}, {"at": 2, "talk": 10}), levels(1, 1), tires()).contacts
    assert seconds(out.ended) == [36, 137, 147.38]


def test_tiredness_has_a_most(run):
    """20 thousandths at most, reached after 72 s."""
    out = run(customers({"talk": 71}, {"talk": 100}, {"talk": 1}), levels(1, 1), tires(most=20)).contacts
    assert seconds(out.ended) == [71, 172.9, 173.92]  # 100 s at 71 // 3.6 = 19 thousandths; then 172.9 s: 20


def test_rest_makes_fresh_again_and_not_more_than_fresh(run):
    """Recovery 2: 36 s of work, then 8 s of rest leave 20 s: 5 thousandths (5.56). Then long enough: fresh."""
    out = run(
        customers({"talk": 36}, {"at": 44, "talk": 100}, {"at": 400, "talk": 10}),
        levels(5, interval=100),
        tires(recovery=2),
    ).contacts  # five agents: each is fresh
    assert seconds(out.ended) == [36, 144, 410]
    out = run(
        customers({"talk": 36}, {"at": 44, "talk": 100}, {"at": 400, "talk": 10}),
        persons((0, [(0, 900)])),
        tires(recovery=2),
    ).contacts
    assert seconds(out.ended) == [36, 144.5, 410]


def test_one_rests_while_away_as_well(run):
    """36 s of work, away from 36 to 46 s, back with a contact at 46 s: 16 s left of 36: 4 thousandths."""
    out = run(
        customers({"talk": 36}, {"at": 40, "talk": 100}), persons((0, [(0, 36), (46, 90)])), tires(recovery=2)
    ).contacts
    assert seconds(out.ended) == [36, 146.4]


def test_the_factor_is_that_of_the_start_for_after_contact_work_too(run):
    """72 s of work before: 20 thousandths for talk and after-contact work, though the talk tires further."""
    out = run(customers({"talk": 72}, {"talk": 100, "after": 50}), levels(1, 1, 1), tires()).contacts
    assert (seconds(out.ended)[1], seconds(out.released)[1]) == (174, 225)


def test_two_chats_tire_no_more_than_one(run):
    """Time with work in hand: two chats at half speed, 36 s each, take 72 s: 20 thousandths."""
    rules = full(desk(), strain=strain(per_hour=(1000,), most=(500,)), slots=slots((2,), ((1,),), ((1000, 500),)))
    out = run(customers({"talk": 36}, {"talk": 36}, {"at": 80, "talk": 100}), levels(1, 1), rules).contacts
    assert seconds(out.ended) == [72, 72, 182]


def test_a_chat_that_comes_while_another_goes_on_sees_the_time_so_far(run):
    """36 s into the first chat: 10 thousandths. Full speed with two: 101 s."""
    rules = full(desk(), strain=strain(per_hour=(1000,), most=(500,)), slots=slots())
    out = run(customers({"talk": 90}, {"at": 36, "talk": 100}), levels(1, 1), rules).contacts
    assert seconds(out.ended) == [90, 137]


def test_fatigue_and_other_factors_in_one_product(run):
    """1250 * 1002 * 1010 = 1,265,025,000: 1265. One after the other it would be 1253 and then 1266."""
    out = run(
        customers({"talk": 28.8}, {"at": 50, "talk": 1}),
        paced(persons((0, [(0, 99)])), 1002),
        full(desk(permille=1250), strain=strain(per_hour=(1000,), most=(500,))),
    ).contacts
    assert seconds(out.ended)[0] == pytest.approx(36.086)  # 28.8 s at 1253: 36.0864 s; tired 36,086 ms: 10 thousandths
    assert out.ended[1] == 51_265


def test_handed_back_mail_goes_on_at_the_factor_of_the_day(run):
    """Agent 0 tires 72 s with a live contact: mail of 100 s takes 102 s. Handed back after 51 s: 50 s of anybody's."""
    rules = full(
        desk(((0,), (0,))),
        strain=strain(2, per_hour=(1000,), most=(500,)),
        deferral=deferral(2, (1,), (1,)),
    )
    out = run(
        customers({"talk": 72}, {"type": 1, "talk": 100}, types=2), persons((0, [(0, 123)]), (0, [(130, 900)])), rules
    ).contacts
    assert (seconds(out.ended)[1], out.work[1]) == (180, 101_000)


def test_a_suspended_job_keeps_its_factor(run):
    """Mail begun fresh: 100 s. The live contact in between tires, which costs the mail nothing."""
    rules = full(desk(((0,), (0,))), strain=strain(2, per_hour=(1000,), most=(500,)), deferral=deferral(2, (1,), (1,)))
    out = run(customers({"type": 1, "talk": 100}, {"at": 36, "talk": 100}, types=2), levels(1, 1, 1), rules).contacts
    assert seconds(out.ended) == [201, 137]  # 36 s of mail tire too: 10 thousandths


# -------------------------------------------------------------------------------------------------------- switching


def switches(*channel_of, **more):
    types = len(channel_of)
    return full(desk(((0,),) * types), strain=strain(types, switch=(3,), channel_of=channel_of), **more)


def test_another_channel_than_the_last_costs_time(run):
    """Types 0 and 1 are one channel, 2 another. No last one: no switch."""
    out = run(
        customers(
            {"talk": 5}, {"type": 1, "talk": 5}, {"type": 2, "talk": 5, "after": 1}, {"at": 1, "type": 2, "talk": 5},
            {"at": 2, "talk": 5}, types=3,
        ),
        levels(1),
        switches(0, 0, 1),
    ).contacts  # fmt: skip
    # 0-5, 5-10, 10-18 and work to 19, 19-24, 24-32
    assert seconds(out.ended) == [5, 10, 18, 24, 32]
    assert out.work.tolist() == [5000, 5000, 9000, 5000, 8000]


def test_switching_takes_as_long_for_the_fast_and_the_slow(run):
    rules = full(desk(((0,), (0,)), permille=2000), strain=strain(2, switch=(3,), channel_of=(0, 1)))
    out = run(customers({"talk": 5}, {"type": 1, "talk": 5}, types=2), levels(1), rules).contacts
    assert seconds(out.ended) == [10, 23]


def test_the_last_one_is_the_last_taken_also_when_several_are_in_hand(run):
    """Chats of type 0 and 1, full speed with two: the last taken before contact 2 (type 0) was contact 1 (type 1)."""
    rules = full(
        desk(((0,), (0,))),
        strain=strain(2, switch=(3,), channel_of=(0, 1)),
        slots=slots((4,), ((1,), (1,)), ((1000, 1000, 1000, 1000),)),
    )
    out = run(
        customers({"talk": 50}, {"at": 1, "type": 1, "talk": 50}, {"at": 2, "talk": 5}, {"at": 3, "talk": 5}, types=2),
        levels(1),
        rules,
    ).contacts
    assert seconds(out.ended) == [50, 54, 10, 8]


def test_it_is_remembered_over_a_break(run):
    out = run(
        customers({"talk": 5}, {"at": 50, "type": 1, "talk": 5}, types=2),
        persons((0, [(0, 20), (40, 90)])),
        switches(0, 1),
    ).contacts
    assert seconds(out.ended) == [5, 58]


def test_a_silent_contact_costs_no_switch_and_leaves_its_channel(run):
    """Contact 1 (channel 1) is found silent after 2 s; contact 2 (channel 0) then costs a switch."""
    rules = switches(0, 1, silence=silence(2, k1=2))
    out = run(
        customers({"talk": 10}, {"at": 1, "type": 1, "patience": 3}, {"at": 2, "talk": 5}, types=2), levels(1), rules
    ).contacts
    assert seconds(out.released) == [10, 12, 20]


def test_a_call_back_costs_no_switch(run):
    """Rung 10 … 12 s and 5 s of talk on another channel: no switch; the next one on its channel none either."""
    told = {"predictor": Predictor.QUEUE_LENGTH, "offer_at": 0, "promise": 90, "ring": 2}
    rules = switches(0, 1, offers=offers(2, k1=told))
    out = run(
        customers({"talk": 10}, {"at": 1, "type": 1, "talk": 5}, {"at": 50, "type": 1, "talk": 5}, types=2),
        levels(1),
        rules,
    ).contacts
    assert out.status.tolist() == [Status.ANSWERED, Status.CALLED_BACK, Status.ANSWERED]
    assert seconds(out.ended) == [10, 17, 55]


def test_mail_costs_a_switch_at_its_first_start_and_not_when_taken_up_again(run):
    """Mail (channel 1): 3 s of switch and 20 s, from 10 s on. The live contact at 15 s switches back: 3 + 5 s.

    Mail goes on at 23 s with 18 s left, without a switch; the channel of the last one taken is that of contact 2.
    """
    rules = switches(0, 1, deferral=deferral(2, (1,), (1,)))
    out = run(
        customers({"talk": 10}, {"type": 1, "talk": 20}, {"at": 15, "talk": 5}, {"at": 50, "talk": 5}, types=2),
        levels(1),
        rules,
    ).contacts
    assert seconds(out.ended) == [10, 41, 23, 55]
    assert out.work.tolist() == [10_000, 23_000, 8000, 5000]


def test_handed_back_mail_costs_no_second_switch_but_leaves_its_channel(run):
    """Agent 0 has 4 of 10 s done at 4 s; agent 1, last on channel 0, takes the other 6 s, to 10 s; then channel 0."""
    rules = switches(0, 1, deferral=deferral(2, (1,), (1,)))
    out = run(
        customers({"type": 1, "talk": 10}, {"talk": 3}, {"at": 20, "talk": 4}, types=2),
        persons((0, [(0, 4)]), (0, [(0, 60)])),
        rules,
    ).contacts
    assert out.agent.tolist() == [1, 1, 1]
    assert seconds(out.ended) == [10, 3, 27]
