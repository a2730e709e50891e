"""Figures of full runs: what follow-ups, customers, bots, slots, promises and deferred work come to.

Each asks for the part of a tally that it needs; `chosen` gives those that runs of a scenario can answer.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

import numpy as np

from sim.estimates import Numbers
from sim.full_tally import parts_of
from sim.measures import VIRTUAL, Axis, Figure, Part, contacts, entered, seconds, service_level, share, talks
from sim.mechanisms import Predictor
from sim.metrics import Tally
from sim.parts import AGES, Backlog, Contentment, Endings, InHand, Journeys, Promises
from sim.routing import rules
from sim.scenario import Scenario

T = TypeVar("T")


def _there(part: T | None) -> T:
    if part is None:
        raise ValueError("a plain run has no such figure")
    return part


def _e(tally: Tally) -> Endings:
    return _there(tally.endings)


def _h(tally: Tally) -> InHand:
    return _there(tally.in_hand)


def _j(tally: Tally) -> Journeys:
    return _there(tally.journeys)


def _p(tally: Tally) -> Promises:
    return _there(tally.promises)


def _b(tally: Tally) -> Backlog:
    return _there(tally.backlog)


def _c(tally: Tally) -> Contentment:
    return _there(tally.contentment)


# ----------------------------------------------------------------------------------------------- endings and follow-ups

ENDINGS = (
    contacts("balked", "N-12", lambda t: _e(t).balked),
    contacts("silent", "N-13", lambda t: _e(t).silent),
    contacts("called_back", "N-14", lambda t: _e(t).called_back),
    contacts("callback_unanswered", "N-15", lambda t: _e(t).callback_unanswered),
    contacts("withdrawn", "N-16", lambda t: _e(t).withdrawn),
    contacts("after_horizon", "N-17", lambda t: _e(t).after_horizon),
    contacts("carried_in", "N-18", lambda t: _e(t).carried_in),
    share("abandonment_silent", "AB-4", lambda t: _e(t).silent, lambda t: t.offered),
    share("balking", "AB-5", lambda t: _e(t).balked, lambda t: t.offered),
    share("blocking", "AB-6", lambda t: t.blocked, lambda t: t.offered),
    seconds("carried_in_wait", "WAIT-4", lambda t: _e(t).carried_in_wait_ms, lambda t: _e(t).carried_in_answered),
)
FOLLOW_UPS = (
    contacts("follow_ups", "N-19", lambda t: _e(t).follow_ups),
    contacts("redials", "N-20", lambda t: _e(t).redials),
    contacts("repeats", "N-21", lambda t: _e(t).repeats),
    contacts("transfers", "N-22", lambda t: _e(t).transfers),
    contacts("asked_elsewhere", "N-23", lambda t: _e(t).elsewhere),
    share("redial_share", "FU-1", lambda t: _e(t).redials, entered),
    share("repeat_share", "FU-2", lambda t: _e(t).repeats, entered),
    share("transfer_share", "FU-3", lambda t: _e(t).transfers, talks),
)
FIRST_RESPONSE = seconds(
    "first_response", "FR-1", lambda t: _e(t).first_response_ms, lambda t: _e(t).first_responses
)  # fmt: skip
FIRST_RESPONSES = (
    FIRST_RESPONSE,
    seconds("first_response_open", "FR-2", lambda t: _e(t).first_response_open_ms, lambda t: _e(t).first_responses),
)

# ------------------------------------------------------------------------------------------------------------ customers


def _ratio(measure: str, formula: str, unit: str, top: Part, bottom: Part) -> Figure:
    return Figure(measure=measure, formula=formula, unit=unit, numerator=top, denominator=bottom)


FCR = share("fcr", "FCR-1", lambda t: _j(t).settled_first, lambda t: _j(t).watched)
CUSTOMERS = (
    contacts("customers", "N-24", lambda t: _j(t).customers),
    contacts("watched_customers", "N-25", lambda t: _j(t).watched),
    FCR,
    share("fcr_served", "FCR-2", lambda t: _j(t).settled_first, lambda t: _j(t).served_first),
    _ratio("contacts_per_customer", "CUS-1", "contacts", lambda t: _j(t).contacts, lambda t: _j(t).watched),
    _ratio("transfers_per_customer", "CUS-2", "contacts", lambda t: _j(t).passed_on, lambda t: _j(t).watched),
    share("settled_in_window", "CUS-3", lambda t: _j(t).settled, lambda t: _j(t).watched),
    seconds("time_to_resolution", "CUS-4", lambda t: _j(t).settling_ms, lambda t: _j(t).settled),
    share("unserved_customers", "CUS-5", lambda t: _j(t).unserved_customers, lambda t: _j(t).customers),
)


def _hours(measure: str, formula: str, work: Part) -> Figure:
    return Figure(measure=measure, formula=formula, unit="h", numerator=work, scale=1 / 3.6e6, signed=True)


BOT_WORTH = (
    share("containment_kept", "BOT-5", lambda t: _j(t).stayed_away, lambda t: _j(t).contained),
    _hours("bot_work_saved", "BOT-6", lambda t: _j(t).saved_ms),
    _hours("bot_work_saved_naive", "BOT-7", lambda t: _j(t).naive_ms),
    Figure(
        measure="bot_work_saved_share", formula="BOT-8", unit="ratio", numerator=lambda t: _j(t).saved_ms,
        denominator=lambda t: _j(t).naive_ms, counts=False, signed=True,
    ),
)  # fmt: skip

# --------------------------------------------------------------------------------------------------------- agents' time


def _of_time(measure: str, formula: str, unit: str, top: Part, bottom: Part) -> Figure:
    return Figure(
        measure=measure, formula=formula, unit=unit, numerator=top, denominator=bottom, rows="group", counts=False
    )


def _spread(measure: str, formula: str, top: Part, bottom: Part) -> Figure:
    return Figure(
        measure=measure, formula=formula, unit="share", numerator=top, denominator=bottom, rows="group", counts=False,
        root=True,
    )  # fmt: skip


WORK = seconds("aht_work", "AHT-4", lambda t: _h(t).work_ms, talks)
SLOTS = (
    _of_time("slot_use", "OCC-2", "share", lambda t: _h(t).slot_ms, lambda t: _h(t).slots_staffed_ms),
    _of_time("contacts_in_hand", "OCC-3", "contacts", lambda t: _h(t).contact_ms, lambda t: _h(t).some_ms),
)
FAIRNESS = _spread("occupancy_spread", "FAIR-1", lambda t: _h(t).off_squared, lambda t: _h(t).agents)
FAIRNESS_OF_GROUPS = _spread(
    "occupancy_spread_of_groups", "FAIR-2", lambda t: _h(t).groups_off_squared, lambda t: _h(t).groups
)

# ------------------------------------------------------------------------------------------------------------ promises

PROMISES = (
    Figure(
        measure="prediction_error", formula="PRE-1", unit="s", numerator=lambda t: _p(t).error_s,
        denominator=lambda t: _p(t).foretold, signed=True,
    ),
    Figure(
        measure="prediction_rmse", formula="PRE-2", unit="s", numerator=lambda t: _p(t).error_squared,
        denominator=lambda t: _p(t).foretold, root=True,
    ),
)  # fmt: skip
CALLBACK_KEPT = share("callback_kept", "CB-2", lambda t: _p(t).callbacks_kept, lambda t: _p(t).callbacks_accepted)
CALLBACKS = (
    contacts("callbacks_offered", "N-26", lambda t: _p(t).callbacks_offered),
    share("callback_acceptance", "CB-1", lambda t: _p(t).callbacks_accepted, lambda t: _p(t).callbacks_offered),
    CALLBACK_KEPT,
    share("callback_answered", "CB-3", lambda t: _e(t).called_back, lambda t: _p(t).callbacks_rung),
)

# ------------------------------------------------------------------------------------------------------- deferred work

def _ages(values: Numbers) -> Numbers:
    """[replication, type, age, interval]."""
    return values.reshape(len(values), -1, len(AGES), values.shape[-1])


def _open(tally: Tally) -> Numbers:
    return np.asarray(_ages(_b(tally).open).sum(axis=2))


LATE = share("late_share", "LOG-5", lambda t: _b(t).late, lambda t: _b(t).due)
OVERDUE = replace(share("overdue_share", "LOG-4", lambda t: _b(t).overdue, _open), counts=False)
AGE = replace(seconds("backlog_age", "LOG-6", lambda t: _b(t).age_ms, _open), counts=False)

_BACKLOG = ("backlog", "LOG-1", "contacts")
_HOURS = ("backlog_hours", "LOG-2", "h")


def _level(scenario: Scenario, name: tuple[str, str, str], level: Part, scale: float = 1.0) -> Figure:
    """A number that is there at the end of each interval, mean over intervals."""
    (measure, formula, unit), length = name, scenario.horizon.interval_ms

    def over_time(tally: Tally) -> Numbers:
        return np.asarray(level(tally) * length)

    return Figure(measure=measure, formula=formula, unit=unit, numerator=over_time, scale=scale, over_time=True)


def backlog_levels(scenario: Scenario) -> tuple[Figure, ...]:
    """Open contacts, hours of work in them, overdue ones."""
    return (
        _level(scenario, _BACKLOG, _open),
        _level(scenario, _HOURS, lambda t: _ages(_b(t).work_ms).sum(axis=2), 1 / 3.6e6),
        _level(scenario, ("overdue", "LOG-3", "contacts"), lambda t: _b(t).overdue),
    )


def backlog_by_age(scenario: Scenario) -> Iterator[Figure]:
    """Open contacts and their work by class of age."""
    for i, age in enumerate(AGES):
        for name, what, scale in ((_BACKLOG, "open", 1.0), (_HOURS, "work_ms", 1 / 3.6e6)):
            yield replace(_level(scenario, name, _of_age(what, i), scale), segment=f"age {age}")


def _of_age(what: str, age: int) -> Part:
    return lambda tally: _ages(getattr(_b(tally), what))[:, :, age]


# ----------------------------------------------------------------------------------------------- satisfaction and money

SATISFACTION = Figure(
    measure="satisfaction", formula="SAT-1", unit="score", numerator=lambda t: _c(t).score,
    denominator=lambda t: _c(t).scored,
)  # fmt: skip
COMPLAINTS = contacts("complaints", "SAT-2", lambda t: _c(t).complaints)


def customer_money(scenario: Scenario) -> tuple[Figure, ...]:
    """Value lost with customers nobody served, and revenue of those whose matter was settled; none of a plain desk."""
    if not parts_of(scenario):
        return ()
    lost = np.array([kind.lost_value for kind in scenario.contact_types.values()])[:, None]
    brings = np.array([scenario.customers.revenue.get(name, 0.0) for name in scenario.contact_types])[:, None]
    currency = scenario.costs.currency
    parts: tuple[tuple[str, str, Part], ...] = (
        ("lost_sales", "COST-7", lambda t: lost * _j(t).unserved_customers),
        ("revenue", "COST-9", lambda t: brings * _j(t).settled_customers),
    )
    return tuple(Figure(measure=m, formula=f, unit=currency, numerator=part) for m, f, part in parts)


def settled_contacts(tally: Tally) -> Numbers:
    """Contacts whose matter an agent or the bot settled, [replication, type, interval]."""
    if tally.endings is None:  # a plain talk always settles the matter
        return np.asarray(tally.answered + tally.bot_resolved)
    return tally.endings.settled


# -------------------------------------------------------------------------------------------------- what a result holds

PROMISED = (*FIRST_RESPONSES, FCR, CALLBACK_KEPT, LATE, OVERDUE, AGE)
"""What targets may be on (`sim.desk.targets.OF_FULL_RUNS`)."""

Chosen = Iterator[tuple[Figure, tuple[Axis, ...]]]


def chosen(scenario: Scenario) -> Chosen:
    """Which of these figures a result gives, by what; none of a plain desk."""
    parts = parts_of(scenario)
    if "endings" in parts:
        by: dict[tuple[Axis, ...], tuple[Figure, ...]] = {
            (): (*_main(scenario), *FIRST_RESPONSES, *SLOTS, FAIRNESS, FAIRNESS_OF_GROUPS),
            ("type",): (*_main(scenario), *FIRST_RESPONSES),
            ("group",): (*SLOTS, FAIRNESS),
            ("channel",): (FIRST_RESPONSE, *FOLLOW_UPS, *CUSTOMERS) if len(scenario.channels) > 1 else (),
            ("day",): (FIRST_RESPONSE, *CUSTOMERS) if len(scenario.horizon.days) > 1 else (),
            ("interval",): (FIRST_RESPONSE, *FOLLOW_UPS[:5], service_level(scenario, VIRTUAL)),
        }
        yield from ((figure, axes) for axes, figures in by.items() for figure in figures)
    if "promises" in parts:
        told = (*PROMISES, *CALLBACKS)
        yield from ((figure, axes) for axes in ((), ("type",)) for figure in told)
        yield from ((figure, ()) for figure in prediction_by_predictor(scenario))
    if "backlog" in parts:
        yield from _backlog(scenario)
    if "contentment" in parts:
        content = (*((SATISFACTION,) if scenario.customers.satisfaction else ()), COMPLAINTS)
        axes_of: list[tuple[Axis, ...]] = [(), ("type",), ("channel",), ("interval",)]
        yield from ((figure, axes) for axes in axes_of for figure in content)


def _main(scenario: Scenario) -> tuple[Figure, ...]:
    bot = BOT_WORTH if any(kind.bot for kind in scenario.contact_types.values()) else ()
    return (service_level(scenario, VIRTUAL), *ENDINGS, *FOLLOW_UPS, *CUSTOMERS, WORK, *bot)


def _backlog(scenario: Scenario) -> Chosen:
    levels = backlog_levels(scenario)
    axes_of: list[tuple[Axis, ...]] = [(), ("type",), ("interval",)]
    yield from ((figure, axes) for axes in axes_of for figure in (*levels, AGE, OVERDUE, LATE))
    yield from ((figure, axes) for axes in ((), ("interval",)) for figure in backlog_by_age(scenario))
    if len(scenario.contact_types) > 1:
        yield levels[0], ("type", "interval")


def prediction_by_predictor(scenario: Scenario) -> Iterator[Figure]:
    """The error of what was foretold, pooled over the types of each predictor."""
    offers = rules(scenario).mechanisms.offers
    for predictor in Predictor:
        rows = np.flatnonzero(offers.predictor == predictor) if offers is not None else np.zeros(0, dtype=np.int64)
        if len(rows) and predictor not in (Predictor.NONE, Predictor.QUEUE_LENGTH):
            for figure in PROMISES:
                yield _only(figure, rows, f"predictor {predictor.name.lower()}")


def _only(figure: Figure, rows: Numbers, segment: str) -> Figure:
    """A figure of some rows."""
    top, bottom = figure.numerator, figure.denominator
    return replace(
        figure, segment=segment, numerator=lambda t: top(t)[:, rows],
        denominator=None if bottom is None else lambda t: bottom(t)[:, rows],
    )  # fmt: skip
