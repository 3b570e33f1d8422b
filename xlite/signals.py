"""How processes end: by signals, which are noted so that work can be saved, and with a parent.

The first thing that the command imports, so it imports little itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""


class StopRequest:
    """Whether SIGINT, SIGTERM or SIGHUP has asked for an end, and which of them did last."""

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


def end_at_once_on_interrupt() -> None:
    """From now on Ctrl-C ends the process with one line and exit code 130, wherever it is.

    For the time before a command has begun, when there is nothing to save: a KeyboardInterrupt
    in the middle of an import ends in a traceback, or in whatever the module makes of it. Where
    the process was started with interrupts ignored, as in a background job, they stay ignored.
    One that `hold_back_interrupts` has kept from this process arrives now.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end_at_once)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


@contextmanager
def raise_on_interrupt() -> Iterator[None]:
    """Within the block Ctrl-C raises KeyboardInterrupt, after `end_at_once_on_interrupt`.

    Not in the middle of an import: a package that tries optional ones may take the interrupt for
    their absence (one of numpy's import was seen to vanish like that). There the process ends.
    """
    is_ending = signal.getsignal(signal.SIGINT) is _end_at_once
    if is_ending:
        signal.signal(signal.SIGINT, _raise_outside_imports)
    try:
        yield
    finally:
        if is_ending:
            signal.signal(signal.SIGINT, _end_at_once)


def _raise_outside_imports(signal_number: int, frame: FrameType | None) -> None:
    asked = frame
    while asked is not None:
        if asked.f_code.co_filename == "<frozen importlib._bootstrap>":
            _end_at_once(signal_number, frame)
        asked = asked.f_back
    raise KeyboardInterrupt


def _end_at_once(_: int, __: FrameType | None) -> None:
    with contextlib.suppress(OSError):
        os.write(2, b"error: interrupted.\n")
    os._exit(128 + signal.SIGINT)


@contextmanager
def catch_stop_signals(*, second_ends: bool = True) -> Iterator[StopRequest]:
    """Within the block, SIGINT, SIGTERM and SIGHUP are noted instead of ending the process.

    SIGHUP says that the terminal has gone, and stays ignored under nohup. Only the main thread can
    receive signals; in another the request stays unset.
    """
    request = StopRequest(second_ends=second_ends)
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    previous = {number: signal.signal(number, request.receive) for number in numbers}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


StopSource = Callable[[], AbstractContextManager[StopRequest]]
"""What gives a request to stop while work can heed it: `catch_stop_signals`, `heed_no_signals`."""


@contextmanager
def heed_no_signals() -> Iterator[StopRequest]:
    """A request that nothing sets: a library changes no handler of the process that calls it."""
    yield StopRequest()


@contextmanager
def hold_back_interrupts(*others: signal.Signals) -> Iterator[None]:
    """Processes that start within the block never see SIGINT, not even while they import.

    A terminal sends Ctrl-C to all of its processes; what becomes of children is their parent's
    to decide. others: signals that are held back as well, as SIGTERM, which Slurm sends to every
    process of a job. Windows has no such mask, and nothing changes there.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *others})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)


def end_with_parent() -> None:
    """End this process, which multiprocessing has started, as soon as its parent is gone.

    A worker of a parent that was killed would otherwise wait for its next task for ever.
    """
    import multiprocessing

    parent = multiprocessing.parent_process()

    def wait_and_end() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait_and_end, daemon=True).start()


def end_with_starter(starter: int) -> None:
    """Have this process get SIGTERM when the one that started it, of the id `starter`, is gone.

    For a process that `multiprocessing` has not started and that shall still save then. Only Linux
    can do it; elsewhere nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != starter:  # it was gone before
        os.kill(os.getpid(), signal.SIGTERM)
