"""Both engines, one after the other."""

import pytest
from worlds import ENGINES


@pytest.fixture(params=sorted(ENGINES))
def run(request):
    return ENGINES[request.param]
