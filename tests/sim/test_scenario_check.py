"""What `check` says of scenarios and of interval tables: problems, oddities, contacts per day."""

from pathlib import Path

import pytest

from sim.scenario_file import check, load_text

DESK = """\
horizon: {start: 2026-11-10 18:00, zone: Europe/Berlin, length: 12 h, interval: 60 min}
channels: {phone: {}}
contact_types:
  orders: {channel: phone, talk: {family: exponential, mean: 5 min}, arrivals: {per_hour: {0:00: 20, 18:00: 60}}}
agent_groups: {service: {skills: [orders]}}
staffing: {levels: {service: {18:00: 9}}}
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def warnings(text: str) -> list[str]:
    Path("desk.yaml").write_text(text, "utf-8")
    return [str(warning) for warning in check("desk.yaml").warnings]


def test_contacts_are_added_up_by_local_day() -> None:
    assert warnings(DESK) == []
    report = check("desk.yaml")
    assert report.is_good
    assert report.expected == {"orders": {"2026-11-10": pytest.approx(360), "2026-11-11": pytest.approx(120)}}
    assert report.scenario == load_text(DESK, ["name=desk"])


def test_problems_are_reported_and_not_raised() -> None:
    Path("desk.yaml").write_text(DESK.replace("per_hour", "per_minute"), "utf-8")
    report = check("desk.yaml", sets=["routing=prio"])
    assert not report.is_good
    assert [problem.path for problem in report.problems] == ["contact_types.orders.arrivals.per_minute", "routing"]
    assert check("nowhere.yaml").problems[0].rule == "there is no such file, and no bundled scenario of this name"


def test_an_odd_handle_time_is_pointed_out() -> None:
    assert warnings(DESK.replace("mean: 5 min", "mean: 5 s")) == [
        "desk.yaml:4: contact_types.orders.talk: mean handle time is 5 s, is the unit right?"
    ]
    kinds = "".join(f"  t{i}: {{channel: phone, talk: {{family: exponential, mean: 3 min}}}}\n" for i in range(3))
    more = DESK.replace("mean: 5 min", "mean: 45 min").replace("agent_groups", f"{kinds}agent_groups")
    found = warnings(more.replace("[orders]", "[orders, t0, t1, t2]"))
    assert "mean handle time is 2700 s, the median of all types 180 s, is the unit right?" in found[0]
    assert "contact_types.t0: nobody ever comes: give arrivals" in found[1]


def test_what_is_easily_overlooked_is_pointed_out() -> None:
    spring = DESK.replace("2026-11-10 18:00", "2026-03-28 18:00").replace("{18:00: 9}", "{18:00: 0}")
    sale = 'events: {sale: {start: "2026-03-27 20:00", plateau: 2 h}}\n'
    assert warnings(spring + sale) == [
        "desk.yaml:1: horizon: the clock is changed on 2026-03-29 at 03:00 in Europe/Berlin",
        "desk.yaml:7: events.sale: lies outside the horizon",
        "desk.yaml:5: agent_groups.service: nobody of this group is scheduled",
    ]
    assert "nobody is scheduled, and a simulation needs staffing" in warnings(DESK.partition("staffing")[0])[0]


COUNTS = DESK.replace("{per_hour: {0:00: 20, 18:00: 60}}", "{counts: {COUNTS}}").replace("length: 12 h", "length: 3 h")


@pytest.mark.parametrize(
    ("counts", "problem"),
    [
        ("18:00: 1, 19:00: 1, 20:00: 1", ""),
        ("2026-11-10 18:00: 1, 19:00: 1, 18:00: 9, 20:00: 1", ""),
        ("18:00: 1, 20:00: 1", "no count for 1 of 3 intervals (2026-11-10 19:00)"),
        ("18:00: 1", "no count for 2 of 3 intervals (2026-11-10 19:00, 2026-11-10 20:00)"),
        ("18:00: 1, 19:00: 1, 20:00: 1, 21:00: 1", "no interval of the horizon begins at 21:00"),
        ("18:00: 1, 19:00: 1, 20:00: 1, 19:30: 1", "no interval of the horizon begins at 19:30"),
        ("18:00: 1, 19:00: 1, 20:00: 1, 2026-11-11 18:00: 1", "no interval of the horizon begins at 2026-11-11 18:00"),
    ],
)
def test_counts_cover_each_interval_once(counts: str, problem: str) -> None:
    quoted = ", ".join(f'"{label}": {count}' for label, count in (c.rsplit(": ", 1) for c in counts.split(", ")))
    Path("desk.yaml").write_text(COUNTS.replace("COUNTS", quoted), "utf-8")
    assert [found.rule for found in check("desk.yaml").problems] == ([problem] if problem else [])


def test_labels_in_two_spellings_are_one_label() -> None:
    Path("desk.yaml").write_text(DESK.replace("{service: {18:00: 9}}", '{service: {8:00: 9, "08:00": 7}}'), "utf-8")
    assert [str(problem) for problem in check("desk.yaml").problems] == [
        "desk.yaml:6: staffing.levels.service.08:00 is given twice (first as 8:00)"
    ]


def test_counts_at_an_hour_that_comes_twice_are_refused() -> None:
    autumn = COUNTS.replace("2026-11-10 18:00", "2026-10-25 01:00")
    dated = ", ".join(f'"2026-10-25 0{hour}:00": 1' for hour in (1, 2))
    Path("desk.yaml").write_text(autumn.replace("COUNTS", dated), "utf-8")
    assert [problem.rule for problem in check("desk.yaml").problems] == [
        "2026-10-25 02:00 exists twice in Europe/Berlin (clock change)"
    ]
    Path("desk.yaml").write_text(autumn.replace("COUNTS", "01:00: 1, 02:00: 1"), "utf-8")
    assert check("desk.yaml").is_good


MAIL = """\
horizon: {start: 2026-11-10 18:00, length: 12 h, interval: 60 min}
channels: {phone: {}, email: {deferred: true}}
contact_types:
  orders: {channel: phone, talk: {family: exponential, mean: 5 min}, arrivals: {per_hour: 60}}
  letters: {channel: email, talk: {family: exponential, mean: 5 min}, arrivals: {per_hour: 60}}
agent_groups:
  both: {skills: [orders, letters]}
  phones: {skills: [orders]}
staffing: {levels: {both: {18:00: 9}, phones: {18:00: 2}}}
"""


def test_mail_that_would_be_taken_before_callers_is_pointed_out() -> None:
    assert warnings(MAIL) == [
        "desk.yaml:7: agent_groups.both.skills: who is free takes letters before orders, wherever it is older: "
        "they rank the same: let letters come second: priority: 1, or what this routing ranks by"
    ]
    assert warnings(MAIL.replace("channel: email,", "channel: email, priority: 1,")) == []
    assert warnings(MAIL + "routing: fcfs\n") == []
    assert len(warnings(MAIL + "routing: specialists\n")) == 1
    assert warnings(MAIL + "routing: longest_queue\n") == []


# -------------------------------------------------------------------------------------------------------- tables alone


FULL = """\
horizon: {start: 2026-11-10 18:00, zone: Europe/Berlin, length: 12 h, interval: 60 min}
channels: {phone: {}, chat: {slots: 1}}
bots: {helper: {outages: [{start: 2026-11-09 18:00, length: 1 h}]}}
contact_types:
  orders:
    channel: phone
    talk: {family: exponential, mean: 5 min}
    arrivals: {per_hour: 60}
    follow_ups: {transfer: {on: answered, chance: 10 %, to: experts}, again: {on: unresolved}}
  experts: {channel: phone, talk: {family: exponential, mean: 5 min}}
agent_groups:
  service: {skills: [orders], slots: 2, spread: 10 %}
  seniors: {skills: [experts]}
staffing: {levels: {service: {18:00: 9}, seniors: {18:00: 2}}}
"""


def test_settings_without_effect_are_pointed_out() -> None:
    """Nobody comes to the experts by themselves, but transfers do."""
    assert warnings(FULL) == [
        "desk.yaml:3: bots.helper.outages.0: lies outside the horizon",
        "desk.yaml:12: agent_groups.service.slots: all its contacts take all slots of an agent: "
        "give their channels slots: 1",
        "desk.yaml:12: agent_groups.service: by level all agents of a group are alike: "
        "spread and tenure change nobody's speed: give shifts",
        "desk.yaml:9: contact_types.orders.follow_ups: every talk resolves the matter: give resolution",
    ]
    better = FULL.replace("{skills: [orders], slots: 2, spread: 10 %}", "{skills: {orders: {resolution: 90 %}}}")
    assert warnings(better.replace("2026-11-09", "2026-11-10")) == []


def test_more_at_work_than_the_desk_begins_with_are_pointed_out() -> None:
    in_hand = "group: seniors, contact_type: experts"
    busy = f"at_work: [{{{in_hand}, number: 2}}, {{{in_hand}, remaining: [60 s]}}]\n"
    assert warnings(FULL + busy)[-1:] == [
        "desk.yaml:15: at_work: 3 are in hand in seniors, which begins with 2 there: the others wait for it: "
        "give fewer, or more agents from the beginning"
    ]
    assert not any("at_work" in line for line in warnings(FULL + busy.replace("number: 2", "number: 1")))


def test_capacity_labels_in_two_spellings_are_refused() -> None:
    twice = FULL.replace("helper: {", "helper: {capacity: {8:00: 3, 08:00: 4}, ")
    Path("desk.yaml").write_text(twice, "utf-8")
    assert [str(problem) for problem in check("desk.yaml").problems] == [
        "desk.yaml:3: bots.helper.capacity.08:00 is given twice (first as 8:00)"
    ]


def test_a_table_alone_is_checked_and_added_up() -> None:
    rows = ("2026-11-10 08:00,08:30,5,300", "2026-11-10 08:30,09:00,6,310", "2026-11-11 08:00,08:30,7,9000")
    Path("day.csv").write_text("\n".join(["start,end,orders,aht_s", *rows]), "utf-8")
    report = check("day.csv")
    assert report.is_good
    assert report.expected == {"orders": {"2026-11-10": 11, "2026-11-11": 7}}
    assert [str(warning) for warning in report.warnings] == [
        "day.csv:4: aht_s is 9000: the median of the column is 310, is the unit right?"
    ]


def test_a_table_alone_with_all_kinds_of_faults() -> None:
    Path("day.csv").write_text("start,orders\n08:00,5\n08:15,-1\n08:30,x\n08:15,5\n09:00,5\n09:07,5\n9h,5\n", "utf-8")
    assert [str(problem) for problem in check("day.csv").problems] == [
        "day.csv:3: orders is -1: must not be negative",
        'day.csv:4: orders is "x": must be a number',
        "day.csv:5: 08:15 is given twice (first in line 3)",
        "day.csv:6: 1 interval(s) of 15 min are missing between 08:30 and 09:00",
        "day.csv:7: 09:07 is off the grid of 15 min",
        "day.csv:8: '9h' is no label: write \"HH:MM\" or \"YYYY-MM-DD HH:MM\"",
    ]


def test_busyness_that_changes_nothing_is_pointed_out() -> None:
    assert warnings(DESK + "busyness: {correlation: 30 %}\n") == [
        "desk.yaml:7: busyness.correlation: all days are alike, so nothing can go together: give a cv"
    ]
    fan = DESK.replace("per_hour: {0:00: 20, 18:00: 60}", "profile: {0:00: 1}, forecast: {p10: 200, p90: 300}")
    assert warnings(fan + "busyness: {by_type: {orders: 20 %}}\n") == [
        "desk.yaml:7: busyness.by_type.orders: days differ by the forecast here, which takes the place of busyness"
    ]
