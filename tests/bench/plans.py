"""The plan benchmark: `python tests/bench/plans.py [--by-person | --study] [INSTANCE …]` (or `make bench-plans`).

Each instance is planned with its bound and a usual plan repaired until it holds; its row in docs/benchmarks.md is
written anew. CPU is told in seconds and in units of one PEAK day at V = 10,000 on the compiled engine, timed in the
same process. `--by-person` plans for agents with spells of their own, in a table beside. `--study` plans with five
seeds each and verifies every certified target a second time on fresh customers.
"""

import re
import sys
from pathlib import Path
from time import process_time

import peak

from planner.asked import indexed
from planner.certificate import FIRST_DAYS, clearly_missed
from planner.columns import averaging, mixed
from planner.cover import price_of
from planner.plan import Plan
from planner.propose import LEAST_DAYS, Proposal, problem_of, propose
from planner.search import Search
from planner.usual import propose_usual
from sim.engine import run
from sim.experiment import Tape, experiment
from sim.scenario import Scenario
from sim.targets import TargetResult, judge, slack

HOME = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(HOME / "tests"))  # the instances are those of the tests

from instances import ALL, BUNDLED, instance  # noqa: E402

PAGE = HOME / "docs" / "benchmarks.md"
HEAD = ("instance", "cost", "heads", "hours", "ended", "bound", "class", "gap", "least slack", "days simulated",
        "CPU s", "PEAK days", "usual, repaired", "ratio")  # fmt: skip
STUDIED = ("instance", "plans certified", "certified targets", "failed a second time", "cost")
TABLES = {"plans": HEAD, "by person": HEAD, "study": STUDIED}
SEEDS = 5
SECOND = 400
LIGHT = 30_000
"""Days that the search may simulate for a random instance in the study, a fifth of its default: what is studied is the
certificate, and it does not know how hard a plan was to find.
"""


def peak_day_s() -> float:
    """CPU seconds of one PEAK day, the unit."""
    day = peak.draw(10_000), peak.by_level(10_000), peak.rules()
    run(*day, "compiled")
    start = process_time()
    for _ in range(5):
        run(*day, "compiled")
    return (process_time() - start) / 5


def by_person(desk: Scenario) -> Scenario:
    """The desk with agents who begin, break and leave by themselves, in place of levels."""
    assert desk.staffing is not None
    return desk.model_copy(update={"staffing": desk.staffing.model_copy(update={"mode": "by_person"})})


def row(name: str, desk: Scenario) -> list[str]:
    """One instance, planned and measured."""
    before, start = peak_day_s(), process_time()
    found = propose(desk, objective="cost", seed=1, beside=())
    spent = process_time() - start
    unit = (before + peak_day_s()) / 2  # a machine is not as fast at all times
    usual = propose_usual_cost(desk)
    plan = found.plan
    mixture = plan.search.mixture if plan.search else None
    if mixture is None:
        mixture = estimate(desk, plan)
    return [
        name, f"{plan.cost:,.2f}", str(plan.heads), f"{plan.paid_hours:,.0f}", plan.status,
        bound_told(plan, mixture), plan.bound_class,
        "-" if plan.gap is None else f"{plan.gap:.1%}", f"{least_slack(found.judged):+.2%}",
        f"{plan.search.simulated_days + sum(b.simulated_days for b in plan.bounds):,}", f"{spent:.0f}",
        f"{spent / unit:,.0f}", f"{usual.cost:,.2f} {usual.status}", f"{plan.cost / usual.cost:.3f}",
    ]  # fmt: skip


def estimate(desk: Scenario, plan: Plan) -> float | None:
    """What a mixture of columns around a plan costs, beside the plan's CPU; None where columns say nothing."""
    problem = problem_of(desk, "cost", FIRST_DAYS)
    if not averaging(problem):
        return None
    search = Search(
        problem=problem,
        tape=Tape(desk, 1, 0, LEAST_DAYS),
        price=lambda rows: price_of("cost", problem.table, rows, desk.horizon.interval / 3600),
        work_limit=sys.maxsize,
        stop=lambda: False,
        tell=lambda _: None,
    )
    assert plan.staffing.shifts is not None
    search.rows = problem.theory.requirement(problem.theory.levels())
    mixed(search, search.evaluate(indexed(problem.table, plan.staffing.shifts)))
    return search.mixture


def bound_told(plan: Plan, mixture: float | None) -> str:
    """The bound, and beside it what the columns estimate, which is none."""
    told = "-" if plan.bound is None else f"{plan.bound:,.2f}"
    return told if mixture is None else f"{told} (estimate {mixture:,.2f})"


def propose_usual_cost(desk: Scenario) -> Plan:
    """Erlang C and a cover, repaired until it holds."""
    return propose_usual(desk, "erlang-c-repaired", objective="cost", seed=1).plan


def least_slack(judged: tuple[TargetResult, ...]) -> float:
    """The least distance from a level to the end of the interval that counts, over all windows of shares."""
    ends = [slack(one.target, w.estimate)[1] for one in judged if one.target.is_share for w in one.windows]
    return min(ends, default=0.0)


def second(name: str) -> list[str]:
    """Plans of several seeds, every certified target verified again on at least as many days as certified it.

    One fails when the upper end of its simultaneous interval is below the level.
    """
    desk, plans, certified, failed = instance(name), [], 0, 0
    work = LIGHT if name.startswith("random") else None
    for seed in range(1, SEEDS + 1):
        found: Proposal = propose(desk, objective="cost", seed=seed, beside=(), bound=False, work_limit=work)
        days = max(SECOND, found.runs.replications)
        again = judge(experiment(desk, found.plan.staffing, replications=days, seed=1000 + seed))
        plans.append(found.plan)
        for before, after in zip(found.judged, again, strict=True):
            if before.status == "certified":
                certified += 1
                failed += clearly_missed(after)
    proved, costs = sum(plan.status == "certified" for plan in plans), [plan.cost for plan in plans]
    spread = f"{min(costs):,.2f} to {max(costs):,.2f}"
    return [name, f"{proved} of {SEEDS}", str(certified), str(failed), spread]


def write(table: str, made: list[str]) -> None:
    """Put a row into its table of the page, in place of the one of its name."""
    text = PAGE.read_text(encoding="utf-8")
    start, end = f"<!-- {table} -->\n", f"<!-- end of {table} -->"
    inside = re.search(re.escape(start) + "(.*?)" + re.escape(end), text, re.DOTALL)
    assert inside is not None, f"{PAGE} has no place for {table}"
    rows = {line.split("|")[1].strip(): line for line in inside[1].splitlines()[2:] if line.startswith("|")}
    rows[made[0]] = f"| {' | '.join(made)} |"
    order = sorted(rows, key=ALL.index)
    head = [f"| {' | '.join(TABLES[table])} |", "|" + "---|" * len(TABLES[table])]
    body = "\n".join([*head, *(rows[name] for name in order)])
    PAGE.write_text(text.replace(inside[0], f"{start}{body}\n{end}"), encoding="utf-8")


def main(words: list[str]) -> None:
    study, persons = "--study" in words, "--by-person" in words
    named = [word for word in words if word not in ("--study", "--by-person")]
    names = named or [name for name in ALL if name not in (BUNDLED[1:] if study else BUNDLED)]
    if unknown := sorted(set(names) - set(ALL)):
        sys.exit(f"no instance {', '.join(unknown)}; there are {', '.join(ALL)}")
    for name in names:
        if study:
            table, made = "study", second(name)
        elif persons:
            table, made = "by person", row(name, by_person(instance(name)))
        else:
            table, made = "plans", row(name, instance(name))
        sys.stdout.write(" | ".join(made) + "\n")
        sys.stdout.flush()
        write(table, made)


if __name__ == "__main__":
    main(sys.argv[1:])
