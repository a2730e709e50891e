"""Three of the examples that come with the ContactCenters library, as scenario files beside this one.

E. Buist and P. L'Ecuyer, Université de Montréal: SimpleMSK, Bank, MMCBlocked; guide and recorded outputs. Acceptance as
`chance.agree` says.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chance import agree
from published_cases import published

from sim.attendance import attend
from sim.demand import sample
from sim.engine import run
from sim.estimates import mean_of, ratio_of
from sim.outcome import NEVER, Contacts, OutcomeTable, Status
from sim.routing import rules
from sim.scenario_file import load

HERE = Path(__file__).parent
HOUR = 3_600_000
MINUTE = 60_000
Column = np.ndarray[Any, Any]
Figures = Callable[[OutcomeTable], dict[str, Any]]


def replications(file: str, number: int, figures: Figures) -> dict[str, Column]:
    """Figures of each replication, by name, with a leading replication axis."""
    scenario = load(HERE / file)
    plan, desk = scenario.staffing, rules(scenario)
    assert plan is not None
    days = [figures(run(sample(scenario, 5, r), attend(scenario, plan, 5, r), desk, "compiled")) for r in range(number)]
    return {name: np.array([day[name] for day in days], dtype=float) for name in days[0]}


def agrees(
    theirs: float, interval: list[float], values: Column, per: Column | None = None, digit: float = 0.001
) -> bool:
    ours = mean_of(values) if per is None else ratio_of(values, per)
    return agree(ours.mean, (ours.high - ours.low) / 2, theirs, (interval[1] - interval[0]) / 2, digit)


def check(theirs: dict[str, Any], *values: Column) -> None:
    assert agrees(theirs["mean"], theirs["ci95"], *values), (theirs, [value.mean() for value in values])


def waits(contacts: Contacts) -> Column:
    """To the answer, or to hanging up."""
    return np.where(contacts.answered != NEVER, contacts.answered, contacts.ended) - contacts.queued


def in_hand(contacts: Contacts) -> Column:
    """Time in an agent's hands."""
    answered = contacts.answered != NEVER
    return np.where(answered, contacts.released - np.where(answered, contacts.answered, 0), 0)


# ---------------------------------------------------------------------------------------------------------- SimpleMSK


def test_simple_msk() -> None:
    theirs = published(
        "cc-simplemsk",
        {
            "served": {"mean": 4297.305, "sd": 437.605, "ci95": [4270.15, 4324.46]},
            "abandoned": {"mean": 910.335, "sd": 551.164, "ci95": [876.133, 944.537]},
            "SL": {"mean": 0.501, "ci95": [0.494, 0.509]},
            "occupancy_group0": {"mean": 0.881, "ci95": [0.877, 0.884]},
            "good_by_type_period_mean": [
                [170.154, 599.334, 15.49],
                [262.936, 511.648, 34.697],
                [259.806, 613.732, 24.888],
            ],
            "good_by_type_period_ci95": [
                [[164.338, 175.97], [594.159, 604.509], [13.782, 17.198]],
                [[254.597, 271.275], [506.276, 517.02], [31.27, 38.124]],
                [[250.178, 269.434], [607.586, 619.878], [22.137, 27.639]],
            ],
        },
    )

    def figures(outcome: OutcomeTable) -> dict[str, Any]:
        c, spells = outcome.contacts, outcome.spells
        in_time, answered = waits(c) < 20_000, c.status == Status.ANSWERED
        good = np.zeros((3, 3))
        np.add.at(good, (c.type, c.arrival // (2 * HOUR)), answered & in_time)
        first = spells.group == 0
        by_first = np.isin(c.agent, spells.agent[first])
        there = np.minimum(spells.left, 6 * HOUR) - np.minimum(spells.on, 6 * HOUR)
        last = max(int(c.released.max()) - 6 * HOUR, 0)  # their nine stay to the end, ours until nobody needs them
        return {
            "served": answered.sum(),
            "abandoned": (~answered).sum(),
            "late": (~answered & ~in_time).sum(),
            "good": good,
            "busy": in_hand(c)[by_first].sum(),
            "there": there[first].sum() + 9 * last,
        }

    ours = replications("simplemsk.yaml", 1008, figures)
    check(theirs["served"], ours["served"])
    check(theirs["abandoned"], ours["abandoned"])
    check(theirs["SL"], ours["good"].sum(axis=(1, 2)), ours["served"] + ours["late"])
    check(theirs["occupancy_group0"], ours["busy"], ours["there"])
    for k in range(3):
        for period in range(3):
            mean = theirs["good_by_type_period_mean"][k][period]
            interval = theirs["good_by_type_period_ci95"][k][period]
            assert agrees(mean, interval, ours["good"][:, k, period]), (k, period)


# --------------------------------------------------------------------------------------------------------- MMCBlocked


def test_mmc_with_five_waiting_places() -> None:
    theirs = published(
        "cc-mmc-blocked",
        {
            "blocked_per_day": {"mean": 18.655, "ci95": [18.045, 19.265]},
            "served_within_AWT_per_day": {"mean": 1854.284, "ci95": [1851.667, 1856.901]},
            "SL_over_served": {"mean": 0.929, "ci95": [0.928, 0.93]},
            "SL_with_blocked": {"mean": 0.92, "ci95": [0.919, 0.922]},
            "mean_wait_served_min": {"mean": 0.06, "ci95": [0.059, 0.061]},
            "occupancy": {"mean": 0.689, "ci95": [0.688, 0.69]},
        },
    )

    def figures(outcome: OutcomeTable) -> dict[str, Any]:
        c = outcome.contacts
        answered = c.status == Status.ANSWERED
        inside = np.minimum(c.released, 8 * HOUR) - np.minimum(c.answered, 8 * HOUR)
        return {
            "blocked": (c.status == Status.BLOCKED).sum(),
            "served": answered.sum(),
            "good": (answered & (waits(c) < 20_000)).sum(),
            "wait": waits(c)[answered].sum() / MINUTE,
            "busy": inside[answered].sum() / (12 * 8 * HOUR),
        }

    ours = replications("mmc_blocked.yaml", 1000, figures)
    check(theirs["blocked_per_day"], ours["blocked"])
    check(theirs["served_within_AWT_per_day"], ours["good"])
    check(theirs["SL_over_served"], ours["good"], ours["served"])
    check(theirs["SL_with_blocked"], ours["good"], ours["served"] + ours["blocked"])
    check(theirs["mean_wait_served_min"], ours["wait"], ours["served"])
    check(theirs["occupancy"], ours["busy"])


# --------------------------------------------------------------------------------------------------------------- Bank

TYPES = ("savings", "checking", "balance")
GROUPS = ("savings_spec", "checking_spec")
AWT_MS = np.array([60_000, 90_000, 30_000])


def bank_week(outcome: OutcomeTable) -> dict[str, Any]:
    """Counts, waits, service and time of a week, by type or by group."""
    c = outcome.contacts
    answered = c.status == Status.ANSWERED

    def by_type(values: Column) -> Column:
        return np.bincount(c.type, values, 3)

    group = np.full(int(outcome.spells.agent.max()) + 1, -1)
    group[outcome.spells.agent] = outcome.spells.group
    line = np.where(c.status == Status.BLOCKED, 0, c.ended - c.arrival)
    return {
        "arrivals": by_type(np.ones(len(c.type))),
        "blocked": by_type(c.status == Status.BLOCKED),
        "abandoned": by_type(c.status == Status.ABANDONED),
        "served": by_type(answered),
        "good": by_type(answered & (waits(c) <= AWT_MS[c.type])),
        "service": by_type(in_hand(c) / MINUTE),
        "wait": by_type(np.where(answered, waits(c), 0) / MINUTE),
        "busy": np.bincount(group[c.agent[answered]], in_hand(c)[answered] / HOUR, 2),
        "trunks": line.sum() / (168 * HOUR),
    }


@pytest.fixture(scope="module")
def weeks() -> dict[str, Column]:
    return replications("bank.yaml", 1000, bank_week)


def test_the_bank_by_type(weeks: dict[str, Column]) -> None:
    theirs = published(
        "cc-bank",
        {
            "arrivals": {"savings": [99.819, [99.196, 100.442]], "checking": [1000.146, [998.212, 1002.08]],
                         "balance": [2502.34, [2499.236, 2505.444]]},
            "blocked": {"savings": [0.069, [0.052, 0.086]], "checking": [0.756, [0.683, 0.829]],
                        "balance": [1.826, [1.687, 1.965]]},
            "mean_service_min": {"savings": [3.781, [3.758, 3.805]], "checking": [3.852, [3.844, 3.86]],
                                 "balance": [0.999, [0.998, 1.001]], "all": [1.87, None]},
            "avg_wait_min": {"savings": [0.024, [0.023, 0.026]], "checking": [0.028, [0.027, 0.029]],
                             "balance": [0.036, [0.035, 0.037]]},
            "abandoned": {"savings": [0.017, [0.009, 0.025]], "checking": [0.161, [0.13, 0.192]],
                          "balance": [5.357, [5.038, 5.676]]},
            "SL_pct": {"savings": [99.234, [99.172, 99.295]], "checking": [99.461, [99.431, 99.491]],
                       "balance": [97.301, [97.237, 97.365]], "all": [97.954, None]},
        },
    )  # fmt: skip
    figures = {
        "arrivals": (weeks["arrivals"], None),
        "blocked": (weeks["blocked"], None),
        "abandoned": (weeks["abandoned"], None),
        "mean_service_min": (weeks["service"], weeks["served"]),
        "avg_wait_min": (weeks["wait"], weeks["arrivals"]),
        "SL_pct": (100 * weeks["good"], weeks["arrivals"]),
    }
    wrong = []
    for name, (values, per) in figures.items():
        for k, contact_type in enumerate(TYPES):
            mean, interval = theirs[name][contact_type]
            ours = values[:, k], None if per is None else per[:, k]
            if not agrees(mean, interval, *ours):
                wrong.append((name, contact_type, mean, values[:, k].mean() / (1 if per is None else per[:, k].mean())))
    assert wrong == []


def test_the_bank_by_group(weeks: dict[str, Column]) -> None:
    theirs = published(
        "cc-bank",
        {
            "occupancy_pct": {"savings_spec": [25.353, [25.281, 25.425]], "checking_spec": [43.093, [43.014, 43.172]]},
            "busy_cost": {
                "savings_spec": [411.051, [409.883, 412.219]],
                "checking_spec": [583.101, [582.028, 584.174]],
            },
            "busy_trunks_time_avg": [0.68, [0.679, 0.682]],
        },
    )
    for g, (group, heads, cost) in enumerate(zip(GROUPS, (3, 4), (12.0, 7.5), strict=True)):
        assert agrees(*theirs["busy_cost"][group], weeks["busy"][:, g] * cost)
        assert agrees(*theirs["occupancy_pct"][group], 100 * weeks["busy"][:, g] / (45 * heads))
    assert agrees(*theirs["busy_trunks_time_avg"], weeks["trunks"])
