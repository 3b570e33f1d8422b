"""A command that runs in a process of its own, and ends with the one that started it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from xlite.errors import InterruptedRunError
from xlite.signals import StopRequest, catch_stop_signals, hold_back_interrupts

_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 2.0


class ChildCommand:
    """A running command, and the signals that are passed on to it."""

    def __init__(self, process: subprocess.Popen[bytes], stop: StopRequest, name: str) -> None:
        self._process, self._stop, self._name = process, stop, name

    @property
    def returncode(self) -> int:
        """The exit code of a command that has ended."""
        assert self._process.returncode is not None
        return self._process.returncode

    def is_running(self) -> bool:
        """Wait a moment; whether the command still runs then.

        When a signal has asked this process to end the command is ended, too, and
        InterruptedRunError raised.
        """
        try:
            self._process.wait(_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            if self._stop:
                self._end()
            return True
        if self._stop:
            self._raise_stopped()
        return False

    def wait(self) -> None:
        """Wait for the command's end, as `is_running` does."""
        while self.is_running():
            pass

    def send(self, signal_number: int) -> None:
        """Send a signal to the command."""
        self._process.send_signal(signal_number)

    def _end(self) -> None:
        # Ctrl-C has reached it from the terminal by itself, and twice would cost it its state.
        deadline = time.monotonic() + _PATIENCE_SECONDS
        if self._stop.signal_number == signal.SIGINT:
            while self._process.poll() is None and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()
        self._raise_stopped()

    def _raise_stopped(self) -> None:
        raise InterruptedRunError(
            f"stopped in `{self._name}`. The same command continues from there.",
            signal_number=self._stop.signal_number or signal.SIGTERM,
        )


@contextmanager
def start_command(arguments: Sequence[str], *, name: str) -> Iterator[ChildCommand]:
    """Python with `arguments` in a process that does not outlive the block.

    A signal that asks this process to end is passed on to it first, so that it can save its state.
    """
    with catch_stop_signals(second_ends=True) as stop:
        # It lets them through as soon as it can answer in one line.
        with hold_back_interrupts():
            process = subprocess.Popen([sys.executable, *arguments])
        try:
            yield ChildCommand(process, stop, name)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
