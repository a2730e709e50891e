"""Routing advice: the same plan and customers, routed otherwise."""

from typing import Any

import pytest
from instances import instance

import planner
from planner import rerouted
from planner.advice import advise, with_best_routing
from planner.propose import propose
from planner.rerouted import propose_rerouted
from sim.experiment import Stopped


def test_the_present_routing_is_among_those_tried_and_the_best_comes_first() -> None:
    desk = instance("tiny-two")
    plan = planner.plan(desk, seed=1, days=16, certify_replications=100, bound=False)
    tried = advise(desk, plan, days=16)
    assert sum(one.present for one in tried) == 1
    assert next(one for one in tried if one.present).routing == "fcfs"
    assert [one.slack for one in tried] == sorted((one.slack for one in tried), reverse=True)
    assert with_best_routing(desk, tried).routing.policy == tried[0].document["policy"]
    assert all(0 <= one.abandonment < 1 and one.wait_p95_s > 0 for one in tried)


def test_a_plan_for_another_routing_is_taken_only_where_it_is_cheaper() -> None:
    desk = instance("tiny-two")
    options = {"seed": 1, "days": 16, "certify_replications": 200, "bound": False}
    usual = propose(desk, **options)
    routed, found, tried = propose_rerouted(desk, **options)
    assert tried
    assert found.plan.cost <= usual.plan.cost
    assert any(f"of {len(tried)} routings" in note and "fcfs, " in note for note in found.plan.notes)
    assert (routed == desk) == (found.plan.scenario_hash == usual.plan.scenario_hash)


def test_ctrl_c_while_routings_are_tried_keeps_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise Stopped(None)

    monkeypatch.setattr(rerouted, "advise", stopped)
    desk = instance("tiny-two")
    same, found, tried = propose_rerouted(desk, seed=1, days=16, certify_replications=100, bound=False)
    assert same is desk
    assert found.plan.shifts
    assert tried == ()
