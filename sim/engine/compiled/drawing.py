"""The customers of a replication, drawn by kernels: the Demand of `sim.demand`, which says what it means, bit for bit.

Arrivals are drawn type by type and merged, which tells the place of each type's contacts among all. Each quantity is
then drawn in one call, and each number goes straight to its contact's place: so there are no columns by type, and a
dozen calls instead of hundreds. What is not met so often (a law that is not exponential or lognormal, a bot in detail,
messages, difficulty) NumPy draws as ever; desks with a backlog, a trace or fixed counts are left to it altogether.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from sim import demand
from sim.arrivals import NOBODY, Pieces, ample
from sim.busyness import Levels, levels
from sim.columns import columns
from sim.demand import COLUMNS, DEFAULTS, LONGEST_MS, BotFate, Demand
from sim.distributions import Deterministic, Distribution, Exponential, Lognormal
from sim.drawing import Columns, Contacts, Source, sources
from sim.engine.compiled.before import merge_two
from sim.engine.compiled.dice import as_numpy, beginnings, begun, exponential, normal, uniform
from sim.engine.compiled.kernel import SETTINGS, index, kernel, whole
from sim.incidents import happening
from sim.remembered import remembered
from sim.scenario import Scenario
from sim.streams import Quantity, beginning
from sim.streams import streams as streams_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

short: Any = np.int32  # of which a processor rounds several at once
ARRIVAL, ENTRY, FAILURE = int(Quantity.ARRIVAL), int(Quantity.BOT_ENTRY), int(Quantity.BOT_FAILURE)
ENDING, AT_ONCE = int(Quantity.BOT_ENDING), int(Quantity.AT_ONCE)
HANDED_OFF, BY_CONTAINMENT = int(BotFate.HANDED_OFF), int(BotFate.HANDED_OFF - BotFate.CONTAINED)
FIXED, EXPONENTIAL, LOGNORMAL = range(3)
ALL = 2 ** len(BotFate) - 1
DURATIONS = {
    "bot_ms": (int(Quantity.BOT_TIME), ALL - 2**BotFate.NO_BOT, 1),
    "hand_off_ms": (int(Quantity.HAND_OFF), 2**BotFate.HANDED_OFF, 0),
    "patience_ms": (int(Quantity.PATIENCE), ALL, 0),
    "talk_ms": (int(Quantity.TALK), ALL, 0),
    "after_ms": (int(Quantity.AFTER_CONTACT_WORK), ALL, 0),
}
"""Of each, whose it is (fates, a bit for each), and the least of it in ms."""


def sample(scenario: Scenario, seed: int, replication: int) -> Demand:
    """The customers of one replication: those of `sim.demand.sample`."""
    day = happening(scenario, seed, replication)
    plan = plan_of(day)
    if plan is None:
        return demand.sample(scenario, seed, replication)
    expected = plan.steady
    if expected is None:
        expected = plan.expected(levels(day, seed, replication))
    found = _drawn(plan, expected, beginning(seed, replication))
    if found is None:
        return demand.sample(scenario, seed, replication)
    for k, names in plan.by_numpy.items():
        [dice] = streams_of(seed, replication, [plan.sources[k].key])
        mine = np.flatnonzero(found["type"] == k)
        contacts = Contacts(source=plan.sources[k], dice=dice, arrival_ms=found["arrival_ms"][mine])
        for name, column in _by_numpy(contacts, names, found["fate"][mine]).items():
            found[name][mine] = column
    pools = demand.follow_up_pools(day, seed, replication)
    return Demand(types=tuple(day.contact_types), seed=seed, replication=replication, pools=pools, **found)


# ---------------------------------------------------------------------------------------------------- what is drawn how


@dataclass(frozen=True, kw_only=True, eq=False)
class Laws:
    """By which law a column of durations is drawn, [type]: a mean in seconds or, lognormal, mean and spread of the log.

    Types `without` a law have the column's default where that is not 0.
    """

    column: str
    law: npt.NDArray[np.uint8]
    mean: Floats
    spread: Floats
    some_are_lognormal: bool
    all_are_lognormal: bool
    without: list[int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """A scenario made ready for kernels.

    Pieces of all types, those of type k from `first[k]` on: of which `kind`, when they start, how long they last, and
    as `Levels` read them (None: type by type); `steady` is what is expected in each where no day differs. `bots` have
    share, keeps_below, gives_up and resolved of each type; they and shares `at_once` [type] are None without any. Of
    the types in `by_numpy` NumPy draws the columns that are named.
    """

    sources: list[Source]
    names: npt.NDArray[np.uint64]
    first: Ints
    kind: Ints
    start_ms: Ints
    width_ms: Ints
    pieces: Pieces | None
    steady: Floats | None
    bots: tuple[Floats, ...] | None
    at_once: Floats | None
    laws: list[Laws]
    by_numpy: dict[int, set[str]]

    def expected(self, busy: Levels) -> Floats:
        """Contacts expected in each piece in this replication."""
        if self.pieces:
            return busy.expected(self.kind, self.pieces)
        return np.concatenate([busy.expected(k, source.pieces) for k, source in enumerate(self.sources)])


@remembered
def plan_of(scenario: Scenario) -> Plan | None:
    """None: NumPy draws everything."""
    kinds = sources(scenario)
    poisson = not any(s.trace or (s.kind.arrivals and s.kind.arrivals.law != "poisson") for s in kinds)
    if SETTINGS.DISABLE_JIT or not poisson or scenario.backlog or not as_numpy():
        return None
    known = [{name: law for name, law in _laws(source).items() if _is_known(law)} for source in kinds]
    bots = [_bot(source) if "bot_ms" in laws else [0.0] * 4 for source, laws in zip(kinds, known, strict=True)]
    at_once = np.array([source.kind.gives_up_at_once for source in kinds])
    missing = {k: DURATIONS.keys() - laws.keys() for k, laws in enumerate(known)}
    pieces = _side_by_side([source.pieces for source in kinds])
    differ = scenario.busyness.varies or scenario.busyness.intervals or scenario.forecasts
    drawn = [name for name in DURATIONS if any(laws.get(name) for laws in known)]
    return Plan(
        sources=kinds,
        names=np.array([source.key for source in kinds], dtype=np.uint64),
        first=np.cumsum([0, *(len(source.pieces.expected) for source in kinds)]),
        kind=np.repeat(np.arange(len(kinds)), [len(source.pieces.expected) for source in kinds]),
        start_ms=np.concatenate([source.pieces.edge_ms[:-1] for source in kinds]),
        width_ms=np.concatenate([source.pieces.width_ms for source in kinds]),
        pieces=pieces,
        steady=pieces.expected if pieces and not differ else None,
        bots=tuple(map(np.array, zip(*bots, strict=True))) if any(map(any, bots)) else None,
        at_once=at_once if at_once.any() else None,
        laws=[_column(name, [laws.get(name) for laws in known]) for name in drawn],
        by_numpy={k: names for k, names in missing.items() if names},
    )


def _laws(source: Source) -> dict[str, Distribution | None]:
    """The law of each duration of a type that is nothing more than drawn from one; None: as by default."""
    kind, bot = source.kind, source.kind.bot if source.meets_bot else None
    laws = {"after_ms": kind.after_contact_work}
    if not kind.messages:
        laws["patience_ms"] = kind.patience
    handed = bot and (bot.hand_off.talk_factor != 1 or bot.hand_off.talk_added or bot.triggers)
    if not (handed or kind.difficulty.talk or source.events_lengthen_talk):
        laws["talk_ms"] = kind.talk
    if bot is None:
        return laws | {"bot_ms": None, "hand_off_ms": None}
    drifts = max(map(len, (source.bot_share, source.keeps_below, source.gives_up))) > 1
    if not (bot.triggers or bot.recognition < 1 or bot.turns or kind.difficulty.bot or drifts):
        laws |= {"bot_ms": bot.duration, "hand_off_ms": bot.hand_off.delay}
    return laws


def _bot(source: Source) -> list[float]:
    """What `Plan.bots` has of a type."""
    resolved = source.kind.bot.resolved if source.kind.bot else 0.0
    return [source.bot_share[0], source.keeps_below[0], source.gives_up[0], resolved]


def _is_known(law: Distribution | None) -> bool:
    return law is None or isinstance(law, Deterministic | Exponential | Lognormal)


def _column(name: str, laws: list[Distribution | None]) -> Laws:
    """Laws of all types as numbers."""
    numbers = [_numbers(law) for law in laws]
    law, mean, spread = (np.array(column) for column in zip(*numbers, strict=True))
    return Laws(
        column=name,
        law=law.astype(np.uint8),
        mean=mean,
        spread=spread,
        some_are_lognormal=bool((law == LOGNORMAL).any()),
        all_are_lognormal=bool((law == LOGNORMAL).all()),
        without=[k for k, law in enumerate(laws) if law is None and DEFAULTS.get(name)],
    )


def _numbers(law: Distribution | None) -> tuple[int, float, float]:
    """Kind, mean and spread of a law."""
    if isinstance(law, Deterministic):
        return FIXED, law.value, 0.0
    if isinstance(law, Exponential):
        return EXPONENTIAL, law.mean, 0.0
    if isinstance(law, Lognormal):
        return LOGNORMAL, *law.of_log
    return FIXED, 0.0, 0.0


def _side_by_side(pieces: list[Pieces]) -> Pieces | None:
    """Pieces of all types as far as `Levels` looks at them; not where it must look at forecasts."""
    if any(of_type.forecast for of_type in pieces):
        return None
    joined = {
        name: np.concatenate([getattr(of_type, name) for of_type in pieces]) for name in ("expected", "day", "interval")
    }
    none = np.empty(0, dtype=np.int64)
    return Pieces(edge_ms=none, border=none, forecast=None, **joined)


# -------------------------------------------------------------------------------------------------------------- drawing


def _drawn(plan: Plan, expected: Floats, day: npt.NDArray[np.uint64]) -> dict[str, Any] | None:
    """All columns, but for what NumPy draws; None where far more contacts come than may be expected."""
    streams, bits = beginnings(day, plan.names), (len(plan.names) - 1).bit_length()
    rough = columns(ample(float(expected.sum())), keys="i8", spare="i8", place="u4")
    keys, spare, place = rough["keys"], rough["spare"], rough["place"]
    first = np.zeros_like(plan.first)
    if not _arrive(streams, plan.first, expected, plan.start_ms, plan.width_ms, bits, keys, first):
        return None
    n = int(first[-1])
    if _merge(keys, spare, first.copy()):
        keys, spare = spare, keys
    found = columns(n, **COLUMNS)
    kinds, fate, seconds = found["type"], found["fate"], spare[:n].view(np.float64)
    _part(keys, bits, first.copy(), kinds, found["arrival_ms"], place)
    drawn = {"type", "arrival_ms"}
    if plan.bots is not None:
        drawn.add("fate")
        share, keeps_below, gives_up, resolved = plan.bots
        _fates(streams, first, place, share, keeps_below, gives_up, resolved, fate)
    if plan.at_once is not None:
        drawn.add("leaves_at_once")
        _shares(streams, first, place, plan.at_once, found["leaves_at_once"])
    for name in found.keys() - drawn - {of.column for of in plan.laws}:
        found[name].fill(DEFAULTS.get(name, 0))
    for of in plan.laws:
        quantity, fates, least = DURATIONS[of.column]
        if of.some_are_lognormal:
            _logarithms(streams, quantity, first, place, of.law, of.mean, of.spread, seconds)
            np.exp(seconds, out=seconds)  # NumPy's own, whose last bit may differ from others'
        if not of.all_are_lognormal:
            _others(streams, quantity, first, place, of.law, of.mean, seconds)
        _rounded(seconds, fate, fates, least, found[of.column])
        for k in of.without:
            found[of.column][kinds == k] = DEFAULTS[of.column]
    return found


def _by_numpy(contacts: Contacts, names: set[str], fate: npt.NDArray[np.uint8]) -> Columns:
    """Columns of one type's contacts by these names, and those that come with them."""
    found, kind = Columns(), contacts.source.kind
    if kind.bot and names & {"bot_ms", "hand_off_ms"}:
        found |= contacts.journey(kind.bot)
    if "talk_ms" in names:
        found["talk_ms"] = contacts.talk(found.get("fate", fate) if contacts.source.meets_bot else None)
    if "patience_ms" in names:
        found |= contacts.patience()
    return found | contacts.work() if "after_ms" in names else found


@kernel
def _arrive(
    streams: Any, pieces: Any, expected: Any, start_ms: Any, width_ms: Any, bits: int, keys: Any, first: Any
) -> bool:
    """Instants of arrival with their types, type by type (`sim.arrivals`); whether there was room for all.

    Type k's stand in keys[first[k]] … keys[first[k + 1] - 1].
    """
    come = 0
    for k in range(len(pieces) - 1):
        total = 0.0
        for piece in range(pieces[k], pieces[k + 1]):
            total += expected[piece]
        room = min(come + whole(total + 8 * sqrt(total) + 16), len(keys))  # `ample`
        piece, below, above, slope, start, last = pieces[k] - 1, 0.0, 0.0, 0.0, 0, 0
        state, increment = begun(streams, k, ARRIVAL)
        point, state = exponential(state, increment)
        while point < total:
            if come == room:
                return False
            while point >= above:
                piece += 1
                below, above = above, above + expected[piece]
                slope = width_ms[piece] / expected[piece] if expected[piece] > NOBODY else 0.0
                start, last = start_ms[piece], width_ms[piece] - 1
            instant = start + min(whole((point - below) * slope), last)
            keys[index(come)] = (instant << bits) | k
            come += 1
            step, state = exponential(state, increment)
            point += step
        first[k + 1] = come
    return True


@kernel
def _merge(keys: Any, spare: Any, first: Any) -> bool:
    """Merge ascending runs, two and two, the k-th from keys[first[k]] on; whether the last are merged into `spare`."""
    runs, in_spare = len(first) - 1, False
    while runs > 1:
        for k in range(0, runs, 2):
            merge_two(keys, spare, first[k], first[k + 1], first[min(k + 2, runs)])
            first[k // 2] = first[k]
        end, runs = first[runs], (runs + 1) // 2
        first[runs] = end
        keys, spare, in_spare = spare, keys, not in_spare
    return in_spare


@kernel
def _part(keys: Any, bits: int, free: Any, kinds: Any, arrival_ms: Any, place: Any) -> None:
    """Types and instants, which keys have as one number; and the places of each type's contacts, from free[k] on."""
    for c in range(len(kinds)):
        k = keys[c] & ((1 << bits) - 1)
        kinds[c] = k
        arrival_ms[c] = keys[c] >> bits
        place[index(free[index(k)])] = c
        free[index(k)] += 1


@kernel
def _fates(
    streams: Any, first: Any, place: Any, share: Any, keeps_below: Any, gives_up: Any, resolved: Any, fate: Any
) -> None:
    """What the bot makes of each contact: `Contacts.journey`."""
    for k in range(len(share)):
        meets, kept, gives, solved = share[k], keeps_below[k], gives_up[k], resolved[k]
        entry, by_entry = begun(streams, k, ENTRY)
        failure, by_failure = begun(streams, k, FAILURE)
        ending, by_ending = begun(streams, k, ENDING)
        for i in range(first[k], first[k + 1]):
            chance, entry = uniform(entry, by_entry)
            luck, failure = normal(failure, by_failure)
            end, ending = uniform(ending, by_ending)
            contained = luck <= kept
            ends = end < (solved if contained else gives)
            fate[index(place[index(i)])] = (HANDED_OFF - BY_CONTAINMENT * contained - ends) * (chance < meets)


@kernel
def _shares(streams: Any, first: Any, place: Any, share: Any, found: Any) -> None:
    """Who leaves at once."""
    for k in range(len(share)):
        state, increment = begun(streams, k, AT_ONCE)
        for i in range(first[k], first[k + 1]):
            chance, state = uniform(state, increment)
            found[index(place[index(i)])] = chance < share[k]


@kernel
def _logarithms(
    streams: Any, quantity: int, first: Any, place: Any, law: Any, mean: Any, spread: Any, seconds: Any
) -> None:
    """Of lognormal durations, from a stream of each type; 0 of others."""
    for k in range(len(law)):
        state, increment = begun(streams, k, quantity)
        middle = mean[k] if law[k] == LOGNORMAL else 0.0
        for i in range(first[k], first[k + 1]):
            score, state = normal(state, increment)
            seconds[index(place[index(i)])] = score * spread[k] + middle


@kernel
def _others(streams: Any, quantity: int, first: Any, place: Any, law: Any, mean: Any, seconds: Any) -> None:
    """Durations that are not lognormal."""
    for k in range(len(law)):
        if law[k] == LOGNORMAL:
            continue
        state, increment = begun(streams, k, quantity)
        number, varies = 1.0, law[k] == EXPONENTIAL
        for i in range(first[k], first[k + 1]):
            if varies:
                number, state = exponential(state, increment)
            seconds[index(place[index(i)])] = number * mean[k]


@kernel
def _rounded(seconds: Any, fate: Any, fates: int, least: int, found: Any) -> None:
    """In whole milliseconds (`whole_ms`), at least so many; 0 of those whose fate is not among these."""
    for c in range(len(seconds)):
        ms = max(short(min(seconds[c] * 1000.0 + 0.5, LONGEST_MS)), short(seconds[c] > 0), short(least))
        found[c] = ms * (short(fates) >> short(fate[c]) & short(1))
