"""What a scenario switches on, as the tables that engines read."""

from typing import Any

import pytest
from centres import centre

from sim.mechanisms import ALWAYS, NOT_EVER, Ending, Predictor, Siblings, word
from sim.outcome import Status
from sim.routing import rules
from sim.scenario import Scenario
from sim.scenario_file import load
from sim.switchboard import NO_LIMIT, learned, mechanisms

EXPONENTIAL = {"family": "exponential", "mean": "60 s"}


def desk(orders: dict[str, Any] | None = None, **parts: Any) -> Scenario:
    return centre({"orders": orders or {}, "returns": {}}, **parts)


@pytest.mark.parametrize("name", ["one-queue", "anonymous-bank"])
def test_plain_desks_switch_nothing_on(name: str) -> None:
    assert rules(load(name)).is_plain


# ------------------------------------------------------------------------------------------------------------ agents

CHANNELS = {"phone": {}, "chat": {"slots": 1}, "mail": {"slots": 2, "deferred": True}}
KINDS = {"calls": {}, "chats": {"channel": "chat"}, "mails": {"channel": "mail"}}


def slotted(**kinds: Any) -> Scenario:
    groups = {
        "voice": {"skills": ["calls"]},
        "blend": {"skills": ["calls", "chats", "mails"], "slots": 4, "pace": [1, "80 %", 0.5], "hold_for_voice": True},
    }
    return centre(
        {name: kind | kinds.get(name, {}) for name, kind in KINDS.items()}, channels=CHANNELS, agent_groups=groups
    )


def test_a_contact_takes_all_slots_or_as_many_as_its_channel_says() -> None:
    slots = mechanisms(slotted()).slots
    assert slots is not None
    assert slots.capacity.tolist() == [1, 4]
    assert slots.need.tolist() == [[1, 4], [1, 1], [1, 2]]
    assert slots.holds.tolist() == [False, True]


def test_interruptible_work_takes_all_slots() -> None:
    found = mechanisms(slotted(mails={"interruptible": True}))
    assert found.slots is not None
    assert found.slots.need.tolist()[2] == [1, 4]
    assert found.deferral is not None
    assert found.deferral.deferred.tolist() == found.deferral.interruptible.tolist() == [False, False, True]


def test_the_last_pace_holds_on() -> None:
    slots = mechanisms(slotted()).slots
    assert slots is not None
    assert slots.rate.tolist() == [[1000] * 5, [1000, 1000, 800, 500, 500]]


def test_fatigue_and_switching_count_in_thousandths_and_milliseconds() -> None:
    groups = {
        "a": {"skills": ["orders", "returns"], "fatigue": {"per_hour": "3 %", "most": "20 %", "recovery": 2}},
        "b": {"skills": ["orders"], "switching": "5 s"},
    }
    strain = mechanisms(desk(channels={"x": {}, "phone": {}}, agent_groups=groups)).strain
    assert strain is not None
    assert (strain.per_hour.tolist(), strain.most.tolist(), strain.recovery.tolist()) == ([30, 0], [200, 0], [2, 0])
    assert strain.switch_ms.tolist() == [0, 5000]
    assert strain.channel_of.tolist() == [1, 1]


def test_a_skill_s_resolution_goes_before_the_type_s() -> None:
    groups = {"a": {"skills": ["orders", "returns"]}, "b": {"skills": {"orders": {"resolution": "50 %"}, "returns": 1}}}
    words = mechanisms(desk({"resolution": 0.8}, agent_groups=groups)).resolved_word
    assert words is not None
    assert words.tolist() == [[word(0.8), ALWAYS // 2], [ALWAYS, ALWAYS]]


def test_tenure_takes_from_resolution_what_its_curve_says_on_the_mean() -> None:
    """Tenure uniform over 0 to 100 days, curve from 0.5 to 1 in 50 days: mean (0.75 + 1) / 2."""
    tenure = {
        "served": {"family": "uniform", "low": "0 d", "high": "100 d"},
        "resolution": {"0 d": 0.5, "50 d": 1},
    }
    scenario = desk(agent_groups={"a": {"skills": ["orders", "returns"], "tenure": tenure}})
    assert learned(scenario.agent_groups["a"], "resolution") == pytest.approx(0.875, rel=1e-9)
    assert learned(scenario.agent_groups["a"], "speed") == 1


# ---------------------------------------------------------------------------------------------------------- contacts


def test_lines_and_places_are_pools_by_channel() -> None:
    channels = {"phone": {"lines": 15}, "chat": {"waiting_places": 0}, "mail": {"deferred": True}}
    lines = mechanisms(centre(KINDS, channels=channels)).lines
    assert lines is not None
    assert (lines.line_of.tolist(), lines.lines.tolist()) == ([0, -1, -1], [15])
    assert (lines.place_of.tolist(), lines.places.tolist()) == ([-1, 0, -1], [0])


def test_offers_in_milliseconds() -> None:
    kind = {
        "talk": {"family": "deterministic", "value": "300 s"},
        "announcement": "model",
        "balking": [{"wait": "2 min", "share": 0.5}, {"wait": "30 s", "share": "25 %"}],
        "call_back": {"wait": "90 s", "accepted": 1, "promise": "10 min", "answered": 0},
    }
    offers = mechanisms(desk(kind)).offers
    assert offers is not None
    assert offers.predictor.tolist() == [Predictor.MODEL, Predictor.NONE]
    assert offers.handle_ms.tolist() == [300_000, 1000]
    assert offers.balk_at.tolist() == [[30_000, 120_000], [NOT_EVER, NOT_EVER]]
    assert offers.balk_word.tolist() == [[ALWAYS // 4, ALWAYS // 2], [0, 0]]
    assert offers.offer_at.tolist() == [90_000, NOT_EVER]
    assert offers.accept_word.tolist() == [ALWAYS, 0]
    assert offers.promise_ms.tolist() == [600_000, 0]
    assert (offers.ring_ms.tolist(), offers.answer_word.tolist()) == ([20_000, 0], [0, 0])


@pytest.mark.parametrize(
    ("kind", "predictor", "offer_at"),
    [
        ({"announcement": "last_to_enter"}, Predictor.LAST_TO_ENTER, NOT_EVER),
        ({"balking": [{"wait": 0, "share": 1}]}, Predictor.HEAD_OF_LINE, NOT_EVER),
        ({"balking": [{"queue": 3, "share": 1}]}, Predictor.QUEUE_LENGTH, NOT_EVER),
        ({"call_back": {"queue": 7, "accepted": 1, "promise": "1 h"}}, Predictor.QUEUE_LENGTH, 7),
        ({"call_back": {"accepted": 1, "promise": "1 h"}}, Predictor.HEAD_OF_LINE, 0),
    ],
)
def test_what_is_foretold_follows_from_who_reacts_to_it(kind: dict[str, Any], predictor: int, offer_at: int) -> None:
    offers = mechanisms(desk(kind)).offers
    assert offers is not None
    assert (offers.predictor[0], offers.offer_at[0]) == (predictor, offer_at)


def test_silent_types() -> None:
    silence = mechanisms(desk({"patience": EXPONENTIAL, "silent": {"detection": "25 s"}})).silence
    assert silence is not None
    assert (silence.silent.tolist(), silence.detection_ms.tolist()) == ([True, False], [25_000, 0])


def test_follow_ups_by_type_in_file_order() -> None:
    kinds = {
        "orders": {
            "follow_ups": {
                "redial": {"on": "abandoned", "chance": "25 %", "at_most": 2, "keep": ["talk"]},
                "transfer": {"on": "unresolved", "to": "returns", "boost": True},
            }
        },
        "none": {},
        "returns": {
            "follow_ups": [
                {"on": "waiting", "after": "2 min", "to": "orders", "siblings": "separate", "duplicate": "40 s"},
            ]
        },
    }
    found = mechanisms(centre(kinds)).follow_ups
    assert found is not None
    assert found.first.tolist() == [0, 2, 2, 3]
    assert found.on.tolist() == [Status.ABANDONED, Ending.UNRESOLVED, Ending.WAITING]
    assert found.word.tolist() == [ALWAYS // 4, ALWAYS, ALWAYS]
    assert found.to.tolist() == [0, 2, 0]
    assert found.at_most.tolist() == [2, 5, 5]
    assert found.after_ms.tolist() == [0, 0, 120_000]
    assert (found.keeps_talk.tolist(), found.keeps_patience.tolist()) == ([True, False, False], [False] * 3)
    assert found.boost.tolist() == [False, True, False]
    assert found.siblings.tolist() == [Siblings.NONE, Siblings.NONE, Siblings.SEPARATE]
    assert found.duplicate_ms.tolist() == [0, 0, 40_000]


# -------------------------------------------------------------------------------------------------------------- bots


def bots(**bot: Any) -> Any:
    journey = {"uses": "helper", "duration": EXPONENTIAL}
    return mechanisms(desk({"bot": journey}, bots={"other": {}, "helper": bot})).bot_limits


def test_a_bot_without_limits_has_no_table() -> None:
    assert bots() is None


def test_capacity_by_label() -> None:
    found = bots(capacity={"00:00": 5, "08:00": 20, "20:00": 5}, when_full="person")
    assert (found.bot_of.tolist(), found.waits.tolist()) == ([0, -1], [False, False])
    assert [t // 3_600_000 for t in found.change_ms.tolist()] == [0, 8, 20]
    assert (found.capacity.tolist(), found.bot.tolist()) == ([5, 20, 5], [0, 0, 0])


def test_outages_take_capacity_away_for_a_while() -> None:
    """The second begins inside the first; planted once: the capacity of the last outage in place of the least."""
    outages = [
        {"start": "2026-03-02 09:00", "length": "1 h"},
        {"start": "2026-03-02 09:30", "length": "1 h", "capacity": 4},
    ]
    found = bots(capacity=10, outages=outages)
    assert found.waits.tolist() == [True, False]
    assert [t / 3_600_000 for t in found.change_ms.tolist()] == [0, 9, 10, 10.5]
    assert found.capacity.tolist() == [10, 0, 4, 10]


def test_an_outage_from_before_the_start_has_begun() -> None:
    found = bots(outages=[{"start": "2026-03-01 23:00", "length": "90 min"}])
    assert (found.change_ms.tolist(), found.capacity.tolist()) == ([0, 1_800_000], [0, NO_LIMIT])
