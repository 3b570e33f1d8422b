"""How processes end: by signals, which are noted so that work can be saved, and with a parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Whether SIGINT or SIGTERM has asked for an end, and which of them did last."""

    def __init__(self, *, second_ends: bool = True) -> None:
        """second_ends: a SIGINT that follows another signal ends at once (KeyboardInterrupt)."""
        self.signal_number: int | None = None
        self._second_ends = second_ends

    def __bool__(self) -> bool:
        return self.signal_number is not None

    def receive(self, signal_number: int, _: FrameType | None) -> None:
        """Note the signal (a handler for `signal.signal`)."""
        is_second = self.signal_number is not None
        if is_second and self._second_ends and signal_number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal_number = signal_number


@contextmanager
def catch_stop_signals(*, second_ends: bool = True) -> Iterator[StopRequest]:
    """Within the block, SIGINT and SIGTERM are noted instead of ending the process.

    Only the main thread can receive signals; in another the request stays unset.
    """
    request = StopRequest(second_ends=second_ends)
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    previous = {number: signal.signal(number, request.receive) for number in numbers}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def hold_back_interrupts() -> Iterator[None]:
    """Processes that start within the block never see SIGINT, not even while they import.

    A terminal sends Ctrl-C to all of its processes; what becomes of children is their parent's
    to decide. Windows has no such mask, and nothing changes there.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)


def end_with_parent() -> None:
    """End this process, which multiprocessing has started, as soon as its parent is gone.

    A worker of a parent that was killed would otherwise wait for its next task for ever.
    """
    parent = multiprocessing.parent_process()

    def wait_and_end() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait_and_end, daemon=True).start()
