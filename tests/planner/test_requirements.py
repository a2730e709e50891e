"""What formulas ask for: loads, sets of types, and measures of all kinds."""

import numpy as np
import pytest
from worlds_to_plan import morning

from planner.baseline import formula_rows
from planner.requirements import Theory, load_of, type_sets, worth_of
from planner.requirements import at_once as done_at_once
from sim.scenario import Scenario
from sim.theory import Queue, least_agents

EXPONENTIAL = {"family": "exponential", "mean": "4 min"}


def kind(**parts):
    return {"channel": "phone", "arrivals": {"per_hour": 60}, "talk": EXPONENTIAL, **parts}


def desk(skills, **parts):
    """Types that are alike, and groups g0, g1, … with these skills."""
    types = {name: kind(**parts) for name in sorted({skill for group in skills for skill in group})}
    return morning(
        contact_types=types,
        agent_groups={f"g{i}": {"skills": list(group)} for i, group in enumerate(skills)},
        targets=[{"contact_types": [name], "at_least": 0.8, "formula": "SL-3"} for name in types],
    )


def requirement(scenario):
    theory = Theory(scenario)
    return theory, theory.requirement(theory.levels()).agents


@pytest.mark.parametrize(("skills", "sets"), [
    (["a"], [(0,)]),
    (["a", "b"], [(0,), (1,)]),  # nobody joins them
    (["ab"], [(0, 1)]),  # whoever serves one serves both
    (["a", "b", "ab"], [(0,), (1,), (0, 1)]),
    (["ab", "bc"], [(0,), (2,), (0, 1, 2)]),  # b can always be helped from both sides
    (["a", "ab", "bc", "c"], [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)]),  # not a and c: nobody joins them
])  # fmt: skip
def test_sets_of_types_on_which_a_requirement_can_bind(skills, sets):
    assert sorted(type_sets(desk(skills))) == sorted(sets)


def test_a_steady_hour_needs_what_erlang_a_says():
    scenario = desk(["a"], patience={"family": "exponential", "mean": "3 min"})
    _, agents = requirement(scenario)
    exact = least_agents(lambda n: Queue(1 / 60, 240, n, 180).service_level(20, "SL-3") >= 0.8)
    assert agents[0, -1] == exact
    assert agents[0, 0] <= exact  # the desk opens empty


def test_without_patience_it_is_erlang_c():
    theory, agents = requirement(desk(["a"]))
    load = theory.load.erlangs[7, 0]
    assert agents[0, -1] == least_agents(lambda n: n > load and Queue(load / 240, 240, n).service_level(20) >= 0.8)


def test_pooled_types_need_less_than_each_alone_and_more_than_one_of_them():
    _, agents = requirement(desk(["a", "b", "ab"]))
    (a, b, both) = agents[:, -1]
    assert a == b
    assert max(a, b) < both < a + b


def test_long_work_counts_with_the_highest_load_of_the_interval():
    """45 min of work in hours of 60: the load still rises through the first hours; short work has settled."""
    busy = load_of(desk(["a"], talk={"family": "deterministic", "value": "45 min"})).erlangs[:, 0]
    assert busy[0] == pytest.approx(45.0)  # reached after 45 min; the mean of the hour is lower
    short = load_of(desk(["a"])).erlangs[:, 0]
    assert short[0] < short[1] == pytest.approx(4.0, rel=1e-3)


@pytest.mark.parametrize(
    ("slots", "groups", "at_once"),
    [
        (1, {"g": {"slots": 3, "pace": [1, 0.9, 0.8]}}, 2.4),
        (1, {"g": {"slots": 3, "pace": [1, 0.9, 0.4]}}, 1.8),  # two are more than three
        (2, {"g": {"slots": 5, "pace": [1, 0.9]}}, 1.8),  # two of two slots each
        ("all", {"g": {"slots": 3}}, 1.0),
        (1, {"g": {"slots": 2}, "h": {"slots": 4}}, 3.0),
        (1, {"g": {"slots": 2}, "h": {"slots": 4, "skills": {"a": 2}}}, 2.0),  # helps out only
    ],
)
def test_full_hands_get_several_contacts_done_at_once(slots, groups, at_once):
    groups = {name: {"skills": ["a"], **group} for name, group in groups.items()}
    plain = desk(["a"]).model_dump(mode="json")
    chats = Scenario.model_validate(plain | {"channels": {"phone": {"slots": slots}}, "agent_groups": groups})
    assert done_at_once(chats, "a") == pytest.approx(at_once)
    usual = [formula_rows(one, Theory(one), "erlang-c").agents.max() for one in (chats, Scenario.model_validate(plain))]
    assert (usual[0] < usual[1]) == (at_once > 1)


def test_interruptible_work_takes_all_of_an_agent():
    mail = morning(
        channels={"mail": {"slots": 1, "deferred": True}},
        contact_types={"a": kind(channel="mail", interruptible=True)},
        agent_groups={"g": {"skills": ["a"], "slots": 3}},
    )
    assert done_at_once(mail, "a") == 1.0


def test_patience_is_matched_at_the_threshold():
    """Uniform from 0 to 200 s: a tenth is lost by 20 s."""
    scenario = desk(["a"], patience={"family": "uniform", "low": "0 s", "high": "200 s"}, threshold="20 s")
    lost = 1 - np.exp(-20 / load_of(scenario).patience_s[0])
    assert lost == pytest.approx(0.1)


@pytest.mark.parametrize("target", [
    {"measure": "asa", "at_most": "20 s"},
    {"measure": "abandonment", "at_most": "5 %"},
    {"measure": "wait_p80", "at_most": "30 s"},
    {"measure": "occupancy", "at_most": "85 %"},
    {"measure": "service_level", "at_least": "80 %", "formula": "SL-2"},
])  # fmt: skip
def test_every_measure_has_its_least_number_of_agents(target):
    scenario = morning(targets=[target])
    theory, agents = requirement(scenario)
    (goal,) = theory.goals
    queues = theory.load.queues([0], np.array([7, 7]), agents[0, 7] - np.array([0, 1]))
    enough, too_few = goal.sign * (goal.value(queues, goal.threshold(0)) - goal.level)
    assert enough >= 0 > too_few


def test_two_targets_on_a_type_both_hold():
    targets = [{"at_least": "80 %"}, {"measure": "abandonment", "at_most": "1 %"}]
    alone = [requirement(morning(targets=[target]))[1] for target in targets]
    assert (requirement(morning(targets=targets))[1] == np.maximum(*alone)).all()


def test_a_type_without_targets_asks_for_nobody():
    scenario = desk(["a", "b"]).model_copy(update={"targets": desk(["a"]).targets})
    theory, agents = requirement(scenario)
    assert theory.untargeted == [1]
    assert agents[theory.sets.index((1,))].max() == 0


def test_more_is_asked_where_more_is_aimed_at():
    theory = Theory(desk(["a", "b", "ab"]))
    low, high = (theory.requirement(np.full((2, 8), level)).agents for level in (0.6, 0.95))
    assert (low < high).all()


def test_what_is_required_is_what_is_predicted():
    theory, agents = requirement(desk(["a"], patience={"family": "exponential", "mean": "3 min"}))
    assert (theory.predicted(agents.astype(int))[0] >= 0.8).all()
    assert (theory.predicted(agents.astype(int) - 1)[0] < 0.8).all()


def test_speed_makes_an_agent_worth_more():
    scenario = desk(["a", "b"])
    fast = {"both": {"skills": {"a": {"speed": 1.5}, "b": {"speed": 0.8}}}}
    scenario = morning(contact_types={n: kind() for n in "ab"}, agent_groups=fast, targets=scenario.targets)
    assert worth_of(scenario, [(0,), (1,), (0, 1)]).ravel().tolist() == [1.5, 0.8, 1.5]


def test_the_baseline_staffs_each_type_alone():
    theory = Theory(desk(["a", "b", "ab"]))
    rows = formula_rows(desk(["a", "b", "ab"]), theory, "erlang-c")
    alone = least_agents(lambda n: n > 4 and Queue(1 / 60, 240, n).service_level(20) >= 0.8)
    assert rows.agents[:, 3].tolist() == [alone, alone, 2 * alone]
