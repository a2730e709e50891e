"""Where replications run: one after another, or side by side in threads. Results never depend on which.

A thin cover over `concurrent.futures`: tasks are started in order, a few ahead of what is asked for, and their
results come back in order.
"""

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def in_order(task: Callable[[int], Result], numbers: range, workers: int = 1) -> Generator[Result, None, None]:
    """`task(number)` for each number, in order, by this many threads; ending early waits for what is under way."""
    if workers < 1:
        raise ValueError(f"workers is {workers}: at least 1")
    if workers == 1:
        yield from map(task, numbers)
        return
    with ThreadPoolExecutor(workers) as pool:
        try:
            yield from _ahead(task, numbers, pool, 2 * workers)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _ahead(task: Callable[[int], Result], numbers: range, pool: Executor, most: int) -> Generator[Result, None, None]:
    """At most `most` tasks are under way or waiting to be fetched, so that memory stays flat."""
    running: deque[Future[Result]] = deque()
    for number in numbers:
        running.append(pool.submit(task, number))
        if len(running) == most:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()
