"""One self-contained HTML page about a result: no network, no scripts, printable, under a strict content policy.

Figures stand in it as SVG images, so that the policy can forbid all but them and the one style sheet, by its hash.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from sim.formulas import FORMULAS
from sim.report import comparison_figures, figures, full_figures
from sim.report.comparison import comparison_tables
from sim.report.explained import explanation_of
from sim.report.figures import Drawing
from sim.report.full_tables import full_tables
from sim.report.records import Records, number
from sim.report.tables import (
    STAFFING,
    Table,
    baseline,
    bot_table,
    change,
    currency,
    days_table,
    groups_table,
    money_table,
    saved_line,
    service_table,
    shifts_table,
    solver_table,
    staffing_figures,
    staffing_table,
    targets_table,
    verdict_of,
)
from sim.results import Result


@dataclass(frozen=True)
class Card:
    """One of the figures at the top."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A figure as the page shows it: `source` is a data URL."""

    title: str
    description: str
    source: str


def report(result: Result) -> dict[str, bytes]:
    """Files of a report by their path in the run folder: report.html, and each figure as SVG and PNG."""
    records = Records(result.estimates)
    drawings = comparison_figures.draw(result) | figures.draw(records, result.targets) | full_figures.draw(records)
    pictures = {name: figures.svg(drawing) for name, drawing in drawings.items()}
    made = {"report.html": page(result, drawings, pictures).encode()}
    made |= {f"figures/{name}.svg": svg for name, svg in pictures.items()}
    return made | {f"figures/{name}.png": figures.png(drawing) for name, drawing in drawings.items()}


def page(result: Result, drawings: Mapping[str, Drawing], pictures: Mapping[str, bytes]) -> str:
    """The page; `pictures` are the drawings as SVG."""
    shown = _pictures(drawings, pictures)
    return rendered("page.html.j2", result=result, figures=shown, **_content(result))


def rendered(template: str, **content: Any) -> str:
    """A page by its template, with its style sheet and its policy."""
    style = _text("page.css")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    found = environment.from_string(_text("macros.html.j2") + _text(template))
    return found.render(policy=_policy(style), style=Markup(style), **content)


def _pictures(drawings: Mapping[str, Drawing], pictures: Mapping[str, bytes]) -> list[Picture]:
    return [Picture(one.title, one.description, data_url(pictures[name])) for name, one in drawings.items()]


def _text(name: str) -> str:
    return (files("sim.report") / name).read_text(encoding="utf-8")


def _policy(style: str) -> str:
    """Nothing may be loaded, sent or run; the style sheet is known by its hash."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def data_url(svg: bytes) -> str:
    """A figure as the address of an image."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"


def _content(result: Result) -> dict[str, Any]:
    """What the template shows besides figures."""
    records = Records(result.estimates)
    horizon: Any = result.scenario.document["horizon"]
    return {
        "verdict": verdict_of(result),
        "alone": f"The baseline, {result.candidates[0].name}, by itself" if result.candidates else "",
        "description": result.scenario.document.get("description", ""),
        "subtitle": _subtitle(result, horizon),
        "zone": horizon.get("zone", "UTC"),
        "level": _level(result),
        "cards": [] if result.candidates else _cards(result),
        "top": _kept(
            *comparison_tables(result),
            None if result.candidates else targets_table(result),
            staffing_table(result) if baseline(result) else None,
        ),
        "tables": _kept(
            service_table(records),
            groups_table(records),
            bot_table(records),
            *full_tables(records),
            days_table(records),
            money_table(records),
            solver_table(result),
            *explanation_of(result),
        ),
        "shifts": shifts_table(result),
        "assumptions": _assumptions(result, horizon),
        "sources": _sources(result),
        "formulas": _formulas(result),
        "again": run_again(result),
        "saved": saved_line(result),
        "provenance": _provenance(result),
    }


def _kept(*tables: Table | None) -> Sequence[Table]:
    return [table for table in tables if table is not None and table.rows]


def _subtitle(result: Result, horizon: Mapping[str, Any]) -> str:
    start = datetime.fromisoformat(horizon["start"])
    done = "Shifts proposed and proved" if result.plan else "Simulated"
    if result.candidates:
        done = f"{len(result.candidates)} candidates on the same customers"
    return (
        f"{done} over {horizon['length']} from {start:%A %d %B %Y, %H:%M} ({horizon.get('zone', 'UTC')}), "
        f"{result.replications} replications, {result.staffing.replace('_', ' ')}."
    )


def _level(result: Result) -> str:
    level = result.estimates[0].level if result.estimates else 0.95
    return f"{level * 100:.0f} %"


def _cards(result: Result) -> list[Card]:
    """Heads, FTE, hours, cost, each beside the baseline's; and what was minimised."""
    plan, other = staffing_figures(result), baseline(result)
    cards = []
    for name, label in STAFFING:
        if name in plan:
            note = f"{other['name']}: {number(other[name])} ({change(plan[name], other[name])})" if other else ""
            cards.append(Card(f"{label}, {currency(result)}" if name == "cost" else label, number(plan[name]), note))
    if result.plan:
        cards.append(Card("objective", f"least {result.plan.objective}"))
    return cards


# ------------------------------------------------------------------------------------------- assumptions, provenance


def _assumptions(result: Result, horizon: Mapping[str, Any]) -> Table:
    document: dict[str, Any] = result.scenario.document
    how = "each agent keeps to hours of their own" if result.staffing == "by_person" else "heads by interval"
    routing = document.get("routing", "priority")
    rows = (
        ("horizon", f"{horizon['start'].replace('T', ' ')}, {horizon['length']}, intervals of {_interval(horizon)}"),
        ("contact types", str(len(document["contact_types"]))),
        ("events", ", ".join(_event(*event) for event in document.get("events", {}).items()) or "none"),
        ("busyness of a day", _busyness(document)),
        ("follow-ups", ", ".join(_follow_ups(document)) or "none: whoever is gone stays away"),
        ("routing", routing if isinstance(routing, str) else str(routing.get("policy", "priority"))),
        ("staffing", f"simulated {result.staffing.replace('_', ' ')}: {how}; {_attendance(document)}"),
        ("start", _start(document)),
        ("booking", f"contacts count in the interval of {document.get('booking', 'asking')}"),
    )
    return Table("Assumptions", ("", ""), rows, 2)


def _event(name: str, event: Mapping[str, Any]) -> str:
    return f"{name} ({event['chance']:.3g} of all days)" if event.get("chance", 1) < 1 else name


def _busyness(document: Mapping[str, Any]) -> str:
    """What makes days, and intervals, differ at random."""
    said = document.get("busyness", {})
    spreads = [f"cv {said['cv']:g}"] if said.get("cv") else []
    spreads += [f"{name} {cv:g}" for name, cv in said.get("by_type", {}).items()]
    words = [f"gamma, mean 1, {', '.join(spreads)}"] if spreads else []
    together = said.get("correlation", 1.0)
    if spreads and together != 1:
        shared = "in pairs" if isinstance(together, dict) else f"of {together:g}"
        words.append(f"types with a correlation {shared}")
    if swings := said.get("intervals"):
        words.append(f"intervals {swings['law']}, cv {swings['cv']:g}, correlation {swings['correlation']:g}")
    fans = [name for name, kind in document["contact_types"].items() if (kind.get("arrivals") or {}).get("forecast")]
    if fans:
        words.append(f"{', '.join(fans)} by quantiles of a forecast")
    if forecast := document.get("forecast"):
        words.append(f"{', '.join(forecast['paths'][0])} by {len(forecast['paths'])} paths of a forecast")
    return "; ".join(words) or "every day alike"


def _follow_ups(document: Mapping[str, Any]) -> list[str]:
    kinds = document["contact_types"].items()
    return [f"{name}/{rule}" for name, kind in kinds for rule in kind.get("follow_ups", {})]


def _attendance(document: Mapping[str, Any]) -> str:
    drawn = [name for name, group in document["agent_groups"].items() if group.get("attendance")]
    return f"who really comes is drawn for {', '.join(drawn)}" if drawn else "all who are planned come"


def _start(document: Mapping[str, Any]) -> str:
    if document.get("warm_up", "none") != "none":
        return f"warmed up by {document['warm_up']}"
    left = ", ".join(f"{_number(of)} {name}" for name, of in document.get("backlog", {}).items())
    busy = ", ".join(f"{_number(of)} of {of['group']}" for of in document.get("at_work", ()))
    found = [*([f"open from before: {left}"] if left else []), *([f"at work: {busy}"] if busy else [])]
    return "; ".join(found) or "the desk is empty"


def _number(of: Mapping[str, Any]) -> int:
    """How many there are, told or listed."""
    return int(of.get("number") or len(of.get("ages") or of.get("remaining") or ()))


def _interval(horizon: Mapping[str, Any]) -> str:
    return str(horizon.get("interval", "30 min"))


def _sources(result: Result) -> Table | None:
    sources: Any = result.scenario.document.get("sources", {})
    rows = tuple((str(name), str(text)) for name, text in sources.items())
    return Table("Sources", ("of", "source"), rows, 2) if rows else None


def _formulas(result: Result) -> Table:
    used = {record.formula for record in result.estimates} | {target.formula for target in result.targets}
    rows = tuple((key, text) for key, text in FORMULAS.items() if key in used)
    note = "O offered, A answered, B abandoned; T within the threshold, s within the short-abandonment limit."
    return Table("Formulas used", ("id", "definition"), rows, 2, note)


def run_again(result: Result) -> str:
    """The command that gives the same figures, to be run in the run folder."""
    if result.candidates:
        others = (f"{one.folder}/scenario.yaml" for one in result.candidates[1:])
        parts = ["peakdesk compare scenario.yaml", *others, f"--replications {result.replications}"]
        return " ".join([*parts, f"--seed {result.seed}", *([f"--first {result.first}"] if result.first else [])])
    mode = result.staffing.replace("_", "-")
    parts = ["peakdesk simulate scenario.yaml", f"--replications {result.replications}", f"--seed {result.seed}"]
    parts += [f"--first {result.first}"] if result.first else []
    parts += ["--plan plan.json"] if result.plan else []
    return " ".join([*parts, f"--staffing {mode}"])


def _provenance(result: Result) -> Table:
    last = result.first + result.replications - 1
    rows = [
        ("command", result.command),
        ("scenario hash", result.scenario.hash),
        ("seed", str(result.seed)),
        ("replications", f"{result.first} to {last}"),
        ("engine", result.engine),
        *((f"version of {name}", text) for name, text in result.versions.items()),
    ]
    return Table("Provenance", ("", ""), tuple(rows), 2)


__all__ = ["Picture", "data_url", "page", "rendered", "report", "run_again"]
