"""One door to the solver: PuLP hands a model to HiGHS, and what comes back is told truthfully.

HiGHS runs on a worker thread, so that Ctrl-C, `stop` and limits reach it; one solver thread and limits in nodes make
a solve repeatable. A solve that stops at a limit says so, with the best solution found and the bound proved so far.
"""

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import highspy
import numpy as np
import numpy.typing as npt
import pulp

CHEAP = 1e-4
"""What the relaxation leaves at 0 may still be used at a reduced cost below this share of the highest price."""
GRACE_S = 10.0
"""How long a cancelled solve may take to hand back its best solution before it is abandoned."""


class Status(StrEnum):
    """What is known of the model's optimum."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    LIMIT = "limit"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When to stop: at a relative `gap`, after so many `nodes` of the search tree, after so many `seconds`.

    Nodes are repeatable, seconds are not. A model of more than `near` whole numbers is solved near its relaxation
    only: each may leave the relaxed value by at most about one, and those that the relaxation leaves at 0 for a
    price stay there. Its bound is then that of the relaxation, which holds for the whole model.
    """

    gap: float = 1e-4
    nodes: int | None = None
    seconds: float | None = None
    near: int | None = None


EXACT = Limits()
"""No limit but the gap at which HiGHS calls a solution optimal."""


@dataclass(frozen=True, kw_only=True)
class SolveResult:
    """A solution, if there is one, and what was proved about it.

    FEASIBLE: stopped at a limit (gap, nodes, seconds) with a solution; LIMIT: without any; INTERRUPTED: by the user,
    with or without.
    `objective` and `values` (by variable name, whole where the variable is) are None and empty without a solution;
    `bound` is what the solver proved that no solution can beat (None: nothing yet); `gap` = |objective - bound| /
    |objective|.
    """

    status: Status
    objective: float | None
    bound: float | None
    gap: float | None
    seconds: float
    values: Mapping[str, float]

    @property
    def solved(self) -> bool:
        """Whether there is a solution."""
        return self.objective is not None


def solve(
    problem: pulp.LpProblem,
    limits: Limits = EXACT,
    *,
    start: Mapping[str, float] | None = None,
    stop: Callable[[], bool] | None = None,
) -> SolveResult:
    """Solve a model; `start` is a solution to begin with, `stop` is asked ten times a second.

    A KeyboardInterrupt cancels the solve and is raised again when HiGHS has let go.
    """
    door = _Highs(limits, start)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            problem.solve(door)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work, name="highs", daemon=True)
    thread.start()
    interrupted = _wait(thread, door, stop)
    if failed:
        raise failed[0]
    return _result(problem, door, interrupted)


def _wait(thread: threading.Thread, door: "_Highs", stop: Callable[[], bool] | None) -> bool:
    """Wait for the worker; whether it was told to stop."""
    asked = False
    try:
        while thread.is_alive() and not asked:
            thread.join(0.1)
            asked = thread.is_alive() and stop is not None and stop()
    except KeyboardInterrupt:
        door.cancel()
        thread.join(GRACE_S)
        raise
    if asked:
        door.cancel()
        thread.join(GRACE_S)
    return asked


class _Highs(pulp.HiGHS):  # type: ignore[misc, unused-ignore]
    """PuLP's HiGHS with a start, a way to cancel, and every status of the solver known."""

    def __init__(self, limits: Limits, start: Mapping[str, float] | None) -> None:
        options = {} if limits.nodes is None else {"mip_max_nodes": limits.nodes}
        super().__init__(msg=False, threads=1, gapRel=limits.gap, timeLimit=limits.seconds, random_seed=0, **options)
        self.start = start
        self.near = limits.near
        self.relaxed: float | None = None
        self.model: highspy.Highs | None = None
        self.cancelled = False
        self.finished = False

    def cancel(self) -> None:
        """Ask a running solve to stop at its best solution."""
        self.cancelled = True
        if self.model is not None:
            self.model.cancelSolve()  # type: ignore[no-untyped-call]

    def callSolver(self, lp: pulp.LpProblem) -> None:  # noqa: N802 (PuLP's name)
        """Run HiGHS on the model that PuLP has built."""
        self.model = lp.solverModel
        self.model.HandleUserInterrupt = True
        if self.start is not None:
            solution = highspy.HighsSolution()
            solution.col_value = [self.start.get(variable.name, 0.0) for variable in lp.variables()]
            self.model.setSolution(solution)
        whole = np.array([variable.cat == pulp.LpInteger for variable in lp.variables()], dtype=np.bool_)
        if self.near is not None and whole.sum() > self.near:
            self.relaxed = _stay_near_relaxation(self.model, whole, None if self.start is None else solution.col_value)
        if not self.cancelled:
            self.model.run()
        self.finished = True

    def findSolutionValues(self, lp: pulp.LpProblem) -> tuple[int, int]:  # noqa: N802 (PuLP's name)
        """PuLP's two statuses; it knows neither node limits nor interruptions."""
        assert self.model is not None
        status = self.model.getModelStatus()
        if not _has_solution(self.model):
            return pulp.LpStatusNotSolved, pulp.LpSolutionNoSolutionFound
        proved = status == highspy.HighsModelStatus.kOptimal
        return pulp.LpStatusOptimal, pulp.LpSolutionOptimal if proved else pulp.LpSolutionIntegerFeasible


def _stay_near_relaxation(model: Any, whole: npt.NDArray[np.bool_], start: list[float] | None) -> float | None:
    """Bound the `whole` numbers of a model by its relaxed solution, whose value is returned; None: it has none.

    What lies between the relaxed solution and the `start` is allowed too, so that the start is not shut out.
    """
    lp = model.getLp()
    low, high = np.array(lp.col_lower_), np.array(lp.col_upper_)
    relaxation = highspy.Highs()  # type: ignore[no-untyped-call]
    relaxation.setOptionValue("output_flag", False)
    relaxation.setOptionValue("threads", 1)
    relaxation.setOptionValue("solve_relaxation", True)
    relaxation.passModel(lp)
    relaxation.run()
    if relaxation.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    solution = relaxation.getSolution()
    value, price = np.array(solution.col_value), np.array(solution.col_dual)
    near = np.floor(value + 1e-6)
    dearest = np.abs(np.array(lp.col_cost_)[whole]).max(initial=0.0)
    used = (value > 1e-6) | (np.abs(price) <= CHEAP * dearest)
    also = near if start is None else np.round(start)
    low = np.where(whole, np.maximum(low, np.minimum(near, also)), low)
    high = np.where(whole, np.minimum(high, np.maximum(near + 2 * used, also)), high)
    model.changeColsBounds(len(low), np.arange(len(low), dtype=np.int32), low, high)
    return float(relaxation.getInfo().objective_function_value)


def _has_solution(model: Any) -> bool:
    return bool(model.getInfo().primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible)


def _status(model: Any, interrupted: bool) -> Status:
    known = highspy.HighsModelStatus
    exact = {
        known.kOptimal: Status.OPTIMAL,
        known.kModelEmpty: Status.OPTIMAL,
        known.kInfeasible: Status.INFEASIBLE,
        known.kUnbounded: Status.UNBOUNDED,
        known.kUnboundedOrInfeasible: Status.INFEASIBLE,
    }
    found = exact.get(model.getModelStatus())
    if found is not None:
        return found
    if interrupted:
        return Status.INTERRUPTED
    return Status.FEASIBLE if _has_solution(model) else Status.LIMIT


def _result(problem: pulp.LpProblem, door: _Highs, interrupted: bool) -> SolveResult:
    """What the solver knows, read from HiGHS itself: a stopped solve calls itself optimal in PuLP."""
    model = door.model
    if model is None or not door.finished:
        return SolveResult(
            status=Status.INTERRUPTED, objective=None, bound=None, gap=None, seconds=GRACE_S, values={}
        )
    status = _status(model, interrupted)
    seconds = float(model.getRunTime())
    if status in (Status.INFEASIBLE, Status.UNBOUNDED) or not _has_solution(model):
        return SolveResult(status=status, objective=None, bound=None, gap=None, seconds=seconds, values={})
    values = _whole(problem, model.getSolution().col_value)
    objective = float(pulp.value(problem.objective) or 0.0)
    bound = _bound(problem, model) if door.relaxed is None else door.relaxed
    gap = None if bound is None else abs(objective - bound) / max(abs(objective), 1e-9)
    if status is Status.OPTIMAL and (gap is None or gap > 1.01 * EXACT.gap):
        status = Status.FEASIBLE
    return SolveResult(status=status, objective=objective, bound=bound, gap=gap, seconds=seconds, values=values)


def _bound(problem: pulp.LpProblem, model: Any) -> float | None:
    """What the solver has proved; the simplex method proves what it finds."""
    info = model.getInfo()
    mixed = any(variable.cat == pulp.LpInteger for variable in problem.variables())
    proved = float(info.mip_dual_bound if mixed else info.objective_function_value)
    sign = -1.0 if problem.sense == pulp.LpMaximize else 1.0
    return sign * proved + float(problem.objective.constant or 0.0) if math.isfinite(proved) else None


def _whole(problem: pulp.LpProblem, found: list[float]) -> dict[str, float]:
    """Values by name, integers rounded (HiGHS says 3464.9999), and every row checked with them."""
    values = {}
    for variable, value in zip(problem.variables(), found, strict=True):
        rounded = variable.cat == pulp.LpInteger
        variable.varValue = float(round(value)) if rounded else value
        assert not rounded or abs(variable.varValue - value) < 1e-4, f"{variable.name} is {value}, not whole"
        values[variable.name] = float(variable.varValue)
    for row in _rows(problem):
        assert row.valid(1e-4), f"row {row.name} does not hold after rounding"
    return values


def _rows(problem: pulp.LpProblem) -> list[Any]:
    """Rows of a model, in PuLP 3.3 and 4 alike: `constraints` became a call."""
    rows: Any = problem.constraints
    return list(rows() if callable(rows) else rows.values())
