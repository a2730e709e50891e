"""Work that can wait, and gives way to live contacts: taken up, laid down, taken up again, handed back."""

from full_worlds import deferral, full, paced, slots
from worlds import customers, desk, levels, persons, seconds, spells

from sim.outcome import NEVER, Status

LIVE, MAIL = 0, 1
MAIL_DESK = deferral(2, (MAIL,), (MAIL,))


def mail_desk(group_rank=((0,), (0,)), type_rank=None, **more):
    """Type 0 is live, type 1 is e-mail that can be interrupted."""
    given = {name: more.pop(name) for name in ("delay", "opening", "permille", "disconnects") if name in more}
    return full(desk(group_rank, type_rank, **given), deferral=MAIL_DESK, **more)


def test_a_live_contact_interrupts_mail_which_goes_on_afterwards(run):
    """Mail: 10 + 5 s of work in one stage. In hand 0 … 4 s; the live contact has the agent 4 … 8 s; then 11 s more."""
    out = run(
        customers({"type": 1, "talk": 10, "after": 5}, {"at": 4, "talk": 3, "after": 1}, types=2),
        levels(1),
        mail_desk(),
    ).contacts
    assert seconds(out.answered) == [0, 4]
    assert seconds(out.ended) == [19, 7]
    assert seconds(out.released) == [19, 8]
    assert out.work.tolist() == [15_000, 4000]
    assert out.status.tolist() == [Status.ANSWERED] * 2


def test_live_contacts_that_wait_go_before_mail_is_taken_up_again(run):
    """Three live contacts one after another; one of them comes in the very instant in which mail is resumed."""
    out = run(
        customers({"type": 1, "talk": 10}, {"at": 2, "talk": 3}, {"at": 3, "talk": 3}, {"at": 8, "talk": 3}, types=2),
        levels(1),
        mail_desk(),
    ).contacts
    # 2-5, 5-8, at 8 s mail is resumed and laid down again at once, 8-11; 8 s of mail are left: 19 s
    assert seconds(out.answered) == [0, 2, 5, 8]
    assert seconds(out.ended) == [19, 5, 8, 11]
    assert out.work[0] == 10_000


def test_a_live_contact_prefers_an_idle_agent_of_any_rank(run):
    """Group 0 is first for live contacts but writes mail; group 1 is idle."""
    out = run(
        customers({"type": 1, "talk": 10}, {"at": 4, "talk": 3}, {"at": 5, "talk": 3}, types=2),
        levels((1, 1)),
        mail_desk(((0, 1), (0, None))),
    ).contacts
    assert out.agent.tolist() == [0, 1, 0]
    assert seconds(out.ended) == [13, 7, 8]


def test_whose_mail_is_interrupted_best_rank_then_longest_at_it(run):
    """Agents 0, 1 (group 0) and 2 (group 1) write since 0, 1 and 2 s; live contacts prefer group 1, then group 0."""
    out = run(
        customers(
            {"type": 1, "talk": 50}, {"at": 1, "type": 1, "talk": 50}, {"at": 2, "type": 1, "talk": 50},
            {"at": 10, "talk": 2}, {"at": 10, "talk": 30}, {"at": 15, "talk": 1}, {"at": 17, "talk": 30}, types=2,
        ),
        levels((2, 1)),
        mail_desk(((1, 0), (0, 1))),
    ).contacts  # fmt: skip
    # 10 s: agent 2, then agent 0 (at it since 0 s); 12 s: agent 2 resumes (since 12 s)
    # 15 s: agent 2 (better rank) although agent 1 is at it for longer; resumes at 16 s; 17 s: agent 2 again
    assert out.agent.tolist() == [0, 1, 2, 2, 0, 2, 2]
    assert seconds(out.answered) == [0, 1, 2, 10, 10, 15, 17]
    assert seconds(out.ended)[:3] == [80, 51, 85]  # agent 2 lost 2 + 1 + 30 s


def test_longest_at_it_counts_from_taking_it_up_again(run):
    """Agents 0 and 1 write since 0 s. Agent 0 is interrupted 5 … 7 s, so at 9 s it is agent 1's turn."""
    out = run(
        customers(
            {"type": 1, "talk": 50}, {"type": 1, "talk": 50}, {"at": 5, "talk": 2}, {"at": 9, "talk": 2}, types=2
        ),
        levels(2),
        mail_desk(),
    ).contacts
    assert out.agent.tolist() == [0, 1, 0, 1]


def test_suspended_mail_keeps_its_agent_from_other_mail(run):
    """The second mail waits since 1 s; after the live contact the agent resumes the first one."""
    out = run(
        customers({"type": 1, "talk": 10}, {"at": 1, "type": 1, "talk": 2}, {"at": 4, "talk": 3}, types=2),
        levels(1),
        mail_desk(),
    ).contacts
    assert seconds(out.answered) == [0, 13, 4]
    assert seconds(out.ended) == [13, 15, 7]


def test_mail_does_not_interrupt_mail_nor_does_other_work_that_can_wait(run):
    """Type 2 can wait but not be interrupted: it waits for its turn, and a live contact does not take its agent."""
    rules = full(desk(((0,), (0,), (0,))), deferral=deferral(3, (1, 2), (1,)))
    out = run(
        customers(
            {"type": 1, "talk": 10}, {"at": 1, "type": 2, "talk": 10, "after": 2}, {"at": 15, "talk": 1}, types=3
        ),
        levels(1),
        rules,
    ).contacts
    assert seconds(out.answered) == [0, 10, 22]
    assert (seconds(out.ended)[1], seconds(out.released)[1]) == (20, 22)


def test_mail_has_no_patience_and_does_not_leave_at_once(run):
    out = run(
        customers({"talk": 10}, {"at": 1, "type": 1, "talk": 1, "patience": 2, "at_once": 1}, types=2),
        levels(1),
        mail_desk(),
    ).contacts
    assert out.status.tolist() == [Status.ANSWERED] * 2
    assert seconds(out.answered) == [0, 10]


def test_at_the_end_of_the_spell_mail_is_handed_back_and_another_agent_goes_on(run):
    """Agent 0 works at factor 500, agent 1 at 2000, each rounded once.

    Mail of 20 s is 10 s for agent 0; 4 s done, 6,000,000 units left, which are 12,000,000 of anybody's; agent 1
    needs 24 s for them from 20 s on: 44 s. Handling is time in hand: 4 + 24 s.
    """
    out = run(
        customers({"type": 1, "talk": 14, "after": 6}, types=2),
        paced(persons((0, [(0, 4)]), (0, [(20, 60)])), 500, 2000),
        mail_desk(),
    )
    c = out.contacts
    assert (seconds(c.answered), seconds(c.ended), seconds(c.released)) == ([0], [44], [44])
    assert (c.agent.tolist(), c.work.tolist(), seconds(c.queued)) == ([1], [28_000], [0])
    assert spells(out) == [(0, 0, 4, 4), (1, 20, 60, 60)]


def test_at_the_end_of_that_spell_too(run):
    """As above, but agent 1's spell ends at 30 s: 10 s done of 24, half of the rest is agent 0's on the next day."""
    out = run(
        customers({"type": 1, "talk": 14, "after": 6}, types=2),
        paced(persons((0, [(0, 4), (50, 60)]), (0, [(20, 30)])), 500, 2000),
        mail_desk(),
    )
    # 24 - 10 = 14 s at factor 2000 are 7 s of anybody's, 3.5 s for agent 0, from 50 s on
    assert seconds(out.contacts.ended) == [53.5]
    assert (out.contacts.agent.tolist(), out.contacts.work.tolist()) == ([0], [17_500])
    assert spells(out) == [(0, 0, 4, 4), (0, 50, 60, 60), (1, 20, 30, 30)]


def test_what_is_handed_back_is_rounded_half_up_in_thousandths_of_a_millisecond(run):
    """Back and forth each rounds once.

    Factor 1001, 7 ms of mail: scaled(7) = (7 * 1001 + 500) // 1000 = 7 ms, 7,000 units. After 3 ms 4,000 are left:
    (4,000,000 + 500) // 1001 = 3,996 of anybody's. At factor 1500: (3,996 * 1500 + 500) // 1000 = 5,994 units, 6 ms.
    At factor 1502 it would be 6,002 units, 7 ms.
    """
    mail = customers({"type": 1, "talk": 0.007}, types=2)
    hours = persons((0, [(0, 0.003)]), (0, [(1, 2)]))
    assert run(mail, paced(hours, 1001, 1500), mail_desk()).contacts.ended.tolist() == [1006]
    assert run(mail, paced(hours, 1001, 1502), mail_desk()).contacts.ended.tolist() == [1007]


def test_mail_that_is_handed_back_looks_for_an_agent_at_once(run):
    """Agent 1 is idle when agent 0's spell ends at 4 s: no pause."""
    out = run(customers({"type": 1, "talk": 10}, types=2), persons((0, [(0, 4)]), (0, [(0, 20)])), mail_desk()).contacts
    assert (out.agent.tolist(), seconds(out.ended)) == ([1], [10])


def test_mail_that_is_handed_back_keeps_its_place(run):
    """Mails 0 and 1 (asked at 0 and 1 s) are begun; 2 (2 s) waits. At 10 s agent 0 hands back mail 0, which is first.

    Agent 2 comes at 20 s and takes mail 0, then 2. Agent 1 is at mail 1 meanwhile.
    """
    out = run(
        customers({"type": 1, "talk": 15}, {"at": 1, "type": 1, "talk": 90}, {"at": 2, "type": 1, "talk": 5}, types=2),
        persons((0, [(0, 10)]), (0, [(0, 200)]), (0, [(20, 60)])),
        mail_desk(),
    ).contacts
    assert seconds(out.answered) == [0, 1, 25]
    assert seconds(out.ended) == [25, 91, 30]
    assert out.agent.tolist() == [2, 1, 2]


def test_suspended_mail_is_handed_back_while_the_live_contact_keeps_its_agent(run):
    """At 5 s agent 0's spell ends with a live contact in hand and mail suspended: agent 1 goes on with the mail."""
    out = run(
        customers({"type": 1, "talk": 10}, {"at": 3, "talk": 20}, types=2),
        persons((0, [(0, 5)]), (0, [(4, 60)])),
        mail_desk(),
    )
    c = out.contacts
    assert c.agent.tolist() == [1, 0]
    assert seconds(c.ended) == [12, 23]  # 7 s left from 5 s on
    assert c.work.tolist() == [10_000, 20_000]
    assert spells(out) == [(0, 0, 5, 23), (1, 4, 60, 60)]


def test_an_agent_who_leaves_with_nothing_but_mail_is_gone_at_once(run):
    out = run(customers({"type": 1, "talk": 10}, types=2), persons((0, [(0, 5)]), (0, [(30, 60)])), mail_desk())
    assert spells(out) == [(0, 0, 5, 5), (1, 30, 60, 60)]
    assert seconds(out.contacts.ended) == [35]


def test_agents_who_leave_in_one_instant_are_events_one_after_the_other(run):
    """Agents 0 and 1 go at 10 s, each with mail in hand.

    Agent 0 goes first: mail 0 finds nobody free, for agent 1 writes mail 1 and mail does not interrupt mail. Then
    agent 1 hands back mail 1. Agent 2 comes in that instant, after them, and takes mail 0, then mail 1.
    """
    out = run(
        customers({"type": 1, "talk": 20}, {"type": 1, "talk": 20}, types=2),
        persons((0, [(0, 10)]), (0, [(0, 10)]), (0, [(10, 40)])),
        mail_desk(),
    ).contacts
    assert out.agent.tolist() == [2, 2]
    assert seconds(out.ended) == [20, 30]


def test_handed_to_one_who_is_about_to_go_too(run):
    """Agent 0 goes at 10 s with mail; agent 1, idle, takes it and goes in the same instant: handed back twice."""
    out = run(
        customers({"type": 1, "talk": 20}, types=2),
        paced(persons((0, [(0, 10)]), (0, [(0, 10)]), (0, [(30, 60)])), 1000, 3000, 1000),
        mail_desk(),
    ).contacts
    assert (out.agent.tolist(), seconds(out.ended), out.work.tolist()) == ([2], [40], [20_000])


def test_what_was_begun_and_never_finished_is_unserved(run):
    out = run(customers({"type": 1, "talk": 20, "after": 5}, types=2), persons((0, [(0, 8)])), mail_desk())
    c = out.contacts
    assert (c.status.tolist(), seconds(c.answered), seconds(c.ended)) == ([Status.UNSERVED], [0], [8])
    assert (c.released.tolist(), c.work.tolist(), c.agent.tolist()) == ([NEVER], [8000], [0])
    assert not c.resolved.any()


def test_a_delay_holds_for_the_live_contact_that_would_interrupt(run):
    """The group may take live contacts after 5 s: until then mail goes on."""
    out = run(
        customers({"type": 1, "talk": 20}, {"at": 2, "talk": 3}, types=2),
        levels(1),
        mail_desk(delay=((5,), (0,))),
    ).contacts
    assert seconds(out.answered) == [0, 7]
    assert seconds(out.ended) == [23, 10]


def test_who_comes_when_the_spell_ends_meets_nobody_to_interrupt(run):
    out = run(
        customers({"type": 1, "talk": 20}, {"at": 5, "talk": 3, "patience": 4}, types=2),
        persons((0, [(0, 5)])),
        mail_desk(),
    ).contacts
    assert out.status.tolist() == [Status.UNSERVED, Status.ABANDONED]


# ------------------------------------------------------------------------------------------------------- with slots

CHAT_AND_MAIL = slots((2,), ((1,), (2,)), ((1000, 500),))


def test_chats_interrupt_mail_and_a_second_one_joins_the_first(run):
    """Mail takes both slots. Chat 1 at 4 s (10 s of talk), chat 2 at 6 s: 3 s of talk.

    Chat 1: 8 s left at 6 s; chat 2 ends at 12 s, chat 1 (5 s left) at 17 s; then mail, 16 s left, to 33 s.
    """
    out = run(
        customers({"type": 1, "talk": 20}, {"at": 4, "talk": 10}, {"at": 6, "talk": 3}, types=2),
        levels(1),
        mail_desk(slots=CHAT_AND_MAIL),
    ).contacts
    assert seconds(out.answered) == [0, 4, 6]
    assert seconds(out.ended) == [33, 17, 12]
    assert out.work.tolist() == [20_000, 10_000, 3000]


def test_a_free_slot_is_preferred_to_interrupting_mail(run):
    out = run(
        customers({"type": 1, "talk": 20}, {"at": 1, "talk": 50}, {"at": 2, "talk": 5}, {"at": 3, "talk": 5}, types=2),
        levels(2),
        mail_desk(slots=CHAT_AND_MAIL),
    ).contacts
    # 1 s: agent 1 idle; 2 s: agent 1 has a slot; 3 s: agent 1 is full, agent 0 is interrupted
    assert out.agent.tolist() == [0, 1, 1, 0]
    assert seconds(out.answered) == [0, 1, 2, 3]
    assert seconds(out.ended)[0] == 25


# --------------------------------------------------------------------------------------------------------- by level


def test_an_agent_who_writes_mail_is_not_idle_when_the_level_falls(run):
    """Agent 0 writes since 0 s and is busy; the idle agent 1 goes."""
    out = run(customers({"type": 1, "talk": 150}, types=2), levels(2, 1, 1), mail_desk())
    assert spells(out) == [(0, 0, 300, 300), (1, 0, 100, 100)]


def test_excess_goes_when_the_live_contact_is_over_and_hands_back_its_mail(run):
    """The level falls to 0 at 100 s: mail (begun at 80 s) is suspended, the live contact ends at 120 s.

    The agent goes then; the new agent of 200 s takes the mail for the 35 s that are left.
    """
    out = run(
        customers({"at": 80, "type": 1, "talk": 50}, {"at": 95, "talk": 25}, types=2), levels(1, 0, 1, 1), mail_desk()
    )
    assert spells(out) == [(0, 0, 120, 120), (0, 200, 400, 400)]
    assert seconds(out.contacts.ended) == [235, 120]
    assert out.contacts.work.tolist() == [50_000, 25_000]


def test_excess_finishes_the_mail_that_it_has_in_hand(run):
    """Nobody is marked by level: the mail of 150 s from 10 s on is finished, then the agent goes."""
    out = run(customers({"at": 10, "type": 1, "talk": 150}, types=2), levels(1, 0, 0), mail_desk())
    assert seconds(out.contacts.ended) == [160]
    assert spells(out) == [(0, 0, 160, 160)]


def test_mail_does_not_keep_the_desk_open_after_the_horizon(run):
    """Two mails of 80 s; the second, in hand at the end (100 s), is finished, the third never begun."""
    out = run(customers(*[{"type": 1, "talk": 80}] * 3, types=2), levels(1), mail_desk())
    assert seconds(out.contacts.ended) == [80, 160, 160]
    assert out.contacts.status.tolist() == [Status.ANSWERED, Status.ANSWERED, Status.UNSERVED]
    assert out.last_ms == 160_000


def test_a_live_contact_keeps_it_open_and_then_mail_is_cut(run):
    """At the horizon a live contact waits. It is answered at 130 s; now everybody goes, and the mail suspended too."""
    out = run(
        customers({"at": 50, "type": 1, "talk": 100}, {"at": 90, "talk": 40}, {"at": 99, "talk": 10}, types=2),
        levels(1),
        mail_desk(),
    )
    c = out.contacts
    assert seconds(c.answered) == [50, 90, 130]
    assert c.status.tolist() == [Status.UNSERVED, Status.ANSWERED, Status.ANSWERED]
    assert seconds(c.ended) == [140, 130, 140]
    assert c.work.tolist() == [40_000, 40_000, 10_000]
    assert spells(out) == [(0, 0, 140, 140)]
