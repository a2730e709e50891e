"""Why a plan costs what it costs, as tables: prices of targets, what more agents are worth, slack, risk."""

from typing import Any

from sim.report.records import target_text
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
    head = ("target", "", f"one point (or second) more, {unit}", f"not asked, {unit}")
    return [
        Table("What targets cost", head, prices, 2, "near this plan, in the objective"),
        Table("What is worth having", ("", f"{unit} saved"), worths, 1),
        Table("Where an agent could leave without harm", ("group", "time"), over, 2),
        Table(
            "Routing: the same plan and contacts, routed otherwise",
            ("routing", "", "least slack", "abandonment", "P95 of the wait", "targets, in order"),
            tuple(_routing(one) for one in found["routings"]),
            2,
            "least slack: of the worst target, in points of a share; beware of what leaves late contacts to themselves",
        ),
        Table("Risk: days on which all targets hold at once", ("heads", "cost", "share of days"), risk, 0),
    ]


def _routing(one: dict[str, Any]) -> tuple[str, ...]:
    values = ", ".join(f"{value:.1%}" if value <= 1 else f"{value:.1f}" for value in one["values"])
    present = "as it is" if one["present"] else ""
    wait = f"{one['wait_p95_s']:.0f} s"
    return one["routing"], present, f"{one['slack']:+.1%}", f"{one['abandonment']:.1%}", wait, values


def _at(text: str) -> str:
    return text[:16].replace("T", " ")


def _money(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"
