"""A search and a plan in words, for whoever waits for them."""

from planner.plan import Plan, Shortage
from planner.search import Progress


def progress_line(now: Progress) -> str:
    """Where a search is, in one line."""
    best = "" if now.heads is None else f", best {now.heads} heads{', holds' if now.holds else ''}"
    if now.worth is not None and now.bound:
        best += f", {now.worth:,.1f} against a bound of {now.bound:,.1f}: gap {now.worth / now.bound - 1:.1%}"
    return f"{now.phase}{best}, {now.simulated_days} days simulated, {now.solves} models solved"


MOST_SHORTAGES = 5


def caveats(plan: Plan) -> list[str]:
    """What one should know of a plan: why it misses, what its figures rest on, where it is short.

    Shortages are against what formulas require: where simulation certifies the plan they mean nothing.
    """
    fresh = [] if plan.fresh else ["the figures are those of days that the search has seen: they flatter the plan"]
    unmet = [f"cannot be met: {reason}" for reason in plan.reasons]
    return [*unmet, *fresh, *([] if plan.status == "certified" else _shortage_lines(plan)), *plan.notes]


def _shortage_lines(plan: Plan) -> list[str]:
    """The greatest shortages first."""
    ordered = sorted(plan.shortages, key=lambda short: -short.agents)
    more = len(ordered) - MOST_SHORTAGES
    told = [_shortage_line(short) for short in ordered[:MOST_SHORTAGES]]
    return [*told, *([f"{more} more shortages are in plan.json"] if more > 0 else [])]


def _shortage_line(short: Shortage) -> str:
    start, end = (text[:16].replace("T", " ") for text in (short.start, short.end))
    types = ", ".join(short.contact_types)
    return f"{start} to {end}: {short.agents:.1f} agents short for {types}: {short.reason}"
