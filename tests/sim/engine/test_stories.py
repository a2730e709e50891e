"""The rules of the desk as short stories, told to both engines."""

import pytest
from worlds import ENGINES, customers, desk, levels, persons, seconds, spells

from sim.demand import BotFate
from sim.outcome import Status

A, B, U, C = Status.ANSWERED, Status.ABANDONED, Status.UNSERVED, Status.CLOSED


@pytest.fixture(params=sorted(ENGINES))
def run(request):
    return ENGINES[request.param]


def test_one_agent_serves_in_turn_and_the_impatient_leave(run):
    out = run(
        customers({"at": 7, "talk": 11}, {"at": 14, "patience": 3}, {"at": 21, "talk": 11}, {"at": 28, "patience": 3}),
        levels(1),
        desk(),
    ).contacts
    assert out.status.tolist() == [A, B, A, B]
    assert seconds(out.answered) == [7, None, 21, None]
    assert seconds(out.ended) == [18, 17, 32, 31]


def test_patience_that_ends_when_an_agent_frees_is_too_late_to_leave(run):
    out = run(customers({"talk": 10}, {"at": 4, "patience": 6, "talk": 1}), levels(1), desk()).contacts
    assert seconds(out.answered) == [0, 10]


def test_after_contact_work_keeps_the_agent_but_not_the_customer(run):
    out = run(customers({"talk": 10, "after": 5}, {"at": 1, "talk": 1}), levels(1), desk()).contacts
    assert (seconds(out.ended)[0], seconds(out.released)[0], seconds(out.answered)[1]) == (10, 15, 15)
    assert out.work.tolist() == [15_000, 1_000]


def test_speed_scales_talk_and_work_and_rounds_half_up(run):
    out = run(customers({"talk": 0.001, "after": 0.003}), levels(1), desk(permille=500)).contacts
    assert (out.ended.tolist(), out.released.tolist()) == ([1], [3])


def test_the_bot_keeps_some_and_hands_off_others_after_a_delay(run):
    out = run(
        customers(
            {"bot": 5, "fate": BotFate.RESOLVED},
            {"bot": 5, "fate": BotFate.CONTAINED},
            {"bot": 5, "fate": BotFate.GIVES_UP},
            {"bot": 5, "hand_off": 2, "talk": 1},
        ),
        levels(1),
        desk(),
    ).contacts
    assert out.status.tolist() == [Status.RESOLVED_IN_BOT, Status.CONTAINED_UNRESOLVED, Status.GAVE_UP_IN_BOT, A]
    assert seconds(out.queued) == [None, None, None, 7]
    assert seconds(out.ended) == [5, 5, 5, 8]


def test_who_would_not_wait_at_all_is_served_if_somebody_is_free(run):
    out = run(customers({"at_once": 1, "talk": 9}, {"at": 1, "at_once": 1}), levels(1), desk()).contacts
    assert out.status.tolist() == [A, B]
    assert seconds(out.ended)[1] == 1


def test_a_contact_tries_the_better_rank_then_the_longest_idle(run):
    demand = customers({"talk": 5}, {"at": 1, "talk": 1}, {"at": 10, "talk": 1})
    ranked = run(demand, levels((1, 1)), desk(group_rank=((0, 1),))).contacts
    assert ranked.agent.tolist() == [0, 1, 0]
    equal = run(demand, levels((1, 1)), desk(group_rank=((0, 0),))).contacts
    assert equal.agent.tolist() == [0, 1, 1]  # idle since 2, the other since 5


def test_an_agent_takes_the_better_type_then_the_longest_waiting(run):
    demand = customers({"talk": 9}, {"at": 1, "type": 1, "talk": 1}, {"at": 2, "talk": 1}, types=2)
    fcfs = run(demand, levels(1), desk(group_rank=((0,), (0,)))).contacts
    assert seconds(fcfs.answered) == [0, 9, 10]
    priority = run(demand, levels(1), desk(group_rank=((0,), (0,)), type_rank=((0,), (1,)))).contacts
    assert seconds(priority.answered) == [0, 10, 9]


def test_overflow_after_a_delay_by_the_timer_and_by_a_later_look(run):
    rules = desk(group_rank=((0, 1), (None, 0)), delay=((0, 20), (0, 0)))
    waits = customers({"talk": 90}, {"at": 10, "talk": 5}, types=2)
    assert seconds(run(waits, levels((1, 1)), rules).contacts.answered) == [0, 30]
    busy = customers({"talk": 90}, {"at": 1, "type": 1, "talk": 40}, {"at": 10, "talk": 5}, types=2)
    assert seconds(run(busy, levels((1, 1)), rules).contacts.answered) == [0, 1, 41]


def test_a_falling_level_sends_the_idle_home_and_lets_the_busy_finish(run):
    out = run(customers({"at": 90, "talk": 30}, {"at": 110, "talk": 1}), levels(2, 1, 1), desk())
    assert seconds(out.contacts.answered) == [90, 120]
    assert spells(out) == [(0, 0, 300, 300), (1, 0, 100, 100)]


def test_excess_goes_before_looking(run):
    out = run(
        customers({"at": 90, "talk": 30}, {"at": 90, "talk": 40}, {"at": 100, "talk": 1}), levels(2, 1, 1), desk()
    )
    assert seconds(out.contacts.answered) == [90, 90, 130]  # agent 0 went at 120 though a contact waited
    assert spells(out) == [(0, 0, 120, 120), (1, 0, 300, 300)]


def test_a_rising_level_takes_back_the_excess_first(run):
    out = run(
        customers({"at": 90, "talk": 200}, {"at": 90, "talk": 200}, {"at": 150, "talk": 1}), levels(2, 1, 3), desk()
    )
    assert spells(out) == [(0, 0, 300, 300), (1, 0, 300, 300), (2, 200, 300, 300)]
    assert seconds(out.contacts.answered)[2] == 200


def test_after_the_horizon_the_last_level_stays_until_nobody_waits(run):
    out = run(customers({"at": 95, "talk": 20}, {"at": 99, "talk": 20}), levels(1), desk())
    assert seconds(out.contacts.answered) == [95, 115]
    assert spells(out) == [(0, 0, 135, 135)]


def test_who_waits_when_nothing_more_happens_is_unserved(run):
    out = run(customers({"at": 5, "talk": 20}), levels(0), desk())
    assert (out.contacts.status.tolist(), seconds(out.contacts.ended)) == ([U], [100])


def test_a_person_finishes_the_contact_and_takes_no_more(run):
    out = run(customers({"at": 5, "talk": 20}, {"at": 6, "talk": 1}), persons((0, [(0, 10)]), (0, [(30, 40)])), desk())
    assert seconds(out.contacts.answered) == [5, 30]
    assert spells(out) == [(0, 0, 10, 25), (1, 30, 40, 40)]


def test_a_break_keeps_its_end(run):
    out = run(customers({"at": 5, "talk": 20}, {"at": 6, "talk": 1}), persons((0, [(0, 10), (28, 60)])), desk())
    assert spells(out) == [(0, 0, 10, 25), (0, 28, 60, 60)]
    assert seconds(out.contacts.answered)[1] == 28


def test_one_still_busy_at_the_end_of_the_break_just_stays(run):
    out = run(customers({"at": 5, "talk": 20}, {"at": 6, "talk": 1}), persons((0, [(0, 10), (20, 60)])), desk())
    assert spells(out) == [(0, 0, 10, 20), (0, 20, 60, 60)]
    assert seconds(out.contacts.answered)[1] == 25


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ([(0, 10), (20, 60)], [(0, 0, 10, 25), (0, 35, 60, 60)]),
        ([(0, 10), (20, 35), (50, 60)], [(0, 0, 10, 25), (0, 50, 60, 60)]),  # back at 35: that spell is lost
        ([(0, 10), (20, 30), (32, 60)], [(0, 0, 10, 25), (0, 35, 60, 60)]),  # lost, and the next begins late
    ],
)
def test_a_break_keeps_its_length(run, hours, expected):
    out = run(customers({"at": 5, "talk": 20}), persons((0, hours), keeps_length=True), desk())
    assert spells(out) == expected


def test_a_closed_type_turns_contacts_away_at_arrival_and_when_they_ask(run):
    out = run(
        customers({"at": 1}, {"at": 15, "bot": 10}, {"at": 18, "talk": 9}, {"at": 20}),
        levels(1),
        desk(opening={0: [(10, 20)]}),
    ).contacts
    assert out.status.tolist() == [C, C, A, C]
    assert seconds(out.queued) == [1, 25, 18, 20]


def test_at_closing_those_who_wait_are_served_or_cut_off(run):
    demand = customers({"at": 10, "talk": 15}, {"at": 11, "talk": 1})
    served = run(demand, levels(1), desk(opening={0: [(10, 20)]})).contacts
    assert seconds(served.answered) == [10, 25]
    cut = run(demand, levels(1), desk(opening={0: [(10, 20)]}, disconnects=[0])).contacts
    assert (cut.status.tolist(), seconds(cut.ended)) == ([A, U], [25, 20])


def test_a_closed_type_without_agents_to_come_is_cut_off_when_the_last_one_goes(run):
    out = run(
        customers({"at": 10, "talk": 50}, {"at": 11, "talk": 1}), persons((0, [(0, 30)])), desk(opening={0: [(10, 20)]})
    ).contacts
    assert (out.status.tolist(), seconds(out.ended)) == ([A, U], [60, 30])


def test_an_agent_who_leaves_at_an_instant_takes_nobody_who_comes_then(run):
    out = run(customers({"at": 10, "talk": 1}), persons((0, [(0, 10)]), (0, [(11, 20)])), desk()).contacts
    assert seconds(out.answered) == [11]


def test_no_customers_no_agents(run):
    assert len(run(customers(), persons(), desk()).spells.agent) == 0
    assert run(customers(), levels(1), desk()).last_ms == 100_000
