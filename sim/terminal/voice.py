"""What all commands share: their options, their exit codes, and how they speak.

The result goes to stdout, progress to stderr. Nothing heavy is imported before a command runs.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from sim.terminal.leaving import begun

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from sim.report.tables import Table
    from sim.results import Result, SweepRecord, TargetRecord


class Exit(IntEnum):
    """What an exit code means."""

    DONE = 0
    BAD_INPUT = 2
    NOT_CERTIFIED = 3
    INFEASIBLE = 4
    LIMIT = 5
    INTERRUPTED = 130


Engine = Literal["auto", "compiled", "reference"]
Mode = Literal["by-level", "by-person"]
Objective = Literal["heads", "fte", "hours", "cost"]
Accept = Literal["certified", "estimate"]
Method = Literal["simulation", "erlang-c", "erlang-a", "erlang-c-repaired", "erlang-a-repaired"]
Schema = Literal["scenario", "result"]

ScenarioName = Annotated[str, typer.Argument(metavar="SCENARIO", help="a scenario file, or the name of a bundled one")]
Replications = Annotated[int, typer.Option("--replications", "-n", min=1, help="days to simulate")]
Until = Annotated[
    list[str] | None,
    typer.Option(
        metavar="GOAL",
        help='"service_level[TYPE] ± 0.5pp", "asa ± 2 s" (or +-): as many days as that takes; may be repeated',
    ),
]
MaxReplications = Annotated[int, typer.Option(min=2, help="days at most with --until, which takes no --replications")]
Plain = Annotated[bool, typer.Option("--plain", help="no control variates: bare means of the days")]
Seed = Annotated[int, typer.Option(min=0, help="the same seed, the same customers")]
EngineOption = Annotated[Engine, typer.Option(help="which engine simulates")]
CORES = os.cpu_count() or 1
Workers = Annotated[int, typer.Option(min=1, help="threads; by default one for each core", show_default=False)]
Processes = Annotated[int | None, typer.Option(min=1, help="processes, instead of threads")]
ClusterAddress = Annotated[str | None, typer.Option("--cluster", metavar="ADDRESS", help="dask scheduler to work on")]
NoProcesses = Annotated[int | None, typer.Option("--processes", hidden=True)]
NoCluster = Annotated[str | None, typer.Option("--cluster", hidden=True)]
Tables = Annotated[
    Literal["csv", "parquet"] | None, typer.Option("--tables", help="also write all contacts, spells and intervals")
]
Overlay = Annotated[list[Path] | None, typer.Option(help="a file laid over the scenario; may be repeated")]
BookedBy = Annotated[
    Literal["asking", "answer"],
    typer.Option("--by", help="contacts count in the interval in which they asked for a person, or were answered"),
]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="change one value; may be repeated")]
AllowChanged = Annotated[bool, typer.Option(help="compare run folders that changed since, and plans for other desks")]
Over = Annotated[
    list[str], typer.Option(metavar="PATH=VALUES", help="path=a,b,c or path=first..last:step; several make a grid")
]
SweepOut = Annotated[Path | None, typer.Option(help="folder [default: runs/SCENARIO-sweep-…]", show_default=False)]
AllowPath = Annotated[bool, typer.Option("--allow-path", help="let a scenario read tables outside its folder")]
Out = Annotated[Path | None, typer.Option(help="run folder [default: runs/SCENARIO-COMMAND-N]", show_default=False)]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="replace an existing run folder")]
Json = Annotated[bool, typer.Option("--json", help="print the result as JSON and nothing else")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no progress")]
ObjectiveOption = Annotated[
    Objective | None,
    typer.Option("--objective", help="what the plan is to be least in [default: the scenario's]", show_default=False),
]
FreshDays = Annotated[
    int | None,
    typer.Option(
        "--replications", "-n", min=2, show_default=False,
        help="fresh days of the certificate [default: 200, and more while they may certify the plan]",
    ),
]  # fmt: skip
TimeLimit = Annotated[
    str | None, typer.Option(metavar="DURATION", help='stop after "5 min", say; such a plan is not reproducible')
]
WorkLimit = Annotated[int | None, typer.Option(min=1, help="stop after so many simulated days")]
MethodOption = Annotated[
    Method, typer.Option("--method", help="search by simulation, or a usual plan; repaired: until its targets hold")
]
Beside = Annotated[
    list[str] | None, typer.Option(metavar="METHOD", help="a usual plan to compare with; may be repeated")
]
Keep = Annotated[Path | None, typer.Option(help="shifts that stay: a plan, a CSV or YAML of shifts")]
Start = Annotated[Path | None, typer.Option(help="a plan to begin from")]
Gap = Annotated[
    str | None, typer.Option(metavar="SHARE", help='good enough within "2 %" of the lower bound, where there is one')
]
Floor = Annotated[str | None, typer.Option(metavar="SHARE", help='service levels hold at "50 %" in each interval too')]
Confidence = Annotated[str | None, typer.Option(metavar="SHARE", help='of the certificate [default: each target\'s]')]
Why = Annotated[bool, typer.Option("--explain", help="also what peakdesk explain says, in the result and its page")]
RoutingChoice = Annotated[
    Literal["as-it-is", "best"], typer.Option("--routing", help="best: try other routings at the plan, and plan again")
]
NoBound = Annotated[bool, typer.Option("--no-bound", help="do not look for a lower bound")]
AcceptOption = Annotated[Accept, typer.Option(help="`estimate`: a target that is only met counts as held")]


# ---------------------------------------------------------------------------------------------------------- speaking


def say(text: str = "") -> None:
    """Print on stdout; colours only on a terminal and without NO_COLOR."""
    typer.echo(text, color=False if os.environ.get("NO_COLOR") else None)


def note(text: str) -> None:
    """Print on stderr."""
    typer.echo(text, err=True)


def stop(text: str, code: int = Exit.BAD_INPUT) -> NoReturn:
    """Say what is wrong, and leave."""
    note(text)
    raise typer.Exit(code)


COLOURS = {"certified": typer.colors.GREEN, "met": typer.colors.YELLOW, "missed": typer.colors.RED}


def show(*tables: "Table | None") -> None:
    """Print tables, each after an empty line; targets in their colours."""
    from sim.report.text import lines

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for table in tables:
        if table is not None and table.rows:
            say()
            for line in lines(table, width, _painted):
                say(line)


def _painted(cell: str, padded: str) -> str:
    return padded.replace(cell, typer.style(cell, fg=COLOURS[cell], bold=True)) if cell in COLOURS else padded


class Line:
    """One line of progress on stderr that overwrites itself; silent unless that is a terminal."""

    def __init__(self, quiet: bool) -> None:
        self.on = sys.stderr.isatty() and not quiet and not os.environ.get("CI")
        self.longest = 0

    def __call__(self, text: str) -> None:
        if self.on:
            text = text[: shutil.get_terminal_size().columns - 1]
            self.longest = max(self.longest, len(text))
            typer.echo(f"\r{text:<{self.longest}}", nl=False, err=True)

    def end(self) -> None:
        """Take the line away."""
        if self.longest:
            typer.echo(f"\r{'':<{self.longest}}\r", nl=False, err=True)


MISTAKES = (
    "ScenarioErrors", "NoSuchEngine", "NothingToPlan", "BadGoal", "NoCluster", "Unlike", "BrokenExecutor", "NoParquet",
    "NotAgain", "StoreError",
)  # fmt: skip
"""Exceptions that a user's mistake raises, by name: to import them would be heavy."""


@contextmanager
def told() -> Iterator[None]:
    """A user's mistake, or a disk's, is one message on stderr and an exit code; never a traceback."""
    begun()
    try:
        yield
    except (typer.Exit, BrokenPipeError):
        raise
    except KeyboardInterrupt:
        stop("interrupted: nothing was written", Exit.INTERRUPTED)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        stop(f"error: {where}{error.strerror or error}")
    except Exception as error:
        if type(error).__name__ not in MISTAKES:
            raise
        stop("\n".join(f"error: {line}" for line in str(error).splitlines()))


PATIENCE_S = 4.0
"""How long after Ctrl-C a search may take to ask, and so to notice by itself."""


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """A function that tells whether Ctrl-C was pressed. A second one, or no answer in time, is a KeyboardInterrupt."""
    import threading
    from _thread import interrupt_main

    pressed: list[threading.Timer] = []

    def remember(*_: object) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(threading.Timer(PATIENCE_S, interrupt_main))
        pressed[0].daemon = True
        pressed[0].start()
        note("\nstopping, and keeping the best plan so far")

    def noticed() -> bool:
        for timer in pressed:
            timer.cancel()
        return bool(pressed)

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield noticed
    finally:
        signal.signal(signal.SIGINT, before)
        noticed()


def run_folder(out: Path | None, scenario: str, command: str, overwrite: bool) -> Path:
    """The folder that a run is to write, refused before any work is done where it could not be written."""
    from sim.results import next_folder, refuse_unwritable

    folder = out or next_folder(Path("runs"), scenario, command)
    if folder.exists() and not overwrite:
        stop(f"error: {folder} exists already: choose another --out, or give --overwrite")
    refuse_unwritable(folder, overwrite=overwrite)
    return folder


def landed(there: Path, wanted: Path) -> Path:
    """Where a run was written; said where another one has taken the folder that was wanted."""
    if there != wanted:
        note(f"{wanted} was taken by another run meanwhile")
    return there


def exit_code(targets: "Iterable[TargetRecord]", accept: Accept) -> Exit:
    """Whether all targets are held."""
    held = ("certified", "met") if accept == "estimate" else ("certified",)
    return Exit.DONE if all(target.status in held for target in targets) else Exit.NOT_CERTIFIED


def follow(folder: Path, as_json: bool, *commands: str) -> None:
    """Where the run is, and what to do next."""
    (note if as_json else say)(f"Written to {folder}")
    for command in () if as_json else commands:
        say(f"Next: {command}")


def tell(result: "Result", as_json: bool) -> None:
    """The result as JSON, or what people want to know first."""
    from sim.report import tables
    from sim.report.comparison import comparison_tables
    from sim.results import to_json

    if as_json:
        say(to_json(result).rstrip())
        return
    say(tables.headline(result))
    if result.candidates:
        show(*comparison_tables(result))
    else:
        say(tables.staffing_line(result))
        show(*tables.for_screen(result))
    say()
    for warning in result.warnings:
        say(f"warning: {warning}")
    if saved := tables.saved_line(result):
        say(saved)
    if not result.candidates:
        say(tables.verdict(result.targets).sentence)


def tell_any(result: "Result | SweepRecord", as_json: bool) -> None:
    """The result of any command, of a sweep as its table."""
    from sim.report.deflection import deflection_table
    from sim.report.sweep import sweep_table
    from sim.results import SweepRecord

    if not isinstance(result, SweepRecord):
        tell(result, as_json)
    elif as_json:
        say(result.model_dump_json(indent=1))
    else:
        show(sweep_table(result), deflection_table(result))


def promised(result: "Result | SweepRecord") -> "Iterable[TargetRecord]":
    """The targets that an exit code is about: none of a sweep, which is meant to go where they are missed."""
    from sim.results import SweepRecord

    if isinstance(result, SweepRecord):
        return ()
    return [*result.targets, *(target for one in result.candidates[1:] for target in one.targets)]


@contextmanager
def elsewhere(processes: int | None, cluster: str | None) -> "Iterator[Executor | None]":
    """The executor that was asked for, None for the threads of this process."""
    from sim.executors import place

    if processes and cluster:
        stop("error: --processes and --cluster are two places: give one of them")
    with place(processes, cluster) as executor:
        if cluster and not cluster.startswith("tls://"):
            note("warning: without TLS, all who reach this cluster's network can read, and run, what is sent to it")
        yield executor


def remember(result: "Result | SweepRecord", folder: Path) -> None:
    """Note a run in the store; where that fails the run is still there. A sweep that goes on is the same run."""
    from datetime import UTC, datetime

    from sim.history import line_of, line_of_sweep
    from sim.results import SweepRecord
    from sim.store import StoreError, store

    time = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
    try:
        if isinstance(result, SweepRecord):
            store().add_once(line_of_sweep(result, folder, time))
        else:
            store().add(line_of(result, folder, time))
    except StoreError as error:
        note(f"warning: the run is written, but not noted: {error}")


@contextmanager
def kept(show_it: Callable[[], None]) -> Iterator[None]:
    """Where a run cannot be written, at least show it before saying so."""
    try:
        yield
    except OSError as error:
        show_it()
        stop(f"error: the run could not be written, and nothing was left behind: {error.strerror or error}")


@contextmanager
def going_on(folder: Path) -> Iterator[None]:
    """Where a sweep breaks off, say that what was done is kept."""
    again = f"the points that are done are kept in {folder}: the same command goes on from there"
    try:
        yield
    except KeyboardInterrupt:
        stop(f"interrupted: {again}", Exit.INTERRUPTED)
    except FileExistsError:
        raise
    except OSError as error:
        stop(f"error: {error.strerror or error}; {again}")
