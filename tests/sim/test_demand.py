"""What contacts bring with them: streams by name, the bot's fates, difficulty, talk, patience, traces."""

import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from centres import centre, one_type
from chance import close, close_mean

from sim.demand import FOREVER, LONGEST_MS, BotFate, Demand, sample
from sim.scenario import Difficulty, Scenario
from sim.workload import expected_counts, handed_to_people, hardness, mean_handle_s, workload

EXPONENTIAL = {"family": "exponential", "mean": "300 s"}
LOGNORMAL = {"family": "lognormal", "mean": "300 s", "cv": 0.9}
BOT = {"containment": 0.4, "resolved": 0.75, "give_up": 0.15, "duration": {"family": "exponential", "mean": "60 s"}}
HARD = {"bot": 0.6, "talk": 0.5}


def days(world: Scenario, number: int = 5) -> Demand:
    """Some replications in one, column after column."""
    drawn = [sample(world, 11, r) for r in range(number)]
    names = [field.name for field in fields(Demand)[3:-2]]
    columns = {name: np.concatenate([getattr(demand, name) for demand in drawn]) for name in names}
    return Demand(types=drawn[0].types, seed=11, replication=-1, **columns)


def columns_of(demand: Demand, contact_type: str) -> dict[str, list[Any]]:
    """All columns of one type's contacts, but its number."""
    mine = demand.type == demand.types.index(contact_type)
    return {field.name: getattr(demand, field.name)[mine].tolist() for field in fields(Demand)[4:-2]}


def with_bot(**changes: Any) -> Scenario:
    difficulty = changes.pop("difficulty", HARD)
    return one_type(arrivals={"per_hour": 2000}, talk=LOGNORMAL, bot=BOT | changes, difficulty=difficulty)


def share(members: np.ndarray[Any, Any], truth: float) -> bool:
    """Whether a share of all differs from the truth by chance only (alpha 1e-4)."""
    return close(float(np.mean(members)), truth, math.sqrt(truth * (1 - truth) / len(members)))


# ------------------------------------------------------------------------------------------------------------- streams

ADVICE = {"arrivals": {"per_hour": 60}, "bot": BOT, "difficulty": HARD, "talk": LOGNORMAL, "gives_up_at_once": 0.1}
RETURNS = {"arrivals": {"per_hour": 40}, "patience": EXPONENTIAL, "after_contact_work": LOGNORMAL}


def test_the_same_seed_and_replication_are_the_same_customers() -> None:
    world = centre({"advice": ADVICE, "returns": RETURNS})
    again = centre({"advice": ADVICE, "returns": RETURNS})
    assert columns_of(sample(world, 1, 7), "advice") == columns_of(sample(again, 1, 7), "advice")


@pytest.mark.parametrize(("seed", "replication"), [(1, 8), (2, 7)])
def test_another_seed_or_replication_are_others(seed: int, replication: int) -> None:
    world = centre({"advice": ADVICE})
    here, there = (columns_of(sample(world, *key), "advice") for key in ((1, 7), (seed, replication)))
    for quantity in ("arrival_ms", "talk_ms", "bot_ms"):
        assert not set(here[quantity][:20]) & set(there[quantity][:20])


def test_adding_a_type_leaves_the_others_alone() -> None:
    """Planted once: the type's position in place of the CRC-32 of its name."""
    alone, both = centre({"advice": ADVICE}), centre({"returns": RETURNS, "advice": ADVICE})
    assert columns_of(sample(both, 3, 0), "advice") == columns_of(sample(alone, 3, 0), "advice")


def test_types_and_quantities_are_independent() -> None:
    """Correlations of 14,400 contacts, alpha 1e-4. Planted once: patience and talk from one stream."""
    kind = {"arrivals": {"per_hour": 600, "law": "fixed"}, "talk": EXPONENTIAL, "patience": EXPONENTIAL}
    demand = sample(centre({"a": kind, "b": kind}), 1, 0)
    a, b = (columns_of(demand, name) for name in "ab")
    for x, y in ((a["talk_ms"], a["patience_ms"]), (a["talk_ms"], b["talk_ms"]), (a["talk_ms"][1:], a["talk_ms"][:-1])):
        assert close(float(np.corrcoef(x, y)[0, 1]), 0, 1 / math.sqrt(len(x)))


def test_contacts_come_by_arrival_then_type_then_ordinal() -> None:
    """Planted once: a sort that is not stable."""
    rows = [{"contact_type": "ab"[i % 2], "arrival": f"{5 - i % 3} s", "talk": f"{i} s"} for i in range(60)]
    demand = sample(centre({"a": {}, "b": {}}, trace=rows), 1, 0)
    order = sorted(range(60), key=lambda i: (5 - i % 3, i % 2, i))
    assert demand.talk_ms.tolist() == [1000 * i for i in order]
    assert demand.type.tolist() == [i % 2 for i in order]


# --------------------------------------------------------------------------------------------------------- the bot


@pytest.mark.parametrize("difficulty", [{}, HARD, {"bot": 0.9, "talk": 1.0}])
def test_the_bot_s_fates_have_exactly_the_stated_shares(difficulty: dict[str, float]) -> None:
    """Alpha 1e-4 each. Planted once: (1 - a^2) E in place of its root; give-up as a share of those not contained."""
    fate = days(with_bot(difficulty=difficulty, share=0.8)).fate
    entered = fate[fate != BotFate.NO_BOT]
    assert share(fate != BotFate.NO_BOT, 0.8)
    assert share((entered == BotFate.RESOLVED) | (entered == BotFate.CONTAINED), 0.4)
    assert share(entered == BotFate.RESOLVED, 0.4 * 0.75)
    assert share(entered == BotFate.GIVES_UP, 0.15)


@pytest.mark.parametrize(
    ("changes", "fates"),
    [
        ({"containment": 1, "give_up": 0, "resolved": 1}, {BotFate.RESOLVED}),
        ({"containment": 0, "give_up": 0}, {BotFate.HANDED_OFF}),
        ({"containment": 0.5, "give_up": 0.5, "resolved": 0}, {BotFate.CONTAINED, BotFate.GIVES_UP}),
        ({"share": 0}, {BotFate.NO_BOT}),
    ],
)
def test_shares_of_0_and_1_are_meant_literally(changes: dict[str, float], fates: set[BotFate]) -> None:
    assert set(sample(with_bot(**changes), 1, 0).fate.tolist()) == fates


def test_a_better_bot_contains_all_that_a_worse_one_did() -> None:
    worse, better = (sample(with_bot(containment=c, baseline_containment=0.4), 1, 0) for c in (0.4, 0.6))
    kept = (BotFate.RESOLVED, BotFate.CONTAINED)
    assert worse.arrival_ms.tolist() == better.arrival_ms.tolist()
    assert not (np.isin(worse.fate, kept) & ~np.isin(better.fate, kept)).any()
    assert np.isin(better.fate, kept).sum() > np.isin(worse.fate, kept).sum()
    still = (worse.fate == BotFate.HANDED_OFF) & (better.fate == BotFate.HANDED_OFF)
    assert worse.talk_ms[still].tolist() == better.talk_ms[still].tolist()


def test_time_in_the_bot_and_the_hand_off_belong_to_those_who_have_them() -> None:
    demand = sample(with_bot(share=0.5, hand_off={"delay": {"family": "deterministic", "value": "7 s"}}), 1, 0)
    assert ((demand.bot_ms > 0) == (demand.fate != BotFate.NO_BOT)).all()
    assert ((demand.hand_off_ms == 7000) == (demand.fate == BotFate.HANDED_OFF)).all()
    assert ((demand.hand_off_ms == 0) == (demand.fate != BotFate.HANDED_OFF)).all()


def test_the_hand_off_lengthens_talk() -> None:
    plain, longer = (sample(with_bot(hand_off={"talk_factor": f}), 1, 0) for f in (1, 1.5))
    handed = plain.fate == BotFate.HANDED_OFF
    assert np.abs(longer.talk_ms[handed] - 1.5 * plain.talk_ms[handed]).max() <= 1.5
    assert (longer.talk_ms[~handed] == plain.talk_ms[~handed]).all()


def test_an_event_moves_the_bot_s_share() -> None:
    """Alpha 1e-4: 2,000 contacts in the hour of the plateau."""
    sale = {"start": "2026-03-02 10:00", "plateau": "60 min", "bot_share": 0.9, "talk_factor": 0.5}
    kind = {"arrivals": {"per_hour": 2000}, "bot": BOT | {"share": 0.3}, "talk": EXPONENTIAL}
    world = centre({"contact": kind}, events={"sale": sale})
    calm = centre({"contact": kind})
    demand = sample(world, 1, 0)
    hour = demand.arrival_ms // 3_600_000 == 10
    assert share(demand.fate[hour] != BotFate.NO_BOT, 0.9)
    assert share(demand.fate[~hour] != BotFate.NO_BOT, 0.3)
    ratio = demand.talk_ms / sample(calm, 1, 0).talk_ms
    assert ratio[hour] == pytest.approx(0.5, abs=0.01)
    assert (ratio[~hour] == 1).all()


# ---------------------------------------------------------------------------------------------------------- difficulty


@pytest.mark.parametrize("containment", [0.0, 0.2, 0.5, 0.8, 0.95])
@pytest.mark.parametrize(("a", "b"), [(0.3, 0.4), (0.6, 0.5), (0.9, 1.2)])
def test_hardness_is_the_integral_over_difficulty(a: float, b: float, containment: float) -> None:
    """By the midpoint rule over Z: exp(bZ - b^2/2) times the chance of not being contained, given Z."""
    from scipy.special import ndtr, ndtri

    z = np.linspace(-12, 12, 48_001)[:-1] + 0.00025
    passed = 1 - ndtr((ndtri(containment) - a * z) / math.sqrt(1 - a**2))
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * 0.0005
    integral = (density * passed * np.exp(b * z - b**2 / 2)).sum() / (density * passed).sum()
    assert hardness(Difficulty(bot=a, talk=b), containment) == pytest.approx(integral, rel=1e-9)


def test_those_whom_the_baseline_bot_passes_on_have_the_stated_mean() -> None:
    """Student, alpha 1e-4; the mean of all is 19 % lower. Planted once: base 1; b^2 in place of b^2/2."""
    world = with_bot()
    demand = days(world)
    handed = demand.fate == BotFate.HANDED_OFF
    assert close_mean(demand.talk_ms[handed] / 1000, 300)
    assert close_mean(demand.talk_ms / 1000, 300 / hardness(Difficulty(**HARD), 0.4))
    assert hardness(Difficulty(**HARD), 0.4) > 1.15


def test_measured_all_means_the_mean_of_all() -> None:
    """Student, alpha 1e-4."""
    demand = days(with_bot(difficulty=HARD | {"measured": "all"}))
    assert close_mean(demand.talk_ms / 1000, 300)


def test_what_a_better_bot_leaves_over_is_harder() -> None:
    """Student, alpha 1e-4: the base stays that of the baseline."""
    demand = days(with_bot(containment=0.7, baseline_containment=0.4))
    truth = 300 * hardness(Difficulty(**HARD), 0.7) / hardness(Difficulty(**HARD), 0.4)
    assert close_mean(demand.talk_ms[demand.fate == BotFate.HANDED_OFF] / 1000, truth)
    assert truth > 320


# ----------------------------------------------------------------------------------------------- patience and durations


def test_without_patience_nobody_hangs_up() -> None:
    demand = sample(one_type(), 1, 0)
    assert (demand.patience_ms == FOREVER).all()
    assert not demand.leaves_at_once.any()
    assert (demand.after_ms == 0).all()
    assert (demand.bot_ms == 0).all()


def test_patience_at_once_and_after_contact_work_follow_their_laws() -> None:
    """Alpha 1e-4 each."""
    demand = days(one_type(patience=EXPONENTIAL, gives_up_at_once=0.1, after_contact_work=EXPONENTIAL))
    assert close_mean(demand.patience_ms / 1000, 300)
    assert close_mean(demand.after_ms / 1000, 300)
    assert share(demand.leaves_at_once, 0.1)


@pytest.mark.parametrize(
    ("value", "ms"), [("0 s", 0), ("0.0001 s", 1), ("0.0014 s", 1), ("0.0015 s", 2), ("100 d", LONGEST_MS)]
)
def test_durations_are_whole_milliseconds(value: str, ms: int) -> None:
    law = {"family": "deterministic", "value": value}
    demand = sample(one_type(talk=law, patience=law), 1, 0)
    assert set(demand.talk_ms.tolist()) == {ms}
    assert set(demand.patience_ms.tolist()) == {ms}


def test_drawn_durations_are_rounded_the_same_way() -> None:
    law = {"family": "empirical", "values": [0, 0.0001, 0.0014, 0.0015, 1e9]}
    assert set(sample(one_type(talk=law), 1, 0).talk_ms.tolist()) == {0, 1, 2, LONGEST_MS}


# --------------------------------------------------------------------------------------------------------------- trace

ROWS = [
    {"contact_type": "call", "arrival": "60 s", "talk": "30 s", "patience": "5 s"},
    {"contact_type": "call", "arrival": "10 s"},
    {"contact_type": "chat", "arrival": "10 s", "talk": "0 s"},
]


def test_a_trace_is_replayed() -> None:
    demand = sample(centre({"chat": {}, "call": {}}, trace=ROWS), 1, 0)
    assert demand.arrival_ms.tolist() == [10_000, 10_000, 60_000]
    assert demand.type.tolist() == [0, 1, 1]
    assert demand.talk_ms.tolist() == [0, 1000, 30_000]
    assert demand.patience_ms.tolist() == [FOREVER, FOREVER, 5000]


def test_what_a_trace_leaves_open_is_drawn_anew_in_each_replication() -> None:
    kinds = {"call": {"talk": EXPONENTIAL, "patience": EXPONENTIAL, "gives_up_at_once": 1}, "chat": {}}
    world = centre(kinds, trace=ROWS)
    first, second = (columns_of(sample(world, 1, r), "call") for r in (0, 1))
    assert first["talk_ms"][0] != second["talk_ms"][0]
    assert first["talk_ms"][1] == second["talk_ms"][1] == 30_000
    assert first["patience_ms"][0] != second["patience_ms"][0]
    assert first["leaves_at_once"] == [True, False]


def test_a_trace_meets_the_bot_too() -> None:
    world = centre({"call": {"bot": BOT | {"containment": 1, "give_up": 0}}, "chat": {}}, trace=ROWS)
    fates = {fate for r in range(20) for fate in columns_of(sample(world, 1, r), "call")["fate"]}
    assert fates == {BotFate.RESOLVED, BotFate.CONTAINED}


def test_a_type_in_the_trace_does_not_arrive_by_its_rates_as_well() -> None:
    kinds = {name: {"arrivals": {"per_hour": 60}} for name in ("call", "mail", "chat")}
    world = centre(kinds, trace=ROWS)
    demand = sample(world, 1, 0)
    assert np.bincount(demand.type)[[0, 2]].tolist() == [2, 1]
    assert columns_of(demand, "mail") == columns_of(sample(centre(kinds), 1, 0), "mail")
    assert expected_counts(world).sum(axis=0) == pytest.approx([2, 24 * 60, 1])


def test_a_trace_is_not_made_busier() -> None:
    world = centre({"call": {}, "chat": {}}, trace=ROWS, busyness={"cv": 1})
    assert {len(sample(world, 1, r)) for r in range(20)} == {3}


# ------------------------------------------------------------------------------------------------------------- workload


def test_the_workload_is_what_is_drawn() -> None:
    """Student, alpha 1e-4 each: counts by half-hour of those who ask for a person, and their handle time.

    Planted once: give-up forgotten in `handed_to_people`; hardness forgotten in `mean_handle_s`.
    """
    sale = {"start": "2026-03-02 10:00", "onset": "30 min", "plateau": "90 min", "decay": "2 h", "peak_factor": 3,
            "bot_share": 0.9, "talk_factor": 0.8}  # fmt: skip
    bot = BOT | {"share": 0.5, "hand_off": {"talk_factor": 1.2}, "baseline_containment": 0.2}
    kind = {"arrivals": {"per_hour": 200}, "bot": bot, "difficulty": HARD, "talk": LOGNORMAL}
    world = centre({"contact": kind | {"after_contact_work": EXPONENTIAL}}, events={"sale": sale})
    asking, handle_s = np.zeros((40, 48)), []
    for r in range(40):
        demand = sample(world, 2, r)
        person = np.isin(demand.fate, (BotFate.NO_BOT, BotFate.HANDED_OFF))
        asking[r] = np.bincount(demand.arrival_ms[person] // 1_800_000, minlength=48)
        handle_s.append((demand.talk_ms + demand.after_ms)[person].mean() / 1000)
    work = workload(world)
    assert all(close_mean(asking[:, i], work.asking[i, 0]) for i in range(48))
    assert close_mean(asking.sum(axis=1), handed_to_people(world).sum())
    assert close_mean(handle_s, float(mean_handle_s(world)[0]))


def test_the_workload_of_a_trace_is_that_of_its_lines() -> None:
    work = workload(centre({"call": {"talk": EXPONENTIAL}, "chat": {}}, trace=ROWS))
    assert work.expected[0].tolist() == [2, 1]
    assert work.handle_s.tolist() == [165, 0]


def test_nobody_to_expect_is_no_error() -> None:
    work = workload(centre({"silent": {"talk": EXPONENTIAL, "bot": BOT | {"containment": 1, "give_up": 0}}}))
    assert work.asking.sum() == 0
    assert work.handle_s.tolist() == [300]


def test_a_bot_that_is_taken_away_leaves_the_talk_as_it_was_measured(tmp_path) -> None:
    """The same askers talk as long behind a bot that contains nobody as without any bot."""
    from sim.scenario_file import load
    from sim.workload import talk_base

    path = tmp_path / "desk.yaml"
    path.write_text(
        """
horizon: {start: "2026-03-02 00:00", length: 1 h, interval: 60 min}
channels: {phone: {}}
bots: {bot: {}}
contact_types:
  calls:
    channel: phone
    arrivals: {per_hour: 10}
    difficulty: {bot: 0.7, talk: 0.8}
    bot: {containment: 50 %, duration: {family: deterministic, value: 10 s}}
    talk: {family: exponential, mean: 300 s}
agent_groups: {agents: {skills: [calls]}}
""",
        encoding="utf-8",
    )
    bases = [
        talk_base(load(path, sets=[change]).contact_types["calls"])
        for change in ("name=same", "contact_types.calls.bot.containment=0", "contact_types.calls.bot=null")
    ]
    assert bases[0] < 0.8
    assert bases[1:] == bases[:1] * 2


def test_a_bot_session_lasts_at_least_a_millisecond() -> None:
    """So that whoever is handed off asks after arriving, and counts as handed off."""
    bot = {"duration": {"family": "deterministic", "value": 0}, "containment": 0.5}
    drawn = sample(one_type(arrivals={"per_hour": 500}, bot=bot), 1, 0)
    assert (drawn.bot_ms == 1).all()
