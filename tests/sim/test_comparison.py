"""Comparisons: the same customers for all, paired intervals that cover, and no run whose inputs changed."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from sim.candidates import Candidate, candidates
from sim.comparison import Comparison, compare, differences, moved, results_of
from sim.experiment import Runs, experiment
from sim.metrics import ARRAYS, Tally
from sim.results import DifferenceRecord, Result, to_json, write_run
from sim.scenario_file import dump
from sim.scenario_problems import ScenarioErrors
from sim.summary import result_of

DESK = """\
name: desk
horizon: {start: "2026-03-02 08:00", length: 2 h, interval: 30 min}
channels: {phone: {}}
contact_types:
  orders: &kind
    channel: phone
    arrivals: {per_hour: 40}
    talk: {family: exponential, mean: 3 min}
    patience: {family: exponential, mean: 4 min}
  returns: {<<: *kind, arrivals: {per_hour: 20}}
agent_groups:
  service: {skills: [orders, returns], cost_per_hour: 30}
targets: [{measure: service_level, at_least: 80 %}]
staffing:
  levels: {service: {"08:00": 4}}
"""
MORE = "staffing: {levels: {service: {'08:00': 5}}}\n"


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("desk.yaml").write_text(DESK, encoding="utf-8")
    Path("more.yaml").write_text(MORE, encoding="utf-8")


def compared(*given: str, replications: int = 10, **more: Any) -> Comparison:
    return compare(candidates(given), replications=replications, seed=more.pop("seed", 1), **more)


def overall(found: Iterator[DifferenceRecord] | tuple[DifferenceRecord, ...], measure: str) -> DifferenceRecord:
    return next(one for one in found if one.measure == measure and not one.by)


# ------------------------------------------------------------------------------------------------------- candidates


def test_a_candidate_is_a_scenario_an_overlay_a_value_or_a_plan() -> None:
    Path("levels.csv").write_text("time,service\n08:00,6\n", encoding="utf-8")
    whole = DESK.replace("name: desk", "name: other").replace("4}}", "3}}")
    Path("other.yaml").write_text(whole, encoding="utf-8")
    found = candidates(["desk.yaml", "other.yaml", "more.yaml", "agent_groups.service.cost_per_hour=40", "levels.csv"])
    assert [one.name for one in found] == [
        "desk", "other", "more", "agent_groups.service.cost_per_hour=40", "levels",
    ]  # fmt: skip
    heads = [one.scenario.staffing.levels["service"]["08:00"] for one in found]  # type: ignore[union-attr, index]
    assert heads == [4, 3, 5, 4, 6]
    assert found[3].scenario.agent_groups["service"].cost_per_hour == 40


def test_a_value_may_be_longer_than_the_name_of_any_file() -> None:
    levels = ", ".join(f'"{hour:02d}:{minute:02d}": 3' for hour in range(24) for minute in range(0, 60, 30))
    found = candidates(["desk.yaml", f"staffing.levels.service={{{levels}}}"])
    assert len(found[1].scenario.staffing.levels["service"]) == 48  # type: ignore[union-attr, index]


def test_names_are_told_apart() -> None:
    assert [one.name for one in candidates(["desk.yaml", "desk.yaml", "desk.yaml"])] == ["desk", "desk (2)", "desk (3)"]


def test_desks_of_another_horizon_or_currency_cannot_be_subtracted() -> None:
    Path("long.yaml").write_text(DESK.replace("2 h", "3 h") + "costs: {currency: CHF}\n", encoding="utf-8")
    with pytest.raises(ScenarioErrors) as wrong:
        candidates(["desk.yaml", "long.yaml"])
    assert "long.yaml: its horizon is not that of desk" in str(wrong.value)
    assert "long.yaml: it counts in CHF" in str(wrong.value)


def test_without_staffing_there_is_nothing_to_simulate() -> None:
    Path("bare.yaml").write_text(DESK.partition("staffing:")[0], encoding="utf-8")
    with pytest.raises(ScenarioErrors, match=r"bare\.yaml: desk has no staffing"):
        candidates(["desk.yaml", "bare.yaml"])


# ----------------------------------------------------------------------------------------------- inputs that changed


def run_folder(name: str, given: str = "desk.yaml") -> Path:
    comparison = compared(given, replications=2)
    write_run(
        Path(name),
        result_of(comparison.digests[0], command="simulate"),
        scenario_text=dump(comparison.candidates[0].scenario),
    )
    return Path(name)


def test_run_folders_are_candidates_as_long_as_they_are_what_was_run() -> None:
    run_folder("one")
    run_folder("two")
    assert [one.name for one in candidates(["one", "two", "more.yaml"])] == ["one", "two", "more"]
    scenario = Path("two/scenario.yaml")
    scenario.write_text(scenario.read_text(encoding="utf-8").replace("3 min", "4 min"), encoding="utf-8")
    with pytest.raises(ScenarioErrors) as wrong:
        candidates(["one", "two"])
    assert "two/scenario.yaml: the scenario changed since this run" in str(wrong.value)
    assert "one/" not in str(wrong.value)
    assert len(candidates(["one", "two"], allow_changed=True)) == 2


def test_a_plan_is_compared_on_the_desk_that_it_was_made_for() -> None:
    text = (
        '{"mode": null, "scenario_hash": "0123", "shifts": [{"group": "service", "start": "08:00", "length": "2 h"}]}'
    )
    Path("plan.json").write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioErrors, match=r"plan\.json: this plan was made for another desk"):
        candidates(["desk.yaml", "plan.json"])
    assert candidates(["desk.yaml", "plan.json"], allow_changed=True)[1].scenario.staffing.shifts  # type: ignore[union-attr]
    Path("plan.json").write_text(text.replace("0123", candidates(["desk.yaml"])[0].scenario.hash), encoding="utf-8")
    assert len(candidates(["desk.yaml", "plan.json"])) == 2


# ------------------------------------------------------------------------------------------------------- differences


def test_a_candidate_does_not_differ_from_itself() -> None:
    found = list(differences(compared("desk.yaml", "desk.yaml")))
    assert {one.measure for one in found} >= {"service_level", "asa", "wait_p95", "cost", "heads", "occupancy"}
    assert all(one.mean in (0, None) and one.half_width in (0, None) for one in found)


def test_the_same_customers_arrive_everywhere_and_what_is_on_paper_is_exact() -> None:
    found = list(differences(compared("desk.yaml", "more.yaml")))
    assert overall(found, "arrived").half_width == 0
    heads, cost = overall(found, "heads"), overall(found, "agent_cost")
    assert (heads.mean, heads.method, cost.mean, cost.low, cost.method) == (1, "exact", 60, 60, "exact")
    scheduled = overall(found, "scheduled")
    assert (scheduled.mean, scheduled.method) == (1, "exact")
    assert {frozenset(one.by) for one in found} >= {frozenset(), frozenset({"type"}), frozenset({"interval"})}
    assert overall(found, "wait_p95").method == "paired woodruff"


def test_a_difference_is_that_of_the_estimates() -> None:
    comparison = compared("desk.yaml", "more.yaml")
    ours, theirs = (result_of(runs, command="simulate") for runs in comparison.digests)

    def of(result: Result) -> dict[str, float]:
        return {f"{one.measure} {one.formula} {one.by}": one.mean for one in result.estimates if one.mean is not None}

    a, b = of(ours), of(theirs)
    for one in differences(comparison):
        key = f"{one.measure} {one.formula} {one.by}"
        if one.mean is not None:
            assert one.mean == pytest.approx(b[key] - a[key], abs=1e-9), key


def test_types_that_only_one_has_are_left_out() -> None:
    without = DESK.replace("  returns: {<<: *kind, arrivals: {per_hour: 20}}\n", "").replace(
        "[orders, returns]", "[orders]"
    )
    Path("without.yaml").write_text(without, encoding="utf-8")
    found = list(differences(compared("desk.yaml", "without.yaml")))
    assert {one.by.get("type") for one in found} == {None, "orders"}
    assert next(one for one in found if one.measure == "arrived" and one.by == {"type": "orders"}).mean == 0


def test_pairs_are_told_apart_with_far_fewer_days() -> None:
    """Paired intervals of service level are at least twice as tight here as those of runs of their own."""
    comparison = compared("desk.yaml", "more.yaml", replications=200)
    paired = overall(differences(comparison), "service_level").half_width
    ours, theirs = (
        next(one for one in result_of(runs, command="simulate").estimates if one.measure == "service_level").half_width
        for runs in comparison.digests
    )
    assert paired is not None
    assert 2 * paired < np.hypot(ours or 0, theirs or 0)


CHUNKS, DAYS = 80, 20


def parts(found: Sequence[Candidate], whole: list[Runs]) -> Iterator[Comparison]:
    """Experiments of 20 days each, cut out of a long one."""

    def cut(tally: Tally, chunk: int) -> Tally:
        rows = slice(chunk * DAYS, (chunk + 1) * DAYS)
        return replace(tally, **{name: getattr(tally, name)[rows] for name in ARRAYS})

    for chunk in range(CHUNKS):
        runs = [replace(one, first=chunk * DAYS, replications=DAYS, tallies=cut(one.tallies, chunk)) for one in whole]
        yield Comparison.of(found, runs)


@pytest.mark.slow
def test_paired_intervals_cover() -> None:
    """95 % intervals of a mean, a ratio and a quantile cover the difference that 1,600 days know.

    80 experiments of 20 days; alpha = 1e-4 for each measure that a true coverage of 95 % gives so few hits. Red with
    the half-widths of `differences_from` halved, and with the slope of a quantile left out of `quantile_difference`.
    """
    found = candidates(["desk.yaml", "more.yaml"])
    whole = [experiment(one.scenario, replications=CHUNKS * DAYS, seed=1) for one in found]
    long = Comparison.of(found, whole)
    truth = {m: overall(differences(long), m).mean for m in ("abandoned", "service_level", "wait_p95")}
    hits = dict.fromkeys(truth, 0)
    for part in parts(found, whole):
        all_of_it = tuple(differences(part))
        for measure, true in truth.items():
            one = overall(all_of_it, measure)
            hits[measure] += (one.low or 0) <= (true or 0) <= (one.high or 0)
    least = int(binom.ppf(1e-4, CHUNKS, 0.95))
    assert all(count >= least for count in hits.values()), (hits, least)


# ------------------------------------------------------------------------------------------------------- what moved


def test_what_moved_is_ranked_and_holds_for_all_at_once() -> None:
    found = moved(compared("desk.yaml", "more.yaml", replications=60))
    clear = [abs(one.mean or 0) / (one.half_width or 1) for one in found.differences]
    assert clear == sorted(clear, reverse=True)
    assert min(clear) > 1
    assert found.differences[0].level == pytest.approx(1 - 0.05 / found.comparisons)
    assert found.differences[0].method == f"paired delta, controls, bonferroni of {found.comparisons}"
    assert {one.measure for one in found.differences} <= {"service_level", "asa", "abandonment", "occupancy"}


def test_nothing_moves_between_a_desk_and_itself() -> None:
    assert moved(compared("desk.yaml", "desk.yaml")).differences == ()


# ----------------------------------------------------------------------------------------------------------- results


def test_the_result_holds_candidates_differences_and_what_moved() -> None:
    whole, other = results_of(compared("desk.yaml", "more.yaml"))
    assert (whole.command, other.command) == ("compare", "simulate")
    assert [one.name for one in whole.candidates] == ["desk", "more"]
    assert {(one.baseline, one.candidate) for one in whole.differences} == {("desk", "more")}
    met = [one for one in whole.candidates[1].estimates if one.measure == "target_met"]
    assert [one.by for one in met] == [{"segment": "target 1"}]
    assert Result.model_validate_json(to_json(whole)) == whole
    keys = [(one.measure, one.formula, str(one.by), one.candidate) for one in whole.differences]
    assert len(keys) == len(set(keys))


def test_a_comparison_is_the_same_each_time() -> None:
    first, again = (to_json(results_of(compared("desk.yaml", "more.yaml", replications=3))[0]) for _ in range(2))
    assert first == again
