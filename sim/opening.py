"""When the desk is open, in engine time, and when deferred work is due."""

from collections.abc import Iterable
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from sim.clock import Horizon
from sim.mechanisms import NOT_EVER
from sim.scenario import WEEKDAYS, Opening, Scenario
from sim.units import to_ms

Integers = npt.NDArray[np.int64]
Window = tuple[int, int]
FAR = 2**61
FARTHEST_DAYS = 400
"""A desk that stays closed longer is taken to open then."""


def windows_of(scenario: Scenario, contact_type: str) -> list[Window] | None:
    """When a type is open, in order, from the horizon's start on; None: always.

    Windows that touch are one. The last may end after the horizon, none begins there.
    """
    opening, horizon = scenario.opening_of(contact_type)[0], scenario.horizon
    if opening is None:
        return None
    days = [horizon.days[0] - timedelta(days=1), *horizon.days, horizon.days[-1] + timedelta(days=1)]
    found = _windows(opening, horizon, days)
    if len(found) == 1 and found[0][0] <= 0 and found[0][1] >= horizon.first_instant(days[-1], 1440):
        return None
    return [(max(opens, 0), closes) for opens, closes in found if closes > 0 and opens < horizon.length_ms]


def _windows(opening: Opening, horizon: Horizon, days: Iterable[date]) -> list[Window]:
    """The windows of some days in a row, those that touch made one."""
    found: list[Window] = []
    for opens, closes in sorted(window for day in days for window in _of_day(opening, horizon, day)):
        if found and opens <= found[-1][1]:
            found[-1] = (found[-1][0], max(closes, found[-1][1]))
        elif opens < closes:
            found.append((opens, closes))
    return found


def _of_day(opening: Opening, horizon: Horizon, day: date) -> list[Window]:
    """The windows of a local date, which replaces its weekday."""
    windows = opening.get(day.isoformat(), opening.get(WEEKDAYS[day.weekday()], ()))
    return [(horizon.first_instant(day, opens), horizon.first_instant(day, closes)) for opens, closes in windows]


# ---------------------------------------------------------------------------------------------------------------- due


def due_ms(scenario: Scenario, contact_type: str, arrival_ms: Integers) -> Integers:
    """When deferred work that arrived then is due, same shape; NOT_EVER for a type without `due`.

    The allowance runs from the arrival, or from the next opening if the desk is closed then, by the wall clock or only
    while the desk is open.
    """
    due = scenario.contact_types[contact_type].due
    if due is None:
        return np.full(len(arrival_ms), NOT_EVER)
    allowance, opening = to_ms(due.within), scenario.opening_of(contact_type)[0]
    if opening is None or not len(arrival_ms):
        return arrival_ms + allowance
    first, last = int(arrival_ms.min()), int(arrival_ms.max())
    opens, closes = _spans(opening, scenario.horizon, first, last, allowance)
    before = np.concatenate(([0], np.cumsum(closes - opens)))
    window = np.minimum(np.searchsorted(closes, arrival_ms, side="right"), len(opens) - 1)
    begins = np.maximum(arrival_ms, opens[window])
    if due.clock == "wall":
        return begins + allowance
    used_up = before[window] + (begins - opens[window]) + allowance
    end = np.minimum(np.searchsorted(before[1:], used_up), len(opens) - 1)
    return np.asarray(opens[end] + used_up - before[end])


def _spans(opening: Opening, horizon: Horizon, first: int, last: int, allowance: int) -> tuple[Integers, Integers]:
    """Opening windows from before `first` until the allowance has run off after `last`; at the end open for ever."""
    day, latest = horizon.local(first).date() - timedelta(days=1), horizon.local(last).date()
    found: list[Window] = []
    for days in (14, FARTHEST_DAYS):
        through = (latest - day).days + days
        found = _windows(opening, horizon, (day + timedelta(days=n) for n in range(through)))
        if sum(closes - max(opens, last) for opens, closes in found if closes > last) > allowance:
            break
    end = horizon.first_instant(day + timedelta(days=through), 0)
    found.append((end, FAR))
    return np.array([opens for opens, _ in found]), np.array([closes for _, closes in found])
