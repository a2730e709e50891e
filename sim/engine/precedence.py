"""What both engines share: the order of simultaneous events, and the keyed mixer that decides what no draw could.

Plain integers only; `mix` runs without Numba and is compiled from outside as it stands.
"""

AGENTS_LEAVE = 1
AGENTS_COME = 2
TYPE_CLOSES = 3
WORK_ENDS = 4
BOT_CHANGES = 5
BOT_ENDS = 6
CONTACT_ENTERS = 7
DELAY_ENDS = 8
PATIENCE_ENDS = 9

WORD = 0xFFFF_FFFF_FFFF_FFFF


def mix(key: int, purpose: int) -> int:
    """A 64-bit word for one decision: the splitmix64 finaliser (Steele, Lea & Flood 2014) of `key` and `purpose`."""
    z = (key + 0x9E37_79B9_7F4A_7C15 * (purpose + 1)) & WORD
    z = ((z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9) & WORD
    z = ((z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB) & WORD
    return z ^ (z >> 31)
