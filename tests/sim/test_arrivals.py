"""When contacts come: labels, days of 23 and 25 hours, events, and the law of the instants."""

import math

import numpy as np
import pytest
from centres import centre, one_type
from chance import ALPHA, close, close_mean

from sim.arrivals import traffic
from sim.demand import sample
from sim.scenario import Scenario
from sim.workload import arrival_rates, expected_counts

HOUR = 3_600_000


def by_hour(arrivals: dict[str, object], **parts: object) -> list[float]:
    world = centre({"contact": {"arrivals": arrivals}}, interval="60 min", **parts)
    return expected_counts(world)[:, 0].round(9).tolist()


# -------------------------------------------------------------------------------------------------- labels and shapes


def test_a_rate_holds_to_the_next_label_and_over_midnight() -> None:
    rates = by_hour({"per_hour": {"08:00": 60, "08:30": 120, "20:00": 6}})
    assert rates == [6] * 8 + [90] + [120] * 11 + [6] * 4


def test_a_dated_label_comes_once_in_place_of_the_daily_one() -> None:
    rates = {"00:00": 1, "12:00": 2, "2026-03-03 12:00": 30, "2026-03-03 13:00": 4}
    assert by_hour({"per_hour": rates}, length="72 h")[::12] == [1, 2, 1, 30, 1, 2]
    assert by_hour({"per_hour": rates}, length="72 h")[37] == 4


def test_dated_labels_alone_begin_with_nothing() -> None:
    assert by_hour({"per_hour": {"2026-03-02 22:00": 7}}) == [0] * 22 + [7, 7]


def test_a_linear_shape_joins_the_labels_by_straight_lines() -> None:
    rates = by_hour({"per_hour": {"00:00": 0, "12:00": 120, "24:00": 0}, "shape": "linear"})
    assert rates == [10 * min(h, 23 - h) + 5 for h in range(24)]


def test_a_line_may_end_in_a_jump_at_midnight() -> None:
    rates = by_hour({"per_hour": {"00:00": 0, "24:00": 240}, "shape": "linear"}, length="48 h")
    assert rates == [10 * h + 5 for h in range(24)] * 2


def test_a_profile_is_normalised_over_a_standard_day() -> None:
    arrivals = {"per_day": 240, "profile": {"00:00": 0, "12:00": 5}}
    assert by_hour(arrivals, length="36 h") == [0] * 12 + [20] * 12 + [0] * 12


def test_a_dated_profile_spreads_the_volume_of_its_days() -> None:
    arrivals = {"per_day": 100, "profile": {"2026-03-02 00:00": 1, "2026-03-02 12:00": 3}}
    assert sum(by_hour(arrivals)) == pytest.approx(100)
    assert by_hour(arrivals)[12] == pytest.approx(3 * by_hour(arrivals)[0])


def test_the_volume_multiplies_whatever_comes() -> None:
    assert by_hour({"per_hour": 6}, volume=2.5) == [15] * 24
    assert sum(by_hour({"counts": {"08:00": 4}}, volume=100)) == pytest.approx(400)


def test_counts_belong_to_the_interval_of_their_label() -> None:
    counts = {"00:00": 4, "00:30": 2, "01:15": 1, "2026-03-02 00:30": 9}
    assert by_hour({"counts": counts}, length="3 h") == [13, 1, 0]


# ------------------------------------------------------------------------------------------------------- clock changes

SPRING = {"start": "2026-03-29 00:00", "zone": "Europe/Berlin", "length": "23 h"}
AUTUMN = {"start": "2026-10-25 00:00", "zone": "Europe/Berlin", "length": "25 h"}
LABELS = {f"{h:02d}:00": h for h in range(24)}


@pytest.mark.parametrize("form", ["per_hour", "counts"])
def test_in_spring_the_missing_hour_is_left_out(form: str) -> None:
    assert by_hour({form: LABELS}, **SPRING) == [h for h in range(24) if h != 2]


@pytest.mark.parametrize("form", ["per_hour", "counts"])
def test_in_autumn_the_doubled_hour_uses_its_rate_twice(form: str) -> None:
    assert by_hour({form: LABELS}, **AUTUMN) == [0, 1, 2, 2, *range(3, 24)]


def test_a_label_in_the_missing_hour_holds_after_it() -> None:
    assert by_hour({"per_hour": {"00:00": 1, "02:30": 8}}, **SPRING)[:4] == [1, 1, 8, 8]


def test_the_doubled_hour_goes_back_to_the_label_that_the_clock_shows() -> None:
    assert by_hour({"per_hour": {"00:00": 1, "02:30": 3}}, **AUTUMN)[:5] == [1, 1, 2, 2, 3]


def test_a_volume_by_day_is_one_of_24_hours() -> None:
    arrivals = {"per_day": 2400, "profile": {"00:00": 1}}
    assert sum(by_hour(arrivals, **SPRING)) == pytest.approx(2300)
    assert sum(by_hour(arrivals, **AUTUMN)) == pytest.approx(2500)


# -------------------------------------------------------------------------------------------------------------- events

SALE = {"start": "2026-03-02 10:00", "onset": "60 min", "plateau": "60 min", "decay": "120 min", "peak_factor": 3}


def with_event(**event: object) -> Scenario:
    kinds = {name: {"arrivals": {"per_hour": 60}} for name in ("advice", "returns")}
    return centre(kinds, events={"sale": SALE | event}, interval="60 min")


def test_an_event_rises_stays_and_falls() -> None:
    counts = expected_counts(with_event())[:, 0]
    assert counts[9:15] == pytest.approx([60, 120, 180, 150, 90, 60])


def test_an_event_changes_the_mix_and_leaves_other_types_alone() -> None:
    mixed = expected_counts(with_event(mix={"returns": 0}))
    assert mixed[11].tolist() == pytest.approx([180, 0])
    only = expected_counts(with_event(contact_types=["returns"]))
    assert only[11].tolist() == pytest.approx([60, 180])


def test_a_ramp_is_stepped_each_minute_at_its_middle() -> None:
    minutes = traffic(with_event())[0].expected[600:660]
    assert minutes == pytest.approx([1 + 2 * (m + 0.5) / 60 for m in range(60)])


def test_an_event_shorter_than_a_minute_keeps_its_area() -> None:
    world = with_event(onset="0 s", plateau="30 s", decay="0 s", peak_factor=11)
    assert expected_counts(world)[10, 0] == pytest.approx(60 + 10 * 0.5)


def test_two_events_multiply() -> None:
    twice = centre({"contact": {"arrivals": {"per_hour": 60}}}, events={"a": SALE, "b": SALE}, interval="60 min")
    assert expected_counts(twice)[11, 0] == pytest.approx(540)


def test_an_event_may_begin_before_the_horizon() -> None:
    world = with_event(start="2026-03-01 22:30")
    assert expected_counts(world)[:3, 0] == pytest.approx([172.5, 120, 67.5])


def test_bot_share_and_talk_move_with_the_event() -> None:
    bot = {"share": 0.2, "duration": {"family": "exponential", "mean": "60 s"}}
    kind = {"arrivals": {"per_hour": 60}, "bot": bot}
    world = centre({"contact": kind}, events={"sale": SALE | {"bot_share": 0.6, "talk_factor": 0.5}})
    flow = traffic(world)[0]
    assert flow.bot_share[[0, 629, 690, 779]] == pytest.approx([0.2, 0.2 + 0.4 * 29.5 / 60, 0.6, 0.4], abs=2e-3)
    assert flow.talk_factor[[0, 690]] == pytest.approx([1, 0.5])


# ------------------------------------------------------------------------------------------------------ drawn instants


def test_poisson_counts_have_the_mean_and_the_variance_of_their_rate() -> None:
    """Alpha 1e-4 each, 400 replications. Planted once: the mass of a piece divided by 1.05; `fixed` in place of it."""
    world = one_type(arrivals={"per_hour": {"00:00": 10, "12:00": 40, "12:45": 0, "20:00": 90}})
    rows = np.array([np.bincount(sample(world, 1, r).arrival_ms // (HOUR // 2), minlength=48) for r in range(400)])
    mean = expected_counts(world)[:, 0]
    total, spread = rows.sum(axis=1), rows[:, 20:].sum(axis=1)
    assert close_mean(total, mean.sum())
    assert close_mean((spread - mean[20:].sum()) ** 2, mean[20:].sum())
    assert rows[:, (mean == 0)].sum() == 0
    deviations = (rows - mean)[:, mean > 0] / np.sqrt(mean[mean > 0])
    assert close_mean(deviations.ravel() ** 2, 1)


def test_instants_follow_the_rates() -> None:
    """The expected running total at the instants is uniform (Kolmogorov, alpha 1e-4).

    Planted once: the same expected contacts in all pieces.
    """
    world = one_type(arrivals={"per_hour": {"00:00": 0, "09:00": 800, "24:00": 100}, "shape": "linear"})
    running = np.append(0, np.cumsum(traffic(world)[0].expected))
    at = np.interp(sample(world, 4, 0).arrival_ms / 60_000, np.arange(len(running)), running / running[-1])
    gap = np.arange(1, len(at) + 1) / len(at) - at
    assert np.abs(gap).max() * math.sqrt(len(at)) < math.sqrt(-math.log(ALPHA / 2) / 2)


def test_contacts_come_one_after_another_inside_the_horizon() -> None:
    arrivals = sample(one_type(arrivals={"per_hour": 6000}), 1, 0).arrival_ms
    assert arrivals.min() >= 0
    assert arrivals.max() < 24 * HOUR
    assert (np.diff(arrivals) >= 0).all()


def test_nobody_comes_where_the_rate_is_0() -> None:
    assert len(sample(one_type(arrivals={"per_hour": 0}), 1, 0)) == 0
    assert len(sample(centre({"silent": {}}), 1, 0)) == 0
    arrivals = sample(one_type(arrivals={"per_hour": {"08:00": 20_000, "09:00": 0}}), 1, 0).arrival_ms
    assert arrivals.min() >= 8 * HOUR
    assert arrivals.max() < 9 * HOUR


def test_fixed_counts_are_met_in_each_interval() -> None:
    counts = {"00:00": 5, "00:30": 0, "01:00": 12}
    arrivals = sample(one_type(arrivals={"counts": counts, "law": "fixed"}), 1, 0).arrival_ms
    assert np.bincount(arrivals // (HOUR // 2), minlength=4).tolist() == [5, 0, 12, 0]


def test_fixed_counts_keep_their_running_total_when_rounded() -> None:
    arrivals = sample(one_type(arrivals={"per_hour": 0.8, "law": "fixed"}), 1, 0).arrival_ms
    counts = np.bincount(arrivals // (HOUR // 2), minlength=48)
    assert np.cumsum(counts).tolist() == [math.floor(0.4 * (i + 1) + 0.5) for i in range(48)]


@pytest.mark.parametrize("law", ["poisson", "fixed"])
def test_instants_are_uniform_in_an_interval_of_constant_rate(law: str) -> None:
    """Alpha 1e-4. Planted once: the time since the piece began times 0.98; squared uniforms for fixed counts."""
    world = one_type(arrivals={"per_hour": 2000, "law": law})
    inside = sample(world, 1, 0).arrival_ms % (HOUR // 2) / (HOUR // 2)
    assert close(inside.mean(), 0.5, math.sqrt(1 / 12 / len(inside)))
    assert close((inside**2).mean(), 1 / 3, math.sqrt(4 / 45 / len(inside)))


def test_a_change_of_rates_leaves_the_contacts_before_it_alone() -> None:
    calm, rush = (one_type(arrivals={"per_hour": {"00:00": 50, "12:00": evening}}) for evening in (50, 400))
    before = [demand.arrival_ms[demand.arrival_ms < 12 * HOUR] for demand in (sample(calm, 9, 0), sample(rush, 9, 0))]
    assert before[0].tolist() == before[1].tolist()


def test_rates_in_pieces_add_up_to_the_counts() -> None:
    world = with_event()
    edge_ms, per_ms = arrival_rates(world)
    assert edge_ms[[0, -1]].tolist() == [0, 24 * HOUR]
    assert (np.diff(edge_ms)[:, None] * per_ms).sum(axis=0) == pytest.approx(expected_counts(world).sum(axis=0))
    assert len(per_ms) == 1 + 60 + 1 + 120 + 1
