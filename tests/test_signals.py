from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux can do it")
@pytest.mark.parametrize("ends_first", [False, True])
def test_a_process_is_told_of_the_end_of_the_one_that_started_it(
    tmp_path: Path, ends_first: bool
) -> None:
    told = tmp_path / "told"
    child = (
        "import pathlib, signal, sys, time\n"
        "from xlite.signals import end_with_starter\n"
        f"signal.signal(15, lambda *_: (pathlib.Path({str(told)!r}).touch(), sys.exit()))\n"
        f"time.sleep({int(ends_first)})\n"
        "end_with_starter(int(sys.argv[1]))\n"
        "print('begun', flush=True)\n"
        "time.sleep(30)\n"
    )
    starter = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', sys.argv[1], str(os.getpid())],"
        " stdout=subprocess.PIPE)\n"
        f"{ends_first} or child.stdout.readline()\n"
    )
    subprocess.run([sys.executable, "-c", starter, child], check=True)
    for _ in range(100):
        if told.exists():
            return
        time.sleep(0.1)
    pytest.fail("the child was not told")
