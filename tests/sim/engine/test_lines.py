"""Trunks, held from arrival to the end of talk, and waiting places."""

from full_worlds import deferral, full, lines, silence
from worlds import customers, desk, levels, seconds

from sim.demand import BotFate
from sim.outcome import NEVER, Status

A, B, X = Status.ANSWERED, Status.ABANDONED, Status.BLOCKED


def trunks(n, **more):
    return full(desk(**more), lines=lines((0,), (n,)))


def places(n, **more):
    return full(desk(), lines=lines(place_of=(0,), places=(n,)), **more)


def test_who_finds_no_line_is_blocked_on_arrival(run):
    out = run(customers({"talk": 10}, {"at": 5, "bot": 3, "talk": 1}), levels(2), trunks(1)).contacts
    assert out.status.tolist() == [A, X]
    assert (seconds(out.queued)[1], seconds(out.ended)[1]) == (5, 5)
    assert (out.answered[1], out.released[1], out.agent[1]) == (NEVER, NEVER, -1)


def test_a_line_is_held_to_the_end_of_talk_and_not_longer(run):
    """Talk to 10 s, after-contact work to 15 s: who comes at 9 s is blocked, who comes at 10 s waits for the agent."""
    out = run(
        customers({"talk": 10, "after": 5}, {"at": 9}, {"at": 10, "talk": 2}, {"at": 11}), levels(1), trunks(1)
    ).contacts
    assert out.status.tolist() == [A, X, A, X]
    assert seconds(out.answered) == [0, None, 15, None]


def test_a_line_is_held_in_the_bot_and_on_the_way_to_a_person(run):
    """In the bot to 4 s, on the way to 6 s, talk to 8 s; one whom the bot serves gives the line back when it ends."""
    out = run(
        customers(
            {"bot": 4, "hand_off": 2, "talk": 2}, {"at": 3}, {"at": 5}, {"at": 7},
            {"at": 8, "bot": 2, "fate": BotFate.RESOLVED}, {"at": 9}, {"at": 10, "talk": 1},
        ),
        levels(1),
        trunks(1),
    ).contacts  # fmt: skip
    assert out.status.tolist() == [A, X, X, X, Status.RESOLVED_IN_BOT, X, A]


def test_a_line_comes_back_from_those_who_leave(run):
    """Two lines: one talks to 50 s, one waits to 6 s (patience 5 s), and one would not wait at all."""
    out = run(
        customers({"talk": 50}, {"at": 1, "patience": 5}, {"at": 5}, {"at": 7, "at_once": 1}, {"at": 7, "patience": 1}),
        levels(1),
        trunks(2),
    ).contacts
    assert out.status.tolist() == [A, B, X, B, B]


def test_who_leaves_at_the_very_millisecond_leaves_no_line_for_who_arrives_then(run):
    """Contacts enter before patience ends."""
    out = run(
        customers({"talk": 50}, {"at": 1, "patience": 5}, {"at": 6, "patience": 1}), levels(1), trunks(2)
    ).contacts
    assert out.status.tolist() == [A, B, X]


def test_those_cut_off_at_closing_give_their_lines_back(run):
    rules = full(desk(((0,), (0,)), opening={0: [(0, 20)]}, disconnects=[0]), lines=lines((0, 0), (2,)))
    out = run(
        customers({"talk": 50}, {"at": 1}, {"at": 19, "type": 1}, {"at": 20, "type": 1, "patience": 2}, types=2),
        levels(1),
        rules,
    ).contacts
    assert out.status.tolist() == [A, Status.UNSERVED, X, B]


def test_a_closed_type_asks_for_no_line(run):
    rules = full(desk(opening={0: [(10, 20)]}), lines=lines((0,), (0,)))
    out = run(customers({"at": 5}, {"at": 15}), levels(1), rules).contacts
    assert out.status.tolist() == [Status.CLOSED, X]


def test_types_share_a_pool_of_lines_or_have_none(run):
    """Types 0 and 1 share one line, type 2 needs none."""
    rules = full(desk(((0,), (0,), (0,))), lines=lines((0, 0, -1), (1,)))
    out = run(
        customers({"talk": 10}, {"at": 1, "type": 1}, {"at": 1, "type": 2, "talk": 1}, types=3), levels(2), rules
    ).contacts
    assert out.status.tolist() == [A, X, A]


def test_deferred_work_may_hold_a_line_too(run):
    """An interruptible one has one stage: its line comes back at its end, 10 + 5 s later."""
    rules = full(desk(((0,), (0,))), lines=lines((0, 0), (1,)), deferral=deferral(2, (1,), (1,)))
    out = run(
        customers({"type": 1, "talk": 10, "after": 5}, {"at": 14}, {"at": 15, "talk": 1}, types=2), levels(1), rules
    ).contacts
    assert out.status.tolist() == [A, X, A]


def test_who_finds_no_waiting_place_is_blocked_when_asking(run):
    """One place: contact 1 waits in it from 1 s, contact 2 of the bot asks at 5 s; contact 3 asks when it is free."""
    out = run(
        customers({"talk": 10}, {"at": 1, "talk": 5}, {"at": 2, "bot": 3}, {"at": 10, "talk": 1}), levels(1), places(1)
    ).contacts
    assert out.status.tolist() == [A, A, X, A]
    assert (seconds(out.queued)[2], seconds(out.ended)[2]) == (5, 5)
    assert seconds(out.answered) == [0, 10, None, 15]


def test_without_any_waiting_place_an_agent_serves_or_nobody(run):
    out = run(customers({"talk": 10}, {"at": 9}, {"at": 10, "talk": 1}), levels(1), places(0)).contacts
    assert out.status.tolist() == [A, X, A]


def test_no_place_comes_before_not_wanting_to_wait(run):
    out = run(customers({"talk": 10}, {"at": 9, "at_once": 1}), levels(1), places(0)).contacts
    assert out.status.tolist() == [A, X]


def test_types_share_waiting_places(run):
    rules = full(desk(((0,), (0,), (0,))), lines=lines((-1, -1, -1), place_of=(0, 0, -1), places=(1,)))
    out = run(
        customers({"talk": 9}, {"at": 1, "talk": 1}, {"at": 2, "type": 1}, {"at": 3, "type": 2, "talk": 1}, types=3),
        levels(1),
        rules,
    ).contacts
    assert out.status.tolist() == [A, A, X, A]


def test_a_silent_one_keeps_its_place_and_not_its_line(run):
    """Gone at 6 s without a sign: at 7 s there is a line and no place."""
    silent = silence(k0=2)
    base = customers({"talk": 10}, {"at": 1, "patience": 5}, {"at": 7, "talk": 1})
    out = run(base, levels(1), full(desk(), lines=lines((0,), (2,), place_of=(0,), places=(1,)), silence=silent))
    assert out.contacts.status.tolist() == [A, Status.SILENT, X]
    out = run(base, levels(1), full(desk(), lines=lines((0,), (2,)), silence=silent))
    assert out.contacts.status.tolist() == [A, Status.SILENT, A]
    assert seconds(out.contacts.answered) == [0, None, 12]
