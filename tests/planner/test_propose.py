"""Whole searches on small desks: a plan that is proved, one that cannot be, one that is interrupted."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_search import two_skills as three_groups
from worlds_to_plan import morning

import planner
from planner.certificate import Certificate, certify
from planner.feasibility import shortages
from planner.plan import read_plan, write_plan
from planner.propose import propose
from planner.region import improve, leaning
from planner.requirements import Theory
from planner.search import Candidate, Search
from planner.shifts import enumerate_shifts
from sim.experiment import experiment
from sim.scenario import Scenario
from sim.targets import judge
from sim.theory import Queue, least_agents


@pytest.fixture(scope="module")
def plan() -> planner.Plan:
    return planner.plan(morning(), seed=1, days=32, certify_replications=100, engine="compiled")


def test_a_plan_is_certified_and_holds_on_customers_of_another_seed(plan):
    assert plan.status == "certified"
    runs = experiment(morning(), plan.staffing, replications=200, seed=77, engine="compiled")
    assert [found.status for found in judge(runs)] == ["certified"]


def test_the_plan_says_what_it_costs_and_what_is_not_known(plan):
    shifts = sum(shift.number for shift in plan.shifts)
    assert (plan.heads, plan.shifts_worked, plan.paid_hours) == (shifts, shifts, 4.0 * shifts)
    assert plan.cost == 20 * plan.paid_hours
    assert plan.bound_class == "proven"
    assert 0 < plan.bound < plan.cost
    assert plan.gap == (plan.cost - plan.bound) / plan.bound
    assert plan.search.reproducible


def test_no_shift_can_be_left_out_of_it(plan):
    """Taking one away misses the target on the very days of the certificate, or leaves it uncertified."""
    for i, shift in enumerate(plan.shifts):
        fewer = list(plan.shifts)
        fewer[i] = shift.model_copy(update={"number": shift.number - 1})
        staffing = plan.staffing.model_copy(update={"shifts": tuple(fewer)})
        (found,) = judge(experiment(morning(), staffing, replications=200, seed=plan.evidence_seed, engine="compiled"))
        assert found.status != "certified"


def test_the_same_search_finds_the_same_plan(plan):
    again = planner.plan(morning(), seed=1, days=32, certify_replications=100, engine="compiled")
    assert again.shifts == plan.shifts


def test_the_baseline_stands_beside_it(plan):
    (erlang_c,) = plan.baselines
    assert erlang_c.name == "Erlang C + cover"
    assert erlang_c.paid_hours >= plan.paid_hours
    assert erlang_c.targets[0].status == "certified"


def test_a_plan_survives_its_file(plan, tmp_path):
    write_plan(plan, tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json") == plan


def test_hours_that_no_shift_covers_are_named():
    templates = {"early": {"starts": ["08:00"], "lengths": ["4 h"]}}
    plan = planner.plan(morning(shift_templates=templates), seed=1, days=16, certify_replications=16)
    assert plan.status in ("infeasible", "missed")
    assert plan.shortages
    assert plan.shortages[0].start.startswith("2026-03-02T12:00")
    assert plan.shortages[0].reason


def test_a_target_out_of_reach_is_infeasible_and_says_why():
    """Two people at most, where about six are needed."""
    kind = morning().contact_types["calls"].model_dump(mode="json")
    scenario = morning(
        contact_types={"calls": kind},
        agent_groups={"agents": {"skills": ["calls"], "cost_per_hour": 20, "max_heads": 2}},
    )
    plan = planner.plan(scenario, seed=1, days=16, certify_replications=16)
    assert plan.status in ("infeasible", "missed")
    assert plan.misses
    assert plan.reasons or plan.shortages


def test_an_interrupted_search_keeps_its_best_plan():
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 40

    plan = planner.plan(morning(), seed=1, days=16, certify_replications=100, stop=stop)
    assert plan.status == "interrupted"
    assert plan.heads > 0


def test_an_interrupted_search_counts_in_full_what_it_hands_over():
    """The search itself counts but what targets are read from."""
    later = {"family": "exponential", "mean": "10 min"}
    kind = {
        "channel": "phone", "talk": {"family": "exponential", "mean": "3 min"}, "arrivals": {"per_hour": 60},
        "resolution": "80 %", "follow_ups": {"repeat": {"on": "unresolved", "chance": "50 %", "delay": later}},
    }  # fmt: skip
    groups = {name: {"skills": ["calls"], "cost_per_hour": 20} for name in ("one", "other")}
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 60

    found = propose(morning(contact_types={"calls": kind}, agent_groups=groups), seed=1, days=16, stop=stop)
    assert found.plan.status == "interrupted"
    assert found.plan.heads > 0
    assert not found.runs.promised_only
    assert found.runs.tallies.journeys is not None


def test_nothing_to_plan_without_targets():
    with pytest.raises(planner.NothingToPlan, match="no targets"):
        planner.plan(morning(targets=[]))


# -------------------------------------------------------------------------------------------------- the rivals' faults


def two_skills(each: dict[str, float | str]) -> Scenario:
    kind = {
        "channel": "phone",
        "talk": {"family": "exponential", "mean": "3 min"},
        "arrivals": {"per_hour": 200},
        **each,
    }
    return morning(
        contact_types={"a": kind, "b": kind},
        agent_groups={"both": {"skills": ["a", "b"], "cost_per_hour": 20}},
        horizon={"start": "2026-03-02 00:00", "length": "24 h", "interval": "60 min", "repeats": "day"},
        shift_templates={"half": {"starts": ["08:00"], "lengths": ["4 h"]}},
        targets=[{"contact_types": ["a"], "at_least": 0.8}, {"contact_types": ["b"], "at_least": 0.8}],
    )


def test_two_skills_of_ten_erlangs_need_24_flexible_agents_never_14():
    theory = Theory(two_skills({}))
    needed = theory.requirement(theory.levels())
    together = [i for i, types in enumerate(theory.sets) if len(types) == 2]
    assert needed.agents[together].max() == 24
    assert least_agents(lambda n: Queue(200 / 3600, 180, n).service_level(20) >= 0.8, 10) == 14


def test_erlang_a_does_not_staff_for_those_who_will_not_wait():
    """5,000 contacts in 30 min of 5 min each, patience 2 min, 80 % within 30 s: 711 of all offered, 683 by SL-4."""

    def needed(formula: str) -> int:
        return least_agents(lambda n: Queue(5000 / 1800, 300, n, 120).service_level(30, formula) >= 0.8, 700)

    assert (needed("SL-3"), needed("SL-4")) == (711, 683)
    assert least_agents(lambda n: Queue(5000 / 1800, 300, n, 120).p_abandon <= 0.05, 700) == 795
    assert Queue(5000 / 1800, 300, 683, 120).p_abandon == pytest.approx(0.18, abs=0.005)


def test_an_overnight_shift_covers_the_next_morning():
    scenario = morning(
        horizon={"start": "2026-03-02 12:00", "length": "24 h", "interval": "60 min"},
        shift_templates={"night": {"starts": ["22:00"], "lengths": ["8 h"], "days": ["2026-03-02"]}},
    )
    (covers,) = enumerate_shifts(scenario).covers
    assert np.flatnonzero(covers).tolist() == list(range(10, 18))  # 22:00 to 06:00


def test_shifts_between_the_grid_lines_are_told_from_shifts_that_nobody_may_work():
    """Half an hour from quarter past: no hour is theirs from beginning to end."""
    templates = {"short": {"starts": ["08:15"], "lengths": ["30 min"]}}
    with pytest.raises(planner.NothingToPlan, match="short: no shift holds a whole interval of 60 min"):
        planner.plan(morning(shift_templates=templates))


def test_more_shifts_hold_a_target_on_nearly_all_days() -> None:
    """Days differ by a fifth: on average is cheaper than on nine days of ten, which fresh days confirm."""
    def desk(**more: object) -> Scenario:
        return morning(busyness={"cv": 0.2}, targets=[{"at_least": "80 %", **more}])

    average, nearly = (
        planner.plan(one, seed=1, days=64, certify_replications=200, bound=False, beside=())
        for one in (desk(), desk(in_days="90 % of days"))
    )
    assert nearly.status == "certified"
    assert nearly.cost > average.cost
    runs = experiment(desk(in_days="90 % of days"), nearly.staffing, replications=400, seed=77)
    (found,) = judge(runs)
    assert found.worst is not None
    assert found.worst.estimate.mean is not None
    assert 0.9 <= found.worst.estimate.mean < 0.999


def test_a_plan_of_local_search_that_is_refused_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few shifts were searched one by one: what the certificate saw of them is learnt from all the same."""
    from planner import propose as proposing

    seen: list[int] = []

    def refused(*arguments: Any, **options: Any) -> Certificate:
        seen.append(len(seen))
        found = certify(*arguments, **options)
        worst = [replace(one, status="missed", windows=tuple(replace(w, status="missed") for w in one.windows))
                 for one in found.judged]  # fmt: skip
        return replace(found, judged=tuple(worst)) if seen == [0] else found

    def elsewhere(search: Search, *_: Any) -> None:
        """As if local search had found, at first, a plan that the levels never tried."""
        if seen or search.best is None:
            return
        more = search.best.numbers.copy()
        more[0] += 1
        search.best = replace(search.best, numbers=more)

    monkeypatch.setattr(proposing, "certify", refused)
    monkeypatch.setattr(proposing, "polish", elsewhere)
    plan = planner.plan(morning(), seed=1, days=16, certify_replications=100, bound=False, beside=())
    assert seen[:2] == [0, 1]
    assert plan.search.certificates >= 2


def test_ctrl_c_that_comes_when_the_search_has_just_ended_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large plans take a while to be written up."""
    from planner import propose as proposing

    pressed: list[bool] = []

    def slow(search: Search) -> Any:
        if not pressed:
            pressed.append(True)
            raise KeyboardInterrupt
        return shortages(search)

    monkeypatch.setattr(proposing, "shortages", slow)
    plan = planner.plan(morning(), seed=1, days=16, certify_replications=100, bound=False, beside=())
    assert pressed
    assert plan.status == "certified"


def test_part_of_the_work_is_kept_for_a_plan_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first search ends at its part; what is left serves the second, which is limited by the whole."""
    from planner import propose as proposing

    spent: list[int] = []
    planning: list[Any] = []
    begun: list[Any] = []

    def refused(*arguments: Any, **options: Any) -> Certificate:
        found = certify(*arguments, **options)
        spent.append(planning[0].search.simulated)
        judged = tuple(replace(one, status="met", windows=tuple(replace(w, status="met") for w in one.windows))
                       for one in found.judged)  # fmt: skip
        return replace(found, judged=judged) if len(spent) == 1 else found

    class Watched(proposing._Planning):
        def __post_init__(self) -> None:
            super().__post_init__()
            planning.append(self)

    def mended(search: Search, base: Candidate | None = None, **options: Any) -> Any:
        if spent and base:
            begun.append((base, search.best))
        return improve(search, base, **options)

    monkeypatch.setattr(proposing, "improve", mended)
    monkeypatch.setattr(proposing, "certify", refused)
    monkeypatch.setattr(proposing, "_Planning", Watched)
    scenario = three_groups()
    plan = planner.plan(scenario, seed=1, days=16, work_limit=1600, certify_replications=60, bound=False, beside=())
    assert spent[0] <= 0.8 * 1600
    assert plan.search.certificates >= 2
    assert spent[0] < plan.search.simulated_days <= 1600
    (base, best), (refused_plan, _) = begun[0], planning[0].certificates[0]
    assert leaning(base) <= leaning(planning[0].search.evaluate(refused_plan))
    assert base.worth <= best.worth
