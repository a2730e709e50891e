"""Replications end to end on tiny desks: the same whoever runs them, stopped in time, right where theory knows."""


import numpy as np
import pytest
from chance import ALPHA

from sim import shrinkage
from sim.estimates import ratio_of
from sim.experiment import Runs, Stopped, Tape, experiment
from sim.metrics import ARRAYS, Tally
from sim.scenario import AgentGroup, Scenario, Target
from sim.scenario_file import load
from sim.staffing import StaffingPlan
from sim.targets import judge
from sim.workload import workload


def queue(per_hour: float, agents: int, mean_s: float = 300, hours: int = 8, **kind: object) -> Scenario:
    """One queue, exponential talk."""
    talk = {"family": "exponential", "mean": f"{mean_s} s"}
    return Scenario.model_validate(
        {
            "horizon": {"start": "2026-11-11 08:00", "length": f"{hours} h", "interval": "30 min"},
            "channels": {"voice": {}},
            "contact_types": {"a": {"channel": "voice", "arrivals": {"per_hour": per_hour}, "talk": talk, **kind}},
            "agent_groups": {"s": {"skills": ["a"]}},
            "staffing": {"levels": {"s": {"08:00": agents}}},
        }
    )


def equal(one: Tally, two: Tally) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(two, name)) for name in ARRAYS)


def run(desk: Scenario, replications: int = 3, **more: object) -> Runs:
    return experiment(desk, replications=replications, seed=5, engine="reference", **more)  # type: ignore[arg-type]


def test_replications_are_the_same_for_any_number_of_workers() -> None:
    desk = queue(30, 3)
    assert equal(run(desk, 6).tallies, run(desk, 6, workers=3).tallies)


def test_a_replication_is_the_same_whatever_else_is_run() -> None:
    desk = queue(30, 3)
    whole, parts = run(desk, 5), run(desk, 2).then(run(desk, 3, first=2))
    assert equal(whole.tallies, parts.tallies)
    assert parts.replications == 5
    with pytest.raises(ValueError, match="next replications"):
        whole.then(run(desk, 1, first=9))


def test_a_tape_meets_every_plan_with_the_same_customers() -> None:
    desk = queue(60, 5)
    tape = Tape(desk, 5, 2, 3, engine="reference")
    assert equal(tape.tallies(StaffingPlan(levels={"s": {"08:00": 5}})), run(desk, 3, first=2).tallies)
    few, many = (tape.tallies(StaffingPlan(levels={"s": {"08:00": n}})) for n in (4, 6))
    assert (few.arrived == many.arrived).all()
    assert few.wait_answered_ms.sum() > many.wait_answered_ms.sum()


def test_a_tape_remembers_who_came_and_forgets_when_they_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    late = {"share": 0.4, "by": {"family": "exponential", "mean": "10 min"}}
    absent = {"unplanned": {"share": 0.3, "common": 0.4}, "late": late}
    group = {"skills": ["a"], "spread": 0.2, "attendance": absent}
    desk = queue(60, 5).model_copy(update={"agent_groups": {"s": AgentGroup.model_validate(group)}})

    def shifts(early: int, late: int) -> StaffingPlan:
        lines = [{"group": "s", "template": "t", "start": f"{h:02}:00", "length": "6 h", "number": n}
                 for h, n in ((8, early), (10, late))]  # fmt: skip
        return StaffingPlan.model_validate({"mode": "by_person", "shifts": lines})

    plans = [shifts(4, 3), shifts(4, 2), shifts(5, 2), shifts(4, 3)]
    fresh = [experiment(desk, plan, replications=3, seed=5, engine="reference").tallies for plan in plans]
    for most in (500_000, 5):
        monkeypatch.setattr(shrinkage, "MOST_MEMBERS", most)
        tape = Tape(desk, 5, 0, 3, engine="reference")
        assert all(equal(tape.tallies(plan), one) for plan, one in zip(plans, fresh, strict=True))
    monkeypatch.undo()
    tape.tallies(plans[0])
    monkeypatch.setattr(shrinkage, "_crew", lambda *_: pytest.fail("drawn again"))
    tape.tallies(plans[3])


@pytest.mark.parametrize(
    "target",
    [
        {"at_least": "80 %"}, {"formula": "SL-V", "at_least": "80 %"}, {"measure": "occupancy", "at_most": "90 %"},
        {"measure": "first_response", "at_most": "1 min"}, {"measure": "fcr", "at_least": "70 %"},
        {"measure": "backlog_age", "at_most": "2 h"}, {"measure": "callback_kept", "at_least": "50 %"},
    ],
)  # fmt: skip
def test_what_only_targets_ask_for_is_counted_as_in_a_full_run(target: dict[str, str]) -> None:
    desk = load("promotion-day", sets=["volume=0.05"])
    desk = desk.model_copy(update={"targets": (Target.model_validate(target),)})
    tape = Tape(desk, 5, 0, 2, engine="reference")
    assert desk.staffing is not None
    whole, lean = tape.runs(desk.staffing), tape.runs(desk.staffing, promised_only=True)
    assert judge(whole) == judge(lean)
    assert whole.tallies.contentment is not None
    assert lean.tallies.contentment is None


def test_progress_is_told_and_a_stop_keeps_what_is_done() -> None:
    seen: list[tuple[int, int]] = []
    desk = queue(30, 3)
    with pytest.raises(Stopped) as stopped:
        run(desk, 5, progress=lambda *at: seen.append(at), stop=lambda: len(seen) == 2)
    assert seen == [(1, 5), (2, 5)]
    assert stopped.value.runs is not None
    assert equal(stopped.value.runs.tallies, run(desk, 2).tallies)
    with pytest.raises(Stopped, match="after 0") as at_once:
        run(desk, 5, stop=lambda: True, workers=2)
    assert at_once.value.runs is None


def test_what_goes_wrong_in_a_thread_is_told() -> None:
    def broken(replication: int) -> object:
        raise ArithmeticError(replication)

    with pytest.raises(ArithmeticError, match="0"):
        run(queue(30, 3), 5, workers=2, customers=broken)


def test_without_staffing_or_replications_there_is_nothing_to_run() -> None:
    desk = queue(30, 3)
    with pytest.raises(ValueError, match="no staffing"):
        run(desk.model_copy(update={"staffing": None}))
    with pytest.raises(ValueError, match="at least 1"):
        run(desk, 0)


def test_the_planner_finds_the_workload_here() -> None:
    load = workload(queue(30, 3))
    assert load.asking.sum() == pytest.approx(240)
    assert load.handle_s.tolist() == [300]


def test_a_tally_does_not_keep_the_contacts() -> None:
    done = run(queue(300, 30), 2).tallies
    size = sum(getattr(done, name).nbytes for name in ARRAYS)
    assert size < 2 * 50_000


def test_m_m_1_has_its_mean_wait() -> None:
    """Half busy: wait rho / (mu - lambda) = 60 s. Days of 200 h, so that the empty start hides (0.1 %).

    Alpha 1e-4 each. Red when talk lasts 5 % longer than drawn.
    """
    desk = queue(30, 1, mean_s=60, hours=200)
    found = run(desk, 40).tallies
    waits = ratio_of(found.wait_answered_ms.sum(axis=(1, 2)), found.answered.sum(axis=(1, 2)), level=1 - ALPHA)
    busy = ratio_of(found.busy_ms.sum(axis=(1, 2)), found.staffed_ms.sum(axis=(1, 2)), level=1 - ALPHA)
    for estimate, truth, near in ((waits, 60_000, 4_000), (busy, 0.5, 0.008)):
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low <= truth <= estimate.high
        assert estimate.high - estimate.low < 2 * near


def test_littles_law_is_an_identity() -> None:
    found = run(queue(90, 3), 4).tallies
    assert (found.queue_ms.sum(axis=(1, 2)) == found.wait_offered_ms.sum(axis=(1, 2))).all()
    assert (found.offered == found.answered + found.abandoned + found.unserved + found.blocked).all()
