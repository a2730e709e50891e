"""Who may take what, in which order, and when the desk is open."""

from typing import Any

import pytest
from centres import centre

from sim.routing import NEVER_RANK, POLICIES, rules
from sim.scenario import Scenario

HOUR = 3_600_000
NEVER = NEVER_RANK

GROUPS = {
    "generalists": {"skills": {"orders": 2, "returns": 1, "vip": 3}},
    "juniors": {"skills": {"orders": {"preference": 1, "speed": 0.75}}},
    "seniors": {"skills": {"orders": {"preference": 3, "after": "30 s"}, "vip": {"preference": 1, "speed": 1.5}}},
}
TYPES: dict[str, dict[str, Any]] = {"orders": {"priority": 1}, "returns": {"priority": 1}, "vip": {"priority": 0}}


def desk(routing: str | dict[str, Any] = "priority", **parts: Any) -> Scenario:
    return centre(TYPES, agent_groups=GROUPS, routing=routing, **parts)


# ------------------------------------------------------------------------------------------------------------ policies


def test_priority_serves_the_urgent_first_and_asks_the_preferred_group() -> None:
    table = rules(desk("priority")).routing
    assert table.group_rank.tolist() == [[2, 1, 3], [1, NEVER, NEVER], [3, NEVER, 1]]
    assert table.type_rank.tolist() == [[1, 1, 1], [1, NEVER, NEVER], [0, NEVER, 0]]


def test_fcfs_treats_all_types_alike() -> None:
    table = rules(desk("fcfs")).routing
    assert table.group_rank.tolist() == [[2, 1, 3], [1, NEVER, NEVER], [3, NEVER, 1]]
    assert table.type_rank.tolist() == [[0, 0, 0], [0, NEVER, NEVER], [0, NEVER, 0]]


def test_preference_is_the_agents_own_order() -> None:
    table = rules(desk("preference")).routing
    assert table.type_rank.tolist() == table.group_rank.tolist() == [[2, 1, 3], [1, NEVER, NEVER], [3, NEVER, 1]]


def test_specialists_go_before_those_who_can_do_more() -> None:
    table = rules(desk("specialists")).routing
    assert table.group_rank.argsort(axis=1).tolist()[0] == [1, 2, 0]
    assert table.group_rank[2, 2] < table.group_rank[2, 0] < NEVER
    assert table.group_rank[1, 1] == NEVER
    assert table.type_rank.tolist() == rules(desk("priority")).routing.type_rank.tolist()


def test_groups_with_as_many_skills_are_tried_in_file_order() -> None:
    groups = {name: {"skills": ["orders", other]} for name, other in (("b", "vip"), ("a", "returns"))}
    table = rules(centre(TYPES, agent_groups=groups, routing="specialists")).routing
    assert table.group_rank[0, 0] < table.group_rank[0, 1]


NEEDS: dict[str, dict[str, Any]] = {
    "overflow": {"after": "1 min"},
    "weighted_wait": {"weights": {"vip": 3}},
    "cmu": {"costs": {"vip": 60}},
    "queue_ratio": {"ratios": {"orders": 3, "vip": 1}},
    "reserves": {"reserve": 2},
    "scores": {"scores": {"vip": {"seniors": {"constant": 30, "wait": 2, "idle": 1}}}},
}


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_keeps_to_the_skills(policy: str) -> None:
    table = rules(desk({"policy": policy, **NEEDS.get(policy, {})})).routing
    able = [[True, True, True], [True, False, False], [True, False, True]]
    assert (table.group_rank < NEVER).tolist() == able
    assert (table.type_rank < NEVER).tolist() == able


def test_speed_is_a_factor_on_the_work_in_thousandths() -> None:
    assert rules(desk()).time_permille.tolist() == [[1000, 1333, 1000], [1000, 1000, 1000], [1000, 1000, 667]]


def test_a_skill_may_come_in_after_a_wait() -> None:
    assert rules(desk()).routing.delay_ms.tolist() == [[0, 0, 30_000], [0, 0, 0], [0, 0, 0]]


# ------------------------------------------------------------------------------------------------------------- opening


def windows(opening: dict[str, Any] | None, **horizon: str) -> list[tuple[float, float]] | None:
    """Opening windows of a desk in hours; None: always open."""
    found = rules(centre({"orders": {"opening": opening}}, **{"start": "2026-03-02 00:00", **horizon}))
    if found.always_open[0]:
        return None
    return list(zip((found.opens_ms[0] / HOUR).tolist(), (found.closes_ms[0] / HOUR).tolist(), strict=True))


def test_without_opening_hours_a_desk_is_always_open() -> None:
    assert windows(None) is None


def test_a_week_of_windows() -> None:
    week = {"mon-fri": ["08:00-12:00", "13:00-18:00"], "sat": ["10:00-14:00"]}
    found = windows(week, length="168 h")
    assert found is not None
    assert found[:2] == [(8, 12), (13, 18)]
    assert found[-1] == (130, 134)
    assert len(found) == 11


def test_a_date_replaces_its_weekday() -> None:
    assert windows({"every-day": ["08:00-18:00"], "2026-03-03": ["10:00-11:00"]}, length="48 h") == [(8, 18), (34, 35)]
    assert windows({"every-day": ["08:00-18:00"], "2026-03-02": []}, length="48 h") == [(32, 42)]


def test_windows_over_midnight_are_cut_at_the_start_and_not_at_the_end() -> None:
    assert windows({"every-day": ["20:00-02:00"]}) == [(0, 2), (20, 26)]


def test_windows_that_touch_are_one() -> None:
    assert windows({"mon": ["18:00-24:00"], "tue": ["00:00-06:00", "05:00-07:00"]}, length="48 h") == [(18, 31)]


def test_open_around_the_clock_is_always_open() -> None:
    assert windows({"every-day": ["00:00-24:00"]}) is None
    assert windows({"mon": ["00:00-24:00"]}) == [(0, 24)]


def test_a_day_off_is_closed_all_day() -> None:
    assert windows({"tue": ["08:00-18:00"]}) == []


def test_windows_go_by_the_local_clock() -> None:
    night = {"every-day": ["01:00-04:00"]}
    assert windows(night, start="2026-03-29 00:00", zone="Europe/Berlin", length="23 h") == [(1, 3)]
    assert windows(night, start="2026-10-25 00:00", zone="Europe/Berlin", length="25 h") == [(1, 5)]


def test_a_type_s_own_hours_go_before_its_channel_s() -> None:
    channels = {"phone": {"opening": {"mon": ["08:00-10:00"]}, "at_closing": "disconnect"}}
    kinds = {"orders": {}, "vip": {"opening": {"mon": ["08:00-12:00"]}, "at_closing": "serve"}}
    found = rules(centre(kinds, channels=channels))
    assert [closes.tolist() for closes in found.closes_ms] == [[10 * HOUR], [12 * HOUR]]
    assert found.disconnects.tolist() == [True, False]
