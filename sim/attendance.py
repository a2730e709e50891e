"""Staffing on paper -> Staffing: who is really there, and when, in engine time."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True, eq=False)
class Staffing:
    """The agents of a run, by level or by person (MODEL §5).

    By level: `heads[interval, group]`, each row from the start of its interval of `interval_ms`; `agents` is
    empty. By person: `agent_group[agent]`, and spells [on, off) of shape [spell], sorted by (agent, on), disjoint for
    each agent; `keeps_length[spell]`: the break after the spell keeps its length when the spell ends late, else its
    end. `heads` then has no rows.
    """

    groups: tuple[str, ...]
    interval_ms: int
    heads: npt.NDArray[np.int32]
    agent_group: npt.NDArray[np.int16]
    agent_name: tuple[str, ...]
    spell_agent: npt.NDArray[np.int32]
    spell_on_ms: npt.NDArray[np.int64]
    spell_off_ms: npt.NDArray[np.int64]
    keeps_length: npt.NDArray[np.bool_]

    @property
    def by_person(self) -> bool:
        """Whether each agent has hours of their own."""
        return len(self.heads) == 0
