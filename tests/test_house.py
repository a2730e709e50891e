"""The house rules, read from the source text: who may import whom, one door for each library, no printing, no clocks.

A finding reads "file:line: rule". To open a new room, give it a line in `ARROWS`; to move a library, a line in `DOORS`.
"""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parent.parent
OURS = ("sim", "planner", "scenarios", "cli")
LONGEST_FILE = 600

ARROWS: dict[str, tuple[str, ...]] = {
    # what knows nothing of ours
    "sim.units": (),
    "sim.remembered": (),
    "sim.streams": (),
    "sim.outcome": (),
    "sim.moments": (),
    "sim.estimates": ("sim.moments",),
    "sim.quantiles": ("sim.moments", "sim.estimates"),
    "sim.executors": (),
    "sim.store": (),
    "sim.theory": (),
    "sim.queues": ("sim.theory",),
    "sim.columns": (),
    "sim.engine.precedence": (),
    "sim.keys": (),
    "sim.mechanisms": (),
    # what a desk is, and its files
    "sim.clock": ("sim.units",),
    "sim.distributions": ("sim.units", "sim.clock"),
    "sim.staffing": ("sim.units", "sim.clock"),
    "sim.desk*": ("sim.desk.*", "sim.units", "sim.clock", "sim.distributions"),
    "sim.scenario": ("sim.desk.*", "sim.units", "sim.clock", "sim.distributions", "sim.staffing"),
    "sim.scenario_tree": (),
    "sim.scenario_schema": ("sim.scenario", "sim.scenario_tree"),
    "sim.scenario_problems": ("sim.scenario", "sim.scenario_schema", "sim.scenario_tree"),
    "sim.scenario_tables": ("sim.scenario", "sim.scenario_problems", "sim.scenario_tree"),
    "sim.scenario_inline": ("sim.scenario", "sim.scenario_*"),
    "sim.scenario_layers": ("sim.scenario", "sim.scenario_*"),
    "sim.scenario_check": (
        "sim.scenario", "sim.scenario_*", "sim.workload", "sim.attendance", "sim.mechanisms", "sim.policies",
    ),
    "sim.scenario_file": ("sim.scenario", "sim.scenario_*", "scenarios"),
    "sim.scenario_plan": ("sim.scenario", "sim.scenario_*", "sim.staffing"),
    # from the desk to what an engine reads
    "sim.forecast": (),
    "sim.arrivals": ("sim.scenario", "sim.remembered", "sim.forecast"),
    "sim.busyness": ("sim.arrivals", "sim.scenario", "sim.streams"),
    "sim.incidents": ("sim.busyness", "sim.scenario", "sim.streams", "sim.remembered"),
    "sim.workload": ("sim.scenario", "sim.arrivals"),
    "sim.drawing": ("sim.scenario", "sim.arrivals", "sim.workload", "sim.streams", "sim.remembered"),
    "sim.demand": (
        "sim.drawing", "sim.scenario", "sim.busyness", "sim.incidents", "sim.streams", "sim.keys", "sim.columns",
        "sim.remembered",
    ),
    "sim.rulebook": ("sim.mechanisms",),
    "sim.policies": ("sim.rulebook", "sim.scenario", "sim.workload"),
    "sim.opening": ("sim.scenario", "sim.mechanisms"),
    "sim.switchboard": ("sim.mechanisms", "sim.scenario", "sim.workload", "sim.outcome"),
    "sim.shrinkage": ("sim.scenario", "sim.staffing", "sim.streams", "sim.switchboard"),
    "sim.attendance": ("sim.shrinkage", "sim.scenario", "sim.remembered", "sim.streams"),
    "sim.routing": ("sim.rulebook", "sim.policies", "sim.opening", "sim.switchboard", "sim.scenario"),
    # the engines
    "sim.engine.reference*": (
        "sim.engine.reference.*", "sim.engine.precedence", "sim.demand", "sim.attendance", "sim.routing", "sim.outcome",
        "sim.keys", "sim.mechanisms",
    ),
    "sim.engine.compiled*": (
        "sim.engine.compiled.*", "sim.engine.precedence", "sim.demand", "sim.attendance", "sim.routing", "sim.outcome",
        "sim.keys", "sim.mechanisms", "sim.columns", "sim.remembered",
    ),
    "sim.engine": ("sim.engine.*", "sim.demand", "sim.attendance", "sim.routing", "sim.outcome"),
    "sim.at_work": (
        "sim.engine", "sim.demand", "sim.drawing", "sim.attendance", "sim.routing", "sim.outcome", "sim.remembered",
        "sim.streams",
    ),
    "sim.start": ("sim.warm_up", "sim.at_work", "sim.engine"),
    "sim.warm_up": ("sim.engine", "sim.demand", "sim.attendance", "sim.routing", "sim.outcome", "sim.remembered"),
    # from what happened to figures
    "sim.grid": (),
    "sim.parts": (),
    "sim.formulas": (),
    "sim.metrics": ("sim.outcome", "sim.scenario", "sim.attendance", "sim.grid", "sim.parts"),
    "sim.measures": ("sim.metrics", "sim.estimates", "sim.quantiles", "sim.scenario"),
    "sim.rows": (
        "sim.outcome", "sim.scenario", "sim.routing", "sim.mechanisms", "sim.demand", "sim.grid", "sim.opening",
    ),
    "sim.endings": ("sim.rows", "sim.parts", "sim.keys"),
    "sim.in_hand": ("sim.rows", "sim.parts", "sim.metrics"),
    "sim.journeys": ("sim.rows", "sim.parts"),
    "sim.backlog": ("sim.rows", "sim.parts"),
    "sim.satisfaction": ("sim.rows", "sim.parts"),
    "sim.full_tally": (
        "sim.metrics", "sim.rows", "sim.endings", "sim.in_hand", "sim.journeys", "sim.backlog", "sim.satisfaction",
    ),
    "sim.full_measures": ("sim.full_tally", "sim.measures", "sim.parts", "sim.mechanisms", "sim.routing"),
    "sim.payroll": ("sim.scenario", "sim.staffing", "sim.attendance", "sim.remembered"),
    "sim.experiment": (
        "sim.demand", "sim.attendance", "sim.staffing", "sim.routing", "sim.engine", "sim.metrics", "sim.estimates",
        "sim.executors", "sim.workload", "sim.full_tally", "sim.start",
    ),
    "sim.controls": ("sim.workload", "sim.metrics", "sim.estimates", "sim.scenario"),
    "sim.digest": (
        "sim.controls", "sim.experiment", "sim.measures", "sim.metrics", "sim.estimates", "sim.quantiles",
        "sim.scenario", "sim.staffing",
    ),
    "sim.targets": (
        "sim.digest", "sim.experiment", "sim.measures", "sim.full_measures", "sim.metrics", "sim.estimates",
        "sim.scenario",
    ),
    "sim.steady": ("sim.experiment", "sim.measures", "sim.estimates"),
    "sim.precision": (
        "sim.digest", "sim.experiment", "sim.measures", "sim.full_measures", "sim.metrics", "sim.estimates",
        "sim.results", "sim.scenario", "sim.units",
    ),
    "sim.chances": ("sim.targets", "sim.experiment", "sim.measures", "sim.estimates", "sim.results", "sim.scenario"),
    "sim.results": ("sim.scenario", "sim.staffing", "sim.estimates"),
    "sim.summary": (
        "sim.experiment", "sim.targets", "sim.measures", "sim.metrics", "sim.payroll", "sim.results", "sim.estimates",
        "sim.scenario", "sim.staffing", "sim.chances", "sim.digest", "sim.full_measures",
    ),
    "sim.candidates": ("sim.results", "sim.scenario", "sim.scenario_*"),
    "sim.comparison": (
        "sim.candidates", "sim.summary", "sim.digest", "sim.experiment", "sim.measures", "sim.metrics",
        "sim.estimates", "sim.results", "sim.scenario_file",
    ),
    "sim.sweep": (
        "sim.summary", "sim.targets", "sim.experiment", "sim.results", "sim.staffing", "sim.scenario", "sim.scenario_*",
    ),
    "sim.tables": (
        "sim.experiment", "sim.demand", "sim.attendance", "sim.routing", "sim.engine", "sim.metrics", "sim.outcome",
        "sim.scenario", "sim.staffing", "sim.digest", "sim.full_tally",
    ),
    "sim.history": (
        "sim.store", "sim.candidates", "sim.comparison", "sim.sweep", "sim.experiment", "sim.results", "sim.summary",
        "sim.report.records", "sim.report.tables", "sim.scenario", "sim.scenario_file", "sim.staffing",
    ),
    "sim.report.*": (
        "sim.report.*", "sim.staffing", "sim.results", "sim.metrics", "sim.measures", "sim.estimates", "sim.formulas",
    ),
    "sim.report": ("sim.report.*",),
    "sim.terminal*": ("sim", "sim.*"),
    "sim": ("sim.*",),
    # the planner, the examples, the command line
    "planner.*": (
        "planner.*", "sim.clock", "sim.scenario", "sim.staffing", "sim.theory", "sim.queues", "sim.metrics",
        "sim.estimates", "sim.payroll", "sim.experiment", "sim.digest", "sim.targets", "sim.summary", "sim.results",
        "sim.report", "sim.report.*",
    ),
    "planner": ("planner.*",),
    "scenarios": (),
    "cli": ("sim", "sim.*", "planner", "planner.*", "scenarios"),
}  # fmt: skip
"""Who may import whom: the first pattern that fits a module counts; what an arrow reaches may be imported too."""

NEVER: dict[str, tuple[str, ...]] = {
    "sim*": ("planner*", "cli*"),
    "sim.report*": ("sim.engine*", "sim.demand", "sim.experiment"),
    "planner*": ("sim.engine*", "sim.demand", "sim.calibration*", "cli*"),
    "sim.engine.reference*": ("sim.engine.compiled*",),
    "sim.engine.compiled*": ("sim.engine.reference*",),
}
"""What stays forbidden although an arrow would reach it."""

DOORS: dict[str, tuple[str, ...]] = {
    "simpy": ("sim.engine.reference*",),
    "numba": ("sim.engine.compiled*",),
    "pulp": ("planner.*",),
    "highspy": ("planner.solver",),
    "matplotlib": ("sim.report.figures", "sim.report.*_figures"),
    "jinja2": ("sim.report.page",),
    "typer": ("cli", "sim.terminal*"),
    "sqlite3": ("sim.store",),
    "distributed": ("sim.executors",),
    "dask": ("sim.executors",),
    "pyarrow": ("sim.tables",),
    "ruamel": ("sim.scenario_file",),
}

HEAVY = ("numpy", "scipy", "numba", "pulp", "simpy", "matplotlib")
CLOCKS = (
    "time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns",
    "time.process_time", "datetime.now", "datetime.utcnow", "datetime.today", "date.today",
)  # fmt: skip
PULP_SOLVERS = ("HiGHS", "GUROBI", "CPLEX_PY", "MOSEK", "XPRESS_PY", "SCIP_PY", "getSolver", "listSolvers")
FAIR_DICE = ("default_rng", "Generator", "SeedSequence", "BitGenerator", "PCG64", "Philox")


@dataclass(frozen=True)
class Module:
    """One source file of ours."""

    name: str
    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return _parsed(self.text, self.path)

    def at(self, node: ast.AST, rule: str) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {rule}"


@cache
def _parsed(text: str, path: str) -> ast.Module:
    return ast.parse(text, path)


@cache
def house() -> tuple[Module, ...]:
    paths = sorted(HOME.glob("cli*.py"))
    for room in ("sim", "planner", "scenarios"):
        paths += sorted((HOME / room).rglob("*.py"))
    return tuple(_module(path) for path in paths if path.exists())


def _module(path: Path) -> Module:
    relative = path.relative_to(HOME)
    parts = relative.with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(name, relative.as_posix(), path.read_text(encoding="utf-8"))


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _imports(module: Module, known: set[str]) -> Iterator[tuple[ast.stmt, str]]:
    """Each import with the full name of what it brings; `from sim import clock` brings sim.clock."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield node, full if full in known else base


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


# --------------------------------------------------------------------------------------------------------- the rules


def arrows(modules: tuple[Module, ...]) -> Iterator[str]:
    known = {module.name for module in modules}
    for module in modules:
        may = _reach(module.name, known)
        for node, target in _imports(module, known):
            if target.startswith("."):
                yield module.at(node, "import by the full name, not relatively")
            elif target.split(".")[0] in OURS and target != module.name and target not in may:
                yield module.at(node, f"{module.name} may not import {target}")


def _reach(name: str, known: set[str]) -> set[str]:
    """All modules that `name` may import: along the arrows, less what is never allowed."""
    reached: set[str] = set()
    fresh = {name}
    while fresh:
        direct = {pattern for module in fresh for pattern in _arrows_of(module)}
        fresh = {module for module in known if _fits(module, tuple(direct))} - reached
        reached |= fresh
    banned = tuple(b for pattern, names in NEVER.items() if fnmatchcase(name, pattern) for b in names)
    return {module for module in reached if not _fits(module, banned)}


def _arrows_of(name: str) -> tuple[str, ...]:
    return next((to for pattern, to in ARROWS.items() if fnmatchcase(name, pattern)), ())


def rooms(modules: tuple[Module, ...]) -> Iterator[str]:
    for module in modules:
        if not any(fnmatchcase(module.name, pattern) for pattern in ARROWS):
            yield f"{module.path}:1: {module.name} has no line in ARROWS"


def doors(modules: tuple[Module, ...]) -> Iterator[str]:
    for module in modules:
        for node, target in _imports(module, set()):
            library = target.split(".")[0]
            if library in DOORS and not _fits(module.name, DOORS[library]):
                yield module.at(node, f"{library} has one door: {', '.join(DOORS[library])}")


def solves(modules: tuple[Module, ...]) -> Iterator[str]:
    """Solvers are named and called in one place; `solver.solve` is that place, `model.solve` our own wrapper."""
    for module in modules:
        for node in ast.walk(module.tree):
            if module.name == "planner.solver" or not module.name.startswith("planner"):
                continue
            owner, _, name = _dotted(node).rpartition(".")
            is_solver = owner == "pulp" and (name.endswith("_CMD") or name in PULP_SOLVERS)
            solves = name in ("solve", "solveModel") and owner.rpartition(".")[2] not in ("", "solver", "model")
            if is_solver or solves:
                yield module.at(node, "every call of a solver is in planner/solver.py")


def quiet(modules: tuple[Module, ...]) -> Iterator[str]:
    for module in modules:
        if module.name.startswith(("cli", "sim.terminal")):
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and _dotted(node.func) == "print":
                yield module.at(node, "library code never prints")
            elif _dotted(node) in ("sys.stdout", "sys.stderr"):
                yield module.at(node, "library code leaves stdout and stderr alone")


def dice(modules: tuple[Module, ...]) -> Iterator[str]:
    for module in modules:
        for node, target in _imports(module, {"numpy.random", "random"}):
            if target == "random":
                yield module.at(node, "draw from a numpy Generator that is handed in")
        for node in ast.walk(module.tree):
            owner, _, name = _dotted(node).rpartition(".")
            if owner in ("np.random", "numpy.random") and name not in FAIR_DICE:
                yield module.at(node, f"np.random.{name} uses the global generator")


def clocks(modules: tuple[Module, ...]) -> Iterator[str]:
    for module in modules:
        if module.name.startswith(("cli", "sim.terminal")):
            continue
        for node in ast.walk(module.tree):
            brought = isinstance(node, ast.ImportFrom) and node.module == "time"
            if brought or ".".join(_dotted(node).split(".")[-2:]) in CLOCKS:
                yield module.at(node, "only cli.py reads a clock; a deadline is handed in")


def sizes(modules: tuple[Module, ...]) -> Iterator[str]:
    for module in modules:
        lines = module.text.count("\n")
        if lines > LONGEST_FILE:
            yield f"{module.path}:{lines}: a file has at most {LONGEST_FILE} lines: give part of it a room of its own"


def cycles(modules: tuple[Module, ...]) -> Iterator[str]:
    known = {module.name for module in modules}
    edges = {m.name: {t for _, t in _imports(m, known) if t in known and t != m.name} for m in modules}
    while leaves := {name for name, to in edges.items() if not to & edges.keys()}:
        edges = {name: to for name, to in edges.items() if name not in leaves}
    circular = {name: to for name, to in edges.items() if any(name in other for other in edges.values())}
    for module in modules:
        if module.name in circular:
            yield f"{module.path}:1: import cycle through {', '.join(sorted(circular[module.name] & circular.keys()))}"


Rule = Callable[[tuple[Module, ...]], Iterator[str]]
RULES: tuple[Rule, ...] = (arrows, rooms, doors, solves, quiet, dice, clocks, sizes, cycles)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps(rule: Rule) -> None:
    found = list(dict.fromkeys(rule(house())))
    assert not found, "\n" + "\n".join(found)


PLANTED: list[tuple[Rule, str, str, str]] = [
    (arrows, "sim.demand", "from sim.engine import run", "sim.demand may not import sim.engine"),
    (arrows, "sim.demand", "from sim import metrics", "sim.demand may not import sim.metrics"),
    (arrows, "sim.metrics", "import planner.cover", "sim.metrics may not import planner.cover"),
    (arrows, "planner.search", "from sim.engine import run", "planner.search may not import sim.engine"),
    (arrows, "planner.search", "from sim.demand import sample", "planner.search may not import sim.demand"),
    (arrows, "sim.engine.compiled", "import sim.engine.reference", "may not import sim.engine.reference"),
    (arrows, "sim.clock", "from .units import to_ms", "import by the full name"),
    (rooms, "attic.boxes", "", "attic.boxes has no line in ARROWS"),
    (doors, "sim.metrics", "def f():\n    import matplotlib.pyplot", "matplotlib has one door"),
    (doors, "planner.cover", "from highspy import Highs", "highspy has one door"),
    (solves, "planner.cover", "problem.solve()", "every call of a solver is in planner/solver.py"),
    (solves, "planner.cover", "pulp.PULP_CBC_CMD(msg=False)", "every call of a solver"),
    (quiet, "sim.metrics", "print(1)", "library code never prints"),
    (quiet, "sim.metrics", "import sys\nsys.stderr.write('x')", "leaves stdout and stderr alone"),
    (dice, "sim.demand", "np.random.seed(1)", "np.random.seed uses the global generator"),
    (dice, "sim.demand", "import random", "draw from a numpy Generator"),
    (clocks, "sim.results", "datetime.datetime.now()", "only cli.py reads a clock"),
    (clocks, "planner.search", "from time import monotonic", "only cli.py reads a clock"),
    (sizes, "sim.metrics", "\n" * 601, "at most 600 lines"),
]


@pytest.mark.parametrize(("rule", "name", "text", "finding"), PLANTED, ids=[plant[3] for plant in PLANTED])
def test_a_planted_fault_is_found(rule: Rule, name: str, text: str, finding: str) -> None:
    empty = ("sim.engine", "sim.engine.reference", "sim.metrics", "sim.demand", "sim.units", "planner.cover")
    others = tuple(Module(other, "empty.py", "") for other in empty if other != name)
    found = list(rule((Module(name, "planted.py", text), *others)))
    assert len(found) == 1
    assert found[0].startswith("planted.py:")
    assert finding in found[0]


def test_a_planted_cycle_is_found() -> None:
    ring = [Module(f"sim.{a}", f"{a}.py", f"from sim.{b} import x") for a, b in ("ab", "bc", "ca")]
    tail = Module("sim.d", "d.py", "from sim.a import x")
    assert [line.partition(":")[0] for line in cycles((*ring, tail))] == ["a.py", "b.py", "c.py"]


@pytest.mark.parametrize("arguments", [["--help"], ["simulate", "--help"], ["plan", "--help"]], ids=" ".join)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys, cli\n"
        f"sys.argv = ['peakdesk', *{arguments!r}]\n"
        "try:\n    cli.main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"sys.stderr.write(' '.join(m for m in {HEAVY!r} if m in sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=HOME, capture_output=True, text=True, timeout=60, check=True
    )
    assert "Usage" in done.stdout
    assert done.stderr == "", f"--help loads {done.stderr}"
