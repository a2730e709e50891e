"""Events that are left to chance: how often and when they happen, and what is expected of them."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from centres import centre
from chance import close_mean

from sim.arrivals import traffic
from sim.busyness import STRATA
from sim.controls import controls_of
from sim.demand import BotFate, sample
from sim.experiment import experiment
from sim.incidents import happening
from sim.scenario import Scenario
from sim.workload import expected_counts, handed_to_people, mean_handle_s

Floats = npt.NDArray[np.float64]
HOUR = 3_600_000
OUTAGE = {"start": "2026-03-02 01:00", "onset": "10 min", "plateau": "20 min", "decay": "30 min", "peak_factor": 4}


def morning(*events: dict[str, Any], **parts: Any) -> Scenario:
    """Six hours, 100 calls an hour and 40 chats."""
    kinds = {"calls": {"arrivals": {"per_hour": 100}}, "chats": {"arrivals": {"per_hour": 40}}}
    named = {f"event_{i}": event for i, event in enumerate(events)}
    return centre(kinds, events=named, length="6 h", interval="60 min", **parts)


def at(minutes: int) -> str:
    """So many minutes after the incident's start."""
    return f"2026-03-02 {1 + minutes // 60:02d}:{minutes % 60:02d}"


def starts(world: Scenario, replications: int) -> list[float | None]:
    """When the first event begins, in seconds after its start; None where it does not happen."""
    days = (happening(world, 1, r).events.get("event_0") for r in range(replications))
    return [None if event is None else event.late_s for event in days]


def test_an_incident_happens_in_its_share_of_every_block() -> None:
    found = starts(morning(OUTAGE | {"chance": 0.25}), 3 * STRATA)
    for block in range(3):
        days = found[STRATA * block : STRATA * (block + 1)]
        assert days.count(0.0) == 4
        assert days.count(None) == 12


def test_it_begins_at_any_minute_of_its_stretch() -> None:
    found = [late for late in starts(morning(OUTAGE | {"within": "160 min"}), 100 * STRATA) if late is not None]
    minutes = np.array(found).astype(int) // 60
    assert len(found) == 100 * STRATA
    assert sorted(set(minutes.tolist())) == list(range(160))
    for block in minutes.reshape(100, STRATA):
        assert sorted(block // 10) == list(range(STRATA))


def test_nothing_is_copied_where_nothing_is_left_to_chance() -> None:
    sure = morning(OUTAGE)
    assert happening(sure, 1, 0) is sure
    rare = morning(OUTAGE | {"chance": 0.01})
    calm = [happening(rare, 1, r) for r in range(STRATA)]
    assert len({id(day) for day in calm if not day.events}) == 1


def test_a_day_of_an_incident_is_a_day_of_that_event() -> None:
    """Where it happens its customers are those of a certain event begun then, else those of a desk without."""
    world = morning(OUTAGE | {"chance": 0.5, "within": "2 h"})
    for r in range(STRATA):
        event = happening(world, 1, r).events.get("event_0")
        same = morning() if event is None else morning(OUTAGE | {"start": at(int(event.late_s) // 60)})
        assert np.array_equal(sample(world, 1, r).arrival_ms, sample(same, 1, r).arrival_ms), r


def test_expected_counts_are_the_mean_over_all_days() -> None:
    """By hand over every minute of the start; two incidents and a sure event multiply."""
    late = morning(OUTAGE | {"chance": 0.3, "within": "50 min", "mix": {"chats": 0.1}})
    every = [morning(OUTAGE | {"start": at(m), "mix": {"chats": 0.1}}) for m in range(50)]
    mean = np.mean([expected_counts(world) for world in every], axis=0)
    assert expected_counts(late) == pytest.approx(0.7 * expected_counts(morning()) + 0.3 * mean)
    sale = {"start": "2026-03-02 00:30", "plateau": "3 h", "peak_factor": 2}
    both = morning(OUTAGE | {"chance": 0.3}, sale | {"chance": 0.6}, sale)
    parts = [(0.7 * 0.4, []), (0.3 * 0.4, [OUTAGE]), (0.7 * 0.6, [sale]), (0.3 * 0.6, [OUTAGE, sale])]
    truth = sum(share * expected_counts(morning(*events, sale)) for share, events in parts)
    assert expected_counts(both) == pytest.approx(truth)


def test_bot_shares_and_talk_are_those_of_the_mean_contact() -> None:
    """Red where the mean of the square is taken for the square of the mean."""
    bot = {"share": 0.2, "containment": 0.5, "duration": {"family": "deterministic", "value": "10 s"}}
    talk = {"family": "deterministic", "value": "100 s"}
    kinds = {"calls": {"arrivals": {"per_hour": 100}, "bot": bot, "talk": talk}}
    event = OUTAGE | {"onset": "0 s", "decay": "0 s", "plateau": "1 h", "bot_share": 0.8, "talk_factor": 0.5}

    def world(**chance: Any) -> Scenario:
        return centre(kinds, bots={"bot": {}}, events={"e": event | chance}, length="3 h", interval="60 min")

    with_it, without = world(), centre(kinds, bots={"bot": {}}, length="3 h", interval="60 min")
    asking = 0.25 * handed_to_people(with_it) + 0.75 * handed_to_people(without)
    assert handed_to_people(world(chance=0.25)) == pytest.approx(asking)
    flow = traffic(world(chance=0.25))[0]
    assert flow.talk_factor[90] == pytest.approx((0.25 * 4 * 0.5 + 0.75) / (0.25 * 4 + 0.75))
    assert 50 < mean_handle_s(world(chance=0.25))[0] < 100


def test_counts_have_the_mean_and_variance_of_their_mixture() -> None:
    """Var N = E + Var of the rate, over all starts. Student over 120 blocks, alpha 1e-4 each."""
    world = morning(OUTAGE | {"chance": 0.4, "within": "3 h"})
    mean = expected_counts(world)[:, 0]
    begun = [
        expected_counts(morning(OUTAGE | {"start": at(m)}))[:, 0]
        for m in range(180)
    ]
    rates, weights = np.array([expected_counts(morning())[:, 0], *begun]), np.array([0.6, *[0.4 / 180] * 180])
    truth = (rates - mean).T @ (weights[:, None] * (rates - mean)) + np.diag(mean)
    rows = [sample(world, 3, r) for r in range(120 * STRATA)]
    counts = np.array([np.bincount(day.arrival_ms[day.type == 0] // HOUR, minlength=6) for day in rows])
    off = (counts - mean).reshape(120, STRATA, 6)
    for hour in range(6):
        assert close_mean(off[:, :, hour].mean(axis=1), 0), hour
    for i, j in ((1, 1), (2, 2), (1, 2), (2, 4)):
        assert close_mean((off[:, :, i] * off[:, :, j]).mean(axis=1), truth[i, j]), (i, j)


def test_what_follows_and_what_the_bot_does_go_by_the_day() -> None:
    """On days of the incident all meet the bot while it lasts, on others nobody does."""
    bot = {"share": 0, "containment": 1, "duration": {"family": "deterministic", "value": "10 s"}}
    event = {"start": "2026-03-02 01:00", "plateau": "1 h", "bot_share": 1, "chance": 0.5}
    world = centre({"calls": {"arrivals": {"per_hour": 100}, "bot": bot}}, bots={"bot": {}}, events={"e": event})
    for r in range(STRATA):
        day = sample(world, 1, r)
        inside = (day.arrival_ms >= HOUR) & (day.arrival_ms < 2 * HOUR)
        assert (day.fate[~inside] == BotFate.NO_BOT).all()
        assert len(set(day.fate[inside].tolist())) == 1


def test_controls_know_the_mean_of_incidents() -> None:
    """Alpha 1e-4 each, over blocks; the square of arrivals is no control."""
    staffing = {"levels": {"all": {"00:00": 4}}}
    world = morning(OUTAGE | {"chance": 0.3, "within": "90 min"}, staffing=staffing)
    found = controls_of(world, experiment(world, replications=320, seed=2).tallies)
    assert found is not None
    assert found.names == ("arrivals", "arrivals by type")
    assert all(close_mean(column.reshape(-1, STRATA).mean(axis=1), 0) for column in found.values.T)


def test_a_stretch_is_of_whole_minutes() -> None:
    with pytest.raises(ValueError, match="within must be a whole number of minutes"):
        morning(OUTAGE | {"within": "90 s"})
