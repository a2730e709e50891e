"""The rules of a desk as tables: who may take what, when it is open, what else it does. All that engines read of it."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sim.mechanisms import AgentChoice, ContactChoice, Mechanisms

Integers = npt.NDArray[np.int64]

NEVER_RANK: int = 32767
"""Rank of a pair of type and group that never meet."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RoutingTable:
    """Who may take what, in which order; all of shape [type, group], lower ranks first.

    `group_rank` orders the groups that a contact tries, `type_rank` the types that a freed agent tries (NEVER_RANK:
    never); `delay_ms` is how long a contact must have waited before the group may take it. Equal ranks are one
    class, within which `agent_choice` and `contact_choice` decide. After taking a contact at least `reserve` agents of
    the group hold nothing. With `last_agent` a follow-up goes to the agent who had its parent, if free for it. Scores
    and `ratio[type]` belong to the choices of those names (`sim.mechanisms`); what is None is 0 everywhere.
    """

    group_rank: npt.NDArray[np.int16]
    type_rank: npt.NDArray[np.int16]
    delay_ms: npt.NDArray[np.int32]
    reserve: npt.NDArray[np.int32] | None = None
    agent_choice: AgentChoice = AgentChoice.LONGEST_IDLE
    contact_choice: ContactChoice = ContactChoice.LONGEST_WAIT
    last_agent: bool = False
    agent_a: Integers | None = None
    agent_b: Integers | None = None
    contact_a: Integers | None = None
    contact_b: Integers | None = None
    ratio: Integers | None = None

    @property
    def is_plain(self) -> bool:
        """Whether ranks, delays, longest idle and longest wait say it all."""
        return (
            self.reserve is None
            and self.agent_choice == AgentChoice.LONGEST_IDLE
            and self.contact_choice == ContactChoice.LONGEST_WAIT
            and not self.last_agent
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Rules:
    """All that an engine needs to know of the desk besides its customers and its agents.

    `opens_ms`, `closes_ms`: per type the ascending, disjoint windows [opens, closes) in which it is open; one that is
    `always_open[type]` has none. `disconnects[type]`: those waiting at closing are cut off, else served.
    `time_permille[type, group]`: work lasts that many thousandths of what the contact brings (speed). `horizon_ms` ends
    the time in which follow-ups arrive; `mechanisms` are all that is switched on besides.
    """

    routing: RoutingTable
    opens_ms: tuple[npt.NDArray[np.int64], ...]
    closes_ms: tuple[npt.NDArray[np.int64], ...]
    always_open: npt.NDArray[np.bool_]
    disconnects: npt.NDArray[np.bool_]
    time_permille: npt.NDArray[np.int32]
    horizon_ms: int = 0
    mechanisms: Mechanisms = field(default_factory=Mechanisms)

    @property
    def is_plain(self) -> bool:
        """Whether nothing is switched on that the plain event loop does not know."""
        return self.routing.is_plain and not self.mechanisms.any
