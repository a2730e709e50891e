"""What all tests share: hypothesis tries the same examples each time, and without a stop-watch."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("house", derandomize=True, deadline=None)
settings.load_profile("house")


@pytest.fixture(scope="session", autouse=True)
def _runs_are_noted_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs that tests make are no runs of whoever tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PEAKDESK_HOME", str(tmp_path_factory.mktemp("home")))
        yield
