"""Files that are wrong in one way each: one message that names the line, the rule and the fix."""

import re
from pathlib import Path

import pytest

from sim.scenario_file import ScenarioErrors, load

BROKEN = Path(__file__).parent / "broken"

MESSAGES = {
    "at_least_on_asa": "at_least_on_asa.yaml:3: targets.0: a target on asa takes no at_least: write at_most",
    "bad_zone": "bad_zone.yaml:3: horizon.zone: 'Europe/Berlun' is no IANA time zone: did you mean 'Europe/Berlin'?",
    "base_not_there": "base_not_there.yaml:2: extends: there is no file 'dsk.yaml': did you mean 'desk.yaml'?",
    "base_outside": (
        "base_outside.yaml:1: extends is ../../../scenarios/one-queue.yaml: a file named in a scenario must "
        "lie in its folder or below: move it there, or allow it with --allow-path"
    ),
    "bracket_left_open": "bracket_left_open.yaml:3: a bracket is not closed, or a comma is missing: close it",
    "break_does_not_fit": (
        "break_does_not_fit.yaml:3: shift_templates.early: a break of 30 min has no room in a shift of 2 h: "
        "give a longer length or an earlier break"
    ),
    "break_in_shift_does_not_fit": (
        "break_in_shift_does_not_fit.yaml:4: staffing.shifts.0.breaks: must lie inside the shift, in order: "
        "give each some work before and after it"
    ),
    "breaks_unreadable": (
        'shifts_bad.csv:3: staffing.shifts.1.breaks is 60 min at noon: this is no break: write "3 h+60 min; 6 '
        'h+15 min paid": after the start, length'
    ),
    "circle": (
        "circle_too.yaml:1: extends: files extend each other in a circle (circle.yaml → circle_too.yaml → "
        "circle.yaml): take one extends away"
    ),
    "clock_25": (
        'clock_25.yaml:4: shift_templates.early.starts.1 is 25:00: a clock time is text from "00:00" to '
        '"24:00": write for example "08:30", with the quotes'
    ),
    "clock_as_number": (
        'clock_as_number.yaml:4: shift_templates.early.starts.0 is 830: a clock time is text from "00:00" to '
        '"24:00": write for example "08:30", with the quotes'
    ),
    "window_unreadable": (
        "window_unreadable.yaml:4: channels.phone.opening: '08:00 to 18:00' is no opening window: write "
        'for example "08:00-18:00"'
    ),
    "column_not_there": (
        "column_not_there.yaml:5: contact_types.orders.arrivals.per_hour: rates_negative.csv has no column "
        "'order': did you mean 'orders'?"
    ),
    "duplicate_key": "duplicate_key.yaml:6: contact_types.orders.talk is given twice (first in line 4): take one away",
    "duration_without_unit": (
        "duration_without_unit.yaml:4: contact_types.orders.talk.mean is 300: a duration is a number with a "
        'unit: write for example "90 s", "5 min" or "1.5 h"'
    ),
    "empty": "empty.yaml:1: the file is empty: start from peakdesk init",
    "event_without_length": (
        "event_without_length.yaml:3: events.sale: an event needs an onset, a plateau or a decay above 0: "
        "give one of them"
    ),
    "family_without_its_parameter": (
        "family_without_its_parameter.yaml:4: contact_types.orders.talk.shape is missing: write for example shape: 0.8"
    ),
    "file_outside": (
        "file_outside.yaml:3: staffing.levels is ../levels.csv: a file named in a scenario must lie in its "
        "folder or below: move it there, or allow it with --allow-path"
    ),
    "gap_in_counts": (
        "counts_with_gap.csv:4: contact_types.orders.arrivals.counts: no count for 1 of 8 intervals "
        "(2026-11-10 09:30): write 0 where nobody comes"
    ),
    "half_an_agent": (
        "half_an_agent.yaml:4: staffing.levels.service.08:00 is 8.5: must be a whole number: write for example 3"
    ),
    "indentation": "indentation.yaml:5: the indentation does not fit the lines above: align it with them",
    "label_off_the_grid": (
        "counts_off_grid.csv:10: contact_types.orders.arrivals.counts.11:45: no interval of the horizon "
        "begins at 11:45: they begin every 30 min from 2026-11-10 08:00 to 2026-11-10 12:00"
    ),
    "length_off_the_grid": (
        "length_off_the_grid.yaml:3: horizon.length is 100 min: must be a whole number of intervals: give a "
        "multiple of 30 min"
    ),
    "level_without_unit": (
        "level_without_unit.yaml:3: targets.0.at_most is 20: a duration is a number with a unit: write for "
        'example "90 s", "5 min" or "1.5 h"'
    ),
    "levels_and_shifts": (
        "levels_and_shifts.yaml:2: staffing: staffing needs either levels or shifts: give one, and take away "
        "with null the other"
    ),
    "levels_for_unknown_group": (
        "levels_for_unknown_group.yaml:4: staffing.levels.servce: there is no agent group 'servce': did you "
        "mean 'service'?"
    ),
    "missing_horizon": (
        'missing_horizon.yaml:1: horizon is missing: write for example horizon: {start: "2026-11-10 08:00", '
        "length: 12 h}"
    ),
    "misspelt_key": "misspelt_key.yaml:4: contact_types.orders.patiense: no such key: did you mean 'patience'?",
    "misspelt_section": "misspelt_section.yaml:2: target: no such key: did you mean 'targets'?",
    "negative_in_table": (
        "rates_negative.csv:4: contact_types.returns.arrivals.per_hour.09:00 is -3: must not be negative: "
        "write 0 or more"
    ),
    "negative_rate": (
        "negative_rate.yaml:7: contact_types.orders.arrivals.per_hour.09:00 is -5: must not be negative: "
        "write 0 or more"
    ),
    "no_agents": "no_agents.yaml:6: agent_groups is empty: give at least one",
    "nobody_can_serve": "desk.yaml:19: contact_types.returns: nobody can serve returns: give an agent group this skill",
    "not_a_choice": (
        "not_a_choice.yaml:2: routing: there is no routing policy 'prefrence': did you mean 'preference'?"
    ),
    "only_comments": "only_comments.yaml:1: the file is empty: start from peakdesk init",
    "probability_above_one": (
        "probability_above_one.yaml:5: contact_types.orders.bot.containment is 1.35: a probability lies in "
        '[0, 1]: write for example 0.35 or "35 %"'
    ),
    "scalar_instead": "scalar_instead.yaml:1: a scenario is a table of keys: write key: value",
    "shares_above_one": (
        "shares_above_one.yaml:4: contact_types.orders.bot.containment is 70 %: containment + give_up is 1.1, "
        "more than all: give less of either"
    ),
    "start_that_never_was": (
        "start_that_never_was.yaml:3: horizon.start: 2026-03-29 02:30 does not exist in Europe/Berlin (clock "
        "change): give it with its UTC offset"
    ),
    "start_that_was_twice": (
        "start_that_was_twice.yaml:3: horizon.start: 2026-10-25 02:30 exists twice in Europe/Berlin (clock "
        "change): give it with its UTC offset"
    ),
    "tab": "tab.yaml:3: a tab stands where YAML wants spaces: indent with spaces",
    "table_not_there": (
        "table_not_there.yaml:5: contact_types.orders.arrivals.per_hour: there is no file "
        "'rates_negativ.csv': did you mean 'rates_negative.csv'?"
    ),
    "talk_is_no_table": (
        "talk_is_no_table.yaml:4: contact_types.orders.talk is 5 min: must be a table: write for example "
        "{family: exponential, mean: 5 min}"
    ),
    "trace_past_the_end": (
        "day.csv:4: trace.2.arrival: 13:30:00 lies outside the horizon (2026-11-10 08:00 to 2026-11-10 12:00)"
    ),
    "two_arrival_forms": (
        "two_arrival_forms.yaml:4: contact_types.orders.arrivals: arrivals need exactly one of per_hour, "
        "per_day (with a profile), counts or forecast, not per_hour and counts: give one, and take away with null what "
        "a base brings"
    ),
    "unknown_bot": "unknown_bot.yaml:4: contact_types.orders.bot.uses: there is no bot 'voise': did you mean 'voice'?",
    "unknown_channel": (
        "unknown_channel.yaml:4: contact_types.orders.channel: there is no channel 'phne': did you mean 'phone'?"
    ),
    "unknown_day": (
        "unknown_day.yaml:4: channels.phone.opening.mon-fry: 'mon-fry' is no day: write mon … sun, mon-fri, "
        "every-day or a date such as 2026-11-11"
    ),
    "unknown_family": (
        "unknown_family.yaml:4: contact_types.orders.talk.family: there is no family 'lognormel': did you "
        "mean 'lognormal'?"
    ),
    "unknown_profile": (
        "unknown_profile.yaml:6: contact_types.returns.arrivals.profile: there is no profile 'weekdy': did "
        "you mean 'weekday'?"
    ),
    "unknown_skill": (
        "unknown_skill.yaml:4: agent_groups.service.skills.2: there is no contact type 'refunds': did you "
        "mean 'returns'?"
    ),
    "unknown_type_in_target": (
        "unknown_type_in_target.yaml:4: targets.0.contact_types.0: there is no contact type 'ordres': did you "
        "mean 'orders'?"
    ),
    "zero_hour_shift": (
        "zero_hour_shift.yaml:4: shift_templates.early.lengths.0 is 0 h: must be above 0: write more than 0"
    ),
}


@pytest.fixture(autouse=True)
def _there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BROKEN)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_broken_file_gives_one_clear_message(name: str) -> None:
    with pytest.raises(ScenarioErrors) as refused:
        load(f"{name}.yaml")
    assert str(refused.value) == MESSAGES[name]
    (problem,) = refused.value.problems
    assert problem.line
    assert problem.rule


def test_every_broken_file_has_its_message() -> None:
    companions = {"desk", "circle_too", "several_at_once"}
    assert {path.stem for path in BROKEN.glob("*.yaml")} == {*MESSAGES, *companions}


def test_the_desk_itself_is_in_order() -> None:
    assert load("desk.yaml").name == "desk"


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ScenarioErrors) as refused:
        load("several_at_once.yaml")
    places = [f"{problem.file}:{problem.line} {problem.path}" for problem in refused.value.problems]
    assert places == [
        "several_at_once.yaml:2 busyness.cv",
        "several_at_once.yaml:5 contact_types.orders.channel",
        "several_at_once.yaml:6 contact_types.orders.priority",
        "several_at_once.yaml:7 contact_types.orders.bot.containment",
        "several_at_once.yaml:7 contact_types.orders.bot.uses",
        "several_at_once.yaml:9 agent_groups.service.skills.1",
        "desk.yaml:19 contact_types.returns",
    ]


def test_names_are_looked_up_alike_whether_or_not_something_else_is_wrong(tmp_path: Path) -> None:
    wrong = """\
extends: desk.yaml
contact_types: {orders: {channel: phne, bot: {uses: voise}}}
agent_groups: {service: {skills: [orders, returns, refunds]}}
events: {sale: {start: "2026-11-10 09:00", plateau: 1 h, contact_types: [ordrs], mix: {retrns: 2}}}
targets: [{contact_types: [ordres], agent_groups: [servce], at_least: 80 %}]
shift_templates: {early: {groups: [servce]}}
trace: [{arrival: 5 s, contact_type: ordrs}]
staffing: {levels: {servce: {"08:00": 1}}}
"""
    (tmp_path / "desk.yaml").write_text(Path("desk.yaml").read_text("utf-8"), "utf-8")
    (tmp_path / "names.yaml").write_text(wrong, "utf-8")
    (tmp_path / "names_and_more.yaml").write_text(wrong + "busyness: {cv: -1}\n", "utf-8")
    with pytest.raises(ScenarioErrors) as names:
        load(tmp_path / "names.yaml")
    with pytest.raises(ScenarioErrors) as more:
        load(tmp_path / "names_and_more.yaml")
    said = [{(p.line, p.path, p.rule) for p in refused.value.problems} for refused in (names, more)]
    assert len(said[0]) == 10
    assert said[1] - said[0] == {(9, "busyness.cv", "must not be negative")}
    assert said[0] <= said[1]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"name: desk\ndescription: caf\xe9\n", "desk.yaml:2: this is not UTF-8: save the file as UTF-8"),
        ("name: desk\n".encode("utf-16"), "desk.yaml:1: this is not UTF-8: save the file as UTF-8"),
        (b"name: a\x00b\n", "desk.yaml: a character that YAML does not allow"),
        (b"- a\n- b\n", "desk.yaml:1: a scenario is a table of keys: write key: value"),
        (b"a: &a {b: *a}\n", "desk.yaml:1: a.b: this part contains itself"),
        (b"name: !secret x\n", "desk.yaml:1: name: the tag !secret means nothing here"),
        (b"name: a\n---\nname: b\n", "desk.yaml:2: a second document begins: one file holds one scenario"),
        (b"name: 'a\n", "desk.yaml:1: a quote is opened and never closed: close it"),
        (b"name: a: b\n", "desk.yaml:1: a colon stands where none can: put the text in quotes, or indent it"),
        (b"name: *desk\n", "desk.yaml:1: the alias stands for nothing: write the anchor (&name) before"),
        (b"[" * 1000, "desk.yaml: nested too deeply"),
        (b"? [a]\n: 1\n", "desk.yaml:1: a key must be text"),
    ],
)  # fmt: skip
def test_text_that_is_no_scenario(raw: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("desk.yaml").write_bytes(raw)
    with pytest.raises(ScenarioErrors, match=re.escape(message)):
        load("desk.yaml")


def test_aliases_of_aliases_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sim.scenario_file.MOST_NODES", 2000)
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    (tmp_path / "laughs.yaml").write_text("\n".join(lines), "utf-8")
    with pytest.raises(ScenarioErrors, match="too many values"):
        load(tmp_path / "laughs.yaml")
