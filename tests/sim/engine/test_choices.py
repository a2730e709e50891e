"""Whom a contact chooses, whom an agent chooses, whom a reserve keeps waiting."""

import pytest
from full_worlds import Rule, deferral, follow_ups, followed, full, high, paced, slots
from worlds import customers, desk, levels, persons, seconds

from sim.keys import CHOOSES_AGENT
from sim.mechanisms import AgentChoice, ContactChoice
from sim.outcome import Status

A = Status.ANSWERED


def agents_by(choice, base=None, *, mechanisms=None, **routing):
    return full(desk() if base is None else base, routing={"agent_choice": choice, **routing}, **(mechanisms or {}))


def contacts_by(choice, base, **routing):
    return full(base, routing={"contact_choice": choice, **routing})


# ----------------------------------------------------------------------------------------------- a contact's choice


def test_by_score_the_group_with_the_higher_one(run):
    """5 + 1 * idle against 8 + 0 * idle: after 2 ms of idling the first is behind, at 3 ms even, at 4 ms ahead.

    Even scores: fewest slots, longest idle, index.
    """
    base = desk(((0, 0),))
    rules = agents_by(AgentChoice.SCORE, base, agent_a=((5, 8),), agent_b=((1, 0),))

    def first(at):
        return run(customers({"at": at / 1000, "talk": 1}), levels((1, 1)), rules).contacts.agent[0]

    assert [first(at) for at in (2, 3, 4)] == [1, 0, 0]


def test_score_ties_go_to_the_longest_idle(run):
    rules = agents_by(AgentChoice.SCORE, desk(((0, 0),)), agent_a=((7, 7),))
    out = run(customers({"talk": 5}, {"at": 1, "talk": 1}, {"at": 10, "talk": 1}), levels((1, 1)), rules).contacts
    assert out.agent.tolist() == [0, 1, 1]


def test_score_comes_after_rank(run):
    rules = agents_by(AgentChoice.SCORE, desk(((0, 1),)), agent_a=((1, 99),))
    assert run(customers({"talk": 5}, {"at": 1, "talk": 1}), levels((1, 1)), rules).contacts.agent.tolist() == [0, 1]


def test_the_score_counts_no_idle_time_with_work_in_hand(run):
    """Two slots. Agent 0 has a chat since 0 s, agent 1 is idle since 9 s; 1 * 1000 ms beat 0."""
    rules = agents_by(AgentChoice.SCORE, mechanisms={"slots": slots()}, agent_b=1)
    out = run(customers({"talk": 50}, {"talk": 9}, {"at": 10, "talk": 1}), levels(2), rules).contacts
    assert out.agent.tolist() == [0, 1, 1]
    rules = agents_by(AgentChoice.SCORE, mechanisms={"slots": slots()}, agent_b=-1)
    out = run(customers({"talk": 50}, {"talk": 9}, {"at": 10, "talk": 1}), levels(2), rules).contacts
    assert out.agent.tolist() == [0, 1, 0]


def test_least_busy_so_far(run):
    """Agent 0 worked 5 s, agent 1 7 s, agent 2 3 s twice with a pause: 6 s. Then 0 (5), 2 (6), 1 (7)."""
    rules = agents_by(AgentChoice.LEAST_BUSY)
    people = customers(
        {"talk": 5}, {"talk": 7}, {"talk": 3}, {"at": 4, "talk": 3}, {"at": 20, "talk": 9}, {"at": 21, "talk": 9},
        {"at": 22, "talk": 9},
    )  # fmt: skip
    out = run(people, levels(3), rules).contacts
    assert out.agent.tolist() == [0, 1, 2, 2, 0, 2, 1]


def test_least_busy_counts_the_work_in_hand_up_to_now(run):
    """Two slots each: agent 0 has a chat since 0 s (3 s so far), agent 1 had one of 2 s until 2 s, another since 2 s.

    At 3 s: 3 against 2 + 1 = 3 s: a tie, one slot each; since 0 s against since 2 s: agent 0. With the second chat
    from 2.5 s on it is 3 against 2.5 s: agent 1.
    """
    rules = agents_by(AgentChoice.LEAST_BUSY, mechanisms={"slots": slots()})

    def third(at):
        people = customers({"talk": 50}, {"talk": 2}, {"at": at, "talk": 50}, {"at": 3, "talk": 1})
        return run(people, levels(2), rules).contacts.agent.tolist()

    assert third(2) == [0, 1, 1, 0]
    assert third(2.5) == [0, 1, 1, 1]


def test_least_busy_counts_two_chats_once(run):
    """Agent 0: two chats 0 … 4 s; agent 1: one of 5 s. At 9 s agent 0 is the less busy."""
    rules = agents_by(
        AgentChoice.LEAST_BUSY, desk(((0, 1),)), mechanisms={"slots": slots((2, 1), ((1, 1),), ((1000, 1000), (1000,)))}
    )
    out = run(customers({"talk": 4}, {"talk": 4}, {"talk": 5}, {"at": 9, "talk": 1}), levels((1, 1)), rules).contacts
    assert out.agent.tolist() == [0, 0, 1, 0]
    equal = agents_by(
        AgentChoice.LEAST_BUSY, desk(((0, 0),)), mechanisms={"slots": slots((2, 1), ((1, 1),), ((1000, 1000), (1000,)))}
    )
    out = run(customers({"talk": 4}, {"talk": 5}, {"talk": 4}, {"at": 9, "talk": 1}), levels((1, 1)), equal).contacts
    assert out.agent.tolist() == [0, 1, 0, 0]


def test_the_fastest_by_skill_and_person(run):
    """Group 0: 900 * 1200 // 1000 = 1080 and 900 * 1100 // 1000 = 990; group 1: 1000 * 1000 // 1000."""
    base = desk(((0, 0),), permille=((900, 1000),))
    rules = agents_by(AgentChoice.FASTEST, base)
    crew = paced(persons((0, [(0, 99)]), (0, [(0, 99)]), (1, [(0, 99)]), groups=2), 1200, 1100, 1000)
    out = run(customers({"talk": 50}, {"at": 1, "talk": 50}, {"at": 2, "talk": 50}), crew, rules).contacts
    assert out.agent.tolist() == [1, 2, 0]


def test_equally_fast_by_longest_idle_and_without_persons_by_skill(run):
    base = desk(((0, 0),), permille=((1000, 900),))
    rules = agents_by(AgentChoice.FASTEST, base)
    out = run(customers({"talk": 9}, {"at": 1, "talk": 5}, {"at": 20, "talk": 1}), levels((2, 1)), rules).contacts
    assert out.agent.tolist() == [2, 0, 2]


def test_uniform_by_key_among_all_who_are_free(run):
    """Three are free: place (high half * 3) >> 32 by index. Idle times and slots used say nothing."""
    people = [{"at": 10 * i, "talk": 1} for i in range(12)]
    demand = customers(*people)
    out = run(demand, levels(3, 3), agents_by(AgentChoice.UNIFORM)).contacts
    assert out.agent.tolist() == [high(demand.key[i], CHOOSES_AGENT) * 3 >> 32 for i in range(12)]
    assert len(set(out.agent.tolist())) == 3


def test_uniform_skips_who_is_busy_and_counts_all_groups_of_the_best_rank(run):
    """Groups 0 and 1 are of one rank, group 2 is behind. The first contact holds one of the three agents in front."""
    demand = customers({"talk": 90}, {"at": 1, "talk": 90}, {"at": 2, "talk": 90}, {"at": 3, "talk": 90})
    out = run(demand, levels((1, 2, 1)), agents_by(AgentChoice.UNIFORM, desk(((0, 0, 1),)))).contacts
    free = [0, 1, 2]
    chosen = [free.pop(high(demand.key[i], CHOOSES_AGENT) * len(free) >> 32) for i in range(3)]
    assert out.agent.tolist() == [*chosen, 3]


@pytest.mark.parametrize("choice", AgentChoice)
def test_the_only_free_agent_is_every_rules_choice(run, choice):
    rules = agents_by(choice, desk(((0, 0),)))
    out = run(customers({"talk": 50}, {"at": 1, "talk": 5}, {"at": 10, "talk": 5}), levels((1, 1)), rules).contacts
    assert out.agent[2] == out.agent[1] != out.agent[0]


# ------------------------------------------------------------------------------------------------ an agent's choice

TWO_TYPES = desk(((0,), (0,)))


def test_by_score_the_contact_with_the_higher_one(run):
    """Type 0: 1 a millisecond; type 1: 5,000 and nothing more. At 10 s: 4,000 or 6,000 against 5,000."""
    rules = contacts_by(ContactChoice.SCORE, TWO_TYPES, contact_a=((0,), (5000,)), contact_b=((1,), (0,)))

    def second(at):
        people = customers({"talk": 10}, {"at": 1, "type": 1, "talk": 1}, {"at": at, "talk": 1}, types=2)
        return run(people, levels(1), rules).contacts.answered.tolist()

    assert second(6)[1:] == [10_000, 11_000]  # waited 4 s: 4,000
    assert second(4)[1:] == [11_000, 10_000]
    assert second(5)[1:] == [10_000, 11_000]  # 5,000 each: longest wait


def test_the_longest_queue(run):
    """Type 0: one who waits since 1 s; type 1: two who came later. Then one each: the longest wait."""
    rules = contacts_by(ContactChoice.LONGEST_QUEUE, TWO_TYPES)
    out = run(
        customers(
            {"talk": 10},
            {"at": 1, "talk": 2},
            {"at": 2, "type": 1, "talk": 2},
            {"at": 3, "type": 1, "talk": 2},
            types=2,
        ),
        levels(1),
        rules,
    ).contacts
    assert seconds(out.answered) == [0, 12, 10, 14]


def test_the_queue_that_is_furthest_above_its_ratio(run):
    """Shares of 750 and 250 thousandths: with 3 and 1 waiting 0 and 0, so the longest wait; with 2 and 1 it is type 1.

    1000 * 2 - 750 * 3 = -250 against 1000 * 1 - 250 * 3 = 250.
    """
    rules = contacts_by(ContactChoice.QUEUE_RATIO, TWO_TYPES, ratio=(750, 250))
    people = [{"at": 1 + i, "talk": 2} for i in range(3)]
    out = run(customers({"talk": 10}, *people, {"at": 4, "type": 1, "talk": 2}, types=2), levels(1), rules).contacts
    assert seconds(out.answered) == [0, 10, 14, 16, 12]


def test_the_choice_is_among_equal_ranks_and_boosted_ones_go_before(run):
    """Rank first: type 0 although type 1 has the longer queue."""
    rules = contacts_by(ContactChoice.LONGEST_QUEUE, desk(((0,), (1,))))
    out = run(
        customers(
            {"talk": 10},
            {"at": 1, "type": 1, "talk": 1},
            {"at": 1, "type": 1, "talk": 1},
            {"at": 9, "talk": 1},
            types=2,
        ),
        levels(1),
        rules,
    ).contacts
    assert seconds(out.answered) == [0, 11, 12, 10]


def test_only_the_first_of_each_queue_is_looked_at(run):
    """The score is that of the first; the delay too: type 1 may be taken after 5 s, and its second one not before."""
    rules = contacts_by(ContactChoice.SCORE, desk(((0,), (0,)), delay=((0,), (5,))), contact_a=((0,), (9,)))
    out = run(
        customers(
            {"talk": 10},
            {"at": 4, "type": 1, "talk": 1},
            {"at": 6, "type": 1, "talk": 1},
            {"at": 7, "talk": 3},
            types=2,
        ),
        levels(1),
        rules,
    ).contacts
    # 10 s: contact 1 (6 s) scores 9; 11 s: contact 2 has waited 5 s: 9
    assert seconds(out.answered) == [0, 10, 11, 12]


# ---------------------------------------------------------------------------------------------------------- reserves


def test_a_reserve_keeps_one_agent_for_the_others(run):
    """Type 1 must leave one agent of two with nothing in hand; type 0 need not."""
    rules = full(TWO_TYPES, routing={"reserve": ((0,), (1,))})
    out = run(
        customers(
            {"type": 1, "talk": 9}, {"at": 1, "type": 1, "talk": 5}, {"at": 2, "talk": 3},
            {"at": 3, "type": 1, "talk": 1},
            types=2,
        ),
        levels(2),
        rules,
    ).contacts  # fmt: skip
    # contact 1 waits; contact 2 takes the reserve 2 … 5 s; at 5 s agent 1 must not take contact 1
    # at 9 s agent 0 is free, agent 1 stays in reserve: contact 1; at 14 s contact 3
    assert seconds(out.answered) == [0, 9, 2, 14]
    assert out.agent.tolist()[:3] == [0, 0, 1]


def test_an_agent_who_becomes_idle_lets_the_reserved_type_in_with_another(run):
    """Both busy; agent 1 is free at 5 s and finds nothing it may take (it would be the last); agent 0 at 6 s.

    Then agent 0 takes contact 2 and leaves agent 1 in reserve.
    """
    rules = full(TWO_TYPES, routing={"reserve": ((0,), (1,))})
    out = run(customers({"talk": 6}, {"talk": 5}, {"at": 1, "type": 1, "talk": 9}, types=2), levels(2), rules).contacts
    assert (seconds(out.answered)[2], out.agent[2]) == (6, 0)


def test_who_comes_and_leaves_another_in_reserve_takes_it(run):
    """Type 1 is served by group 0 only, with one in reserve: agent 0 is idle and must not.

    At 20 s agent 2 of group 1 comes in vain; at 30 s agent 1 of group 0 comes: it takes contact 0 itself.
    """
    rules = full(desk(((0, 0), (0, None))), routing={"reserve": ((0, 0), (1, 0))})
    out = run(
        customers({"at": 5, "type": 1, "talk": 9}, types=2),
        persons((0, [(0, 99)]), (0, [(30, 99)]), (1, [(20, 99)]), groups=2),
        rules,
    ).contacts
    assert (seconds(out.answered), out.agent.tolist()) == ([30], [1])


def test_a_freed_slot_serves_while_another_agent_is_in_reserve(run):
    """Two slots each and a reserve of one: agent 0 has two chats, agent 1 is idle; contact 2 waits.

    At 5 s agent 0 has one chat left and a free slot: it may take contact 2, for agent 1 stays idle.
    """
    rules = full(desk(), routing={"reserve": 1}, slots=slots())
    out = run(customers({"talk": 9}, {"at": 1, "talk": 4}, {"at": 2, "talk": 3}), levels(2), rules).contacts
    # 0 s: agent 0 (agent 1 idle); 1 s: agent 1 would be the last idle one: agent 0 has a slot; 2 s: nobody may
    assert out.agent.tolist() == [0, 0, 0]
    assert seconds(out.answered) == [0, 1, 5]


def test_mail_in_hand_or_suspended_is_no_reserve(run):
    """Agent 0 writes mail, agent 1 is idle: type 0, with a reserve of one, may not take agent 1.

    By interrupting agent 0 it leaves agent 1 idle: that is enough of a reserve. Likewise two of three.
    """
    rules = full(TWO_TYPES, routing={"reserve": ((1,), (0,))}, deferral=deferral(2, (1,), (1,)))
    out = run(customers({"type": 1, "talk": 8}, {"at": 2, "talk": 3}, types=2), levels(2), rules).contacts
    assert (out.agent.tolist(), seconds(out.answered), seconds(out.ended)) == ([0, 0], [0, 2], [11, 5])
    two = full(TWO_TYPES, routing={"reserve": ((2,), (0,))}, deferral=deferral(2, (1,), (1,)))
    out = run(customers({"type": 1, "talk": 8}, {"at": 2, "talk": 3}, types=2), levels(3), two).contacts
    assert (out.agent.tolist(), seconds(out.answered)) == ([0, 0], [0, 2])


def test_one_who_is_leaving_is_no_reserve(run):
    """Agent 1's spell ends at 5 s with work in hand; agent 0 would be the last."""
    rules = full(TWO_TYPES, routing={"reserve": ((0,), (1,))})
    out = run(
        customers({"talk": 2}, {"talk": 20}, {"at": 6, "type": 1, "talk": 1}, types=2),
        persons((0, [(0, 90)]), (0, [(0, 5)]), (0, [(40, 90)])),
        rules,
    ).contacts
    assert seconds(out.answered)[2] == 40


def test_three_reserves_share_three_agents_who_become_free_in_one_instant(run):
    """Reserves of 2, 1 and 0. At 10 s the agents become free in turn, and one of each type waits.

    Agent 0 finds nobody idle: only type 2 may be taken. Agent 1 finds nobody idle either, and no more of type 2.
    Agent 2 leaves agent 1 idle: type 1. Type 0 needs two idle besides: when two more are free, at 15 s.
    """
    rules = full(desk(((0,), (0,), (0,))), routing={"reserve": ((2,), (1,), (0,))})
    busy = {"type": 2, "talk": 10}
    out = run(
        customers(
            busy,
            busy,
            busy,
            {"at": 1, "talk": 5},
            {"at": 2, "type": 1, "talk": 5},
            {"at": 3, "type": 2, "talk": 5},
            types=3,
        ),
        levels(3),
        rules,
    ).contacts
    assert seconds(out.answered)[3:] == [15, 10, 10]
    assert out.agent.tolist()[3:] == [2, 2, 0]


# --------------------------------------------------------------------------------------------------- last agent first


def transfer_desk(last_agent=True, base=None, **rule):
    """Each answered contact of type 0 asks again 30 s after its end."""
    again = Rule(on=A, delay=30, **rule)
    return again, full(
        desk() if base is None else base, routing={"last_agent": last_agent}, follow_ups=follow_ups(again)
    )


def test_a_follow_up_goes_to_the_agent_who_had_its_parent(run):
    """Agent 0 is idle since 1 s, agent 1 since 2 s: by idleness the follow-up of contact 1, at 32 s, is agent 0's.

    That of contact 0 comes at 31 s and talks for 0 s, so that agent 0 is idle since 31 s: then it is agent 1's.
    """
    again, rules = transfer_desk()
    demand = followed(customers({"talk": 1}, {"talk": 2}, {"at": 1, "talk": 2}), again)
    out = run(demand, levels(2), rules).contacts
    # contact 2 is agent 0's (1 … 3 s); its follow-up comes at 33 s
    assert out.agent.tolist() == [0, 1, 0, 0, 1, 0]
    _, plain = transfer_desk(last_agent=False)
    # idle since 3 and 2 s: agent 1 at 31 s, agent 0 at 32 s, agent 1 at 33 s
    assert run(demand, levels(2), plain).contacts.agent.tolist() == [0, 1, 0, 1, 0, 1]


def test_if_that_agent_is_free_else_to_whom_it_finds(run):
    again, rules = transfer_desk()
    demand = followed(customers({"talk": 1}, {"talk": 2}, {"at": 20, "talk": 50}, {"at": 20, "talk": 50}), again)
    # at 20 s both take long contacts; the follow-ups of 31 and 32 s wait and are taken by who is free first
    out = run(demand, levels(2), rules).contacts
    assert seconds(out.answered)[4:6] == [70, 70]
    assert out.agent.tolist()[4:6] == [0, 0]


def test_the_last_agent_goes_before_a_better_rank(run):
    """Group 1 is behind group 0 for the type, but its agent had the parent."""
    again, rules = transfer_desk(base=desk(((0, 1),)))
    demand = followed(customers({"talk": 9}, {"at": 1, "talk": 2}), again, k0=[{"talk": 1}])
    out = run(demand, levels((1, 1)), rules).contacts
    assert out.agent.tolist() == [0, 1, 1, 0]


def test_a_parent_whom_nobody_served_has_no_agent(run):
    again = Rule(on=Status.ABANDONED, delay=10)
    rules = full(desk(), routing={"last_agent": True}, follow_ups=follow_ups(again))
    demand = followed(customers({"talk": 5}, {"at": 1, "patience": 1}), again)
    out = run(demand, levels(1), rules).contacts
    assert out.agent.tolist() == [0, -1, 0]
