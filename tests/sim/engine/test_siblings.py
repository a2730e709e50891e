"""Contacts that wait too long ask elsewhere too, and stay: one of them is enough, or each is answered."""

from full_worlds import (
    Rule,
    bot_limits,
    chance_between,
    deferral,
    follow_ups,
    followed,
    full,
    high,
    lines,
    offers,
    silence,
)
from worlds import customers, desk, levels, seconds

from sim.demand import BotFate
from sim.keys import FOLLOW_UP
from sim.mechanisms import Ending, Predictor, Siblings
from sim.outcome import NEVER, Cause, Status

A, W, WAITING, SHARED, SEPARATE = (
    Status.ANSWERED, Status.WITHDRAWN, Ending.WAITING, Siblings.SHARED, Siblings.SEPARATE,
)  # fmt: skip
APART = desk(((0, None), (None, 0)))
"""Type 0 is served by group 0, type 1 by group 1."""
ELSEWHERE = Rule(on=WAITING, after=5, to=1, siblings=SHARED)


def two_desks(*rules, base=APART, **more):
    return full(base, follow_ups=follow_ups(*rules, types=2), **more)


def busy(*contacts):
    """Both groups have one agent, busy to 20 and 30 s with contacts 0 and 1; then the others."""
    return customers({"talk": 20}, {"type": 1, "talk": 30}, *contacts, types=2)


def test_a_copy_is_withdrawn_when_the_original_is_answered(run):
    """Contact 2 asks at 1 s, its copy at 6 s; the original is answered at 20 s, when the copy still waits."""
    demand = followed(busy({"at": 1, "talk": 9}), ELSEWHERE)
    out = run(demand, levels((1, 1)), two_desks(ELSEWHERE)).contacts
    assert out.status.tolist() == [A, A, A, W]
    assert (seconds(out.arrival)[3], seconds(out.queued)[3], seconds(out.ended)[3]) == (6, 6, 20)
    assert (out.answered[3], out.released[3], out.agent[3]) == (NEVER, NEVER, -1)
    assert (out.root[3], out.parent[3], out.cause[3], out.type[3]) == (2, 2, Cause.FOLLOW_UP, 1)


def test_the_original_is_withdrawn_when_its_copy_is_answered(run):
    """Agent 1 is idle: the copy is answered when it asks, at 6 s."""
    demand = followed(customers({"talk": 20}, {"at": 1, "talk": 9}, types=2), ELSEWHERE, k1=[{"talk": 4}])
    out = run(demand, levels((1, 1)), two_desks(ELSEWHERE)).contacts
    assert out.status.tolist() == [A, W, A]
    assert seconds(out.ended) == [20, 6, 10]


def test_who_is_answered_before_makes_no_copy(run):
    """Work ends before delays: the agent is free at 6 s, in which the five seconds are over."""
    demand = followed(customers({"talk": 6}, {"at": 1, "talk": 9}, types=2), ELSEWHERE)
    assert len(run(demand, levels((1, 1)), two_desks(ELSEWHERE)).contacts.status) == 2
    later = followed(customers({"talk": 6.001}, {"at": 1, "talk": 9}, types=2), ELSEWHERE)
    assert len(run(later, levels((1, 1)), two_desks(ELSEWHERE)).contacts.status) == 3


def test_who_gives_up_in_that_instant_has_made_a_copy(run):
    """Delays end before patience: both at 6 s. The copy lives on by itself."""
    demand = followed(busy({"at": 1, "patience": 5}), ELSEWHERE)
    out = run(demand, levels((1, 1)), two_desks(ELSEWHERE)).contacts
    assert out.status.tolist() == [A, A, Status.ABANDONED, A]


def test_giving_up_does_not_withdraw_the_others(run):
    demand = followed(busy({"at": 1, "patience": 8}), ELSEWHERE, k1=[{"patience": 50, "talk": 1}])
    out = run(demand, levels((1, 1)), two_desks(ELSEWHERE)).contacts
    assert out.status.tolist() == [A, A, Status.ABANDONED, A]
    assert seconds(out.answered)[3] == 30


def test_separate_copies_are_answered_too_in_the_time_of_a_duplicate(run):
    """The original is answered at 20 s; the copy, at 30 s, costs 2 s at factor 1000 and no after-contact work."""
    rule = Rule(on=WAITING, after=5, to=1, siblings=SEPARATE, duplicate=2)
    demand = followed(busy({"at": 1, "talk": 9, "after": 3}), rule, k1=[{"talk": 7, "after": 7}])
    out = run(demand, levels((1, 1)), two_desks(rule)).contacts
    assert out.status.tolist() == [A] * 4
    assert (seconds(out.answered)[3], seconds(out.ended)[3], seconds(out.released)[3]) == (30, 32, 32)
    assert out.work[3] == 2000


def test_a_duplicate_is_scaled_by_the_agents_factor(run):
    rule = Rule(on=WAITING, after=5, to=1, siblings=SEPARATE, duplicate=2)
    base = desk(((0, None), (None, 0)), permille=((1000, 1000), (1000, 1500)))
    demand = followed(customers({"talk": 20}, {"type": 1, "talk": 20}, {"at": 1, "talk": 9}, types=2), rule)
    out = run(demand, levels((1, 1)), two_desks(rule, base=base)).contacts
    assert (seconds(out.answered)[3], seconds(out.ended)[3]) == (30, 33)


def test_the_original_can_be_the_duplicate(run):
    """The copy is answered at 6 s in full (4 s); the original at 20 s costs the 2 s of a duplicate."""
    rule = Rule(on=WAITING, after=5, to=1, siblings=SEPARATE, duplicate=2)
    demand = followed(customers({"talk": 20}, {"at": 1, "talk": 9, "after": 9}, types=2), rule, k1=[{"talk": 4}])
    out = run(demand, levels((1, 1)), two_desks(rule)).contacts
    assert seconds(out.ended) == [20, 22, 10]
    assert seconds(out.released) == [20, 22, 10]


def test_without_siblings_both_are_contacts_like_any_other(run):
    rule = Rule(on=WAITING, after=5, to=1)
    demand = followed(busy({"at": 1, "talk": 9}), rule, k1=[{"talk": 7}])
    out = run(demand, levels((1, 1)), two_desks(rule)).contacts
    assert out.status.tolist() == [A] * 4
    assert seconds(out.ended)[2:] == [29, 37]


def test_two_waiting_rules_of_one_moment_first_hit_and_of_two_moments_each(run):
    """After 5 s the first of two; after 8 s another: three in a set, of which one is answered."""
    rules = [
        Rule(on=WAITING, after=5, chance=0, to=1, siblings=SHARED),
        Rule(on=WAITING, after=5, to=1, siblings=SHARED),
        Rule(on=WAITING, after=5, to=0, siblings=SHARED),
        Rule(on=WAITING, after=8, to=1, siblings=SHARED),
    ]
    demand = followed(busy({"at": 1, "talk": 9}), *rules)
    out = run(demand, levels((1, 1)), two_desks(*rules)).contacts
    assert seconds(out.arrival)[3:] == [6, 9]
    assert out.cause.tolist()[3:] == [Cause.FOLLOW_UP + 1, Cause.FOLLOW_UP + 3]
    assert out.status.tolist() == [A, A, A, W, W]
    assert seconds(out.ended)[3:] == [20, 20]


def test_copies_are_withdrawn_by_number(run):
    """Of 6 and 9 s, both at 20 s: the follow-up of the first comes first, though the second asked a better place."""
    rules = [
        Rule(on=WAITING, after=5, to=1, siblings=SHARED),
        Rule(on=WAITING, after=8, to=1, siblings=SHARED, boost=True),
        Rule(of=1, on=W, to=1, at_most=2, delay=50),
    ]
    demand = followed(busy({"at": 1, "talk": 9}), *rules)
    out = run(demand, levels((1, 1)), two_desks(*rules)).contacts
    assert out.status.tolist()[3:5] == [W, W]
    assert out.parent.tolist()[3:] == [2, 2, 3, 4]


def test_at_most_holds_for_copies_too(run):
    """A copy waits as well and would ask back at type 0; it is the first follow-up already."""
    there, back = ELSEWHERE, Rule(of=1, on=WAITING, after=5, to=0, siblings=SHARED)
    demand = followed(busy({"at": 1, "talk": 9}), there, back)
    out = run(demand, levels((1, 1)), two_desks(there, back)).contacts
    assert len(out.status) == 4
    twice = Rule(of=1, on=WAITING, after=5, to=0, siblings=SHARED, at_most=2)
    demand = followed(busy({"at": 1, "talk": 9}), there, twice)
    out = run(demand, levels((1, 1)), two_desks(there, twice)).contacts
    assert out.status.tolist() == [A, A, A, W, W]  # contact 2, its copy of 6 s, the copy's copy of 11 s
    assert (out.parent.tolist()[3:], out.root.tolist()[3:]) == ([2, 3], [2, 2])


def test_copies_are_decided_by_key_at_the_moment(run):
    people = [{"at": 1 + i, "talk": 1} for i in range(4)]
    demand = busy(*people)
    halves = [high(demand.key[i], FOLLOW_UP) for i in range(2, 6)]
    middle = sorted(halves)[1:3]
    rule = Rule(on=WAITING, after=5, to=1, siblings=SHARED, chance=chance_between(*middle))
    out = run(followed(demand, rule), levels((1, 1)), two_desks(rule)).contacts
    assert out.parent.tolist()[6:] == [i for i in range(2, 6) if halves[i - 2] <= middle[0]]


def test_a_copy_on_its_way_is_withdrawn_when_it_arrives(run):
    """Made at 6 s, to arrive at 26 s; the original is answered at 20 s. No closed desk, no line, nothing else first."""
    rule = Rule(on=WAITING, after=5, to=1, siblings=SHARED, delay=20)
    demand = followed(busy({"at": 1, "talk": 9}), rule)
    closed = desk(((0, None), (None, 0)), opening={1: [(0, 10)]})
    rules = two_desks(rule, base=closed, lines=lines((-1, 0), (0,)))
    out = run(demand, levels((1, 1)), rules).contacts
    assert out.status.tolist() == [A, Status.BLOCKED, A, W]
    assert (seconds(out.arrival)[3], seconds(out.queued)[3], seconds(out.ended)[3]) == (26, 26, 26)


def test_a_copy_in_the_bot_is_withdrawn_when_it_asks_and_may_end_in_the_bot(run):
    """In the bot from 6 s on for 20 s; the original is answered at 20 s."""

    def copy(**bot):
        demand = followed(busy({"at": 1, "talk": 9}), ELSEWHERE, k1=[bot])
        out = run(demand, levels((1, 1)), two_desks(ELSEWHERE)).contacts
        return out.status[3], seconds(out.queued)[3], seconds(out.ended)[3]

    assert copy(bot=20) == (W, 26, 26)
    assert copy(bot=20, hand_off=5) == (W, 31, 31)
    assert copy(bot=20, fate=BotFate.CONTAINED) == (Status.CONTAINED_UNRESOLVED, None, 26)


def test_a_copy_that_waits_for_the_bot_is_withdrawn_at_once(run):
    """The bot is full from the start: the copy waits for it from 6 s on; withdrawn at 20 s, it never asked."""
    demand = followed(busy({"at": 1, "talk": 9}), ELSEWHERE, k1=[{"bot": 3}])
    rules = two_desks(ELSEWHERE, bot_limits=bot_limits((0, 0, 0), bot_of=(-1, 0)))
    out = run(demand, levels((1, 1)), rules).contacts
    assert (out.status[3], out.queued[3], seconds(out.ended)[3]) == (W, NEVER, 20)


def test_a_call_back_answers_for_all_and_unanswered_it_does_not(run):
    """Contact 2 accepts a call-back at 1 s; its copy waits from 6 s on. Rung at 20 s, at 22 s answered or not."""
    told = {"predictor": Predictor.QUEUE_LENGTH, "offer_at": 0, "promise": 100, "ring": 2}
    demand = followed(busy({"at": 1, "talk": 9}), ELSEWHERE, k1=[{"talk": 1}])
    out = run(demand, levels((1, 1)), two_desks(ELSEWHERE, offers=offers(2, k0=told))).contacts
    assert out.status.tolist() == [A, A, Status.CALLED_BACK, W]
    assert seconds(out.ended)[3] == 22
    out = run(demand, levels((1, 1)), two_desks(ELSEWHERE, offers=offers(2, k0={**told, "answer": 0}))).contacts
    assert out.status.tolist() == [A, A, Status.CALLBACK_UNANSWERED, A]
    assert seconds(out.answered)[3] == 30


def test_one_being_rung_stays_as_it_is(run):
    """The copy is answered at 21 s while the original is being rung (20 … 22 s): the original talks as well."""
    told = {"predictor": Predictor.QUEUE_LENGTH, "offer_at": 0, "promise": 100, "ring": 2}
    demand = followed(
        customers({"talk": 20}, {"type": 1, "talk": 21}, {"at": 1, "talk": 9}, types=2), ELSEWHERE, k1=[{"talk": 5}]
    )
    out = run(demand, levels((1, 1)), two_desks(ELSEWHERE, offers=offers(2, k0=told))).contacts
    assert out.status.tolist() == [A, A, Status.CALLED_BACK, A]
    assert seconds(out.ended)[2:] == [31, 26]


def test_an_open_silent_one_does_not_answer_for_the_others(run):
    """Contact 2 goes silently at 9 s (its copy asked at 6 s); opened at 20 s: that is no answer."""
    demand = followed(busy({"at": 1, "patience": 8}), ELSEWHERE, k1=[{"talk": 1}])
    out = run(demand, levels((1, 1)), two_desks(ELSEWHERE, silence=silence(2, k0=3))).contacts
    assert out.status.tolist() == [A, A, Status.SILENT, A]
    assert (seconds(out.released)[2], seconds(out.answered)[3]) == (23, 30)


def test_a_silent_one_in_the_queue_is_left_there(run):
    """The copy is answered at 30 s; the original went silently at 9 s and is still opened, at 40 s."""
    people = customers({"talk": 40}, {"type": 1, "talk": 30}, {"at": 1, "patience": 8}, types=2)
    rules = two_desks(ELSEWHERE, silence=silence(2, k0=3))
    out = run(followed(people, ELSEWHERE, k1=[{"talk": 1}]), levels((1, 1)), rules).contacts
    assert out.status.tolist() == [A, A, Status.SILENT, A]
    assert seconds(out.released)[2:] == [43, 31]


def test_a_withdrawal_has_follow_ups_and_frees_line_and_place(run):
    """Type 1 has one line and one place. The copy holds both from 6 to 20 s: blocked at 7 s, not at 21 s."""
    after = Rule(of=1, on=W, to=0, delay=1, at_most=2)
    rules = two_desks(ELSEWHERE, after, lines=lines((-1, 0), (1,), place_of=(-1, 0), places=(1,)))
    demand = customers(
        {"talk": 20}, {"at": 1, "talk": 9}, {"at": 7, "type": 1}, {"at": 21, "type": 1, "patience": 2}, types=2
    )
    out = run(followed(demand, ELSEWHERE, after), levels((1, 0)), rules).contacts
    assert out.status.tolist()[:5] == [A, A, Status.BLOCKED, Status.ABANDONED, W]
    assert (out.parent[5], seconds(out.arrival)[5], out.type[5]) == (4, 21, 0)


def test_a_boosted_copy_and_waiting_counts_from_asking(run):
    """Out of the bot at 4 s: the copy comes at 9 s, before others of type 1."""
    rule = Rule(on=WAITING, after=5, to=1, siblings=SHARED, boost=True)
    slow = busy({"at": 1, "bot": 3, "talk": 9}, {"at": 2, "type": 1, "talk": 1})
    out = run(followed(slow, rule, k1=[{"talk": 5}]), levels((1, 1)), two_desks(rule)).contacts
    assert (seconds(out.arrival)[4], out.status[4]) == (9, W)
    quick = customers({"talk": 40}, {"type": 1, "talk": 30}, {"at": 1, "talk": 9}, {"at": 2, "type": 1}, types=2)
    out = run(followed(quick, rule, k1=[{"talk": 5}]), levels((1, 1)), two_desks(rule)).contacts
    assert seconds(out.answered)[3:] == [35, 30]


def test_waiting_mail_makes_a_copy_and_mail_once_begun_does_not(run):
    """Mail of type 0 waits from 1 s on; its copy (live) comes at 6 s. Handed-back mail makes none."""
    rules = two_desks(ELSEWHERE, deferral=deferral(2, (0,), (0,)))
    demand = followed(customers({"talk": 20}, {"at": 1, "talk": 9}, types=2), ELSEWHERE, k1=[{"talk": 1}])
    out = run(demand, levels((1, 1)), rules).contacts
    assert out.status.tolist() == [A, W, A]
    assert seconds(out.ended) == [20, 6, 7]
