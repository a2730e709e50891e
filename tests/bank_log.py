"""The call log of the Anonymous Bank, February 1999: read, cleaned, and asked for what the bundled scenario states.

Data: I. Guedj and A. Mandelbaum, Technion, published for research and teaching. The file lies beside the project, never
in it; tests that need it skip without it. Its field notes: the VRU meets every call; `q_start` 0 of an answered call
means that nobody made it wait, of a hung-up call that it never left the VRU; priority 2 enters the queue with an
advance of 90 s; customers who did not wait have priority 0 by a fault of the recording; PHANTOM rows are to be ignored.
"""

import csv
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

FILE = Path(__file__).resolve().parents[2] / "shared" / "data" / "anonymous_bank_feb1999.tsv"
WEDNESDAYS = (3, 10, 17, 24)
WEEKDAYS = tuple(day for day in range(1, 29) if date(1999, 2, day).isoweekday() in {7, 1, 2, 3, 4})  # Sunday-Thursday
OPENS, DAY_S = 7 * 3600, 86_400
FAILURES = {3: (12 * 3600 + 45 * 60, 13 * 3600 + 30 * 60), 21: (17 * 3600 + 15 * 60, 19 * 3600)}
"""When the log shows hundreds of calls that die in the VRU within minutes, on two days: seconds after midnight."""
SHORT_S = 10
"""Answered calls below this are the known artefact of 1999: agents hung up to rest (Brown et al., JASA 2005)."""
AWAY_S = 30
"""An agent between two calls who lets customers wait this long is not at work."""
IDLE_LIMIT_S = 1800
"""Nor is one whom the log does not show for half an hour."""
TRAINED = 0.04
"""Share of stock calls from which on an agent counts as trained: the 24 agents have under 2.5 % or over 4.9 %."""

TYPES = {
    ("PS", False): "regular",
    ("PS", True): "regular_priority",
    ("NE", False): "stock",
    ("NE", True): "stock_priority",
    ("NW", False): "newcomer",
    ("IN", False): "internet",
    ("PE", False): "english",
    ("TT", False): "call_back",
}
SKILLS = {
    "general": {"PS", "NW", "PE", "TT", "IN"},
    "stock_trained": {"PS", "NW", "PE", "TT", "NE"},
}


@dataclass(frozen=True, kw_only=True)
class Call:
    """One row, in seconds after midnight; `waited` is None where nobody made it wait, `talk` where nobody answered."""

    day: int
    type: str
    priority: bool
    entry: int
    vru_s: int
    queued: int
    waited: int | None
    start: int
    talk: int | None
    server: str

    @property
    def answered(self) -> bool:
        return self.talk is not None

    @property
    def hung_up_in_vru(self) -> bool:
        return self.waited is None and not self.answered

    @property
    def in_failure(self) -> bool:
        """Died in the VRU while it was out of order."""
        first, last = FAILURES.get(self.day, (0, 0))
        return self.hung_up_in_vru and first <= self.entry < last

    @property
    def odd(self) -> bool:
        """Answered, yet by nobody or for a few seconds only."""
        return self.talk is not None and (self.talk < SHORT_S or self.server == "NO_SERVER")

    @property
    def wait(self) -> int:
        return self.waited or 0


def _seconds(clock: str) -> int:
    hours, minutes, seconds = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)


@cache
def calls() -> tuple[Call, ...]:
    """All calls but phantoms and negative VRU times (the cleaning of the published hourly rates)."""
    with FILE.open(encoding="ascii") as lines:
        rows = [row for row in csv.DictReader(lines, delimiter="\t") if row["outcome"] != "PHANTOM"]
    return tuple(_call(row) for row in rows if int(row["vru_time"]) >= 0)


def _call(row: dict[str, str]) -> Call:
    entry, vru_s = _seconds(row["vru_entry"]), int(row["vru_time"])
    start = _seconds(row["ser_start"])
    return Call(
        day=int(row["date"][-2:]),
        type=row["type"],
        priority=row["priority"] == "2",
        entry=entry,
        vru_s=vru_s,
        queued=entry + vru_s,
        waited=int(row["q_time"]) if row["q_start"] != "0:00:00" else None,
        start=start if start >= entry - 60 else start + DAY_S,  # the clock passed midnight
        talk=int(row["ser_time"]) if row["outcome"] == "AGENT" else None,
        server=row["server"],
    )


def of_day(day: int) -> list[Call]:
    return [call for call in calls() if call.day == day]


# ------------------------------------------------------------------------------------------------------------ demand


def hourly_rates(days: tuple[int, ...] = WEDNESDAYS, *, failures: bool = True) -> list[float]:
    """Calls an hour by hour of entry, mean over the days; without `failures` those that died in them are left out."""
    counts = np.zeros(24)
    for call in calls():
        if call.day in days and (failures or not call.in_failure):
            counts[call.entry // 3600] += 1
    return [float(count) for count in counts / len(days)]


def type_shares(days: tuple[int, ...] = WEEKDAYS) -> dict[str, list[float]]:
    """Share of each type of the log in the calls of each hour; before opening, of all those hours together."""
    counts = {code: np.zeros(24) for code, _ in TYPES}
    for call in calls():
        if call.day in days and not call.in_failure:
            counts[call.type][call.entry // 3600] += 1
    for row in counts.values():
        row[: OPENS // 3600] = row[: OPENS // 3600].sum()
    total = sum(counts.values())
    return {code: [float(share) for share in row / total] for code, row in counts.items()}


@cache
def priority_share(code: str) -> float:
    """Priority customers among those of a type who waited: only there is the priority recorded."""
    waited = [call for call in calls() if call.type == code and call.waited is not None]
    return sum(call.priority for call in waited) / len(waited)


def talk_times(code: str, *, artefacts: bool = True) -> npt.NDArray[np.float64]:
    """Talk of a type's answered calls in seconds, with or without those that agents cut short."""
    answered = (call for call in calls() if call.type == code and call.answered)
    return np.array([call.talk for call in answered if artefacts or not call.odd], float)


def talk_aic(talk: npt.NDArray[np.float64]) -> dict[str, float]:
    """Akaike's criterion of four families fitted by maximum likelihood; the lowest fits best."""
    from scipy import stats

    laws = {"exponential": stats.expon, "gamma": stats.gamma, "lognormal": stats.lognorm, "weibull": stats.weibull_min}
    fitted = {name: (law, law.fit(talk, floc=0)) for name, law in laws.items()}
    return {name: 2 * (len(p) - 1) - 2 * law(*p).logpdf(talk).sum() for name, (law, p) in fitted.items()}


def vru(code: str) -> tuple[float, float, float]:
    """Share that hangs up in the VRU in opening hours of a weekday; mean and cv of the VRU time of the others."""
    met = [
        call for call in calls()
        if call.type == code and call.day in WEEKDAYS and call.entry >= OPENS and not call.in_failure
    ]  # fmt: skip
    passed = np.array([call.vru_s for call in met if not call.hung_up_in_vru], float)
    return 1 - len(passed) / len(met), float(passed.mean()), float(passed.std() / passed.mean())


# ---------------------------------------------------------------------------------------------------------- patience


def waits(code: str, priority: bool | None = None) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Waits of those who waited, and whether each ended by hanging up; an answer censors the patience behind it."""
    rows = [
        (call.wait, not call.answered)
        for call in calls()
        if call.type == code and call.waited is not None and (priority is None or call.priority == priority)
    ]
    return np.array([w for w, _ in rows], float), np.array([hung_up for _, hung_up in rows])


def kaplan_meier(time: npt.NDArray[np.float64], hung_up: npt.NDArray[np.bool_], at: float) -> float:
    """P(patience <= at), censored by answers (Kaplan & Meier 1958)."""
    from scipy.stats import CensoredData, ecdf

    return float(ecdf(CensoredData(time[hung_up], right=time[~hung_up])).cdf.evaluate(at))


def exponential_fit(time: npt.NDArray[np.float64], hung_up: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Mean and log-likelihood of exponential patience: total waiting by number of hang-ups."""
    mean = time.sum() / hung_up.sum()
    return float(mean), float(-hung_up.sum() * (np.log(mean) + 1))


def weibull_fit(time: npt.NDArray[np.float64], hung_up: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Shape and log-likelihood of Weibull patience; the scale is solved for each shape."""
    from scipy.optimize import minimize_scalar

    x = np.maximum(time, 0.5)

    def likelihood(shape: float) -> float:
        hazard = hung_up.sum() / (x**shape).sum()
        return float(hung_up.sum() * (np.log(hazard * shape) - 1) + (shape - 1) * np.log(x[hung_up]).sum())

    best = minimize_scalar(lambda shape: -likelihood(shape), bounds=(0.3, 3.0), method="bounded")
    return float(best.x), -float(best.fun)


def hyperexponential_fit(
    time: npt.NDArray[np.float64], hung_up: npt.NDArray[np.bool_]
) -> tuple[float, float, float, float]:
    """Share and mean of the hasty, mean of the patient, log-likelihood: two exponentials by EM with censoring."""
    share, hasty, patient = 0.25, float(time.mean()), 4 * float(time.mean())
    for _ in range(4000):
        a, b = _weights(time, hung_up, share, hasty), _weights(time, hung_up, 1 - share, patient)
        w = a / (a + b)
        share = float(w.mean())
        hasty = float((w * time).sum() / (w * hung_up).sum())
        patient = float(((1 - w) * time).sum() / ((1 - w) * hung_up).sum())
    density = _weights(time, hung_up, share, hasty) + _weights(time, hung_up, 1 - share, patient)
    return share, hasty, patient, float(np.log(density).sum())


def _weights(
    time: npt.NDArray[np.float64], hung_up: npt.NDArray[np.bool_], share: float, mean: float
) -> npt.NDArray[np.float64]:
    return np.asarray(share * np.exp(-time / mean) * np.where(hung_up, 1 / mean, 1.0))


# ---------------------------------------------------------------------------------------------------------- staffing


@dataclass(frozen=True)
class Spell:
    """An agent at work without a gap, in seconds after midnight."""

    group: str
    on: int
    off: int


@cache
def groups() -> dict[str, str]:
    """Group of each agent: those of whose answered calls at least TRAINED are on stock are trained for it."""
    mix: dict[str, list[bool]] = defaultdict(list)
    for call in calls():
        if call.answered and call.server != "NO_SERVER":
            mix[call.server].append(call.type == "NE")
    return {server: "stock_trained" if np.mean(on_stock) >= TRAINED else "general" for server, on_stock in mix.items()}


def spells(day: int) -> tuple[list[Spell], list[int]]:
    """When the agents of a day were at work, and the gaps between two calls of one agent while somebody waited.

    From the first call to the last, without the gaps in which customers whom the agent could serve waited for more
    than AWAY_S in all, or that are longer than IDLE_LIMIT_S: the log does not say who was signed in.
    """
    today = of_day(day)
    waited_until = {group: _waiting_clock(today, codes) for group, codes in SKILLS.items()}
    by_server: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for call in today:
        if call.talk is not None and call.server != "NO_SERVER":
            by_server[call.server].append((call.start, call.start + call.talk))
    found, gaps = [], []
    for server, talks in by_server.items():
        group = groups()[server]
        clock = waited_until[group]
        talks.sort()
        on, off = talks[0]
        for start, end in talks[1:]:
            waited = clock[start] - clock[min(off, start)]
            if waited > AWAY_S or start - off > IDLE_LIMIT_S:
                found.append(Spell(group, on, off))
                on = start
            elif start > off and waited == start - off:
                gaps.append(start - off)
            off = max(off, end)
        found.append(Spell(group, on, off))
    return found, gaps


def _waiting_clock(today: list[Call], codes: set[str]) -> npt.NDArray[np.int64]:
    """Seconds since midnight during which somebody of these types waited, at each second."""
    change = np.zeros(DAY_S + 7200, np.int64)
    for call in today:
        if call.type in codes and call.waited is not None:
            change[call.queued] += 1
            change[call.queued + call.waited] -= 1
    return np.cumsum(np.cumsum(change) > 0)


def heads(days: tuple[int, ...], step_s: int) -> dict[str, npt.NDArray[np.float64]]:
    """Agents at work by group and step of the day, mean over step and days."""
    found = {group: np.zeros(DAY_S // step_s) for group in SKILLS}
    for day in days:
        for spell in spells(day)[0]:
            for k in range(spell.on // step_s, min(spell.off, DAY_S - 1) // step_s + 1):
                inside = min(spell.off, (k + 1) * step_s) - max(spell.on, k * step_s)
                found[spell.group][k] += inside / step_s / len(days)
    return found


def in_whole_heads(mean: npt.NDArray[np.float64]) -> list[int]:
    """Whole heads by step whose running total is that of `mean`, half up: no hours are lost to rounding."""
    return [int(heads) for heads in np.diff(np.floor(np.cumsum(mean) + 0.5), prepend=0)]


def busyness_cv() -> float:
    """Coefficient of variation of the calls that left the VRU on a weekday, less what Poisson arrivals bring."""
    totals = np.array([sum(not call.hung_up_in_vru for call in of_day(day)) for day in WEEKDAYS], float)
    return float(np.sqrt(totals.var(ddof=1) - totals.mean()) / totals.mean())
