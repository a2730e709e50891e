"""What one who has to wait is told: the wait foretold, balking, call-backs."""

from full_worlds import Rule, chance_between, deferral, follow_ups, followed, full, high, lines, offers
from worlds import customers, desk, levels, persons, seconds, spells

from sim.keys import ACCEPTS_CALLBACK, ANSWERS_CALLBACK, BALKS
from sim.mechanisms import Predictor
from sim.outcome import NEVER, Status

A, B, BALKED = Status.ANSWERED, Status.ABANDONED, Status.BALKED
BACK, RANG = Status.CALLED_BACK, Status.CALLBACK_UNANSWERED
HEAD, LAST, MODEL, LENGTH = Predictor.HEAD_OF_LINE, Predictor.LAST_TO_ENTER, Predictor.MODEL, Predictor.QUEUE_LENGTH


def told(predictor, **more):
    return full(desk(), offers=offers(k0={"predictor": predictor, **more}))


# -------------------------------------------------------------------------------------------------------- predictors


def test_nothing_is_foretold_to_who_is_served_at_once_or_would_not_wait(run):
    out = run(customers({"talk": 5}, {"at": 1, "at_once": 1}, {"at": 2}), levels(1), told(LENGTH)).contacts
    assert out.predicted.tolist() == [NEVER, NEVER, 0]


def test_head_of_line(run):
    """At 2 s nobody waits; at 5 s the first has waited 3 s; at 8 s it is gone and the second has waited 3 s."""
    out = run(customers({"talk": 10}, {"at": 2, "patience": 4}, {"at": 5}, {"at": 8}), levels(1), told(HEAD)).contacts
    assert out.predicted.tolist() == [NEVER, 0, 3000, 3000]


def test_last_to_enter(run):
    """Taken at once: 0. The one who asked at 1 s entered at 10 s after 9 s. One who gave up never entered."""
    out = run(
        customers(
            {"talk": 10}, {"at": 1, "talk": 10}, {"at": 2, "patience": 5}, {"at": 12, "talk": 1}, {"at": 21, "talk": 1}
        ),
        levels(1),
        told(LAST),
    ).contacts
    # contacts 1 and 2 hear 0; at 12 s: 9 s; contact 3 enters at 20 s after 8 s and is done at 21 s: contact 4 at once
    assert out.predicted.tolist() == [NEVER, 0, 0, 9000, NEVER]


def test_last_to_enter_is_of_the_type_and_0_before_any(run):
    rules = full(desk(((0,), (0,))), offers=offers(2, k0={"predictor": LAST}, k1={"predictor": LAST}))
    out = run(
        customers({"talk": 10}, {"at": 1, "talk": 4}, {"at": 11, "type": 1}, {"at": 12}, types=2), levels(1), rules
    ).contacts
    assert out.predicted.tolist() == [NEVER, 0, 0, 9000]


def test_the_model_counts_who_waits_and_who_may_serve(run):
    """30 s each. Two agents may (a third may not): (0 + 1) * 30 / 2 = 15 s, then 30 s, then 45 s.

    From 20 s on one of them is leaving, but at the desk; from 40 s on it is gone: 4 * 30 / 1.
    """
    rules = full(desk(((0, None),)), offers=offers(k0={"predictor": MODEL, "handle": 30}))
    out = run(
        customers({"talk": 40}, {"talk": 90}, {"at": 1}, {"at": 2}, {"at": 3}, {"at": 30}, {"at": 40}),
        persons((0, [(0, 20)]), (0, [(0, 500)]), (1, [(0, 500)]), groups=2),
        rules,
    ).contacts
    assert out.predicted.tolist() == [NEVER, NEVER, 15_000, 30_000, 45_000, 60_000, 150_000]


def test_the_model_with_nobody_there_counts_one(run):
    out = run(customers({"at": 1}, {"at": 2}), persons((0, [(10, 20)])), told(MODEL, handle=7)).contacts
    assert out.predicted.tolist() == [7000, 14_000]


def test_the_model_by_level_counts_the_excess_while_it_is_there(run):
    """Two heads fall to one at 100 s, both busy: two are at the desk until 110 s. 7 s / 2 = 3.5 s."""
    out = run(
        customers({"at": 90, "talk": 20}, {"at": 90, "talk": 40}, {"at": 105}, {"at": 115}),
        levels(2, 1),
        told(MODEL, handle=7),
    ).contacts
    # 110 s: agent 0 goes before looking, so contact 2 still waits at 115 s: 2 * 7 / 1
    assert out.predicted.tolist() == [NEVER, NEVER, 3500, 14_000]


def test_the_length_of_the_queue_is_that_of_the_type(run):
    rules = full(desk(((0,), (0,))), offers=offers(2, k0={"predictor": LENGTH}, k1={"predictor": LENGTH}))
    out = run(
        customers({"talk": 10}, {"at": 1}, {"at": 2, "type": 1}, {"at": 3}, {"at": 4}, types=2), levels(1), rules
    ).contacts
    assert out.predicted.tolist() == [NEVER, 0, 0, 1, 2]


def test_work_that_can_wait_is_told_nothing(run):
    rules = full(desk(), offers=offers(k0={"predictor": LENGTH, "balk": [(0, 1)]}), deferral=deferral(1, (0,)))
    out = run(customers({"talk": 5}, {"at": 1, "talk": 1}), levels(1), rules).contacts
    assert (out.predicted.tolist(), out.status.tolist()) == ([NEVER, NEVER], [A, A])


# ----------------------------------------------------------------------------------------------------------- balking


def test_who_hears_enough_goes(run):
    """From two waiting on all balk; one who balks does not wait, so the next hears the same."""
    out = run(
        customers({"talk": 9}, {"at": 1, "talk": 1}, {"at": 2, "talk": 1}, {"at": 3}, {"at": 4}),
        levels(1),
        told(LENGTH, balk=[(2, 1)]),
    ).contacts
    assert out.status.tolist() == [A, A, A, BALKED, BALKED]
    assert (seconds(out.queued)[3], seconds(out.ended)[3], out.predicted[3]) == (3, 3, 2)
    assert (out.answered[3], out.agent[3]) == (NEVER, -1)


def test_the_last_step_reached_counts(run):
    """From 1 s on all balk, from 4 s on nobody: 1 s is at the step, 3 s is still the first one, 4 s the second."""
    out = run(
        customers({"talk": 30}, {"at": 1}, {"at": 2}, {"at": 4}, {"at": 5}, {"at": 6}),
        levels(1),
        told(HEAD, balk=[(1, 1), (4, 0)]),
    ).contacts
    assert out.predicted.tolist() == [NEVER, 0, 1000, 3000, 4000, 5000]
    assert out.status.tolist() == [A, A, BALKED, BALKED, A, A]


def test_balking_is_decided_by_key(run):
    """The half of the mix below the word balks, the other does not."""
    demand = customers({"talk": 9}, {"at": 1, "talk": 1}, {"at": 2, "talk": 1})
    first, second = (high(demand.key[i], BALKS) for i in (1, 2))
    out = run(demand, levels(1), told(LENGTH, balk=[(0, chance_between(first, second))])).contacts
    assert (out.status == BALKED).tolist() == [False, first < second, second < first]


def test_one_who_balks_gives_the_line_back(run):
    rules = full(desk(), offers=offers(k0={"predictor": LENGTH, "balk": [(0, 1)]}), lines=lines((0,), (2,)))
    out = run(customers({"talk": 9}, {"at": 1}, {"at": 1}, {"at": 1}), levels(1), rules).contacts
    assert out.status.tolist() == [A, BALKED, BALKED, BALKED]


# -------------------------------------------------------------------------------------------------------- call-backs

RING = {"predictor": LENGTH, "offer_at": 0, "promise": 20, "ring": 2}


def test_a_call_back_keeps_its_place_is_rung_and_talks(run):
    """Contact 1 has no patience to lose. Rung 10 … 12 s, talk to 17 s, after-contact work to 18 s."""
    out = run(
        customers({"talk": 10}, {"at": 1, "patience": 3, "talk": 5, "after": 1}), levels(1), told(**RING)
    ).contacts
    assert out.status.tolist() == [A, BACK]
    assert (seconds(out.queued)[1], seconds(out.answered)[1], seconds(out.ended)[1]) == (1, 12, 17)
    assert (seconds(out.released)[1], out.work[1], out.agent[1], out.resolved[1]) == (18, 8000, 0, True)


def test_one_who_does_not_answer_costs_the_ringing(run):
    out = run(
        customers({"talk": 10}, {"at": 1, "talk": 5}, {"at": 11, "patience": 50, "talk": 1}),
        levels(1),
        told(**RING, answer=0),
    ).contacts
    # contact 2 asks while ringing goes on and accepts too
    assert out.status.tolist() == [A, RANG, RANG]
    assert (out.answered[1], seconds(out.ended)[1], seconds(out.released)[1]) == (NEVER, 12, 12)
    assert (out.agent[1], out.work[1], bool(out.resolved[1])) == (0, 2000, False)
    assert seconds(out.released)[2] == 14


def test_accepting_and_answering_are_decided_by_key(run):
    demand = customers({"talk": 10}, *({"at": 1 + i, "patience": 3, "talk": 1} for i in range(4)))
    accepts = [high(demand.key[i], ACCEPTS_CALLBACK) for i in range(1, 5)]
    answers = [high(demand.key[i], ANSWERS_CALLBACK) for i in range(1, 5)]
    middle, half = sorted(accepts), sorted(answers)
    accept, answer = chance_between(middle[1], middle[2]), chance_between(half[1], half[2])
    out = run(demand, levels(1), told(**{**RING, "accept": accept, "answer": answer})).contacts
    expected = [(BACK if answers[i] <= half[1] else RANG) if accepts[i] <= middle[1] else B for i in range(4)]
    assert out.status.tolist()[1:] == expected


def test_a_call_back_is_boosted_from_the_promised_moment_on(run):
    """Contact 1 (asked at 1 s) waits on the line, contact 2 (asked at 3 s) accepts, promised for 3 + 5 = 8 s.

    An agent free at 7 s takes contact 1; at 8 s too, for work ends before delays do; one free at 9 s rings contact 2.
    """
    rules = told(HEAD, offer_at=2, promise=5, ring=1)

    def first_taken(talk):
        out = run(customers({"talk": talk}, {"at": 1, "talk": 1}, {"at": 3, "talk": 1}), levels(1), rules).contacts
        assert out.predicted.tolist() == [NEVER, 0, 2000]
        return 1 if out.answered[1] < out.answered[2] else 2

    assert [first_taken(talk) for talk in (7, 8, 9)] == [1, 1, 2]


def test_boost_does_not_beat_a_better_rank(run):
    rules = full(desk(((0,), (1,))), offers=offers(2, k1={**RING, "promise": 1}))
    out = run(
        customers({"talk": 10}, {"at": 1, "type": 1, "talk": 1}, {"at": 9, "talk": 1}, types=2), levels(1), rules
    ).contacts
    assert seconds(out.answered) == [0, 13, 10]


def test_boosted_ones_come_in_the_order_of_asking(run):
    """Contact 1 is promised for 1 + 8 s, contact 2 too late; contacts 2 and 3 of the other type: promise 2 s.

    Equal ranks: at 10 s all three are boosted; the one who asked first goes first.
    """
    rules = full(
        desk(((0,), (0,))), offers=offers(2, k0={**RING, "promise": 8, "ring": 1}, k1={**RING, "promise": 2, "ring": 1})
    )
    out = run(
        customers(
            {"talk": 10},
            {"at": 1, "talk": 1},
            {"at": 2, "type": 1, "talk": 1},
            {"at": 3, "type": 1, "talk": 1},
            types=2,
        ),
        levels(1),
        rules,
    ).contacts
    assert seconds(out.answered) == [0, 11, 13, 15]


def test_a_call_back_is_rung_before_the_promise_if_it_is_its_turn(run):
    out = run(customers({"talk": 3}, {"at": 1, "talk": 1}), levels(1), told(**RING)).contacts
    assert seconds(out.answered) == [0, 5]


def test_nobody_is_offered_a_call_back_below_the_limit(run):
    out = run(
        customers({"talk": 30}, {"at": 1, "patience": 2}, {"at": 2, "patience": 2}),
        levels(1),
        told(**{**RING, "offer_at": 1}),
    ).contacts
    assert out.status.tolist() == [A, B, BACK]


def test_balking_comes_before_the_offer(run):
    out = run(customers({"talk": 3}, {"at": 1}), levels(1), told(**RING, balk=[(0, 1)])).contacts
    assert out.status.tolist() == [A, BALKED]


def test_a_call_back_gives_its_line_and_its_place_back(run):
    """Two lines, one place: each who accepts leaves both to the next."""
    rules = full(
        desk(),
        offers=offers(k0=RING),
        lines=lines((0,), (2,), place_of=(0,), places=(1,)),
    )
    out = run(customers({"talk": 50}, *({"at": 1 + i, "talk": 1} for i in range(4))), levels(1), rules).contacts
    assert out.status.tolist() == [A, BACK, BACK, BACK, BACK]


def test_without_the_offer_they_are_blocked(run):
    rules = full(desk(), lines=lines((0,), (3,), place_of=(0,), places=(1,)))
    out = run(customers({"talk": 50}, *({"at": 1 + i, "talk": 1} for i in range(4))), levels(1), rules).contacts
    assert out.status.tolist() == [A, A, *[Status.BLOCKED] * 3]


def test_who_asks_during_the_ringing_hears_how_long_the_one_rung_had_waited(run):
    """LAST_TO_ENTER counts a call-back from the moment the ringing starts: asked at 1 s, rung at 10 s."""
    out = run(
        customers({"talk": 10}, {"at": 1, "talk": 1}, {"at": 11, "talk": 1}),
        levels(1),
        told(LAST, offer_at=0, promise=99, ring=2),
    ).contacts
    assert out.predicted.tolist() == [NEVER, 0, 9000]


def test_call_backs_count_in_the_length_of_the_queue(run):
    out = run(customers({"talk": 10}, *({"at": 1 + i} for i in range(3))), levels(1), told(**RING)).contacts
    assert out.predicted.tolist() == [NEVER, 0, 1, 2]


def test_a_call_back_never_rung_is_unserved(run):
    out = run(customers({"at": 1, "patience": 3}), persons((0, [(50, 60)])), told(**RING)).contacts
    assert (out.status.tolist(), seconds(out.answered)) == ([BACK], [52])
    out = run(customers({"at": 1, "patience": 3}), persons((0, [])), told(**RING))
    assert (out.contacts.status.tolist(), seconds(out.contacts.ended)) == ([Status.UNSERVED], [21])
    assert out.last_ms == 21_000  # the promise is an event


def test_at_closing_a_call_back_is_cut_off_too(run):
    rules = full(desk(opening={0: [(0, 20)]}, disconnects=[0]), offers=offers(k0={**RING, "promise": 3}))
    out = run(customers({"talk": 30}, {"at": 1}, {"at": 18}), levels(1), rules).contacts
    assert out.status.tolist() == [A, Status.UNSERVED, Status.UNSERVED]
    assert seconds(out.ended) == [30, 20, 20]


def test_an_agent_who_is_leaving_rings_and_talks_to_the_end(run):
    out = run(customers({"at": 1, "talk": 9}), persons((0, [(5, 6)])), told(**RING))
    assert seconds(out.contacts.ended) == [16]
    assert spells(out) == [(0, 5, 6, 16)]


def test_one_retry_after_an_unanswered_call_back(run):
    """A follow-up of CALLBACK_UNANSWERED: asked again 30 s later, when the agent is free."""
    again = Rule(on=RANG, delay=30)
    rules = full(desk(), offers=offers(k0={**RING, "answer": 0}), follow_ups=follow_ups(again))
    out = run(followed(customers({"talk": 10}, {"at": 1}), again, k0=[{"talk": 4}]), levels(1), rules).contacts
    assert out.status.tolist() == [A, RANG, A]
    assert (seconds(out.arrival)[2], seconds(out.ended)[2], out.root[2]) == (42, 46, 1)


def test_by_level_a_call_back_keeps_the_desk_open_until_it_is_rung(run):
    """Horizon 100 s; the call-back waits until 130 s, then everybody may go, but it is talked to first."""
    out = run(customers({"at": 50, "talk": 80}, {"at": 60, "talk": 7}), levels(1), told(**RING))
    assert seconds(out.contacts.answered) == [50, 132]
    assert spells(out) == [(0, 0, 139, 139)]
