"""Where commands may not write, they say so before they work; what is not theirs they leave."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def without_privileges() -> list[str]:
    """What to put before a command so that permissions bind it even when root runs the tests."""
    if os.name == "nt":
        pytest.skip("Windows has other permissions")
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("permissions don't bind root, and setpriv is not at hand")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "locked"
    (folder / "experiments" / "runs").mkdir(parents=True)
    for path in (folder / "experiments" / "runs", folder / "experiments", folder):
        path.chmod(0o555)
    yield folder
    for path in (folder, folder / "experiments", folder / "experiments" / "runs"):
        path.chmod(0o755)


@pytest.mark.parametrize(
    "command",
    [
        "train --models test_resnet --split {split} --cache {cache}",
        "ablate --model test_resnet --split {split} --cache {cache}",
        "compare --split {split}",
        "report --split {split}",
        "log add",
        "split --labels {table}",
        "cache-clahe --labels {table} --images {images}",
        "verify-balance --labels {table}",
        "demo",
    ],
)
def test_a_folder_that_can_not_be_written_is_said_at_once(
    project: Any, read_only: Path, command: str
) -> None:
    words = command.format(**vars(project)).split()
    done = subprocess.run(
        [*without_privileges(), sys.executable, "-m", "xlite", *words],
        cwd=read_only,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "can't be written" in done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, "nothing was done before"


def test_a_page_replaces_pages_alone(project: Any, tmp_path: Path, xlite: Any) -> None:
    out = tmp_path / "results.csv"
    out.write_text("my,work\n")
    command = ("report", "--out", out, "--split", project.split, "--cache", project.cache)
    command = (*command, "--experiments", tmp_path / "none")
    refused = xlite(*command)
    assert refused.exit_code == 2
    assert "was not written by this command" in refused.stderr
    assert out.read_text() == "my,work\n"
    assert xlite(*command, "--overwrite").exit_code == 0
    assert xlite(*command).exit_code == 0, "by now it is a page of ours"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("out", ["/dev/full", "/dev/null", "/proc/page.html", "f/page.html"])
def test_a_page_goes_to_no_device_nor_below_a_file(
    project: Any, tmp_path: Path, xlite: Any, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("f").write_text("a file")
    result = xlite("report", "--out", out, "--split", project.split)
    assert result.exit_code == 2
    assert "Pass another --out" in result.stderr or "or pass another --out" in result.stderr
    assert Path("f").read_text() == "a file"
    assert Path("/dev/null").is_char_device()


@pytest.mark.skipif(os.name == "nt", reason="links need privileges there")
def test_a_log_that_is_a_link_is_left_alone(tmp_path: Path, xlite: Any) -> None:
    diary = tmp_path / "diary.md"
    diary.write_text("Dear diary\n")
    experiments = tmp_path / "experiments"
    experiments.mkdir()
    (experiments / "EXPERIMENT_LOG.md").symlink_to(diary)
    for command in (
        ("log", "add", "--experiments", experiments),
        ("train", "--models", "test_resnet", "--out", experiments),
    ):
        result = xlite(*command)
        assert result.exit_code == 2
        assert "is a link" in result.stderr
    assert diary.read_text() == "Dear diary\n"
    assert (experiments / "EXPERIMENT_LOG.md").is_symlink()


@pytest.mark.parametrize(
    "options", [("--batches", 10**8), ("--batch-size", 10**9), ("--batches", 10**30)]
)
def test_more_draws_than_a_minute_allows_are_refused(
    project: Any, tmp_path: Path, xlite: Any, options: tuple[str, int]
) -> None:
    result = xlite("verify-balance", "--labels", project.table, "--out", tmp_path, *options)
    assert result.exit_code == 2
    assert "20,000,000 that are drawn at most" in result.stderr


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ({"COLUMNS": "20"}, "split --audit {split}/train.csv {split}/val.csv"),
        ({"COLUMNS": "1"}, "status --help"),
        ({"COLUMNS": "none"}, "split --audit {split}/train.csv {split}/val.csv"),
        ({"HOME": None, "TERM": None, "XDG_CACHE_HOME": None}, "verify-balance --labels {table}"),
        ({"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0"}, "split --labels {table} --out s"),
        ({"TERM": "dumb", "NO_COLOR": "1"}, "split --audit {split}/train.csv {split}/val.csv"),
    ],
)
def test_an_unusual_environment_ends_no_command(
    project: Any, tmp_path: Path, environment: dict[str, str | None], command: str
) -> None:
    wanted = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    done = subprocess.run(
        [sys.executable, "-m", "xlite", *command.format(**vars(project)).split()],
        cwd=tmp_path,
        env={name: value for name, value in wanted.items() if value is not None},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
