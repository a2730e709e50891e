"""A contact table with what figures ask of it again and again: where contacts are booked, what they follow.

What is counted of a full run (`sim.full_tally`) starts from here; every part asks for the columns it needs.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sim.demand import Demand
from sim.grid import Grid, sum_by
from sim.mechanisms import NOT_EVER, Ending
from sim.opening import due_ms
from sim.outcome import IN_BOT, NEVER, Cause, Contacts, OutcomeTable, Status
from sim.routing import Rules
from sim.scenario import Scenario

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Origin(IntEnum):
    """Why a contact came; from REDIAL on it follows another one."""

    DRAWN = 0
    """A customer's first contact, drawn with the demand."""
    CARRIED_IN = 1
    """It waited already when the desk began."""
    REDIAL = 2
    """Its parent reached nobody: closed, blocked, balked, abandoned, not there when called back, unserved."""
    REPEAT = 3
    """Its parent was served or contained, and the customer is back."""
    TRANSFER = 4
    """An agent passes the matter on after a talk (escalation and approval too); the customer did not come anew."""
    ELSEWHERE = 5
    """Its parent still waits: the customer asks on another channel as well."""


SERVED = (Status.ANSWERED, Status.CALLED_BACK)
_REPEATS = (Ending.UNRESOLVED, Status.RESOLVED_IN_BOT, Status.CONTAINED_UNRESOLVED)


def _origin_of(ending: int) -> Origin:
    if ending == Ending.WAITING:
        return Origin.ELSEWHERE
    if ending in SERVED:
        return Origin.TRANSFER
    return Origin.REPEAT if ending in _REPEATS else Origin.REDIAL


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """One run: its table, the desk, and the demand where it is known (real history has none)."""

    outcome: OutcomeTable
    scenario: Scenario
    rules: Rules
    demand: Demand | None = None

    @property
    def contacts(self) -> Contacts:
        """The contact table."""
        return self.outcome.contacts

    def __len__(self) -> int:
        return len(self.contacts.type)

    @cached_property
    def grid(self) -> Grid:
        """The intervals of the horizon."""
        return Grid(self.scenario.horizon.interval_ms, self.scenario.horizon.intervals)

    @property
    def types(self) -> int:
        """How many contact types there are."""
        return len(self.scenario.contact_types)

    @property
    def groups(self) -> int:
        """How many agent groups there are."""
        return len(self.scenario.agent_groups)

    @cached_property
    def group_of(self) -> Ints:
        """Group of each agent who ever came."""
        spells = self.outcome.spells
        found = np.zeros(int(spells.agent.max(initial=-1)) + 1, dtype=np.int64)
        found[spells.agent] = spells.group
        return found

    @cached_property
    def kind(self) -> Ints:
        """Contact type of each contact."""
        return self.contacts.type.astype(np.int64)

    @cached_property
    def asked(self) -> Ints:
        """When a contact asked for a person, or else arrived."""
        queued = self.contacts.queued
        return np.where(queued == NEVER, self.contacts.arrival, queued)

    @property
    def booked(self) -> Ints:
        """The instant by which a contact is booked: of asking, or by the other reading of the answer, else the end."""
        return self.asked + self.wait if self.scenario.booking == "answer" else self.asked

    @cached_property
    def cell(self) -> Ints:
        """Type and interval in which a contact is booked, as one number."""
        return self.kind * self.grid.intervals + self.grid.index(self.booked)

    @cached_property
    def arrival_cell(self) -> Ints:
        """The same by arrival."""
        return self.kind * self.grid.intervals + self.grid.index(self.contacts.arrival)

    @cached_property
    def origin(self) -> npt.NDArray[np.uint8]:
        """Why each contact came, as an Origin."""
        cause, rules = self.contacts.cause, self.rules.mechanisms.follow_ups
        found = np.full(len(self), Origin.DRAWN, dtype=np.uint8)
        follows = cause >= Cause.FOLLOW_UP
        if rules is not None and follows.any():
            of_rule = np.array([_origin_of(int(on)) for on in rules.on], dtype=np.uint8)
            found[follows] = of_rule[cause[follows] - Cause.FOLLOW_UP]
        elif follows.any():  # real history names no rules: what became of the parent tells
            of_status = np.array([_origin_of(status) for status in Status], dtype=np.uint8)
            found[follows] = of_status[self.contacts.status[self.contacts.parent[follows]]]
        found[(cause == Cause.CARRIED_IN) | (self.contacts.arrival < 0)] = Origin.CARRIED_IN
        return found

    @cached_property
    def there(self) -> Bools:
        """Whether a contact is not over before the horizon begins, and stands here because others follow it."""
        c = self.contacts
        return np.asarray(np.maximum.reduce([c.arrival, c.queued, c.answered, c.ended, c.released]) >= 0)

    @cached_property
    def carried(self) -> Bools:
        """Whether a contact was there when the desk began."""
        return np.asarray((self.origin == Origin.CARRIED_IN) & self.there)

    @cached_property
    def follows(self) -> Bools:
        """Whether each contact is a follow-up."""
        return self.origin >= Origin.REDIAL

    @cached_property
    def counted(self) -> Bools:
        """Whether a contact stands in the usual figures: neither carried in nor after the horizon."""
        return np.asarray((self.origin != Origin.CARRIED_IN) & (self.contacts.status != Status.AFTER_HORIZON))

    @cached_property
    def talked(self) -> Bools:
        """Whether an agent talked with the customer to the end."""
        return self.ended_as(*SERVED) & self.there

    @cached_property
    def handled(self) -> Bools:
        """Whether a talk began in the run: what is in hand when the desk begins tells nothing of handling times."""
        return np.asarray(self.talked & (self.contacts.answered >= 0))

    @cached_property
    def contained(self) -> Bools:
        """Whether the bot kept it, resolved or not."""
        return self.ended_as(Status.RESOLVED_IN_BOT, Status.CONTAINED_UNRESOLVED)

    @cached_property
    def settled(self) -> Bools:
        """Whether the matter was settled in it, by an agent or the bot."""
        by_agent = self.talked & self.contacts.resolved
        return np.asarray(by_agent | (self.contacts.status == Status.RESOLVED_IN_BOT))

    @cached_property
    def met_bot(self) -> Bools:
        """Whether it met the bot."""
        c = self.contacts
        return np.asarray(self.ended_as(*IN_BOT) | (c.queued > c.arrival))

    @cached_property
    def wait(self) -> Ints:
        """Wait for a person in milliseconds: to the answer, else to the end; 0 for those who never asked."""
        c = self.contacts
        end = np.where(c.answered != NEVER, c.answered, c.ended)
        return np.asarray(np.where((c.queued == NEVER) | (end == NEVER), 0, end - self.asked))

    @cached_property
    def interruptible(self) -> Bools | None:
        """Whether each contact is work that a live contact may interrupt; None where none is."""
        deferral = self.rules.mechanisms.deferral
        return None if deferral is None or not deferral.interruptible.any() else deferral.interruptible[self.kind]

    @cached_property
    def transfers(self) -> Ints:
        """How many times in a row each contact has been passed on before it."""
        passed: Bools = self.origin == Origin.TRANSFER
        found: Ints = passed.astype(np.int64)
        rows = np.flatnonzero(passed)
        at = self.contacts.parent[rows]
        while len(rows):  # one step up the chain at a time
            further = passed[at]
            rows, at = rows[further], at[further]
            found[rows] += 1
            at = self.contacts.parent[at]
        return found

    @cached_property
    def due(self) -> Ints:
        """When each contact is due; NOT_EVER where nothing says so."""
        found = np.full(len(self), NOT_EVER)
        for k, (name, kind) in enumerate(self.scenario.contact_types.items()):
            if kind.due is not None:
                mine = np.flatnonzero(self.kind == k)
                found[mine] = due_ms(self.scenario, name, self.contacts.arrival[mine])
        return found

    def ended_as(self, *endings: Status) -> Bools:
        """Which contacts ended in one of these ways."""
        return np.asarray(np.isin(np.arange(len(Status)), endings)[self.contacts.status])

    # ------------------------------------------------------------------------------------------------------- adding up

    def count(self, which: Bools | Ints, cell: Ints | None = None) -> Ints:
        """How many of these (marked, or by row) there are, [type, interval]."""
        cells = self.cell if cell is None else cell
        return np.bincount(cells[which], minlength=self.types * self.grid.intervals).reshape(self.types, -1)

    def total(self, weight: Ints, which: Bools | Ints, cell: Ints | None = None) -> Ints:
        """Exact sum of whole weights of these, [type, interval]."""
        cells = self.cell if cell is None else cell
        return sum_by(cells[which], weight[which], self.types * self.grid.intervals).reshape(self.types, -1)

    def amount(self, weight: Floats, which: Bools | Ints, cell: Ints | None = None) -> Floats:
        """Sum of real weights of these, [type, interval]."""
        cells = self.cell if cell is None else cell
        found = np.bincount(cells[which], weights=weight[which], minlength=self.types * self.grid.intervals)
        return np.asarray(found.reshape(self.types, -1), dtype=np.float64)


__all__ = ["SERVED", "Bools", "Floats", "Ints", "Origin", "Rows"]
