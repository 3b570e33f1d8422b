from __future__ import annotations

import os
import socket

import pytest

from xlite.errors import InputError
from xlite.settings import Runtime
from xlite.training.launcher import announce_launch, count_processes

VARIABLES = (
    *("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "MASTER_ADDR"),
    *("MASTER_PORT", "TORCHELASTIC_RUN_ID", "TORCHELASTIC_USE_AGENT_STORE", "XLITE_MAIN_PROCESS"),
)
TORCHRUN = {
    **{"RANK": "1", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4"},
    **{"MASTER_ADDR": "127.0.0.1", "TORCHELASTIC_RUN_ID": "none"},
    "TORCHELASTIC_USE_AGENT_STORE": "True",
}


@pytest.fixture(autouse=True)
def _empty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        # Set first, so that what a test sets by other ways is taken back, too.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def set_all(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_the_options_count_when_nobody_else_has_started_it() -> None:
    assert count_processes(Runtime(devices=2)) == (2, 1)


def test_several_machines_without_a_launcher_are_refused() -> None:
    with pytest.raises(InputError, match="--nodes 2 needs torchrun or Slurm"):
        count_processes(Runtime(num_nodes=2))


@pytest.mark.parametrize(
    "left", [{"RANK": "0", "WORLD_SIZE": "2"}, {"LOCAL_RANK": "1"}, {"WORLD_SIZE": "two"}]
)
def test_variables_that_were_left_are_named(
    monkeypatch: pytest.MonkeyPatch, left: dict[str, str]
) -> None:
    set_all(monkeypatch, **left)
    with pytest.raises(InputError, match=f"Run `unset {' '.join(left)}`"):
        count_processes(Runtime())


def test_torchrun_is_believed_while_its_agent_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as agent:
        set_all(monkeypatch, **TORCHRUN, MASTER_PORT=str(agent.getsockname()[1]))
        assert count_processes(Runtime()) == (4, 2)
    with pytest.raises(InputError, match="nothing answers at 127.0.0.1.*unset RANK WORLD_SIZE"):
        count_processes(Runtime())


@pytest.mark.parametrize("fault", [{"WORLD_SIZE": "many"}, {"MASTER_PORT": ""}])
def test_torchruns_variables_have_to_be_numbers(
    monkeypatch: pytest.MonkeyPatch, fault: dict[str, str]
) -> None:
    set_all(monkeypatch, **{**TORCHRUN, "MASTER_PORT": "1", **fault})
    with pytest.raises(InputError, match="missing or no numbers"):
        count_processes(Runtime())


def test_what_we_have_started_ourselves_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    announce_launch()
    # What Lightning sets in the process that starts the others, and in those.
    set_all(monkeypatch, WORLD_SIZE="2", LOCAL_RANK="0")
    assert count_processes(Runtime(devices=2)) == (2, 1)
    with pytest.raises(InputError, match="--nodes 2 needs"):
        count_processes(Runtime(devices=2, num_nodes=2))
    monkeypatch.setenv("XLITE_MAIN_PROCESS", str(os.getppid()))
    assert count_processes(Runtime(devices=2)) == (2, 1)
    monkeypatch.setenv("XLITE_MAIN_PROCESS", "1" if os.getppid() != 1 else "2")
    with pytest.raises(InputError, match="torchrun has not started it"):
        count_processes(Runtime(devices=2))
