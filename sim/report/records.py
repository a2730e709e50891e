"""The figures of a result, looked up by measure and by what they are of; and how people read them.

Works on the estimates of result.json as they stand: absent keys of `by` mean all.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from sim.results import IntervalKey, Record, TargetRecord
from sim.scenario import SHARES
from sim.units import format_duration

_Of = frozenset[tuple[str, str | int]]


def _of(by: Mapping[str, Any]) -> _Of:
    """`by` as a key; an interval stands for its index."""
    return frozenset((k, v["index"] if k == "interval" and isinstance(v, Mapping) else v) for k, v in by.items())


class Records:
    """An index of estimates."""

    def __init__(self, estimates: Iterable[Record]) -> None:
        self._at: dict[tuple[str, _Of], Record] = {}
        self._by_formula: dict[tuple[str, str | None, _Of], Record] = {}
        self._names: dict[str, dict[str, None]] = {}
        self.intervals: dict[int, IntervalKey] = {}
        for record in estimates:
            self._add(record)

    def _add(self, record: Record) -> None:
        by: dict[str, Any] = {**record.by}
        of = _of(by)
        self._at.setdefault((record.measure, of), record)
        self._by_formula[record.measure, record.formula, of] = record
        for kind, name in by.items():
            if kind == "interval":
                self.intervals[name["index"]] = name
            else:
                self._names.setdefault(kind, {})[name] = None

    def get(self, measure: str, formula: str | None = None, **by: Any) -> Record | None:
        """The estimate of a measure of exactly `by`; None where there is none."""
        if formula is None:
            return self._at.get((measure, _of(by)))
        return self._by_formula.get((measure, formula, _of(by)))

    def mean(self, measure: str, **by: Any) -> float | None:
        """Its mean; None where there is none."""
        record = self.get(measure, **by)
        return None if record is None else record.mean

    def over_the_day(self, measure: str, **by: Any) -> list[Record | None]:
        """The estimates of each interval, in order; empty where the measure has none by interval."""
        line = [self.get(measure, **by, interval=i) for i in sorted(self.intervals)]
        return line if any(line) else []

    def names(self, kind: str) -> list[str]:
        """Names of all types, groups, … that estimates are given by, in their order."""
        return list(self._names.get(kind, ()))


def share(value: float) -> str:
    """A share in per cent, one decimal."""
    return f"{value * 100:.1f} %"


def seconds(value: float) -> str:
    """A wait, short: "8.4 s", "2:05 min", "1:20 h"."""
    if value < 59.95:
        return f"{value:.1f} s"
    if value < 3599.5:
        return f"{round(value) // 60}:{round(value) % 60:02d} min"
    minutes = round(value / 60)
    return f"{minutes // 60}:{minutes % 60:02d} h"


def number(value: float) -> str:
    """Whole from 100 on, else one decimal; thousands apart."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:,.1f}"


def by_unit(value: float | None, unit: str) -> str:
    """A value in its unit; a dash for none."""
    if value is None or math.isnan(value):
        return "–"
    if unit == "share":
        return share(value)
    return seconds(value) if unit == "s" else number(value)


def with_interval(record: Record | None) -> str:
    """An estimate with its interval: "84.2 % (83.1–85.3)"; exact ones stand alone."""
    if record is None or record.mean is None:
        return "–"
    text = by_unit(record.mean, record.unit)
    if record.low is None or record.high is None or record.low == record.high:
        return text
    if record.unit not in ("share", "s"):
        digits = 0 if record.mean >= 100 else 1 if record.mean >= 10 else 2
        return f"{record.mean:,.{digits}f} ({record.low:,.{digits}f}–{record.high:,.{digits}f})"
    ends = (record.low, record.high) if record.unit != "share" else (max(record.low, 0.0), min(record.high, 1.0))
    low, high = (by_unit(end, record.unit) for end in ends)
    for sign in (" %", " s", " min", " h"):
        if all(part.endswith(sign) for part in (text, low, high)):
            low, high = low.removesuffix(sign), high.removesuffix(sign)
    return f"{text} ({low}{'–' if record.low >= 0 else ' to '}{high})"


def shortened(text: str, most: int) -> str:
    """At most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def target_text(target: TargetRecord) -> str:
    """What was promised, of whom: "service level ≥ 80 % in 20 s: chat_vip, phone_vip"."""
    level = target.at_least if target.at_least is not None else target.at_most or 0.0
    promised = share(level).replace(".0 ", " ") if target.measure in SHARES else format_duration(level)
    within = f" in {format_duration(target.threshold_s)}" if target.threshold_s is not None else ""
    window = target.per if isinstance(target.per, str) else f"block of {format_duration(target.per)}"
    each = "" if target.per == "horizon" else f" in each {window}"
    sign = "≥" if target.at_least is not None else "≤"
    on = "" if target.in_days is None else f" on {share(target.in_days).replace('.0 ', ' ')} of days"
    return f"{measure_name(target.measure)} {sign} {promised}{within}{each}{on}: {_of_whom(target)}"


def _of_whom(target: TargetRecord) -> str:
    names, kind = (target.agent_groups, "agent groups") if target.measure == "occupancy" else (
        target.contact_types, "contact types")  # fmt: skip
    return ", ".join(names) if names != "all" else f"all {kind}"


_NAMES = {
    "asa": "ASA", "aht": "AHT", "aht_work": "AHT as work", "fcr": "FCR", "fcr_served": "FCR of the served",
    "hand_off": "hand-off", "first_response_open": "first response, open hours",
    "prediction_rmse": "prediction RMSE", "follow_ups": "follow-ups", "callbacks_offered": "call-backs offered",
    "callback_acceptance": "accepted", "callback_kept": "rung in time", "callback_answered": "answered",
    "callback_unanswered": "not there when called back", "bot_work_saved": "work saved",
    "bot_work_saved_naive": "naively", "bot_work_saved_share": "share that is real",
    "containment_kept": "containment kept",
}  # fmt: skip


def measure_name(measure: str) -> str:
    """As people write it: "service level", "ASA", "wait P95"."""
    if measure.startswith("wait_p"):
        return f"wait P{measure[6:]}"
    return _NAMES.get(measure, measure.replace("_", " "))
