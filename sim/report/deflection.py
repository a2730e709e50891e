"""What a bot that keeps more contacts really saves, beside what a rule of three says: points of a sweep compared.

A contact that a bot keeps was easier than those it passes on, and some of those it keeps come back. So work, and the
heads that it takes, fall less than the number of contacts does.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sim.report.records import Records, by_unit, share, with_interval
from sim.report.sweep import short_paths
from sim.report.tables import Table
from sim.results import PointRecord, Record, SweepRecord

NEEDED = ("containment", "bot_work_saved", "bot_work_saved_naive", "bot_work_saved_share")


class Kept(NamedTuple):
    """What a bot keeps at one point of a sweep.

    `to_people` contacts a day that the bot does not keep; `heads` of the point and, by rule of three, those of the
    first point times contacts to people here, by contacts to people there. None: the desk's agents have no number.
    """

    point: PointRecord
    records: Records
    to_people: float
    heads: float | None
    heads_by_rule: float | None

    def of(self, measure: str) -> Record:
        """One of the figures that all points have."""
        found = self.records.get(measure)
        assert found is not None, "asked for before"
        return found


def deflection(whole: SweepRecord) -> list[Kept]:
    """The points of a sweep along which the bot keeps more or less; empty where it does not."""
    records = [Records(point.estimates) for point in whole.points]
    if any(one.mean(measure) is None for one in records for measure in NEEDED):
        return []
    if len({share(one.mean("containment") or 0.0) for one in records}) < 2:
        return []
    people = [_to_people(one) for one in records]
    heads = [one.mean("heads") for one in records]
    return [
        Kept(point, one, n, h, heads[0] * n / people[0] if heads[0] is not None and people[0] else None)
        for point, one, n, h in zip(whole.points, records, people, heads, strict=True)
    ]


def _to_people(records: Records) -> float:
    kept = ((records.mean(measure) or 0.0) for measure in ("bot_resolved", "bot_contained_unresolved"))
    return (records.mean("arrived") or 0.0) - sum(kept)


def planned(kept: Sequence[Kept]) -> bool:
    """Whether each point has heads of its own."""
    return len({one.heads for one in kept}) > 1


def deflection_table(whole: SweepRecord) -> Table | None:
    """Work and heads that containment saves, and what one would have thought; None where it does not change."""
    kept = deflection(whole)
    if not kept:
        return None
    paths = short_paths(list(whole.axes))
    heads = ("heads by rule of three", "heads") if planned(kept) else ()
    work = ("work saved, naively, h", "really, h", "real share")
    head = (*paths.values(), "containment", "left to people", *work, *heads, "wait P95")
    rows = tuple((*(one.point.settings[path] for path in paths), *_cells(one, planned(kept))) for one in kept)
    note = (
        "Naively a contact that the bot keeps saves the work of an average one that people get; really it was an "
        "easier one, and may come back."
    )
    if heads:
        note += " Rule of three: heads of the first row in proportion to contacts left to people."
    return Table("What the bot saves", head, rows, len(paths), note)


def _cells(kept: Kept, with_heads: bool) -> list[str]:
    heads = [by_unit(kept.heads_by_rule, "heads"), by_unit(kept.heads, "heads")] if with_heads else []
    return [
        with_interval(kept.of("containment")),
        f"{kept.to_people:,.0f}",
        with_interval(kept.of("bot_work_saved_naive")),
        with_interval(kept.of("bot_work_saved")),
        by_unit(kept.of("bot_work_saved_share").mean, "share"),
        *heads,
        with_interval(kept.records.get("wait_p95")),
    ]
