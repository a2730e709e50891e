"""One self-contained HTML page about a sweep: its charts, its points, which targets held where."""

from sim.report.deflection import deflection_table
from sim.report.figures import svg
from sim.report.page import Picture, data_url, rendered
from sim.report.records import target_text, with_interval
from sim.report.sweep import short_paths, sweep_table
from sim.report.sweep_figures import charts, draw
from sim.report.tables import Table
from sim.results import SweepRecord

MOST_ROWS = 60


def sweep_report(whole: SweepRecord) -> dict[str, bytes]:
    """Files of a report by their path in the sweep's folder: report.html, and each chart as SVG and PNG."""
    drawings = draw(whole).values()
    page = rendered(
        "sweep.html.j2",
        whole=whole,
        subtitle=_subtitle(whole),
        figures=[Picture(one.title, one.description, data_url(svg(one))) for one in drawings],
        points=sweep_table(whole),
        deflection=deflection_table(whole),
        targets=targets_table(whole),
        again=run_again(whole),
        provenance=_provenance(whole),
    )
    return {"report.html": page.encode(), **charts(whole)}


def _subtitle(whole: SweepRecord) -> str:
    values = " × ".join(f"{len(values)} values of {path}" for path, values in whole.axes.items())
    return f"{len(whole.points)} points: {values}; {whole.replications} replications each, seed {whole.seed}."


def targets_table(whole: SweepRecord) -> Table | None:
    """Each target at each point; None without targets."""
    paths = short_paths(list(whole.axes))
    rows = tuple(
        (target.status, target_text(target), *(point.settings[path] for path in paths), with_interval(target.estimate))
        for number in range(max(len(point.targets) for point in whole.points))
        for point in whole.points
        for target in point.targets[number : number + 1]
    )
    if not rows:
        return None
    note = "The estimate is that of the worst window. All points are in targets.csv."
    head = ("status", "target", *paths.values(), "estimate (interval)")
    return Table("Targets", head, rows[:MOST_ROWS], len(head) - 1, note)


def run_again(whole: SweepRecord) -> str:
    """The command that gives the same figures, to be run in the folder of the sweep."""
    over = (f"--over '{path}={','.join(values)}'" for path, values in whole.axes.items())
    return " ".join(
        ["peakdesk sweep scenario.yaml", *over, f"--replications {whole.replications}", f"--seed {whole.seed}"]
    )


def _provenance(whole: SweepRecord) -> Table:
    rows = [("scenario", whole.scenario), ("seed", str(whole.seed)), ("replications", str(whole.replications))]
    rows += [(f"version of {name}", text) for name, text in whole.versions.items()]
    return Table("Provenance", ("", ""), tuple(rows), 2)


__all__ = ["run_again", "sweep_report", "targets_table"]
