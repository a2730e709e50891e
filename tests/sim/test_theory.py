"""Formulas against each other: limits, identities, and a birth-death chain that knows nothing of them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.theory import Queue, erlang_b, erlang_c, finite_queue, least_agents, offered_load, priority_waits

agents_and_load = st.tuples(st.floats(0.0, 60.0), st.floats(0.01, 80.0))


@given(agents_and_load)
def test_erlang_b_keeps_its_recursion_between_whole_numbers(case):
    agents, load = case
    more, fewer = erlang_b(agents + 1, load), erlang_b(agents, load)
    assert 1 / more == pytest.approx(1 + (agents + 1) / load / fewer, rel=1e-9)


@given(st.integers(0, 60), st.floats(0.01, 80.0))
def test_erlang_b_is_continuous(agents, load):
    assert erlang_b(agents + 1e-9, load) == pytest.approx(erlang_b(agents, load), rel=1e-6)


def test_thousands_of_agents():
    """At load = agents the limit is B ~ sqrt(2 / (pi n)) (Jagerman 1974), and the wait of Halfin & Whitt (1981)."""
    assert erlang_b(20_000, 20_000) == pytest.approx(math.sqrt(2 / (math.pi * 20_000)), rel=0.01)
    beta, agents = 0.5, 40_000
    normal_cdf, density = 0.5 * math.erfc(-beta / math.sqrt(2)), math.exp(-(beta**2) / 2) / math.sqrt(2 * math.pi)
    limit = 1 / (1 + beta * normal_cdf / density)
    assert erlang_c(agents, agents - beta * math.sqrt(agents)) == pytest.approx(limit, rel=0.01)
    assert erlang_b(30_000, 20_000) == 0.0


def test_nothing_to_do_and_nobody_to_do_it():
    assert erlang_b(0, 0) == 1.0
    assert erlang_b(0, 5) == 1.0
    assert erlang_b(3, 0) == 0.0
    assert erlang_c(3, 0) == 0.0
    idle, nobody, hopeless = Queue(0.0, 300, 0), Queue(0.1, 300, 0, 180), Queue(0.1, 300, 30)
    assert (idle.p_wait, idle.mean_wait_s, idle.asa_s, idle.service_level(20)) == (0, 0, 0, 1)
    assert (nobody.p_wait, nobody.p_abandon, nobody.mean_wait_s, nobody.service_level(20)) == (1, 1, 180, 0)
    assert nobody.longer_than(180) == pytest.approx(math.exp(-1))
    assert (hopeless.p_wait, hopeless.mean_wait_s, hopeless.service_level(20)) == (1, math.inf, 0)


@given(st.integers(1, 40), st.floats(0.3, 2.0), st.floats(0.2, 5.0))
def test_erlang_a_is_its_birth_death_chain(agents, per_agent, patience):
    rate = agents * per_agent
    queue, chain = Queue(rate, 1.0, agents, patience), finite_queue(rate, 1.0, agents, 800, patience)
    assert queue.p_wait == pytest.approx(1 - chain.p_no_wait, rel=1e-9, abs=1e-12)
    assert queue.p_abandon == pytest.approx(chain.p_abandon, rel=1e-7, abs=1e-12)
    assert queue.mean_wait_s == pytest.approx(chain.mean_wait_s, rel=1e-7, abs=1e-12)


@given(st.floats(1.0, 40.0), st.floats(0.3, 2.0), st.floats(0.2, 5.0), st.floats(0.0, 3.0))
def test_every_contact_is_answered_gone_or_still_waiting(agents, per_agent, patience, t):
    queue = Queue(agents * per_agent, 1.0, agents, patience)
    now = queue.answered_in(t) + queue.abandoned_in(t) + queue.longer_than(t)
    assert now == pytest.approx(1.0, abs=1e-9)
    assert queue.answered_in(0.0) == pytest.approx(1 - queue.p_wait, abs=1e-9)
    assert queue.answered_in(1e6) == pytest.approx(1 - queue.p_abandon, abs=1e-9)


def test_patience_without_end_is_erlang_c():
    patient, nearly = Queue(0.09, 300, 30), Queue(0.09, 300, 30, 1e9)
    assert nearly.p_wait == pytest.approx(patient.p_wait, rel=1e-4)
    assert nearly.answered_in(20) == pytest.approx(patient.answered_in(20), rel=1e-4)
    assert nearly.asa_s == pytest.approx(patient.asa_s, rel=1e-3)


def test_the_answered_wait_and_the_lost_wait_make_the_mean_wait():
    """E[W] = E[W; answered] + E[W; abandoned], the latter integrated from the share that has hung up."""
    queue = Queue(0.1, 300, 27, 120)
    t = np.arange(0.0, 3000.0, 0.5)
    gone = queue.p_abandon - np.array([queue.abandoned_in(x) for x in t])
    lost = float(((gone[1:] + gone[:-1]) / 2 * np.diff(t)).sum())
    assert queue.asa_s * (1 - queue.p_abandon) + lost == pytest.approx(queue.mean_wait_s, rel=1e-4)


def test_an_overloaded_queue_of_thousands_follows_its_fluid():
    """400 agents, 600 erlangs: a third hangs up, the answered wait 180 ln 1.5 = 73 s."""
    queue = Queue(2.0, 300, 400, 180)
    assert queue.p_abandon == pytest.approx(1 / 3, abs=1e-6)
    assert queue.asa_s == pytest.approx(180 * math.log(1.5), rel=0.01)
    assert queue.service_level(20) == pytest.approx(0.0, abs=1e-5)


def test_service_level_formulas():
    queue = Queue(0.1, 300, 30, 180)
    good, early, late = queue.answered_in(20), queue.abandoned_in(20), queue.abandoned_in(5)
    answered = 1 - queue.p_abandon
    expected = {"SL-1": good + early, "SL-2": good / answered, "SL-3": good, "SL-4": good / (1 - early),
                "SL-5": good + late, "SL-6": good / (1 - late)}  # fmt: skip
    for formula, value in expected.items():
        assert queue.service_level(20, formula) == pytest.approx(value)


def test_least_agents():
    assert least_agents(lambda n: n >= 0) == 0
    assert least_agents(lambda n: n >= 1) == 1
    assert [least_agents(lambda n, m=m: n >= m, start=40) for m in (7, 40, 41, 1000)] == [7, 40, 41, 1000]
    with pytest.raises(OverflowError):
        least_agents(lambda n: n < 0)


def test_offered_load_of_a_steady_desk_is_rate_times_handle_time():
    load = offered_load(np.full(48, 0.1), 1800, lambda x: 1 - np.exp(-x / 300), repeats=True)
    assert load == pytest.approx(np.full(49, 30.0), rel=1e-9)
    from_empty = offered_load(np.full(48, 0.1), 1800, lambda x: 1 - np.exp(-x / 300))
    assert from_empty[:3] == pytest.approx(30 * (1 - np.exp(-6.0 * np.arange(3))), rel=1e-9)


def test_offered_load_lags_by_the_law_of_the_handle_time():
    """Handle time exactly 45 min, one busy half-hour: the load is the contacts of the last 45 min."""
    load = offered_load(np.array([1.0, 0.0, 0.0]), 1800, lambda x: (x >= 2700) * 1.0, per_step=2)
    assert load == pytest.approx([0, 900, 1800, 1800, 900, 0, 0])


def test_offered_load_of_long_work_wraps_a_repeating_day():
    """Mean 12 h on a day of 24: what is left of earlier days counts, and the day's mean is rate times handle time."""
    rates = np.where(np.arange(24) < 12, 2.0, 0.0) / 3600
    load = offered_load(rates, 3600, lambda x: 1 - np.exp(-x / 43_200), repeats=True)
    assert load[0] == pytest.approx(load[-1])
    ends = np.exp(-1.0)  # of 12 h
    low = 24 * (1 - ends) * ends / (1 - ends**2)
    assert load[0] == pytest.approx(low, rel=1e-3)


def test_priority_waits():
    """Two classes of unequal work: W0 = 0.9 s; the first waits 0.9/0.7, the second 0.9/(0.7 * 0.1)."""
    waits = priority_waits([0.3, 0.3], [1.0, 2.0], [1.0, 5.0])
    assert waits == pytest.approx([0.9 / 0.7, 0.9 / (0.7 * 0.1)])
    assert list(np.isinf(priority_waits([0.5, 0.6, 0.1], [1.0, 1.0, 1.0]))) == [False, True, True]
