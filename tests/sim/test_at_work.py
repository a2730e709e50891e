"""Agents who are busy when the desk begins: by pencil, by renewal theory, and on both engines."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from centres import centre
from chance import close_mean
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sim
from sim import routing
from sim.at_work import begun, remaining_ms
from sim.attendance import attend
from sim.demand import sample
from sim.engine import run
from sim.experiment import experiment
from sim.outcome import Cause, OutcomeTable, Status, differences
from sim.scenario import AtWork, Scenario
from sim.scenario_file import ScenarioErrors, dump, load, load_text
from sim.start import started

MINUTE, HOUR = 60_000, 3_600_000
DAY = {"length": "4 h", "interval": "60 min"}
TWO = {"levels": {"all": {"00:00": 2}}}
SHIFT = {"shifts": [{"group": "all", "start": "00:00", "length": "4 h", "number": 2}]}


def at_work(**entry: Any) -> dict[str, Any]:
    return {"group": "all", "contact_type": "call"} | entry


def world(
    *calls: tuple[float, float], entries: list[dict[str, Any]], kind: dict[str, Any] | None = None, **parts: Any
) -> Scenario:
    """Calls as (minute, minutes of talk)."""
    trace = [{"contact_type": "call", "arrival": f"{at} min", "talk": f"{talk} min"} for at, talk in calls]
    return centre({"call": kind or {}}, trace=trace, at_work=entries, **({"staffing": TWO} | DAY | parts))


def outcome_of(desk: Scenario, engine: str = "reference", seed: int = 1, replication: int = 0) -> OutcomeTable:
    assert desk.staffing is not None
    demand, staffing = sample(desk, seed, replication), attend(desk, desk.staffing, seed, replication)
    return begun(desk, staffing, routing.rules(desk), demand, engine)[0]


# -------------------------------------------------------------------------------------------------------- by pencil


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("staffing", [TWO, SHIFT], ids=["by level", "by person"])
def test_busy_agents_take_the_first_call_when_they_are_free(engine: str, staffing: dict[str, Any]) -> None:
    """Two agents with 3 and 5 minutes left: calls of minute 0 and 1 begin then, the one of minute 20 at once."""
    desk = world((0, 10), (1, 10), (20, 1), entries=[at_work(remaining=["3 min", "5 min"])], staffing=staffing)
    c = outcome_of(desk, engine).contacts
    assert c.type.tolist() == [0] * 5
    assert c.cause.tolist() == [Cause.CARRIED_IN] * 2 + [Cause.ARRIVAL] * 3
    assert c.arrival.tolist() == [-1, -1, 0, MINUTE, 20 * MINUTE]
    assert c.answered.tolist() == [-1, -1, 3 * MINUTE, 5 * MINUTE, 20 * MINUTE]
    assert (c.released / MINUTE).tolist() == [3, 5, 13, 15, 21]
    assert c.agent.tolist() == [0, 1, 0, 1, 0]
    assert c.status.tolist() == [Status.ANSWERED] * 5


def test_a_backlog_waits_until_they_are_free() -> None:
    backlog = {"call": {"ages": ["50 min", "2 min"]}}
    kind = {"talk": {"family": "deterministic", "value": "10 min"}}
    c = outcome_of(world(entries=[at_work(remaining=["3 min"])], kind=kind, backlog=backlog)).contacts
    assert (c.answered // MINUTE).tolist() == [-1, 0, 3]


def test_a_group_is_busy_with_its_own() -> None:
    """The general group is busy, the special one is not: calls go there."""
    groups = {"general": {"skills": ["call"]}, "special": {"skills": ["call"]}}
    staffing = {"levels": {"general": {"00:00": 1}, "special": {"00:00": 1}}}
    entries = [at_work(group="special", remaining=["30 min"]), at_work(group="general", remaining=["2 min"])]
    for busy, first in ((entries[:1], 0), (entries[1:], 0), (entries, 2)):
        c = outcome_of(world((0, 10), entries=busy, agent_groups=groups, staffing=staffing)).contacts
        assert c.answered[-1] == first * MINUTE


def test_more_at_work_than_there_are_wait_for_their_group() -> None:
    staffing = {"levels": {"all": {"00:00": 1}}}
    c = outcome_of(world((0, 1), entries=[at_work(remaining=["3 min", "5 min"])], staffing=staffing)).contacts
    assert (c.answered // MINUTE).tolist() == [-1, 3, 8]


def test_a_slower_agent_takes_longer_for_what_is_left() -> None:
    groups = {"all": {"skills": {"call": {"speed": 0.5}}}}
    c = outcome_of(world(entries=[at_work(remaining=["3 min"])], agent_groups=groups)).contacts
    assert c.released.tolist() == [6 * MINUTE]


def test_what_they_have_in_hand_may_come_again() -> None:
    """Its talk settles nothing, so it comes again after an hour, by the rule of its real type."""
    rule = {"on": "unresolved", "delay": {"family": "deterministic", "value": "60 min"}, "at_most": 1}
    other = {"on": "abandoned", "chance": 0}
    kind = {"resolution": 0, "follow_ups": {"never": other, "again": rule}}
    desk = world(entries=[at_work(remaining=["3 min"])], kind=kind)
    for engine in ("reference", "compiled"):
        c = outcome_of(desk, engine).contacts
        assert c.cause.tolist() == [Cause.CARRIED_IN, Cause.FOLLOW_UP + 1]
        assert c.parent.tolist() == [-1, 0]
        assert (c.arrival / MINUTE).tolist() == [-1 / MINUTE, 63]


def test_they_count_as_carried_in_and_as_busy() -> None:
    desk = world((60, 30), entries=[at_work(remaining=["60 min"]), at_work(remaining=["30 min"])])
    found = sim.simulate(desk, replications=2, seed=1, engine="reference").estimates
    mean = {one.measure: one.mean for one in found if not one.by}
    assert (mean["arrived"], mean["carried_in"], mean["offered"]) == (1, 2, 1)
    assert mean["occupancy"] == pytest.approx(2 / 8)
    assert mean["aht"] == 1800  # what is left of two talks tells nothing of how long they are


# ------------------------------------------------------------------------------------------------------ what is left


@pytest.mark.parametrize(
    ("kind", "mean_s", "square"),
    [
        ({"talk": {"family": "exponential", "mean": "200 s"}}, 200, 2 * 200**2),
        ({"talk": {"family": "deterministic", "value": "200 s"}}, 100, 200**2 / 3),
        ({"talk": {"family": "erlang", "mean": "200 s", "stages": 2}}, 150, 100**2 * 4),
        (
            {"talk": {"family": "lognormal", "mean": "200 s", "cv": 0.5}},
            200 * 1.25 / 2,
            200**2 * 1.25**3 / 3,
        ),
        (
            {
                "talk": {"family": "exponential", "mean": "100 s"},
                "after_contact_work": {"family": "deterministic", "value": "50 s"},
            },
            (2 * 100**2 + 2 * 100 * 50 + 50**2) / 300,
            (6 * 100**3 + 3 * 2 * 100**2 * 50 + 3 * 100 * 50**2 + 50**3) / 450,
        ),
    ],
    ids=["exponential", "deterministic", "erlang", "lognormal", "with after-contact work"],
)
def test_what_is_left_has_the_moments_of_its_law(kind: dict[str, Any], mean_s: float, square: float) -> None:
    """E = E[H^2] / 2 E[H], E of the square = E[H^3] / 3 E[H]. Student over 300 replications of 200, alpha 1e-4 each.

    Red without the choice by length: the mean of the exponential is then 100.
    """
    desk = world(entries=[at_work(number=200)], kind=kind)
    found = np.array([remaining_ms(desk, desk.at_work[0], 5, r) for r in range(300)]) / 1000
    assert close_mean(found.mean(axis=1), mean_s)
    assert close_mean((found**2).mean(axis=1), square)


def test_the_desk_starts_in_its_long_run() -> None:
    """M/M/inf with the mean number at work: it stays the mean number. Student, alpha 1e-4 for each hour."""
    kind = {"arrivals": {"per_hour": 4}, "talk": {"family": "exponential", "mean": "90 min"}}
    desk = centre({"call": kind}, at_work=[at_work(number=6)], staffing={"levels": {"all": {"00:00": 40}}}, **DAY)
    busy = experiment(desk, replications=400, seed=4).tallies.busy_ms[:, 0] / HOUR
    assert all(close_mean(busy[:, hour], 6) for hour in range(4))


def test_customers_of_the_day_are_those_of_a_desk_without() -> None:
    kind = {"arrivals": {"per_hour": 30}, "talk": {"family": "exponential", "mean": "2 min"}}
    desk = centre({"call": kind}, at_work=[at_work(number=2)], staffing=TWO, **DAY)
    assert desk.staffing is not None
    demand, there, rules = sample(desk, 1, 0), attend(desk, desk.staffing, 1, 0), routing.rules(desk)
    _, customers = begun(desk, there, rules, demand, "reference")
    assert np.array_equal(customers.arrival_ms[2:], demand.arrival_ms)
    assert np.array_equal(customers.key[2:], demand.key)
    nobody = desk.model_copy(update={"at_work": (desk.at_work[0].model_copy(update={"number": 0}),)})
    bare = run(demand, there, rules, "reference")
    assert differences(begun(nobody, there, rules, demand, "reference")[0], bare) == []


# ------------------------------------------------------------------------------------------------------- both engines

TALK = st.sampled_from([{"family": "deterministic", "value": "4 min"}, {"family": "exponential", "mean": "5 min"}])
KIND = st.fixed_dictionaries(
    {
        "arrivals": st.builds(lambda n: {"per_hour": n}, st.integers(0, 30)),
        "talk": TALK,
    },
    optional={
        "patience": st.just({"family": "deterministic", "value": "4 min"}),
        "after_contact_work": st.just({"family": "deterministic", "value": "1 min"}),
        "resolution": st.just(0.5),
        "follow_ups": st.just([{"on": "abandoned"}, {"on": "unresolved", "to": "kind_0"}]),
        "announcement": st.just("model"),
        "priority": st.integers(0, 1),
    },
)
GROUP = st.fixed_dictionaries(
    {"skills": st.just(["kind_0", "kind_1"])},
    optional={"slots": st.just(2), "switching": st.just("20 s"), "fatigue": st.just({"per_hour": 0.5, "most": 1})},
)
ENTRY = st.builds(
    lambda group, kind, left: {"group": group, "contact_type": kind} | left,
    st.sampled_from(["one", "two"]),
    st.sampled_from(["kind_0", "kind_1"]),
    st.sampled_from([{"number": 1}, {"number": 3}, {"remaining": ["4 min", "8 min"]}, {"remaining": ["1 min"]}]),
)
STAFF: list[dict[str, Any]] = [
    *({"levels": {"one": {"00:00": heads, "01:00": 1}, "two": {"00:00": 2, "02:00": 0}}} for heads in range(3)),
    {"shifts": [{"group": name, "start": "00:00", "length": "2 h", "number": 1} for name in ("one", "two")]},
]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.tuples(KIND, KIND),
    st.tuples(GROUP, GROUP),
    st.lists(ENTRY, min_size=1, max_size=3),
    st.sampled_from(STAFF),
    st.sampled_from(["priority", "fcfs", "least_busy"]),
)
def test_engines_agree(
    kinds: Any, groups: Any, entries: list[dict[str, Any]], staffing: dict[str, Any], policy: str
) -> None:
    """Full of ties, cell for cell."""
    plain = {
        "channels": {"phone": {}, "chat": {"slots": 1}},
        "agent_groups": {"one": groups[0], "two": groups[1]},
        "staffing": staffing,
        "at_work": entries,
        "routing": policy,
    }
    desk = centre({"kind_0": kinds[0] | {"channel": "chat"}, "kind_1": kinds[1]}, **plain, **DAY)
    ours, theirs = outcome_of(desk), outcome_of(desk, "compiled")
    assert differences(ours, theirs) == []
    assert (ours.contacts.arrival == -1).sum() == sum(e.get("number", 0) or len(e["remaining"]) for e in entries)


@pytest.mark.parametrize("start", ["at_work", "warm_up"])
def test_engines_agree_where_everything_is_on(start: str, tmp_path: Path) -> None:
    """All mechanisms, with agents at work in each group, or through a whole day before."""
    everything = Path(__file__).with_name("everything.yaml")
    if start == "warm_up":
        (tmp_path / "warm.yaml").write_text("backlog: null\nwarm_up: one period\n", encoding="utf-8")
        sets = ["horizon.start=2026-03-02 00:00", "horizon.length=24 h", "horizon.repeats=day"]
        desk = load(everything, [tmp_path / "warm.yaml"], sets)
    else:
        plain = load(everything)
        entries = [
            AtWork(group=name, contact_type=skill, number=2)
            for name, group in plain.agent_groups.items()
            for skill in group.skills
        ]
        desk = plain.model_copy(update={"at_work": tuple(entries)})
    assert desk.staffing is not None
    for r in range(2):
        demand, there, rules = sample(desk, 1, r), attend(desk, desk.staffing, 1, r), routing.rules(desk)
        ours, theirs = (started(desk, there, rules, demand, engine)[0] for engine in ("reference", "compiled"))
        assert differences(ours, theirs) == []
        assert (ours.contacts.arrival < 0).sum() > 10


# -------------------------------------------------------------------------------------------------------------- files

FILE = """
horizon: {start: "2026-03-02 08:00", length: 1 h, interval: 30 min}
channels: {phone: {}}
contact_types:
  orders: {channel: phone, arrivals: {per_hour: 6}, talk: {family: exponential, mean: 3 min}}
  returns: {channel: phone, arrivals: {per_hour: 6}, talk: {family: exponential, mean: 3 min}}
agent_groups: {service: {skills: [orders]}, other: {skills: [returns]}}
at_work:
"""
WRONG = {
    "{group: servce, contact_type: orders, number: 2}": (
        ".group: there is no agent group 'servce': did you mean 'service'?"
    ),
    "{group: service, contact_type: order, number: 2}": (
        ".contact_type: there is no contact type 'order': did you mean 'orders'?"
    ),
    "{group: other, contact_type: orders, number: 2}": ".group: other has no skill orders: give it this skill",
    "{group: service, contact_type: orders}": (
        ": agents at work are either a number or what remaining work they have: give one of these"
    ),
    "{group: service, contact_type: orders, remaining: [0]}": ".remaining.0: must be above 0: write more than 0",
    "{group: service, contact_type: orders, number: -2}": ".number is -2: must not be negative: write 0 or more",
}


@pytest.mark.parametrize("entry", WRONG)
def test_a_wrong_entry_gives_one_clear_message(entry: str) -> None:
    with pytest.raises(ScenarioErrors) as refused:
        load_text(f"{FILE}  - {entry}\n", name="wrong.yaml")
    assert [str(problem) for problem in refused.value.problems] == [f"wrong.yaml:9: at_work.0{WRONG[entry]}"]


def test_it_is_the_same_after_being_written() -> None:
    desk = load_text(f"{FILE}  - {{group: service, contact_type: orders, remaining: [90 s, 3 min]}}\n")
    assert desk.at_work[0].remaining == (90, 180)
    assert load_text(dump(desk)) == desk
    assert json.loads(desk.canonical)["at_work"][0]["remaining"] == ["90 s", "3 min"]
