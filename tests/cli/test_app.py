from __future__ import annotations

import errno
import os
import subprocess
import sys
from typing import Any

import pytest
from typer.testing import CliRunner

import xlite as package
from xlite.cli.app import app


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
    assert result.stderr == ("error: label table absent.csv does not exist. Name a CSV file.\n")


def test_debug_shows_the_traceback_too(xlite: Any) -> None:
    result = xlite("--debug", "split", "--labels", "absent.csv")
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert result.stderr.rstrip().endswith("Name a CSV file.")


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


def fail_in(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("xlite.splitting.split.split_by_patient", fail)


def run_split(*options: str) -> Any:
    return CliRunner().invoke(app, [*options, "split", "--labels", "any.csv"])


def test_an_internal_error_is_one_line_and_70(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_in(monkeypatch, KeyError("row"))
    result = run_split()
    assert result.exit_code == 70
    assert result.stderr == (
        "error: internal error: KeyError: 'row'. Please report it with what --debug shows.\n"
    )
    shown = run_split("--debug")
    assert shown.exit_code == 70
    assert "Traceback" in shown.stderr


def test_an_internal_error_fails_the_test_that_sees_it(
    monkeypatch: pytest.MonkeyPatch, xlite: Any
) -> None:
    fail_in(monkeypatch, KeyError("row"))
    with pytest.raises(KeyError, match="row"):
        xlite("split", "--labels", "any.csv")


@pytest.mark.parametrize(
    "number",
    [
        *(errno.ENOTDIR, errno.ENAMETOOLONG, errno.EISDIR, errno.ELOOP, errno.EINVAL),
        *(errno.ENOENT, errno.EEXIST, errno.EACCES, errno.EROFS, errno.EIO),
    ],
)
def test_what_the_file_system_refuses_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    fail_in(monkeypatch, OSError(number, os.strerror(number), "some/path"))
    result = run_split()
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {os.strerror(number)}: some/path.")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 2, "Free some space"),
        (MemoryError("Unable to allocate 9.1 TiB"), 2, "memory ran out. Unable to allocate 9.1"),
        (OSError(errno.EBADF, "Bad file descriptor"), 70, "internal error: OSError"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 141, ""),
        (KeyboardInterrupt(), 130, "interrupted."),
    ],
)
def test_how_errors_end_a_command(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, message: str
) -> None:
    monkeypatch.setattr("xlite.streams._lead_nowhere", lambda: None)
    fail_in(monkeypatch, error)
    result = run_split()
    assert result.exit_code == code
    assert message in result.stderr


def test_an_import_that_ctrl_c_has_broken_is_no_internal_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = ImportError("numpy failed to load")
    broken.__context__ = KeyboardInterrupt()
    fail_in(monkeypatch, broken)
    result = run_split()
    assert (result.exit_code, result.stderr) == (130, "error: interrupted.\n")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ("train --models resnet118", "Did you mean resnet18"),
        ("train --model resnet18 --loss fcal", "Did you mean focal?"),
        ("train --models resnet18 --sampler max-entropi", "Did you mean max-entropy?"),
        ("train --models resnet18 --augment medum", "Did you mean medium?"),
        ("train --models resnet18 --pos-weight sqr", "Did you mean sqrt?"),
        ("train --models resnet18+perfomer", "Did you mean performer?"),
        ("train --models resnet18 --losses bce,focal", "xlite ablate --losses bce,focal"),
        ("ablate --model resnet18 --losses bce,fcal", "Did you mean focal?"),
        ("ablate --models resnet18,resnet43 --loss bce", "Did you mean resnet34"),
        ("ablate --model resnet18 --loss bce,focal,zlrp", "Did you mean zlpr?"),
        ("ablate --model resnet18 --vary lrr=1,2", "Did you mean lr"),
        ("ablate --model resnet18 --variant a:smpler=none", "Did you mean sampler"),
        ("compare --by val.auroccc", "Did you mean val.auroc?"),
        ("evaluate x --fit youdn", "Did you mean youden?"),
        ("evaluate x --calibrate plat", "Did you mean platt?"),
        ("cache-clahe --format pakced", "Did you mean packed?"),
        ("cache-clahe --fit padd", "Did you mean pad?"),
        ("verify-balanse", "Did you mean 'verify-balance', 'verify'?"),
    ],
)
def test_a_wrong_name_is_answered_with_those_like_it(xlite: Any, arguments: str, hint: str) -> None:
    result = xlite(*arguments.split())
    assert result.exit_code == 2
    assert hint in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [
        "ablate --model resnet18 --losses bce,fcal",
        "ablate --model resnet118 --losses bce,focal",
        "train --models resnet118",
        "train --models resnet18 --sampler max-entropi",
    ],
)
def test_a_wrong_name_is_refused_before_torch_is_imported(arguments: str) -> None:
    code = (
        "import sys\nfrom xlite.cli.app import app\n"
        f"try:\n    app({arguments.split()!r})\n"
        "except SystemExit as end:\n    print(end.code, 'torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "2 False\n", done.stderr


@pytest.mark.parametrize(
    ("own", "expected"),
    [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE"), ({"GOMP_SPINCOUNT": "7"}, None)],
)
def test_torch_is_told_to_let_waiting_threads_sleep_unless_the_user_has_chosen(
    own: dict[str, str], expected: str | None
) -> None:
    program = (
        "import os, sys; from xlite.__main__ import main\n"
        "class Watch:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'torch':\n"
        "            print(os.environ.get('OMP_WAIT_POLICY'), flush=True)\n"
        "            os._exit(0)\n"
        "import xlite.cli.app\n"
        "assert 'torch' not in sys.modules\n"
        "assert os.environ.get('OMP_WAIT_POLICY') == OWN, 'importing changes nothing'\n"
        "sys.meta_path.insert(0, Watch()); sys.argv[1:] = ['models', 'resnet18']; main()\n"
    )
    names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
    environment = {key: value for key, value in os.environ.items() if key not in names} | own
    program = f"OWN = {own.get('OMP_WAIT_POLICY')!r}\n{program}"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == [str(expected)], done.stderr
