"""The table of a sweep: a row for each point, its values first, then what people ask for."""

from collections.abc import Sequence

from sim.report.records import Records, by_unit, measure_name, with_interval
from sim.report.tables import Table
from sim.results import PointRecord, SweepRecord

SHOWN = ("service_level", "asa", "abandonment", "occupancy", "heads", "cost")


def short_paths(paths: Sequence[str]) -> dict[str, str]:
    """The end of each path, two parts or as long as it must be to be told from the others."""
    found: dict[str, str] = {}
    for path in paths:
        parts = path.split(".")
        ends = (".".join(parts[-k:]) for k in range(min(2, len(parts)), len(parts) + 1))
        found[path] = next((end for end in ends if sum(f".{other}".endswith(f".{end}") for other in paths) == 1), path)
    return found


def sweep_table(whole: SweepRecord) -> Table:
    """All points with their main figures and the number of targets held."""
    first = Records(whole.points[0].estimates)
    paths = short_paths(list(whole.axes))
    shown = [measure for measure in SHOWN if first.get(measure) is not None]
    head = (*paths.values(), *(_header(first, measure) for measure in shown), "targets held")
    rows = tuple(
        (*(point.settings[path] for path in paths), *_figures(point, shown), _held(point)) for point in whole.points
    )
    note = (
        f"{whole.replications} replications each, seed {whole.seed}: the same customers at all points. "
        "Intervals in sweep.csv."
    )
    return Table(f"Sweep of {whole.scenario}", head, rows, len(paths), note)


def _header(records: Records, measure: str) -> str:
    found = records.get(measure)
    assert found is not None, "only what there is is shown"
    name = measure_name(measure)
    if measure == "service_level":
        return f"{name} ({found.formula})"
    return name if found.unit in ("share", "s", "heads") else f"{name}, {found.unit}"


def _figures(point: PointRecord, shown: Sequence[str]) -> list[str]:
    records = Records(point.estimates)
    found = [records.get(measure) for measure in shown]
    return [
        with_interval(one) if one is not None and one.measure == "service_level"
        else by_unit(one.mean, one.unit) if one is not None else "–"
        for one in found
    ]  # fmt: skip


def _held(point: PointRecord) -> str:
    held = sum(target.status != "missed" for target in point.targets)
    return f"{held} of {len(point.targets)}" if point.targets else "–"
