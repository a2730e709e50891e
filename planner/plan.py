"""The plan: its shifts, what they cost, the evidence that they meet the targets, and what they miss. One JSON file.

`peakdesk simulate --plan plan.json` runs the very shifts again.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, JsonValue

from sim.payroll import payroll, total
from sim.results import Contract, PlanRecord, TargetRecord
from sim.scenario import SHARES, Scenario
from sim.staffing import ShiftCount, StaffingPlan

if TYPE_CHECKING:
    from planner.bounds import Bound
    from planner.solver import SolveResult
    from sim.experiment import Runs

PlanStatus = Literal["certified", "met", "missed", "infeasible", "interrupted", "limit"]
Mode = Literal["by_person", "by_level"]
FILE = "plan.json"


class SolverRecord(Contract):
    """How the last covering model was solved. Its gap is that of the model, never of the plan."""

    status: str = Field(description="optimal, feasible, infeasible, unbounded, limit or interrupted")
    objective: float | None
    bound: float | None
    gap: float | None


class Shortage(Contract):
    """Agents that a requirement lacks: at most `agents` for these types, from `start` to `end` (local, with offset)."""

    contact_types: tuple[str, ...]
    start: str
    end: str
    agents: float
    reason: str


class Baseline(Contract):
    """Another plan, simulated on the same customers."""

    name: str
    heads: int
    shifts_worked: int
    fte: float
    paid_hours: float
    cost: float
    shortage: float = Field(description="agent-intervals that its own requirement lacks")
    targets: tuple[TargetRecord, ...]


class BoundRecord(Contract):
    """A lower bound by one method: no plan costs less in the objective, as far as its class goes."""

    method: str
    value: float | None
    bound_class: str
    assumption: str = Field(description="what it rests on; empty: on nothing but a theorem")
    checks: tuple[str, ...] = Field(description="what was seen of the assumption")
    why_not: tuple[str, ...] = Field(description="what the method does not cover, where there is no bound")
    simulated_days: int


class SearchRecord(Contract):
    """What the search did: enough to do it again, where it was stopped by work and not by time."""

    seed: int
    tape_days: int
    simulated_days: int
    solves: int
    certificates: int
    reproducible: bool
    mixture: float | None = None
    """The least that a mixture of simulated staffings costs (`planner.columns`): an estimate, no bound."""


class Plan(Contract):
    """A proposed plan.

    `status`: certified, met or missed is what fresh customers said of the worst target; infeasible: no plan of these
    templates can meet the targets; interrupted or limit: stopped before every target was certified. `evidence` rests
    on `replications` from number `first` of `evidence_seed`; they are fresh unless the search was interrupted before.
    """

    schema_version: Literal[1] = 1
    name: str
    scenario: str
    scenario_hash: str
    objective: str
    mode: Mode
    shifts: tuple[ShiftCount, ...]
    heads: int
    shifts_worked: int
    fte: float
    paid_hours: float
    cost: float
    status: PlanStatus
    bound: float | None = None
    bound_class: str = "none"
    gap: float | None = Field(None, description="(the plan's worth in the objective - bound) / bound")
    bounds: tuple[BoundRecord, ...] = Field((), description="by all methods, the best first")
    solver: SolverRecord | None = None
    evidence: tuple[TargetRecord, ...] = ()
    evidence_seed: int
    first: int
    replications: int
    fresh: bool
    misses: tuple[str, ...] = ()
    reasons: tuple[str, ...] = Field((), description="why it is infeasible")
    shortages: tuple[Shortage, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    search: SearchRecord
    notes: tuple[str, ...] = ()
    explanation: dict[str, JsonValue] | None = Field(None, description="what peakdesk explain says, if it was asked")

    @property
    def staffing(self) -> StaffingPlan:
        """The plan as the simulation takes it."""
        return StaffingPlan(mode=self.mode, shifts=self.shifts)

    def record(self) -> PlanRecord:
        """The plan as it stands in a result."""
        details = self.model_dump(mode="json", include=DETAILS)
        baselines = [baseline.model_dump(mode="json") for baseline in self.baselines]
        if baselines:
            details["baseline"] = baselines[0]
        return PlanRecord(
            heads=self.heads,
            shifts_worked=self.shifts_worked,
            fte=self.fte,
            paid_hours=self.paid_hours,
            cost=self.cost,
            objective=self.objective,
            status=self.status,
            bound=self.bound,
            bound_class=self.bound_class,
            gap=self.gap,
            shifts=self.shifts,
            details=details,
        )


DETAILS = {"solver", "misses", "reasons", "shortages", "search", "notes", "bounds", "explanation"}
"""What a result repeats of a plan beside its figures."""


def bound_fields(bounds: "Sequence[Bound]", worth: float) -> dict[str, Any]:
    """The fields of a plan that say how far it is from the best one at most."""
    if not bounds:
        return {}
    best = bounds[0]
    return {
        "bound": best.value,
        "bound_class": best.bound_class,
        "gap": best.gap(worth),
        "bounds": tuple(BoundRecord(**asdict(bound)) for bound in bounds),
    }


def solver_record(solved: "SolveResult") -> SolverRecord:
    """What is kept of a solve."""
    return SolverRecord(status=solved.status.value, objective=solved.objective, bound=solved.bound, gap=solved.gap)


def figures(scenario: Scenario, staffing: StaffingPlan) -> dict[str, float | int]:
    """Heads, shifts worked, FTE, paid hours and cost on paper."""
    pay = total(payroll(scenario, staffing).values())
    return {
        "heads": pay.heads,
        "shifts_worked": pay.shifts_worked or 0,
        "fte": pay.fte,
        "paid_hours": pay.paid_hours,
        "cost": pay.cost,
    }


def misses(records: tuple[TargetRecord, ...]) -> tuple[str, ...]:
    """In words, the targets that are missed."""
    return tuple(_miss(record) for record in records if record.status == "missed")


def _miss(record: TargetRecord) -> str:
    who = "all contacts" if record.contact_types == "all" else ", ".join(record.contact_types)
    level = record.at_least if record.at_least is not None else record.at_most or 0.0
    side = "at least" if record.at_least is not None else "at most"
    bad = sum(window.status == "missed" for window in record.windows)
    where = f" in {bad} of {len(record.windows)} windows" if len(record.windows) > 1 else ""
    got = record.estimate.mean if record.estimate else None
    asked = f"{level:.1%}" if record.measure in SHARES else f"{level:g} s"
    found = "nothing" if got is None else f"{got:.1%}" if record.unit == "share" else f"{got:.1f} s"
    return f"{record.measure} of {who}: {side} {asked} is asked, {found} is reached at worst{where}"


def evidence_of(runs: "Runs", records: tuple[TargetRecord, ...], fresh: bool) -> dict[str, object]:
    """The fields of a plan that say what it was judged by."""
    return {
        "evidence": records,
        "evidence_seed": runs.seed,
        "first": runs.first,
        "replications": runs.replications,
        "fresh": fresh,
        "misses": misses(records),
    }


def read_plan(path: Path) -> Plan:
    """The plan of a file, or of a folder that holds plan.json."""
    return Plan.model_validate_json((path / FILE if path.is_dir() else path).read_bytes())


def write_plan(plan: Plan, path: Path) -> None:
    """Write plan.json, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(plan.model_dump_json(indent=2) + "\n", encoding="utf-8")
    part.replace(path)
