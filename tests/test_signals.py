from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from xlite.signals import StopRequest, catch_stop_signals, hold_back_interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_noted_and_the_handlers_come_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with catch_stop_signals() as stop:
        assert not stop
        os.kill(os.getpid(), number)
        assert stop
        assert stop.signal_number == number
    assert signal.getsignal(number) is before


def test_nohup_is_respected() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with catch_stop_signals() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_interrupt_ends_at_once() -> None:
    stop = StopRequest()
    stop.receive(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt):
        stop.receive(signal.SIGINT, None)


def test_where_a_second_one_may_not_end_it_is_noted_like_the_first() -> None:
    stop = StopRequest(second_ends=False)
    stop.receive(signal.SIGTERM, None)
    stop.receive(signal.SIGINT, None)
    assert stop.signal_number == signal.SIGINT


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="this system masks no signals")
def test_processes_that_start_within_the_block_never_see_an_interrupt() -> None:
    command = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGINT)"]
    with hold_back_interrupts():
        assert subprocess.run(command, check=False).returncode == 0
    outside = subprocess.run(command, check=False, stderr=subprocess.DEVNULL)
    assert outside.returncode == -signal.SIGINT
