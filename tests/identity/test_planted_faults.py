"""What the identity test is worth: faults planted in one engine, and the share of random desks that notice each.

A fault that no desk notices would mean that the desks never reach the rule. `docs/tests.md` has the shares. Agents
who come before others leave are no fault here: nothing that one of them does in that instant concerns the other.
"""

import pytest
from desks import DESKS
from hypothesis import HealthCheck, Phase, given, settings

from sim.engine import compiled, reference
from sim.engine.reference import Desk
from sim.outcome import differences

EXAMPLES = 150


def swap(monkeypatch, one, other):
    first, second = getattr(reference, one), getattr(reference, other)
    monkeypatch.setattr(reference, one, second)
    monkeypatch.setattr(reference, other, first)


def last_of_equally_idle(monkeypatch):
    def find_agent(self, k, queued):
        waited = self.env.now - queued
        heads = [
            (self.group_rank[k][g], since, -index, agent)
            for g in self.takers[k]
            if waited >= self.delay[k][g]
            for since, index, agent in self.idle[g]
        ]
        if not heads:
            return None
        agent = min(heads)[3]
        self.idle[agent.group].remove((agent.since, agent.index, agent))
        agent.busy = True
        return agent

    monkeypatch.setattr(Desk, "find_agent", find_agent)


def last_of_equally_waiting(monkeypatch):
    look = Desk.look

    def fooled(self, agent):
        heads = [self.queues[k][0] for k in self.skills[agent.group] if self.queues[k]]
        tied = [h for h in heads if [h[0] for h in heads].count(h[0]) > 1]
        ids = {h[2]: h[1] for h in tied}
        for h in tied:  # renumber the heads that asked together in the opposite order
            k = h[2].k
            self.queues[k][0] = (h[0], max(ids.values()) + min(ids.values()) - h[1], h[2])
        look(self, agent)
        for k in self.skills[agent.group]:
            for place, (queued, _, contact) in enumerate(self.queues[k][:1]):
                self.queues[k][place] = (queued, contact.i, contact)

    monkeypatch.setattr(Desk, "look", fooled)


def later_overflow(monkeypatch):
    """A delay counts as run out one second late when an agent looks."""
    look = Desk.look

    def late(self, agent):
        kept, self.delay = self.delay, [[d + 1000 if d else 0 for d in row] for row in self.delay]
        look(self, agent)
        self.delay = kept

    monkeypatch.setattr(Desk, "look", late)


def forgotten_excess(monkeypatch):
    def release(self, agent):
        agent.busy = False
        if agent.leaving:
            self.go(agent)
        else:
            self.look(agent)

    monkeypatch.setattr(Desk, "release", release)


def one_rank_for_both(monkeypatch):
    look = Desk.look

    def confused(self, agent):
        kept, self.type_rank = self.type_rank, self.group_rank
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
