"""Random scenarios as people would write them: hypothesis strategies of plain values, every form and family in them."""

from typing import Any

from hypothesis import strategies as st

Strategy = st.SearchStrategy[Any]

NAMES = st.from_regex(r"[a-zé订][a-z0-9_-]{0,8}", fullmatch=True)
ODD_TEXTS = ["null", "yes", "08:30", "1e3", "a: b", "- x", "# no", " lead", "trail ", "it's", 'say "so"', "two\nlines"]
ODD_TEXTS += ["~", "45%", ":0", "\x85", "2026-11-11", "=", "<<", "\U0001f6d2"]
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12) | st.sampled_from(ODD_TEXTS)
CLOCKS = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
SHARES = st.floats(0, 1) | st.builds("{} %".format, st.integers(0, 100))
RATES = st.floats(0, 1e6) | st.integers(0, 500)
FACTORS = st.floats(0.01, 10)
UNITS = st.sampled_from(["s", "min", "h", "ms"])
DURATIONS = st.builds("{} {}".format, st.integers(1, 90) | st.floats(0.01, 90), UNITS)
DELAYS = DURATIONS | st.just(0)
SERIES = RATES | st.dictionaries(CLOCKS, RATES, min_size=1, max_size=5)


def _table(required: dict[str, Strategy], **optional: Strategy) -> Strategy:
    return st.fixed_dictionaries(required, optional=optional)


def _family(name: str, **parameters: Strategy) -> Strategy:
    return _table({"family": st.just(name), **parameters})


_PLAIN = st.one_of(
    _family("deterministic", value=DELAYS),
    _family("exponential", mean=DURATIONS),
    _family("lognormal", mean=DURATIONS, cv=FACTORS),
    _family("gamma", mean=DURATIONS, cv=FACTORS),
    _family("erlang", mean=DURATIONS, stages=st.integers(1, 9)),
    _family("weibull", mean=DURATIONS, shape=FACTORS),
    _family("uniform", low=st.just("1 s"), high=st.builds("{} min".format, st.integers(1, 9))),
    _family("hyperexponential", shares=st.just([0.25, 0.75]), means=st.tuples(DURATIONS, DURATIONS).map(list)),
    _family("empirical", values=st.lists(RATES, min_size=1, max_size=5)),
)
BY_TIME = st.dictionaries(CLOCKS, _PLAIN, min_size=1, max_size=2)
DISTRIBUTIONS = _PLAIN | st.builds(lambda laws: {"by_time": laws}, BY_TIME)
OPENINGS = st.dictionaries(
    st.sampled_from(["mon-fri", "sat", "daily", "2026-11-11"]),
    st.lists(st.sampled_from(["08:00-12:00", "13:00-18:00", "22:00-02:00", "00:00-24:00"]), max_size=2) | st.none(),
    max_size=3,
)
ARRIVALS = st.one_of(
    _table({"per_hour": SERIES}, shape=st.sampled_from(["step", "linear"]), law=st.sampled_from(["poisson", "fixed"])),
    _table({"per_day": RATES, "profile": st.dictionaries(CLOCKS, st.floats(0.1, 9), min_size=1, max_size=4)}),
    _table({"profile": st.just(3), "forecast": st.just({"p10": 5, "50 %": {"00:00": 8}, "p97.5": 40})}),
    st.just({"counts": {f"{hour:02d}:{minute}": hour for hour in range(8, 12) for minute in ("00", "30")}}),
)
TARGETS = st.one_of(
    _table({"at_least": SHARES}, threshold=DELAYS, formula=st.sampled_from(["SL-1", "SL-6"]), strict=st.booleans()),
    _table({"measure": st.sampled_from(["asa", "wait_p95"]), "at_most": DELAYS}, per=st.just("interval")),
    _table({"measure": st.sampled_from(["abandonment", "occupancy"]), "at_most": SHARES}, confidence=st.just(0.9)),
)
BREAKS = st.lists(
    st.just({"after": "2 h", "length": "30 min"}) | st.just({"after": "1.5 h", "length": "15 min", "paid": True}),
    max_size=1,
)
TEMPLATES = _table(
    {
        "starts": st.lists(CLOCKS, min_size=1, max_size=3) | st.just({"first": "08:00", "last": "9:30", "step": "1 h"}),
        "lengths": st.just(["4 h", "8.5 h"]),
    },
    breaks=st.just([{"length": "30 min", "earliest": "2 h", "latest": "3 h"}]),
    days=st.just("all") | st.just(["mon-fri", "2026-11-11"]),
    cost=RATES,
    fte=FACTORS,
    max_number=st.integers(0, 50),
)


SLOTS = st.just("all") | st.integers(1, 3)
CHANNELS = _table({}, opening=OPENINGS, slots=SLOTS, lines=st.integers(1, 9), waiting_places=st.integers(0, 9))
BOTS = _table(
    {},
    cost_per_session=RATES,
    capacity=st.integers(0, 9) | st.dictionaries(CLOCKS, st.integers(0, 9), min_size=1, max_size=3),
    when_full=st.sampled_from(["wait", "person"]),
    outages=st.lists(
        _table({"start": st.just("2026-11-10 09:00"), "length": DURATIONS}, capacity=st.integers(0, 3)), max_size=2
    ),
)
ROUTINGS = st.sampled_from(["priority", "fcfs", "preference", "specialists", "own_first", "fastest"]) | _table(
    {"policy": st.just("overflow"), "after": DURATIONS},
    agents=st.sampled_from(["least_busy", "uniform"]),
    last_agent=st.booleans(),
)
TRIGGERS = _table({"share": st.floats(0, 0.3)}, time=SHARES, talk_factor=FACTORS)
CURVES = st.dictionaries(st.builds("{} d".format, st.integers(0, 300)), st.floats(0.1, 1), min_size=1, max_size=3)
ABSENCES = SHARES | _table({"share": SHARES}, common=st.floats(0, 1))
ATTENDANCES = _table(
    {},
    planned=ABSENCES,
    unplanned=ABSENCES,
    late=_table({"share": SHARES, "by": DISTRIBUTIONS}),
    extra_breaks=_table({"per_hour": st.floats(0, 3), "length": DISTRIBUTIONS}),
    breaks=st.sampled_from(["keep_end", "keep_length"]),
)


def follow_ups(types: list[str]) -> Strategy:
    """Rules by name or in a list."""
    usual = _table(
        {"on": st.sampled_from(["abandoned", "unresolved", "answered", "gave_up_in_bot", "closed"])},
        chance=SHARES,
        delay=DISTRIBUTIONS,
        to=st.sampled_from(types),
        at_most=st.integers(1, 4),
        keep=st.lists(st.sampled_from(["patience", "talk"]), max_size=2, unique=True),
        boost=st.booleans(),
    )
    waiting = _table(
        {"on": st.just("waiting"), "after": DURATIONS, "siblings": st.just("separate")},
        duplicate=DELAYS,
        chance=SHARES,
        to=st.sampled_from(types),
    )
    return st.dictionaries(NAMES, usual | waiting, max_size=3) | st.lists(usual | waiting, max_size=2)


@st.composite
def scenarios(draw: st.DrawFn) -> dict[str, Any]:
    """A whole scenario, in order, as plain values."""
    types = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    groups = draw(st.lists(NAMES, min_size=1, max_size=2, unique=True))
    one_of = st.sampled_from(types)
    pick = st.lists(one_of, min_size=1, unique=True)
    skill = st.integers(1, 3) | _table(
        {}, preference=st.integers(1, 3), speed=FACTORS, after=DELAYS, resolution=SHARES, reserve=st.integers(0, 2)
    )
    shift = _table(
        {"group": st.sampled_from(groups), "start": CLOCKS, "length": st.just("6 h")},
        breaks=BREAKS,
        number=st.integers(0, 90),
        day=st.just("2026-11-10"),
        template=TEXTS,
    )
    shares = st.floats(0, 0.5)
    turns = {"turns": st.floats(1, 9), "turn": DISTRIBUTIONS, "recognition": st.floats(0.1, 1)}
    bot = _table(
        {"uses": st.just("robot"), **draw(st.sampled_from([{"duration": DISTRIBUTIONS}, turns]))},
        max_attempts=st.integers(1, 4),
        triggers=st.dictionaries(NAMES, TRIGGERS, max_size=2),
        drift=st.dictionaries(CLOCKS, FACTORS, min_size=1, max_size=3),
        share=SHARES,
        containment=shares,
        give_up=shares,
        resolved=SHARES,
        hand_off=_table({}, delay=DISTRIBUTIONS, talk_factor=FACTORS, talk_added=DELAYS | st.just("-20 s")),
        baseline_containment=shares | st.none(),
    )
    kind = _table(
        {"channel": st.just("phone"), "talk": DISTRIBUTIONS},
        arrivals=ARRIVALS,
        bot=bot,
        language=TEXTS,
        difficulty=_table({}, bot=st.floats(0, 0.99), talk=FACTORS, measured=st.sampled_from(["people", "all"])),
        gives_up_at_once=SHARES,
        patience=DISTRIBUTIONS,
        after_contact_work=DISTRIBUTIONS,
        priority=st.integers(0, 5),
        threshold=DELAYS,
        lost_value=RATES,
        opening=OPENINGS,
        at_closing=st.sampled_from(["serve", "disconnect"]),
        resolution=SHARES,
        announcement=st.sampled_from(["head_of_line", "last_to_enter", "model"]),
        balking=st.lists(_table({"wait": DELAYS, "share": SHARES}), max_size=2),
        call_back=_table({"accepted": SHARES, "promise": DURATIONS}, wait=DELAYS, ring=DURATIONS, answered=SHARES),
        follow_ups=follow_ups(types),
    )
    mail = _table(
        {"channel": st.just("mail"), "talk": DISTRIBUTIONS},
        arrivals=ARRIVALS,
        interruptible=st.booleans(),
        due=_table({"within": DURATIONS}, clock=st.sampled_from(["opening", "wall"])),
        follow_ups=follow_ups(types),
    )
    event = _table(
        {"start": st.just("2026-11-10 09:00"), "plateau": DURATIONS},
        peak_factor=RATES,
        onset=DELAYS,
        chance=SHARES,
        within=st.sampled_from(["0 s", "3 h", "30 min"]),
        contact_types=pick | st.just("all"),
        mix=st.dictionaries(st.sampled_from(types), RATES, max_size=2),
        bot_share=SHARES,
    )
    row = _table(
        {"contact_type": st.sampled_from(types), "arrival": st.builds("{} s".format, st.floats(0, 14_000))},
        talk=DELAYS,
        patience=DELAYS,
    )
    group = _table(
        {"skills": st.just(types) | _table(dict.fromkeys(types, skill))},
        max_heads=st.integers(0, 9),
        slots=st.integers(3, 5),
        hold_for_voice=st.booleans(),
        spread=st.floats(0, 1),
        tenure=_table({"served": DISTRIBUTIONS}, speed=CURVES, resolution=CURVES),
        fatigue=_table({"per_hour": SHARES}, most=SHARES, recovery=st.integers(0, 5)),
        switching=DELAYS,
        attendance=ATTENDANCES,
    )
    levels = st.dictionaries(st.sampled_from(groups), st.dictionaries(CLOCKS, st.integers(0, 99), max_size=3))
    whole = _table(
        {
            "horizon": st.just({"start": "2026-11-10 08:00", "zone": "Asia/Shanghai", "length": "4 h"}),
            "channels": _table({"phone": CHANNELS, "mail": _table({"deferred": st.just(True)}, slots=SLOTS)}),
            "bots": _table({"robot": BOTS}),
            "contact_types": _table(dict.fromkeys(types, kind | mail)),
            "agent_groups": _table(dict.fromkeys(groups, group)),
        },
        name=TEXTS,
        description=TEXTS,
        trace=st.lists(row, max_size=4),
        busyness=_table(
            {"cv": st.floats(0, 1.9)},
            by_type=st.dictionaries(one_of, st.floats(0, 1.9), max_size=2),
            correlation=st.floats(0, 1),
            intervals=_table({"cv": st.floats(0, 1)}, correlation=st.floats(-0.9, 1), by_type=st.booleans()),
        ),
        events=st.dictionaries(NAMES, event, max_size=2),
        routing=ROUTINGS | _table({"policy": st.just("weighted_wait"), "weights": st.dictionaries(one_of, FACTORS)}),
        backlog=st.dictionaries(one_of, _table({"number": st.integers(0, 9), "age": DISTRIBUTIONS}), max_size=2),
        staffing=_table({"levels": levels}) | _table({"shifts": st.lists(shift, max_size=3)}),
        shift_templates=st.dictionaries(NAMES, TEMPLATES, max_size=2),
        objective=st.sampled_from(["heads", "fte", "hours", "cost"]),
        targets=st.lists(TARGETS, max_size=3),
        short_abandonment=DELAYS,
        costs=_table({}, currency=TEXTS, line_per_hour=RATES),
        sources=st.dictionaries(TEXTS, TEXTS, max_size=2),
    )
    return draw(whole)
