"""Several contacts at once: work in thousandths of a millisecond, brought up to date at each change of the number."""

import pytest
from full_worlds import full, paced, slots
from worlds import customers, desk, levels, persons, seconds, spells

from sim.outcome import Status

HALF = ((1000, 500),)


def chats(rate=HALF, capacity=2, **more):
    """One group, one type that takes a single slot."""
    return full(desk(), slots=slots((capacity,), ((1,),), rate), **more)


def voice_and_chat(holds=()):
    """Type 0 takes both slots, type 1 one of them; who waits longest goes first."""
    return full(desk(((0,), (0,))), slots=slots((2,), ((2,), (1,)), HALF, holds))


def test_a_second_chat_slows_the_first(run):
    """Rate 600 of 1000 with two. At 4 s chat 0 has 6,000,000 units left; chat 1 of 3,000,000 takes 5 s, to 9 s.

    By then chat 0 has done 3,000,000 more; the last 3,000,000 alone take 3 s, to 12 s.
    """
    out = run(customers({"talk": 10}, {"at": 4, "talk": 3}), levels(1), chats(((1000, 600),))).contacts
    assert seconds(out.answered) == [0, 4]
    assert seconds(out.ended) == seconds(out.released) == [12, 9]
    assert out.work.tolist() == [10_000, 3_000]


@pytest.mark.parametrize(
    ("rate", "talks", "ends"),
    [
        (700, (0.010, 0.010), (15, 15)),  # 10,000 / 700 = 14.3 up to 15 each
        (700, (0.010, 0.003), (12, 5)),  # 3,000 / 700 up to 5; then 10,000 - 5 * 700 = 6,500 alone: 6.5 up to 7
        (999, (0.001, 0.001), (2, 2)),  # a thousandth short of a millisecond is a millisecond more
        (500, (0, 0.002), (0, 2)),  # nothing to do is done at once
    ],
)
def test_ends_are_rounded_up_to_the_millisecond(run, rate, talks, ends):
    out = run(customers(*({"talk": talk} for talk in talks)), levels(1), chats(((1000, rate),))).contacts
    assert out.ended.tolist() == list(ends)


def test_what_was_rounded_up_is_no_work_for_the_next(run):
    """Chat 0: 10,000 units at 300 of 1000 with three. Each change of the number brings all up to date, floored at 0.

    0 ms: three chats of 10, 2 and 10 ms. Chat 1 ends at ceil(2,000 / 300) = 7 ms, when 7 * 300 = 2,100 are done of
    each: 7,900 left. With two at 450: ceil(7,900 / 450) = 18 (17.6), so both end at 25 ms.
    """
    out = run(customers({"talk": 0.010}, {"talk": 0.002}, {"talk": 0.010}), levels(1), chats(((1000, 450, 300),), 3))
    assert out.contacts.ended.tolist() == [25, 7, 25]


def test_three_change_the_pace_twice(run):
    """Rates 1000, 500, 250: 12 s alone to 2 s, with two to 6 s (8 s left), with three from 6 s on.

    At 6 s: chat 0 has 8, chat 1 of 4 s has 2, chat 2 has 1 s of work: it needs 4 s, to 10 s (left 7 and 1).
    Chat 1 needs 2 s more, to 12 s (left 6); chat 0 is alone from then on: 18 s.
    """
    out = run(
        customers({"talk": 12}, {"at": 2, "talk": 4}, {"at": 6, "talk": 1}),
        levels(1),
        chats(((1000, 500, 250),), capacity=3),
    ).contacts
    assert seconds(out.ended) == [18, 12, 10]


def test_after_contact_work_keeps_its_slot_and_shares_the_speed(run):
    """Chat 0 talks to 4 s; its 4 s of after-contact work share with chat 1 (6 s) from 4 s on: 8 s, to 12 s.

    Chat 1 has 2 s left then. A third has to wait for a slot until 12 s.
    """
    out = run(
        customers({"talk": 4, "after": 4}, {"at": 4, "talk": 6}, {"at": 5, "talk": 1, "patience": 99}),
        levels(1),
        chats(),
    ).contacts
    assert (seconds(out.ended)[0], seconds(out.released)[0]) == (4, 12)
    assert seconds(out.answered)[2] == 12
    # from 12 s with two: chat 2's 1 s to 14 s; chat 1 has 2 - 1 = 1 s left then, to 15 s
    assert (seconds(out.ended)[2], seconds(out.ended)[1]) == (14, 15)
    assert out.work.tolist() == [8000, 6000, 1000]


def test_voice_takes_all_slots(run):
    """A chat in hand keeps voice waiting, voice in hand keeps chats waiting."""
    out = run(
        customers({"at": 0, "type": 1, "talk": 10}, {"at": 1, "talk": 5}, {"at": 12, "type": 1, "talk": 1}, types=2),
        levels(1),
        voice_and_chat(),
    ).contacts
    assert seconds(out.answered) == [0, 10, 15]


def test_chats_go_in_while_voice_waits_unless_the_group_holds(run):
    """Chat 0 to 10 s; voice asks at 1 s, a chat at 2 s.

    Free for all: the chat goes in at 2 s; both share: chat 0 has 8 s left, chat 2 of 3 s ends at 8 s, chat 0 at 13 s.
    Held: the chat waits behind voice, which starts at 10 s.
    """
    demand = customers({"type": 1, "talk": 10}, {"at": 1, "talk": 5}, {"at": 2, "type": 1, "talk": 3}, types=2)
    free = run(demand, levels(1), voice_and_chat()).contacts
    assert seconds(free.answered) == [0, 13, 2]
    assert seconds(free.ended) == [13, 18, 8]
    held = run(demand, levels(1), voice_and_chat(holds=(0,))).contacts
    assert seconds(held.answered) == [0, 10, 15]


def test_when_the_voice_contact_gives_up_a_held_chat_goes_in_at_once(run):
    """No agent is freed at 6 s: the first waiting contact of each type looks after each event."""
    out = run(
        customers({"type": 1, "talk": 10}, {"at": 1, "patience": 5}, {"at": 2, "type": 1, "talk": 3}, types=2),
        levels(1),
        voice_and_chat(holds=(0,)),
    ).contacts
    assert out.status.tolist() == [Status.ANSWERED, Status.ABANDONED, Status.ANSWERED]
    assert seconds(out.answered) == [0, None, 6]
    assert seconds(out.ended) == [13, 6, 12]  # from 6 s: 4 and 3 s at half speed


def test_the_group_that_does_not_hold_takes_the_chat_although_voice_waits(run):
    """Two groups, each with a chat and a slot; only group 0 holds: the chat goes to group 1 although 0 is first.

    Chats 0 and 1 fill agent 0, who is rid of chat 1 (1 s at half speed) at 2 s; chat 0 has 9 s left and ends at 11 s.
    """
    rules = full(desk(((0, 1), (0, 1))), slots=slots((2, 2), ((2, 2), (1, 1)), ((1000, 500), (1000, 500)), holds=(0,)))
    out = run(
        customers(
            {"type": 1, "talk": 10}, {"type": 1, "talk": 1}, {"type": 1, "talk": 30}, {"at": 1, "talk": 5},
            {"at": 3, "type": 1, "talk": 3}, types=2,
        ),
        levels((1, 1)),
        rules,
    ).contacts  # fmt: skip
    assert out.agent.tolist() == [0, 0, 1, 0, 1]
    assert seconds(out.answered) == [0, 0, 0, 11, 3]


def test_two_chats_that_end_in_one_millisecond_free_their_slots_one_after_the_other(run):
    """Both end at 20 s. When the first is over one slot is free: too little for voice, enough for the chat."""
    demand = customers(
        {"type": 1, "talk": 10}, {"type": 1, "talk": 10}, {"at": 1, "talk": 4}, {"at": 2, "type": 1, "talk": 4}, types=2
    )
    out = run(demand, levels(1), voice_and_chat()).contacts
    assert seconds(out.ended)[:2] == [20, 20]
    assert seconds(out.answered)[2:] == [24, 20]
    held = run(demand, levels(1), voice_and_chat(holds=(0,))).contacts  # then voice goes in when both are over
    assert seconds(held.answered)[2:] == [20, 24]


def test_ends_of_one_millisecond_come_by_agent_and_then_by_contact(run):
    """Agent 0 has contacts 0 and 2, agent 1 contacts 1 and 3; all end at 10 s, four more wait.

    The order of the ends is (0, 0), (0, 2), (1, 1), (1, 3), so agent 0 takes the first two who wait.
    """
    chat = {"talk": 5}
    out = run(
        customers(chat, chat, chat, chat, *({"at": 1, "talk": 5} for _ in range(4))),
        levels(2),
        chats(),
    ).contacts
    assert seconds(out.ended)[:4] == [10] * 4
    assert out.agent.tolist() == [0, 1, 0, 1, 0, 0, 1, 1]


def test_a_contact_goes_to_whom_it_finds_with_fewest_slots_used_then_longest_since_taking(run):
    """Three agents. At 4 s agents 0 and 1 have a chat each (since 0 s and 1 s), agent 2 ended its own at 3 s."""
    out = run(
        customers(
            {"talk": 50}, {"at": 1, "talk": 50}, {"at": 2, "talk": 1}, {"at": 4, "talk": 50}, {"at": 5, "talk": 50},
            {"at": 6, "talk": 50}, {"at": 7, "talk": 50}, {"at": 8, "talk": 50},
        ),
        levels(3),
        chats(),
    ).contacts  # fmt: skip
    # 4 s: agent 2 is idle; 5 s: since 0, 1, 4 -> agent 0; 6 s: agent 1; 7 s: agent 2; 8 s: nobody
    assert out.agent.tolist()[:7] == [0, 1, 2, 2, 0, 1, 2]
    assert seconds(out.answered)[:7] == [0, 1, 2, 4, 5, 6, 7]
    assert seconds(out.answered)[7] > 8


def test_equally_used_over_two_groups_of_one_rank_longest_since_taking(run):
    """Agents 0 and 1 of groups 0 and 1. At 6 s both use two slots: agent 0 took last at 5 s, agent 1 at 3 s."""
    rules = full(desk(((0, 0),)), slots=slots((3, 3), ((1, 1),), ((1000, 1000, 1000),) * 2))
    long = {"talk": 50}
    out = run(
        customers({"talk": 4}, *({"at": at, **long} for at in (1, 2, 3, 5, 6))),
        levels((1, 1)),
        rules,
    ).contacts
    assert out.agent.tolist() == [0, 1, 0, 1, 0, 1]


def test_slots_count_not_contacts(run):
    """Capacity 3; type 0 takes two slots, type 1 one. Who uses one slot goes before who uses two."""
    rules = full(desk(((0,), (0,))), slots=slots((3,), ((2,), (1,)), ((1000, 1000, 1000),)))
    out = run(
        customers(
            {"talk": 50}, {"at": 1, "type": 1, "talk": 50}, {"at": 2, "type": 1, "talk": 50}, {"at": 3, "talk": 50},
            {"at": 4, "type": 1, "talk": 50}, types=2,
        ),
        levels(2),
        rules,
    ).contacts  # fmt: skip
    # 0: agent 0 (2 used); 1: agent 1 (1); 2: agent 1 (2 used); 3: needs 2: neither has two left; 4: agent 0 (since 0)
    assert out.agent.tolist()[:3] == [0, 1, 1]
    assert seconds(out.answered)[3:] == [50, 4]


def test_a_freed_slot_takes_the_longest_waiting_that_fits(run):
    """An agent with one slot free passes over voice, which waits longer and has the better rank."""
    rules = full(desk(((0,), (1,))), slots=slots((2,), ((2,), (1,)), ((1000, 1000),)))
    out = run(
        customers(
            {"type": 1, "talk": 10}, {"type": 1, "talk": 30}, {"at": 1, "talk": 4}, {"at": 5, "type": 1, "talk": 2},
            types=2,
        ),
        levels(1),
        rules,
    ).contacts  # fmt: skip
    assert seconds(out.answered) == [0, 0, 30, 10]


def test_an_agent_who_comes_fills_all_slots(run):
    out = run(customers(*({"at": i, "talk": 4} for i in range(3))), persons((0, [(5, 50)])), chats()).contacts
    assert seconds(out.answered) == [5, 5, 13]
    assert seconds(out.ended) == [13, 13, 17]


def test_one_who_leaves_takes_nothing_more_and_goes_with_the_last(run):
    """The spell ends at 5 s with two chats in hand; the third one waits for the other agent."""
    out = run(
        customers({"talk": 6}, {"talk": 4}, {"at": 1, "talk": 1}),
        persons((0, [(0, 5)]), (0, [(30, 40)])),
        chats(),
    )
    # with two: chat 1 of 4 s ends at 8 s, chat 0 has 2 s left and ends at 10 s
    assert seconds(out.contacts.ended) == [10, 8, 31]
    assert spells(out) == [(0, 0, 5, 10), (1, 30, 40, 40)]


def test_one_who_is_back_with_a_chat_in_hand_looks_with_the_free_slots(run):
    """Leaving since 10 s with a chat to 20 s; the break ends at 12 s: a chat that waits since 11 s goes in.

    From 12 s with two: 8 s and 3 s of work; chat 1 ends at 18 s, chat 0 has 5 s left, to 23 s.
    """
    out = run(customers({"talk": 20}, {"at": 11, "talk": 3}), persons((0, [(0, 10), (12, 60)])), chats())
    assert seconds(out.contacts.answered) == [0, 12]
    assert seconds(out.contacts.ended) == [23, 18]
    assert spells(out) == [(0, 0, 10, 12), (0, 12, 60, 60)]


def test_excess_goes_only_with_empty_hands_and_takes_chats_until_then(run):
    """The level falls to 0 at 100 s with two chats in hand, which end at 106 s and 110 s.

    Nobody is marked: with one chat over the agent takes the one that waits, and goes when nothing is in hand.
    """
    out = run(
        customers({"at": 90, "talk": 15}, {"at": 98, "talk": 4}, {"at": 101, "talk": 1}),
        levels(1, 0, 0),
        chats(),
    )
    # 98 s: chat 0 has 7 s left; chat 1 of 4 s to 106 s; chat 0 has 3 s, chat 2 comes in: 1 s to 108 s;
    # chat 0 has 2 s left: 110 s
    assert seconds(out.contacts.answered) == [90, 98, 106]
    assert seconds(out.contacts.ended) == [110, 106, 108]
    assert spells(out) == [(0, 0, 110, 110)]


def test_an_agent_with_a_chat_is_not_idle_when_the_level_falls(run):
    """Agents 0 (a chat) and 1 (none): the idle one goes although the other has been there as long."""
    out = run(customers({"at": 90, "talk": 30}), levels(2, 1), chats())
    assert spells(out) == [(0, 0, 200, 200), (1, 0, 100, 100)]


def test_speed_is_taken_into_the_work_before_it_is_shared(run):
    """Factor 1500 * 800 / 1000 = 1200: talks of 5 and 1 s are 6 and 1.2 s of work.

    Both from 0 s at half speed: chat 1 ends at 2.4 s; chat 0 has 4.8 s left, to 7.2 s.
    """
    rules = full(desk(permille=1500), slots=slots((2,), ((1,),), HALF))
    out = run(customers({"talk": 5}, {"talk": 1}), paced(persons((0, [(0, 90)])), 800), rules).contacts
    assert seconds(out.ended) == [7.2, 2.4]
    assert out.work.tolist() == [6000, 1200]


def test_each_group_has_its_own_slots_and_pace(run):
    """Group 0: one contact at a time; group 1: two, at 800 each."""
    rules = full(desk(((0, 1),)), slots=slots((1, 2), ((1, 1),), ((1000,), (1000, 800))))
    out = run(customers({"talk": 8}, {"talk": 8}, {"talk": 8}, {"talk": 1}), levels((1, 1)), rules).contacts
    assert out.agent.tolist() == [0, 1, 1, 0]
    assert seconds(out.ended) == [8, 10, 10, 9]
