"""Charts and table of a sweep: which are drawn, what stands on their axes, and that they are the same each time."""

import centres
import numpy as np
import pytest

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
