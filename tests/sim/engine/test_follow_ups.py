"""What comes of a contact's ending: redials, repeat contacts, transfers; one mechanism, decided by key."""

import pytest
from full_worlds import Rule, bot_limits, chance_between, follow_ups, followed, full, high, low, silence
from worlds import customers, desk, levels, persons, seconds, spells

from sim.demand import BotFate
from sim.keys import CHILD, DRAWS, FOLLOW_UP, RESOLVES, mix
from sim.mechanisms import Ending
from sim.outcome import NEVER, Cause, Status

A, B, AFTER = Status.ANSWERED, Status.ABANDONED, Status.AFTER_HORIZON


def chained(*rules, types=1, base=None, **more):
    """A desk with these follow-ups."""
    return full(desk() if base is None else base, follow_ups=follow_ups(*rules, types=types), **more)


def test_one_who_gave_up_calls_again(run):
    """Gone at 6 s, back at 11 s with 4 s of talk from the pool and patience enough; a row of its own."""
    redial = Rule(on=B, delay=5)
    demand = followed(customers({"talk": 20}, {"at": 1, "patience": 5, "talk": 9}), redial, k0=[{"talk": 4}])
    out = run(demand, levels(1), chained(redial)).contacts
    assert out.status.tolist() == [A, B, A]
    assert seconds(out.arrival) == [0, 1, 11]
    assert seconds(out.answered)[2] == 20
    assert seconds(out.ended) == [20, 6, 24]
    assert out.root.tolist() == [0, 1, 1]
    assert out.parent.tolist() == [-1, -1, 1]
    assert out.cause.tolist() == [0, 0, Cause.FOLLOW_UP]
    assert out.type.tolist() == [0, 0, 0]


def test_a_chain_stops_at_its_most(run):
    """Patience of 2 s again and again, back 3 s later: at 1, 6, 11 and 16 s, for at most three follow-ups."""
    redial = Rule(on=B, delay=3, at_most=3, keeps_patience=True)
    demand = followed(customers({"talk": 90}, {"at": 1, "patience": 2}), redial, k0=[{"talk": 1}])
    out = run(demand, levels(1), chained(redial)).contacts
    assert out.status.tolist() == [A, B, B, B, B]
    assert seconds(out.arrival)[1:] == [1, 6, 11, 16]
    assert out.root.tolist() == [0, 1, 1, 1, 1]
    assert out.parent.tolist() == [-1, -1, 1, 2, 3]


def test_the_chain_counts_all_follow_ups_not_those_of_the_rule(run):
    """A transfer, then a redial of the transferred: it is the second follow-up already, where one is the most."""
    transfer, redial = Rule(on=A, to=1), Rule(of=1, on=B, to=1, at_most=1)
    base = desk(((0, None), (None, 0)))
    demand = customers({"talk": 2}, types=2)
    rules = chained(transfer, redial, types=2, base=base)
    out = run(followed(demand, transfer, redial, k1=[{"patience": 3}]), levels((1, 0)), rules).contacts
    assert out.status.tolist() == [A, B]
    twice = Rule(of=1, on=B, to=1, at_most=2)
    rules = chained(transfer, twice, types=2, base=base)
    out = run(followed(demand, transfer, twice, k1=[{"patience": 3}]), levels((1, 0)), rules).contacts
    assert out.status.tolist() == [A, B, B]


def test_the_first_rule_that_hits_ends_the_search(run):
    """Never, always, always: one follow-up, of the second rule; `cause` counts the rules of all types."""
    other = Rule(of=0, on=Status.CLOSED)
    rules = [other, Rule(of=1, on=B, chance=0), Rule(of=1, on=B, delay=1), Rule(of=1, on=B, delay=2)]
    demand = customers({"talk": 90}, {"at": 1, "type": 1, "patience": 5}, types=2)
    out = run(followed(demand, *rules), levels(1), chained(*rules, types=2, base=desk(((0,), (0,))))).contacts
    assert seconds(out.arrival)[2:] == [7]
    assert out.cause.tolist() == [0, 0, Cause.FOLLOW_UP + 2]


def test_rules_of_other_endings_and_other_types_are_passed_over(run):
    rules = [Rule(on=Status.BALKED), Rule(on=A), Rule(of=1, on=B)]
    demand = customers({"talk": 90}, {"at": 1, "patience": 5}, types=2)
    out = run(followed(demand, *rules), levels(1), chained(*rules, types=2, base=desk(((0,), (0,))))).contacts
    assert out.cause.tolist() == [0, 0, Cause.FOLLOW_UP + 1]
    assert out.parent.tolist()[2] == 0  # the answered one


def test_chance_and_row_come_from_the_key(run):
    """The high half of mix(key, 64 + rule) decides, its low bits pick the delay, mix(child, 5) the draws."""
    rule = Rule(on=B, delay=[10, 20, 30, 40])
    draws = [{"talk": 1}, {"talk": 2}, {"talk": 3}, {"talk": 4}]
    people = [{"at": 1 + i, "patience": 1} for i in range(8)]
    demand = followed(customers({"talk": 50}, *people), rule, k0=draws)
    halves = [high(demand.key[i], FOLLOW_UP) for i in range(1, 9)]
    middle = sorted(halves)[3:5]
    again = Rule(on=B, delay=rule.delay, chance=chance_between(*middle))
    out = run(demand, levels(20), chained(again)).contacts
    assert B not in out.status.tolist()  # agents enough: nobody gave up
    out = run(demand, levels(1), chained(again)).contacts
    expected = []
    for i in (i for i in range(1, 9) if halves[i - 1] <= middle[0]):
        key = int(demand.key[i])
        child = mix(key, CHILD)
        expected.append((i, 1 + i + [10, 20, 30, 40][low(key, FOLLOW_UP, 4)], 1 + low(child, DRAWS, 4)))
    found = [
        (p, at / 1000, work / 1000) for p, at, work in zip(out.parent, out.arrival, out.work, strict=True) if p >= 0
    ]
    assert sorted(found) == sorted(expected)


def test_the_second_rule_has_a_draw_and_a_child_of_its_own(run):
    """Purpose 64 + 1 and 4096 + 1 for the type's second rule, whatever comes before it in the file."""
    rules = [Rule(on=Status.CLOSED), Rule(of=1, on=A), Rule(of=1, on=B, to=0, delay=[10, 20])]
    demand = followed(
        customers({"talk": 9}, {"at": 1, "type": 1, "patience": 1}, types=2), *rules, k0=[{"talk": 3}, {"talk": 5}]
    )
    out = run(demand, levels(1), chained(*rules, types=2, base=desk(((0,), (0,))))).contacts
    key = int(demand.key[1])
    assert seconds(out.arrival)[2] == 2 + [10, 20][low(key, FOLLOW_UP + 1, 2)]
    assert out.work[2] == [3000, 5000][low(mix(key, CHILD + 1), DRAWS, 2)]
    assert (out.type[2], out.cause[2]) == (0, Cause.FOLLOW_UP + 2)


def test_the_child_of_a_child_has_the_key_of_both(run):
    redial = Rule(on=B, delay=[1, 2, 3, 4], at_most=2, keeps_patience=True)
    demand = followed(customers({"talk": 90}, {"at": 1, "patience": 2}), redial)
    out = run(demand, levels(1), chained(redial)).contacts
    key = int(demand.key[1])
    first = 3 + 1 + low(key, FOLLOW_UP, 4)
    second = first + 2 + 1 + low(mix(key, CHILD), FOLLOW_UP, 4)
    assert seconds(out.arrival)[2:] == [first, second]


def test_what_is_kept_and_what_is_drawn(run):
    """The parent: patience 2 s, talk 7 and 1 s, factor 1000. The pool: patience 50 s, talk 3 and 2 s."""
    pool = [{"patience": 50, "talk": 3, "after": 2}]
    demand = customers({"talk": 10}, {"at": 1, "patience": 2, "talk": 7, "after": 1})

    def child(**keeps):
        rule = Rule(on=B, delay=1, **keeps)
        out = run(followed(demand, rule, k0=pool), levels(1), chained(rule)).contacts
        return out.status[2], seconds(out.ended)[2], seconds(out.released)[2]

    assert child() == (A, 13, 15)  # asked at 4 s, waits to 10 s
    assert child(keeps_talk=True) == (A, 17, 18)
    assert child(keeps_patience=True) == (B, 6, None)


def test_talk_is_kept_as_the_parent_brought_it_not_as_it_lasted(run):
    """Group 0 takes twice as long: 10 s for 5 s. Group 1 at 1000 needs 5 s for the transfer."""
    transfer = Rule(on=A, to=1, keeps_talk=True)
    base = desk(((0, None), (None, 0)), permille=((2000, 1000), (1000, 1000)))
    demand = followed(customers({"talk": 5, "after": 1}, types=2), transfer)
    out = run(demand, levels((1, 1)), chained(transfer, types=2, base=base)).contacts
    assert seconds(out.ended) == [10, 15]
    assert seconds(out.released) == [12, 16]


def test_a_transfer_asks_in_the_millisecond_in_which_talk_ends(run):
    """It enters after the work of that instant has ended and before delays; contact 1 asked at 3 s and goes first."""
    transfer = Rule(on=A, delay=0)
    demand = followed(customers({"talk": 10}, {"at": 3, "talk": 2}), transfer, k0=[{"talk": 1}])
    out = run(demand, levels(1), chained(transfer)).contacts
    assert seconds(out.queued) == [0, 3, 10, 12]
    assert seconds(out.answered) == [0, 10, 12, 13]
    assert out.parent.tolist() == [-1, -1, 0, 1]


def test_a_transfer_while_the_agent_still_works_on(run):
    """Decided when the talk ends (10 s), not when the agent is free (15 s): another agent takes it at once."""
    transfer = Rule(on=A, to=1)
    demand = followed(customers({"talk": 10, "after": 5}, types=2), transfer, k1=[{"talk": 2}])
    out = run(demand, levels((1, 1)), chained(transfer, types=2, base=desk(((0, None), (None, 0))))).contacts
    assert seconds(out.answered) == [0, 10]
    assert seconds(out.released) == [15, 12]


def test_what_is_not_resolved_comes_again(run):
    """By key of the contact: below the word resolved; else a repeat contact."""
    repeat = Rule(on=Ending.UNRESOLVED, delay=100, at_most=9)
    demand = followed(customers(*({"at": 10 * i, "talk": 1} for i in range(6))), repeat, k0=[{"talk": 1}])
    halves = [high(demand.key[i], RESOLVES) for i in range(6)]
    half = chance_between(*sorted(halves)[2:4])
    out = run(demand, levels(1, 1, 1), chained(repeat, resolved=half, horizon=150)).contacts
    solved = [h <= sorted(halves)[2] for h in halves]
    assert out.resolved.tolist()[:6] == solved
    again = [i for i in range(6) if not solved[i] and 10 * i + 101 < 150]
    assert [p for p, s in zip(out.parent.tolist(), out.status, strict=True) if 0 <= p < 6 and s == A] == again
    assert out.status.tolist().count(AFTER) == len([i for i in range(6) if not solved[i]]) - len(again) + sum(
        not r for p, r, s in zip(out.parent.tolist(), out.resolved, out.status, strict=True) if p >= 0 and s == A
    )


def test_resolution_hangs_on_type_and_group(run):
    base = desk(((0, 1),))
    rules = full(base, resolved=((0, 1),))
    out = run(customers({"talk": 5}, {"talk": 5}), levels((1, 1)), rules).contacts
    assert out.agent.tolist() == [0, 1]
    assert out.resolved.tolist() == [False, True]


def test_answered_and_unresolved_rules_in_file_order(run):
    """`on: answered` comes first in the file and never misses: the repeat contact does not come to pass."""
    rules = [Rule(on=A, delay=1), Rule(on=Ending.UNRESOLVED, delay=2)]
    demand = customers({"talk": 1})
    out = run(followed(demand, *rules), levels(1), chained(*rules, resolved=0)).contacts
    assert out.cause.tolist() == [0, Cause.FOLLOW_UP]
    out = run(followed(demand, *rules[::-1]), levels(1), chained(*rules[::-1], resolved=0)).contacts
    assert (seconds(out.arrival), out.cause.tolist()) == ([0, 3], [0, Cause.FOLLOW_UP])
    out = run(followed(demand, *rules[::-1]), levels(1), chained(*rules[::-1])).contacts
    assert (seconds(out.arrival), out.cause.tolist()) == ([0, 2], [0, Cause.FOLLOW_UP + 1])


def test_what_would_come_after_the_horizon_is_a_row_and_no_event(run):
    """Ends at 5 s; back at 30 s, the end of the horizon."""
    rule = Rule(on=A, delay=25)
    out = run(followed(customers({"talk": 5}), rule), persons((0, [(0, 9)])), chained(rule, horizon=30))
    c = out.contacts
    assert c.status.tolist() == [A, AFTER]
    assert seconds(c.arrival) == [0, 30]
    assert (c.queued[1], c.answered[1], c.ended[1], c.released[1], c.agent[1]) == (NEVER, NEVER, NEVER, NEVER, -1)
    assert (c.root[1], c.parent[1], c.cause[1], c.predicted[1], c.work[1]) == (0, 0, Cause.FOLLOW_UP, NEVER, 0)
    assert out.last_ms == 9000
    inside = run(followed(customers({"talk": 5}), rule), persons((0, [(0, 9)])), chained(rule, horizon=30.001))
    assert (inside.contacts.status[1], inside.last_ms) == (Status.UNSERVED, 30_000)


def test_a_row_after_the_horizon_has_no_children(run):
    rule = Rule(on=A, delay=25, at_most=9)
    out = run(followed(customers({"talk": 5}), rule, k0=[{"talk": 5}]), levels(1), chained(rule, horizon=60)).contacts
    # ends 5, back 30, ends 35, back 60: after the horizon
    assert out.status.tolist() == [A, A, AFTER]


def test_follow_ups_are_numbered_as_they_are_made(run):
    """Contact 2's ending (3 s) makes row 3 which comes at 50 s, contact 1's (9 s) row 4, which comes at 19 s."""
    slow, quick = Rule(of=1, on=B, to=1, delay=47), Rule(of=0, on=B, delay=10)
    base = desk(((0,), (0,)))
    demand = customers({"talk": 90}, {"at": 1, "patience": 8}, {"at": 1, "type": 1, "patience": 2}, types=2)
    out = run(followed(demand, slow, quick), levels(1), chained(slow, quick, types=2, base=base)).contacts
    assert out.parent.tolist()[3:] == [2, 1]
    assert seconds(out.arrival)[3:] == [50, 19]
    assert out.cause.tolist()[3:] == [Cause.FOLLOW_UP + 1, Cause.FOLLOW_UP]


def test_follow_ups_of_one_millisecond_enter_by_number(run):
    """Contacts 1 and 2 give up at 6 s (1 first), both come back at 9 s with contact 3 of the day: 3, 4, 5 in order."""
    redial = Rule(on=B, delay=3)
    demand = customers({"talk": 20}, {"at": 1, "patience": 5}, {"at": 2, "patience": 4}, {"at": 9, "talk": 1})
    out = run(followed(demand, redial, k0=[{"talk": 1}]), levels(1), chained(redial)).contacts
    assert out.parent.tolist()[4:] == [1, 2]
    assert seconds(out.answered)[3:] == [20, 21, 22]


def test_a_boosted_follow_up_goes_before_others_of_its_rank(run):
    """Contact 2 waits since 2 s; the transfer asks at 10 s and goes first if it is boosted."""
    demand = customers({"talk": 10}, {"at": 1, "talk": 3}, {"at": 2, "talk": 3})

    def third(boost):
        rule = Rule(on=A, boost=boost)
        c = run(followed(demand, rule, k0=[{"talk": 1}]), levels(1), chained(rule)).contacts
        assert seconds(c.answered)[:2] == [0, 10]
        return seconds(c.answered)[2], seconds(c.answered)[3]

    # the agent takes contact 1 at 10 s, before the transfer enters; at 13 s contact 2 or the transfer of 10 s
    assert third(boost=False) == (13, 16)
    assert third(boost=True) == (15, 13)  # 13 … 14 the first transfer, 14 … 15 that of contact 1


def test_a_closed_type_may_ask_again(run):
    """Closed at 5 s; 10 s later it is open."""
    rule = Rule(on=Status.CLOSED, delay=10)
    base = desk(opening={0: [(10, 20)]})
    out = run(followed(customers({"at": 5}), rule, k0=[{"talk": 1}]), levels(1), chained(rule, base=base)).contacts
    assert (out.status.tolist(), seconds(out.answered)) == ([Status.CLOSED, A], [None, 15])


@pytest.mark.parametrize("fate", [BotFate.RESOLVED, BotFate.CONTAINED, BotFate.GIVES_UP])
def test_the_bots_endings_may_have_a_follow_up(run, fate):
    ending = {BotFate.RESOLVED: 1, BotFate.CONTAINED: 2, BotFate.GIVES_UP: 3}[fate]
    rules = [Rule(on=other, delay=50) for other in {1, 2, 3} - {ending}]
    rules.append(Rule(on=ending, delay=2))
    out = run(followed(customers({"bot": 4, "fate": fate}), *rules), levels(1), chained(*rules)).contacts
    assert (out.status.tolist(), seconds(out.arrival)) == ([ending, A], [0, 6])


def test_a_follow_up_meets_the_bot_as_the_pool_says(run):
    rule = Rule(on=B, delay=1)
    demand = customers({"talk": 10}, {"at": 1, "patience": 2})
    bot = followed(demand, rule, k0=[{"bot": 3, "hand_off": 2, "talk": 1}])
    out = run(bot, levels(1), chained(rule)).contacts
    assert (seconds(out.arrival)[2], seconds(out.queued)[2], seconds(out.answered)[2]) == (4, 9, 10)
    full_up = chained(rule, bot_limits=bot_limits((0, 0, 0), waits=False))
    assert seconds(run(bot, levels(1), full_up).contacts.queued)[2] == 4
    gone = followed(demand, rule, k0=[{"at_once": 1}])
    assert seconds(run(gone, levels(1), chained(rule)).contacts.ended)[2] == 4


def test_the_silent_decide_when_their_patience_ends(run):
    """Silent at 6 s, asks again at 8 s before the desk has found out; what asked first is opened first."""
    rule = Rule(on=Status.SILENT, delay=2)
    demand = followed(customers({"talk": 10}, {"at": 1, "patience": 5}), rule, k0=[{"talk": 1}])
    out = run(demand, levels(1), chained(rule, silence=silence(k0=3))).contacts
    assert out.status.tolist() == [A, Status.SILENT, A]
    assert seconds(out.queued)[2] == 8
    assert seconds(out.answered)[2] == 13


def test_who_is_cut_off_at_closing_may_come_back_and_who_waits_at_the_end_may_not(run):
    rule = Rule(on=Status.UNSERVED, delay=5, to=1)
    base = desk(((0,), (0,)), opening={0: [(0, 20)]}, disconnects=[0])
    demand = followed(customers({"talk": 30}, {"at": 1}, types=2), rule, k1=[{"talk": 1}])
    out = run(demand, levels(1), chained(rule, types=2, base=base)).contacts
    assert out.status.tolist() == [A, Status.UNSERVED, A]
    assert seconds(out.arrival)[2] == 25
    rule = Rule(on=Status.UNSERVED, delay=5)
    out = run(followed(customers({"at": 1}), rule), levels(0), chained(rule)).contacts
    assert out.status.tolist() == [Status.UNSERVED]


def test_deserted_at_closing_counts_as_cut_off(run):
    """Closed at 20 s, served if anybody comes; the last agent goes at 30 s."""
    rule = Rule(on=Status.UNSERVED, delay=5, to=1)
    base = desk(((0,), (0,)), opening={0: [(10, 20)]})
    demand = followed(customers({"at": 10, "talk": 50}, {"at": 11}, types=2), rule)
    out = run(demand, persons((0, [(0, 30)])), chained(rule, types=2, base=base)).contacts
    assert out.status.tolist() == [A, Status.UNSERVED, Status.UNSERVED]
    assert seconds(out.ended) == [60, 30, 60]


def test_by_level_a_follow_up_on_its_way_keeps_the_desk_open(run):
    """Levels end at 100 s; the redial of 130 s still finds the last level, which then goes home at 131 s.

    One that would come after the horizon keeps nobody: they go at 131 s, not at 181 s.
    """
    rule = Rule(on=A, delay=50, at_most=9)
    demand = followed(customers({"at": 75, "talk": 5}), rule, k0=[{"talk": 1}])
    out = run(demand, levels(1), chained(rule, horizon=150))
    assert seconds(out.contacts.answered) == [75, 130, None]
    assert spells(out) == [(0, 0, 131, 131)]
    assert out.contacts.status.tolist() == [A, A, AFTER]


def test_a_busy_agent_is_not_sent_home_by_a_talk_that_brings_a_follow_up(run):
    """Talk ends at 110 s, when nobody else is unsettled, and makes a follow-up for 120 s: the agent goes all the same.

    The level fell at 100 s, as nobody waited or was on the way; a follow-up of later finds no one.
    """
    rule = Rule(on=A, delay=10)
    out = run(followed(customers({"at": 90, "talk": 20}), rule), levels(1), chained(rule))
    assert spells(out) == [(0, 0, 110, 110)]
    assert out.contacts.status.tolist() == [A, Status.UNSERVED]
    assert out.last_ms == 120_000


def test_a_follow_up_of_the_horizons_very_last_millisecond_is_simulated(run):
    """Talk ends at 5 s; 24.999 s later is inside a horizon of 30 s."""
    rule = Rule(on=A, delay=24.999)
    out = run(followed(customers({"talk": 5}), rule), levels(1), chained(rule, horizon=30)).contacts
    assert (out.status.tolist(), out.ended.tolist()) == ([A, A], [5000, 29_999])
