"""Consoles that can't show everything, streams that are closed, readers that go away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

XLITE = [sys.executable, "-m", "xlite"]
SHOWS_A_TABLE = (
    "from xlite import console, streams; streams.prepare();"
    "console.table('Röntgen', ['model', 'AUROC'], [['ours ◀', '0.812 – 0.9']]);"
    "console.say('Ödem …'); raise SystemExit(streams.finish(0))"
)


def run(
    command: list[str], *, shell: str = "", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """The command, with `shell` behind it where that is given."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    if not shell:
        return subprocess.run(command, capture_output=True, env=environment, check=False)
    return subprocess.run(
        ["bash", "-c", f'"$@" {shell}', "bash", *command],
        capture_output=True,
        env=environment,
        check=False,
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_console_shows_what_it_can(encoding: str) -> None:
    done = run([sys.executable, "-c", SHOWS_A_TABLE], PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    shown = done.stdout.decode(encoding)
    expected = {
        "ascii": ("R\\xf6ntgen", "ours <", "0.812 - 0.9"),
        "cp1252": ("Röntgen", "ours <", "0.812 – 0.9"),
        "utf-8": ("Röntgen", "ours ◀", "0.812 – 0.9"),
    }
    for text in expected[encoding]:
        assert text in shown
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_help_is_shown_on_any_console(encoding: str) -> None:
    done = run([*XLITE, "train", "--help-all"], PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert b"--label-smoothing" in done.stdout


def test_a_name_that_is_no_text_is_shown_by_its_bytes(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.csv"
    done = run([*XLITE, "split", "--labels", os.fsdecode(path)])
    assert done.returncode == 2
    assert b"udcff" in done.stderr


@pytest.mark.parametrize("closing", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_end_no_command(closing: str, project, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "splits"
    command = [*XLITE, "split", "--labels", str(project.table), "--out", str(out)]
    done = run(command, shell=closing)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Error" not in done.stderr
    text = "".join(path.read_text(encoding="utf-8") for path in out.iterdir())
    assert "patients on two sides" not in text, "a message has gone into a file"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
@pytest.mark.parametrize("arguments", [["train", "--help"], ["--version"]])
def test_a_reader_that_has_gone_is_no_error(arguments: list[str]) -> None:
    done = run([*XLITE, *arguments], shell="| true; exit ${PIPESTATUS[0]}")
    assert done.returncode in (0, 1, 141)
    assert done.stderr == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk at hand")
def test_a_full_disk_under_the_output_is_said() -> None:
    done = run([*XLITE, "--version"], shell="> /dev/full")
    assert done.returncode == 2
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr
