"""What contacts bring in the full model: bots in detail, messages, laws by time, the backlog, pools for follow-ups."""

import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from centres import centre, one_type
from chance import close, close_mean

from sim.demand import FOREVER, POOL_ROWS, BotFate, Demand, sample
from sim.scenario import Scenario
from sim.scenario_file import load_text
from sim.workload import handed_to_people, mean_handle_s

MINUTE = {"family": "exponential", "mean": "60 s"}
FIVE = {"family": "deterministic", "value": "300 s"}
LOGNORMAL = {"family": "lognormal", "mean": "300 s", "cv": 0.9}
BOT = {"containment": 0.4, "resolved": 0.75, "give_up": 0.15, "duration": MINUTE}
HARD = {"bot": 0.6, "talk": 0.5}
HOUR = 3_600_000
HANDED = BotFate.HANDED_OFF


def with_bot(per_hour: float = 2000, **bot: Any) -> Scenario:
    difficulty = bot.pop("difficulty", HARD)
    return one_type(arrivals={"per_hour": per_hour}, talk=LOGNORMAL, bot=BOT | bot, difficulty=difficulty)


def share_is(members: Any, truth: float) -> bool:
    """Whether a share of all differs from the truth by chance only (alpha 1e-4)."""
    return close(float(np.mean(members)), truth, math.sqrt(truth * (1 - truth) / len(members)))


# ----------------------------------------------------------------------------------------------------------- the bot


def test_the_misunderstood_and_the_triggered_are_handed_off_and_the_rest_is_as_stated() -> None:
    """Planted once: containment as a share of all."""
    trigger = {"anger": {"share": 0.1}}
    demand = sample(with_bot(recognition=0.5, turn=MINUTE, max_attempts=2, triggers=trigger), 1, 0)
    rest = 0.9 * 0.75
    kept = np.isin(demand.fate, (BotFate.RESOLVED, BotFate.CONTAINED))
    assert share_is(kept, rest * 0.4)
    assert share_is(demand.fate == BotFate.GIVES_UP, rest * 0.15)
    assert share_is(demand.fate == HANDED, 1 - rest * 0.55)


def test_turns_and_failures_take_time() -> None:
    """A first turn, 2.5 others on the mean, and failures in a row: 0.5 + 0.25 of at most two; each of 10 s."""
    turn = {"family": "exponential", "mean": "10 s"}
    bot = {"duration": None, "turns": 3.5, "turn": turn, "recognition": 0.5, "max_attempts": 2}
    assert close_mean(sample(with_bot(**bot), 1, 0).bot_ms / 1000, 10 * (3.5 + 0.75))


def test_a_turn_of_one_length_is_counted_out() -> None:
    turn = {"family": "deterministic", "value": "10 s"}
    found = sample(with_bot(duration=None, turns=2, turn=turn), 1, 0).bot_ms
    assert set((found % 10_000).tolist()) == {0}
    assert found.min() == 10_000


def test_a_trigger_ends_the_session_early_and_changes_talk() -> None:
    anger = {"anger": {"share": 1, "time": 0.2, "talk_factor": 0.5}}
    calm, angry = (sample(with_bot(duration=FIVE, difficulty={}, triggers=found), 1, 0) for found in ({}, anger))
    assert set(angry.bot_ms.tolist()) == {60_000}
    both = (calm.fate == HANDED) & (angry.fate == HANDED)
    assert np.abs(angry.talk_ms[both] - calm.talk_ms[both] * 0.5).max() <= 1


def test_what_the_bot_asked_already_is_saved_of_talk_down_to_nothing() -> None:
    plain, saved = (sample(with_bot(hand_off={"talk_added": by}), 1, 0) for by in (0, "-60 s"))
    handed = plain.fate == HANDED
    assert (np.maximum(plain.talk_ms[handed] - 60_000, 0) == saved.talk_ms[handed]).mean() > 0.999
    assert (plain.talk_ms[~handed] == saved.talk_ms[~handed]).all()


def test_containment_drifts_by_the_hour_of_arrival() -> None:
    demand = sample(with_bot(drift={"00:00": 1, "12:00": 0.5}), 1, 0)
    kept = np.isin(demand.fate, (BotFate.RESOLVED, BotFate.CONTAINED))
    morning = demand.arrival_ms < 12 * HOUR
    assert share_is(kept[morning], 0.4)
    assert share_is(kept[~morning], 0.2)
    assert share_is(demand.fate[~morning] == BotFate.GIVES_UP, 0.15)


def test_drift_upwards_stops_where_all_but_those_who_give_up_are_contained() -> None:
    demand = sample(with_bot(drift={"00:00": 9}), 1, 0)
    assert not (demand.fate == HANDED).any()
    assert share_is(demand.fate == BotFate.GIVES_UP, 0.15)


def test_expected_work_agrees_with_what_is_drawn() -> None:
    """Contacts that ask and their mean talk, with all of the bot's details; alpha 1e-4 each."""
    world = with_bot(
        recognition=0.7,
        turn=MINUTE,
        triggers={"anger": {"share": 0.1, "talk_factor": 0.7}, "money": {"share": 0.05}},
        drift={"00:00": 1, "12:00": 0.6},
        share=0.8,
        hand_off={"talk_factor": 1.2, "talk_added": "20 s"},
    )
    drawn = [sample(world, 3, r) for r in range(5)]
    asking = [np.isin(demand.fate, (BotFate.NO_BOT, HANDED)) for demand in drawn]
    talk = np.concatenate([demand.talk_ms[asks] for demand, asks in zip(drawn, asking, strict=True)]) / 1000
    assert close_mean(talk, float(mean_handle_s(world)[0]))
    expected = handed_to_people(world).sum() * 5
    assert close(sum(asks.sum() for asks in asking), expected, math.sqrt(expected))


def test_talk_was_measured_with_those_whom_the_baseline_bot_passed_over_among_them() -> None:
    """The mean of those passed on is the stated one; give-up 0, for it is no part of the baseline."""
    text = """
horizon: {start: "2026-03-02 00:00", length: 24 h, interval: 30 min}
channels: {phone: {}}
bots: {bot: {}}
contact_types:
  contact:
    channel: phone
    arrivals: {per_hour: 4000}
    talk: {family: lognormal, mean: 300 s, cv: 0.9}
    difficulty: {bot: 0.6, talk: 0.5}
    bot: {containment: 0.5, recognition: 0.6, max_attempts: 2, turn: {family: exponential, mean: 5 s},
          duration: {family: exponential, mean: 60 s}}
agent_groups: {agents: {skills: [contact]}}
"""
    world = load_text(text)
    bot = world.contact_types["contact"].bot
    assert bot is not None
    assert bot.baseline_passed_over == pytest.approx(0.16)
    demand = sample(world, 1, 0)
    assert close_mean(demand.talk_ms[demand.fate == HANDED] / 1000, 300)
    better = load_text(text, ["contact_types.contact.bot.recognition=1"])
    kept = better.contact_types["contact"].bot
    assert kept is not None
    assert kept.baseline_passed_over == pytest.approx(0.16)


# ----------------------------------------------------------------------------------------------------------- patience


def patience(**kind: Any) -> np.ndarray[Any, Any]:
    return sample(one_type(arrivals={"per_hour": 2000}, **kind), 1, 0).patience_ms


def test_a_message_makes_some_leave_and_others_stay() -> None:
    """Exponential patience of 60 s: at 30 s a quarter of the rest leaves, the others wait twice as long from there."""
    plain = patience(patience=MINUTE)
    heard = patience(patience=MINUTE, messages=[{"after": "30 s", "leave": "25 %", "patience_factor": 2}])
    early = plain <= 30_000
    assert (heard[early] == plain[early]).all()
    leaves = heard == 30_000
    assert share_is(leaves[~early], 0.25)
    stays = ~early & ~leaves
    assert np.abs(heard[stays] - (30_000 + 2 * (plain[stays] - 30_000))).max() <= 2


def test_messages_are_heard_in_order_of_time() -> None:
    """Half leave at 1 min, half of the rest at 2 min, the others at 10 min, however they are written."""
    messages = [{"after": "2 min", "leave": 0.5}, {"after": "1 min", "leave": 0.5}]
    found = patience(patience={"family": "deterministic", "value": "10 min"}, messages=messages)
    for moment, share in ((60_000, 0.5), (120_000, 0.25), (600_000, 0.25)):
        assert share_is(found == moment, share)


def test_laws_go_by_the_time_of_arrival_and_leave_the_others_alone() -> None:
    one = {"00:00": MINUTE, "12:00": {"family": "exponential", "mean": "120 s"}}
    two = {"00:00": MINUTE, "12:00": {"family": "deterministic", "value": "5 s"}}
    drawn = [
        sample(one_type(arrivals={"per_hour": 1000}, talk={"by_time": laws}), 1, 0)
        for laws in ({"00:00": MINUTE}, one, two)
    ]
    plain, longer, short = (demand.talk_ms for demand in drawn)
    morning = drawn[0].arrival_ms < 12 * HOUR
    assert (longer[morning] == plain[morning]).all()
    assert (short[morning] == plain[morning]).all()
    assert np.abs(longer[~morning] - 2 * plain[~morning]).max() <= 1
    assert set(short[~morning].tolist()) == {5000}
    world = one_type(arrivals={"per_hour": {"00:00": 100, "12:00": 300}}, talk={"by_time": one})
    assert mean_handle_s(world)[0] == pytest.approx((60 * 100 + 120 * 300) / 400)


# ------------------------------------------------------------------------------------------------------------ backlog

BACKLOG = {"mails": {"number": 40, "age": {"family": "uniform", "low": "1 h", "high": "10 h"}}}
TWO = {"calls": {"arrivals": {"per_hour": 60}}, "mails": {"arrivals": {"per_hour": 30}, "talk": LOGNORMAL, "bot": BOT}}


def test_a_backlog_came_before_the_start_and_past_the_bot() -> None:
    demand = sample(centre(TWO, backlog=BACKLOG), 1, 0)
    old = demand.arrival_ms < 0
    assert old.sum() == 40
    assert set(demand.type[old].tolist()) == {1}
    assert -10 * HOUR <= demand.arrival_ms[0] <= demand.arrival_ms[39] <= -HOUR
    assert set(demand.fate[old].tolist()) == {BotFate.NO_BOT}
    assert (np.diff(demand.arrival_ms) >= 0).all()


def test_a_backlog_leaves_all_others_as_they_were() -> None:
    """Their draws and the keys of their decisions. Planted once: ordinals that count those carried in."""
    without, carrying = sample(centre(TWO), 1, 0), sample(centre(TWO, backlog=BACKLOG), 1, 0)
    for name in ("arrival_ms", "type", "talk_ms", "fate", "bot_ms", "patience_ms", "key"):
        assert (getattr(carrying, name)[40:] == getattr(without, name)).all(), name
    assert len(set(carrying.key.tolist())) == len(carrying)


def test_the_youngest_of_a_backlog_came_a_millisecond_ago() -> None:
    old = {"calls": {"number": 2, "age": {"family": "deterministic", "value": 0}}}
    assert sample(centre(TWO, backlog=old), 1, 0).arrival_ms[:2].tolist() == [-1, -1]


# -------------------------------------------------------------------------------------------------------------- pools

REDIAL = {"on": "abandoned", "delay": MINUTE}


def pooled(**mails: Any) -> Demand:
    kinds = TWO | {"mails": TWO["mails"] | mails, "rare": {"talk": LOGNORMAL, "patience": MINUTE}}
    follow_ups = {"redial": REDIAL, "at_once": {"on": "answered", "to": "rare"}}
    return sample(centre({**kinds, "calls": TWO["calls"] | {"follow_ups": follow_ups}}), 1, 0)


def test_without_follow_ups_there_are_no_pools() -> None:
    assert sample(centre(TWO), 1, 0).pools is None


def test_pools_are_drawn_for_types_that_follow_ups_lead_to() -> None:
    """Calls lead to calls and to rare ones, of which none comes by itself."""
    pools = pooled().pools
    assert pools is not None
    assert POOL_ROWS & (POOL_ROWS - 1) == 0
    for field in fields(pools):
        assert getattr(pools, field.name).shape == (2 if field.name == "delay_ms" else 3, POOL_ROWS)
    calls, mails, rare = range(3)
    assert close_mean(pools.talk_ms[rare] / 1000, 300)
    assert close_mean(pools.patience_ms[rare] / 1000, 60)
    assert set(pools.talk_ms[mails].tolist()) == {0}
    assert set(pools.patience_ms[calls].tolist()) == {FOREVER}
    assert close_mean(pools.delay_ms[0] / 1000, 60)
    assert set(pools.delay_ms[1].tolist()) == {0}


def test_pools_are_others_than_the_contacts_themselves_and_leave_them_alone() -> None:
    kinds = {"a": {"arrivals": {"per_hour": 100}, "talk": LOGNORMAL}}
    rule = {"follow_ups": {"redial": REDIAL}}
    plain, pooled = sample(centre(kinds), 1, 0), sample(centre({"a": kinds["a"] | rule}), 1, 0)
    assert plain.talk_ms.tolist() == pooled.talk_ms.tolist()
    assert pooled.pools is not None
    assert not set(pooled.talk_ms.tolist()[:500]) & set(pooled.pools.talk_ms[0].tolist()[:20])


def test_a_rule_more_leaves_the_draws_of_the_others_alone() -> None:
    rules = {"redial": REDIAL, "again": {"on": "blocked", "delay": LOGNORMAL}}
    few, more = (
        sample(centre({"a": {"talk": LOGNORMAL, "follow_ups": {name: rules[name] for name in names}}}), 1, 0).pools
        for names in (["again"], ["redial", "again"])
    )
    assert few is not None
    assert more is not None
    assert few.delay_ms[0].tolist() == more.delay_ms[1].tolist()
    assert few.talk_ms.tolist() == more.talk_ms.tolist()


def test_pools_hold_contacts_of_the_usual_times() -> None:
    """Two thirds of the arrivals after noon, where talk takes 5 min and not 1."""
    talk = {"by_time": {"00:00": {"family": "deterministic", "value": "1 min"}, "12:00": FIVE}}
    kind = {"arrivals": {"per_hour": {"00:00": 10, "12:00": 20}}, "talk": talk, "follow_ups": {"redial": REDIAL}}
    pools = sample(centre({"a": kind}), 1, 0).pools
    assert pools is not None
    assert share_is(pools.talk_ms[0] == 300_000, 2 / 3)
