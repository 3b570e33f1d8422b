"""A study's ledger under many agents, simulated: `python -m benchmarks.study_scale`.

Nothing is trained and no clock runs: agents are states in a queue of events, and the file server is
the latencies of its operations: those assumed of a network folder, a read of 1 ms and an entry
(create, flush, link, unlink) of 20 ms; the disk here is measured beside them. What is simulated
is the protocol of `xlite.studies.ledger`: read what is new, append behind it, and look again where
another was faster. Prints a table and writes `benchmarks/study_scale.json`.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from statistics import median

from benchmarks.__main__ import describe_machine
from xlite import console, files
from xlite.studies.ledger import Ledger
from xlite.studies.ledger_entries import Claim, End, entry_time

RESULTS = Path(__file__).with_name("study_scale.json")

_SETTINGS = (
    # agents, items, mean seconds of an item
    (1, 1_000, 60.0),
    (10, 10_000, 60.0),
    (100, 100_000, 60.0),
    (1_000, 100_000, 600.0),
    (1_000, 100_000, 60.0),
    (1_000, 100_000, 10.0),
)
_SECONDS_TO_DEATH = 24 * 3600.0
"""The mean time after which an agent dies; another is started in its place."""
_SILENCE_SECONDS = 180.0
_WINDOW_SECONDS = 10.0
_READS_AT_ONCE = 1000
"""So that a fresh agent's reading of everything is counted over the time that it takes."""


@dataclass(frozen=True)
class Latencies:
    """Seconds of an operation on the ledger's folder."""

    read: float
    append: float


NETWORK = Latencies(read=0.001, append=0.02)
"""Assumed of a folder that a file server gives to many machines."""


@dataclass
class Totals:
    """What a simulated study came to."""

    agents: int
    items: int
    mean_seconds: float
    makespan_seconds: float = 0.0
    ideal_seconds: float = 0.0
    entries: int = 0
    appends_tried: int = 0
    reads: int = 0
    lost: int = 0
    """Items whose agent died over them; each was done again from its start."""
    busiest_operations_a_second: float = 0.0
    longest_start_seconds: float = 0.0
    """From the start to the last agent's first claim."""

    @property
    def overhead(self) -> float:
        """Share of the time beyond what the work alone takes."""
        return self.makespan_seconds / self.ideal_seconds - 1


@dataclass
class _Agent:
    seen: int = 0
    item: int | None = None
    has_begun: bool = False
    is_ending: bool = False
    num_losses: int = 0


@dataclass
class _Study:
    """The events of one study, in the order of their time."""

    totals: Totals
    latencies: Latencies
    random: Random
    length: int = 0
    open_items: list[int] = field(default_factory=list)
    num_done: int = 0
    now: float = 0.0
    events: list[tuple[float, int, Callable[[int], None], int]] = field(default_factory=list)
    operations: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.order = itertools.count()
        self.agents = [_Agent() for _ in range(self.totals.agents)]
        self.open_items = list(range(self.totals.items))[::-1]

    def run(self) -> Totals:
        """Let all items be done."""
        for number in range(len(self.agents)):
            self._plan(self._look, number, self.random.random())
        while self.num_done < self.totals.items:
            self.now, _, event, number = heapq.heappop(self.events)
            event(number)
        totals = self.totals
        totals.makespan_seconds, totals.entries = self.now, self.length
        busiest = max(self.operations.values()) / _WINDOW_SECONDS
        totals.busiest_operations_a_second = busiest
        return totals

    def _plan(self, event: Callable[[int], None], number: int, seconds: float) -> None:
        heapq.heappush(self.events, (self.now + seconds, next(self.order), event, number))

    def _count(self, operations: int) -> None:
        self.operations[int(self.now / _WINDOW_SECONDS)] += operations

    def _look(self, number: int) -> None:
        """Read what is new, and go on once nothing is."""
        agent = self.agents[number]
        news = min(self.length - agent.seen, _READS_AT_ONCE)
        self.totals.reads += news
        self._count(news + 1)
        agent.seen += news
        if news:
            self._plan(self._look, number, news * self.latencies.read)
        elif agent.is_ending or self.open_items:
            self._plan(self._append, number, self.latencies.append)
        else:
            self._plan(self._look, number, 5.0)

    def _append(self, number: int) -> None:
        """The link is made now, if nobody was faster."""
        agent = self.agents[number]
        self.totals.appends_tried += 1
        self._count(4)  # create, flush, link, unlink
        if agent.seen != self.length:
            agent.num_losses += 1
            # Some wait, so that of a thousand that begin together not all lose again and again.
            longest = self.latencies.append * min(2**agent.num_losses, 512)
            self._plan(self._look, number, self.random.uniform(0, longest))
            return
        self.length += 1
        agent.seen, agent.num_losses = self.length, 0
        if agent.is_ending:
            self.num_done += 1
            agent.item, agent.is_ending = None, False
            self._plan(self._look, number, 0.0)
        elif self.open_items:
            self._begin(number, agent)

    def _begin(self, number: int, agent: _Agent) -> None:
        if not agent.has_begun:
            agent.has_begun, self.totals.longest_start_seconds = True, self.now
        agent.item = self.open_items.pop()
        seconds = self.random.expovariate(1 / self.totals.mean_seconds)
        death = self.random.expovariate(1 / _SECONDS_TO_DEATH)
        if death < seconds:
            self._plan(self._die, number, death)
        else:
            self.totals.ideal_seconds += seconds / self.totals.agents
            self._plan(self._finish, number, seconds)

    def _finish(self, number: int) -> None:
        self.agents[number].is_ending = True
        self._look(number)

    def _die(self, number: int) -> None:
        """The item is free once the silence was noticed; a fresh agent has to read everything."""
        self.totals.lost += 1
        item = self.agents[number].item
        assert item is not None
        self.agents[number] = _Agent(has_begun=True)
        self._plan(self._look, number, 1.0)
        self._plan(self._release, item, _SILENCE_SECONDS)

    def _release(self, item: int) -> None:
        self.length += 1  # whoever of all the agents is first
        self.open_items.append(item)


def simulate(agents: int, items: int, mean_seconds: float, latencies: Latencies) -> Totals:
    """What a study of so many items comes to, each of exponential length."""
    return _Study(Totals(agents, items, mean_seconds), latencies, Random(0)).run()


def measure_latencies(num_entries: int = 300) -> Latencies:
    """Seconds of a read and an append on this disk, flushed: medians."""
    with tempfile.TemporaryDirectory() as scratch:
        writer, reader = (Ledger(Path(scratch) / "ledger") for _ in range(2))
        appends, reads = [], []
        for number in range(num_entries // 2):
            claim = Claim(at=entry_time(), agent="agent", item=f"train:E:s{number}")
            end = End(at=entry_time(), agent="agent", item=claim.item, outcome="finished")
            for entry in (claim, end):
                begun = time.perf_counter()
                writer.append(entry)
                appends.append(time.perf_counter() - begun)
                begun = time.perf_counter()
                reader.refresh()
                reads.append(time.perf_counter() - begun)
    return Latencies(read=median(reads), append=median(appends))


def main() -> None:
    """Simulate all settings, or, with `--quick`, the smallest."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.study_scale", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    is_quick = parser.parse_args().quick
    disk = measure_latencies()
    rows = []
    for agents, items, seconds in _SETTINGS[: 1 if is_quick else None]:
        totals = simulate(agents, items, seconds, NETWORK)
        rows.append(asdict(totals) | {"overhead": totals.overhead})
        console.say(_describe(totals))
    if not is_quick:
        record = {
            "machine": describe_machine(),
            "disk": asdict(disk),
            "network": asdict(NETWORK),
            "rows": rows,
        }
        files.write_json(RESULTS, record)
        console.say(f"written: {RESULTS}")


def _describe(totals: Totals) -> str:
    return (
        f"{totals.agents} agents, {totals.items} items of {totals.mean_seconds:g} s: "
        f"{100 * totals.overhead:.1f} % over the ideal, {totals.entries} files, "
        f"{totals.appends_tried / totals.entries:.2f} tries an entry, {totals.reads} reads, "
        f"{totals.busiest_operations_a_second:.0f} operations a second at most, {totals.lost} lost"
    )


if __name__ == "__main__":
    main()
