"""Who comes, when, and how fast: absence, lateness, extra breaks, spread and tenure; nobody changes anybody else."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from centres import centre
from chance import close, close_mean

from sim.attendance import Staffing, attend, planned
from sim.scenario import Scenario
from sim.staffing import StaffingPlan

HOUR = 3_600_000
FIVE_MINUTES = {"family": "deterministic", "value": "5 min"}
EARLY = {"template": "early", "group": "team", "start": "08:00", "length": "8 h"}


def desk(attendance: dict[str, Any] | None = None, **group: Any) -> Scenario:
    return centre({"contact": {}}, agent_groups={"team": {"skills": ["contact"], "attendance": attendance} | group})


def people(world: Scenario, number: int, replication: int = 0, **changes: Any) -> Staffing:
    plan = StaffingPlan.model_validate({"shifts": [EARLY | {"number": number} | changes]})
    return attend(world, plan, 1, replication)


def spells_of(staffing: Staffing) -> dict[str, list[tuple[int, int, bool]]]:
    """Spells by agent's name."""
    found: dict[str, list[tuple[int, int, bool]]] = {}
    columns = (staffing.spell_agent, staffing.spell_on_ms, staffing.spell_off_ms, staffing.keeps_length)
    for agent, *spell in zip(*(column.tolist() for column in columns), strict=True):
        found.setdefault(staffing.agent_name[agent], []).append((spell[0], spell[1], spell[2]))
    return found


EVERYTHING = {
    "planned": "10 %",
    "unplanned": {"share": "20 %", "common": 0.5},
    "late": {"share": "30 %", "by": {"family": "exponential", "mean": "10 min"}},
    "extra_breaks": {"per_hour": 0.5, "length": {"family": "gamma", "mean": "4 min", "cv": 0.5}},
}
TENURE = {"served": {"family": "uniform", "low": 0, "high": "100 d"}, "speed": {"0 d": "50 %", "100 d": 1}}


def test_without_attendance_all_come_on_time() -> None:
    plan = StaffingPlan.model_validate({"shifts": [EARLY]})
    world = desk()
    assert attend(world, plan, 1, 0) is planned(world, plan)


def test_one_member_less_changes_nobody_else() -> None:
    """Planted once: all draws of a team from one stream, one after another."""
    world = desk(EVERYTHING, spread=0.2, tenure=TENURE)
    many, fewer = people(world, 40), people(world, 39)
    kept = {name: spells for name, spells in spells_of(many).items() if not name.endswith("/40")}
    assert kept == spells_of(fewer)
    assert many.permille is not None
    assert fewer.permille is not None
    assert many.permille.tolist()[: len(fewer.permille)] == fewer.permille.tolist()


def test_lines_of_one_team_go_on_counting() -> None:
    world = desk(EVERYTHING)
    plan = StaffingPlan.model_validate({"shifts": [EARLY | {"number": 15}, EARLY | {"number": 25}]})
    assert spells_of(attend(world, plan, 1, 0)) == spells_of(people(world, 40))


def test_replications_and_seeds_are_others() -> None:
    world = desk(EVERYTHING)
    assert spells_of(people(world, 40, 0)) != spells_of(people(world, 40, 1))
    assert spells_of(people(world, 40, 0)) == spells_of(people(world, 40, 0))


def test_the_stated_shares_stay_away() -> None:
    """Alpha 1e-4: 2,000 shifts on each of 20 days; absent with 1 - 0.9 * 0.8."""
    world = desk({"planned": "10 %", "unplanned": "20 %"})
    here = sum(len(people(world, 2000, r).agent_name) for r in range(20)) / 40_000
    assert close(here, 0.72, float(np.sqrt(0.72 * 0.28 / 40_000)))


def test_a_bad_day_is_bad_for_all_groups() -> None:
    """Absence of two groups is the same gamma factor times their shares; the mean over days stays what is stated."""
    sick = {"unplanned": {"share": "10 %", "common": 0.5}}
    groups = {name: {"skills": ["contact"], "attendance": sick} for name in ("one", "two")}
    world = centre({"contact": {}}, agent_groups=groups)
    plan = StaffingPlan.model_validate({"shifts": [EARLY | {"group": name, "number": 2000} for name in groups]})
    shares = []
    for r in range(60):
        group = attend(world, plan, 1, r).agent_group
        shares.append([1 - (group == g).sum() / 2000 for g in (0, 1)])
    one, two = np.array(shares).T
    assert np.corrcoef(one, two)[0, 1] > 0.9
    assert close_mean(one, 0.1)
    assert one.std() > 0.03


def test_late_ones_come_later_and_those_too_late_not_at_all() -> None:
    """A shift of 8 h with a break of 30 min after 4 h; 5 min late, or 4 h 10 min: past the break's begin."""
    pause = [{"after": "4 h", "length": "30 min"}]
    for by, expected in (("5 min", [(8 + 1 / 12, 12), (12.5, 16)]), ("250 min", [(12.5, 16)]), ("9 h", [])):
        late = {"late": {"share": 1, "by": {"family": "deterministic", "value": by}}}
        found = people(desk(late), 1, breaks=pause)
        hours = zip(found.spell_on_ms / HOUR, found.spell_off_ms / HOUR, strict=True)
        assert list(hours) == expected
        assert len(found.agent_name) == bool(expected)


def test_extra_breaks_come_as_often_as_stated_and_keep_their_length() -> None:
    """Two an hour in 8 h: 16 of 5 min, on the mean of 500 people, less what the end of the shift cuts off."""
    found = spells_of(people(desk({"extra_breaks": {"per_hour": 2, "length": FIVE_MINUTES}}), 500))
    gaps = {then[0] - one[1] for spells in found.values() for one, then in pairwise(spells)}
    assert min(gaps) == 5 * 60_000
    assert all(gap % (5 * 60_000) == 0 for gap in gaps)
    assert all(one[2] for spells in found.values() for one in spells[:-1])
    away = [8 * 12 - sum(off - on for on, off, _ in spells) * 12 / HOUR for spells in found.values()]
    assert 0.97 * 16 < np.mean(away) < 1.02 * 16
    assert all(8 * HOUR <= on < off <= 16 * HOUR for spells in found.values() for on, off, _ in spells)


def test_breaks_keep_their_end_or_their_length() -> None:
    pause = [{"after": "4 h", "length": "30 min"}]
    for way, keeps in (("keep_end", False), ("keep_length", True)):
        assert people(desk({"breaks": way}), 1, breaks=pause).keeps_length.tolist() == [keeps, False]


def test_between_two_shifts_of_a_repeating_desk_there_is_no_break() -> None:
    team = {"skills": ["contact"], "attendance": {"breaks": "keep_length"}}
    world = centre({"contact": {}}, repeats="day", agent_groups={"team": team})
    night = people(world, 1, start="20:00", breaks=[{"after": "2 h", "length": "30 min"}])
    assert spells_of(night)["team/early/2026-03-02 20:00/1"] == [
        (0, 4 * HOUR, False),
        (20 * HOUR, 22 * HOUR, True),
        (22 * HOUR + HOUR // 2, 24 * HOUR + 4 * HOUR, False),
    ]


def test_individuals_differ_by_the_stated_spread_around_the_same_mean() -> None:
    """Lognormal times with mean 1 and cv 0.3; alpha 1e-4."""
    permille = people(desk(spread=0.3), 4000).permille
    assert permille is not None
    assert close_mean(permille / 1000, 1.0)
    assert permille.std() / 1000 == pytest.approx(0.3, rel=0.1)


def test_novices_are_slower_as_their_curve_says() -> None:
    """Speed rises from 50 % to 100 % in 100 days, tenure uniform over them: the mean time is 2 ln 2."""
    permille = people(desk(tenure=TENURE), 4000).permille
    assert permille is not None
    assert permille.min() >= 1000 * 0.99
    assert permille.max() <= 2000
    assert close_mean(permille / 1000, 2 * np.log(2))


def test_levels_are_thinned_head_by_head_and_day_by_day() -> None:
    world = desk({"planned": "30 %"})
    table = {"team": {"00:00": 0, "08:00": 50, "10:00": 51, "12:00": 50}}
    heads = attend(world, StaffingPlan.model_validate({"levels": table}), 1, 0).heads[:, 0].tolist()
    assert heads[15] == 0
    assert 25 <= heads[16] < 45
    assert heads[20] - heads[16] in (0, 1)
    assert heads[16] == heads[24]
