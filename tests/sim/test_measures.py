"""Figures by pencil: every formula on one small day, and how figures fold."""

from typing import Any

import numpy as np
import pytest
from outcomes import answered, gone, in_bot, runs, scenario, table
from worlds import levels

from sim.experiment import Runs
from sim.formulas import FORMULAS
from sim.measures import (
    ABANDONMENT,
    ASA,
    BOT,
    COUNTS,
    HANDLING,
    OCCUPANCY,
    OVERTIME,
    POSITIONS,
    QUEUE_LENGTH,
    SCHEDULED,
    SERVICE_FORMULAS,
    WAITS,
    Axis,
    Figure,
    cells,
    estimate_figure,
    estimate_wait,
    money,
    service_level,
)
from sim.outcome import Status
from sim.scenario import Scenario

DAY = [
    *(answered(at, wait=0, talk=100, after=20) for at in range(6)),
    answered(10, wait=40, talk=100, after=20),
    answered(11, wait=60, talk=100, after=20, agent=1),
    gone(Status.ABANDONED, 12, wait=3),
    gone(Status.ABANDONED, 13, wait=15),
    gone(Status.ABANDONED, 14, wait=99),
    gone(Status.UNSERVED, 15, wait=100),
    gone(Status.CLOSED, 16),
    *(in_bot(Status.RESOLVED_IN_BOT, at) for at in range(3)),
    in_bot(Status.CONTAINED_UNRESOLVED, 3),
    in_bot(Status.GAVE_UP_IN_BOT, 4),
    answered(30, arrival=20, wait=0, talk=100, after=20),
]
SPELLS = [(0, 0, 0, 900, 900), (1, 0, 0, 900, 960)]


def one_day(desk: Scenario | None = None, rows: Any = DAY) -> Runs:
    return runs(desk or scenario(), [table(rows, SPELLS)], levels(2, 2, 2, interval=300))


def mean(figure: Figure, of: Runs | None = None) -> float | None:
    day = of or one_day()
    return estimate_figure(figure, day.scenario, day.tallies).cell().mean


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("SL-1", (7 + 2) / 13),
        ("SL-2", 7 / 9),
        ("SL-3", 7 / 13),
        ("SL-4", 7 / (13 - 2)),
        ("SL-5", (7 + 1) / 13),
        ("SL-6", 7 / (13 - 1)),
    ],
)
def test_service_level_formulas(formula: str, value: float) -> None:
    """O 13, A 9 (7 within 20 s), B 3 (2 within 20 s, 1 within 5 s)."""
    assert mean(service_level(scenario(), formula)) == pytest.approx(value)


FIGURES = {figure.measure: figure for figure in (*COUNTS, *WAITS, *HANDLING, *BOT, OCCUPANCY, OVERTIME)}


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        ("arrived", 19),
        ("offered", 13),
        ("closed", 1),
        ("asa", 100 / 9),
        ("wait_mean_offered", (100 + 3 + 15 + 99 + 100) / 13),
        ("abandonment", 3 / 13),
        ("abandonment_net", 2 / 12),
        ("abandonment_in_bot", 1 / 19),
        ("queue_length", 317 / 900),
        ("aht", 120),
        ("talk", 100),
        ("acw", 20),
        ("bot_entered", 6),
        ("containment", 4 / 6),
        ("resolved_containment", 3 / 6),
        ("hand_off", 1 / 6),
        ("bot_give_up", 1 / 6),
        ("occupancy", 9 * 120 / 1800),
        ("overtime_hours", 60 / 3600),
    ],
)
def test_every_other_figure(measure: str, value: float) -> None:
    assert mean(FIGURES[measure]) == pytest.approx(value)


def test_waits_have_quantiles_and_a_longest() -> None:
    day = one_day()
    waits = {m: estimate_wait(m, day.scenario, day.tallies).mean for m in ("wait_p50", "wait_p99", "wait_max")}
    assert waits["wait_p50"] == 0
    assert waits["wait_p99"] == pytest.approx(60, rel=1 / 64)
    assert waits["wait_max"] == 60


def test_money_follows_hours_sessions_and_who_was_not_answered() -> None:
    kind = {"channel": "voice", "talk": {"family": "exponential", "mean": "3 min"}, "lost_value": 7}
    bot = {"uses": "bot", "duration": {"family": "exponential", "mean": "1 min"}}
    desk = scenario(contact_types={"a": kind | {"bot": bot}}, costs={"line_per_hour": 3.6})
    line, session, lost = (mean(figure, one_day(desk)) for figure in money(desk))
    assert line == pytest.approx((317 + 900) * 3.6 / 3600)
    assert session == pytest.approx(6 * 0.5)
    assert lost == pytest.approx(4 * 7)


def test_nothing_offered_is_null_and_adds_nothing() -> None:
    quiet = one_day(rows=[answered(400, wait=30)])
    by_interval = estimate_figure(ASA, quiet.scenario, quiet.tallies, ("interval",))
    assert [one.mean for one in by_interval] == [None, 30, None]
    assert mean(ASA, quiet) == 30


def test_figures_pool_over_types_channels_days_and_intervals() -> None:
    """ASA of 2 and 6 answered is that of 8, never the mean of two means."""
    kind = {"talk": {"family": "exponential", "mean": "3 min"}}
    desk = scenario(
        types=3,
        channels={"voice": {}, "chat": {}},
        contact_types={n: kind | {"channel": c} for n, c in (("a", "voice"), ("b", "chat"), ("c", "voice"))},
        horizon={"start": "2026-11-11 23:50", "length": "15 min", "interval": "5 min"},
    )
    rows = [answered(0, 80, type=0), answered(0, 40, type=1), *(answered(700, 10, type=2) for _ in range(6))]
    day = one_day(desk, rows)

    def asa(*by: Any) -> list[float | None]:
        return [one.mean for one in estimate_figure(ASA, desk, day.tallies, by)]

    assert asa() == [180 / 8]
    assert asa("type") == [80, 40, 10]
    assert asa("channel") == [140 / 7, 40]
    assert asa("day") == [60, 10]
    assert asa("channel", "day") == [80, 10, 40, None]
    assert asa("interval") == [60, None, 10]
    assert cells(desk, ("channel", "day"))[1] == {"channel": "voice", "day": "2026-11-12"}
    assert cells(desk, ("interval",))[2]["interval"] == {
        "index": 2,
        "start": "2026-11-12T00:00:00+00:00",
        "length_s": 300.0,
    }


def test_means_over_time_are_of_the_window() -> None:
    day = one_day(rows=[answered(0, wait=150), answered(0, wait=150)])
    assert [one.mean for one in estimate_figure(QUEUE_LENGTH, day.scenario, day.tallies, ("interval",))] == [1, 0, 0]
    assert mean(QUEUE_LENGTH, day) == pytest.approx(1 / 3)
    assert mean(POSITIONS, day) == 2


def test_what_is_on_paper_is_exact_as_long_as_all_replications_agree() -> None:
    desk = scenario()
    two = runs(desk, [table(DAY, SPELLS)] * 2, levels(2, 1, 0, interval=300))
    found = estimate_figure(SCHEDULED, desk, two.tallies).cell()
    assert (found.mean, found.low, found.high, found.method) == (1.0, 1.0, 1.0, "exact")


def test_busyness_gives_intervals_over_blocks() -> None:
    desk = scenario(busyness={"cv": 0.1})
    days = [table([answered(0), *[gone(Status.ABANDONED, 1, wait=9)] * (i % 3)], SPELLS) for i in range(128)]
    many = runs(desk, days, levels(2, 2, 2, interval=300))
    assert estimate_figure(ABANDONMENT, desk, many.tallies).method == "delta, blocks of 16"
    assert estimate_figure(ABANDONMENT, desk, many.tallies, first=1).method == "delta"
    assert estimate_wait("wait_p50", desk, many.tallies).method == "woodruff, blocks of 16"


def test_every_formula_is_defined_once() -> None:
    used = {figure.formula for figure in (*FIGURES.values(), SCHEDULED, POSITIONS, *money(scenario()))}
    assert used | set(SERVICE_FORMULAS) <= set(FORMULAS)
    assert len(set(FORMULAS.values())) == len(FORMULAS)


def test_thousands_of_cells_agree_with_one_by_one() -> None:
    desk = scenario(types=3, minutes=600)
    dice = np.random.default_rng(1)
    days = [
        table(
            [answered(int(at), int(at) % 50, type=int(at) % 3) for at in np.sort(dice.integers(0, 36_000, 200))], SPELLS
        )
        for _ in range(5)
    ]
    many = runs(desk, days, levels(*[2] * 120, interval=300))
    together = list(estimate_figure(ASA, desk, many.tallies, ("type", "interval")))
    one = many.tallies
    i, k = 17, 2
    assert together[k * 120 + i].mean == pytest.approx(
        one.wait_answered_ms[:, k, i].sum() / one.answered[:, k, i].sum() / 1000
    )


def test_where_nothing_varies_no_interval_has_no_length() -> None:
    """Shares of contacts have the bounds by contacts, others none, what is on paper is exact."""
    desk = scenario()
    day = runs(desk, [table([answered(10), answered(400)], [(0, 0, 0, 900, 900)])] * 20, levels(1, 1, 1, interval=300))

    def found(figure: Figure, by: tuple[Axis, ...] = ("interval",)) -> list[Any]:
        return list(estimate_figure(figure, desk, day.tallies, by))

    share = found(service_level(desk))[0]
    assert (share.mean, share.high, share.n, share.method) == (1.0, 1.0, 20, "clopper-pearson")
    assert share.low == pytest.approx(0.025 ** (1 / 20))
    asa = found(ASA)[0]
    assert (asa.mean, asa.low, asa.high, asa.method) == (0.0, None, None, "nothing varied")
    scheduled = found(SCHEDULED)[0]
    assert (scheduled.low, scheduled.high, scheduled.method) == (1.0, 1.0, "exact")
