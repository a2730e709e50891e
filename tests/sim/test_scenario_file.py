"""Scenario files in, scenarios out: what extends what, what is laid over what, and back to text without loss."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_scenarios import scenarios

from sim.scenario import Routing, Scenario
from sim.scenario_file import ScenarioErrors, bundled, dump, load, load_text, read, resolve

DESK = """\
horizon: {start: 2026-11-10 08:00, length: 4 h, interval: 30 min}
channels: {phone: {}}
bots: {voice: {}}
contact_types:
  orders:
    channel: phone
    arrivals: {per_hour: {8:00: 60, 10:00: 90}}
    bot: {uses: voice, containment: 35 %, duration: {family: exponential, mean: 45 s}}
    talk: {family: lognormal, mean: 5 min, cv: 0.9}
  returns: {channel: phone, arrivals: {per_hour: 20}, talk: {family: gamma, mean: 6 min, cv: 0.7}}
agent_groups:
  service: {skills: [orders, returns]}
staffing:
  levels: {service: {8:00: 9}}
targets:
  - {contact_types: [orders], at_least: 80 %}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "desk.yaml").write_text(DESK, "utf-8")
    return tmp_path


def write(name: str, text: str) -> str:
    Path(name).write_text(text, "utf-8")
    return name


def refused(*args: Any, **kwargs: Any) -> list[str]:
    with pytest.raises(ScenarioErrors) as errors:
        load(*args, **kwargs)
    return [str(problem) for problem in errors.value.problems]


# ----------------------------------------------------------------------------------------------------------- one file


def test_a_file_becomes_a_scenario(folder: Path) -> None:
    desk = load("desk.yaml")
    orders = desk.contact_types["orders"]
    assert desk.name == "desk"
    assert orders.arrivals is not None
    assert orders.arrivals.per_hour == {"8:00": 60, "10:00": 90}
    assert orders.talk.average == pytest.approx(300)
    assert desk.targets[0].level == 0.8


def test_unquoted_times_are_text_as_in_yaml_1_2() -> None:
    desk = load_text(DESK + "shift_templates: {early: {starts: [8:30], lengths: [2 h]}}")
    assert desk.shift_templates["early"].starts == (510,)
    assert f"{desk.horizon.start:%H:%M}" == "08:00"


def test_anchors_aliases_and_merge_keys() -> None:
    text = DESK.replace("{family: lognormal,", "&talk {family: lognormal,").replace(
        "{family: gamma, mean: 6 min, cv: 0.7}", "{<<: *talk, mean: 7 min}"
    )
    assert load_text(text).contact_types["returns"].talk.model_dump() == {"family": "lognormal", "mean": 420, "cv": 0.9}


def test_a_byte_order_mark_is_no_part_of_a_key(folder: Path) -> None:
    Path("bom.yaml").write_bytes(b"\xef\xbb\xbf" + DESK.encode())
    assert load("bom.yaml").name == "bom"


def test_sources_stand_beside_their_numbers() -> None:
    desk = load_text(DESK.replace("cv: 0.9}", "cv: 0.9, source: Brown et al. 2005}") + "source: made up\n")
    assert desk.sources == {"scenario": "made up", "contact_types.orders.talk": "Brown et al. 2005"}


def test_every_node_knows_its_file_and_line(folder: Path) -> None:
    write("busy.yaml", "extends: desk.yaml\nbusyness:\n  cv: 10 %\n")
    tree = read("busy.yaml", sets=["routing=fcfs"])
    places = [("contact_types", "orders", "talk", "cv"), ("contact_types", "orders"), ("busyness", "cv"), ("routing",)]
    origins = [node.origin for place in places if (node := tree.at(*place))]
    assert [(origin.file, origin.line) for origin in origins] == [
        ("desk.yaml", 9), ("desk.yaml", 5), ("busy.yaml", 3), ("--set", None),
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------ what is laid over what


def test_a_what_if_is_a_short_difference(folder: Path) -> None:
    write("faster.yaml", "extends: desk.yaml\ncontact_types: {orders: {talk: {mean: 4 min}}}\n")
    write("faster_still.yaml", "extends: faster.yaml\ncontact_types: {returns: {talk: {mean: 3 min}}}\n")
    desk = load("faster_still.yaml")
    assert desk.name == "faster_still"
    assert desk.contact_types["orders"].talk.model_dump() == {"family": "lognormal", "mean": 240, "cv": 0.9}
    assert desk.contact_types["returns"].talk.average == 180


def test_lists_are_replaced_and_null_takes_away(folder: Path) -> None:
    over = write("over.yaml", "targets: [{at_least: 0.9}, {measure: asa, at_most: 30 s}]\nstaffing: null\n")
    desk = load("desk.yaml", [over])
    assert [target.level for target in desk.targets] == [0.9, 30]
    assert desk.staffing is None


def test_what_is_not_there_cannot_be_taken_away(folder: Path) -> None:
    over = write("over.yaml", "events: {flahs: null}\ncontact_types: {orders: {patiense: null}}\n")
    assert refused("desk.yaml", [over]) == [
        "over.yaml:1: events.flahs is empty: give it a value or leave the key out",
        "over.yaml:2: contact_types.orders.patiense: no such key: did you mean 'patience'?",
    ]


def test_another_family_replaces_the_whole_distribution(folder: Path) -> None:
    over = write("over.yaml", "contact_types: {orders: {talk: {family: exponential, mean: 2 min}}}\n")
    assert load("desk.yaml", [over]).contact_types["orders"].talk.model_dump() == {"family": "exponential", "mean": 120}


def test_another_form_replaces_the_whole_section(folder: Path) -> None:
    over = write("over.yaml", """\
staffing: {shifts: [{group: service, start: 08:00, length: 4 h, number: 5}]}
contact_types: {orders: {arrivals: {per_day: 500, profile: 1}}}
""")
    desk = load("desk.yaml", [over])
    assert desk.staffing is not None
    assert (desk.staffing.levels, desk.staffing.by_person) == (None, True)
    arrivals = desk.contact_types["orders"].arrivals
    assert arrivals is not None
    assert (arrivals.per_hour, arrivals.per_day) == (None, 500)


def test_overlays_are_laid_over_in_order(folder: Path) -> None:
    one = write("one.yaml", "busyness: {cv: 0.1}\nrouting: fcfs\n")
    two = write("two.yaml", "busyness: {cv: 0.2}\n")
    desk = load("desk.yaml", [one, two])
    assert (desk.busyness.cv, desk.routing.policy) == (0.2, "fcfs")
    assert load("desk.yaml", [two, one]).busyness.cv == 0.1


def test_an_overlay_extends_nothing(folder: Path) -> None:
    over = write("over.yaml", "extends: desk.yaml\nrouting: fcfs\n")
    assert refused("desk.yaml", [over])[0].startswith("over.yaml:1: an overlay is laid over another scenario")


def test_a_better_bot_keeps_the_base_of_talk_times(folder: Path) -> None:
    better = "contact_types: {orders: {bot: {containment: 60 %}}}\n"
    write("what_if.yaml", "extends: desk.yaml\n" + better)
    for desk in (
        load("what_if.yaml"),
        load("desk.yaml", [write("over.yaml", better)]),
        load("desk.yaml", sets=["contact_types.orders.bot.containment=60%"]),
    ):
        bot = desk.contact_types["orders"].bot
        assert bot is not None
        assert (bot.containment, bot.baseline_containment) == (0.6, 0.35)


def test_the_baseline_may_be_given(folder: Path) -> None:
    given_one = "contact_types: {orders: {bot: {containment: 60 %, baseline_containment: 50 %}}}\n"
    bot = load("desk.yaml", [write("over.yaml", given_one)]).contact_types["orders"].bot
    assert bot is not None
    assert bot.baseline_containment == 0.5


def test_a_bot_brought_by_an_overlay_met_nobody_when_talk_was_measured(folder: Path) -> None:
    new = "{uses: voice, containment: 40 %, duration: {family: exponential, mean: 30 s}}"
    over = write("over.yaml", f"contact_types: {{returns: {{bot: {new}}}}}\n")
    bot = load("desk.yaml", [over]).contact_types["returns"].bot
    assert bot is not None
    assert (bot.containment, bot.baseline_containment) == (0.4, 0)
    both = write("new_type.yaml", f"""
contact_types: {{vip: {{channel: phone, talk: {{family: exponential, mean: 5 min}}, bot: {new}}}}}
agent_groups: {{service: {{skills: [orders, returns, vip]}}}}
""")
    bot = load("desk.yaml", [both]).contact_types["vip"].bot
    assert bot is not None
    assert bot.baseline_containment == 0.4


def test_a_policy_with_other_parameters_replaces_the_one_before(folder: Path) -> None:
    one = write("one.yaml", "routing: {policy: weighted_wait, weights: {orders: 2}, agents: uniform}\n")
    two = write("two.yaml", "routing: {policy: overflow, after: 30 s}\n")
    three = write("three.yaml", "routing: {policy: overflow, after: 45 s}\n")
    assert load("desk.yaml", [one, two]).routing == Routing(policy="overflow", after="30 s")
    assert load("desk.yaml", [one, two, three]).routing.after == 45
    assert load("desk.yaml", [two], ["routing=fcfs"]).routing == Routing(policy="fcfs")


def test_follow_ups_are_changed_by_name(folder: Path) -> None:
    rules = "{redial: {on: abandoned, chance: 40 %}, again: {on: unresolved}}"
    one = write("one.yaml", f"contact_types: {{orders: {{follow_ups: {rules}}}}}\n")
    two = write("two.yaml", "contact_types: {orders: {follow_ups: {redial: {chance: 10 %}, again: null}}}\n")
    found = load("desk.yaml", [one, two]).contact_types["orders"].follow_ups
    assert {name: rule.chance for name, rule in found.items()} == {"redial": 0.1}


def test_laws_by_time_and_one_law_replace_each_other(folder: Path) -> None:
    laws = "{by_time: {'08:00': {family: exponential, mean: 2 min}}}"
    one = write("one.yaml", f"contact_types: {{orders: {{talk: {laws}}}}}\n")
    two = write("two.yaml", "contact_types: {orders: {talk: {family: deterministic, value: 1 min}}}\n")
    assert load("desk.yaml", [one]).contact_types["orders"].talk.average == 120
    assert load("desk.yaml", [one, two]).contact_types["orders"].talk.average == 60


def test_what_the_first_files_did_not_know_is_not_written_while_it_is_not_used() -> None:
    """So their hashes hold from version to version."""
    text = load_text(DESK).canonical
    unknown = ("backlog", "slots", "follow_ups", "resolution", "attendance", "triggers", "messages", "passed_over")
    assert [word for word in unknown if f'"{word}"' in text] == []
    assert '"routing": "priority"' in text


# ---------------------------------------------------------------------------------------------------------------- set


@pytest.mark.parametrize(
    ("text", "place", "value"),
    [
        ("contact_types.orders.bot.containment=45%", ("contact_types", "orders", "bot", "containment"), 0.45),
        ("targets.0.at_least=90 %", ("targets", 0, "at_least"), 0.9),
        ("busyness.cv=0.1", ("busyness", "cv"), 0.1),
        ("staffing.levels.service.11:30=7", ("staffing", "levels", "service", "11:30"), 7),
        ("contact_types.orders.talk.mean=4 min", ("contact_types", "orders", "talk", "mean"), 240),
        ("contact_types.orders.bot=null", ("contact_types", "orders", "bot"), None),
        ("routing=fcfs", ("routing", "policy"), "fcfs"),
    ],
)
def test_set_changes_one_value(text: str, place: tuple[Any, ...], value: object) -> None:
    found: Any = load_text(DESK, [text])
    for part in place:
        found = found[part] if isinstance(found, dict | tuple) else getattr(found, part)
    assert found == value


def test_a_star_in_a_set_stands_for_each_that_is_there() -> None:
    before, after = load_text(DESK), load_text(DESK, ["contact_types.*.bot.give_up=7%"])
    with_a_bot = [name for name, kind in before.contact_types.items() if kind.bot]
    assert 0 < len(with_a_bot) < len(before.contact_types)
    changed = {name: kind.bot.give_up if kind.bot else None for name, kind in after.contact_types.items()}
    assert changed == {name: 0.07 if name in with_a_bot else None for name in before.contact_types}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("contact_types.*.bott.containment=45%", "the star stands for nothing that is there"),
        ("contact_types.orders.bot.containmnt=45%", "no such key: did you mean 'containment'?"),
        ("contact_types.ordrs.priority=1", "--set: contact_types.ordrs: no such key: did you mean 'orders'?"),
        ("contact_types.orders.bot.containment=145%", "is 145%: a probability lies in [0, 1]"),
        ("contact_types.orders.talk.shape=2", "no such key: known: family, mean, cv"),
        ("targets.1.at_least=1", "--set: targets.1: targets is a list of 1: its items are numbered from 0"),
        ("agent_groups.service.skills.x=1", "agent_groups.service.skills is a list of 2"),
        ("horizon.length.x=1", "--set: horizon.length.x: horizon.length is 4 h, which has no parts"),
        ("routing", "--set: 'routing' sets nothing: write path=value"),
        ("routing=", "--set: 'routing=' sets nothing: write path=value"),
        ("routing=[", "--set: a bracket is opened and never closed"),
    ],
)
def test_a_set_that_leads_nowhere(text: str, message: str) -> None:
    with pytest.raises(ScenarioErrors, match=re.escape(message)):
        load_text(DESK, [text])


# -------------------------------------------------------------------------------------------------------- which file


def test_bundled_scenarios_go_by_name() -> None:
    assert "one-queue" in bundled()
    assert resolve("one-queue").name == "one-queue.yaml"
    assert load("one-queue").name


@pytest.mark.parametrize("name", ["one-queue", "anonymous-bank", "bot-better", "double-eleven", "promotion-day"])
def test_bundled_scenarios_are_in_order_and_survive_text(name: str) -> None:
    scenario = load(name)
    again = load_text(dump(scenario))
    assert again == scenario
    assert again.hash == scenario.hash


def test_an_unknown_name_lists_what_there_is(folder: Path) -> None:
    assert refused("one-quee")[0].startswith(
        "one-quee: there is no such file, and no bundled scenario of this name: did you mean 'one-queue'? bundled: "
    )
    assert "did you mean 'desk.yaml'?" in refused("dsk.yaml")[0]
    assert refused(".")[0].startswith(".: this is a folder")


def test_a_what_if_may_extend_a_bundled_scenario(folder: Path) -> None:
    write("what_if.yaml", "extends: one-queue\nshort_abandonment: 7 s\n")
    assert load("what_if.yaml").short_abandonment == 7


def test_files_lie_below_the_folder_unless_allowed(folder: Path) -> None:
    (folder / "sub").mkdir()
    write("sub/what_if.yaml", "extends: ../desk.yaml\n")
    assert "must lie in its folder or below" in refused("sub/what_if.yaml")[0]
    assert load("sub/what_if.yaml", allow_path=True).name == "what_if"
    write("up.yaml", "extends: sub/what_if.yaml\n")
    assert load("up.yaml", allow_path=True).name == "up"
    absolute = write("absolute.yaml", f"extends: {folder.parent}/desk.yaml\n")
    assert "must lie in its folder or below" in refused(absolute)[0]


def test_a_link_does_not_lead_out_of_the_folder(folder: Path) -> None:
    (folder / "inside").mkdir()
    try:
        (folder / "inside/base.yaml").symlink_to(folder / "desk.yaml")
    except OSError:
        pytest.skip("this system makes no links")
    write("inside/what_if.yaml", "extends: base.yaml\n")
    assert "must lie in its folder or below" in refused("inside/what_if.yaml")[0]


def test_text_without_a_folder_has_no_files_beside_it() -> None:
    with pytest.raises(ScenarioErrors, match="text that is in no file has no files beside it"):
        load_text("extends: desk.yaml\n")


# -------------------------------------------------------------------------------------------------- there and back


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(scenarios())
def test_a_scenario_survives_its_text(plain: dict[str, Any]) -> None:
    scenario = Scenario.model_validate(plain)
    again = load_text(dump(scenario))
    assert again == scenario
    assert again.canonical == scenario.canonical


JUNK = (
    None, True, -1, 2.5, 1e300, "", "x", "90", "5 min", "-5 min", "1e999 h", "25:00", "08:30", "all", "2026-11-10",
    "9999-12-31 23:59", "0001-01-01 00:00", "135 %", [], {}, [1], [[]], [{}], {"a": 1}, {"x": {}}, {"family": "nope"},
    {"family": ["x"]}, {"file": "no.csv"}, {"file": 3}, {"table": "a,b\n1,2\n"}, {"table": 5}, {"mon": [["a"]]},
)  # fmt: skip
JARGON = re.compile(r"Input should|valida|function-|tuple\[|literal\[|dict\[|pydantic|Value error|NoneType|instance of")


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(scenarios(), st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(JUNK)), min_size=1, max_size=3))
def test_whatever_is_written_a_scenario_or_plain_words_come_of_it(plain: dict[str, Any], junk: list[Any]) -> None:
    wrong = copy.deepcopy(plain)
    for number, value in junk:
        spots = list(_spots(wrong))
        holder, key = spots[number % len(spots)]
        holder[key] = copy.deepcopy(value)
    scenario, said = _attempt(json.dumps(wrong))
    assert not JARGON.search(said)
    assert bool(said) != (scenario is not None)
    assert scenario is None or load_text(dump(scenario)) == scenario


def _attempt(text: str) -> tuple[Scenario | None, str]:
    try:
        return load_text(text), ""
    except ScenarioErrors as errors:
        return None, str(errors)


def _spots(value: Any) -> Any:
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(part, dict | list):
            yield from _spots(part)
