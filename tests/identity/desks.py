"""Random small desks on a clock of whole seconds, so that events coincide all the time.

Hypothesis draws them, and shrinks what differs. Each strategy leans towards one kind of tie; `any_desk` mixes all.
"""

from typing import Any

from hypothesis import strategies as st
from worlds import customers, desk, levels, persons

from sim.demand import BotFate

Run = tuple[Any, Any, Any]


@st.composite
def contacts(draw: Any, types: int, horizon: int, longest: int, patient: bool) -> list[dict[str, Any]]:
    """Contacts in order of arrival; durations from 0 to `longest` seconds.

    Their number is drawn first: left to itself, hypothesis keeps lists so short that nobody ever waits.
    """
    duration = st.integers(0, longest)
    n = draw(st.sampled_from([0, 5, 15, 30, 40]))
    contact = st.fixed_dictionaries(
        {
            "at": st.integers(0, horizon - 1),
            "type": st.integers(0, types - 1),
            "talk": duration,
            "after": st.one_of(st.just(0), duration),
            "patience": st.none() if patient else st.one_of(st.none(), st.integers(0, 2 * longest)),
            "at_once": st.just(0) if patient else st.sampled_from([0, 0, 0, 0, 1]),
        },
        optional={
            "bot": duration,
            "fate": st.sampled_from([BotFate.HANDED_OFF] * 3 + [BotFate.RESOLVED, BotFate.CONTAINED, BotFate.GIVES_UP]),
            "hand_off": st.integers(0, 2),
        },
    )
    return sorted(map(sensible, draw(st.lists(contact, min_size=n, max_size=n))), key=lambda c: c["at"])


def sensible(contact: dict[str, Any]) -> dict[str, Any]:
    """Without a bot there is neither a fate nor a hand-off."""
    if "bot" not in contact:
        return {key: value for key, value in contact.items() if key not in ("fate", "hand_off")}
    return contact


def ranks(types: int, groups: int, highest: int, never: bool) -> st.SearchStrategy[list[list[int | None]]]:
    """Ranks by [type][group], None where the two never meet."""
    known = st.integers(0, highest)
    rank = st.one_of(st.none(), known, known) if never else known
    return st.lists(st.lists(rank, min_size=groups, max_size=groups), min_size=types, max_size=types)


@st.composite
def hours(draw: Any, horizon: int) -> list[tuple[int, int]]:
    """Disjoint spells, some of which abut."""
    marks = sorted(draw(st.lists(st.integers(0, horizon + 5), min_size=0, max_size=6, unique=True)))
    spells = list(zip(marks[::2], marks[1::2], strict=False))
    if len(spells) > 1 and draw(st.booleans()):
        spells[1] = (spells[0][1], spells[1][1])
    return spells


@st.composite
def staffings(draw: Any, groups: int, horizon: int) -> Any:
    """By level or by person."""
    if draw(st.booleans()):
        step = draw(st.sampled_from([5, 10]))
        row = st.lists(st.integers(0, 3), min_size=groups, max_size=groups)
        return levels(*draw(st.lists(row, min_size=horizon // step, max_size=horizon // step)), interval=step)
    agents = draw(st.lists(st.tuples(st.integers(0, groups - 1), hours(horizon)), max_size=6))
    return persons(*agents, groups=groups, keeps_length=draw(st.booleans()))


@st.composite
def any_desk(
    draw: Any,
    *,
    most: int = 4,
    longest: int = 6,
    highest: int = 2,
    delays: tuple[int, ...] = (0, 0, 1, 3),
    horizons: tuple[int, ...] = (10, 20, 30),
    plain: bool = False,
) -> Run:
    """Everything at once."""
    types, groups = draw(st.integers(1, most)), draw(st.integers(1, most))
    horizon = draw(st.sampled_from(horizons))
    demand = customers(*draw(contacts(types, horizon, longest, plain)), types=types)
    opening: dict[int, list[tuple[float, float]]] = {}
    for k in range(types):
        if not plain and draw(st.sampled_from([False, False, True])):
            marks = sorted(draw(st.lists(st.integers(0, horizon + 4), max_size=4, unique=True)))
            opening[k] = list(zip(marks[::2], marks[1::2], strict=False))
    wait = st.lists(st.lists(st.sampled_from(delays), min_size=groups, max_size=groups), min_size=types, max_size=types)
    rules = desk(
        draw(ranks(types, groups, highest, never=not plain)),
        draw(
            st.lists(
                st.lists(st.integers(0, highest), min_size=groups, max_size=groups), min_size=types, max_size=types
            )
        ),
        delay=draw(wait),
        opening=opening,
        disconnects=draw(st.lists(st.integers(0, types - 1), unique=True)),
        permille=draw(st.sampled_from([1000, 500, 1500])),
    )
    return demand, draw(staffings(groups, horizon)), rules


IDLE_TIES = any_desk(most=3, longest=2, highest=0, delays=(0,), horizons=(20,), plain=True)
"""Everybody has one rank and short work: agents become idle together."""

QUEUE_TIES = any_desk(most=3, longest=6, highest=0, delays=(0,), horizons=(10,), plain=True)
"""Several types of one rank and too few agents: contacts that asked in one instant compete."""

DELAY_TIES = any_desk(most=3, longest=3, highest=2, delays=(1, 2), horizons=(10,))
"""Each group waits its turn: timers, looks and the ends of patience coincide."""


@st.composite
def overflow_ties(draw: Any) -> Run:
    """A newcomer asks in the instant in which the delay of one who waits runs out: both want one idle agent."""
    delay = draw(st.integers(1, 3))
    pair = st.tuples(st.integers(0, 20), st.integers(3, 8), st.integers(0, 3), st.sampled_from([0, 0, 0, 1]))
    people = []
    for at, long, short, late in draw(st.lists(pair, min_size=2, max_size=10)):
        people.append({"at": at, "type": 0, "talk": long, "patience": draw(st.sampled_from([None, delay, 9]))})
        people.append({"at": at + delay + late, "type": 1, "talk": short})
    demand = customers(*sorted(people, key=lambda c: c["at"]), types=2)
    rules = desk([[0, 1], [None, 0]], draw(ranks(2, 2, 1, never=False)), delay=[[0, delay], [0, 0]])
    return demand, levels([draw(st.integers(0, 1)), draw(st.integers(1, 2))], interval=40), rules


DESKS = {
    "any": any_desk(),
    "idle ties": IDLE_TIES,
    "queue ties": QUEUE_TIES,
    "delay ties": DELAY_TIES,
    "overflow ties": overflow_ties(),
}
