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
WHOLE = 1e-6
"""What is nearer to a whole number than that is one."""
AT_ONCE, NEARLY = 0.1, 0.85
"""A dive rounds up this share of the broken numbers at a time, and all that have at least such a part."""
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
    only (see `_Near`), without a start. Its bound is then that of the relaxation, which holds for the whole model. One
    of more than `relax` whole numbers is only relaxed: for that bound, and no solution.
    """

    gap: float = 1e-4
    nodes: int | None = None
    seconds: float | None = None
    near: int | None = None
    relax: int | None = None


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
    interrupted = _handed_over(problem, door, stop)
    return _result(problem, door, interrupted)


def _handed_over(problem: pulp.LpProblem, door: "_Highs", stop: Callable[[], bool] | None) -> bool:
    """Let HiGHS work on its own thread; whether it was told to stop."""
    failed: list[BaseException] = []
    done = threading.Event()

    def work() -> None:
        try:
            problem.solve(door)
        except BaseException as error:
            failed.append(error)
        finally:
            done.set()

    threading.Thread(target=work, name="highs", daemon=True).start()
    interrupted = _wait(done, door, stop)
    if failed:
        raise failed[0]
    return interrupted


def _wait(done: threading.Event, door: "_Highs", stop: Callable[[], bool] | None) -> bool:
    """Wait for the worker; whether it was told to stop.

    By an event, for a `join` that a KeyboardInterrupt breaks off takes the thread for ended (CPython 3.11).
    """
    asked = False
    try:
        while not done.wait(0.1) and not asked:
            asked = stop is not None and stop()
    except KeyboardInterrupt:
        door.cancel()
        done.wait(GRACE_S)
        raise
    if asked:
        door.cancel()
        done.wait(GRACE_S)
    return asked


def irreducible(problem: pulp.LpProblem, *, stop: Callable[[], bool] | None = None) -> list[str]:
    """Rows whose relaxation cannot hold together, none of which may be left out: their names, of those that have one.

    Empty where all can hold, or where it was stopped. Bounds of variables count as given. HiGHS finds the rows; that
    they cannot hold is confirmed with them alone.
    """
    door = _Highs(Limits(relax=-1), None)
    interrupted = _handed_over(problem, door, stop)
    model: Any = door.model
    if interrupted or model is None or model.getModelStatus() != highspy.HighsModelStatus.kInfeasible:
        return []
    model.setOptionValue("iis_strategy", 2)
    found = set(model.getIis()[1].row_index_)
    rows = _rows(problem)
    for row in set(range(len(rows))) - found:
        model.changeRowBounds(row, -highspy.kHighsInf, highspy.kHighsInf)
    model.run()
    assert model.getModelStatus() == highspy.HighsModelStatus.kInfeasible, "what cannot hold together holds"
    return [name for row in sorted(found) if (name := rows[row].name)]


class _Highs(pulp.HiGHS):  # type: ignore[misc, unused-ignore]
    """PuLP's HiGHS with a start, a way to cancel, and every status of the solver known."""

    def __init__(self, limits: Limits, start: Mapping[str, float] | None) -> None:
        options = {} if limits.nodes is None else {"mip_max_nodes": limits.nodes}
        super().__init__(msg=False, threads=1, gapRel=limits.gap, timeLimit=limits.seconds, random_seed=0, **options)
        self.start = start
        self.near, self.relax = limits.near, limits.relax
        self.searched = True
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
        whole = np.array([variable.cat == pulp.LpInteger for variable in lp.variables()], dtype=np.bool_)
        if self.relax is not None and whole.sum() > self.relax:
            self.searched = False
            self.model.setOptionValue("solve_relaxation", True)
            self.model.setOptionValue("solver", "ipm")  # and a crossover to a vertex
        elif self.near is not None and whole.sum() > self.near:
            self.relaxed = _Near(self.model, whole, lambda: self.cancelled).relaxed
        elif self.start is not None:
            _begin(self.model, [self.start.get(variable.name, 0.0) for variable in lp.variables()])
        if not self.cancelled:
            self.model.run()
            if not self.searched and not self.cancelled:
                self.relaxed = _surely_relaxed(self.model)
        self.finished = True

    def findSolutionValues(self, lp: pulp.LpProblem) -> tuple[int, int]:  # noqa: N802 (PuLP's name)
        """PuLP's two statuses; it knows neither node limits nor interruptions."""
        assert self.model is not None
        status = self.model.getModelStatus()
        if not _has_solution(self.model):
            return pulp.LpStatusNotSolved, pulp.LpSolutionNoSolutionFound
        proved = status == highspy.HighsModelStatus.kOptimal
        return pulp.LpStatusOptimal, pulp.LpSolutionOptimal if proved else pulp.LpSolutionIntegerFeasible


def _surely_relaxed(model: Any) -> float | None:
    """The value of a relaxation; where the interior point method gave up, by the simplex method. None: it has none."""
    known = highspy.HighsModelStatus
    if model.getModelStatus() not in (known.kOptimal, known.kInfeasible, known.kUnbounded):
        model.clearSolver()
        model.setOptionValue("solver", "simplex")
        model.run()
    return float(model.getInfo().objective_function_value) if model.getModelStatus() == known.kOptimal else None


class _Near:
    """A model narrowed to whole numbers near its relaxation; `relaxed` is the relaxation's value, None: it has none.

    A dive rounds the relaxation up, a few numbers at a time. Left free is what the relaxation or the dive uses, between
    the two; the rest stays at what the relaxation says. That is a small model, and its search begins at the dive's
    solution (relaxation induced neighbourhoods: Danna, Rothberg & Le Pape 2005). Where rounding up leads nowhere each
    number may leave its relaxed value by about one.
    """

    def __init__(self, model: Any, whole: npt.NDArray[np.bool_], cancelled: Callable[[], bool]) -> None:
        self.whole, self.cancelled = whole, cancelled
        lp = model.getLp()
        self.low, self.high = np.array(lp.col_lower_), np.array(lp.col_upper_)
        self.relaxation = highspy.Highs()  # type: ignore[no-untyped-call]
        for option, value in {"output_flag": False, "threads": 1, "solve_relaxation": True}.items():
            self.relaxation.setOptionValue(option, value)
        self.relaxation.passModel(lp)
        self.relaxed = self._solved()
        if self.relaxed is None:
            return
        relaxed, price = self._values(), np.array(self.relaxation.getSolution().col_dual)
        dived = self._dive(relaxed)
        if dived is None:
            dearest = np.abs(np.array(lp.col_cost_)[whole]).max(initial=0.0)
            used = (relaxed > WHOLE) | (np.abs(price) <= CHEAP * dearest)
            _bound(model, *self._between(_down(relaxed), _down(relaxed) + 2 * used))
        else:
            used = (relaxed > WHOLE) | (dived > WHOLE)
            _bound(model, *self._between(_down(relaxed), np.maximum(_down(relaxed) + used, dived)))
            _begin(model, dived)

    def _solved(self) -> float | None:
        self.relaxation.run()
        optimal = self.relaxation.getModelStatus() == highspy.HighsModelStatus.kOptimal
        return float(self.relaxation.getInfo().objective_function_value) if optimal else None

    def _values(self) -> npt.NDArray[np.float64]:
        return np.array(self.relaxation.getSolution().col_value)

    def _between(
        self, low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Bounds that hold the whole numbers between these, inside their own."""
        return (
            np.where(self.whole, np.clip(low, self.low, self.high), self.low),
            np.where(self.whole, np.clip(high, self.low, self.high), self.high),
        )

    def _dive(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
        """Whole numbers by rounding up those nearest to it and solving again, until all are whole; None: no way."""
        low = self.low.copy()
        while not self.cancelled():
            part = np.where(self.whole, x - _down(x), 0.0)
            broken = np.flatnonzero(part > WHOLE)
            if not len(broken):
                return np.where(self.whole, np.round(x), x)
            low = np.where(self.whole, np.maximum(low, _down(x)), low)
            most = np.argsort(-part[broken], kind="stable")
            up = broken[most[: max(1, round(AT_ONCE * len(broken)))]]
            up = np.union1d(up, np.flatnonzero(part >= NEARLY))
            low[up] = _down(x[up]) + 1.0
            _bound(self.relaxation, low, self.high)
            if self._solved() is None:
                return None
            x = self._values()
        return None


def _down(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rounded down, but up from just below a whole number."""
    return np.asarray(np.floor(x + WHOLE))


def _bound(model: Any, low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]) -> None:
    model.changeColsBounds(len(low), np.arange(len(low), dtype=np.int32), low, high)


def _begin(model: Any, values: npt.ArrayLike) -> None:
    """Give a model a solution to begin with."""
    solution = highspy.HighsSolution()
    solution.col_value = list(np.asarray(values, dtype=np.float64))
    model.setSolution(solution)


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
    if not door.searched and door.relaxed is not None:
        bound = _proved(problem, model, door.relaxed)
        return SolveResult(status=Status.LIMIT, objective=None, bound=bound, gap=None, seconds=seconds, values={})
    if status in (Status.INFEASIBLE, Status.UNBOUNDED) or not _has_solution(model):
        return SolveResult(status=status, objective=None, bound=None, gap=None, seconds=seconds, values={})
    values = _whole(problem, model.getSolution().col_value)
    objective = float(pulp.value(problem.objective) or 0.0)
    bound = _proved(problem, model, door.relaxed)
    gap = None if bound is None else abs(objective - bound) / max(abs(objective), 1e-9)
    if status is Status.OPTIMAL and (gap is None or gap > 1.01 * EXACT.gap):
        status = Status.FEASIBLE
    return SolveResult(status=status, objective=objective, bound=bound, gap=gap, seconds=seconds, values=values)


def _proved(problem: pulp.LpProblem, model: Any, relaxed: float | None) -> float | None:
    """What is proved of the whole model: by its relaxation, by the search, or by the simplex method, which ends there.

    HiGHS minimises without the objective's constant.
    """
    info = model.getInfo()
    mixed = any(variable.cat == pulp.LpInteger for variable in problem.variables())
    proved = float(info.mip_dual_bound if mixed else info.objective_function_value) if relaxed is None else relaxed
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


@dataclass(frozen=True, kw_only=True)
class Relaxed:
    """The optimum of a linear program: its objective, its values by variable and its duals by row, by their names.

    A dual is by how much the objective rises for each unit more on the right-hand side.
    """

    objective: float
    values: Mapping[str, float]
    duals: Mapping[str, float]


def relaxed(problem: pulp.LpProblem, *, stop: Callable[[], bool] | None = None) -> Relaxed | None:
    """Solve a model as if its integers were none; None: it has no optimum, or it was stopped."""
    door = _Highs(Limits(relax=-1), None)
    if not _handed_over(problem, door, stop) and door.relaxed is not None:
        assert door.model is not None
        solution = door.model.getSolution()
        return Relaxed(
            objective=door.relaxed + float(problem.objective.constant or 0.0),
            values={v.name: float(x) for v, x in zip(problem.variables(), solution.col_value, strict=True)},
            duals={str(row.name): float(y) for row, y in zip(_rows(problem), solution.row_dual, strict=True)},
        )
    return None
