"""Contacts that asked before the first instant and wait when the desk begins."""

from full_worlds import Rule, bot_limits, deferral, follow_ups, followed, full, lines, offers
from worlds import customers, desk, levels, persons, seconds

from sim.demand import BotFate
from sim.mechanisms import Ending, Predictor
from sim.outcome import NEVER, Cause, Status

A, B = Status.ANSWERED, Status.ABANDONED


def test_it_looks_at_the_first_instant_and_its_wait_counts_from_when_it_asked(run):
    out = run(customers({"at": -30, "talk": 5}, {"at": 0, "talk": 1}), levels(1), desk()).contacts
    assert (seconds(out.queued), seconds(out.answered)) == ([-30, 0], [0, 5])
    assert out.cause.tolist() == [Cause.CARRIED_IN, Cause.ARRIVAL]
    assert out.root.tolist() == [0, 1]
    assert out.parent.tolist() == [-1, -1]


def test_who_asked_first_is_first(run):
    """All three are there before the agent comes at 2 s; by the moment of asking."""
    out = run(
        customers({"at": -9, "talk": 1}, {"at": -3, "talk": 1}, {"at": 1, "talk": 1}), persons((0, [(2, 50)])), desk()
    ).contacts
    assert seconds(out.answered) == [2, 3, 4]


def test_agents_of_the_first_instant_are_there_before(run):
    out = run(customers({"at": -9, "talk": 1}), persons((0, [(0, 50)])), desk()).contacts
    assert (seconds(out.answered), out.status.tolist()) == ([0], [A])


def test_patience_counts_from_the_first_instant(run):
    out = run(customers({"at": -30, "patience": 5}), levels(0), desk()).contacts
    assert (out.status.tolist(), seconds(out.ended)) == ([B], [5])


def test_neither_closing_nor_bot_nor_lines_nor_places_nor_offers_stop_it(run):
    """Closed until 10 s, no line, no place, the bot out of order, all balk: it waits, and is served."""
    rules = full(
        desk(opening={0: [(10, 50)]}),
        lines=lines((0,), (0,), place_of=(0,), places=(0,)),
        offers=offers(k0={"predictor": Predictor.QUEUE_LENGTH, "balk": [(0, 1)]}),
        bot_limits=bot_limits((0, 0, 0)),
    )
    out = run(
        customers({"at": -5, "bot": 3, "fate": BotFate.RESOLVED, "at_once": 1, "talk": 2}),
        persons((0, [(4, 50)])),
        rules,
    ).contacts
    assert (out.status.tolist(), seconds(out.queued), seconds(out.answered)) == ([A], [-5], [4])
    assert out.predicted.tolist() == [NEVER]


def test_it_takes_no_line_and_gives_none_back(run):
    """One line: contact 1 takes it at 1 s, contact 2 finds none although the carried-in talk ended at 2 s."""
    rules = full(desk(), lines=lines((0,), (1,)))
    out = run(customers({"at": -5, "talk": 2}, {"at": 1, "talk": 5}, {"at": 3}), levels(1), rules).contacts
    assert out.status.tolist() == [A, A, Status.BLOCKED]


def test_it_counts_in_the_queue_of_the_others(run):
    rules = full(desk(), offers=offers(k0={"predictor": Predictor.HEAD_OF_LINE}))
    out = run(customers({"at": -5, "talk": 2}, {"at": 3}), persons((0, [(9, 50)])), rules).contacts
    assert out.predicted.tolist() == [NEVER, 8000]


def test_delays_count_from_when_it_asked(run):
    """Asked 30 s before: group 1's delay of 20 s is over, that of group 2 (40 s) ends at 10 s."""
    rules = desk(((0, 1, 2),), delay=((0, 20, 40),))
    late = persons((2, [(0, 99)]), (0, [(50, 99)]), groups=3)
    out = run(customers({"at": -30, "talk": 5}), late, rules).contacts
    assert seconds(out.answered) == [10]
    soon = persons((1, [(0, 99)]), (0, [(50, 99)]), groups=3)
    out = run(customers({"at": -30, "talk": 5}), soon, rules).contacts
    assert seconds(out.answered) == [0]


def test_mail_carried_in(run):
    """A backlog of two, and one of the day."""
    rules = full(desk(), deferral=deferral(1, (0,), (0,)))
    out = run(
        customers({"at": -99, "talk": 4}, {"at": -50, "talk": 4}, {"at": 1, "talk": 4}), persons((0, [(3, 50)])), rules
    ).contacts
    assert seconds(out.answered) == [3, 7, 11]


def test_its_follow_ups_are_those_of_its_customer(run):
    redial = Rule(on=B, delay=5)
    demand = followed(customers({"at": -30, "patience": 5}), redial, k0=[{"talk": 1}])
    out = run(demand, persons((0, [(8, 50)])), full(desk(), follow_ups=follow_ups(redial))).contacts
    assert seconds(out.queued) == [-30, 10]
    assert (out.root.tolist(), out.cause.tolist()) == ([0, 0], [Cause.CARRIED_IN, Cause.FOLLOW_UP])


def test_what_it_would_have_done_while_waiting_is_still_to_come(run):
    """A copy elsewhere after 40 s of waiting, of which 30 are over: at 10 s. After 20 s: over, no copy any more."""
    base = desk(((None,), (0,)))
    demand = customers({"at": -30, "talk": 1}, types=2)
    late = Rule(on=Ending.WAITING, after=40, to=1)
    out = run(followed(demand, late), levels(1), full(base, follow_ups=follow_ups(late, types=2))).contacts
    assert seconds(out.arrival) == [-30, 10]


def test_a_closing_cuts_it_off_like_any_other(run):
    out = run(customers({"at": -30}), levels(0), desk(opening={0: [(0, 20)]}, disconnects=[0])).contacts
    assert (out.status.tolist(), seconds(out.ended)) == ([Status.UNSERVED], [20])


def test_by_level_it_keeps_the_desk_open(run):
    """Nobody may serve it in time: group 0 may take it 150 s after it asked, at 120 s."""
    out = run(customers({"at": -30, "talk": 5}), levels(1), desk(delay=150)).contacts
    assert seconds(out.answered) == [120]
