"""A digest of pieces says what the whole says, and needs no more room for many replications than for few."""

import math

import pytest
from centres import centre

from sim.digest import Desk, Digest, about, blocks_in
from sim.experiment import chunks, experiment
from sim.measures import ASA
from sim.results import Result
from sim.scenario import Scenario
from sim.summary import digest_of, digested, empty_digest, result_of, tables


@pytest.fixture(scope="module")
def desk() -> Scenario:
    kinds = {
        "a": {"arrivals": {"per_hour": 40}, "talk": {"family": "exponential", "mean": "3 min"}},
        "b": {"arrivals": {"per_hour": 20}, "patience": {"family": "exponential", "mean": "60 s"}},
    }
    targets = [
        {"measure": "service_level", "at_least": "80 %", "per": "interval"},
        {"measure": "wait_p80", "at_most": "60 s", "contact_types": ["a"]},
        {"measure": "occupancy", "at_most": "90 %"},
    ]
    staffing = {"levels": {"all": {"00:00": 4}}}
    return centre(kinds, busyness={"cv": 0.2}, staffing=staffing, targets=targets, length="4 h", interval="60 min")


def figures(result: Result) -> dict[str, list[float]]:
    of = {f"{one.measure} {one.formula} {one.by}": (one.mean, one.low, one.high, one.n) for one in result.estimates}
    return {key: [math.nan if value is None else value for value in values] for key, values in of.items()}


@pytest.mark.parametrize("first", [0, 5])
@pytest.mark.parametrize("plain", [True, False])
def test_pieces_come_to_the_same_result_as_the_whole(desk: Scenario, first: int, plain: bool) -> None:
    """Blocks, controls, quantiles, targets, spread. Red where a piece's blocks start one late, or sums are of means."""
    piecemeal = digested(desk, replications=150, seed=1, first=first, plain=plain)
    at_once = digest_of(experiment(desk, replications=150, seed=1, first=first), plain=plain)
    one, other = (result_of(of, command="simulate") for of in (piecemeal, at_once))
    assert figures(one).keys() == figures(other).keys()
    for key, values in figures(one).items():
        assert values == pytest.approx(figures(other)[key], rel=1e-9, abs=1e-9, nan_ok=True), key
    assert [(target.status, target.comparisons) for target in one.targets] == [
        (target.status, target.comparisons) for target in other.targets
    ]
    assert [target.estimate and target.estimate.low for target in one.targets] == pytest.approx(
        [target.estimate and target.estimate.low for target in other.targets]
    )
    assert one.warnings == other.warnings
    for mine, theirs in zip(tables(piecemeal)["intervals"], tables(at_once)["intervals"], strict=True):
        assert list(mine) == list(theirs)
        numbers = [
            [math.nan if v is None else v for v in row.values() if not isinstance(v, str)] for row in (mine, theirs)
        ]
        assert numbers[0] == pytest.approx(numbers[1], nan_ok=True)


def test_pieces_end_where_blocks_do(desk: Scenario) -> None:
    pieces = list(chunks(desk, replications=70, seed=1, first=10))
    assert [(one.first, one.replications) for one in pieces] == [(10, 22), (32, 32), (64, 16)]
    assert [blocks_in(one) for one in pieces] == [slice(6, 22), slice(0, 32), slice(0, 16)]


def test_only_the_next_replications_are_taken_in(desk: Scenario) -> None:
    assert desk.staffing is not None
    digest = Digest(Desk(desk, desk.staffing, 1, 0, "compiled"), [about(ASA)], most=20)
    digest.add(experiment(desk, replications=2, seed=1))
    with pytest.raises(ValueError, match="next"):
        digest.add(experiment(desk, replications=2, seed=1, first=3))


def test_a_digest_can_be_read_at_any_time(desk: Scenario) -> None:
    """Control variates come in as there are replications to pay for them."""
    assert desk.staffing is not None
    digest, seen = empty_digest(Desk(desk, desk.staffing, 1, 0, "compiled"), 64), []
    for runs in chunks(desk, replications=64, seed=1):
        digest.add(runs)
        seen.append(digest.controls)
        whole = digest_of(experiment(desk, replications=digest.replications, seed=1)).figure(ASA).cell()
        assert digest.figure(ASA).cell().half_width == pytest.approx(whole.half_width)
    assert seen == [("arrivals", "arrivals squared"), ("arrivals", "arrivals squared", "arrivals by type")]
