"""Remember what was made of frozen inputs, for replications ask the same again and again.

Scenarios and plans are frozen but not hashable, and comparing them costs more than most answers: they are told apart
by identity.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class _Same:
    """Arguments as a key; it holds them, so that no other object can get their place in memory."""

    def __init__(self, arguments: tuple[object, ...]) -> None:
        self.arguments = arguments
        self.places = tuple(map(id, arguments))

    def __hash__(self) -> int:
        return hash(self.places)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.places == other.places


def remembered(function: Callable[P, T]) -> Callable[P, T]:
    """Keep the results of the last few calls; arguments by position only."""
    call: Callable[..., T] = function

    @lru_cache(maxsize=8)
    def found(key: _Same) -> T:
        return call(*key.arguments)

    @wraps(function)
    def ask(*arguments: P.args, **none: P.kwargs) -> T:
        assert not none, "arguments by position only"
        return found(_Same(arguments))

    return ask
