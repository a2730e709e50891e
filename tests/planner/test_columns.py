"""Columns: what a staffing of a block adds is simulated, and their mixture costs no more than any plan."""

from dataclasses import replace

import numpy as np
import pytest
from instances import instance

from planner import columns
from planner.columns import Columns, Generation, averaging, generate, worthwhile
from planner.cover import price_of
from planner.propose import problem_of
from planner.region import merit
from planner.search import Search
from sim.experiment import Tape
from sim.scenario import AgentGroup

DAYS = 6


def begun() -> Search:
    """A search on a desk of four groups that has made its first plans."""
    scenario = instance("random-4")
    problem = problem_of(scenario, "cost", 200)
    found = Search(
        problem=problem,
        tape=Tape(scenario, 1, 0, DAYS),
        price=lambda rows: price_of("cost", problem.table, rows, scenario.horizon.interval / 3600),
        work_limit=100_000,
        stop=lambda: False,
        tell=lambda _: None,
    )
    found.run()
    return found


@pytest.fixture(scope="module")
def search() -> Search:
    return begun()


def test_columns_are_for_desks_of_a_few_groups_who_come_as_planned_with_targets_that_average_over_time(search):
    assert worthwhile(search.problem)
    assert not worthwhile(problem_of(instance("a"), "cost", 200))
    by_person = instance("random-4").model_copy(update={"staffing": None})
    assert worthwhile(problem_of(by_person, "cost", 200))
    late = AgentGroup.model_validate({"skills": ["t0"], "attendance": {"unplanned": {"share": "5 %"}}})
    absent = by_person.model_copy(update={"agent_groups": by_person.agent_groups | {"g0": late}})
    assert not worthwhile(problem_of(absent, "cost", 200))
    many = instance("c").model_copy(update={"staffing": None})
    assert not averaging(problem_of(many, "cost", 200))


def test_the_columns_of_a_base_add_up_to_what_the_base_attains(search):
    found = Columns(search, search.tape)
    supply = search.problem.table.supply(search.best.numbers)
    base = supply[:, found.grid.first]
    found.simulate(base, [[] for _ in range(found.grid.blocks)])
    of_base = [next(iter(known.values())) for known in found.known]
    attained = np.sum([c.top for c in of_base], axis=0) / np.sum([c.bottom for c in of_base], axis=0)
    assert attained == pytest.approx(np.concatenate([one.value for one in search.best.scores]), abs=1e-9)


def test_pricing_never_makes_the_mixture_dearer_and_leaves_it_within_its_blocks(search):
    generation = Generation(search, search.best, replace(search.tape, days=4))
    before = generation.mix.value
    known = sum(map(len, generation.columns.known))
    after = generation.price(0.1, 4).value
    assert sum(map(len, generation.columns.known)) > known
    assert after <= before * 1.02  # what is simulated once more is known a little better
    for of in generation.mix.weights:
        assert sum(weight for _, weight in of) == pytest.approx(1.0, abs=1e-6)


def test_when_all_patterns_are_fixed_each_block_keeps_to_one(search):
    generation = Generation(search, search.best, replace(search.tape, days=4))
    generation.dive(8, 2, 0.1)
    assert all(len(generation.weights(b)) == 1 for b in range(generation.grid.blocks))


@pytest.mark.slow
def test_columns_lead_to_a_better_plan_and_with_the_same_seed_to_the_same(monkeypatch):
    for name, few in {"ROUNDS": 2, "CHILDREN": 3, "DIVES": (4,), "SETTLING": 1, "PLANS": 2}.items():
        monkeypatch.setattr(columns, name, few)
    one, two = begun(), begun()
    before = one.best
    first, second = generate(one), generate(two)
    assert (first.numbers == second.numbers).all()
    assert one.mixture == two.mixture
    assert merit(first) < merit(before)
