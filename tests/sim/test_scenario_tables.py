"""Tables beside a scenario: as planners have them, with every number inside the scenario afterwards."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sim.demand import sample
from sim.scenario import Scenario
from sim.scenario_file import ScenarioErrors, dump, load, load_text, shifts_csv
from sim.staffing import StaffingPlan

DESK = """\
horizon: {{start: 2026-11-10 08:00, zone: Europe/Berlin, length: {length}, interval: 30 min}}
channels: {{phone: {{}}}}
contact_types:
  orders: {{channel: phone, talk: {talk}, arrivals: {arrivals}}}
agent_groups: {{service: {{skills: [orders]}}, experts: {{skills: [orders]}}}}
{more}
"""
RATE = "contact_types.orders.arrivals.per_hour"
TALK = "{family: exponential, mean: 5 min}"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def desk(arrivals: str = "{per_hour: 20}", talk: str = TALK, more: str = "", length: str = "2 h") -> Scenario:
    Path("desk.yaml").write_text(DESK.format(arrivals=arrivals, talk=talk, more=more, length=length), "utf-8")
    return load("desk.yaml")


def refused(**parts: Any) -> list[str]:
    with pytest.raises(ScenarioErrors) as errors:
        desk(**parts)
    return [str(problem) for problem in errors.value.problems]


def rates(scenario: Scenario) -> dict[str, float] | None:
    arrivals = scenario.contact_types["orders"].arrivals
    assert arrivals is not None
    return arrivals.per_hour


# -------------------------------------------------------------------------------------------------------- the format


@pytest.mark.parametrize(
    "raw",
    [
        b"start,orders,returns\n08:00,12.5,1\n09:00,20,2\n",
        b"start;orders;returns\r\n8:00;12,5;1\r\n9:00;20;2\r\n",
        b"\xef\xbb\xbftime\torders\treturns\n08:00:00\t12.5\t1\n09:00:00\t20\t2\n",
        "# aus der Anlage, 10. März\nStart|Länge|Orders\n\n08:00|60|12,5\n09:00|60|20\n".encode(),
        b'"start","orders"\n"08:00"," 12.5 "\n"09:00","20"\n',
        "来电,start,orders\n5,08:00,12.5\n6,09:00,20\n".encode("gb18030"),
    ],
)
def test_tables_come_as_planners_have_them(raw: bytes) -> None:
    Path("day.csv").write_bytes(raw)
    assert rates(desk("{per_hour: {file: day.csv}}")) == {"08:00": 12.5, "09:00": 20}


def test_a_column_may_be_named_or_be_the_only_one() -> None:
    Path("day.csv").write_text("start,a,b\n08:00,1,2\n", "utf-8")
    assert rates(desk("{per_hour: {file: day.csv, column: b}}")) == {"08:00": 2}
    Path("day.csv").write_text("start,share\n2026-11-10 08:00,1\n", "utf-8")
    assert rates(desk("{per_hour: {file: day.csv}}")) == {"2026-11-10 08:00": 1}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "day.csv: the table is empty: give it a header and rows"),
        (b"start,orders\n", "day.csv: the table is empty: give it a header and rows"),
        (b"start,orders\n08:00,12,5\n", "day.csv:2: the row has 3 cells, the header has 2"),
        (b"start,orders,orders\n08:00,1,2\n", "day.csv:1: the column 'orders' comes twice"),
        (b"start,orders\n8h,1\n", "day.csv:2: '8h' is no label: write \"HH:MM\""),
        (b"start,orders\n08:00,many\n", f"day.csv:2: {RATE}.08:00 is \"many\": must be a number"),
        (b"start,orders\n08:00,\n", f"day.csv:2: {RATE}.08:00 is empty"),
        (b"start,orders\n8:00,1\n08:00,2\n", f"day.csv:3: {RATE}.08:00 is given twice (first in line 2)"),
        (b"start,orders\n08:00,-1\n", f"day.csv:2: {RATE}.08:00 is -1: must not be negative"),
        (b"start,orders\n08:00,nan\n", f"day.csv:2: {RATE}.08:00 is nan: must be a finite number"),
        (b'start,orders\n08:00,"1\n', "day.csv:2: this is no CSV"),
        ("start,orders\n08:00,1\n".encode("utf-16"), "day.csv: the file is neither UTF-8 nor GB18030"),
    ],
)  # fmt: skip
def test_a_table_with_a_fault_names_its_line(raw: bytes, message: str) -> None:
    Path("day.csv").write_bytes(raw)
    assert refused(arrivals="{per_hour: {file: day.csv}}")[0].startswith(message)


def test_all_faults_of_a_table_are_told_at_once() -> None:
    Path("day.csv").write_text("start,orders\n08:00,x\n9h,1\n10:00,-5\n", "utf-8")
    found = refused(arrivals="{per_hour: {file: day.csv}}", more="routing: prio")
    assert [message.split(": ")[0] for message in found] == ["day.csv:2", "day.csv:3", "day.csv:4", "desk.yaml:6"]


def test_a_reference_has_no_other_keys() -> None:
    Path("day.csv").write_text("start,orders\n08:00,1\n", "utf-8")
    (message,) = refused(arrivals='{per_hour: {file: day.csv, "09:00": 5}}')
    assert "a reference to a table has the keys file, table, column" in message


# --------------------------------------------------------------------------------------------- where tables may stand


def test_profiles_are_shared() -> None:
    Path("week.csv").write_text("start,shape\n08:00,1\n09:00,3\n", "utf-8")
    shared = "profiles: {weekday: {file: week.csv, column: shape}, flat: 1}"
    arrivals = desk("{per_day: 100, profile: weekday}", more=shared).contact_types["orders"].arrivals
    assert arrivals is not None
    assert arrivals.profile == {"08:00": 1, "09:00": 3}
    assert refused(arrivals="{per_day: 100, profile: weekday}", more="profiles: {weekday: {8:00: -1}}") == [
        "desk.yaml:6: profiles.weekday.8:00 is -1: must not be negative: write 0 or more"
    ]


def test_a_table_in_an_overlay_replaces_the_whole_series() -> None:
    Path("day.csv").write_text("start,orders\n08:00,1\n", "utf-8")
    desk("{per_hour: {8:00: 5, 9:30: 6}}")
    Path("over.yaml").write_text("contact_types: {orders: {arrivals: {per_hour: {file: day.csv}}}}\n", "utf-8")
    assert rates(load("desk.yaml", ["over.yaml"])) == {"08:00": 1}
    Path("patch.yaml").write_text("contact_types: {orders: {arrivals: {per_hour: {08:30: 9}}}}\n", "utf-8")
    assert rates(load("desk.yaml", ["over.yaml", "patch.yaml"])) == {"08:00": 1, "08:30": 9}


def test_observed_durations_come_from_a_file() -> None:
    Path("talk.csv").write_text("seconds\n120\n95.5\n300\n", "utf-8")
    talk = desk(talk="{family: empirical, file: talk.csv}").contact_types["orders"].talk
    assert talk.average == pytest.approx(171.8333, abs=1e-4)
    Path("talk.csv").write_text("agent;held\n7;120,5\n", "utf-8")
    assert desk(talk="{family: empirical, file: talk.csv, column: held}").contact_types["orders"].talk.average == 120.5
    Path("talk.csv").write_text("seconds\n-1\n", "utf-8")
    assert refused(talk="{family: empirical, file: talk.csv}") == [
        "talk.csv:2: contact_types.orders.talk.values.0 is -1: must not be negative: write 0 or more"
    ]


def test_levels_have_one_column_for_each_group() -> None:
    Path("levels.csv").write_text("from,service,experts\n08:00,5,2\n09:00,6,0\n", "utf-8")
    for more in ("staffing: {levels: levels.csv}", "staffing: {levels: {file: levels.csv}}"):
        staffing = desk(more=more).staffing
        assert staffing is not None
        assert staffing.levels == {"service": {"08:00": 5, "09:00": 6}, "experts": {"08:00": 2, "09:00": 0}}
    Path("levels.csv").write_text("from,service,expert\n08:00,5,2.5\n", "utf-8")
    assert refused(more="staffing: {levels: levels.csv}") == [
        "levels.csv:1: staffing.levels.expert: there is no agent group 'expert': did you mean 'experts'?",
        "levels.csv:2: staffing.levels.expert.08:00 is 2.5: must be a whole number: write for example 3",
    ]


def test_shifts_come_from_a_table_and_go_back_into_it() -> None:
    table = (
        "template,group,start,length,day,breaks,number\n"
        "early,service,08:00,8 h,,3 h+1 h; 6 h+15 min paid,4\n"
        ",experts,22:00,4.5 h,2026-11-10,,1\n"
    )
    Path("shifts.csv").write_text(table, "utf-8")
    staffing = desk(more="staffing: {shifts: shifts.csv}").staffing
    assert staffing is not None
    assert staffing.shifts is not None
    early, late = staffing.shifts
    breaks = [(pause.after, pause.length, pause.paid) for pause in early.breaks]
    assert breaks == [(10800, 3600, False), (21600, 900, True)]
    assert (early.number, early.day, late.day, late.start) == (4, None, date(2026, 11, 10), 1320)
    Path("again.csv").write_text(shifts_csv(staffing.shifts), "utf-8")
    assert desk(more="staffing: {shifts: again.csv}").staffing == StaffingPlan(shifts=staffing.shifts)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("group,start,lenght\nservice,08:00,8 h\n", "1: no such column: lenght: did you mean 'length'?"),
        ("group,start\nservice,08:00\n", "1: the column length is missing"),
        ("group,start,length\nservice,08:00,8\n", "2: staffing.shifts.0.length is 8: a duration is a number with a u"),
        ("group,start,length,number\nservice,08:00,8 h,two\n", '2: staffing.shifts.0.number is "two": must be a whole'),
        ("group,start,length,breaks\nservice,08:00,8 h,noon\n", '2: staffing.shifts.0.breaks is "noon": this is no'),
        ("group,start,length,day\nservice,08:00,8 h,monday\n", '2: staffing.shifts.0.day is "monday": must be a day'),
    ],
)
def test_a_shift_with_a_fault_names_its_line(table: str, message: str) -> None:
    Path("shifts.csv").write_text(table, "utf-8")
    assert refused(more="staffing: {shifts: shifts.csv}")[0].startswith(f"shifts.csv:{message}")


# ------------------------------------------------------------------------------------------------------------ a trace


def arrivals_of(table: str, length: str = "2 h") -> list[float]:
    Path("trace.csv").write_text(table, "utf-8")
    return [row.arrival for row in desk(more="trace: {file: trace.csv}", length=length).trace or ()]


def test_a_trace_counts_seconds_or_tells_the_local_time() -> None:
    assert arrivals_of("arrival,type\n0,orders\n12.5,orders\n1 min,orders\n") == [0, 12.5, 60]
    assert arrivals_of("arrival,contact_type\n08:00:05.5,orders\n8:30,orders\n") == [5.5, 1800]
    assert arrivals_of("type;arrival\norders;2026-11-10 09:00:01\n") == [3601]
    assert arrivals_of("arrival,type\n2026-11-10T08:00:01+00:00,orders\n") == [3601]


def test_a_trace_may_tell_talk_and_patience() -> None:
    Path("trace.csv").write_text("arrival;type;talk;patience\n5;orders;120,5;\n6;orders;;1 min\n", "utf-8")
    rows = desk(more="trace: {file: trace.csv}").trace or ()
    assert [(row.talk, row.patience) for row in rows] == [(120.5, None), (None, 60)]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("type\n10:30:00,orders\n", "2: trace.0.arrival: 10:30:00 lies outside the horizon (2026-11-10 08:00 to 2026"),
        ("type\n2026-11-09 08:00,orders\n", "2: trace.0.arrival: 2026-11-09 08:00 lies before the start of the"),
        ("type\n8000,orders\n", "2: trace.0.arrival: 8000 s lies past the end of the horizon (2 h)"),
        ("type\n-5,orders\n", "2: trace.0.arrival is -5 s: must not be negative"),
        ("type\n9:00:75,orders\n", '2: trace.0.arrival: 9:00:75 is no time: write "18:30:05"'),
        ("type\n5,ordres\n", "2: trace.0.contact_type: there is no contact type 'ordres': did you mean 'orders'?"),
        ("type\n,orders\n", "2: trace.0.arrival is missing"),
        ("typ\n5,orders\n", "1: no such column: typ"),
    ],
)
def test_a_trace_with_a_fault_names_its_line(table: str, message: str) -> None:
    Path("trace.csv").write_text(f"arrival,{table}", "utf-8")
    assert refused(more="trace: {file: trace.csv}")[0].startswith(f"trace.csv:{message}")


def test_a_time_that_comes_on_two_days_needs_its_date() -> None:
    Path("trace.csv").write_text("arrival,type\n08:30:00,orders\n", "utf-8")
    (message,) = refused(more="trace: {file: trace.csv}", length="30 h")
    assert message == (
        "trace.csv:2: trace.0.arrival: 08:30:00 comes more than once in the horizon: give it with its date"
    )
    assert arrivals_of("arrival,type\n2026-11-11 08:30:00,orders\n", length="30 h") == [88200]


def test_a_trace_goes_into_the_text_of_its_scenario() -> None:
    Path("trace.csv").write_text("arrival,type,talk\n08:00:05,orders,120\n0.1,orders,\n", "utf-8")
    scenario = desk(more="trace: {file: trace.csv}")
    text = dump(scenario)
    assert "  table: |" in text
    assert load_text(text) == scenario
    with pytest.raises(ScenarioErrors) as errors:
        load_text(text.replace("120.0", "many"), name="frozen.yaml")
    (problem,) = errors.value.problems
    assert problem.line
    assert "5.0,orders,many" in text.replace("120.0", "many").splitlines()[problem.line - 1]


# ------------------------------------------------------------------------------------------------- bots and a backlog


def test_a_bot_s_capacity_and_drift_come_from_tables() -> None:
    Path("bot.csv").write_text("start,helper,orders\n08:00,5,1\n09:00,8,0.9\n", "utf-8")
    journey = "{uses: helper, drift: {file: bot.csv}, duration: {family: exponential, mean: 1 min}}"
    found = desk(talk=f"{TALK}, bot: {journey}", more="bots: {helper: {capacity: {file: bot.csv}}}")
    assert found.bots["helper"].capacity == {"08:00": 5, "09:00": 8}
    bot = found.contact_types["orders"].bot
    assert bot is not None
    assert bot.drift == {"08:00": 1, "09:00": 0.9}


def test_open_contacts_come_from_a_table() -> None:
    Path("open.csv").write_text("type;age\norders;90 min\norders;12,5\n", "utf-8")
    found = desk(more="backlog: open.csv")
    assert found.backlog["orders"].ages == (5400, 12.5)
    assert load_text(dump(found)) == found
    assert sample(found, 1, 0).arrival_ms[:2].tolist() == [-5_400_000, -12_500]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("contact_type,age\norders,old\n", 'open.csv:2: backlog.orders.ages.0 is "old": a duration is a number'),
        ("contact_type,age\norder,5\n", "open.csv:2: backlog.order: there is no contact type 'order'"),
        ("contact_type,since\norders,5\n", "open.csv:1: no such column: since: known: contact_type, age"),
    ],
)
def test_a_backlog_with_a_fault_names_its_line(table: str, message: str) -> None:
    Path("open.csv").write_text(table, "utf-8")
    (problem,) = refused(more="backlog: open.csv")
    assert problem.startswith(message)
