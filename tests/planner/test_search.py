"""The search, step by step, on desks of a few agents."""

import numpy as np
import pytest
from worlds_to_plan import morning

import planner
from planner import region
from planner.cover import caps_of, price_of
from planner.effects import simulated
from planner.polish import polish
from planner.region import POOLED, Region, _mended, _Pieces, improve
from planner.requirements import Theory
from planner.search import OutOfWork, Problem, Search
from planner.shifts import enumerate_shifts
from planner.verdict import Score, comparisons_of, score, windows_of
from sim.experiment import Tape
from sim.scenario import Scenario


def searching(scenario: Scenario, *, days: int = 16, work: int = 10_000) -> Search:
    table = enumerate_shifts(scenario)
    problem = Problem(
        scenario=scenario,
        objective=scenario.objective,
        table=table,
        theory=Theory(scenario),
        caps=caps_of(scenario),
        certificate_days=100,
    )
    hours = scenario.horizon.interval / 3600
    return Search(
        problem=problem,
        tape=Tape(scenario, 1, 0, days, engine="compiled"),
        price=lambda rows: price_of(scenario.objective, table, rows, hours),
        work_limit=work,
        stop=lambda: False,
        tell=lambda _: None,
    )


def two_skills(**parts) -> Scenario:
    """a and b, a group for each and one for both that costs more."""
    kind = morning().contact_types["calls"].model_dump(mode="json")
    groups = {
        "a_only": {"skills": ["a"], "cost_per_hour": 20},
        "b_only": {"skills": ["b"], "cost_per_hour": 20},
        "both": {"skills": ["a", "b"], "cost_per_hour": 24},
    }
    targets = [{"contact_types": [name], "at_least": 0.8} for name in "ab"]
    given = {"contact_types": {"a": kind, "b": kind}, "agent_groups": groups, "targets": targets}
    return morning(**{**given, **parts})


def test_a_target_is_asked_for_more_than_its_level_the_fewer_days_the_more():
    short, long = (searching(morning(), days=days) for days in (16, 64))
    numbers = np.array([4, 1, 0, 1, 4])
    wanted = [search.wanted(search.evaluate(numbers).scores)[0][0] for search in (short, long)]
    assert 0.8 < wanted[1] < wanted[0] < 1


def test_more_caution_asks_for_more():
    search = searching(morning())
    (one,) = search.evaluate(np.array([4, 1, 0, 1, 4])).scores
    careful, careless = (one.wanted(100, 1, np.array([z]))[0] for z in (3.0, 0.0))
    assert careful > careless > 0.8


def test_windows_are_days_intervals_or_the_whole():
    scenario = morning(
        horizon={"start": "2026-03-02 22:00", "length": "4 h", "interval": "60 min"},
        targets=[{"at_least": 0.8, "per": per} for per in ("interval", "day", "horizon")],
    )
    goals = Theory(scenario).goals
    assert [windows_of(scenario, goal).tolist() for goal in goals] == [[0, 1, 2, 3], [0, 0, 1, 1], [0, 0, 0, 0]]


def test_the_figures_of_a_score_are_those_of_the_tallies():
    search = searching(morning(), days=8)
    runs = search.tape.runs(search.problem.staffing(np.array([6, 0, 0, 0, 6])))
    one = score(search.problem.scenario, search.problem.theory.goals[0], runs)
    tally = runs.tallies
    in_time, bottom = tally.answered_in_time.sum(), (tally.offered.sum() - tally.abandoned_in_time.sum())
    assert one.value[0] == pytest.approx(in_time / bottom)
    assert one.weight.sum() == bottom
    assert comparisons_of([one]) % 1 == 0


def test_what_arrivals_explain_is_no_luck_that_needs_a_margin():
    """Days differ by a fifth: a tape tells much more when it is known which of them were busy, and is no less right."""
    desk = morning(busyness={"cv": 0.2})
    numbers = np.array([5, 1, 0, 1, 5])

    def scored(days: int, seed: int = 1) -> Score:
        runs = Tape(desk, seed, 0, days, engine="compiled").runs(searching(desk).problem.staffing(numbers))
        return score(desk, Theory(desk).goals[0], runs)

    raw, known = scored(15), scored(16)  # a control needs 16 days
    assert known.spread[0] < 0.7 * raw.spread[0]
    truth = scored(3200, seed=9).value[0]
    tapes = [scored(32, seed) for seed in range(40)]
    errors = np.array([(one.value[0] - truth) / one.spread[0] * 32**0.5 for one in tapes])
    assert np.abs(errors.mean()) < 0.7  # mean of 40: more than four standard errors
    assert errors.std() < 1.6


def test_rounds_end_with_a_plan_that_holds_on_the_tape():
    search = searching(morning())
    search.run()
    assert search.best is not None
    assert search.best.holds
    assert search.simulated == 16 * len(search._seen)


def test_the_same_plan_is_not_simulated_twice():
    search = searching(morning())
    numbers = np.array([6, 0, 0, 0, 6])
    assert search.evaluate(numbers) is search.evaluate(numbers.copy())
    assert search.simulated == 16


def test_polish_takes_away_what_is_not_needed_and_no_more():
    search = searching(morning())
    search.rows = search.problem.theory.requirement(search.problem.theory.levels())
    plenty = search.evaluate(np.array([9, 2, 0, 2, 9]))
    assert plenty.holds
    polish(search)
    assert search.best.holds
    assert search.best.worth < plenty.worth
    for s in np.flatnonzero(search.best.numbers):
        fewer = search.best.numbers.copy()
        fewer[s] -= 1
        assert not search.evaluate(fewer).holds


def test_a_large_plan_is_polished_by_many_shifts_at_a_time():
    """A hundred and more of a shift: one at a time, what is not needed here would take 150 simulations to take away."""
    busy = morning().contact_types["calls"].model_dump(mode="json") | {"arrivals": {"per_hour": 3000}}
    search = searching(morning(contact_types={"calls": busy}), days=4)
    search.rows = search.problem.theory.requirement(search.problem.theory.levels())
    plenty = search.evaluate(np.array([260, 60, 0, 60, 260]))
    polish(search)
    assert search.best.holds
    assert search.best.worth[0] < 0.75 * plenty.worth[0]
    assert search.simulated <= 4 * 120


def test_an_agent_more_helps_those_whom_it_serves():
    search = searching(two_skills())
    base = search.evaluate(np.tile([3, 0, 0, 0, 3], 3))
    for_a, for_b = simulated(search, search.problem.table.supply(base.numbers), search.tape)
    assert (for_a.gain >= 0).all()
    assert (for_a.loss >= for_a.gain).all()
    assert for_a.gain[0, 0].sum() > 2 * for_b.gain[0, 0].sum()  # b gains only from those who do both
    assert for_a.gain[0, 2].sum() > 0 < for_b.gain[0, 2].sum()  # both help both


def test_the_trust_region_makes_a_better_plan_of_a_poor_one():
    search = searching(two_skills())
    search.rows = search.problem.theory.requirement(search.problem.theory.levels())
    poor = search.evaluate(np.tile([3, 0, 0, 0, 3], 3))
    rich = search.evaluate(np.tile([9, 0, 0, 0, 9], 3))
    improve(search)
    assert poor.shortfall > 0 == rich.shortfall
    assert search.best.holds
    assert search.best.worth < rich.worth


def test_a_little_that_is_lacking_is_made_up_by_one_shift():
    search = searching(two_skills())
    base = search.evaluate(np.tile([5, 0, 0, 0, 1], 3))  # the second half of the day is short of agents
    mended = _mended(search, base, simulated(search, search.problem.table.supply(base.numbers), search.tape))
    assert mended is not None
    assert mended.shortfall < base.shortfall
    changed = np.flatnonzero(mended.numbers - base.numbers)
    assert len(changed) == 1
    assert search.problem.table.covers[changed[0]][4:].any()


def test_looks_at_effects_get_longer_up_to_the_tape_and_none_is_begun_without_work_for_what_comes_after():
    search = searching(two_skills(), days=32, work=10_000)
    base = search.evaluate(np.tile([5, 0, 0, 0, 5], 3))
    pieces = _Pieces(search, fine=False)
    lengths = [pieces.days]
    while pieces.lengthen():
        lengths.append(pieces.days)
    assert lengths == [10, 20, 32]
    assert _Pieces(search, fine=True).days == 32
    assert pieces.affordable
    pieces.seen(base)
    search.work_limit = search.simulated + 1000
    assert not pieces.affordable
    assert _Pieces(search, fine=True).days == search.short_tape.days  # too dear: begin with few


def test_a_look_at_a_large_desk_is_no_longer_than_tells_enough_but_may_be_taken_again(monkeypatch):
    search = searching(two_skills(), days=32, work=10_000)
    assert _Pieces(search, fine=True).longest == 32
    monkeypatch.setattr(region, "LOOK_CONTACTS", 16 * search.problem.contacts)
    assert _Pieces(search, fine=True).longest == 16
    monkeypatch.setattr(region, "LOOK_CONTACTS", 1)
    assert _Pieces(search, fine=True).longest == 32  # even the shortest has more
    monkeypatch.setattr(region, "LOOK_CONTACTS", 10 * search.problem.contacts)
    pieces = _Pieces(search, fine=True)
    assert pieces.longest == search.short_tape.days == 10
    base, other = (search.evaluate(np.tile([5, 0, 0, 0, more], 3)) for more in (5, 6))
    pieces.seen(base)
    for _ in range(3):  # 10, 20, 30 days of 32
        assert pieces.lengthen()
        pieces.seen(base)
    assert not pieces.lengthen()
    pieces.seen(other)
    assert pieces.lengthen()


def test_what_earlier_pieces_of_the_tape_showed_is_believed_with_the_last():
    search = searching(two_skills(), days=32)
    base = search.evaluate(np.tile([5, 0, 0, 0, 5], 3))
    pieces = _Pieces(search, fine=False)
    looks = [pieces.seen(base) for _ in range(POOLED + 1)]
    assert len(pieces.seen_before) == 32 // 10
    assert (looks[0][0].gain != looks[1][0].gain).any()


def test_a_region_reaches_no_further_than_all_its_agents_together():
    small, large = np.full((2, 10), 2), np.full((2, 10), 400)
    assert Region(1.0, 0.2).reach(small) == 0.2
    assert Region(1.0, 0.2).reach(large) == pytest.approx(20 / 400)


def test_work_is_limited_but_the_first_plan_is_always_simulated():
    search = searching(morning(), work=20)
    search.evaluate(np.array([6, 0, 0, 0, 6]))
    with pytest.raises(OutOfWork):
        search.evaluate(np.array([5, 0, 0, 0, 5]))


def test_out_of_work_the_best_plan_is_still_judged_on_fresh_customers():
    plan = planner.plan(morning(), seed=1, days=16, work_limit=16, certify_replications=40, engine="compiled")
    assert plan.fresh
    assert plan.search.simulated_days == 16
    assert plan.status in ("certified", "limit")


def test_out_of_time_a_plan_says_that_it_cannot_be_repeated():
    plan = planner.plan(morning(), seed=1, days=16, time_limit=1e-3, certify_replications=40, engine="compiled")
    assert not plan.search.reproducible
    assert plan.status in ("certified", "limit")


def test_a_group_with_a_limit_is_never_planned_beyond_it():
    groups = two_skills().model_dump(mode="json")["agent_groups"]
    groups["both"] |= {"cost_per_hour": 1, "max_heads": 4}
    plan = planner.plan(two_skills(agent_groups=groups), seed=1, days=16, certify_replications=40, engine="compiled")
    assert 0 < sum(shift.number for shift in plan.shifts if shift.group == "both") <= 4
