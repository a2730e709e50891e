"""Effects of single agents: what noise there is in them is known from the days, and taken out."""

import numpy as np
import pytest
from test_search import searching, two_skills

from planner.effects import Seen, _kin, believed, differences, drawn, runs_for, simulated
from sim.experiment import Tape


def drawn_from(truth, noise, seed=1):
    """Figures with noise, all of one kind, and what is believed of them."""
    truth = np.asarray(truth, dtype=float)
    seen = truth + np.random.default_rng(seed).normal(0, noise, len(truth))
    size, kin = np.ones(len(truth)), np.zeros(len(truth), dtype=np.int64)
    return seen, drawn(seen, np.full(len(truth), noise**2), size, kin)


def test_figures_that_differ_by_noise_alone_become_nearly_one():
    seen, found = drawn_from(np.full(200, 5.0), 2.0)
    assert np.abs(found - 5.0).max() < 0.3 * np.abs(seen - 5.0).max()
    assert found.mean() == pytest.approx(seen.mean())


def test_figures_that_differ_by_much_more_than_noise_stay_as_they_are():
    seen, found = drawn_from(np.linspace(0, 100, 50), 0.5)
    assert np.abs(found - seen).max() < 0.1


def test_what_is_believed_is_nearer_to_the_truth_and_its_highest_are_not_the_luckiest():
    truth = np.random.default_rng(7).normal(10, 2, 400)
    seen, found = drawn_from(truth, 4.0)
    assert ((found - truth) ** 2).mean() < 0.4 * ((seen - truth) ** 2).mean()
    top = np.argsort(-seen)[:20]
    luck = (seen - truth)[top].mean()
    assert luck > 3
    assert abs((found - truth)[top].mean()) < luck / 2


def test_what_fewer_agents_showed_is_noisier_and_drawn_further():
    mean, variance = np.array([8.0, 12.0, 8.0, 12.0]), np.array([4.0, 4.0, 0.04, 0.04])
    found = drawn(mean, variance, np.array([1.0, 1.0, 10.0, 10.0]), np.zeros(4, dtype=np.int64))
    moved = np.abs(found - mean)
    assert moved[:2].min() > 2 * moved[2:].max()


def test_one_day_tells_nothing_of_noise_and_is_believed_as_it_is():
    total = np.arange(6.0).reshape(1, 2, 3)
    seen = Seen(total=total, squares=total**2, agents=np.ones((2, 3)), days=1)
    assert (seen.believed(np.zeros((1, 3), dtype=np.int64)) == total).all()


def test_blocks_are_compared_inside_long_windows_and_across_short_ones():
    block = np.arange(16) // 2
    long = _kin(np.arange(16) // 8, block)  # two windows of four blocks
    assert long[0].tolist() == [0, 0, 0, 0, -1, -1, -1, -1]
    assert long[1].tolist() == [-1, -1, 4, 3, 1, 1, 1, 1]  # spill-over of the two blocks before is like itself only
    short = _kin(np.arange(16) // 2, block)
    assert short[3].tolist() == [-1, 10, 9, 8, -1, -1, -1, -1]


def test_effects_have_the_sign_of_help_and_cost_the_runs_that_are_told():
    search = searching(two_skills())
    supply = search.problem.table.supply(np.tile([3, 0, 0, 0, 3], 3))
    effects = simulated(search, supply, search.tape)
    assert search.simulated == runs_for(3) * search.tape.days
    for one in effects:
        assert (one.gain >= 0).all()
        assert (one.loss >= one.gain).all()


def test_pieces_of_a_tape_together_tell_what_the_whole_tells():
    search = searching(two_skills(), days=16)
    supply = search.problem.table.supply(np.tile([3, 0, 0, 0, 3], 3))
    scenario = search.problem.scenario
    pieces = [differences(search, supply, Tape(scenario, 1, first, 8, engine="compiled")) for first in (0, 8)]
    together, whole = believed(search.problem, pieces), simulated(search, supply, search.tape)
    for one, other in zip(together, whole, strict=True):
        assert one.gain.sum() == pytest.approx(other.gain.sum(), rel=0.1)
