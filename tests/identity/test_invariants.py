"""What holds on any desk, whoever simulates it (docs/model.md, section 10)."""

import numpy as np
import pytest
from chance import close
from desks import DESKS, contacts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worlds import customers, desk, levels

from sim.demand import FOREVER
from sim.engine import compiled, reference
from sim.metrics import BUCKETS, count
from sim.outcome import NEVER, Measured, Status
from sim.routing import NEVER_RANK

LENIENT = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=60)
NEVER_ASKED = (Status.RESOLVED_IN_BOT, Status.CONTAINED_UNRESOLVED, Status.GAVE_UP_IN_BOT)


def invariants(run) -> None:
    demand, staffing, rules = run
    outcome = reference.run(*run)
    instants_are_in_order(outcome.contacts)
    nobody_outwaits_patience(demand, outcome.contacts)
    agents_may_do_what_they_do(outcome, rules, staffing.by_person)
    the_queue_adds_up(demand, outcome)


def instants_are_in_order(c) -> None:
    answered = c.status == Status.ANSWERED
    assert np.array_equal(answered, c.answered != NEVER)
    assert np.array_equal(answered, c.agent >= 0)
    assert np.array_equal(np.isin(c.status, NEVER_ASKED), c.queued == NEVER)
    assert (c.ended >= np.maximum(c.arrival, c.queued)).all()
    assert (c.arrival[answered] <= c.queued[answered]).all()
    assert (c.queued[answered] <= c.answered[answered]).all()
    assert (c.answered[answered] <= c.ended[answered]).all()
    assert (c.ended[answered] <= c.released[answered]).all()


def nobody_outwaits_patience(demand, c) -> None:
    waited = np.where(c.status == Status.ANSWERED, c.answered, c.ended) - c.queued
    asked = np.isin(c.status, (Status.ANSWERED, Status.ABANDONED, Status.UNSERVED))
    assert (waited[asked] <= demand.patience_ms[asked]).all()
    gone = c.status == Status.ABANDONED
    assert np.array_equal(waited[gone], np.where(demand.leaves_at_once, 0, demand.patience_ms)[gone])


def agents_may_do_what_they_do(outcome, rules, by_person) -> None:
    """Skilled, after the delay, inside a spell, one contact at a time.

    By level a spell has no planned end: it ends when the agent goes, perhaps in the instant of a contact of length 0,
    or never where some contact waits that nobody can serve.
    """
    c, s = outcome.contacts, outcome.spells
    for agent in np.unique(c.agent[c.agent >= 0]):
        mine = np.flatnonzero(c.agent == agent)
        mine = mine[np.lexsort((c.released[mine], c.answered[mine]))]
        assert (c.released[mine][:-1] <= c.answered[mine][1:]).all()
        spells = np.flatnonzero(s.agent == agent)
        group = s.group[spells[0]]
        for i in mine:
            k, at = c.type[i], c.answered[i]
            assert rules.routing.group_rank[k, group] < NEVER_RANK
            assert at - c.queued[i] >= rules.routing.delay_ms[k, group]
            left = s.left[spells]
            before_the_end = at < s.off[spells] if by_person else (at <= left) | (left == NEVER)
            assert ((s.on[spells] <= at) & before_the_end).any()


def the_queue_adds_up(demand, outcome) -> None:
    """The integral of the queue over time is the sum of all waits, and what arrived is what ended."""
    c = outcome.contacts
    measured = Measured(5000, 8, np.full((1, len(demand.types)), 2**63 - 1), BUCKETS)
    sums = count(outcome, measured, 1 + int(outcome.spells.group.max(initial=0)))
    waited = np.where(c.status == Status.ANSWERED, c.answered, c.ended) - c.queued
    asked = np.isin(c.status, (Status.ANSWERED, Status.ABANDONED, Status.UNSERVED))
    assert sums.queue.sum() == waited[asked].sum() == sums.wait_offered.sum()
    assert sums.by_fate.sum() == len(demand) == sums.arrived.sum()


@pytest.mark.parametrize("kind", DESKS)
def test_what_always_holds(kind) -> None:
    """Planted faults: agents who go on after their spell, a delay ignored by contacts, a delay ignored by agents."""
    LENIENT(given(DESKS[kind])(invariants))()


@given(contacts(1, 30, 8, patient=True), st.integers(1, 3))
@LENIENT
def test_one_agent_more_lengthens_no_wait_of_patient_customers(people, agents) -> None:
    """One type, in order of arrival, nobody gives up. With patience it is not true: who now stays takes time."""
    demand = customers(*people)
    assert (demand.patience_ms == FOREVER).all()
    fewer, more = (reference.run(demand, levels([n], interval=30), desk([[0]])).contacts for n in (agents, agents + 1))
    served = fewer.status == Status.ANSWERED
    assert (more.status[served] == Status.ANSWERED).all()
    assert (more.answered[served] <= fewer.answered[served]).all()


@pytest.mark.parametrize("heads", [[0, 0], [2, 5], [30, 30]], ids=str)
def test_with_one_rate_of_leaving_the_desk_is_one_of_endless_servers(heads) -> None:
    """Patience and talk exponential of one rate: whoever is in the system leaves at that rate, served or not.

    So their number at t is Poisson with mean load * (1 - exp(-t / 60 s)) for any staffing. 4,000 days of three
    minutes, load 6: alpha 1e-4 at each of three instants sees a bias of 0.2 (3 %) nine times in ten. Planted fault:
    patience of mean 70 s is seen with [0, 0] and [2, 5] heads.
    """
    dice = np.random.default_rng(7)
    instants = np.array([30_000, 90_000, 150_000])
    inside = np.array([number_inside(dice, heads, instants) for _ in range(4000)])
    for t, numbers in zip(instants / 1000, inside.T, strict=True):
        mean = 6 * (1 - np.exp(-t / 60))
        assert close(numbers.mean(), mean, np.sqrt(mean / len(numbers)))


def number_inside(dice, heads, instants):
    n = dice.poisson(18)
    law = {"at": np.sort(dice.uniform(0, 180, n)), "talk": dice.exponential(60, n), "patience": dice.exponential(60, n)}
    people = [dict(zip(law, values, strict=True)) for values in zip(*law.values(), strict=True)]
    c = compiled.run(customers(*people), levels(*[[h] for h in heads], interval=90), desk([[0]])).contacts
    return [((c.arrival <= t) & (t < c.ended)).sum() for t in instants]
