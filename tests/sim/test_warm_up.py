"""A desk that repeats, from a period already run: what is left over at midnight, and that nothing else changes."""

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from centres import centre
from chance import close_mean
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sim
from sim import experiment, routing
from sim.attendance import attend
from sim.demand import sample
from sim.engine import run
from sim.full_tally import tally_run
from sim.outcome import Cause, Contacts, OutcomeTable, Status, differences
from sim.scenario import Scenario
from sim.scenario_file import load
from sim.tables import observe
from sim.warm_up import warmed_up

MINUTE, HOUR = 60_000, 3_600_000
DAY = {"length": "24 h", "interval": "60 min", "repeats": "day", "warm_up": "one period"}
ONE = {"levels": {"all": {"00:00": 1}}}


def call(at: str, talk: float, **more: Any) -> dict[str, Any]:
    return {"contact_type": "call", "arrival": at, "talk": f"{talk} min"} | more


def world(*calls: dict[str, Any], kind: dict[str, Any] | None = None, **parts: Any) -> Scenario:
    """A day of calls by hand, `arrival` as "H:MM" after midnight."""
    trace = [row | {"arrival": f"{_minutes(row['arrival'])} min"} for row in calls]
    return centre({"call": kind or {}}, trace=trace, **({"staffing": ONE} | DAY | parts))


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return 60 * int(hours) + int(minutes)


def period(desk: Scenario, engine: str = "reference", seed: int = 1, replication: int = 0) -> OutcomeTable:
    assert desk.staffing is not None
    demand, staffing = sample(desk, seed, replication), attend(desk, desk.staffing, seed, replication)
    return warmed_up(desk, staffing, routing.rules(desk), demand, engine)[0]


# -------------------------------------------------------------------------------------------------------- by pencil


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_who_talks_at_midnight_keeps_the_agent_of_the_morning(engine: str) -> None:
    """The call of 23:50 lasts to 0:20 of the day after; the one of 0:05 has to wait for that."""
    c = period(world(call("0:05", 10), call("23:50", 30)), engine).contacts
    assert c.arrival.tolist() == [-10 * MINUTE, 5 * MINUTE, 1430 * MINUTE]
    assert c.answered.tolist() == [-10 * MINUTE, 20 * MINUTE, 1430 * MINUTE]
    assert c.released.tolist() == [20 * MINUTE, 30 * MINUTE, 1460 * MINUTE]
    assert c.cause.tolist() == [Cause.CARRIED_IN, Cause.ARRIVAL, Cause.ARRIVAL]
    assert c.root.tolist() == [0, 1, 2]
    assert c.parent.tolist() == [-1, -1, -1]


def test_who_waits_at_midnight_stands_before_those_of_the_morning() -> None:
    """Nobody works from 22:00 to 6:00; those of the evening before come first then."""
    staffing = {"levels": {"all": {"00:00": 0, "06:00": 1, "22:00": 0}}}
    c = period(world(call("5:00", 60), call("23:00", 60), staffing=staffing)).contacts
    assert (c.answered[:2] / HOUR).tolist() == [6, 7]
    assert (c.arrival[:2] / HOUR).tolist() == [-1, 5]
    assert c.status[2] == Status.UNSERVED  # the last level stays, and nobody comes after the day


def test_a_night_shift_goes_on_and_is_one_spell() -> None:
    shifts = {"shifts": [{"group": "all", "start": "22:00", "length": "8 h", "number": 1}]}
    found = period(world(call("5:00", 30), call("6:30", 30), staffing=shifts))
    assert (found.spells.on / HOUR).tolist() == [-2, 22]
    assert (found.spells.left / HOUR).tolist() == [6, 30]
    assert (found.contacts.answered / HOUR).tolist() == [5, 22]


def test_opening_hours_over_midnight_have_no_closing_there() -> None:
    opening = {"opening": {"daily": ["20:00-04:00"]}, "at_closing": "disconnect"}
    desk = world(call("0:10", 5), call("23:50", 30), kind=opening)
    assert period(desk).contacts.status.tolist() == [Status.ANSWERED] * 3
    closed = world(call("0:10", 5), call("5:00", 5), kind=opening)
    assert period(closed).contacts.status.tolist() == [Status.ANSWERED, Status.CLOSED]


def test_a_redial_of_the_evening_is_a_follow_up_of_the_morning() -> None:
    """Its parent, over before midnight, stands in the table, and in no figure."""
    rule = {"on": "abandoned", "delay": {"family": "deterministic", "value": "30 min"}, "at_most": 1}
    desk = world(
        call("0:00", 2, patience="10 min"),
        call("23:45", 2, patience="10 min"),
        kind={"follow_ups": {"redial": rule}, "patience": {"family": "deterministic", "value": "10 min"}},
        staffing={"levels": {"all": {"00:00": 0, "01:00": 1, "23:00": 0}}},
    )
    assert desk.staffing is not None
    demand, staffing, rules = sample(desk, 1, 0), attend(desk, desk.staffing, 1, 0), routing.rules(desk)
    outcome, customers = warmed_up(desk, staffing, rules, demand, "reference")
    c = outcome.contacts
    drawn = {int(at): int(i) for i, at in enumerate(c.arrival)}
    morning = drawn[25 * MINUTE]
    assert c.parent[morning] == drawn[-15 * MINUTE]
    assert (c.arrival[: len(customers)] == customers.arrival_ms).all()
    counted = tally_run(outcome, desk, staffing, rules, customers)
    assert counted.endings is not None
    assert counted.endings.carried_in.sum() == 0
    assert counted.endings.redials.sum() == 2
    assert counted.arrived.sum() == 2
    assert counted.journeys is not None
    assert counted.journeys.customers.sum() == 2


# ------------------------------------------------------------------------------------------------- nothing else changes


def test_a_desk_that_is_empty_at_midnight_is_as_it_was() -> None:
    opening = {"opening": {"daily": ["08:00-20:00"]}}
    kind = {"arrivals": {"per_hour": 50}, "talk": {"family": "exponential", "mean": "3 min"}} | opening
    staffing = {"levels": {"all": {"00:00": 0, "08:00": 3, "21:00": 0}}}
    warm = centre({"call": kind}, staffing=staffing, **DAY)
    cold = warm.model_copy(update={"warm_up": "none"})
    assert warm.staffing is not None
    there = attend(warm, warm.staffing, 1, 0)
    before = run(sample(cold, 1, 0), there, routing.rules(cold), "reference")
    after = period(warm)
    assert [line for line in differences(before, after) if not line.startswith("spells")] == []


def test_customers_of_the_period_are_those_of_a_desk_without_warm_up() -> None:
    desk = load("double-eleven-small", sets=["horizon.length=24 h", "horizon.repeats=day", "warm_up=one period"])
    assert desk.staffing is not None
    demand, there, rules = sample(desk, 3, 2), attend(desk, desk.staffing, 3, 2), routing.rules(desk)
    _, customers = warmed_up(desk, there, rules, demand, "compiled")
    of_the_day = customers.arrival_ms >= 0
    assert np.array_equal(customers.arrival_ms[of_the_day], demand.arrival_ms)
    assert np.array_equal(customers.key[of_the_day], demand.key)
    assert 0 < (~of_the_day).sum() < 100


# ------------------------------------------------------------------------------------------------- what always holds


KIND = st.fixed_dictionaries(
    {
        "arrivals": st.builds(lambda n: {"per_hour": n}, st.integers(1, 5)),
        "talk": st.just({"family": "exponential", "mean": "20 min"}),
    },
    optional={
        "patience": st.just({"family": "exponential", "mean": "30 min"}),
        "follow_ups": st.just([{"on": "abandoned", "delay": {"family": "exponential", "mean": "2 h"}}]),
        "opening": st.sampled_from([{"daily": ["20:00-04:00"]}, {"daily": ["00:00-10:00", "18:00-24:00"]}]),
        "at_closing": st.sampled_from(["serve", "disconnect"]),
    },
)
STAFF = st.sampled_from(
    [
        ONE,
        {"levels": {"all": {"00:00": 2, "08:00": 0, "19:00": 1}}},
        {"shifts": [{"group": "all", "start": "18:00", "length": "9 h", "number": 2}]},
        {"shifts": [{"group": "all", "start": s, "length": "12 h", "number": 1} for s in ("00:00", "12:00")]},
    ]
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(KIND, min_size=1, max_size=2), STAFF)
def test_engines_agree_and_sums_add_up(kinds: list[dict[str, Any]], staffing: dict[str, Any]) -> None:
    """Both engines, cell for cell; the queue's integral from 0 on is the sum of waits behind 0, as integers."""
    desk = centre({f"kind_{i}": kind for i, kind in enumerate(kinds)}, staffing=staffing, **DAY)
    ours, theirs = period(desk), period(desk, "compiled")
    assert differences(ours, theirs) == []
    c = ours.contacts
    assert (c.arrival >= 0).sum() >= len(sample(desk, 1, 0))
    assert (c.root <= np.arange(len(c.root))).all()
    follows = c.cause >= Cause.FOLLOW_UP
    assert (c.parent[follows] >= 0).all()
    assert {field.name: len(getattr(c, field.name)) for field in fields(Contacts)} == dict.fromkeys(
        (field.name for field in fields(Contacts)), len(c.type)
    )
    counted = experiment.experiment(desk, replications=1, seed=1, engine="reference").tallies
    asked = c.queued > np.iinfo(np.int64).min
    end = np.where(c.answered > np.iinfo(np.int64).min, c.answered, c.ended)
    waits = np.maximum(end, 0) - np.maximum(c.queued, 0)
    assert counted.queue_ms.sum() == waits[asked].sum()


def test_the_desk_is_in_its_long_run_from_the_first_hour_on() -> None:
    """M/M/inf: 6 contacts present in each hour, alpha 1e-4; without a warm-up the first hour has 1.6."""
    kind = {"arrivals": {"per_hour": 4}, "talk": {"family": "exponential", "mean": "90 min"}}
    staffing = {"levels": {"all": {"00:00": 40}}}
    for warm_up, first in (("one period", 6.0), ("none", 6 - 9 * (1 - np.exp(-2 / 3)))):
        desk = centre({"call": kind}, staffing=staffing, **(DAY | {"warm_up": warm_up}))
        runs = experiment.experiment(desk, replications=300, seed=4)
        busy = runs.tallies.busy_ms[:, 0] / HOUR
        assert close_mean(busy[:, 0], first)
        assert close_mean(busy[:, 12:].mean(axis=1), 6)


# ------------------------------------------------------------------------------------------------------------- refusals


def test_a_warm_up_wants_a_desk_that_repeats_and_brings_its_own_backlog() -> None:
    with pytest.raises(ValueError, match="only a desk that repeats"):
        world(call("1:00", 1), repeats="never")
    backlog = {"call": {"number": 2, "age": {"family": "deterministic", "value": "1 min"}}}
    with pytest.raises(ValueError, match="starts with what the period before left"):
        world(call("1:00", 1), backlog=backlog)


def test_tables_and_results_know_it() -> None:
    desk = world(call("0:05", 10), call("23:50", 30))
    assert observe(desk, seed=1).contacts["arrival_ms"].tolist() == [-600_000, 300_000, 85_800_000]
    mean = {one.measure: one.mean for one in sim.simulate(desk, replications=2, seed=1).estimates if not one.by}
    assert mean["carried_in"] == 1
    assert mean["arrived"] == 2
    assert mean["asa"] == pytest.approx(15 / 2 * 60)
