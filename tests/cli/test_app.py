from __future__ import annotations

import subprocess
import sys
from typing import Any

import xlite as package


def test_help_shows_commands_in_panels(xlite: Any) -> None:
    result = xlite("--help")
    assert result.exit_code == 0
    for word in ("Start here", "Data", "Balance", "Training", "split", "cache-clahe", "train"):
        assert word in result.output


def test_version(xlite: Any) -> None:
    assert xlite("--version").output.strip() == f"xlite {package.__version__}"


def test_a_users_mistake_is_one_line_without_a_traceback(xlite: Any) -> None:
    result = xlite("split", "--labels", "absent.csv")
    assert result.exit_code == 2
    assert result.stderr == ("error: label table absent.csv does not exist. Pass --labels CSV.\n")


def test_debug_shows_the_traceback_too(xlite: Any) -> None:
    result = xlite("--debug", "split", "--labels", "absent.csv")
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert result.stderr.rstrip().endswith("Pass --labels CSV.")


def test_an_unknown_option_is_wrong_usage(xlite: Any) -> None:
    assert xlite("split", "--no-such-option").exit_code == 2


def test_quiet_says_nothing_but_results(project: Any, xlite: Any, tmp_path: Any) -> None:
    result = xlite("-q", "split", "--labels", project.table, "--out", tmp_path)
    assert result.exit_code == 0
    assert result.stderr == ""


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "xlite", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"xlite {package.__version__}"
