"""Timing in turns, and the rows of `results.json`.

Contenders run one after the other, round after round, so that whatever else the machine does
falls on all of them. A ratio is taken within each round; the rounds give its median and spread.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Literal, TypedDict

Work = Callable[[], int]
"""What a contender does in a round; it returns how many units that were (1 for a whole)."""
Bound = Literal["at least", "at most"]
Seconds = Mapping[str, Sequence[float]]
"""Seconds for one unit of work: one value a round, for each contender."""


class Row(TypedDict):
    """One line of the table: xlite against one peer."""

    name: str
    unit: str
    """Of `ours` and `peer`, which are medians over the rounds: "images/s", or "s" for a whole."""
    ours: float
    peer: float
    ratio: float
    """Median of ours / peer over the rounds."""
    spread: tuple[float, float]
    """Smallest and largest ours / peer of a round."""
    bound: Bound
    """Which side of `target` the ratio has to be on."""
    target: float | None
    """None where the row is for information."""
    met: bool | None


def time_in_turns(
    contenders: Mapping[str, Work], *, rounds: int = 3, warm_up: bool = True
) -> dict[str, list[float]]:
    """Seconds for one unit of work, by contender: a list with one value a round.

    With `warm_up` one round goes first that is not counted: imports, caches of the system,
    worker processes.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + warm_up):
        for name, work in contenders.items():
            started = time.perf_counter()
            num_units = work()
            elapsed = time.perf_counter() - started
            if turn >= warm_up:
                seconds[name].append(elapsed / num_units)
    return seconds


@contextmanager
def in_own_processes(preparations: Mapping[str, Callable[[], Work]]) -> Iterator[dict[str, Work]]:
    """The contenders that the preparations give, each prepared and working in its own process.

    So that none gains or loses by what another has set in the process: allocator, threads.
    """
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:

        def start(prepare: Callable[[], Work]) -> Work:
            pool = stack.enter_context(ProcessPoolExecutor(1, context, _prepare, (prepare,)))
            return lambda: pool.submit(_work_here).result()

        yield {name: start(prepare) for name, prepare in preparations.items()}


_work: Work | None = None


def _prepare(prepare: Callable[[], Work]) -> None:
    global _work
    _work = prepare()


def _work_here() -> int:
    assert _work is not None
    return _work()


def compare_rates(
    name: str, seconds: Seconds, *, ours: str, peer: str, target: float | None, unit: str
) -> Row:
    """The row of units a second: `ours` is to have at least `target` times as many as `peer`.

    >>> seconds = {"us": [0.1, 0.2], "them": [0.3, 0.4]}
    >>> row = compare_rates("x", seconds, ours="us", peer="them", target=2, unit="images/s")
    >>> round(row["ratio"], 3), row["met"]
    (2.5, True)
    """
    rates = {key: [1 / one for one in seconds[key]] for key in (ours, peer)}
    return _compare(name, rates[ours], rates[peer], bound="at least", target=target, unit=unit)


def compare_times(
    name: str, seconds: Seconds, *, ours: str, peer: str, target: float | None
) -> Row:
    """The row of seconds: `ours` is to take at most `target` times as long as `peer`."""
    return _compare(name, seconds[ours], seconds[peer], bound="at most", target=target, unit="s")


def compare_with_limit(name: str, values: Sequence[float], *, limit: float, unit: str) -> Row:
    """The row of a cost, one value a round, that is to be at most `limit`: a ratio of 1.

    >>> row = compare_with_limit("x", [0.2, 0.1, 0.4], limit=0.4, unit="s")
    >>> row["ratio"], row["spread"], row["met"]
    (0.5, (0.25, 1.0), True)
    """
    limits = [limit] * len(values)
    return _compare(name, values, limits, bound="at most", target=1, unit=unit)


def is_met(ratio: float, *, bound: Bound, target: float | None) -> bool | None:
    """Whether the ratio is on the right side of the target; None where there is no target."""
    if target is None:
        return None
    return ratio >= target if bound == "at least" else ratio <= target


def _compare(
    name: str,
    ours: Sequence[float],
    peer: Sequence[float],
    *,
    bound: Bound,
    target: float | None,
    unit: str,
) -> Row:
    ratios = [mine / other for mine, other in zip(ours, peer, strict=True)]
    ratio = statistics.median(ratios)
    return Row(
        name=name,
        unit=unit,
        ours=statistics.median(ours),
        peer=statistics.median(peer),
        ratio=ratio,
        spread=(min(ratios), max(ratios)),
        bound=bound,
        target=target,
        met=is_met(ratio, bound=bound, target=target),
    )
