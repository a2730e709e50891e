"""Decisions by key: what cannot be drawn beforehand, yet must not depend on the order of anything.

A contact's key is a 64-bit word; mixed with a purpose it gives the word of one decision. Plain integers only: `mix`
runs without Numba and is compiled from outside as it stands.
"""

import numpy as np
import numpy.typing as npt

FOLLOW_UP = 64
"""Purpose of a decision on a follow-up: this plus the rule's number within its type; CHILD likewise for the new key."""
CHILD = 4096
RESOLVES, BALKS, ACCEPTS_CALLBACK, ANSWERS_CALLBACK, CHOOSES_AGENT, DRAWS = range(6)
"""Purposes of the other keyed decisions; a number keeps its meaning for ever."""

WORD = 0xFFFF_FFFF_FFFF_FFFF


def mix(key: int, purpose: int) -> int:
    """A 64-bit word for one decision: the splitmix64 finaliser (Steele, Lea & Flood 2014) of `key` and `purpose`."""
    z = (key + 0x9E37_79B9_7F4A_7C15 * (purpose + 1)) & WORD
    z = ((z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9) & WORD
    z = ((z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB) & WORD
    return z ^ (z >> 31)


def mix_all(key: np.uint64 | npt.NDArray[np.uint64], purposes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """`mix` of one key with many purposes, or of each key with its purpose."""
    with np.errstate(over="ignore"):
        z = key + np.uint64(0x9E37_79B9_7F4A_7C15) * (purposes + np.uint64(1))
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
        mixed: npt.NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return mixed
