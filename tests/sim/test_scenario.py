"""The input specification refuses nonsense, and names what is wrong."""

from typing import Any

import pytest
from pydantic import ValidationError

from sim.scenario import AgentGroup, Arrivals, BotJourney, Channel, Event, ProblemList, Scenario, ShiftTemplate, Target

TALK = {"family": "exponential", "mean": "5 min"}


def desk(**parts: Any) -> Scenario:
    return Scenario.model_validate(
        {
            "horizon": {"start": "2026-11-10 08:00", "length": "4 h"},
            "channels": {"phone": {}},
            "contact_types": {"orders": {"channel": "phone", "talk": TALK}},
            "agent_groups": {"service": {"skills": ["orders"]}},
        }
        | parts
    )


def problems(**parts: Any) -> dict[str, str]:
    with pytest.raises(ValidationError) as refused:
        desk(**parts)
    (error,) = refused.value.errors()
    cause = error["ctx"]["error"]
    assert isinstance(cause, ProblemList)
    return {".".join(map(str, where)): what for where, what in cause.problems}


def test_all_names_are_looked_up_at_once() -> None:
    found = problems(
        contact_types={"orders": {"channel": "phne", "talk": TALK, "bot": {"duration": TALK}}},
        agent_groups={"service": {"skills": ["orders", "refunds"]}},
        targets=[{"contact_types": ["ordres"], "at_least": 0.8}],
        staffing={"levels": {"servce": {"08:00": 1}}},
    )
    assert found == {
        "contact_types.orders.channel": "there is no channel 'phne': did you mean 'phone'?",
        "contact_types.orders.bot.uses": "there is no bot 'bot': known: none",
        "agent_groups.service.skills.refunds": "there is no contact type 'refunds': known: orders",
        "targets.0.contact_types.0": "there is no contact type 'ordres': did you mean 'orders'?",
        "staffing.levels.servce": "there is no agent group 'servce': did you mean 'service'?",
    }


def test_what_cannot_happen_at_its_time_is_refused() -> None:
    berlin = {"start": "2026-03-29 00:00", "zone": "Europe/Berlin", "length": "4 h"}
    found = problems(
        horizon=berlin,
        events={"sale": {"start": "2026-03-29 02:30", "plateau": "1 h"}},
        trace=[{"contact_type": "orders", "arrival": "5 h"}],
        staffing={"levels": {"service": {"8h": 3}}},
    )
    assert found["events.sale.start"] == "2026-03-29 02:30 does not exist in Europe/Berlin (clock change)"
    assert found["trace.0.arrival"] == "18000 s lies past the end of the horizon (4 h)"
    assert found["staffing.levels.service.8h"].startswith("'8h' is no label")
    shift = {"group": "service", "start": "08:00", "length": "4 h", "day": "0001-01-01"}
    assert list(problems(staffing={"shifts": [shift]})) == ["staffing.shifts.0.day"]


def test_a_target_speaks_the_language_of_its_measure() -> None:
    assert Target(at_least="80 %").level == 0.8  # type: ignore[arg-type]
    assert Target(measure="asa", at_most="20 s").level == 20  # type: ignore[arg-type]
    assert Target(measure="asa", at_most=0).level == 0
    for wrong in (
        {"measure": "asa", "at_most": 20},
        {"measure": "asa", "at_most": "80 %"},
        {"at_least": "20 s"},
        {"at_least": 1.2},
        {"measure": "asa", "at_least": "20 s"},
        {"at_most": 0.8},
        {"at_least": 0.8, "at_most": 0.9},
        {"at_least": 0.8, "confidence": 1},
        {},
    ):
        with pytest.raises(ValidationError):
            Target.model_validate(wrong)


@pytest.mark.parametrize("target", [{"measure": "wait_p95", "at_most": "90 s"}, {"at_least": 0.8, "threshold": "20 s"}])
def test_a_target_survives_json(target: dict[str, Any]) -> None:
    written = Target.model_validate(target)
    assert Target.model_validate(written.model_dump(mode="json")) == written


@pytest.mark.parametrize(
    ("opening", "day", "windows"),
    [
        ({"mon-fri": ["08:00-18:00"]}, "fri", ((480, 1080),)),
        ({"sat": "22:00-02:00"}, "sat", ((1320, 1560),)),
        ({"fri-mon": ["00:00-24:00"]}, "sun", ((0, 1440),)),
        ({"2026-11-11": None}, "2026-11-11", ()),
        ({"daily": [], "mon": ["08:00-12:00", "13:00-17:00"]}, "mon", ((480, 720), (780, 1020))),
    ],
)
def test_opening_windows(opening: dict[str, Any], day: str, windows: tuple[tuple[int, int], ...]) -> None:
    channel = Channel.model_validate({"opening": opening})
    assert channel.opening is not None
    assert channel.opening[day] == windows
    assert Channel.model_validate(channel.model_dump(mode="json")) == channel


@pytest.mark.parametrize(
    "opening", [5, "8-18", {"mon": 5}, {"mon": [8, 18]}, {"mon": [["08:00", "18:00"]]}, {"mno": []}, {"mon": ["8-18"]}]
)
def test_what_is_no_opening_is_refused(opening: object) -> None:
    with pytest.raises(ValidationError):
        Channel.model_validate({"opening": opening})


def test_skills_are_a_list_or_a_table() -> None:
    by_list = AgentGroup.model_validate({"skills": ["orders", "returns"]})
    by_table = AgentGroup.model_validate({"skills": {"orders": 1, "returns": {"preference": 1}}})
    assert by_list == by_table
    for wrong in ([], {}, {"orders": 0}, [["orders"]], "orders"):
        with pytest.raises(ValidationError):
            AgentGroup.model_validate({"skills": wrong})


def test_arrivals_have_one_form() -> None:
    for wrong in (
        {},
        {"per_hour": 5, "per_day": 100, "profile": {"08:00": 1}},
        {"per_day": 100},
        {"profile": {"08:00": 1}},
        {"per_day": 100, "profile": {"08:00": 0}},
        {"counts": {"08:00": 5}, "shape": "linear"},
        {"per_hour": {}},
        {"per_hour": {"8h": 1}},
        {"per_hour": -1},
        {"per_hour": float("inf")},
    ):
        with pytest.raises(ValidationError):
            Arrivals.model_validate(wrong)
    assert Arrivals.model_validate({"per_hour": 5}).per_hour == {"00:00": 5}


def test_a_bot_cannot_keep_and_lose_more_than_all() -> None:
    with pytest.raises(ValidationError, match=r"1\.1, more than all"):
        BotJourney.model_validate({"duration": TALK, "containment": 0.7, "give_up": "40 %"})


def test_an_event_has_a_date_and_a_length() -> None:
    for wrong in ({"start": "09:00", "plateau": "1 h"}, {"start": "2026-11-10 09:00"}, {"start": 9, "plateau": "1 h"}):
        with pytest.raises(ValidationError):
            Event.model_validate(wrong)


def test_a_template_has_starts_and_room_for_its_breaks() -> None:
    good = {"starts": ["08:00"], "lengths": ["4 h"], "days": ["mon-wed", "2026-11-14"]}
    assert ShiftTemplate.model_validate(good).days == ("mon", "tue", "wed", "2026-11-14")
    for wrong in (
        {"starts": []},
        {"lengths": ["0 h"]},
        {"starts": {"first": "10:00", "last": "08:00"}},
        {"days": ["monn"]},
        {"breaks": [{"length": "30 min", "earliest": "4 h", "latest": "5 h"}]},
    ):
        with pytest.raises(ValidationError):
            ShiftTemplate.model_validate(good | wrong)


def test_the_hash_tells_scenarios_apart() -> None:
    assert desk().hash == desk().hash
    assert desk().hash != desk(busyness={"cv": 0.1}).hash
    assert len(desk().hash) == 16


def test_a_channel_opens_for_its_types_unless_they_say_otherwise() -> None:
    own = {"channel": "phone", "talk": TALK, "opening": {"daily": ["09:00-10:00"]}, "at_closing": "disconnect"}
    both = desk(
        channels={"phone": {"opening": {"daily": ["08:00-20:00"]}}},
        contact_types={"orders": {"channel": "phone", "talk": TALK}, "vip": own},
        agent_groups={"service": {"skills": ["orders", "vip"]}},
    )
    assert both.opening_of("orders")[1] == "serve"
    assert both.opening_of("vip")[0]["mon"] == ((540, 600),)
    assert both.opening_of("vip")[1] == "disconnect"
