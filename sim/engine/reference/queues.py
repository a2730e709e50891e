"""Those who wait: two lanes for each type, the boosted one first, each by (queued, id)."""

from bisect import insort
from collections.abc import Iterator

from sim.engine.reference.people import Contact

Entry = tuple[int, int, Contact]


class Queues:
    """The lanes of all types; `pool_of[k]` is the pool of waiting places of a type, or -1."""

    def __init__(self, types: int, pool_of: list[int]) -> None:
        self.lanes: list[tuple[list[Entry], list[Entry]]] = [([], []) for _ in range(types)]
        self.pool_of = pool_of
        self.in_pool = [0] * (max(pool_of, default=-1) + 1)
        self.total = 0

    def add(self, c: Contact) -> None:
        """The contact waits, at its place."""
        c.waits = True
        insort(self.lanes[c.k][not c.boosted], (c.queued, c.i, c))
        self._count(c, 1)

    def remove(self, c: Contact) -> None:
        """The contact waits no longer."""
        c.waits = False
        self.lanes[c.k][not c.boosted].remove((c.queued, c.i, c))
        self._count(c, -1)

    def boost(self, c: Contact) -> None:
        """The contact goes to its place in the boosted lane."""
        if not c.boosted:
            self.remove(c)
            c.boosted = True
            self.add(c)

    def waiting(self, k: int) -> int:
        """Contacts of a type that wait."""
        boosted, normal = self.lanes[k]
        return len(boosted) + len(normal)

    def heads(self, k: int) -> Iterator[Contact]:
        """The first of each lane, boosted first."""
        for lane in self.lanes[k]:
            if lane:
                yield lane[0][2]

    def first_to_ask(self, k: int) -> Contact | None:
        """Who waits longest."""
        return min((lane[0] for lane in self.lanes[k] if lane), default=(0, 0, None))[2]

    def all(self, k: int) -> list[Contact]:
        """Everybody who waits, longest first."""
        boosted, normal = self.lanes[k]
        return [c for _, _, c in sorted(boosted + normal)]

    def _count(self, c: Contact, by: int) -> None:
        self.total += by
        if self.pool_of[c.k] >= 0 and not c.is_callback:
            self.in_pool[self.pool_of[c.k]] += by
