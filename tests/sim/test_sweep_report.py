"""Charts and table of a sweep: which are drawn, what stands on their axes, and that they are the same each time."""

from pathlib import Path

import centres
import numpy as np
import pytest
from centres import SECOND

from sim.report.deflection import deflection, deflection_table
from sim.report.sweep import short_paths, sweep_table
from sim.report.sweep_figures import as_numbers, charts, draw, efficient
from sim.results import SweepRecord
from sim.sweep import Point, sweep


def test_paths_are_as_short_as_they_can_be() -> None:
    assert short_paths(["contact_types.a.bot.containment"]) == {"contact_types.a.bot.containment": "bot.containment"}
    both = ["contact_types.a.talk.mean", "contact_types.b.talk.mean"]
    assert list(short_paths(both).values()) == ["a.talk.mean", "b.talk.mean"]


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (("0.3", "0.4"), ([0.3, 0.4], "")),
        (("30 %", "40%"), ([30, 40], "%")),
        (("90 s", "2 min"), ([90, 120], "s")),
        (("fcfs", "priority"), None),
    ],
)
def test_values_are_numbers_where_they_can_be(values: tuple[str, ...], numbers: tuple[list[float], str] | None) -> None:
    found = as_numbers(values)
    assert (None if found is None else (found[0].tolist(), found[1])) == numbers


def test_the_frontier_is_what_none_beats() -> None:
    price, gain = np.array([10.0, 12, 11, 11, 13]), np.array([0.7, 0.8, 0.75, 0.6, 0.8])
    assert efficient(price, gain) == [0, 2, 1]


def swept(tmp_path_factory: pytest.TempPathFactory, *paths: tuple[str, ...]) -> SweepRecord:
    """Points made by hand: heads along the first path, talk along the second."""
    points = []
    for heads in paths[0]:
        for talk in paths[1] if len(paths) > 1 else ("2 min",):
            kind = {"arrivals": {"per_hour": 30}, "talk": {"family": "exponential", "mean": talk}}
            desk = centres.centre({"orders": kind}, length="2 h", staffing={"levels": {"all": {"00:00": int(heads)}}})
            settings = (("staffing.heads", heads), ("orders.talk.mean", talk))[: len(paths)]
            points.append(Point(settings, desk))
    folder = tmp_path_factory.mktemp("swept")
    return sweep(points, folder, replications=3, seed=1, engine="reference")


def test_one_path_gives_lines_and_a_frontier_two_a_heat_map_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    one = swept(tmp_path_factory, ("1", "2", "3"))
    two = swept(tmp_path_factory, ("1", "2"), ("2 min", "3 min", "4 min"))
    assert list(draw(one)) == ["lines", "frontier"]
    assert list(draw(two)) == ["lines", "frontier", "heat-map"]
    assert charts(two) == charts(two)
    assert len(sweep_table(two).rows) == 6
    assert sweep_table(two).rows[0][:2] == ("1", "2 min")


def test_without_a_choice_there_is_nothing_to_draw(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert draw(swept(tmp_path_factory, ("2",))) == {}


def deflected(tmp_path: Path, *heads: int) -> SweepRecord:
    """A bot that keeps 30 %, then 60 % of ten thousand customers, the easier ones."""
    points = []
    for containment, number in zip((0.3, 0.6), heads, strict=True):
        kind = {
            "arrivals": {"per_hour": 5000},
            "talk": {"family": "exponential", "mean": "30 s"},
            "difficulty": {"bot": 0.8, "talk": 0.7},
            "bot": {"containment": containment, "duration": SECOND},
            "resolution": 0.9,
        }
        desk = centres.centre({"orders": kind}, length="2 h", staffing={"levels": {"all": {"00:00": number}}})
        points.append(Point((("orders.bot.containment", str(containment)),), desk))
    return sweep(points, tmp_path, replications=2, seed=1)


def test_what_a_bot_saves_stands_beside_what_the_rule_of_three_says(tmp_path: Path) -> None:
    whole = deflected(tmp_path, 60, 40)
    low, high = deflection(whole)
    assert (low.heads, high.heads, low.heads_by_rule) == (60, 40, 60)
    assert high.heads_by_rule == pytest.approx(60 * 4 / 7, rel=0.02)  # 70 % are left to people, then 40 %
    assert high.of("bot_work_saved").mean < 0.8 * high.of("bot_work_saved_naive").mean
    table = deflection_table(whole)
    assert table is not None
    assert len(table.rows) == 2
    assert "heads by rule of three" in table.head
    assert "deflection" in draw(whole)
    assert "60 heads become 40, by rule of three 34" in draw(whole)["deflection"].description


def test_with_the_same_agents_a_better_bot_shortens_waits(tmp_path: Path) -> None:
    whole = deflected(tmp_path, 40, 40)
    table = deflection_table(whole)
    assert table is not None
    assert "heads" not in table.head
    assert "become" not in draw(whole)["deflection"].description


def test_a_sweep_that_leaves_the_bot_alone_says_nothing_of_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert deflection(swept(tmp_path_factory, ("1", "2"))) == []
