"""Both engines, one after the other."""

import pytest
from full_worlds import compiled_or_skip
from worlds import ENGINES


@pytest.fixture(params=sorted(ENGINES))
def run(request):
    return {**ENGINES, "compiled": compiled_or_skip}[request.param]
