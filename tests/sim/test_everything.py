"""A desk with every mechanism on, from its file (everything.yaml) to the figures."""

import json
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from random_scenarios import scenarios

import sim
from sim.attendance import attend
from sim.demand import sample
from sim.engine import compiled, reference
from sim.mechanisms import ALWAYS, Mechanisms
from sim.outcome import Cause, OutcomeTable, Status
from sim.routing import rules
from sim.scenario import Scenario
from sim.scenario_file import dump, load, load_text

DAYS = range(6)


@pytest.fixture(scope="module")
def desk() -> Scenario:
    return load(Path(__file__).with_name("everything.yaml"))


def run(desk: Scenario, replication: int, engine: Any = reference) -> OutcomeTable:
    assert desk.staffing is not None
    demand, staffing = sample(desk, 1, replication), attend(desk, desk.staffing, 1, replication)
    outcome: OutcomeTable = engine.run(demand, staffing, rules(desk))
    return outcome


def test_every_mechanism_is_on(desk: Scenario) -> None:
    found: Mechanisms = rules(desk).mechanisms
    assert [name for name, table in vars(found).items() if table is None] == []


def test_it_is_the_same_after_being_written(desk: Scenario) -> None:
    assert load_text(dump(desk)) == desk


def test_all_endings_but_those_of_no_chance_are_met(desk: Scenario) -> None:
    """Over six days; what is never seen would be a mechanism that its file does not reach."""
    seen: Counter[str] = Counter()
    causes: Counter[int] = Counter()
    for r in DAYS:
        contacts = run(desk, r).contacts
        seen.update(Status(status).name for status in contacts.status.tolist())
        causes.update(contacts.cause.tolist())
    assert set(Status.__members__) == set(seen)
    follow_ups = sum(len(kind.follow_ups) for kind in desk.contact_types.values())
    assert set(causes) == {Cause.CARRIED_IN, Cause.ARRIVAL, *(Cause.FOLLOW_UP + r for r in range(follow_ups))}


def test_both_engines_agree(desk: Scenario) -> None:
    for r in DAYS:
        ours, theirs = run(desk, r), run(desk, r, compiled)
        for part in ("contacts", "spells"):
            for field in fields(getattr(ours, part)):
                pair = (getattr(getattr(outcome, part), field.name) for outcome in (ours, theirs))
                assert np.array_equal(*pair), (r, part, field.name)


def test_figures_come_out_of_it(desk: Scenario) -> None:
    found = sim.simulate(desk, replications=2, seed=1, engine="reference").estimates
    mean = {record.measure: record.mean for record in found if not record.by}
    assert mean["carried_in"] == 14
    assert 0 < mean["containment"] < 1
    assert 0 < mean["occupancy"] <= 1


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios())
def test_random_files_become_tables_that_engines_take(plain: dict[str, Any]) -> None:
    """With a hundred-thousandth of their contacts, for some have a million an hour."""
    desk = load_text(json.dumps(plain | {"volume": 1e-5}, ensure_ascii=False))
    assert desk.staffing is not None or "staffing" not in plain
    demand, found = sample(desk, 1, 0), rules(desk)
    assert found.mechanisms.resolved_word is None or found.mechanisms.resolved_word.max() <= ALWAYS
    if found.mechanisms.slots is not None:
        slots = found.mechanisms.slots
        assert (slots.need <= slots.capacity).all()
        assert (np.diff(slots.rate[:, 1:], axis=1) <= 0).all()
    if desk.staffing is not None and sum(shift.number for shift in desk.staffing.shifts or ()) < 50:
        staffing = attend(desk, desk.staffing, 1, 0)
        if staffing.by_person:
            for agent in range(len(staffing.agent_name)):
                mine = staffing.spell_agent == agent
                borders = np.column_stack((staffing.spell_on_ms[mine], staffing.spell_off_ms[mine])).ravel()
                assert (np.diff(borders) > 0).all()
        outcome = reference.run(demand, staffing, found)
        assert len(outcome.contacts.type) >= len(demand)
