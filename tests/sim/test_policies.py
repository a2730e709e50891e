"""What each routing policy is for: a story on a tiny desk, told by seconds, that another policy would end otherwise."""

from typing import Any

import numpy as np
import pytest
from centres import centre

from sim.attendance import attend
from sim.demand import sample
from sim.engine import reference
from sim.mechanisms import AgentChoice
from sim.outcome import OutcomeTable
from sim.policies import POLICIES, add, by_skill, fcfs
from sim.routing import rules
from sim.scenario import TAKES, Scenario
from sim.staffing import StaffingPlan

ONE = {"team": {"skills": ["a", "b"]}}
S = 1000
Contact = tuple[str, float, float]
"""Type, arrival and talk in seconds."""


def desk(routing: Any, contacts: list[Contact], groups: dict[str, Any] = ONE, **types: Any) -> Scenario:
    kinds = dict.fromkeys(name for group in groups.values() for name in group["skills"])
    rows = [{"contact_type": name, "arrival": f"{at} s", "talk": f"{talk} s"} for name, at, talk in contacts]
    return centre({name: types.get(name, {}) for name in kinds}, agent_groups=groups, trace=rows, routing=routing)


def run(scenario: Scenario, **heads: int) -> OutcomeTable:
    """One replication with so many agents of each group, there all day."""
    shifts = [{"group": name, "start": "00:00", "length": "24 h", "number": number} for name, number in heads.items()]
    plan = StaffingPlan.model_validate({"shifts": shifts})
    return reference.run(sample(scenario, 1, 0), attend(scenario, plan, 1, 0), rules(scenario))


def story(routing: Any, contacts: list[Contact], groups: dict[str, Any] = ONE, **parts: Any) -> list[tuple[float, int]]:
    """Second of the answer and agent of each contact, in order of arrival."""
    heads = parts.pop("heads", dict.fromkeys(groups, 1))
    found = run(desk(routing, contacts, groups, **parts), **heads).contacts
    return list(zip((found.answered / S).tolist(), found.agent.tolist(), strict=True))


def starts(*told: Any, **parts: Any) -> list[float]:
    return [at for at, _ in story(*told, **parts)]


# ---------------------------------------------------------------------------------------------- agents choose contacts

BUSY_AT_FIRST: list[Contact] = [("a", 0, 10)]


def test_longest_queue_serves_the_type_of_which_most_wait() -> None:
    waiting: list[Contact] = [*BUSY_AT_FIRST, ("b", 1, 5), ("a", 2, 5), ("a", 3, 5)]
    assert starts("fcfs", waiting) == [0, 10, 15, 20]
    assert starts("longest_queue", waiting) == [0, 15, 10, 20]


def test_weighted_wait_lets_priority_grow_with_the_wait() -> None:
    """At 10 s: a has waited 8 s, b 4 s at three times the rate; b wins, but would not at twice."""
    waiting: list[Contact] = [*BUSY_AT_FIRST, ("a", 2, 5), ("b", 6, 5)]
    assert starts({"policy": "weighted_wait", "weights": {"b": 3}}, waiting) == [0, 15, 10]
    assert starts({"policy": "weighted_wait", "weights": {"b": 1.9}}, waiting) == [0, 10, 15]


def test_cmu_serves_short_contacts_first_unless_long_ones_cost_more() -> None:
    """b takes ten times as long as a; at 10 s it has waited twice as long."""
    waiting: list[Contact] = [("a", 0, 10), ("b", 6, 50), ("a", 8, 5)]
    assert starts({"policy": "cmu", "costs": {}}, waiting) == [0, 15, 10]
    assert starts({"policy": "cmu", "costs": {"b": 20}}, waiting) == [0, 10, 60]


def test_queue_ratio_keeps_each_type_at_its_part_of_all_who_wait() -> None:
    """Two of a and one of b wait: with parts of 3 to 1 b is above its part; with 1 to 1 a is."""
    waiting: list[Contact] = [*BUSY_AT_FIRST, ("a", 1, 5), ("a", 2, 5), ("b", 3, 5)]
    assert starts({"policy": "queue_ratio", "ratios": {"a": 3, "b": 1}}, waiting) == [0, 15, 20, 10]
    assert starts({"policy": "queue_ratio", "ratios": {"a": 1, "b": 1}}, waiting) == [0, 10, 15, 20]


def test_scores_weigh_a_constant_against_waits() -> None:
    """A head start of 20 s for b: a must have waited 20 s longer."""
    routing = {"policy": "scores", "scores": {"a": {"team": {"wait": 1}}, "b": {"team": {"constant": 20, "wait": 1}}}}
    assert starts(routing, [("a", 0, 30), ("a", 1, 5), ("b", 20, 5)]) == [0, 35, 30]
    assert starts(routing, [("a", 0, 30), ("a", 1, 5), ("b", 22, 5)]) == [0, 30, 35]


def test_own_first_is_one_s_own_type_then_the_longest_wait() -> None:
    skills = {"team": {"skills": {"a": 1, "b": 2, "c": 3}}}
    waiting: list[Contact] = [("a", 0, 10), ("c", 1, 5), ("b", 2, 5), ("a", 3, 5)]
    assert starts("own_first", waiting, skills) == [0, 15, 20, 10]
    assert starts("preference", waiting, skills) == [0, 20, 15, 10]


def test_ranks_are_as_listed() -> None:
    routing = {"policy": "ranks", "type_ranks": {"team": {"a": 5, "b": 3}}, "delays": {"b": {"team": "12 s"}}}
    waiting: list[Contact] = [*BUSY_AT_FIRST, ("a", 1, 5), ("b", 2, 5), ("b", 3, 5)]
    assert starts({"policy": "ranks", "type_ranks": {"team": {"a": 5, "b": 3}}}, waiting) == [0, 20, 10, 15]
    assert starts(routing, waiting) == [0, 10, 15, 20]


# ---------------------------------------------------------------------------------------------- contacts choose agents

TWO = {
    "slow": {"skills": {"a": {"preference": 1, "speed": 0.5}}},
    "fast": {"skills": {"a": {"preference": 2, "speed": 2}}},
}


def test_fastest_goes_to_the_fastest_who_is_free() -> None:
    three: list[Contact] = [("a", 0, 10), ("a", 1, 10), ("a", 6, 10)]
    assert story("priority", three, TWO) == [(0, 0), (1, 1), (6, 1)]
    assert story("fastest", three, TWO) == [(0, 1), (1, 0), (6, 1)]


def test_overflow_helps_only_after_a_wait() -> None:
    late: list[Contact] = [("a", 0, 100), ("a", 1, 10), ("a", 40, 10)]
    assert starts("priority", late, TWO) == [0, 1, 40]
    assert starts({"policy": "overflow", "after": "30 s"}, late, TWO) == [0, 31, 70]


def test_least_busy_spares_who_has_worked_most() -> None:
    """At 20 s agent 0 has rested longer, but worked 10 s, and agent 1 only 3."""
    three: list[Contact] = [("a", 0, 10), ("a", 12, 3), ("a", 20, 5)]
    assert [agent for _, agent in story("priority", three, heads={"team": 2})] == [0, 1, 0]
    assert [agent for _, agent in story("least_busy", three, heads={"team": 2})] == [0, 1, 1]
    assert [agent for _, agent in story({"policy": "fcfs", "agents": "least_busy"}, three, heads={"team": 2})] == [
        0,
        1,
        1,
    ]


def test_uniform_leaves_it_to_chance() -> None:
    """700 contacts one at a time, seven agents of two groups: 100 each on the mean, deviation 9.3; alpha 1e-4 or so."""
    many: list[Contact] = [("a", 10 * i, 1) for i in range(700)]
    groups = {"three": {"skills": {"a": 1}}, "four": {"skills": {"a": 2}}}
    agents = [agent for _, agent in story("uniform", many, groups, heads={"three": 3, "four": 4})]
    counts = np.bincount(agents, minlength=7)
    assert 60 < counts.min() < 99
    assert 101 < counts.max() < 140


def test_reserves_keep_an_agent_for_the_urgent() -> None:
    """Two agents, one to be spared: the second ordinary contact waits, the urgent one is served at once."""
    routing = {"policy": "reserves", "reserve": 1}
    priorities = {"a": {"priority": 1}, "b": {"priority": 0}}
    three: list[Contact] = [("a", 0, 10), ("a", 1, 10), ("b", 2, 10)]
    assert starts("priority", three, heads={"team": 2}, **priorities) == [0, 1, 10]
    assert starts(routing, three, heads={"team": 2}, **priorities) == [0, 12, 2]


def test_a_skill_s_reserve_goes_with_any_policy() -> None:
    groups = {"team": {"skills": {"a": {"reserve": 1}, "b": 1}}}
    assert starts("fcfs", [("a", 0, 10), ("a", 1, 10), ("b", 2, 10)], groups, heads={"team": 2}) == [0, 12, 2]


def test_last_agent_is_found_again() -> None:
    """The talk leaves a question open that comes back after 5 s, when the other agent has rested longer."""
    rule = {"on": "unresolved", "delay": {"family": "deterministic", "value": "5 s"}, "at_most": 1}
    again = {"a": {"resolution": 0, "follow_ups": {"again": rule}}}
    once: list[Contact] = [("a", 0, 10)]
    assert [agent for _, agent in story("priority", once, heads={"team": 2}, **again)] == [0, 1]
    assert [agent for _, agent in story("last_agent", once, heads={"team": 2}, **again)] == [0, 0]
    with_any = {"policy": "fcfs", "last_agent": True}
    assert [agent for _, agent in story(with_any, once, heads={"team": 2}, **again)] == [0, 0]


# ------------------------------------------------------------------------------------------------------------- all


def test_there_are_at_least_twelve_and_each_has_its_source_and_its_line_of_parameters() -> None:
    assert len(POLICIES) >= 12
    assert POLICIES.keys() == TAKES.keys()
    assert all(any(year in (policy.__doc__ or "") for year in ("19", "20")) for policy in POLICIES.values())


def test_agents_of_a_policy_can_be_chosen_otherwise() -> None:
    table = rules(desk({"policy": "fastest", "agents": "uniform"}, BUSY_AT_FIRST)).routing
    assert table.agent_choice == AgentChoice.UNIFORM


def test_a_policy_of_one_s_own_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.policies.POLICIES", dict(POLICIES))
    monkeypatch.setitem(TAKES, "backwards", ())

    def backwards(scenario: Scenario) -> Any:
        rank = {name: -k for k, name in enumerate(scenario.contact_types)}
        return fcfs(scenario).__class__(
            group_rank=fcfs(scenario).group_rank,
            type_rank=by_skill(scenario, lambda name, *_: 100 + rank[name], 32767).astype(np.int16),
            delay_ms=fcfs(scenario).delay_ms,
        )

    add("backwards", backwards)
    waiting: list[Contact] = [*BUSY_AT_FIRST, ("a", 1, 5), ("b", 2, 5)]
    assert starts("backwards", waiting) == [0, 15, 10]
