"""Why a plan costs what it costs, as tables: prices of targets, what more agents are worth, slack, risk."""

from typing import Any

from sim.report.records import measure_name, share, target_text
from sim.report.tables import Table
from sim.results import Result, TargetRecord


def explanation_of(result: Result) -> list[Table]:
    """The tables of a plan that was explained; none else."""
    found: Any = result.plan.details.get("explanation") if result.plan else None
    return explanation_tables(found) if found else []


def explanation_tables(found: dict[str, Any]) -> list[Table]:
    """An explanation as it stands in `explain.json` and in the details of a plan."""
    unit = found["objective"]
    prices = tuple(
        (target_text(target), target.status, _money(one["point"]), _money(one["saved"]))
        for one in found["targets"]
        for target in [TargetRecord.model_validate(one["target"])]
    )
    worths = tuple((f"one more agent of {one['group']}, all day", _money(one["worth"])) for one in found["groups"])
    worths += tuple((f"one more than {one['limit']}", _money(one["saved"])) for one in found["limits"])
    over = tuple((one["group"], f"{_at(one['start'])} to {_at(one['end'])}") for one in found["over"])
    risk = tuple(
        (str(one["heads"]), _money(one["cost"]), f"{one['probability']:.0%} ({one['low']:.0%}-{one['high']:.0%})")
        for one in found["risk"]
    )
    under = tuple(
        (_what(one), f"{_at(one['start'])} to {_at(one['end'])}", _level(one["value"]), _level(one["level"]))
        for one in found.get("under", ())
    )
    head = ("target", "", f"one point (or second) more, {unit}", f"not asked, {unit}")
    return [
        Table("What targets cost", head, prices, 2, "near this plan, in the objective"),
        Table("What is worth having", ("", f"{unit} saved"), worths, 1),
        Table("Where an agent could leave without harm", ("group", "time"), over, 2),
        Table("Where service is below what is asked of a longer time", ("", "time", "there", "asked"), under, 2),
        *_why_not(found),
        Table(
            "Routing: the same plan and contacts, routed otherwise",
            ("routing", "", "least slack", "abandonment", "P95 of the wait", "targets, in order"),
            tuple(_routing(one) for one in found["routings"]),
            2,
            "least slack: of the worst target, in points of a share; beware of what leaves late contacts to themselves",
        ),
        Table("Risk: days on which all targets hold at once", ("heads", "cost", "share of days"), risk, 0),
    ]


def _why_not(found: dict[str, Any]) -> list[Table]:
    """What cannot hold together, and what would help."""
    conflict, relaxed = found.get("conflict"), found.get("relaxation")
    if not conflict:
        return []
    kinds = (("asked", "requirements"), ("limit", "limits"))
    rows = tuple((kind, text) for kind, key in kinds for text in conflict[key])
    note = "by formulas; without any one of these the others can hold"
    tables = [Table("What cannot hold together", ("", ""), rows, 2, note)]
    if relaxed:
        raised = tuple((one["limit"], f"{one['given']:,}", f"{one['needed']:,}") for one in relaxed["raised"])
        note = (
            f"with these limits: {relaxed['heads']} heads, {relaxed['paid_hours']:,.0f} paid hours, "
            f"cost {relaxed['cost']:,.2f}, {relaxed['status']}"
        )
        tables.append(Table("What would help", ("limit", "given", "needed"), raised, 1, note))
    return tables


def _what(one: dict[str, Any]) -> str:
    return f"{measure_name(one['measure'])}: {', '.join(one['contact_types'])}"


def _level(value: float) -> str:
    return share(value) if value <= 1 else f"{value:.1f} s"


def _routing(one: dict[str, Any]) -> tuple[str, ...]:
    values = ", ".join(f"{value:.1%}" if value <= 1 else f"{value:.1f}" for value in one["values"])
    present = "as it is" if one["present"] else ""
    wait = f"{one['wait_p95_s']:.0f} s"
    return one["routing"], present, f"{one['slack']:+.1%}", f"{one['abandonment']:.1%}", wait, values


def _at(text: str) -> str:
    return text[:16].replace("T", " ")


def _money(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"
