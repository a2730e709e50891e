"""Formulas against published tables, to the last printed digit."""

import math

import numpy as np
import pytest
from published_cases import published

from sim.theory import Queue, erlang_b, erlang_c, finite_queue, least_agents, offered_load, priority_waits


def test_erlang_b_table():
    """QueueSim, example_analytic_erlang_b.ipynb (A. Herzog, TU Clausthal, Apache-2.0): ten lines, seven digits."""
    table = published("queuesim-erlangB-table", {
        "a": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25],
        "P_block": [1.013777e-07, 3.819017e-05, 0.0008103881, 0.005307549, 0.01838457, 0.04314184, 0.07874088,
                    0.1216611, 0.1679632, 0.2145823, 0.301925, 0.4103405, 0.5379632, 0.622351],
    })  # fmt: skip
    for load, blocked in zip(table["a"], table["P_block"], strict=True):
        assert f"{erlang_b(10, load):.7g}" == f"{blocked:.7g}"


def test_erlang_c_table():
    """QueueSim, example_analytic_erlang_c.ipynb: mean wait in seconds, ten agents, AHT 600 s; six decimals."""
    table = published("queuesim-erlangC-table", {
        "mean_interarrival_s": [61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 75, 80],
        "EW_s": [3443.742325, 1647.014815, 1050.20612, 753.317839, 576.35158, 459.308957, 376.477299, 315.001078,
                 267.739047, 230.407098, 122.754045, 73.586688],
        "rho0.8_EW_s_by_c": {"1": 2400.0, "2": 1066.666667, "5": 332.467532, "10": 122.754045, "15": 63.838085,
                             "20": 38.411669, "25": 25.092339},
    })  # fmt: skip
    for gap, wait in zip(table["mean_interarrival_s"], table["EW_s"], strict=True):
        assert round(Queue(1 / gap, 600, 10).mean_wait_s, 6) == wait
    for agents, wait in table["rho0.8_EW_s_by_c"].items():
        assert round(Queue(0.8 * int(agents) / 600, 600, int(agents)).mean_wait_s, 6) == wait


def test_erlang_c_staffing():
    """pyworkforce 0.5.1, README (R. Arenas, MIT), ASA from the R package ErlangC 0.1.0: 100 calls in 30 min, AHT 3 min.

    For its second case the README answers 13 agents although they give 79.56 %, not 80 %: the least number is 14.
    """
    table = published("erlangC-staffing-pyworkforce", {
        "14 agents": {"SL": 0.8883500191794669, "occ": 0.7142857142857143, "P_wait": 0.1741319335950498,
                      "positions": 20, "ASA_s_(ErlangC R package)": 7.83593701177724},
        "13 agents": {"SL": 0.7955947884177831, "P_wait": 0.285270453036493, "positions": 19},
        "15 agents": {"SL": 0.9414528428690223, "P_wait": 0.10204236700798798, "positions": 22},
    })  # fmt: skip

    def queue(agents: int) -> Queue:
        return Queue(100 / 1800, 180, agents)

    for name in ("13 agents", "14 agents", "15 agents"):
        agents, case = int(name.split()[0]), table[name]
        assert queue(agents).service_level(20) == pytest.approx(case["SL"], rel=5e-15)
        assert queue(agents).p_wait == pytest.approx(case["P_wait"], rel=5e-15)
        assert math.ceil(agents / (1 - 0.3)) == case["positions"]
    assert queue(14).occupancy == table["14 agents"]["occ"]
    assert queue(14).asa_s == pytest.approx(table["14 agents"]["ASA_s_(ErlangC R package)"], rel=5e-15)

    def answer(level: float, occupancy: float) -> int:
        return least_agents(lambda n: queue(n).service_level(20) >= level and queue(n).occupancy <= occupancy)

    assert [answer(*case) for case in [(0.8, 0.85), (0.8, 0.8), (0.85, 0.8), (0.9, 0.8)]] == [14, 14, 14, 15]


def test_textbook_waiting_lines():
    """Gross & Harris, Fundamentals of Queueing Theory, 2nd edition, examples 2.1 and 2.2 (as encoded in misken/qng)."""
    values = {
        "ex2.1": {"Lq": 4.1666666667, "L": 5.0, "P(Wq>1)": 0.3065662},
        "ex2.2": {"P0": 0.1111111111111111, "Lq": 0.8888888888888888, "Wq": 0.14814814814814814,
                  "1-P_wait": 0.5555555555555556, "W": 0.48148148148148145},
    }  # fmt: skip
    table = published("mmc-textbook-gross-harris", values)
    one, three = Queue(5, 1 / 6, 1), Queue(6, 1 / 3, 3)
    assert round(one.mean_queue, 10) == table["ex2.1"]["Lq"]
    assert one.mean_queue + one.load == pytest.approx(table["ex2.1"]["L"], rel=1e-14)
    assert round(one.longer_than(1), 7) == table["ex2.1"]["P(Wq>1)"]
    assert three.mean_queue == pytest.approx(table["ex2.2"]["Lq"], rel=1e-14)
    assert three.mean_wait_s == pytest.approx(table["ex2.2"]["Wq"], rel=1e-14)
    assert three.mean_wait_s + 1 / 3 == pytest.approx(table["ex2.2"]["W"], rel=1e-14)
    assert 1 - three.p_wait == pytest.approx(table["ex2.2"]["1-P_wait"], rel=1e-14)
    assert finite_queue(6, 1 / 3, 3, 300).probabilities[0] == pytest.approx(table["ex2.2"]["P0"], rel=1e-14)
    assert erlang_c(3, 2) == three.p_wait


def test_erlang_a_of_one_hundred_agents():
    """102 erlangs, 100 agents, 200 places to wait in (the parameters of Whitt 2005): birth-death values, recomputed."""
    table = published("erlangA-102-100", {
        "computed_not_published": {
            "theta0.5": {"P_no_wait": 0.3136602429, "P_abandon": 0.0428934605, "E_queue": 8.750265934,
                         "E_N": 106.375133, "E_W_all": 0.0857869209},
            "theta1.0": {"P_no_wait": 0.4082813655, "P_abandon": 0.049917976, "E_queue": 5.091633552, "E_N": 102.0,
                         "Var_N": 102.0},
        },
    })["computed_not_published"]  # fmt: skip
    for patience, row in ((2.0, table["theta0.5"]), (1.0, table["theta1.0"])):
        exact, open_ended = finite_queue(102, 1, 100, 300, patience), Queue(102, 1, 100, patience)
        assert round(exact.p_no_wait, 10) == row["P_no_wait"]
        assert round(exact.p_abandon, 10) == row["P_abandon"]
        assert round(exact.mean_queue, 9) == row["E_queue"]
        assert round(exact.mean_number, 6) == row["E_N"]
        assert round(1 - open_ended.p_wait, 10) == row["P_no_wait"]
        assert round(open_ended.p_abandon, 10) == row["P_abandon"]
        assert round(open_ended.mean_queue, 9) == row["E_queue"]
    assert round(finite_queue(102, 1, 100, 300, 2.0).mean_wait_s, 10) == table["theta0.5"]["E_W_all"]
    assert round(finite_queue(102, 1, 100, 300, 1.0).variance_number, 6) == table["theta1.0"]["Var_N"]


def test_offered_load_of_a_sinusoid():
    """Eick, Massey & Whitt (1993): rate a + b sin(t), exponential service; closed form as in LINE's test suite.

    m(t) = a/mu + b (mu sin gt - g cos gt) / (mu^2 + g^2); the rate is cut into 4000 steps with its exact mean.
    """
    table = published("identity-mtginf-sinusoid", {"m(0)": 4.0, "m(pi/2)": 7.0, "m(pi)": 6.0, "m(3pi/2)": 3.0})
    steps, period = 4000, 2 * math.pi
    borders = np.arange(steps + 1) * period / steps
    rates = 10 + 5 * (np.cos(borders[:-1]) - np.cos(borders[1:])) / (period / steps)
    load = offered_load(rates, period / steps, lambda x: 1 - np.exp(-2 * x), repeats=True)
    for quarter, name in enumerate(("m(0)", "m(pi/2)", "m(pi)", "m(3pi/2)")):
        assert load[quarter * steps // 4] == pytest.approx(table[name], abs=1e-6)


def test_non_preemptive_priority():
    """Ciw, test_priority_system_compare_literature (MIT): times in system of two classes by Cobham's formula."""
    table = published("ciw-priority-mm1", {"lambda": [0.2, 0.6], "mean_time_in_system": [2.0, 6.0]})
    waits = priority_waits(table["lambda"], [1.0, 1.0])
    assert waits + 1.0 == pytest.approx(table["mean_time_in_system"], rel=1e-12)
