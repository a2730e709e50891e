"""The instance set loads, says what the design says of it, and its random part is what the seed makes."""

import numpy as np
import pytest
from instances import ALL, FOLDER, RANDOM, instance
from make_instances import random_desk, written

from sim.experiment import workload


@pytest.mark.parametrize("name", ALL)
def test_it_loads_with_targets_and_shifts(name: str) -> None:
    desk = instance(name)
    assert desk.targets
    assert desk.shift_templates
    if not name.startswith("double"):
        assert desk.staffing is not None
        assert desk.staffing.mode == "by_level"
        assert {target.formula for target in desk.targets} == {"SL-3"}


@pytest.mark.parametrize(("name", "contacts"), [("a", 4202.0), ("a-day", 4202.0), ("a-long", 2127.0), ("b", 4791.8)])
def test_it_has_the_customers_of_its_definition(name: str, contacts: float) -> None:
    assert workload(instance(name)).expected.sum() == pytest.approx(contacts, rel=1e-4)


def test_blocks_of_hours_are_windows_of_their_own() -> None:
    desk = instance("c")
    per_block = [target for target in desk.targets if target.per == 14_400]
    assert len(per_block) == 8
    assert np.bincount(desk.horizon.window_of_interval(14_400.0)).tolist() == [16] * 6


@pytest.mark.parametrize("name", RANDOM)
def test_random_desks_are_what_their_seed_makes(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    heading = text.splitlines()[0].removeprefix("# ")
    assert written(random_desk(int(name.removeprefix("random-"))), heading) == text
