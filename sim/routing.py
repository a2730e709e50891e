"""Routing policies: Scenario -> RoutingTable, which both engines interpret; and the other rules of the desk.

A policy is a plain function that fills a table; a new one touches no engine.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

NEVER_RANK: int = 32767
"""Rank of a pair of type and group that never meet."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RoutingTable:
    """Who may take what, in which order; all of shape [type, group], lower ranks first.

    `group_rank` orders the groups that a contact tries, `type_rank` the types that a freed agent tries (NEVER_RANK:
    never); `delay_ms` is how long a contact must have waited before the group may take it. Equal ranks are one
    class: among agents the longest idle, among contacts the longest waiting.
    """

    group_rank: npt.NDArray[np.int16]
    type_rank: npt.NDArray[np.int16]
    delay_ms: npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rules:
    """All that an engine needs to know of the desk besides its customers and its agents.

    `opens_ms`, `closes_ms`: per type the ascending, disjoint windows [opens, closes) in which it is open; without
    any window in the tuple the type is always open. `disconnects[type]`: those waiting at closing are cut off, else
    served. `time_permille[type, group]`: work lasts that many thousandths of what the contact brings (speed).
    """

    routing: RoutingTable
    opens_ms: tuple[npt.NDArray[np.int64], ...]
    closes_ms: tuple[npt.NDArray[np.int64], ...]
    always_open: npt.NDArray[np.bool_]
    disconnects: npt.NDArray[np.bool_]
    time_permille: npt.NDArray[np.int32]
