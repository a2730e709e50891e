"""The lower bound: what no plan can beat, of which class, under which assumption, and the gap to the plan.

A class says what the bound rests on: `proven` (a theorem, no sampling), `confidence 95 %` (a theorem and sampling
error), `conditional` (the same under an assumption that is printed and was checked on a grid), `none`. An estimate
never stands here. Which mechanisms of a desk a method covers is a table; with any other in use its class is `none`.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from planner.cover import Price
from planner.search import Problem
from planner.shifts import ShiftTable
from sim.scenario import Scenario, StartWindow

BoundClass = Literal["proven", "confidence 95 %", "conditional", "none"]
ERROR = 0.05
"""How often a bound with sampling error in it may be wrong."""
FINEST = 10_000
"""Prices that are no whole numbers of a ten-thousandth have no common measure worth the name."""
Covered = Mapping[str, Collection[str]]
Floats = npt.NDArray[np.float64]
Stop = Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class Bound:
    """No plan is worth less than `value` in the objective, as far as its class goes; None: nothing is known.

    `assumption` is what it rests on, `checks` what was seen of that; `why_not` says what the method does not cover.
    """

    method: str
    value: float | None
    bound_class: BoundClass
    assumption: str = ""
    checks: tuple[str, ...] = ()
    why_not: tuple[str, ...] = ()
    simulated_days: int = 0

    def gap(self, worth: float) -> float | None:
        """(worth - bound) / bound; None without a bound."""
        return None if not self.value else round((worth - self.value) / self.value, 9) + 0.0


def nothing(method: str, why_not: Sequence[str]) -> Bound:
    """No bound, and why."""
    return Bound(method=method, value=None, bound_class="none", why_not=tuple(why_not))


# ------------------------------------------------------------------------------------------------ what is covered


def uncovered(scenario: Scenario, covered: Covered) -> list[str]:
    """Fields in use that a method's table does not list, by their path: a mechanism it knows nothing of."""
    return list(dict.fromkeys(_unknown(scenario, covered, "")))


def _unknown(part: object, covered: Covered, path: str) -> Iterator[str]:
    if isinstance(part, Mapping):
        for value in part.values():
            yield from _unknown(value, covered, path)
    elif isinstance(part, tuple):
        for value in part:
            yield from _unknown(value, covered, path)
    elif isinstance(part, BaseModel) and type(part).__name__ in covered:
        for name, field in type(part).model_fields.items():
            value, where = getattr(part, name), f"{path}.{name}".lstrip(".")
            if name in covered[type(part).__name__]:
                yield from _unknown(value, covered, where)
            elif value != field.get_default(call_default_factory=True):
                yield where


SCENARIO = (
    "name", "description", "horizon", "channels", "bots", "contact_types", "trace", "volume", "busyness", "events",
    "agent_groups", "staffing", "shift_templates", "objective", "targets", "short_abandonment", "costs", "customers",
    "sources",
)  # fmt: skip
CONTACT_TYPE = (
    "channel", "language", "tier", "arrivals", "bot", "difficulty", "gives_up_at_once", "patience", "talk",
    "after_contact_work", "priority", "threshold", "lost_value", "opening", "at_closing", "resolution",
)  # fmt: skip
SHIFT_TEMPLATE = (
    "starts", "lengths", "breaks", "between_breaks", "groups", "days", "cost", "fte", "max_number",
)  # fmt: skip
COMMON: Covered = {
    "Scenario": SCENARIO,
    "Channel": ("opening", "at_closing"),
    "Bot": ("cost_per_session",),
    "BotJourney": ("uses", "share", "containment", "resolved", "give_up", "duration", "turns", "turn", "recognition",
                   "max_attempts", "triggers", "drift", "hand_off", "baseline_containment", "baseline_passed_over"),
    "Trigger": ("share", "time", "talk_factor"),
    "ContactType": CONTACT_TYPE,
    "HandOff": ("delay", "talk_factor", "talk_added"),
    "Difficulty": ("bot", "talk", "measured", "baseline_containment", "baseline_passed_over"),
    "Busyness": ("cv",),
    "Event": ("start", "onset", "peak_factor", "plateau", "decay", "contact_types", "mix", "bot_share", "talk_factor"),
    "Arrivals": ("per_hour", "per_day", "profile", "counts", "shape", "law"),
    "AgentGroup": ("skills", "cost_per_hour", "cost_factor", "max_heads"),
    "Skill": ("preference", "resolution"),
    "ShiftTemplate": SHIFT_TEMPLATE,
    "BreakRule": ("length", "earliest", "latest", "step", "paid"),
    "Target": ("measure", "contact_types", "threshold", "formula", "strict", "at_least", "per", "confidence"),
}  # fmt: skip
"""What all methods cover: mechanisms that bring contacts, and work that does not depend on the plan."""


def off_the_grid(scenario: Scenario) -> bool:
    """Whether some shift or break begins or ends inside an interval."""
    step = scenario.horizon.interval
    for template in scenario.shift_templates.values():
        starts = template.starts.times if isinstance(template.starts, StartWindow) else template.starts
        breaks = [s for rule in template.breaks for s in (rule.earliest, rule.step, rule.length)]
        if any(s % step for s in (*(60 * start for start in starts), *template.lengths, *breaks)):
            return True
    return False


# ------------------------------------------------------------------------------------------------------- the price


def bare_price(objective: str, table: ShiftTable) -> Price:
    """The objective alone, without what decides between equals."""
    if objective == "heads":
        return Price(shift=np.zeros(len(table)), head=1.0, short=0.0)
    first = {"fte": table.fte, "hours": table.paid_h, "cost": table.cost}[objective]
    return Price(shift=first, short=0.0)


def rounded_up(problem: Problem, value: float) -> float:
    """The least worth that a plan can have from `value` up: worths are sums of whole numbers of shifts' prices."""
    price = bare_price(problem.objective, problem.table)
    unit = 1.0 if price.head else _common_measure(price.shift)
    return value if unit is None else round(math.ceil(value / unit - 1e-6) * unit, 9)


def _common_measure(prices: Floats) -> float | None:
    """The greatest number that all prices are multiples of; None where they have none worth the name."""
    exact = {float(price): Fraction(float(price)).limit_denominator(FINEST) for price in prices}
    if not exact or any(abs(float(found) - price) > 1e-9 for price, found in exact.items()):
        return None
    scale = math.lcm(*(found.denominator for found in exact.values()))
    whole = math.gcd(*(int(found * scale) for found in exact.values()))
    return whole / scale if whole and scale <= FINEST else None
