"""Streams that are begun together are those that NumPy begins one by one."""

import pytest

from sim.streams import Quantity, name_key, stream, streams


@pytest.mark.parametrize("seed", [0, 7, 2**32, 2**40 + 3, 2**127 + 5, 2**200 + 1], ids=str)
@pytest.mark.parametrize("replication", [0, 12, 2**33])
def test_streams_are_numpys_own(seed: int, replication: int) -> None:
    """A wrong constant, or a word of the seed that is forgotten, gives other states."""
    names = [name_key("returns"), 0, 2**32 - 1]
    for name, dice in zip(names, streams(seed, replication, names), strict=True):
        for quantity in Quantity:
            together, alone = dice(quantity), stream(seed, replication, name, quantity)
            assert together.bit_generator.state == alone.bit_generator.state
