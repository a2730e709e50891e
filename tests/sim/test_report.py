"""A result drawn, tabulated and put on a page."""

import base64
import hashlib
import re
from xml.etree import ElementTree as ET

import centres
import numpy as np
import pytest

from sim.report import figures, flow_figures, full_figures, full_tables, tables, text
from sim.report.figures import svg
from sim.report.page import page, report, run_again
from sim.report.records import Records, number, seconds, share, target_text, with_interval
from sim.results import PlanRecord, Record, Result
from sim.scenario import Scenario
from sim.staffing import BreakAt, ShiftCount
from sim.summary import simulate

EXPONENTIAL = {"family": "exponential", "mean": "3 min"}
ANGRY = {
    "arrivals": {"per_hour": 30},
    "talk": EXPONENTIAL,
    "patience": EXPONENTIAL,
    "bot": {
        "containment": "30 %", "resolved": "80 %", "give_up": "10 %",
        "duration": {"family": "deterministic", "value": "20 s"},
    },
}  # fmt: skip


def evening(**parts: object) -> Scenario:
    """Four hours over midnight, two types of which one meets a bot, two groups, a target on each kind of thing."""
    return centres.centre(
        {"orders": {"arrivals": {"per_hour": 40}, "talk": EXPONENTIAL, "patience": EXPONENTIAL}, "投诉": ANGRY},
        start="2026-11-10 22:00",
        length="4 h",
        zone="Asia/Shanghai",
        agent_groups={
            "all": {"skills": ["orders", "投诉"], "cost_per_hour": 30},
            "night": {"skills": ["orders"], "cost_per_hour": 40},
        },
        staffing={"levels": {"all": {"22:00": 4}, "night": {"22:00": 0, "00:00": 2}}},
        targets=[
            {"measure": "service_level", "contact_types": ["orders"], "threshold": "30 s", "at_least": "20 %"},
            {"measure": "service_level", "per": "interval", "at_least": "99.9 %"},
            {"measure": "abandonment", "at_most": "50 %"},
        ],
        **parts,
    )


@pytest.fixture(scope="module")
def result() -> Result:
    return simulate(evening(name="evening"), replications=4, seed=1, engine="reference")


@pytest.fixture(scope="module")
def planned(result: Result) -> Result:
    shift = ShiftCount(
        group="all", start="22:00", length="4 h", number=3, breaks=(BreakAt(after="2 h", length="15 min", paid=True),)
    )
    worse = [target.model_copy(update={"status": "missed"}).model_dump(mode="json") for target in result.targets]
    plan = PlanRecord(
        heads=9, shifts_worked=9, fte=4.5, paid_hours=36, cost=1080, objective="cost", status="certified",
        bound=None, bound_class="none", gap=None, shifts=(shift,),
        details={
            "baseline": {"name": "Erlang C + cover", "heads": 12, "shifts_worked": 12, "fte": 6.0, "paid_hours": 48.0,
                         "cost": 1440.0, "targets": worse},
            "solver": {"status": "feasible", "objective": 1000.0, "bound": 990.0, "gap": 0.01},
        },
    )  # fmt: skip
    return result.model_copy(update={"plan": plan, "command": "plan"})


Drawings = dict[str, figures.Drawing]


def draw(result: Result) -> Drawings:
    records = Records(result.estimates)
    return figures.draw(records, result.targets) | full_figures.draw(records)


@pytest.fixture(scope="module")
def drawn(result: Result) -> Drawings:
    return draw(result)


@pytest.fixture(scope="module")
def files(result: Result) -> dict[str, bytes]:
    return report(result)


@pytest.fixture(scope="module")
def html(files: dict[str, bytes]) -> str:
    return files["report.html"].decode()


@pytest.fixture(scope="module")
def planned_html(planned: Result) -> str:
    return page(planned, {}, {})


# ----------------------------------------------------------------------------------------------------------- figures


def test_every_figure_has_data_in_a_simulation_with_a_bot(drawn: Drawings) -> None:
    assert list(drawn) == ["coverage", "service-level", "queue-length", "waits", "occupancy", "flow"]


def test_the_same_result_is_drawn_in_the_same_bytes(result: Result, files: dict[str, bytes]) -> None:
    assert {f"figures/{name}.svg": svg(drawing) for name, drawing in draw(result).items()} == {
        name: content for name, content in files.items() if name.endswith(".svg")
    }


def test_figures_tell_screen_readers_what_they_show_and_nobody_when_they_were_made(drawn: Drawings) -> None:
    for drawing in drawn.values():
        picture = svg(drawing)
        root = ET.fromstring(picture)
        space = "{http://www.w3.org/2000/svg}"
        assert root.get("role") == "img"
        assert root.findtext(f"{space}title") == drawing.title
        assert root.findtext(f"{space}desc") == drawing.description
        assert b"<dc:date>" not in picture


def test_a_target_on_service_has_a_panel_of_its_own_with_its_level(drawn: Drawings) -> None:
    panels = drawn["service-level"].figure.axes
    assert [axes.get_title("left") for axes in panels] == [
        "≥ 20 % in 30 s: orders",
        "≥ 99.9 % in each interval: all contact types",
    ]
    assert [axes.lines[-1].get_ydata()[0] for axes in panels] == pytest.approx([0.2, 0.999])


def test_the_clock_axis_is_local_and_names_each_day(drawn: Drawings) -> None:
    axes = drawn["queue-length"].figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "22:00\n10 Nov", "23:00", "00:00\n11 Nov", "01:00",
    ]  # fmt: skip


def test_what_flows_into_a_bar_flows_out_of_it_again(result: Result) -> None:
    records = Records(result.estimates)
    flow: dict[str, float] = {}
    for source, target, count, _ in flow_figures._links(flow_figures._counts(records)):
        flow[target] = flow.get(target, 0.0) + count
        flow[source] = flow.get(source, 0.0) - count
    assert flow.pop("first") == pytest.approx(-(records.mean("arrived") or 0))
    assert flow.pop("arrived") == pytest.approx(0.0)
    assert flow.pop("bot", 0.0) == pytest.approx(0.0)
    assert flow.pop("asked", 0.0) == pytest.approx(0.0)
    assert sum(flow.values()) == pytest.approx(records.mean("arrived"))


def test_agents_scheduled_stand_where_the_levels_put_them(drawn: Drawings) -> None:
    night = drawn["coverage"].figure.axes[2].lines[0].get_ydata()
    np.testing.assert_array_equal(night, [0, 0, 0, 0, 2, 2, 2, 2, 2])


# ------------------------------------------------------------------------------------------------------------ numbers


def estimate(mean: float | None, low: float | None, high: float | None, unit: str) -> Record:
    return Record(
        measure="asa", formula="ASA-1", by={}, mean=mean, low=low, high=high, half_width=None, level=0.95,
        method="student", replications=4, n=4, unit=unit,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mean", "low", "high", "unit", "said"),
    [
        (0.842, 0.831, 0.853, "share", "84.2 % (83.1–85.3)"),
        (0.999, 0.998, 1.001, "share", "99.9 % (99.8–100.0)"),
        (8.44, 7.9, 9.0, "s", "8.4 s (7.9–9.0)"),
        (70.0, 58.0, 82.4, "s", "1:10 min (58.0 s–1:22 min)"),
        (5400.0, 5000.0, 5800.0, "s", "1:30 h (1:23–1:37)"),
        (1234.5, 1200.0, 1270.0, "contacts", "1,234 (1,200–1,270)"),
        (12.0, 12.0, 12.0, "heads", "12"),
        (12.0, None, None, "contacts", "12"),
        (None, None, None, "share", "–"),
    ],
)
def test_estimates_are_said_with_their_interval(
    mean: float | None, low: float | None, high: float | None, unit: str, said: str
) -> None:
    assert with_interval(estimate(mean, low, high, unit)) == said


def test_rounding_never_says_sixty_seconds() -> None:
    assert [seconds(59.94), seconds(59.96), seconds(3599.4), seconds(3599.6)] == [
        "59.9 s", "1:00 min", "59:59 min", "1:00 h",
    ]  # fmt: skip
    assert (share(0.12345), number(99.95), number(12345.6)) == ("12.3 %", "100.0", "12,346")


# ------------------------------------------------------------------------------------------------------------- tables


def test_a_target_is_said_in_words(result: Result) -> None:
    assert [target_text(target) for target in result.targets] == [
        "service level ≥ 20 % in 30 s: orders",
        "service level ≥ 99.9 % in each interval: all contact types",
        "abandonment ≤ 50 %: all contact types",
    ]


def test_the_verdict_counts_what_is_missed_first(result: Result) -> None:
    assert [target.status for target in result.targets] == ["certified", "missed", "certified"]
    assert tables.verdict(result.targets).sentence == "Of 3 targets: 1 missed, 2 certified."
    assert tables.verdict(result.targets[:1]).sentence == "The target is certified."
    assert tables.verdict(()).status is None


def test_a_target_with_many_windows_says_in_which_it_fared_worst(result: Result) -> None:
    row = tables.targets_table(result).rows[1]
    assert re.fullmatch(r"2026-11-1[01] \d\d:[03]0", row[3])


def test_the_formula_stands_beside_the_service_level(result: Result) -> None:
    assert "service level (SL-4)" in tables.service_table(Records(result.estimates)).head
    assert {row[2] for row in tables.targets_table(result).rows} == {"SL-4", "AB-1"}


def test_heads_fte_hours_and_cost_come_together(result: Result, planned: Result) -> None:
    assert tables.staffing_line(result) == "staffing: 6 heads, 2.5 FTE, 20 paid hours, 640 EUR"
    assert tables.staffing_line(planned) == (
        "plan: 9 heads, 9 shifts worked, 4.5 FTE, 36 paid hours, 1,080 EUR; objective: least cost"
    )


def test_the_baseline_stands_beside_the_plan(planned: Result) -> None:
    assert tables.staffing_table(planned).rows[0] == ("heads", "9", "12", "−25.0 %")
    assert tables.staffing_table(planned).rows[-1] == ("targets certified or met", "2 of 3", "0 of 3", "")
    assert [(row[0], row[-1]) for row in tables.targets_table(planned).rows] == [
        ("certified", "missed"),
        ("missed", "missed"),
        ("certified", "missed"),
    ]


def test_a_solver_gap_is_never_given_as_that_of_the_plan(planned: Result) -> None:
    table = tables.solver_table(planned)
    assert table is not None
    said = dict(table.rows)
    assert (said["lower bound"], said["gap to it"]) == ("none", "–")
    assert said["last covering model"] == "feasible, gap 1.00 %: of the model, not of the plan"


def test_columns_line_up_under_wide_characters_too() -> None:
    table = tables.Table("", ("type", "n"), (("投诉", "1"), ("orders", "1,000")))
    assert list(text.lines(table)) == ["type        n", "投诉        1", "orders  1,000"]


def test_the_longest_words_give_way_on_a_narrow_screen() -> None:
    table = tables.Table("", ("target", "n"), (("a" * 60, "1"),))
    assert list(text.lines(table, width=40))[1] == f"{'a' * 36}…  1"


def test_figures_without_room_follow_in_a_block_of_their_own() -> None:
    table = tables.Table("", ("type", "first", "second"), (("orders", "1" * 20, "2" * 20),))
    assert list(text.lines(table, width=40)) == [
        "type                   first",
        f"orders  {'1' * 20}",
        "type                  second",
        f"orders  {'2' * 20}",
    ]


# --------------------------------------------------------------------------------------------------------------- page


def test_the_page_needs_nothing_from_anywhere(html: str) -> None:
    assert not re.findall(r'(?:src|href)\s*=\s*"(?!data:image/svg)', html)
    assert "<script" not in html
    assert "url(" not in html


def test_the_policy_knows_the_style_sheet_by_its_hash_and_allows_nothing_else(html: str) -> None:
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    assert style is not None
    assert policy is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy[1].replace("&#39;", "'") == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert not re.search(r'\sstyle="', html)


def test_names_are_text_and_never_markup() -> None:
    hostile = evening(name='<script>alert("1")</script>', description="a & b <img src=x>")
    html = page(simulate(hostile, replications=2, seed=1, engine="reference"), {}, {})
    assert "<script" not in html
    assert "<img src=x>" not in html
    assert "a &amp; b &lt;img src=x&gt;" in html


def test_the_top_of_the_page_says_what_matters(planned_html: str) -> None:
    top = planned_html[planned_html.index("<main>") : planned_html.index("<h2>Figures")]
    for part in (
        "1 missed",
        ">heads<",
        ">FTE<",
        ">paid hours<",
        ">cost, EUR<",
        ">least cost<",
        "Erlang C + cover: 12 (−25.0 %)",
    ):
        assert part in top


def test_a_page_of_a_simulation_shows_no_plan(html: str, planned_html: str) -> None:
    for part in ("Erlang C", "<summary>Shifts"):
        assert part in planned_html
        assert part not in html


def test_figures_carry_their_words_into_the_page(html: str) -> None:
    images = re.findall(r'<img src="data:image/svg\+xml;base64,[^"]+" alt="([^"]+)"', html)
    assert len(images) == 6
    assert all(len(words) > 40 for words in images)


def test_the_page_tells_how_to_run_it_again(result: Result, planned: Result, html: str) -> None:
    assert run_again(result) == "peakdesk simulate scenario.yaml --replications 4 --seed 1 --staffing by-level"
    assert "--plan plan.json" in run_again(planned)
    for part in (result.scenario.hash, result.versions["numpy"]):
        assert part in html


def test_a_report_holds_the_page_and_each_figure_twice(drawn: Drawings, files: dict[str, bytes]) -> None:
    assert sorted(files) == sorted(
        ["report.html", *(f"figures/{name}.{form}" for name in drawn for form in ("svg", "png"))]
    )
    assert all(files[name].startswith(b"\x89PNG") for name in files if name.endswith("png"))


# ---------------------------------------------------------------------------------------------------------- full runs


@pytest.fixture(scope="module")
def everything() -> Result:
    """Two hours of calls with redials and call-backs, and mail that waits in a backlog; customers have their say."""
    calls = {
        "arrivals": {"per_hour": 60}, "talk": EXPONENTIAL, "patience": EXPONENTIAL, "resolution": "80 %",
        "call_back": {"wait": "30 s", "accepted": "50 %", "promise": "10 min"},
        "follow_ups": {
            "redial": {"on": "abandoned", "chance": "60 %"},
            "repeat": {"on": "unresolved", "chance": "60 %", "delay": EXPONENTIAL},
        },
        "bot": ANGRY["bot"],
    }  # fmt: skip
    mail = {"channel": "mail", "arrivals": {"per_hour": 30}, "talk": EXPONENTIAL, "due": {"within": "20 min"}}
    desk = centres.centre(
        {"calls": calls, "mail": mail},
        length="2 h",
        channels={"phone": {}, "mail": {"deferred": True}},
        agent_groups={"all": {"skills": ["calls", "mail"], "cost_per_hour": 30}},
        staffing={"levels": {"all": {"00:00": 4}}},
        backlog={"mail": {"number": 20, "age": EXPONENTIAL}},
        customers={"window": "30 min", "satisfaction": {}, "complaints": {"unserved": "5 %"}},
    )
    return simulate(desk, replications=3, seed=1, engine="reference")


def test_a_full_run_is_drawn_with_backlog_follow_ups_and_satisfaction(everything: Result) -> None:
    drawn = full_figures.draw(Records(everything.estimates))
    assert list(drawn) == [
        "backlog", "flow", "follow-ups", "first-response", "satisfaction", "satisfaction-by-type", "bot-saving",
    ]  # fmt: skip
    assert "redials" in drawn["flow"].description


def test_the_flow_of_a_full_run_loses_nobody_on_its_way(everything: Result) -> None:
    records = Records(everything.estimates)
    inside: dict[str, float] = {}
    for source, target, count, _ in flow_figures._links(flow_figures._counts(records)):
        inside[target] = inside.get(target, 0.0) + count
        inside[source] = inside.get(source, 0.0) - count
    for bar in ("arrived", "bot", "asked"):
        assert inside[bar] == pytest.approx(0.0, abs=1e-9)


def test_a_full_run_has_its_tables_on_the_page(everything: Result) -> None:
    html = report(everything)["report.html"].decode()
    for title in ("Customers", "Promises", "Deferred work", "What the bot saves", "Satisfaction"):
        assert f"<h3>{title}</h3>" in html
    assert "FCR-1" in html
    found = {table.title: table for table in full_tables.full_tables(Records(everything.estimates))}
    promises = found["Promises"]
    assert [row[0] for row in promises.rows] == ["calls", "all"]


def test_the_assumptions_say_what_is_switched_on(everything: Result) -> None:
    html = page(everything, {}, {})
    assert "calls/redial, calls/repeat" in html
    assert "open from before: 20 mail" in html
    assert "all who are planned come" in html
