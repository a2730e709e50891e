"""Bots that can be full or out of order: wait for them, or go straight to a person."""

from full_worlds import Rule, bot_limits, follow_ups, followed, full, lines
from worlds import customers, desk, levels, persons, seconds

from sim.demand import BotFate
from sim.outcome import NEVER, Status

A, GAVE_UP = Status.ANSWERED, Status.GAVE_UP_IN_BOT


def limited(*changes, base=None, **more):
    return full(desk() if base is None else base, bot_limits=bot_limits(*changes, **more))


def chat_bot(at, seconds_, **more):
    return {"at": at, "bot": seconds_, "talk": 1, **more}


def test_who_finds_the_bot_full_waits_for_it_in_turn(run):
    """One session at a time: 0 … 5, 5 … 10, 10 … 12 s, and each asks when it is over."""
    out = run(customers(chat_bot(0, 5), chat_bot(1, 5), chat_bot(2, 2)), levels(3), limited((0, 0, 1))).contacts
    assert seconds(out.queued) == [5, 10, 12]


def test_or_goes_straight_to_a_person(run):
    """As without a bot: what the bot would have resolved talks to an agent, without the hand-off's delay."""
    out = run(
        customers(chat_bot(0, 5), chat_bot(1, 5, hand_off=9), chat_bot(2, 2, fate=BotFate.RESOLVED), chat_bot(5, 2)),
        levels(3),
        limited((0, 0, 1), waits=False),
    ).contacts
    assert seconds(out.queued) == [5, 1, 2, 7]  # the session of 0 s ends at 5 s before the fourth arrives
    assert out.status.tolist() == [A] * 4


def test_before_its_first_change_a_bot_has_no_limit(run):
    """Two sessions at 0 s; from 3 s on there is room for one: both go on to 5 s, and the next waits until then."""
    out = run(
        customers(chat_bot(0, 5), chat_bot(0, 5), chat_bot(3, 2), chat_bot(4, 2)), levels(9), limited((3, 0, 1))
    ).contacts
    assert seconds(out.queued) == [5, 5, 7, 9]


def test_an_outage_lets_sessions_finish_and_keeps_the_others_waiting(run):
    """No sessions from 2 to 20 s; at 20 s two at once."""
    out = run(
        customers(chat_bot(0, 5), chat_bot(2, 3), chat_bot(6, 3), chat_bot(7, 3)),
        levels(9),
        limited((2, 0, 0), (20, 0, 2)),
    ).contacts
    assert seconds(out.queued) == [5, 23, 23, 26]


def test_the_change_comes_before_sessions_that_end_and_contacts_that_enter(run):
    """All at 5 s: capacity 1 becomes 2. Contact 1 starts by the change, contact 2 by the end of contact 0's session.

    Contact 3 arrives to a full bot.
    """
    out = run(
        customers(chat_bot(0, 5), chat_bot(1, 10), chat_bot(2, 10), chat_bot(5, 1)),
        levels(9),
        limited((0, 0, 1), (5, 0, 2)),
    ).contacts
    assert seconds(out.queued) == [5, 15, 15, 16]


def test_at_a_sessions_end_the_next_one_starts_before_the_leaver_asks(run):
    """Both of length 0 from 5 s on: contact 1's session ends in the instant in which it starts.

    The hand-off of contact 0 at 5 s enters after the bot ends of that instant, by number: 0, 1, 2.
    """
    out = run(customers(chat_bot(0, 5), chat_bot(1, 0), chat_bot(2, 0)), levels(1), limited((0, 0, 1))).contacts
    assert seconds(out.queued) == [5, 5, 5]
    assert seconds(out.answered) == [5, 6, 7]


def test_falling_capacity_starts_no_one_until_there_is_room(run):
    """Three sessions to 6, 8 and 10 s; capacity 2 from 5 s on: the end at 6 s makes no room, that at 8 s does."""
    out = run(
        customers(chat_bot(0, 6), chat_bot(0, 8), chat_bot(0, 10), chat_bot(1, 1)),
        levels(9),
        limited((0, 0, 3), (5, 0, 2)),
    ).contacts
    assert seconds(out.queued)[3] == 9


def test_patience_ends_in_the_bots_queue(run):
    """Gone at 4 s; it never asked for a person. The next in turn starts at 5 s."""
    out = run(
        customers(chat_bot(0, 5), chat_bot(1, 5, patience=3), chat_bot(2, 5, patience=99)),
        levels(3),
        limited((0, 0, 1)),
    ).contacts
    assert out.status.tolist() == [A, GAVE_UP, A]
    assert (out.queued[1], seconds(out.ended)[1], out.agent[1]) == (NEVER, 4, -1)
    assert seconds(out.queued)[2] == 10


def test_patience_that_ends_when_a_session_does_is_too_late(run):
    out = run(customers(chat_bot(0, 5), chat_bot(1, 5, patience=4)), levels(3), limited((0, 0, 1))).contacts
    assert out.status.tolist() == [A, A]


def test_in_a_session_nobody_loses_patience_and_in_the_queue_it_starts_anew(run):
    """Waited 4 s for the bot, 5 s in it, then 6 s of patience from 10 s on."""
    out = run(
        customers({"talk": 60}, chat_bot(0, 5), chat_bot(1, 5, patience=6)), levels(1), limited((0, 0, 1))
    ).contacts
    assert out.status.tolist() == [A, A, Status.ABANDONED]
    assert (seconds(out.queued)[2], seconds(out.ended)[2]) == (10, 16)


def test_who_still_waits_for_the_bot_at_the_end_gave_up(run):
    out = run(customers(chat_bot(1, 5)), persons((0, [(0, 30)])), limited((0, 0, 0)))
    assert (out.contacts.status.tolist(), seconds(out.contacts.ended)) == ([GAVE_UP], [30])
    assert out.contacts.queued.tolist() == [NEVER]


def test_bots_are_shared_by_types_or_not_limited(run):
    """Types 0 and 1 share bot 1, type 2 has bot 0, type 3 none that is limited."""
    rules = limited((0, 0, 2), (0, 1, 1), base=desk(((0,),) * 4), bot_of=(1, 1, 0, -1))
    out = run(
        customers(
            chat_bot(0, 5), chat_bot(1, 5, type=1), *(chat_bot(1, 5, type=2) for _ in range(3)), chat_bot(1, 5, type=3),
            types=4,
        ),
        levels(9),
        rules,
    ).contacts  # fmt: skip
    assert seconds(out.queued) == [5, 10, 6, 6, 11, 6]


def test_changes_of_two_bots_at_one_instant_come_by_bot(run):
    """At 10 s bot 0 and bot 1 are back; contact 1 (bot 0) starts before contact 0 (bot 1): sessions of 0 s.

    Both ask at 10 s, but bot ends come by contact: contact 0 is served first.
    """
    rules = limited((0, 0, 0), (0, 1, 0), (10, 0, 1), (10, 1, 1), base=desk(((0,), (0,))), bot_of=(1, 0))
    out = run(customers(chat_bot(1, 0), chat_bot(2, 0, type=1), types=2), levels(1), rules).contacts
    assert seconds(out.queued) == [10, 10]
    assert seconds(out.answered) == [10, 11]


def test_only_those_of_types_that_wait_do(run):
    rules = limited((0, 0, 0), (30, 0, 9), base=desk(((0,), (0,))), bot_of=(0, 0), waits=(1,))
    out = run(customers(chat_bot(1, 2), chat_bot(1, 2, type=1), types=2), levels(9), rules).contacts
    assert seconds(out.queued) == [1, 32]


def test_waiting_for_the_bot_holds_a_line(run):
    rules = full(desk(), bot_limits=bot_limits((0, 0, 0)), lines=lines((0,), (1,)))
    out = run(customers(chat_bot(1, 2, patience=5), chat_bot(5, 2), chat_bot(7, 2)), levels(1), rules).contacts
    assert out.status.tolist() == [GAVE_UP, Status.BLOCKED, GAVE_UP]


def test_a_closed_type_does_not_reach_the_bot(run):
    """Closed at 25 s, when the bot is done with it."""
    rules = limited((0, 0, 1), base=desk(opening={0: [(0, 20)]}))
    out = run(customers(chat_bot(1, 10), chat_bot(2, 14), chat_bot(21, 1)), levels(1), rules).contacts
    assert out.status.tolist() == [A, Status.CLOSED, Status.CLOSED]
    assert seconds(out.queued) == [11, 25, 21]


def test_giving_up_in_the_bots_queue_may_have_a_follow_up(run):
    rule = Rule(on=GAVE_UP, delay=2)
    rules = full(desk(), bot_limits=bot_limits((0, 0, 0)), follow_ups=follow_ups(rule))
    demand = followed(customers(chat_bot(1, 5, patience=3)), rule, k0=[{"talk": 1}])
    out = run(demand, levels(1), rules).contacts
    assert (out.status.tolist(), seconds(out.arrival)) == ([GAVE_UP, A], [1, 6])


def test_by_level_who_waits_for_the_bot_keeps_the_desk_open(run):
    """Horizon 100 s; the outage ends at 150 s, the contact asks at 155 s and is served."""
    out = run(customers(chat_bot(90, 5)), levels(1), limited((80, 0, 0), (150, 0, 1))).contacts
    assert (out.status.tolist(), seconds(out.ended)) == ([A], [156])
