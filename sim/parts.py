"""What a tally holds of a full run besides its usual sums: parts of plain arrays, each counted by a module of its own.

All are exact sums of one replication (but for scores), so that days and replications add up; `sim.metrics.stack` puts
a replication axis in front.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

AGES_H = (1, 4, 24, 72)
"""Borders between classes of age, in hours; a contact of just that age belongs to the older ones."""
AGES = ("under_1h", "1h_to_4h", "4h_to_24h", "24h_to_72h", "over_72h")


@dataclass(frozen=True, kw_only=True, eq=False)
class Endings:
    """Counts of one run, shape [type, interval]; follow-ups by the interval of arrival, all others by that of asking.

    `silent` are among the abandoned of a tally, `balked` among its offered, the others stand outside it. Of those
    carried in: `carried_in_answered`, and their wait `carried_in_wait_ms` from when they asked. `settled`: an agent or
    the bot settled the matter. `first_response_ms` from arrival to the first word of a person, of `first_responses`;
    `first_response_open_ms` is as much of it as the desk was open for the type. Shape [threshold, interval]:
    `virtual_in_time`, who would have been answered in time had they stayed.
    """

    balked: Ints
    silent: Ints
    called_back: Ints
    callback_unanswered: Ints
    withdrawn: Ints
    after_horizon: Ints
    carried_in: Ints
    carried_in_answered: Ints
    carried_in_wait_ms: Ints
    redials: Ints
    repeats: Ints
    transfers: Ints
    elsewhere: Ints
    settled: Ints
    first_responses: Ints
    first_response_ms: Ints
    first_response_open_ms: Ints
    virtual_in_time: Ints

    @property
    def follow_ups(self) -> Ints:
        """Of whatever kind."""
        return self.redials + self.repeats + self.transfers + self.elsewhere


@dataclass(frozen=True, kw_only=True, eq=False)
class Promises:
    """What those who had to wait were told and offered, shape [type, interval] by when they asked.

    `foretold`: told a time, and answered; `error_s` what they were told less what they waited, `error_squared` its
    square (s^2). `callbacks_offered` of whom `callbacks_accepted`; `callbacks_rung`, `callbacks_kept` by the promised
    time.
    """

    foretold: Ints
    error_s: Floats
    error_squared: Floats
    callbacks_offered: Ints
    callbacks_accepted: Ints
    callbacks_rung: Ints
    callbacks_kept: Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class InHand:
    """Sums of one run.

    Shape [group, interval], inside the horizon: `some_ms` with at least one contact in hand, `contact_ms` contacts in
    hand, `slot_ms` slots used, `slots_staffed_ms` slots there. Shape [type, interval]: `talks` to the end, their
    elapsed `talk_ms` and `after_ms` (interrupted work: time worked), and `work_ms` at the speed of an agent with
    nothing else in hand. Shape [group, 1]: agents who came, and the squared deviations of their occupancy from the
    group's mean; shape [1, 1]: the same of groups.
    """

    some_ms: Ints
    contact_ms: Ints
    slot_ms: Ints
    slots_staffed_ms: Ints
    talks: Ints
    talk_ms: Ints
    after_ms: Ints
    work_ms: Ints
    agents: Ints
    off_squared: Floats
    groups: Ints
    groups_off_squared: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Journeys:
    """Sums of one run, shape [type, interval], by the type of the first contact and the interval of its arrival.

    `customers` in all, `unserved_customers` with no contact that an agent or the bot answered by the end of the run,
    `settled_customers` with one that settled the matter. Of `watched` customers, who arrived a window before the end:
    `contacts` within it (passed on ones not counted anew) and `passed_on` times; `settled` within it after
    `settling_ms`; `served_first`, whose first contact an agent or the bot answered, and `settled_first`, for whom that
    was all; `contained`, whose first contact the bot kept, and `stayed_away` of these, who did not come back.
    `saved_ms`, `naive_ms` [type, interval] by arrival of the contact: the work that the bot kept from people, less that
    of follow-ups to it; and had its contacts been like those that people got.
    """

    customers: Ints
    unserved_customers: Ints
    settled_customers: Ints
    watched: Ints
    contacts: Ints
    passed_on: Ints
    settled: Ints
    settling_ms: Ints
    served_first: Ints
    settled_first: Ints
    contained: Ints
    stayed_away: Ints
    saved_ms: Ints
    naive_ms: Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class Backlog:
    """Sums of one run.

    Shape [type * age, interval], at the end of the interval: `open` contacts and their `work_ms`, whole until done.
    Shape [type, interval], also at its end: `age_ms` of those open, added up, and how many of them are `overdue`; and
    booked like their contacts, those whose due time lies in the run, or who were done before: `due`, of whom `late`.
    """

    open: Ints
    work_ms: Ints
    age_ms: Ints
    overdue: Ints
    due: Ints
    late: Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class Contentment:
    """Sums of one run, shape [type, interval]: `scored` contacts, their `score` from 1 to 5, expected `complaints`."""

    scored: Ints
    score: Floats
    complaints: Floats
