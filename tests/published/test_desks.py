"""Simulated results that others have published, reproduced: acceptance as `chance.agree` says.

Sources: the guide and recorded output of ContactCenters (E. Buist, P. L'Ecuyer, Université de Montréal; MMC, MMCAb),
the SSJ tutorial's CallCenter (the same authors), and the test-suite of Ciw (G. Palmer and others).
"""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from chance import agree, close
from published_cases import published
from worlds import ENGINES, customers, desk, levels, seconds

from sim.estimates import mean_of, ratio_of
from sim.experiment import Runs, experiment
from sim.outcome import Status
from sim.scenario import Scenario


def half_width(interval: list[float], level: float = 0.95) -> float:
    """Half of a published interval, as one of 95 %."""
    return (interval[1] - interval[0]) / 2 * {0.95: 1.0, 0.9: 1.959964 / 1.644854}[level]


def check(theirs: dict[str, Any], values: Any, per: Any = None, *, digit: float = 0.001, level: float = 0.95) -> None:
    """Our mean (or ratio of means) over replications agrees with their published one."""
    ours = mean_of(np.asarray(values, float)) if per is None else ratio_of(np.asarray(values, float), np.asarray(per))
    interval = theirs["ci95" if level == 0.95 else "ci90"]
    assert agree(ours.mean, (ours.high - ours.low) / 2, theirs["mean"], half_width(interval, level), digit), ours


def one_line(hours: int, arrivals: dict[str, Any], agents: dict[str, int], **of_type: Any) -> Scenario:
    """One type, one group, staffing by level."""
    kind = {"channel": "phone", "arrivals": arrivals, **of_type}
    return Scenario.model_validate(
        {
            "horizon": {"start": "2026-03-02 08:00", "length": f"{hours} h", "interval": "60 min"},
            "channels": {"phone": {}},
            "contact_types": {"calls": kind},
            "agent_groups": {"agents": {"skills": ["calls"]}},
            "staffing": {"levels": {"agents": agents}},
            "busyness": {"cv": of_type.pop("busy", 0.0)} if "busy" in of_type else {},
            "targets": [{"at_least": 0.8, "strict": True, "threshold": "20 s"}],
        }
    )


def run(scenario: Scenario, replications: int) -> tuple[Runs, int]:
    """Replications on the compiled engine, and the row of the strict threshold of 20 s."""
    runs = experiment(scenario, replications=replications, seed=11, engine="compiled")
    return runs, runs.tallies.threshold_rows([(0, 20_000, True)])[0]


def total(column: Any) -> Any:
    """Sum over types, groups and intervals, by replication."""
    return column.reshape(len(column), -1).sum(axis=1)


def exponential(seconds: float) -> dict[str, str]:
    return {"family": "exponential", "mean": f"{seconds} s"}


M_M_12 = {"arrivals": {"per_hour": 252}, "agents": {"08:00": 12}, "talk": exponential(120)}


def test_mmc_over_a_day():
    theirs = published(
        "cc-mmc-finite",
        {
            "served_within_AWT_per_day": {"mean": 1816.158, "sd": 57.043, "ci95": [1812.618, 1819.698]},
            "service_level=E[good]/E[served]": {"mean": 0.902, "ci95": [0.9, 0.904]},
            "mean_wait_served_min": {"mean": 0.099, "ci95": [0.097, 0.102]},
            "occupancy": {"mean": 0.695, "ci95": [0.694, 0.697]},
        },
    )
    runs, row = run(one_line(8, **M_M_12), 1000)
    t = runs.tallies
    good, served = total(t.answered_in_time[:, row]), total(t.answered)
    check(theirs["served_within_AWT_per_day"], good)
    check(theirs["service_level=E[good]/E[served]"], good, served)
    check(theirs["mean_wait_served_min"], total(t.wait_answered_ms) / 60_000, served)
    check(theirs["occupancy"], total(t.busy_ms), total(t.scheduled_ms))


def test_mmc_with_abandonment_over_a_day():
    theirs = published(
        "cc-mmc-abandon",
        {
            "abandoned_per_day": {"mean": 58.609, "ci95": [57.66, 59.558]},
            "served_within_AWT_per_day": {"mean": 1906.008, "ci95": [1903.785, 1908.231]},
            "SL_over_served": {"mean": 0.975, "ci95": [0.974, 0.975]},
            "SL_with_late_abandons": {"mean": 0.968, "ci95": [0.968, 0.969]},
            "mean_wait_served_min": {"mean": 0.024, "ci95": [0.023, 0.024]},
            "occupancy": {"mean": 0.675, "ci95": [0.674, 0.677]},
        },
    )
    runs, row = run(one_line(8, **M_M_12, patience=exponential(60)), 1000)
    t = runs.tallies
    good, served, gone = total(t.answered_in_time[:, row]), total(t.answered), total(t.abandoned)
    check(theirs["abandoned_per_day"], gone)
    check(theirs["served_within_AWT_per_day"], good)
    check(theirs["SL_over_served"], good, served)
    check(theirs["SL_with_late_abandons"], good, served + gone - total(t.abandoned_in_time[:, row]))
    check(theirs["mean_wait_served_min"], total(t.wait_answered_ms) / 60_000, served)
    check(theirs["occupancy"], total(t.busy_ms), total(t.scheduled_ms))


CALLS = [100, 150, 150, 180, 200, 150, 150, 150, 120, 100, 80, 70, 60]
AGENTS = [4, 6, 8, 8, 8, 7, 8, 8, 6, 6, 4, 4, 4]


def busy_call_centre() -> Scenario:
    """Thirteen hours from 8:00; one caller in ten leaves rather than wait at all; gamma busyness of shape 400."""
    hours = [f"{8 + i:02d}:00" for i in range(13)]
    scenario = one_line(
        13,
        {"per_hour": dict(zip(hours, CALLS, strict=True))},
        dict(zip(hours, AGENTS, strict=True)),
        talk=exponential(100),
        patience=exponential(1000),
        gives_up_at_once=0.1,
    )
    return Scenario.model_validate({**scenario.model_dump(mode="json"), "busyness": {"cv": 400**-0.5}})


@pytest.mark.parametrize("days", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_ssj_call_centre_with_busy_days(days):
    theirs = published(
        "ssj-callcenter-gamma400",
        {
            "arrivals_per_day": {"mean": 1660.366, "sd": 93.62, "ci90": [1658.826, 1661.906]},
            "sum_wait/1660_s": {"mean": 4.713, "sd": 1.997, "ci90": [4.68, 4.746]},
            "calls_wait<20s/1660": {"mean": 0.925, "sd": 0.04, "ci90": [0.924, 0.925]},
            "abandoned/1660": {"mean": 0.02, "sd": 0.0067, "ci90": [0.02, 0.02]},
        },
    )
    runs, row = run(busy_call_centre(), days)
    t = runs.tallies
    check(theirs["arrivals_per_day"], total(t.arrived), level=0.9)
    check(theirs["sum_wait/1660_s"], total(t.wait_offered_ms) / 1660e3, level=0.9)
    early = total(t.answered_in_time[:, row] + t.abandoned_in_time[:, row])  # of those who left, too
    check(theirs["calls_wait<20s/1660"], early / 1660, level=0.9)
    check(theirs["abandoned/1660"], total(t.abandoned) / 1660, level=0.9)


@pytest.mark.parametrize("engine", ENGINES)
class TestCiwTraces:
    """Deterministic traces, checked by hand."""

    def test_reneging(self, engine):
        events = published(
            "ciw-det-renege",
            {
                "events": [
                    [7, "arrive 1"], [14, "arrive 2"], [17, "renege 2"], [18, "leave 1"],
                    [21, "arrive 3"], [28, "arrive 4"], [31, "renege 4"], [32, "leave 3"],
                ]
            },
        )["events"]  # fmt: skip
        demand = customers(*({"at": at, "talk": 11, "patience": 3} for at in (7, 14, 21, 28)))
        out = ENGINES[engine](demand, levels(1), desk()).contacts
        happened = [(at, f"arrive {i + 1}") for i, at in enumerate(seconds(out.arrival))]
        for i, (status, ended) in enumerate(zip(out.status, seconds(out.ended), strict=True)):
            happened.append((ended, f"{'leave' if status == Status.ANSWERED else 'renege'} {i + 1}"))
        assert sorted(happened) == [(at, what) for at, what in events]

    def test_simultaneous_reneging(self, engine):
        theirs = published(
            "ciw-det-simultaneous-renege",
            {
                "served": [{"id": 1, "start": 3, "end": 23}, {"id": 4, "start": 23, "end": 43}],
                "reneged": [{"id": 2, "arrive": 4, "exit": 11}, {"id": 3, "arrive": 5, "exit": 11}],
            },
        )
        arrivals, patience = (3, 4, 5, 20), (100, 7, 6, 100)
        demand = customers(*({"at": a, "talk": 20, "patience": p} for a, p in zip(arrivals, patience, strict=True)))
        out = ENGINES[engine](demand, levels(1), desk()).contacts
        for caller in theirs["served"]:
            i = caller["id"] - 1
            assert (seconds(out.answered)[i], seconds(out.ended)[i]) == (caller["start"], caller["end"])
        for caller in theirs["reneged"]:
            i = caller["id"] - 1
            assert (out.status[i], seconds(out.ended)[i]) == (Status.ABANDONED, caller["exit"])

    def test_utilisation_with_a_step_in_staffing(self, engine):
        theirs = published("ciw-det-utilisation-shifts", {"utilisation": "21/37"})
        arrivals, service = (2, 6, 10, 10, 17), (4, 2, 6, 6, 3)
        demand = customers(*({"at": a, "talk": s} for a, s in zip(arrivals, service, strict=True)))
        out = ENGINES[engine](demand, levels(*[1] * 9, *[2] * 14, interval=1), desk())
        busy = int((out.contacts.released - out.contacts.answered).sum())
        staffed = int((out.spells.left - out.spells.on).sum())
        assert Fraction(busy, staffed) == Fraction(theirs["utilisation"])


def test_priority_queue_against_cobham():
    """M/M/1 with two priorities: Cobham's mean times in the system, as Ciw's tests have them.

    40 replications of 24 h with a service of 10 s (8,640 services a day), started empty. Alpha 1e-4 each; a first
    class that does not go first shows 4.0 in both. Planted fault seen: priorities given the other way round.
    """
    theirs = published("ciw-priority-mm1", {"mean_time_in_system": [2.0, 6.0]})["mean_time_in_system"]
    kinds = {
        f"class_{k}": {
            "channel": "phone",
            "arrivals": {"per_hour": 360 * rate},
            "talk": exponential(10),
            "priority": k,
        }
        for k, rate in enumerate((0.2, 0.6))
    }
    scenario = Scenario.model_validate(
        {
            "horizon": {"start": "2026-03-02 00:00", "length": "24 h", "interval": "60 min"},
            "channels": {"phone": {}},
            "contact_types": kinds,
            "agent_groups": {"server": {"skills": list(kinds)}},
            "staffing": {"levels": {"server": {"00:00": 1}}},
        }
    )
    t = experiment(scenario, replications=40, seed=3, engine="compiled").tallies
    for k, expected in enumerate(theirs):
        served = t.answered[:, k].sum(axis=1)
        in_system = ratio_of((t.wait_answered_ms + t.talk_ms)[:, k].sum(axis=1) / 10_000, served)
        assert close(in_system.mean, expected, (in_system.high - in_system.low) / 2 / 1.96), in_system
