from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

import pytest

from xlite.errors import CheckFailedError, InputError
from xlite.files import write_json
from xlite.run_folder import signs_of_life
from xlite.run_folder.lock import hold_lock, is_held
from xlite.run_folder.signs_of_life import LOCK, LOCK_RECORD, read_owner

HOLD = """
import sys
from pathlib import Path
from xlite.run_folder.lock import hold_lock
with hold_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""

# The parent trains; its child is what a loader worker or a tool forked off would be.
HOLD_AND_FORK = """
import os, sys
from pathlib import Path
from xlite.run_folder.lock import hold_lock
with hold_lock(Path(sys.argv[1])):
    child = os.fork()
    if child == 0 and sys.argv[2] == "unwinds":
        sys.exit()
    if child == 0:
        sys.stdin.read()
        os._exit(0)
    if sys.argv[2] == "unwinds":
        os.waitpid(child, 0)
    print(child, flush=True)
    sys.stdin.read()
"""

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks processes")


class OtherProcess:
    """A Python process that runs `code`; gone at the end of the block."""

    def __init__(self, code: str, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.pid = self.process.pid

    def read_line(self) -> str:
        """The next line that it writes, "" when it has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def write_record(run_dir: Path, *, host: str, seconds_silent: float) -> None:
    record = run_dir / LOCK_RECORD
    record.write_text(json.dumps({"host": host, "pid": 4711, "started": "2026-01-02T03:04:05"}))
    last = time.time() - seconds_silent
    os.utime(record, (last, last))


def test_the_lock_names_its_owner_and_leaves_no_record(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    assert not list(tmp_path.iterdir()), "looking must not create anything"
    with hold_lock(tmp_path):
        owner = read_owner(tmp_path)
        assert owner is not None
        assert (owner.host, owner.pid) == (platform.node(), os.getpid())
        assert is_held(tmp_path)
    assert not is_held(tmp_path)
    assert read_owner(tmp_path) is None
    with hold_lock(tmp_path):
        assert is_held(tmp_path)


def test_the_lock_is_released_when_training_fails(tmp_path: Path) -> None:
    num_threads = threading.active_count()
    with pytest.raises(ZeroDivisionError), hold_lock(tmp_path):
        _ = 1 / 0
    assert not is_held(tmp_path)
    assert read_owner(tmp_path) is None
    assert threading.active_count() == num_threads


def test_a_second_process_is_refused_and_told_who_trains(tmp_path: Path) -> None:
    with OtherProcess(HOLD, tmp_path) as holder:
        assert holder.read_line() == "held"
        assert is_held(tmp_path)
        message = f"process {holder.pid} on .* has been training .*{tmp_path.name} since 2.*--out"
        with pytest.raises(CheckFailedError, match=message), hold_lock(tmp_path):
            pytest.fail("two processes train one run")
        owner = read_owner(tmp_path)
        assert owner is not None
        assert owner.pid == holder.pid, "the refused process must not touch the record"


def test_of_two_processes_that_start_together_one_trains(tmp_path: Path) -> None:
    with OtherProcess(HOLD, tmp_path) as first, OtherProcess(HOLD, tmp_path) as second:
        assert sorted([first.read_line(), second.read_line()]) == ["", "held"]


def test_the_lock_of_a_killed_process_is_taken_over_and_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with OtherProcess(HOLD, tmp_path) as holder:
        assert holder.read_line() == "held"
        holder.kill()
        assert (tmp_path / LOCK_RECORD).exists(), "ensure that the process had no time to tidy"
        assert not is_held(tmp_path)
        with hold_lock(tmp_path):
            assert read_owner(tmp_path).pid == os.getpid()  # type: ignore[union-attr]
    said = capsys.readouterr().err
    assert f"continues after process {holder.pid}" in said
    assert "without releasing" in said


def test_another_host_that_gives_signs_of_life_is_respected(tmp_path: Path) -> None:
    write_record(tmp_path, host="elsewhere", seconds_silent=100)
    before = (tmp_path / LOCK_RECORD).stat().st_mtime_ns
    assert is_held(tmp_path)
    message = r"process 4711 on elsewhere.*since 2026-01-02.* is 10\d s old.*3 minutes.*delete"
    with pytest.raises(CheckFailedError, match=message), hold_lock(tmp_path):
        pytest.fail("two hosts train one run")
    assert read_owner(tmp_path).host == "elsewhere"  # type: ignore[union-attr]
    assert (tmp_path / LOCK_RECORD).stat().st_mtime_ns == before
    # The refused process holds nothing: once the other host is silent, the next try succeeds.
    write_record(tmp_path, host="elsewhere", seconds_silent=181)
    with hold_lock(tmp_path):
        assert is_held(tmp_path)


def test_another_host_that_fell_silent_is_taken_over_and_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_record(tmp_path, host="elsewhere", seconds_silent=7200)
    assert not is_held(tmp_path)
    with hold_lock(tmp_path):
        assert read_owner(tmp_path).host == platform.node()  # type: ignore[union-attr]
    assert "process 4711 on elsewhere" in capsys.readouterr().err


def test_silence_is_measured_by_the_file_servers_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_record(tmp_path, host="elsewhere", seconds_silent=0)
    ahead = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: ahead)
    with pytest.raises(CheckFailedError, match="elsewhere"), hold_lock(tmp_path):
        pytest.fail("a clock that is ahead must not make the other host look dead")


def test_a_sign_of_life_from_the_future_is_explained(tmp_path: Path) -> None:
    owner = {"host": "elsewhere", "pid": 7, "started": "2030-01-01T00:00:00+00:00"}
    write_json(tmp_path / LOCK_RECORD, owner)
    ahead = time.time() + 86400
    os.utime(tmp_path / LOCK_RECORD, (ahead, ahead))
    with (
        pytest.raises(CheckFailedError, match=r"1440 minutes in the future.*delete .*\.lock\.json"),
        hold_lock(tmp_path),
    ):
        pass
    # On this host the kernel's lock decides, whatever the clock says.
    write_json(tmp_path / LOCK_RECORD, {**owner, "host": platform.node()})
    os.utime(tmp_path / LOCK_RECORD, (ahead, ahead))
    assert not is_held(tmp_path)
    with hold_lock(tmp_path):
        assert is_held(tmp_path)


def test_a_lock_that_is_a_folder_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / LOCK).mkdir()
    assert not is_held(tmp_path)
    with pytest.raises(InputError, match="can't be locked"), hold_lock(tmp_path):
        pass


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"host": "x"}', '{"host": 1, "pid": "x"}'])
def test_a_damaged_record_counts_as_absent(tmp_path: Path, content: str) -> None:
    (tmp_path / LOCK_RECORD).write_text(content)
    assert read_owner(tmp_path) is None
    assert not is_held(tmp_path)
    with hold_lock(tmp_path):
        assert read_owner(tmp_path) is not None
        (tmp_path / LOCK_RECORD).write_text(content)
        assert is_held(tmp_path)
        with pytest.raises(CheckFailedError, match="another process"), hold_lock(tmp_path):
            pytest.fail("the lock does not depend on its record")


def test_the_record_is_touched_while_training_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signs_of_life, "HEARTBEAT_SECONDS", 0.01)
    record = tmp_path / LOCK_RECORD
    with hold_lock(tmp_path):
        write_record(tmp_path, host="x", seconds_silent=500)
        deadline = time.monotonic() + 20
        while time.time() - record.stat().st_mtime > 400:
            assert time.monotonic() < deadline, "no heartbeat"
            time.sleep(0.01)
        # A record that is gone does not disturb training, nor is it made again.
        record.unlink()
        time.sleep(0.05)
        assert not record.exists()


def test_the_record_of_a_successor_is_left_alone(tmp_path: Path) -> None:
    with hold_lock(tmp_path):
        write_record(tmp_path, host="successor", seconds_silent=0)
    assert read_owner(tmp_path).host == "successor"  # type: ignore[union-attr]


@needs_fork
def test_a_forked_child_that_ends_does_not_release_the_lock(tmp_path: Path) -> None:
    with OtherProcess(HOLD_AND_FORK, tmp_path, "unwinds") as holder:
        assert holder.read_line()
        assert is_held(tmp_path)
        assert read_owner(tmp_path).pid == holder.pid  # type: ignore[union-attr]


@needs_fork
def test_a_forked_child_does_not_keep_the_lock_of_a_killed_parent(tmp_path: Path) -> None:
    with OtherProcess(HOLD_AND_FORK, tmp_path, "stays") as holder:
        child = int(holder.read_line())
        try:
            holder.kill()
            os.kill(child, 0)  # ensure that the child outlives its parent
            with hold_lock(tmp_path):
                assert is_held(tmp_path)
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_folder_that_can_not_be_locked_is_named(tmp_path: Path) -> None:
    (tmp_path / LOCK).mkdir()
    with pytest.raises(InputError, match="can't be locked.*--out"), hold_lock(tmp_path):
        pytest.fail("nothing was locked")


@pytest.mark.parametrize("name", [LOCK, LOCK_RECORD])
def test_a_folder_in_the_place_of_a_lock_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert not is_held(tmp_path)
    with pytest.raises(InputError, match=name), hold_lock(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [name]
