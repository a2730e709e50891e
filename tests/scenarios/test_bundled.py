"""The bundled centres: they are what their comments say, and each is fit to be simulated and planned."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from chance import close_mean

from sim.arrivals import traffic
from sim.demand import BotFate, Demand, sample
from sim.estimates import ratio_of
from sim.experiment import experiment
from sim.metrics import Tally, own_thresholds
from sim.scenario import Scenario, ShiftTemplate, StartWindow
from sim.scenario_file import bundled, check, load
from sim.staffing import ShiftCount, least_heads
from sim.theory import Queue

SEED = 20260302
FOLDER = Path(__file__).resolve().parents[2] / "scenarios"


@pytest.mark.parametrize("name", bundled())
def test_it_loads_without_a_problem_or_a_warning(name: str) -> None:
    report = check(name)
    assert (report.problems, report.warnings) == ((), ())


@pytest.mark.parametrize("name", bundled())
def test_it_can_be_simulated_and_planned(name: str) -> None:
    desk = load(name)
    assert desk.name == name
    assert desk.description
    assert desk.staffing is not None
    assert desk.shift_templates
    assert desk.targets
    assert desk.costs.currency in {"EUR", "CNY", "ILS"}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_it_says_first_what_it_is(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert max(map(len, lines)) <= 120


# ------------------------------------------------------------------------------------------------------------ what-ifs

BASE = "extends: promotion-day.yaml"
LARGE = "promotion-day-full"
"""The same desk, larger: no what-if."""
OVER_IT = {path.stem for path in FOLDER.glob("*.yaml") if BASE in path.read_text(encoding="utf-8")}
WHAT_IFS = sorted(OVER_IT - {LARGE})


def test_the_library_has_them_all() -> None:
    assert len(WHAT_IFS) == 24


@pytest.mark.parametrize("name", WHAT_IFS)
def test_a_what_if_asks_and_tells_facts_from_assumptions(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    assert text.startswith("# What if ")
    assert "[fact]" in text
    assert "assumed" in text
    assert f"promotion-day {name}\n" in text or f"peakdesk plan {name}\n" in text
    told = {"name", "description"}
    desk, base = load(name).model_dump(exclude=told), load("promotion-day").model_dump(exclude=told)
    assert desk != base


def test_what_is_limited_grows_with_the_traffic() -> None:
    """All that the large desk says is a hundred times what the small one says, but for how many chats agents have."""
    large, small = (flat(load(name).model_dump(mode="json")) for name in (LARGE, "promotion-day"))
    told = {key for key in large if large[key] != small.get(key) and key[0] not in ("name", "description", "staffing")}
    chats = {key for key in told if key[0] == "agent_groups" and key[-1] in ("slots", "pace")}
    assert {(large[key], small[key]) for key in chats if key[-1] == "slots"} == {(4, 3)}
    assert ("volume",) in told
    assert all(large[key] == pytest.approx(100 * small[key]) for key in told - chats)


def flat(node: Any, at: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Every value of a document by its place."""
    if not isinstance(node, dict):
        return {at: node}
    return {place: value for key, child in node.items() for place, value in flat(child, (*at, key)).items()}


# ---------------------------------------------------------------------------------------------------------- one queue


@pytest.fixture(scope="module")
def question_day() -> Tally:
    """A hundred days of the one queue."""
    return experiment(load("one-queue"), replications=100, seed=SEED).tallies


def erlang_a(agents: int) -> Queue:
    return Queue(rate=200 / 3600, handle_s=180.0, agents=agents, patience_s=120.0)


def test_one_queue_is_erlang_a(question_day: Tally) -> None:
    """Every figure of the formula lies in the 95 % interval of a hundred days, as the file says.

    Planted fault seen: a patience of 125 s in place of 120 s puts the abandoned outside.
    """
    day, exact = question_day, erlang_a(11)
    row = day.threshold_rows(own_thresholds(load("one-queue")))
    offered, answered = day.offered.sum(axis=(1, 2)), day.answered.sum(axis=(1, 2))
    late = offered - day.abandoned_in_time[:, row].sum(axis=(1, 2))
    figures = {
        "abandoned": (ratio_of(day.abandoned.sum(axis=(1, 2)), offered), exact.p_abandon),
        "ASA": (ratio_of(day.wait_answered_ms.sum(axis=(1, 2)) / 1000, answered), exact.asa_s),
        "mean wait": (ratio_of(day.wait_offered_ms.sum(axis=(1, 2)) / 1000, offered), exact.mean_wait_s),
        "occupancy": (ratio_of(day.busy_ms.sum(axis=(1, 2)), day.staffed_ms.sum(axis=(1, 2))), exact.occupancy),
        "SL-4": (ratio_of(day.answered_in_time[:, row].sum(axis=(1, 2)), late), exact.service_level(20)),
    }
    for name, (estimate, truth) in figures.items():
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low <= truth <= estimate.high, (name, estimate, truth)


def test_the_figures_in_the_comment_are_those_of_the_formula() -> None:
    text = (FOLDER / "one-queue.yaml").read_text(encoding="utf-8")
    for agents in (11, 12):
        told = next(line.split() for line in text.splitlines() if line.startswith(f"#       {agents} "))
        numbers = [float(word) for word in told[2:] if word[0].isdigit()]
        q = erlang_a(agents)
        shares = (100 * share for share in (q.p_wait, q.p_abandon, q.occupancy, q.service_level(20)))
        must_wait, abandon, occupancy, in_time = shares
        assert numbers == pytest.approx([must_wait, abandon, q.asa_s, q.mean_wait_s, occupancy, in_time], rel=6e-4)


def test_the_empty_start_costs_less_than_half_a_per_cent() -> None:
    """The number in system from 0 on, minute by minute: its mean queue over a day, and when it is near its limit."""
    queue = mean_queue_by_minute(rate=200 / 3600, handle_s=180.0, patience_s=120.0, agents=11)
    limit = erlang_a(11).mean_queue
    mean = (queue[:-1] + queue[1:]).mean() / 2
    assert mean / limit - 1 == pytest.approx(-0.0045, abs=0.00005)
    assert int(np.argmax(queue > 0.99 * limit)) == 17


def mean_queue_by_minute(
    *, rate: float, handle_s: float, patience_s: float, agents: int, minutes: int = 1440, states: int = 90
) -> npt.NDArray[np.float64]:
    """Expected number waiting at each minute of the M/M/n+M queue that starts empty (Markov chain up to `states`)."""
    from scipy.linalg import expm

    n = np.arange(states + 1)
    death = np.minimum(n, agents) / handle_s + np.maximum(n - agents, 0) / patience_s
    rates = np.diag(np.full(states, rate), 1) + np.diag(death[1:], -1)
    step, law, queue = expm((rates - np.diag(rates.sum(axis=1))) * 60.0), np.eye(states + 1)[0], []
    for _ in range(minutes + 1):
        queue.append(law @ np.maximum(n - agents, 0))
        law = law @ step
    return np.array(queue)


def test_twelve_agents_meet_the_target_of_one_queue_and_eleven_do_not() -> None:
    assert erlang_a(11).service_level(20) < 0.80 < erlang_a(12).service_level(20)
    assert erlang_a(11).p_abandon < 0.10


# ------------------------------------------------------------------------------------------------------- double eleven


@pytest.fixture(scope="module")
def promotion() -> Scenario:
    return load("double-eleven-small")


def by_minute(desk: Scenario) -> npt.NDArray[np.float64]:
    """Expected arrivals of all types, shape [minute]."""
    return np.sum([flow.expected for flow in traffic(desk)], axis=0)


def test_the_promotion_has_a_thousand_contacts_in_its_peak_hour(promotion: Scenario) -> None:
    minutes = by_minute(promotion)
    hours = np.convolve(minutes, np.ones(60), "valid")
    assert minutes.sum() == pytest.approx(11_500, rel=0.02)
    assert hours.max() == pytest.approx(1000, rel=0.03)
    assert f"{promotion.horizon.local(int(hours.argmax()) * 60_000):%d %H}" == "11 00"


def test_the_two_sales_bring_three_to_five_times_a_normal_day(promotion: Scenario) -> None:
    normal = by_minute(promotion.model_copy(update={"events": {}}))
    a_day = normal[360:].sum() / 24  # from midnight to midnight, contacts an hour
    minutes = by_minute(promotion)
    for first in (2 * 60, 6 * 60):
        hour = np.convolve(minutes[first : first + 90], np.ones(60), "valid").max()
        assert 3 <= hour / a_day <= 5


def test_the_promotion_is_as_mixed_as_it_says(promotion: Scenario) -> None:
    types = promotion.contact_types.values()
    assert {kind.channel for kind in types} == {"chat", "phone", "social", "email"}
    assert {kind.language for kind in types} == {"zh", "en", "es"}
    assert {kind.tier for kind in types} == {"", "vip"}
    assert 12 <= len(types) <= 18
    assert 6 <= len(promotion.agent_groups) <= 10
    served = Counter(skill for group in promotion.agent_groups.values() for skill in group.skills)
    assert served["chat_spanish"] == 1  # scarce
    assert sum(count >= 2 for count in served.values()) >= 8  # overlapping


def test_each_bundled_shift_is_one_that_its_template_allows(promotion: Scenario) -> None:
    assert promotion.staffing is not None
    assert promotion.staffing.shifts is not None
    for shift in promotion.staffing.shifts:
        assert allows(promotion.shift_templates[shift.template], shift), shift
    heads = least_heads(promotion.horizon, promotion.staffing.shifts)
    for name, group in promotion.agent_groups.items():
        assert group.max_heads is None or heads[name] <= group.max_heads


def allows(template: ShiftTemplate, shift: ShiftCount) -> bool:
    starts = template.starts.times if isinstance(template.starts, StartWindow) else template.starts
    return (
        shift.start in starts
        and shift.length in template.lengths
        and (template.groups == "all" or shift.group in template.groups)
        and len(shift.breaks) == len(template.breaks)
        and all(
            pause.length == rule.length and pause.paid == rule.paid and rule.earliest <= pause.after <= rule.latest
            for pause, rule in zip(shift.breaks, template.breaks, strict=True)
        )
    )


def test_the_bundled_plan_is_plausible_but_not_perfect(promotion: Scenario) -> None:
    """Ordinary chat within its target, VIP customers far from theirs: that is what the file says."""
    day = experiment(promotion, replications=16, seed=SEED).tallies
    within = {}
    for i, name in enumerate(promotion.contact_types):
        row = day.threshold_rows([own_thresholds(promotion)[i]])
        good, gone = day.answered_in_time[:, row].sum(), day.abandoned_in_time[:, row].sum()
        within[name] = good / (day.offered[:, i].sum() - gone)
    assert within["chat_presale"] > 0.8
    assert within["chat_vip"] < 0.8
    assert within["phone_vip"] < 0.8
    assert day.unserved.sum() < 0.001 * day.offered.sum()


def test_a_better_bot_passes_on_fewer_and_harder_contacts(promotion: Scenario) -> None:
    """On the same customers: who is contained today stays contained; those still passed on talk longer on average.

    Paired over 48 days, alpha 1e-4. Planted fault seen: without difficulty talk stays the same, and the end is red.
    """
    better, longer = load("bot-better"), []
    k = list(promotion.contact_types).index("chat_order_status")
    for replication in range(48):
        today, then = (sample(desk, SEED, replication) for desk in (promotion, better))
        kept_today, kept_then = (np.isin(day.fate, (BotFate.RESOLVED, BotFate.CONTAINED)) for day in (today, then))
        assert not (kept_today & ~kept_then).any()
        assert kept_then.sum() > 1.1 * kept_today.sum()
        longer.append(_passed_on(then, k) - _passed_on(today, k))
    assert np.mean(longer) > 0
    assert not close_mean(longer, 0.0)


def _passed_on(day: Demand, k: int) -> float:
    return float(day.talk_ms[(day.type == k) & (day.fate == BotFate.HANDED_OFF)].mean())
