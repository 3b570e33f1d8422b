from __future__ import annotations

import os
import pickle
import signal
from pathlib import Path

import pytest
import torch

from xlite.errors import InputError
from xlite.training.resume import (
    StopRequest,
    TrainState,
    catch_stop_signals,
    load_checkpoint,
    save_checkpoint,
)


def make_parts(seed: int) -> dict[str, torch.nn.Module]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return {"model": torch.nn.Linear(3, 2)}


def test_a_checkpoint_restores_parts_and_state(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    state = TrainState(epoch=3, step=7, best_metric=0.8, history=[{"epoch": 1, "val_auroc": 0.8}])
    parts, other = make_parts(0), make_parts(1)
    save_checkpoint(path, parts=parts, state=state, fingerprint="abc")
    assert load_checkpoint(path, parts=other, fingerprint="abc") == state
    assert torch.equal(other["model"].weight, parts["model"].weight)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    save_checkpoint(path, parts=make_parts(0), state=TrainState(), fingerprint="abc")
    with pytest.raises(InputError, match="other settings.*abc, now xyz"):
        load_checkpoint(path, parts=make_parts(0), fingerprint="xyz")


class RunsCode:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("true",)


@pytest.mark.parametrize("fault", ["truncated", "empty", "text", "code", "foreign"])
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "last.pt"
    save_checkpoint(path, parts=make_parts(0), state=TrainState(), fingerprint="abc")
    content = path.read_bytes()
    match fault:
        case "truncated":
            path.write_bytes(content[: len(content) // 2])
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("not a checkpoint")
        case "code":
            path.write_bytes(pickle.dumps(RunsCode()))
        case "foreign":
            torch.save({"state_dict": {}}, path)
    with pytest.raises(InputError, match=r"last\.pt (can't be read|has no)"):
        load_checkpoint(path, parts=make_parts(0), fingerprint="abc")


def test_a_failed_write_keeps_the_earlier_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    save_checkpoint(path, parts=make_parts(0), state=TrainState(epoch=1), fingerprint="abc")

    class Broken:
        def state_dict(self) -> dict[str, object]:
            return {"unpicklable": lambda: None}

    with pytest.raises((pickle.PicklingError, AttributeError)):
        save_checkpoint(path, parts={"model": Broken()}, state=TrainState(), fingerprint="abc")
    assert load_checkpoint(path, parts=make_parts(0), fingerprint="abc").epoch == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["last.pt"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted_and_the_handlers_come_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with catch_stop_signals() as stop:
        assert not stop
        os.kill(os.getpid(), number)
        assert stop
        assert stop.signal_number == number
    assert signal.getsignal(number) is before


def test_a_second_interrupt_ends_at_once() -> None:
    stop = StopRequest()
    stop.receive(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt):
        stop.receive(signal.SIGINT, None)
