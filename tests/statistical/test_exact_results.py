"""The full model against results that are known exactly: each mechanism alone, in a desk that theory can solve.

A score is summed over the contacts of each replication that is 0 on average if the theory holds (such as blocked
contacts less the theoretical share of all), so that no ratio is biased. Alpha 1e-4 each; `seen` in the tests is the
relative bias that a test would see nine times in ten. Demand is drawn here, straight from NumPy.
"""

from collections.abc import Callable
from dataclasses import replace
from math import factorial
from typing import Any

import numpy as np
import pytest
from chance import agree, close_mean, smallest_visible_bias
from full_worlds import Rule, deferral, follow_ups, full, lines, offers, slots
from published_cases import published
from worlds import S, desk, levels

from sim.demand import FOREVER, BotFate, Demand, Pools
from sim.engine import compiled
from sim.estimates import mean_of, ratio_of
from sim.mechanisms import Predictor
from sim.outcome import Contacts, Status

Times = Callable[[np.random.Generator, int], Any]
A = Status.ANSWERED


def drawn(
    replication: int, at: Any, talk: Any, *, after: Any = 0.0, patience: Any = None, kind: Any = 0, types: int = 1
) -> Demand:
    """Contacts by columns in seconds, in order of arrival."""
    n = len(at)
    order = np.argsort(np.rint(at * S), kind="stable")

    def whole(seconds: Any) -> Any:
        return np.rint(np.broadcast_to(seconds, n)[order] * S)

    return Demand(
        types=tuple(f"type_{k}" for k in range(types)),
        seed=20,
        replication=replication,
        type=np.broadcast_to(kind, n)[order].astype(np.int16),
        arrival_ms=whole(at).astype(np.int64),
        fate=np.full(n, BotFate.NO_BOT, np.uint8),
        bot_ms=np.zeros(n, np.int32),
        hand_off_ms=np.zeros(n, np.int32),
        patience_ms=np.full(n, FOREVER, np.int32) if patience is None else whole(patience).astype(np.int32),
        leaves_at_once=np.zeros(n, np.bool_),
        talk_ms=whole(talk).astype(np.int32),
        after_ms=whole(after).astype(np.int32),
    )


def poisson(dice: np.random.Generator, rate: float, length: float) -> Any:
    """Arrivals of a rate per second over so many seconds."""
    return np.sort(dice.uniform(0, length, dice.poisson(rate * length)))


def exponential(mean: float) -> Times:
    return lambda dice, n: dice.exponential(mean, n)


def fixed(mean: float) -> Times:
    return lambda _, n: np.full(n, mean)


def two_sorts(mean: float) -> Times:
    """Nine in ten last a third of the mean, one in ten seven times it: squared variation 4.0."""
    return lambda dice, n: np.where(dice.random(n) < 0.9, mean / 3, mean * 7)


LAWS = {"exponential": exponential, "fixed": fixed, "two sorts": two_sorts}
LENGTH, WARM = 40_000, 4_000  # seconds


def staffed(*heads: int) -> Any:
    """So many agents of each group from first to last."""
    return levels(heads, interval=LENGTH)


def settled(c: Contacts, until: float = LENGTH) -> Any:
    """Contacts that arrive after the warm-up."""
    return (c.arrival >= WARM * S) & (c.arrival < until * S)


def birth_and_death(up: Any, down: Any) -> Any:
    """Stationary shares of a chain with rates up[n] from n and down[n] from n + 1."""
    weights = np.cumprod(np.concatenate([[1.0], np.asarray(up) / np.asarray(down)]))
    return weights / weights.sum()


def stationary(rates: Any) -> Any:
    """Stationary shares of a chain with these rates between states."""
    flow = rates - np.diag(rates.sum(axis=1))
    flow[:, -1] = 1
    return np.linalg.solve(flow.T, np.eye(len(flow))[-1])


def holds(scores: Any, per: Any, truth: float, *, seen: float) -> None:
    """Whether sums of (value - truth) vanish on average, where a relative bias of `seen` would be seen."""
    scores, per = np.asarray(scores, float), np.asarray(per, float)
    error = scores.std(ddof=1) / len(scores) ** 0.5 / (per.mean() * truth)
    assert smallest_visible_bias(error) < seen
    assert close_mean(scores, 0.0), scores.mean() / per.mean() / truth


# ------------------------------------------------------------------------------------------------- slots and lines


@pytest.mark.parametrize("law", LAWS)
def test_chats_without_waiting_are_processor_sharing(law):
    """Four slots, n chats at 1000, 700, 500 and 400 thousandths each, who finds no slot is lost.

    The number in hand is a birth-and-death chain whatever the law of talk (insensitivity of processor sharing with
    rates by state; Cohen 1979, Acta Informatica 12): lost are pi(4) of all, and chats last E[n] / accepted rate.
    Planted fault seen: rates one place off.
    """
    rate, mean, paces = 0.03, 60.0, (1000, 700, 500, 400)
    shares = birth_and_death([rate] * 4, [(n + 1) * pace / 1000 / mean for n, pace in enumerate(paces)])
    lost, lasts = shares[4], (np.arange(5) * shares).sum() / (rate * (1 - shares[4]))
    rules = full(desk(), slots=slots((4,), ((1,),), (paces,)), lines=lines(place_of=(0,), places=(0,)), horizon=LENGTH)
    found = []
    for replication in range(150):
        dice = np.random.default_rng([1, list(LAWS).index(law), replication])
        at = poisson(dice, rate, LENGTH)
        c = compiled.run(drawn(replication, at, LAWS[law](mean)(dice, len(at))), staffed(1), rules).contacts
        mine = settled(c)
        in_hand = mine & (c.status == A)
        took = (c.ended - c.answered)[in_hand] / S
        found.append((((c.status == Status.BLOCKED) - lost)[mine].sum(), mine.sum(), (took - lasts).sum(), len(took)))
    scores = np.array(found).T
    holds(scores[0], scores[1], lost, seen=0.06)
    holds(scores[2], scores[3], lasts, seen=0.04)


def test_chats_with_a_queue_are_a_queue_with_rates_by_state():
    """Three slots at 1000, 600 and 450 thousandths, exponential talk: M/M/1 with rates 1, 1.2, 1.35, 1.35, … / 60 s.

    Share that waits and mean wait by the chain and Little's law. Planted fault seen: 480 in place of 450.
    """
    rate, mean, most = 0.018, 60.0, 400
    paces = [1.0, 1.2] + [1.35] * (most - 2)
    shares = birth_and_death([rate] * most, np.array(paces) / mean)
    waits = shares[3:].sum()
    wait = (np.maximum(np.arange(most + 1) - 3, 0) * shares).sum() / rate
    rules = full(desk(), slots=slots((3,), ((1,),), ((1000, 600, 450),)), horizon=LENGTH)
    found = []
    for replication in range(300):
        dice = np.random.default_rng([2, replication])
        at = poisson(dice, rate, LENGTH)
        c = compiled.run(drawn(replication, at, dice.exponential(mean, len(at))), staffed(1), rules).contacts
        mine = settled(c)
        waited = ((c.answered - c.queued) / S)[mine]
        found.append(((waited - wait).sum(), ((waited > 0) - waits).sum(), mine.sum()))
    scores = np.array(found).T
    holds(scores[1], scores[2], waits, seen=0.06)
    holds(scores[0], scores[2], wait, seen=0.2)


@pytest.mark.parametrize("law", LAWS)
def test_trunks_are_erlangs_loss_system(law):
    """Twelve lines, load 10, forty agents who need a minute more for after-contact work: Erlang B.

    After-contact work keeps no line; the lost share does not hang on the law of talk (Sevastyanov 1957). Planted fault
    seen: one line less.
    """
    load, agents, mean = 10.0, 40, 60.0
    lost = load**12 / factorial(12) / sum(load**n / factorial(n) for n in range(13))
    rules = full(desk(), lines=lines((0,), (12,)), horizon=LENGTH)
    found = []
    for replication in range(60):
        dice = np.random.default_rng([3, list(LAWS).index(law), replication])
        at = poisson(dice, load / mean, LENGTH)
        demand = drawn(replication, at, LAWS[law](mean)(dice, len(at)), after=mean)
        c = compiled.run(demand, staffed(agents), rules).contacts
        mine = settled(c)
        found.append((((c.status == Status.BLOCKED) - lost)[mine].sum(), mine.sum()))
    scores = np.array(found).T
    holds(scores[0], scores[1], lost, seen=0.07)


def test_mmc_with_five_waiting_places_over_a_day():
    """M/M/12/17 of the ContactCenters library's guide: 4.2 a minute for 8 h, talk of 2 min, empty at the start."""
    theirs = published(
        "cc-mmc-blocked",
        {
            "blocked_per_day": {"mean": 18.655, "ci95": [18.045, 19.265]},
            "served_within_AWT_per_day": {"mean": 1854.284, "ci95": [1851.667, 1856.901]},
            "SL_over_served": {"mean": 0.929, "ci95": [0.928, 0.93]},
            "SL_with_blocked": {"mean": 0.92, "ci95": [0.919, 0.922]},
            "mean_wait_served_min": {"mean": 0.06, "ci95": [0.059, 0.061]},
            "occupancy": {"mean": 0.689, "ci95": [0.688, 0.69]},
        },
    )
    day = 480 * 60
    rules = full(desk(), lines=lines(place_of=(0,), places=(5,)), horizon=day)
    found = []
    for replication in range(1000):
        dice = np.random.default_rng([4, replication])
        at = poisson(dice, 4.2 / 60, day)
        demand = drawn(replication, at, dice.exponential(120, len(at)))
        c = compiled.run(demand, levels(12, interval=day), rules).contacts
        served = c.status == A
        wait = (c.answered - c.queued)[served]
        busy = np.minimum(c.released[served], day * S) - np.minimum(c.answered[served], day * S)
        found.append((len(at) - served.sum(), (wait < 20_000).sum(), served.sum(), wait.sum() / 60_000, busy.sum()))
    blocked, good, served, wait, busy = np.array(found, float).T
    for name, ours in {
        "blocked_per_day": mean_of(blocked),
        "served_within_AWT_per_day": mean_of(good),
        "SL_over_served": ratio_of(good, served),
        "SL_with_blocked": ratio_of(good, served + blocked),
        "mean_wait_served_min": ratio_of(wait, served),
        "occupancy": mean_of(busy / (12 * day * S)),
    }.items():
        low, high = theirs[name]["ci95"]
        assert agree(ours.mean, (ours.high - ours.low) / 2, theirs[name]["mean"], (high - low) / 2, 0.001), name


# ---------------------------------------------------------------------------------------- being told, being called


def test_balking_is_a_queue_with_arrivals_by_state():
    """M/M/1, talk of 60 s at 1.5 times its capacity; 0.2, 0.5, 0.9 balk with 0, 1, 2 waiting, all with 3.

    Planted fault seen: each step one contact later.
    """
    rate, mean, balk = 0.025, 60.0, (0.2, 0.5, 0.9)
    ups = [rate, *(rate * (1 - share) for share in balk)]
    shares = birth_and_death(ups, [1 / mean] * 4)
    balks = (shares[1:] * [*balk, 1]).sum()
    joined = rate * (1 - balks)
    wait = (np.maximum(np.arange(5) - 1, 0) * shares).sum() / joined
    told = {"predictor": Predictor.QUEUE_LENGTH, "balk": [*enumerate(balk), (3, 1)]}
    rules = full(desk(), offers=offers(k0=told), horizon=LENGTH)
    found = []
    for replication in range(150):
        dice = np.random.default_rng([5, replication])
        at = poisson(dice, rate, LENGTH)
        c = compiled.run(drawn(replication, at, dice.exponential(mean, len(at))), staffed(1), rules).contacts
        mine = settled(c)
        served = mine & (c.status == A)
        waited = ((c.answered - c.queued) / S)[served]
        balked = (c.status == Status.BALKED) - balks
        found.append((balked[mine].sum(), mine.sum(), (waited - wait).sum(), len(waited)))
    scores = np.array(found).T
    holds(scores[0], scores[1], balks, seen=0.025)
    holds(scores[2], scores[3], wait, seen=0.04)


def test_call_backs_are_a_chain():
    """One agent, talk of 60 s. Who would wait accepts a call-back (0.7) or leaves at once; 0.6 answer it; no ringing.

    With n in the system: up by rate (n = 0) or 0.7 * rate; at the end of a talk those who do not answer are passed
    over, so down from n to n - 1 - j with j of them. Solved up to 80. Planted fault seen: 0.63 answer.
    """
    rate, mean, accept, answer, most = 0.022, 60.0, 0.7, 0.6, 80
    rates = np.zeros((most + 1, most + 1))
    for n in range(most + 1):
        if n < most:
            rates[n, n + 1] = rate if n == 0 else rate * accept
        for j in range(n):  # so many do not answer, then one does, or nobody is left
            rates[n, n - 1 - j] = (1 - answer) ** j * (answer if j < n - 1 else 1) / mean
    shares = stationary(rates)
    busy = 1 - shares[0]
    wait = (np.maximum(np.arange(most + 1) - 1, 0) * shares).sum() / (rate * accept * busy)
    told = {"predictor": Predictor.QUEUE_LENGTH, "offer_at": 0, "accept": accept, "promise": 1e6, "answer": answer}
    rules = full(desk(), offers=offers(k0=told), horizon=LENGTH)
    found = []
    for replication in range(300):
        dice = np.random.default_rng([6, replication])
        at = poisson(dice, rate, LENGTH)
        demand = drawn(replication, at, dice.exponential(mean, len(at)), patience=0.0)
        c = compiled.run(demand, staffed(1), rules).contacts
        mine = settled(c)
        rung = np.isin(c.status, (Status.CALLED_BACK, Status.CALLBACK_UNANSWERED))
        back = c.status == Status.CALLED_BACK
        until = np.where(back, c.answered, c.ended)
        waited = ((until - c.queued) / S)[mine & rung]
        found.append(
            (
                (rung - busy * accept)[mine].sum(),
                mine.sum(),
                (back - answer)[mine & rung].sum(),
                len(waited),
                (waited - wait).sum(),
            )
        )
    scores = np.array(found).T
    holds(scores[0], scores[1], busy * accept, seen=0.02)
    holds(scores[2], scores[3], answer, seen=0.02)
    holds(scores[4], scores[3], wait, seen=0.1)


# ------------------------------------------------------------------------------------------------------ follow-ups


def draws(dice: np.random.Generator, types: int, rules: int, *, talk: float, delay: Any, rows: int = 4096) -> Pools:
    """Pools of exponential talk (and nothing else) and these delays in seconds."""
    none = np.zeros((types, rows), np.int32)
    return Pools(
        fate=none.astype(np.uint8),
        bot_ms=none,
        hand_off_ms=none,
        patience_ms=np.full((types, rows), FOREVER, np.int32),
        leaves_at_once=none.astype(np.bool_),
        talk_ms=np.rint(dice.exponential(talk * S, (types, rows))).astype(np.int32),
        after_ms=none,
        delay_ms=np.rint(np.broadcast_to(delay, (rules, rows)) * S).astype(np.int32),
    )


def with_pools(demand: Demand, pools: Pools) -> Demand:
    return replace(demand, pools=pools)


def test_redials_are_a_retrial_queue():
    """Three agents, talk of 60 s, no waiting: who is blocked tries again with chance 0.8 after exponential 90 s.

    The chain of (busy, on their way back) solved up to 60 on their way (Falin & Templeton 1997, Retrial Queues).
    Attempts per customer and the share of first attempts that are blocked. Planted fault seen: one redial at most.
    """
    rate, mean, back, again, most = 0.04, 60.0, 90.0, 0.8, 60
    agents = 3
    index = {(n, m): n * (most + 1) + m for n in range(agents + 1) for m in range(most + 1)}
    rates = np.zeros((len(index), len(index)))
    for (n, m), here in index.items():
        if n < agents:
            rates[here, index[n + 1, m]] += rate
            if m:
                rates[here, index[n + 1, m - 1]] += m / back
        else:
            if m < most:
                rates[here, index[n, m + 1]] += rate * again
            if m:
                rates[here, index[n, m - 1]] += m / back * (1 - again)
        if n:
            rates[here, index[n - 1, m]] += n / mean
    shares = stationary(rates).reshape(agents + 1, most + 1)
    blocked = shares[agents].sum()
    attempts = 1 + (np.arange(most + 1) * shares.sum(axis=0)).sum() / back / rate
    rule = Rule(on=Status.BLOCKED, chance=again, at_most=10_000)
    rules = full(desk(), lines=lines(place_of=(0,), places=(0,)), follow_ups=follow_ups(rule), horizon=LENGTH)
    found = []
    for replication in range(200):
        dice = np.random.default_rng([7, replication])
        at = poisson(dice, rate, LENGTH)
        demand = drawn(replication, at, dice.exponential(mean, len(at)))
        pools = draws(dice, 1, 1, talk=mean, delay=dice.exponential(back, 4096))
        c = compiled.run(with_pools(demand, pools), staffed(agents), rules).contacts
        mine = settled(c, LENGTH - 4000)[: len(at)]
        first = (c.status[: len(at)] == Status.BLOCKED)[mine]
        tries = np.bincount(c.root, minlength=len(at))[mine]
        found.append(((first - blocked).sum(), (tries - attempts).sum(), mine.sum()))
    scores = np.array(found).T
    holds(scores[0], scores[2], blocked, seen=0.03)
    holds(scores[1], scores[2], attempts - 1, seen=0.04)


def test_transfers_make_a_second_queue_as_if_alone():
    """M/M/2 whose customers are all transferred to a second M/M/3: by Burke's theorem that one sees a Poisson stream.

    Erlang's waiting probabilities and mean waits of both. Planted fault seen: transfers to the first group.
    """
    rate, mean, agents = 0.025, 60.0, (2, 3)
    rule = Rule(on=A, to=1, at_most=1)
    rules = full(desk(((0, None), (None, 0))), follow_ups=follow_ups(rule, types=2), horizon=2 * LENGTH)
    found = []
    for replication in range(200):
        dice = np.random.default_rng([8, replication])
        at = poisson(dice, rate, LENGTH)
        demand = drawn(replication, at, dice.exponential(mean, len(at)), types=2)
        pools = draws(dice, 2, 1, talk=mean * 1.2, delay=0.0)
        c = compiled.run(with_pools(demand, pools), staffed(*agents), rules).contacts
        row = []
        for k, talk in enumerate((mean, mean * 1.2)):
            mine = settled(c) & (c.type == k)
            waited = (c.answered - c.queued)[mine] / S
            share, wait = erlang_c(rate * talk, agents[k], talk)
            row += [((waited > 0) - share).sum(), (waited - wait).sum(), mine.sum()]
        found.append(row)
    scores = np.array(found).T
    for k, talk in enumerate((mean, mean * 1.2)):
        share, wait = erlang_c(rate * talk, agents[k], talk)
        holds(scores[3 * k], scores[3 * k + 2], share, seen=0.05)
        holds(scores[3 * k + 1], scores[3 * k + 2], wait, seen=0.12)


def erlang_c(load: float, agents: int, mean: float) -> tuple[float, float]:
    """Share that waits, and mean wait."""
    all_busy = load**agents / factorial(agents) * agents / (agents - load)
    share = all_busy / (sum(load**n / factorial(n) for n in range(agents)) + all_busy)
    return share, share * mean / (agents - load)


# -------------------------------------------------------------------------------------------- work that gives way


@pytest.mark.parametrize("law", LAWS)
def test_mail_is_served_as_by_preemptive_resume(law):
    """One agent; live contacts of fixed 40 s go first and take it from mail, 60 s on average, which goes on afterwards.

    Mean time of mail from arrival to end: M/G/1 with preemptive-resume priority (Conway, Maxwell & Miller 1967, 8-6).
    Planted fault seen: mail that nobody interrupts.
    """
    rates, talk, mean = (0.01, 0.006), 40.0, 60.0
    load = rates[0] * talk, rates[1] * mean
    second = {"exponential": 2.0, "fixed": 1.0, "two sorts": 0.9 / 9 + 0.1 * 49}[law] * mean**2
    left = (rates[0] * talk**2 + rates[1] * second) / 2
    lasts = mean / (1 - load[0]) + left / ((1 - load[0]) * (1 - sum(load)))
    waits = rates[0] * talk**2 / 2 / (1 - load[0])
    rules = full(desk(((0,), (1,))), deferral=deferral(2, (1,), (1,)), horizon=2 * LENGTH)
    found = []
    for replication in range(300):
        dice = np.random.default_rng([9, list(LAWS).index(law), replication])
        at = [poisson(dice, rate, LENGTH) for rate in rates]
        kind = np.repeat([0, 1], [len(a) for a in at])
        work = np.concatenate([np.full(len(at[0]), talk), LAWS[law](mean)(dice, len(at[1]))])
        demand = drawn(replication, np.concatenate(at), work, kind=kind, types=2)
        c = compiled.run(demand, levels(1, 1, interval=LENGTH), rules).contacts
        mine = settled(c, LENGTH - 200)
        mail, live = mine & (c.type == 1), mine & (c.type == 0)
        assert (c.status[mail] == A).all()
        took = ((c.ended - c.arrival) / S)[mail]
        waited = ((c.answered - c.queued) / S)[live]
        found.append(((took - lasts).sum(), len(took), (waited - waits).sum(), len(waited)))
    scores = np.array(found).T
    holds(scores[0], scores[1], lasts, seen=0.13)
    holds(scores[2], scores[3], waits, seen=0.06)
