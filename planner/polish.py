"""Local search: take shifts out, or put fewer or cheaper ones in their place, while every target holds on the tape.

Formulas round up, shifts are longer than peaks, and intervals help each other; so a covering plan is a little too
good. Which change to try first is guessed from the requirement that it would break least; whether the targets still
hold is simulated.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from planner.cover import Rows
from planner.effects import Effects
from planner.search import Candidate, Search, lot, room
from planner.shifts import ShiftTable

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FAILURES = 12
"""So many changes in a row without success end a pass."""
PAIRS_OF = 24
"""Pairs are formed of so many least needed shifts."""
NEAREST = 3
"""Replacements looked at for what was taken out."""


class Move(NamedTuple):
    """Shifts taken out, shifts put in, and the shortage against the requirement that this makes."""

    harm: float
    out: tuple[int, ...]
    put: tuple[int, ...]


def polish(search: Search, effects: Sequence[Effects] = ()) -> None:
    """Improve the best candidate that holds, by all kinds of moves in turn, until none finds anything.

    What to try first is told by the requirement, or by simulated `effects` of single agents where there are some.
    """
    while search.best is not None and search.best.holds:
        before = search.best
        for moves in (_drops, _swaps, _mergers):
            _pass(search, moves, effects)
        if search.best is before:
            return


def _pass(search: Search, moves: Callable[["_Slack"], Iterator[Move]], effects: Sequence[Effects]) -> None:
    """Try moves from the best candidate, least harm first, and go on from each success."""
    failed: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()
    in_a_row = 0
    while in_a_row < FAILURES and search.best is not None and search.rows is not None:
        best = search.best
        slack = _Felt(search, best, effects) if effects else _Slack(search.problem.table, search.rows, best.numbers)
        ways = sorted(move for move in moves(slack) if move[1:] not in failed)
        for move in ways:
            numbers = _moved(best.numbers, move)
            if search.problem.worth(numbers) >= best.worth or not search.problem.allows(numbers):
                failed.add(move[1:])
                continue
            if search.evaluate(numbers) is search.best:
                in_a_row = 0
                break
            failed.add(move[1:])
            in_a_row += 1
            if in_a_row >= FAILURES:
                return
        else:
            return


def _moved(numbers: Ints, move: Move) -> Ints:
    moved = numbers.copy()
    np.subtract.at(moved, list(move.out), 1)
    np.add.at(moved, list(move.put), 1)
    return moved


class _Slack:
    """The requirement against a plan, and what changes of the plan would do to it."""

    def __init__(self, table: ShiftTable, rows: Rows, numbers: Ints) -> None:
        self.table, self.rows, self.numbers = table, rows, numbers
        self.used = np.flatnonzero(numbers)
        self.have = rows.supplied(table.supply(numbers))

    def without(self, out: tuple[int, ...]) -> tuple[float, Floats]:
        """The shortage that taking shifts out makes, and how much of it each shift would cover again, [shift]."""
        have = self.have.copy()
        for s in out:
            have -= np.outer(self.rows.worth[:, self.table.group[s]], self.table.covers[s])
        short = np.maximum(self.rows.agents - have, 0.0)
        made = float(short.sum() - np.maximum(self.rows.agents - self.have, 0.0).sum())
        again = np.minimum(self.rows.worth[:, :, None], short[:, None, :]).sum(axis=0)
        return made, np.asarray((self.table.covers * again[self.table.group]).sum(axis=1))

    def lots(self) -> list[tuple[int, ...]]:
        """Each shift that is worked, as often as it is moved at a time."""
        return [(int(s),) * lot(self.numbers[s]) for s in self.used]

    def least_needed(self) -> list[Move]:
        """Shifts taken out, least harm first."""
        return sorted(Move(self.without(lot)[0], lot, ()) for lot in self.lots())

    def replaced(self, out: tuple[int, ...], times: int) -> Iterator[Move]:
        """Shifts taken out and one that weighs less put in for each of so many: the few with the least harm."""
        made, again = self.without(out)
        cheaper = np.flatnonzero(times * self.table.weight < self.table.weight[list(out)].sum() - 1e-9)
        for s in cheaper[np.argsort(-again[cheaper], kind="stable")][:NEAREST]:
            yield Move(made - times * float(again[s]), out, (int(s),) * times)


class _Felt(_Slack):
    """The same by what single agents were seen to do to the targets: how much of what is wanted is lost, or won."""

    def __init__(self, search: Search, best: Candidate, effects: Sequence[Effects]) -> None:
        self.table, self.numbers = search.problem.table, best.numbers
        self.used = np.flatnonzero(best.numbers)
        spare, gain, loss = [], [], []
        for one, want, effect in zip(best.scores, search.wanted(best.scores), effects, strict=True):
            spare.append(np.nan_to_num(one.goal.sign * (one.value - want), nan=np.inf) / room(one))
            gain.append(self._of_shifts(effect.gain) / room(one))
            loss.append(self._of_shifts(effect.loss) / room(one))
        self.spare, self.gain, self.loss = (np.concatenate(of) for of in (spare, gain, loss))

    def _of_shifts(self, effect: Floats) -> Floats:
        """Effects of agents [window, group, interval] as those of shifts, [window, shift]."""
        found = np.zeros((len(effect), len(self.table)))
        for g in range(len(self.table.groups)):
            own = self.table.group == g
            found[:, own] = effect[:, g] @ self.table.covers[own].T
        return found

    def without(self, out: tuple[int, ...]) -> tuple[float, Floats]:
        short = np.maximum(self.loss[:, list(out)].sum(axis=1) - np.maximum(self.spare, 0.0), 0.0)
        return float(short.sum()), np.minimum(self.gain, short[:, None]).sum(axis=0)


def _drops(slack: _Slack) -> Iterator[Move]:
    yield from slack.least_needed()


def _swaps(slack: _Slack) -> Iterator[Move]:
    for out in slack.lots():
        yield from slack.replaced(out, len(out))


def _mergers(slack: _Slack) -> Iterator[Move]:
    """Two shifts become one."""
    loose = [move.out for move in islice(slack.least_needed(), PAIRS_OF)]
    again = (out for out in loose if slack.numbers[out[0]] >= 2 * len(out))
    for one, other in [*combinations(loose, 2), *((out, out) for out in again)]:
        times = min(len(one), len(other))
        yield from slack.replaced(one[:times] + other[:times], times)
