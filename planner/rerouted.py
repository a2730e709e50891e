"""`peakdesk plan --routing best`: a plan, the routing that serves it best, and a plan for that routing."""

from dataclasses import replace
from typing import Any

from planner.advice import RoutingTried, advise, with_best_routing
from planner.propose import Proposal, propose
from sim.experiment import Stopped
from sim.scenario import Scenario


def propose_rerouted(scenario: Scenario, **options: Any) -> tuple[Scenario, Proposal, tuple[RoutingTried, ...]]:
    """The scenario as it is to be routed, its proposal, and what was tried; the options are those of `propose`.

    The second search begins from the first plan. Where it finds nothing better all stays as it was.
    """
    first = propose(scenario, **options)
    if first.plan.status in ("interrupted", "limit"):
        return scenario, first, ()
    known = {name: options[name] for name in ("seed", "engine", "workers", "stop") if name in options}
    try:
        tried = advise(scenario, first.plan, **known)
    except (KeyboardInterrupt, Stopped):
        return scenario, first, ()
    if tried[0].present:
        return scenario, _noted(first, tried), tried
    rerouted = with_best_routing(scenario, tried)
    second = propose(rerouted, **{**options, "start": first.plan.shifts})
    better = second.plan.status == "certified" and _worth(second) < _worth(first)
    if not better and (second.plan.status != "certified" or first.plan.status == "certified"):
        return scenario, _noted(first, tried), tried
    return rerouted, _noted(second, tried), tried


def _noted(proposal: Proposal, tried: tuple[RoutingTried, ...]) -> Proposal:
    """The proposal, with a word on what other routings would do at the first plan."""
    best, present = tried[0], next(one for one in tried if one.present)
    than = "the present one" if best is present else f"{best.routing} ({best.slack:+.2%} to its worst target); present"
    note = f"of {len(tried)} routings at the first plan the best is {than}: {present.routing}, {present.slack:+.2%}"
    return replace(proposal, plan=proposal.plan.model_copy(update={"notes": (*proposal.plan.notes, note)}))


def _worth(proposal: Proposal) -> float:
    plan = proposal.plan
    return {"heads": plan.heads, "fte": plan.fte, "hours": plan.paid_hours, "cost": plan.cost}[plan.objective]
