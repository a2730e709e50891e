"""The command line: parse, call one function, print one thing.

The result goes to stdout, progress to stderr. Nothing heavy is imported before a command runs: each imports what it
needs. What they share is in `sim.terminal`.
"""

from sim.terminal.leaving import quietly

quietly()

# ruff: noqa: E402  # Ctrl-C is to end the imports below quietly
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.terminal.asking import desk_of, seconds, share, shifts_of, usual_of
from sim.terminal.runs import past
from sim.terminal.voice import (
    CORES,
    AcceptOption,
    AllowChanged,
    AllowPath,
    Beside,
    BookedBy,
    ClusterAddress,
    Confidence,
    EngineOption,
    Exit,
    Floor,
    FreshDays,
    Gap,
    Json,
    Keep,
    Line,
    MaxReplications,
    MethodOption,
    Mode,
    NoBound,
    NoCluster,
    NoProcesses,
    ObjectiveOption,
    Out,
    Over,
    Overlay,
    Overwrite,
    Plain,
    Processes,
    Quiet,
    Replications,
    RoutingChoice,
    ScenarioName,
    Schema,
    Seed,
    Set,
    Start,
    SweepOut,
    Tables,
    TimeLimit,
    Until,
    Why,
    Workers,
    WorkLimit,
    elsewhere,
    exit_code,
    follow,
    going_on,
    interruptible,
    kept,
    landed,
    remember,
    run_folder,
    say,
    show,
    stop,
    tell,
    tell_any,
    told,
)

if TYPE_CHECKING:
    from sim.experiment import Runs
    from sim.scenario_file import CheckReport


app = typer.Typer(
    name="peakdesk",
    help="Simulate a contact centre whose traffic comes in peaks, and plan its shifts.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


app.add_typer(past)

# ----------------------------------------------------------------------------------------------------------- commands


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="a folder that does not exist yet")],
    example: Annotated[str, typer.Option(help="which bundled scenario to start from")] = "double-eleven-small",
    as_json: Json = False,
) -> None:
    """Write a full, commented example desk to start from."""
    import json

    from sim.results import whole_folder
    from sim.scenario_file import bundled, files_of, resolve

    with told():
        if example not in bundled():
            stop(f"error: there is no example {example!r}: there are {', '.join(bundled())}")
        files = files_of(resolve(example))
        with whole_folder(folder) as made:
            for file in files:
                shutil.copyfile(file, made.path / file.name)
    scenario = folder / f"{example}.yaml"
    if as_json:
        say(json.dumps({"folder": str(folder), "files": [file.name for file in files]}))
    else:
        say(f"Written to {folder}: {', '.join(file.name for file in files)}")
        say(f"Next: peakdesk check {scenario}")


@app.command()
def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="scenarios, or interval tables (CSV)")],
    overlay: Overlay = None,
    sets: Set = None,
    allow_path: AllowPath = False,
    as_json: Json = False,
) -> None:
    """Say all that is wrong with scenario and interval files at once, and what is odd; contacts per day."""
    import json

    from sim.scenario_file import check as checked

    with told():
        reports = [checked(file, overlay or (), sets or (), allow_path=allow_path) for file in files]
    if as_json:
        say(json.dumps([report.as_object() for report in reports], ensure_ascii=False, indent=2))
    else:
        for report in reports:
            _show_check(report)
    raise typer.Exit(Exit.DONE if all(report.is_good for report in reports) else Exit.BAD_INPUT)


def _show_check(report: "CheckReport") -> None:
    from sim.report.tables import expected_table

    for problem in report.problems:
        say(f"error: {problem}")
    for warning in report.warnings:
        say(f"warning: {warning}")
    show(expected_table(report.expected))
    said = [f"{len(found)} {kind}{'s' if len(found) > 1 else ''}"
            for kind, found in (("error", report.problems), ("warning", report.warnings)) if found]  # fmt: skip
    say(f"{report.file}: {', '.join(said) or 'nothing wrong'}")


@app.command()
def simulate(
    scenario: ScenarioName,
    *,
    replications: Replications = 20,
    until: Until = None,
    max_replications: MaxReplications = 1024,
    plain: Plain = False,
    seed: Seed = 1,
    first: Annotated[int, typer.Option(min=0, help="number of the first replication")] = 0,
    engine: EngineOption = "auto",
    workers: Workers = CORES,
    processes: Processes = None,
    cluster: ClusterAddress = None,
    tables: Tables = None,
    plan: Annotated[Path | None, typer.Option(help="staffing: a plan's folder or plan.json, a CSV, or YAML")] = None,
    staffing: Annotated[Mode | None, typer.Option(help="simulate shifts by person (default) or by level")] = None,
    by: BookedBy = "asking",
    overlay: Overlay = None,
    sets: Set = None,
    allow_path: AllowPath = False,
    out: Out = None,
    overwrite: Overwrite = False,
    accept: AcceptOption = "certified",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Simulate a desk: service, waits, abandonment, occupancy, money, each with an interval."""
    from sim.digest import Desk
    from sim.experiment import chunks, engine_for
    from sim.precision import goal_questions, parse_goal, sentences
    from sim.precision import until as run_until
    from sim.results import write_run
    from sim.scenario_file import dump
    from sim.summary import empty_digest, result_of
    from sim.summary import tables as figures
    from sim.tables import every_row, refuse

    with told():
        changed = [*(sets or ()), "booking=answer"] if by == "answer" else sets
        desk = desk_of(scenario, overlay, changed, allow_path=allow_path, plan=plan, mode=staffing)
        if desk.staffing is None:
            stop(
                f"error: {desk.name} has no staffing: give one with --plan FILE, or let `peakdesk plan {scenario}` "
                "propose shifts"
            )
        refuse(tables)
        folder = run_folder(out, desk.name, "simulate", overwrite)
        line = Line(quiet)

        def run(start: int, more: int) -> "Iterator[Runs]":
            return chunks(
                desk,
                replications=more,
                seed=seed,
                first=start,
                engine=found.engine,
                workers=workers,
                executor=executor,
                progress=lambda done, _: line(f"{desk.name}: {start - first + done} of {most} replications"),
            )

        goals, most = [parse_goal(text, desk) for text in until or ()], max_replications if until else replications
        of = Desk(desk, desk.staffing, seed, first, engine_for(desk, engine, most))
        found = empty_digest(of, most, plain=plain, more=goal_questions(goals, desk))
        with elsewhere(processes, cluster) as executor:
            stopping = run_until(goals, run, found) if goals else None
            for runs in run(first, most) if stopping is None else ():
                found.add(runs)
        line.end()
        result = result_of(found, command="simulate", stopping=stopping)
        with kept(lambda: tell(result, as_json)):
            means, more = figures(found), every_row(found, tables)
            text = dump(desk)
            rest: Any = {"more": more, "overwrite": overwrite, "beside": True}
            folder = landed(write_run(folder, result, scenario_text=text, tables=means, **rest), folder)
    remember(result, folder)
    tell(result, as_json)
    for sentence in sentences(stopping) if stopping and not as_json else ():
        say(sentence)
    follow(folder, as_json, f"peakdesk report {folder}", f"peakdesk plan {scenario}")
    raise typer.Exit(exit_code(result.targets, accept))


@app.command()
def plan(
    scenario: ScenarioName,
    *,
    objective: ObjectiveOption = None,
    method: MethodOption = "simulation",
    replications: FreshDays = None,
    seed: Seed = 1,
    time_limit: TimeLimit = None,
    work_limit: WorkLimit = None,
    gap: Gap = None,
    floor: Floor = None,
    confidence: Confidence = None,
    keep: Keep = None,
    start: Start = None,
    beside: Beside = None,
    routing: RoutingChoice = "as-it-is",
    no_bound: NoBound = False,
    why: Why = False,
    engine: EngineOption = "auto",
    workers: Workers = CORES,
    processes: NoProcesses = None,
    cluster: NoCluster = None,
    overlay: Overlay = None,
    sets: Set = None,
    allow_path: AllowPath = False,
    out: Out = None,
    overwrite: Overwrite = False,
    accept: AcceptOption = "certified",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Propose the cheapest shifts that meet the targets, and prove them on fresh days; Ctrl-C keeps the best so far."""
    from planner.asked import asked_of
    from planner.explain import with_reasons
    from planner.propose import propose
    from planner.rerouted import propose_rerouted
    from planner.telling import caveats, progress_line
    from planner.usual import propose_usual
    from sim.results import write_run
    from sim.scenario_file import dump, shifts_csv
    from sim.summary import required_records, result_of, tables

    if processes or cluster:
        stop(
            "error: a plan is sought by the threads of this process (--workers), which share the customers of its "
            "days; --processes and --cluster are for simulate, compare and sweep"
        )
    with told():
        desk = desk_of(scenario, overlay, sets, allow_path=allow_path)
        desk = asked_of(desk, share("--floor", floor), share("--confidence", confidence))
        folder = run_folder(out, desk.name, "plan", overwrite)
        line = Line(quiet)
        with interruptible() as stopped:
            common: dict[str, Any] = {
                "objective": objective, "seed": seed, "certify_replications": replications, "engine": engine,
                "workers": workers, "stop": stopped, "progress": lambda now: line(progress_line(now)),
            }  # fmt: skip
            if method != "simulation":
                proposal = propose_usual(desk, method, **common)
            else:
                kept_shifts, first = (
                    shifts_of(scenario, file, overlay, sets, allow_path=allow_path) for file in (keep, start)
                )
                search = propose if routing == "as-it-is" else propose_rerouted
                found_by = search(
                    desk,
                    time_limit=seconds(time_limit),
                    work_limit=work_limit,
                    bound=not no_bound,
                    beside=usual_of(beside),
                    keep=kept_shifts or (),
                    start=first,
                    gap=share("--gap", gap),
                    **common,
                )
                desk, proposal = found_by[:2] if isinstance(found_by, tuple) else (desk, found_by)
        line.end()
        found, runs = proposal.plan, proposal.runs
        if why:
            found = with_reasons(desk, found, engine=engine, workers=workers)
        result = result_of(
            runs,
            command="plan",
            judged=proposal.judged,
            plan=found.record(),
            more=required_records(runs, proposal.required),
            warnings=caveats(found),
        )
        files = {"plan.json": found.model_dump_json(indent=2) + "\n", "plan.csv": shifts_csv(found.shifts)}
        with kept(lambda: tell(result, as_json)):
            text, means = dump(desk), tables(runs)
            rest: Any = {"files": files, "overwrite": overwrite, "beside": True}
            folder = landed(write_run(folder, result, scenario_text=text, tables=means, **rest), folder)
    remember(result, folder)
    tell(result, as_json)
    follow(
        folder, as_json, f"peakdesk report {folder}", f"peakdesk simulate {scenario} --plan {folder} --seed {seed + 2}"
    )
    raise typer.Exit(Exit.INTERRUPTED if stopped() else PLAN_EXITS.get(found.status, exit_code(result.targets, accept)))


PLAN_EXITS = {"infeasible": Exit.INFEASIBLE, "limit": Exit.LIMIT, "interrupted": Exit.INTERRUPTED}


@app.command()
def explain(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="the run folder of a plan")],
    *,
    days: Annotated[int, typer.Option("--replications", "-n", min=8, help="days to simulate each change on")] = 48,
    seed: Seed = 1,
    engine: EngineOption = "auto",
    workers: Workers = CORES,
    as_json: Json = False,
) -> None:
    """What each target costs, what one more agent is worth, where the plan is over, its risk, why it falls short."""
    from planner.explain import explain as explained_by
    from planner.plan import read_plan
    from planner.telling import caveats
    from sim.report.explained import explanation_tables
    from sim.results import SCENARIO_FILE, write_files

    with told():
        if not (plan / SCENARIO_FILE).is_file():
            stop(f"error: {plan} is no run folder of a plan: give the one that peakdesk plan wrote")
        desk, proposal = desk_of(str(plan / SCENARIO_FILE), None, None, allow_path=False), read_plan(plan)
        found = explained_by(desk, proposal, seed=seed, days=days, engine=engine, workers=workers)
        write_files(plan, {"explain.json": found.model_dump_json(indent=2).encode()})
    if as_json:
        say(found.model_dump_json(indent=2))
        return
    say(f"{proposal.name}: {proposal.heads} heads, cost {proposal.cost:,.2f}, {proposal.status}")
    show(*explanation_tables(found.model_dump(mode="json")))
    say(f"\nschedule efficiency: {found.schedule_efficiency:.1%} of the agents' intervals are needed by some target")
    for line in caveats(proposal):
        say(line)


@app.command()
def compare(
    given: Annotated[
        list[str], typer.Argument(metavar="A B...", help="scenarios, overlays, plans, path=value or run folders")
    ],
    *,
    replications: Replications = 100,
    plain: Plain = False,
    seed: Seed = 1,
    first: Annotated[int, typer.Option(min=0, help="number of the first replication")] = 0,
    engine: EngineOption = "auto",
    workers: Workers = CORES,
    processes: Processes = None,
    cluster: ClusterAddress = None,
    allow_path: AllowPath = False,
    allow_changed: AllowChanged = False,
    out: Out = None,
    overwrite: Overwrite = False,
    accept: AcceptOption = "certified",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """What B, C, … change of A, on the same customers: differences with intervals, what moved, money."""
    from sim import comparison
    from sim.candidates import candidates

    with told():
        if len(given) < 2:
            stop(
                "error: there is nothing to compare with: give the baseline first, then what is to be compared with it"
            )
        found = candidates(given, allow_path=allow_path, allow_changed=allow_changed)
        folder = run_folder(out, found[0].scenario.name, "compare", overwrite)
        line = Line(quiet)
        with elsewhere(processes, cluster) as executor:
            runs = comparison.compare(
                found,
                replications=replications,
                seed=seed,
                first=first,
                engine=engine,
                workers=workers,
                executor=executor,
                progress=lambda done, total: line(f"{done} of {total} replications of {len(found)} candidates"),
                plain=plain,
            )
        line.end()
        results = comparison.results_of(runs)
        with kept(lambda: tell(results[0], as_json)):
            there = comparison.write_comparison(folder, runs, results, overwrite=overwrite, beside=True)
            folder = landed(there, folder)
    remember(results[0], folder)
    tell(results[0], as_json)
    follow(folder, as_json, f"peakdesk report {folder}")
    raise typer.Exit(exit_code((target for one in results for target in one.targets), accept))


@app.command()
def sweep(
    scenario: ScenarioName,
    *,
    over: Over,
    replan: Annotated[bool, typer.Option("--plan", help="propose shifts anew at each point; takes long")] = False,
    replications: Replications = 20,
    seed: Seed = 1,
    engine: EngineOption = "auto",
    workers: Workers = CORES,
    processes: Processes = None,
    cluster: ClusterAddress = None,
    overlay: Overlay = None,
    sets: Set = None,
    allow_path: AllowPath = False,
    out: SweepOut = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """A grid of what-ifs on the same customers: a table, charts. Run again, it goes on where it was interrupted."""
    from planner.anew import plan_for
    from sim.report.sweep_figures import charts
    from sim.results import write_files
    from sim.sweep import axis, folder_of, grid
    from sim.sweep import sweep as run

    with told():
        points = grid(scenario, [axis(text) for text in over], overlay or (), sets or (), allow_path=allow_path)
        folder = out or folder_of(points, replications=replications, seed=seed)
        line = Line(quiet)
        # for other customers than those of the sweep, which would flatter the plan
        anew = partial(plan_for, seed=seed + 1, engine=engine, workers=workers, tell=line)
        with going_on(folder), elsewhere(processes, cluster) as executor:
            whole = run(
                points,
                folder,
                replications=replications,
                seed=seed,
                engine=engine,
                workers=workers,
                executor=executor,
                replan=(lambda desk: anew(desk).staffing) if replan else None,
                progress=lambda k, of, done, days: line(f"point {k + 1} of {of}: {done} of {days} replications"),
            )
            line.end()
            write_files(folder, charts(whole))
    remember(whole, folder)
    tell_any(whole, as_json)
    follow(folder, as_json, f"peakdesk report {folder}")


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="run folders")],
    as_json: Json = False,
) -> None:
    """Write one self-contained HTML page into each run folder, and its figures as SVG and PNG."""
    import json

    from pydantic import ValidationError

    from sim.report.page import report as pages
    from sim.report.sweep_page import sweep_report
    from sim.results import read_result, write_files
    from sim.sweep import SWEEP_FILE, read_sweep

    written = []
    with told():
        for run in runs:
            try:
                files = sweep_report(read_sweep(run)) if (run / SWEEP_FILE).is_file() else pages(read_result(run))
            except (FileNotFoundError, ValidationError):
                stop(f"error: {run} is no run folder: give one that simulate, plan, compare or sweep has written")
            folder = run if run.is_dir() else run.parent
            write_files(folder, files)
            written.append(folder / "report.html")
    if as_json:
        say(json.dumps([str(path) for path in written]))
    else:
        for path in written:
            say(f"Report: {path}")


@app.command()
def schema(
    which: Annotated[Schema | None, typer.Argument(help="one of them; both by default")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="on one line")] = False,
) -> None:
    """Print the JSON Schema of scenario files and of result.json, for editors and programs."""
    import json

    from sim.results import result_schema
    from sim.scenario_file import json_schema

    schemas: dict[Schema, Callable[[], dict[str, Any]]] = {"scenario": json_schema, "result": result_schema}
    found: Any = schemas[which]() if which else {name: make() for name, make in schemas.items()}
    say(json.dumps(found, indent=None if as_json else 2, ensure_ascii=False))


def main() -> None:
    """Entry point of the command `peakdesk`."""
    try:
        app()
    finally:
        _leave_solver()


def _leave_solver() -> None:
    """Where a solve was abandoned, end without waiting for its thread: all is written by now."""
    import threading

    left = sys.exc_info()[1]
    if isinstance(left, SystemExit) and any(thread.name == "highs" for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(left.code if isinstance(left.code, int) else Exit.BAD_INPUT)


if __name__ == "__main__":
    main()
