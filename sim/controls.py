"""Runs -> Controls: arrival counts, whose means a scenario knows, as control variates.

How many contacts came explains most of why one day was worse than another. The choice depends on the scenario and on
the number of replications alone, never on what came of them, so that it cannot favour a result.
"""

from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from sim.distributions import ByTime
from sim.estimates import Controls
from sim.metrics import Tally
from sim.scenario import Scenario
from sim.workload import expected_counts, mean_talk_s

Floats = npt.NDArray[np.float64]

PLAIN_TYPE = (
    "channel", "language", "tier", "arrivals", "gives_up_at_once", "patience", "talk", "after_contact_work", "priority",
    "threshold", "lost_value", "opening", "resolution",
)  # fmt: skip
PLAIN_GROUP = ("skills", "cost_per_hour", "cost_factor", "max_heads")
"""What contact types and groups may say without any talk being other than drawn."""
REPLICATIONS_EACH = 16
"""A control needs so many replications: fitting its slope then costs at most some 7 % of the variance."""


def controls_of(scenario: Scenario, tally: Tally) -> Controls | None:
    """Control variates for these replications; None where there are too few of them or no arrivals are left to chance.

    In this order, each set as a whole while there are 16 replications for every control: all arrivals, their square
    (where one factor a day is all that makes it vary), those of each day, those of each type. Arrivals of a trace or of
    a fixed number are left out.
    """
    sets = sets_of(scenario, tally)
    names = affordable({name: values.shape[1] for name, values in sets.items()}, tally.replications)
    if not names:
        return None
    controls = Controls(np.concatenate([sets[name] for name in names], axis=1), names)
    return controls if controls.rank else None


def affordable(sizes: Mapping[str, int], replications: int) -> tuple[str, ...]:
    """Which sets of controls, of these sizes, so many replications can pay for."""
    names: list[str] = []
    taken = 0
    for name, size in sizes.items():
        if size and (taken + size) * REPLICATIONS_EACH <= replications:
            names.append(name)
            taken += size
    return tuple(names)


def sets_of(scenario: Scenario, tally: Tally, *, fine: bool = False) -> dict[str, Floats]:
    """All sets of controls by name, [replication, control] each, in the order in which they are taken.

    `fine`: at last those of each interval, which explain figures of single intervals: arrivals, and how much longer
    than the mean the answered talked, where talk times are the scenario's law and nothing else. Whether somebody is
    answered does not depend on how long the talk will be, so that has mean 0 whatever the agents are (Wald).
    """
    random = _random_types(scenario)
    expected = expected_counts(scenario)[:, random]
    came = tally.arrived[:, random].transpose(0, 2, 1).astype(np.float64)
    found = _sets(came, expected, scenario)
    if fine:
        found["arrivals by interval"] = (came - expected).sum(axis=2)
        if _talk_is_plain(scenario):
            beyond = tally.talk_ms - mean_talk_s(scenario)[:, None] * 1000.0 * tally.answered
            found["talk by interval"] = beyond.sum(axis=1) / 60_000
    return found


def _talk_is_plain(scenario: Scenario) -> bool:
    """Whether every talk is drawn from its type's law and takes just as long, whoever answers and whenever."""
    groups, kinds = scenario.agent_groups.values(), scenario.contact_types.values()
    return (
        scenario.trace is None
        and not scenario.backlog
        and all(event.talk_factor == 1 for event in scenario.events.values())
        and all(_only(channel, ("opening",)) for channel in scenario.channels.values())
        and all(_only(kind, PLAIN_TYPE) and not isinstance(kind.talk, ByTime) for kind in kinds)
        and all(_only(group, PLAIN_GROUP) for group in groups)
        and all(_only(skill, ("preference", "resolution")) for group in groups for skill in group.skills.values())
    )


def _only(part: BaseModel, allowed: Collection[str]) -> bool:
    """Whether a part of a scenario says nothing but what is allowed: what is added to the model later is not."""
    return all(
        name in allowed or getattr(part, name) == field.get_default(call_default_factory=True)
        for name, field in type(part).model_fields.items()
    )


def _random_types(scenario: Scenario) -> list[int]:
    """Types whose number of contacts has a mean that is known: Poisson, at busyness of mean 1."""
    traced = {row.contact_type for row in scenario.trace or ()}
    forecast = scenario.forecast.contact_types if scenario.forecast else ()
    laws = {
        name: kind.arrivals.law if kind.arrivals else "poisson" if name in forecast else ""
        for name, kind in scenario.contact_types.items()
    }
    return [k for k, (name, law) in enumerate(laws.items()) if name not in traced and law == "poisson"]


def _sets(came: Floats, expected: Floats, scenario: Scenario) -> dict[str, Floats]:
    """Candidates less their means; `came` and `expected` by [interval, type].

    All arrivals N of days d with means m_d are Poisson given busyness factors of variance v, so that
    Var N = sum of m_d + v * sum of m_d^2. Where types or intervals are busy on their own the square is no control.
    """
    day = scenario.horizon.day_of_interval
    starts = np.unique(day, return_index=True)[1]
    by_day = np.add.reduceat(expected.sum(axis=1), starts)
    off = came - expected
    of_all = off.sum(axis=(1, 2))[:, None]
    variance = by_day.sum() + scenario.busyness.cv**2 * (by_day**2).sum()
    return {
        "arrivals": of_all,
        "arrivals squared": (of_all**2 - variance)[:, : _one_factor(scenario)],
        "arrivals by day": np.add.reduceat(off.sum(axis=2), starts, axis=1)[:, 1:],
        "arrivals by type": off.sum(axis=1)[:, 1:],
    }


def _one_factor(scenario: Scenario) -> bool:
    """Whether one factor a day on all rates is all that makes them vary."""
    busyness = scenario.busyness
    is_common = not busyness.by_type and busyness.correlation == 1 and busyness.intervals is None
    incidents = any(not event.is_certain for event in scenario.events.values())
    return is_common and not scenario.forecasts and not incidents
