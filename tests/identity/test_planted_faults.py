"""What the identity test is worth: faults planted in one engine, and the share of random desks that notice each.

A fault that no desk notices would mean that the desks never reach the rule. `docs/tests.md` has the shares. Agents
who come before others leave are no fault here: nothing that one of them does in that instant concerns the other.
"""

import sys

import pytest
from desks import DESKS
from hypothesis import HealthCheck, Phase, given, settings

from sim.engine import compiled, precedence, reference
from sim.engine.reference.crew import Crew
from sim.engine.reference.desk import Desk
from sim.engine.reference.hours import Hours
from sim.outcome import differences

EXAMPLES = 150


def swap(monkeypatch, one, other):
    """Two kinds of event change places, everywhere in the reference engine."""
    kinds = {one: getattr(precedence, other), other: getattr(precedence, one)}
    for room, module in list(sys.modules.items()):
        if room.startswith("sim.engine.reference"):
            for name in kinds.keys() & vars(module).keys():
                monkeypatch.setattr(module, name, kinds[name])


def last_of_equally_idle(monkeypatch):
    def best(self, seats, c):
        return min(seats, key=lambda seat: (seat[0], seat[1], -seat[2]))[3]

    def free_seats(self, g, c):
        return iter(sorted((seat for seat in self.seats[g] if self.is_free(seat[3], c)), key=lambda s: (s[:2], -s[2])))

    monkeypatch.setattr(Crew, "best", best)
    monkeypatch.setattr(Crew, "free_seats", free_seats)


def last_of_equally_waiting(monkeypatch):
    def best_waiting(self, agent):
        if agent.used >= self.crew.capacity[agent.group]:
            return None
        g = agent.group
        heads = [c for k in self.crew.skills[g] for c in self.queues.heads(k) if self.crew.is_free(agent, c)]
        return min(heads, key=lambda c: (self.type_rank[c.k][g], c.queued, -c.i), default=None)

    monkeypatch.setattr(Desk, "best_waiting", best_waiting)


def later_overflow(monkeypatch):
    """A delay counts as run out one second late when an agent looks."""
    look = Desk.look

    def late(self, agent):
        kept, self.crew.delay = self.crew.delay, [[d + 1000 if d else 0 for d in row] for row in self.crew.delay]
        look(self, agent)
        self.crew.delay = kept

    monkeypatch.setattr(Desk, "look", late)


def forgotten_excess(monkeypatch):
    monkeypatch.setattr(Hours, "is_too_many", lambda *_: False)


def one_rank_for_both(monkeypatch):
    look = Desk.look

    def confused(self, agent):
        kept, self.type_rank = self.type_rank, self.crew.group_rank
        look(self, agent)
        self.type_rank = kept

    monkeypatch.setattr(Desk, "look", confused)


FAULTS = {
    "last of equally idle agents": last_of_equally_idle,
    "last of equally waiting contacts": last_of_equally_waiting,
    "overflow a second late": later_overflow,
    "excess forgotten": forgotten_excess,
    "group rank for type rank": one_rank_for_both,
    "close after enter": lambda m: swap(m, "TYPE_CLOSES", "CONTACT_ENTERS"),
    "work after enter": lambda m: swap(m, "WORK_ENDS", "CONTACT_ENTERS"),
    "enter after delay": lambda m: swap(m, "CONTACT_ENTERS", "DELAY_ENDS"),
    "patience before work": lambda m: swap(m, "WORK_ENDS", "PATIENCE_ENDS"),
    "patience before delay": lambda m: swap(m, "DELAY_ENDS", "PATIENCE_ENDS"),
}


def count_of_different(desks) -> int:
    """How many of EXAMPLES random desks give two different tables."""
    found = []

    def compare(run):
        try:
            found.append(bool(differences(reference.run(*run), compiled.run(*run))))
        except (ValueError, IndexError):  # the fault broke the desk's own book-keeping: seen as well
            found.append(True)

    settings(max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck))(
        given(desks)(compare)
    )()
    return sum(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_the_identity_test_sees_it(name, monkeypatch, record_property):
    FAULTS[name](monkeypatch)
    seen = {kind: count_of_different(desks) for kind, desks in DESKS.items()}
    record_property("seen", seen)
    print(f"\n{name}: {seen} of {EXAMPLES} each")
    assert sum(seen.values()) > 0
