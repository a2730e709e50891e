"""How much work the work is: factors on loads, learnt from simulated plans."""

from dataclasses import replace

import numpy as np
import pytest
from test_search import searching, two_skills

from planner import propose as proposing
from planner.efforts import FASTER, FIRST, LEAST, MOST, SLOWER, Efforts
from planner.search import Candidate


def half_asleep(**more):
    """Two skills whose agents are half as quick as formulas know, who reckon with a group's speed, not with fatigue."""
    slow = {"fatigue": {"per_hour": 0.9, "most": 0.5}, **more}
    scenario = two_skills()
    groups = {name: {**group.model_dump(mode="json"), **slow} for name, group in scenario.agent_groups.items()}
    return two_skills(agent_groups=groups)


def test_a_factor_moves_by_steps_that_grow_until_they_turn():
    efforts = Efforts(searching(two_skills()))
    short, plenty = (efforts.search.evaluate(np.full(5 * 3, number)) for number in (0, 9))
    for found in (short, short, plenty):
        efforts.learn(found)
    for log, step in zip(efforts.log, efforts.step, strict=True):
        assert log == pytest.approx([FIRST + FIRST * FASTER - FIRST * FASTER * SLOWER])
        assert step == pytest.approx([FIRST * FASTER * SLOWER])
    for _ in range(20):
        efforts.learn(short)
    assert max(step.max() for step in efforts.step) == MOST


def test_a_type_takes_the_largest_factor_of_its_targets():
    targets = [{"contact_types": ["a"], "at_least": 0.8}, {"measure": "abandonment", "at_most": 0.1, "per": "interval"}]
    efforts = Efforts(searching(two_skills(targets=targets)))
    efforts.log = [np.array([0.5]), np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])]
    a, b = np.log(efforts.factors()).T
    assert a == pytest.approx([0.5, 0.5, 0.5, 0.5, 0.6, 0.7, 0.8, 0.9])
    assert b == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])


def with_chats(**more):
    """Two skills of which b are chats, two at a time at 80 % of the speed."""
    plain = two_skills().model_dump(mode="json")
    kinds = {"a": plain["contact_types"]["a"], "b": {**plain["contact_types"]["b"], "channel": "chat"}}
    own = {"slots": 2, "pace": [1.0, 0.8], **more}
    groups = {name: {**group, **own} for name, group in plain["agent_groups"].items()}
    return two_skills(channels={"phone": {}, "chat": {"slots": 1}}, contact_types=kinds, agent_groups=groups)


def test_chats_side_by_side_begin_with_their_share_of_an_agent():
    assert Efforts(searching(with_chats())).factors() == pytest.approx(np.tile([1.0, 1 / 1.6], (8, 1)))


def test_rounds_find_what_formulas_do_not_know():
    """Agents work at half their speed after an hour: the first plan lacks a lot, the last one holds."""
    search = searching(half_asleep())
    efforts, lacking = Efforts(search), list[Candidate]()
    learn = efforts.learn
    efforts.learn = lambda found: (lacking.append(found), learn(found))[1]
    efforts.run()
    assert lacking[0].shortfall > 0.2
    assert search.best is not None
    assert search.best.holds
    assert 1.3 < efforts.factors().mean() < 3.0
    holding = [found.worth[0] for found in lacking if found.holds]
    assert search.best.worth[0] == min(holding)


def test_rounds_end_when_all_is_settled():
    search = searching(two_skills())
    efforts = Efforts(search)
    efforts.step = [np.full(1, LEAST / 4)] * 2
    held = [replace(one, value=np.ones(1)) for one in search.evaluate(np.full(15, 9)).scores]
    assert search.judged(np.full(15, 9), tuple(held)).holds
    search.covered = lambda _rows: search.judged(np.full(15, 9), tuple(held))
    rounds = []
    learn = efforts.learn
    efforts.learn = lambda found: (rounds.append(found), learn(found))[1]
    efforts.run()
    assert len(rounds) == 1


def test_only_a_very_large_desk_with_several_groups_and_chats_begins_so(monkeypatch):
    began = []
    monkeypatch.setattr(proposing.Efforts, "run", lambda self: began.append(self) or self.search.run())
    settings = {"days": 16, "certify_replications": 20, "work_limit": 400, "bound": False, "beside": ()}
    proposing.propose(with_chats(spread=0.1), **settings)
    monkeypatch.setattr(proposing, "MANY_IN_A_DAY", 100)
    proposing.propose(with_chats(), **settings)  # all alike: columns say more
    proposing.propose(half_asleep(spread=0.1), **settings)  # one contact at a time
    assert not began
    proposing.propose(with_chats(spread=0.1), **settings)
    assert began
