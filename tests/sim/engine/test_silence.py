"""Customers who leave without a sign: they stay in the queue until an agent opens the contact and finds out."""

from full_worlds import deferral, full, offers, silence, slots
from worlds import customers, desk, levels, persons, seconds, spells

from sim.mechanisms import Predictor
from sim.outcome import NEVER, Status

A, SILENT = Status.ANSWERED, Status.SILENT


def test_the_agent_loses_the_time_to_find_out(run):
    """Patience ends at 6 s; opened at 10 s, found out at 13 s; then the next one is served."""
    out = run(
        customers({"talk": 10}, {"at": 1, "patience": 5, "talk": 9, "after": 9}, {"at": 2, "talk": 1}),
        levels(1),
        full(desk(), silence=silence(k0=3)),
    ).contacts
    assert out.status.tolist() == [A, SILENT, A]
    assert seconds(out.ended) == [10, 6, 14]
    assert seconds(out.answered) == [0, None, 13]
    assert (seconds(out.released)[1], out.agent.tolist(), out.work.tolist()) == (13, [0, 0, 0], [10_000, 3000, 1000])
    assert out.resolved.tolist() == [True, False, True]


def test_finding_out_takes_as_long_for_the_fast_and_the_slow(run):
    out = run(
        customers({"talk": 10}, {"at": 1, "patience": 5}),
        levels(1),
        full(desk(permille=2000), silence=silence(k0=3)),
    ).contacts
    assert seconds(out.released) == [20, 23]


def test_finding_out_shares_the_speed_of_two_chats(run):
    """Chat 1 (4 s at half speed) ends at 8 s, when 4 s of chat 0 are left; contact 2 asks at 3 s.

    With a patience of 5 s it is opened in time (work ends before patience does), with 4 s its customer is gone:
    detection of 3 s at half speed, to 14 s, when 1 s of chat 0 is left.
    """
    rules = full(desk(), silence=silence(k0=3), slots=slots((2,), ((1,),), ((1000, 500),)))
    there = customers({"talk": 8}, {"talk": 4}, {"at": 3, "patience": 5, "talk": 1})
    assert run(there, levels(1), rules).contacts.status.tolist() == [A, A, A]
    gone = customers({"talk": 8}, {"talk": 4}, {"at": 3, "patience": 4, "talk": 1})
    out = run(gone, levels(1), rules).contacts
    assert out.status.tolist() == [A, A, SILENT]
    assert seconds(out.released) == [15, 8, 14]


def test_one_whom_nobody_opens_stays_silent(run):
    out = run(
        customers({"at": 1, "patience": 5}), persons((0, [(20, 30)])), full(desk(((None,),)), silence=silence(k0=3))
    )
    c = out.contacts
    assert (c.status.tolist(), seconds(c.ended), c.released.tolist(), c.agent.tolist()) == (
        [SILENT],
        [6],
        [NEVER],
        [-1],
    )
    assert out.last_ms == 30_000


def test_silent_ones_are_opened_in_turn(run):
    """The silent one asked first, so it is opened before the one who still waits; another agent looks for itself."""
    out = run(
        customers({"talk": 10}, {"talk": 11}, {"at": 1, "patience": 2}, {"at": 2, "talk": 5}),
        levels(2),
        full(desk(), silence=silence(k0=4)),
    ).contacts
    assert out.agent.tolist() == [0, 1, 0, 1]
    assert seconds(out.released) == [10, 11, 14, 16]


def test_who_would_not_wait_at_all_abandons_openly(run):
    out = run(
        customers({"talk": 10}, {"at": 1, "patience": 5, "at_once": 1}), levels(1), full(desk(), silence=silence(k0=3))
    ).contacts
    assert out.status.tolist() == [A, Status.ABANDONED]
    assert out.released[1] == NEVER


def test_patience_zero_is_silent_at_once_and_opened_later(run):
    """Contacts enter, patience ends: both at 1 s."""
    out = run(
        customers({"talk": 10}, {"at": 1, "patience": 0}), levels(1), full(desk(), silence=silence(k0=3))
    ).contacts
    assert (out.status[1], seconds(out.ended)[1], seconds(out.released)[1]) == (SILENT, 1, 13)


def test_at_closing_the_silent_ones_are_swept_from_the_queue(run):
    """Cut off at 20 s: the silent one stays silent and is not opened; the other one who waits is unserved."""
    rules = full(desk(opening={0: [(0, 20)]}, disconnects=[0]), silence=silence(k0=3))
    out = run(customers({"talk": 30}, {"at": 1, "patience": 5}, {"at": 2}), levels(1), rules).contacts
    assert out.status.tolist() == [A, SILENT, Status.UNSERVED]
    assert seconds(out.ended) == [30, 6, 20]
    assert out.agent.tolist() == [0, -1, -1]


def test_a_group_with_a_delay_opens_a_silent_one_when_it_looks_and_no_timer_brings_it(run):
    """Group 1 may take after 8 s. The contact is gone at 6 s, so its delay brings nobody; at 10 s an agent looks."""
    rules = full(desk(((0, 0), (None, 0)), delay=((0, 8), (0, 0))), silence=silence(2, k0=3))
    customers_ = customers({"talk": 50}, {"at": 1, "patience": 5}, {"at": 2, "type": 1, "talk": 18}, types=2)
    out = run(customers_, levels((1, 1)), rules).contacts
    assert seconds(out.released)[1] == 23  # agent 1 is free at 20 s
    idle = run(customers({"talk": 50}, {"at": 1, "patience": 5}, types=2), levels((1, 1)), rules).contacts
    assert seconds(idle.released)[1] == 53  # agent 1 is idle all the time; agent 0 looks at 50 s


def test_a_silent_one_is_not_what_keeps_the_desk_open(run):
    """Horizon 100 s, nobody waits any more: the busy agent is excess and goes at 120 s without opening anything."""
    out = run(
        customers({"at": 60, "talk": 60}, {"at": 80, "patience": 5}), levels(1), full(desk(), silence=silence(k0=3))
    )
    assert spells(out) == [(0, 0, 120, 120)]
    assert out.contacts.agent.tolist() == [0, -1]
    assert out.contacts.status.tolist() == [A, SILENT]


def test_a_silent_one_counts_in_the_length_of_the_queue(run):
    """Foretold to who asks at 7 s: one waits (nobody knows that it is gone)."""
    told = offers(k0={"predictor": Predictor.QUEUE_LENGTH})
    out = run(
        customers({"talk": 10}, {"at": 1, "patience": 5}, {"at": 7}),
        levels(1),
        full(desk(), silence=silence(k0=3), offers=told),
    ).contacts
    assert out.predicted.tolist() == [NEVER, 0, 1]


def test_no_timer_of_a_silent_one_interrupts_mail(run):
    """It is gone at 1 s; the delay of the group that writes mail would run out at 3 s. Opened after the mail."""
    mail = deferral(2, (1,), (1,))
    rules = full(desk(((0,), (0,)), delay=((3,), (0,))), silence=silence(2, k0=2), deferral=mail)
    out = run(customers({"type": 1, "talk": 10}, {"patience": 1}, types=2), levels(1), rules).contacts
    assert seconds(out.released) == [10, 12]
    assert out.status.tolist() == [A, SILENT]
