"""What was made of frozen inputs is kept, told apart by identity."""

from centres import one_type

from sim.remembered import remembered
from sim.scenario import Scenario


def test_the_same_object_is_asked_about_once() -> None:
    asked: list[int] = []

    @remembered
    def of(scenario: Scenario, number: int) -> int:
        asked.append(number)
        return number

    world, twin = one_type(), one_type()
    assert [of(world, 1), of(world, 1), of(world, 2), of(twin, 1)] == [1, 1, 2, 1]
    assert asked == [1, 2, 1]


def test_what_is_remembered_outlives_no_more_than_eight_others() -> None:
    asked: list[int] = []

    @remembered
    def of(scenario: Scenario) -> int:
        asked.append(id(scenario))
        return len(asked)

    worlds = [one_type() for _ in range(9)]
    assert [of(world) for world in worlds] == list(range(1, 10))
    assert of(worlds[-1]) == 9
    assert of(worlds[0]) == 10
