"""Targets on what only full runs know: first response, customers, call-backs, deferred work."""

from typing import Any

import numpy as np
import pytest
from full_outcomes import SPELLS, STAFF, ruled
from outcomes import answered, gone, scenario, table

from sim.experiment import Runs, experiment
from sim.full_tally import tally_run, wants_table
from sim.mechanisms import Deferral
from sim.metrics import stack
from sim.outcome import Status
from sim.precision import parse_goal
from sim.report.records import target_text
from sim.routing import rules
from sim.scenario import Scenario, Target
from sim.summary import target_record
from sim.targets import TargetResult, judge

TALK = {"family": "exponential", "mean": "3 min"}
EARLY, LATE = answered(0, wait=10), answered(0, wait=50)


def desk(*targets: dict[str, Any], **given: Any) -> Scenario:
    return scenario(targets=targets, **given)


def days_of(of: Scenario, days: list[list[dict[str, Any]]], **mechanisms: Any) -> Runs:
    by = ruled(of, **mechanisms)
    assert of.staffing is not None
    return Runs(
        scenario=of,
        plan=of.staffing,
        seed=1,
        first=0,
        replications=len(days),
        engine="by hand",
        tallies=stack([tally_run(table(day, SPELLS), of, STAFF, by) for day in days]),
    )


def verdict(days: list[list[dict[str, Any]]], given: dict[str, Any] | None = None, **target: Any) -> TargetResult:
    return judge(days_of(desk(target, **(given or {})), days))[0]


def test_whoever_promises_what_only_a_table_tells_has_the_whole_table_counted() -> None:
    plain = desk({"at_least": 0.8})
    assert not wants_table(plain, rules(plain))
    for target in ({"measure": "first_response", "at_most": "60 s"}, {"formula": "SL-V", "at_least": 0.8}):
        assert wants_table(desk(target), rules(desk(target)))


def test_the_first_response_is_a_time_and_judged_like_the_asa() -> None:
    days = [[EARLY] * 10 + [LATE] * 10, [EARLY] * 11 + [LATE] * 9] * 20
    assert verdict(days, measure="first_response", at_most="35 s").status == "certified"
    assert verdict(days, measure="first_response", at_most="29.01 s").status == "met"
    found = verdict(days, measure="first_response", at_most="20 s", per="interval")
    assert (found.status, found.unit) == ("missed", "s")
    assert target_record(found).formula == "FR-1"


def test_service_may_be_promised_by_virtual_waits() -> None:
    """A customer who left would have been answered with the next one, at 50 s."""
    days = [[gone(Status.ABANDONED, 0, wait=5), answered(1, wait=49)] * 10] * 4
    assert verdict(days, formula="SL-V", threshold="50 s", at_least=0.9).worst.estimate.mean == 1.0  # type: ignore[union-attr]
    assert verdict(days, formula="SL-V", threshold="49 s", at_least=0.9).worst.estimate.mean == 0.5  # type: ignore[union-attr]


def test_first_contact_resolution_is_promised_at_least() -> None:
    settled, not_settled = answered(0), answered(0, resolved=False)
    days = [[settled] * 80 + [not_settled] * 20] * 20
    given = {"customers": {"window": "5 min"}}
    assert verdict(days, given, measure="fcr", at_least=0.7).status == "certified"
    assert verdict(days, given, measure="fcr", at_least=0.9).status == "missed"
    with pytest.raises(ValueError, match="takes no at_most: write at_least"):
        desk({"measure": "fcr", "at_most": 0.9})


MAIL = {
    "channels": {"mail": {"deferred": True}},
    "contact_types": {"a": {"channel": "mail", "talk": TALK, "due": {"within": "10 min", "clock": "wall"}}},
}


def test_deferred_work_may_be_promised_by_due_time_and_by_age() -> None:
    of = desk(
        {"measure": "late_share", "at_most": 0.5},
        {"measure": "overdue_share", "at_most": 0.4},
        {"measure": "backlog_age", "at_most": "20 min"},
        **MAIL,
    )
    mail = Deferral(deferred=np.array([True]), interruptible=np.array([False]))
    late, overdue, age = judge(days_of(of, [[answered(0, wait=100), gone(Status.UNSERVED, 0, wait=900, work=0)]] * 3,
                                       deferral=mail))  # fmt: skip
    assert late.worst is not None
    assert late.worst.estimate.mean == 0.5
    assert overdue.worst is not None
    assert overdue.worst.estimate.mean == pytest.approx(2 / 3)  # what is open at its due time is overdue
    assert age.worst is not None
    assert age.worst.estimate.mean == pytest.approx(600)
    assert target_text(target_record(age)) == "backlog age ≤ 20 min: all contact types"
    assert target_text(target_record(late)) == "late share ≤ 50 %: all contact types"


@pytest.mark.parametrize(
    ("measure", "given", "problem"),
    [
        ("late_share", {}, "late_share is of deferred work"),
        ("backlog_age", {}, "backlog_age is of deferred work"),
        ("overdue_share", MAIL | {"contact_types": {"a": {"channel": "mail", "talk": TALK}}}, "needs a due time"),
        ("callback_kept", {}, "callback_kept is of call-backs"),
    ],
)
def test_a_promise_on_what_the_desk_does_not_have_is_refused(measure: str, given: Any, problem: str) -> None:
    level = {"at_least": 0.9} if measure == "callback_kept" else {"at_most": "1 h" if measure == "backlog_age" else 0.1}
    with pytest.raises(ValueError, match=problem):
        desk({"measure": measure, **level}, **given)


def test_they_are_written_and_read_as_they_were() -> None:
    one = Target(measure="backlog_age", at_most="90 min")  # type: ignore[arg-type]
    assert Target.model_validate_json(one.model_dump_json()) == one


def test_precision_may_be_asked_of_figures_of_full_runs() -> None:
    of = desk(customers={"window": "5 min", "satisfaction": {}})
    assert parse_goal("fcr ± 1pp", of).half_width == 0.01
    assert parse_goal("first_response ± 2 s", of).unit == "s"


def test_a_run_of_both_engines_gives_them_alike() -> None:
    of = desk(
        {"measure": "first_response", "at_most": "5 min"},
        contact_types={"a": {"channel": "voice", "talk": TALK, "arrivals": {"per_hour": 40}}},
    )
    one, two = (experiment(of, replications=2, seed=1, engine=engine) for engine in ("reference", "compiled"))
    assert judge(one) == judge(two)
