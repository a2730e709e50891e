"""The command `peakdesk runs`: past runs listed, shown, run again, deleted."""

from typing import Annotated

import typer

from sim.terminal.voice import (
    CORES,
    Exit,
    Json,
    Line,
    Out,
    Overwrite,
    Quiet,
    Workers,
    exit_code,
    follow,
    kept,
    landed,
    note,
    promised,
    remember,
    run_folder,
    say,
    show,
    stop,
    tell_any,
    told,
)

past = typer.Typer(
    name="runs",
    invoke_without_command=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
RunId = Annotated[int, typer.Argument(metavar="ID", help="as `peakdesk runs` lists it")]


@past.callback()
def runs(context: typer.Context, as_json: Json = False) -> None:
    """List past runs; show one, run it again, delete it."""
    from sim.history import as_objects, history_table
    from sim.store import store

    if context.invoked_subcommand:
        return
    with told():
        lines = store().lines()
    if as_json:
        say(as_objects(lines))
    elif lines:
        show(history_table(lines))
    else:
        say("No runs yet.")


@past.command("show")
def show_run(run: RunId, as_json: Json = False) -> None:
    """Show what a run came to, and with what it was made."""
    from sim.history import as_objects, facts, found
    from sim.store import store

    with told():
        line = store().line(run)
        result = found(line)
    if as_json:
        say(as_objects([line]))
        return
    for fact in facts(line):
        say(fact)
    tell_any(result, as_json)


@past.command("again")
def run_again(
    run: RunId,
    *,
    allow: Annotated[bool, typer.Option("--allow", help="even if NumPy now draws other customers")] = False,
    workers: Workers = CORES,
    out: Out = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run a simulation, comparison, sweep or the proof of a plan exactly as it was: from frozen scenarios and seed."""
    from sim.history import OtherCustomers, again, differing
    from sim.store import store

    with told():
        then = store().line(run)
        folder = run_folder(out, then.scenario, then.command, overwrite)
        line = Line(quiet)
        try:
            anew = again(
                then, allow=allow, workers=workers, progress=lambda done, of: line(f"{done} of {of} replications")
            )
        except OtherCustomers as other:
            stop(f"{other}; --allow runs it all the same", Exit.NOT_CERTIFIED)
        line.end()
        with kept(lambda: tell_any(anew.result, as_json)):
            folder = landed(anew.write(folder, overwrite), folder)
    remember(anew.result, folder)
    tell_any(anew.result, as_json)
    for package in differing(then.versions):
        note(f"warning: {package}")
    note(anew.sentence)
    follow(folder, as_json, f"peakdesk report {folder}")
    raise typer.Exit(exit_code(promised(anew.result), "certified"))


@past.command("delete")
def delete_run(
    run: RunId,
    files: Annotated[bool, typer.Option("--files", help="and its run folder")] = False,
    as_json: Json = False,
) -> None:
    """Take a run out of the list; its folder stays unless --files is given."""
    from sim.history import as_objects, delete
    from sim.store import store

    with told():
        line = delete(store(), run, files=files)
    say(as_objects([line]) if as_json else f"Run {run} is deleted; {line.folder} {'too' if files else 'stays'}.")
