"""Goals: how they are read, when one looks, when one stops, and that their intervals hold whenever that is."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from chance import ALPHA
from outcomes import scenario
from scipy.special import bdtr

from sim.digest import Desk, Digest
from sim.experiment import Runs, chunks, experiment
from sim.metrics import ARRAYS, Tally
from sim.precision import BadGoal, Goal, Run, goal_questions, looks, parse_goal, sentences, spent
from sim.precision import until as run_until
from sim.results import StoppingRecord
from sim.scenario import Scenario
from sim.scenario_file import load
from sim.summary import empty_digest

SMALL = load("double-eleven-small")


@pytest.mark.parametrize(
    ("text", "measure", "of", "axis", "half_width"),
    [
        ("service_level[chat_presale] ± 0.5pp", "service_level", "chat_presale", "type", 0.005),
        ("service_level[ chat ]+-1 PP", "service_level", "chat", "channel", 0.01),
        ("abandonment ± 0.3pp", "abandonment", None, None, 0.003),
        ("asa[phone_vip] +/- 2 s", "asa", "phone_vip", "type", 2.0),
        ("wait_p95 ± .5 min", "wait_p95", None, None, 30.0),
        ("occupancy[temps] ± 1pp", "occupancy", "temps", "group", 0.01),
        ("answered ± 20", "answered", None, None, 20.0),
    ],
)
def test_goals_are_read(text: str, measure: str, of: str | None, axis: str | None, half_width: float) -> None:
    goal = parse_goal(text, SMALL)
    assert (goal.measure, goal.of, goal.axis, goal.half_width) == (measure, of, axis, pytest.approx(half_width))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("service_level 0.5pp", 'is no goal: write for example "service_level'),
        ("service_levle ± 0.5pp", "did you mean 'service_level'?"),
        (
            "service_level[chat_presal] ± 0.5pp",
            "there is no type or channel 'chat_presal': did you mean 'chat_presale'?",
        ),
        ("occupancy[chat_vip] ± 1pp", "there is no group 'chat_vip'"),
        ("wait_p80[chat] ± 1 s", "there is no type 'chat'"),
        ("service_level ± 0.5", 'a share takes percentage points: write "0.5pp"'),
        ("service_level ± 0.5 %", "percentage points"),
        ("asa ± 2", "a duration is a number with a unit"),
        ("answered ± 2 s", "a number without a unit"),
        ("abandonment ± 0pp", "more than 0"),
    ],
)
def test_a_goal_that_cannot_be_read_says_how_to_write_it(text: str, said: str) -> None:
    with pytest.raises(BadGoal) as wrong:
        parse_goal(text, SMALL)
    assert said in str(wrong.value)
    assert repr(text) in str(wrong.value)


def test_looks_are_at_whole_blocks_further_and_further_apart_and_at_the_maximum() -> None:
    assert looks(300) == [32, 48, 64, 96, 128, 192, 256, 300]
    assert looks(32) == [32]
    assert looks(10) == [10]
    assert looks(48) == [32, 48]


def test_the_looks_spend_the_whole_error_and_no_more() -> None:
    assert sum(Fraction(1, j * (j + 1)) for j in range(1, 1000)) == 1 - Fraction(1, 1000)
    assert spent(1) == pytest.approx(0.975)
    assert spent(2, goals=5) == pytest.approx(1 - 0.05 / 6 / 5)


def desk() -> Scenario:
    types = {
        "a": {
            "channel": "voice",
            "arrivals": {"per_hour": 120},
            "talk": {"family": "exponential", "mean": "60 s"},
            "patience": {"family": "exponential", "mean": "60 s"},
        }
    }
    return scenario(minutes=60, contact_types=types)


def running(of: Scenario, seen: list[tuple[int, int]] | None = None) -> Run:
    def run(first: int, replications: int) -> Iterator[Runs]:
        if seen is not None:
            seen.append((first, replications))
        yield from chunks(of, replications=replications, seed=2, first=first)

    return run


def until(
    goals: list[Goal], run: Run, of: Scenario, *, maximum: int, first: int = 0, plain: bool = False
) -> tuple[Digest, StoppingRecord]:
    assert of.staffing is not None
    desk = Desk(of, of.staffing, 2, first, "compiled")
    into = empty_digest(desk, maximum, plain=plain, more=goal_questions(goals, of))
    return into, run_until(goals, run, into)


def test_it_stops_at_the_first_look_that_reaches_all_goals() -> None:
    of, seen = desk(), list[tuple[int, int]]()
    goals = [parse_goal(text, of) for text in ("service_level ± 2pp", "asa ± 3 s")]
    runs, stopping = until(goals, running(of, seen), of, maximum=2000, first=100)
    assert seen[:3] == [(100, 32), (132, 16), (148, 16)]
    assert runs.replications == stopping.looks[-1].replications == sum(more for _, more in seen)
    assert (runs.first, stopping.reached, stopping.maximum) == (100, True, 2000)
    assert all(one.reached for one in stopping.goals)
    assert all((one.estimate.half_width or 1) <= one.half_width for one in stopping.goals)
    assert all(look.missed for look in stopping.looks[:-1])
    assert stopping.looks[-1].level == pytest.approx(spent(len(stopping.looks), 2))
    whole = experiment(of, replications=runs.replications, seed=2, first=100)
    assert runs.total is not None
    assert np.array_equal(whole.tallies.answered.sum(axis=0), runs.total.answered)


def test_at_the_maximum_it_stops_and_says_that_it_failed() -> None:
    of = desk()
    goals = [parse_goal(text, of) for text in ("service_level[a] ± 50pp", "asa ± 1 ms", "occupancy[s] ± 50pp")]
    runs, stopping = until(goals, running(of), of, maximum=40)
    assert (runs.replications, stopping.reached) == (40, False)
    assert stopping.looks[-1].missed == ("asa ± 1 ms",)
    first, second, _ = sentences(stopping)
    assert first.startswith("service_level[a] ± 50pp: reached (")
    assert second.startswith("asa ± 1 ms: not reached (")
    assert second.endswith("at look 2, 40 replications)")


def test_controls_reach_a_goal_with_fewer_replications() -> None:
    of = desk()
    goals = [parse_goal("service_level ± 2pp", of)]
    with_controls, without = (until(goals, running(of), of, maximum=3000, plain=plain)[0] for plain in (False, True))
    assert with_controls.replications < without.replications


def drawn_from(pool: Runs, dice: np.random.Generator) -> Run:
    """Experiments whose days are drawn from a pool, so that the pool's own figure is the truth."""

    def run(first: int, replications: int) -> list[Runs]:
        at = dice.integers(0, pool.replications, replications)
        arrays = {name: getattr(pool.tallies, name)[at] for name in ARRAYS}
        tallies = Tally(thresholds=pool.tallies.thresholds, **arrays)
        return [replace(pool, first=first, replications=replications, tallies=tallies)]

    return run


def test_intervals_hold_whenever_one_stops() -> None:
    """600 experiments that end at various looks. Alpha 1e-4, one-sided.

    Red when every look spends the whole error and intervals are a fifth too short.
    """
    of = desk()
    goals = [parse_goal("service_level ± 2.5pp", of)]
    pool = experiment(of, replications=500, seed=9)
    tally = pool.tallies
    truth = tally.answered_in_time.sum() / (tally.offered.sum() - tally.abandoned_in_time.sum())
    inside, stops, dice = 0, set(), np.random.default_rng(8)
    for _ in range(600):
        runs, stopping = until(goals, drawn_from(pool, dice), of, maximum=200, plain=True)
        one = stopping.goals[0].estimate
        assert one.low is not None
        assert one.high is not None
        inside += one.low <= truth <= one.high
        stops.add(runs.replications)
    assert bdtr(inside, 600, 0.95) > ALPHA
    assert len(stops) > 2
