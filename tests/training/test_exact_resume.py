from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import torch
from training.kill_sitting import watch_writing

from xlite.errors import InputError, explain
from xlite.run_folder.file_names import RUN_LAST, RUN_PREVIOUS
from xlite.settings import TrainSettings
from xlite.training import exact_resume
from xlite.training.exact_resume import load_checkpoint, read_checkpoint, save_checkpoint
from xlite.training.identity import RunIdentity
from xlite.training.state import TrainState

IDENTITY = RunIdentity(TrainSettings(model="resnet18"), {"split.train": "aa", "pixels": "bb"})


def make_parts(seed: int) -> dict[str, torch.nn.Module]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return {"model": torch.nn.Linear(3, 2)}


def save(run_dir: Path, state: TrainState, **changes: Any) -> None:
    arguments: dict[str, Any] = {
        "parts": make_parts(0),
        "best": {"weight": torch.ones(2)},
        "identity": IDENTITY,
    }
    save_checkpoint(run_dir, state=state, **(arguments | changes))


def epoch_of(run_dir: Path) -> int:
    loaded = load_checkpoint(run_dir, parts=make_parts(1), identity=IDENTITY)
    assert loaded is not None
    return loaded[0].epoch


def finished(epoch: int) -> TrainState:
    """The state after so many epochs."""
    history = [{"epoch": number + 1, "val_auroc": 0.8} for number in range(epoch)]
    return TrainState(epoch=epoch, history=history)


def make_state(epoch: int) -> TrainState:
    state = finished(epoch)
    state.step, state.best_score, state.best_epoch = 7, 0.8, 0
    state.tally.add_step({"bce": 0.5}, torch.rand(4, 2), torch.ones(4, 2))
    state.tally.add_step({"bce": 0.25}, torch.rand(4, 2), torch.zeros(4, 2))
    state.tally.add_norm(2.0)
    return state


def test_a_checkpoint_restores_parts_state_and_best_weights(tmp_path: Path) -> None:
    state, parts, other = make_state(3), make_parts(0), make_parts(1)
    save(tmp_path, state, parts=parts)
    loaded = load_checkpoint(tmp_path, parts=other, identity=IDENTITY)
    assert loaded is not None
    again, best = loaded
    assert torch.equal(other["model"].weight, parts["model"].weight)
    assert best["weight"].tolist() == [1, 1]
    assert again.history == state.history
    assert (again.epoch, again.step, again.best_score) == (3, 7, 0.8)
    assert again.tally.loss_sums == {"bce": 3.0}
    assert again.tally.norm_max == 2.0
    for name in ("logits", "targets"):
        kept, before = getattr(again.tally, name), getattr(state.tally, name)
        assert torch.equal(torch.cat(kept), torch.cat(before))


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path, parts=make_parts(0), identity=IDENTITY) is None


def test_a_checkpoint_of_another_run_is_refused_field_by_field(tmp_path: Path) -> None:
    save(tmp_path, TrainState())
    settings = IDENTITY.settings.model_copy(update={"lr": 3e-4})
    other = RunIdentity(settings, {"split.train": "cc", "pixels": "bb"})
    message = "lr was 0.0001, is 0.0003; split.train was aa, is cc"
    with pytest.raises(InputError, match=message):
        load_checkpoint(tmp_path, parts=make_parts(0), identity=other)


def test_the_previous_checkpoint_is_kept(tmp_path: Path) -> None:
    for epoch in (1, 2, 3):
        save(tmp_path, finished(epoch))
    assert epoch_of(tmp_path) == 3
    assert read_checkpoint(tmp_path / RUN_PREVIOUS)["state"]["epoch"] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [RUN_LAST, RUN_PREVIOUS]


class RunsCode:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("true",)


def spoil(path: Path, fault: str) -> None:
    content = path.read_bytes()
    match fault:
        case "truncated":
            path.write_bytes(content[: len(content) // 2])
        case "flipped":
            middle = content.index(b"\x00\x00\x80\x3f\x00\x00\x80\x3f")  # the two ones of `best`
            path.write_bytes(content[:middle] + b"\x01" + content[middle + 1 :])
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("not a checkpoint")
        case "code":
            path.unlink()
            torch.save({"format": 2, "state": RunsCode()}, path)
        case "old pickle":
            path.write_bytes(pickle.dumps(RunsCode()))
        case "foreign":
            torch.save({"state_dict": {}}, path)


FAULTS = {
    "truncated": "cut short",
    "flipped": "fails its checksum",
    "empty": "cut short",
    "text": "no checkpoint at all",
    "code": "would run code .*system",
    "old pickle": "no checkpoint at all",
    "foreign": "not written by this version of xlite",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, fault: str) -> None:
    save(tmp_path, TrainState())
    spoil(tmp_path / RUN_LAST, fault)
    with pytest.raises(InputError, match=rf"last\.pt .*{FAULTS[fault]}.*Delete the file"):
        load_checkpoint(tmp_path, parts=make_parts(0), identity=IDENTITY)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_previous_checkpoint_stands_in_for_a_bad_one(
    tmp_path: Path, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for epoch in (1, 2):
        save(tmp_path, finished(epoch))
    spoil(tmp_path / RUN_LAST, fault)
    assert epoch_of(tmp_path) == 1
    warning = capsys.readouterr().err
    assert "last.pt" in warning
    assert "previous.pt instead" in warning


def test_a_failed_write_keeps_the_earlier_checkpoint(tmp_path: Path) -> None:
    save(tmp_path, finished(1))

    class Broken:
        def state_dict(self) -> dict[str, object]:
            return {"unpicklable": lambda: None}

    with pytest.raises((pickle.PicklingError, AttributeError)):
        save(tmp_path, TrainState(), parts={"model": Broken()})
    assert epoch_of(tmp_path) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == [RUN_LAST]


@pytest.mark.parametrize("stage", ["open", "written", "verified", "kept", "renamed"])
def test_an_end_at_any_stage_leaves_a_whole_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    save(tmp_path, finished(1))

    def end_there(reached: str) -> None:
        if reached == stage:
            raise KeyboardInterrupt

    for owner, name, replacement in watch_writing(end_there):
        monkeypatch.setattr(owner, name, replacement)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, finished(2))
    assert epoch_of(tmp_path) == (2 if stage == "renamed" else 1)


def test_a_checkpoint_that_does_not_read_back_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, finished(1))
    whole = torch.save

    def lose_the_end(content: object, file: BinaryIO) -> None:
        whole(content, file)
        file.truncate(file.tell() // 2)

    monkeypatch.setattr(torch, "save", lose_the_end)
    with pytest.raises(InputError, match="cut short"):
        save(tmp_path, finished(2))
    assert epoch_of(tmp_path) == 1


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"epoch": 10**9}, "1000000000 epochs are finished, and the history has 3"),
    ({"epoch": -1}, "epoch is -1"),
    ({"epoch": 3.0}, "epoch is 3.0"),
    ({"step": -1}, "step is -1"),
    ({"step": "7"}, "step is '7'"),
    ({"num_parts": 0}, "num_parts is 0"),
    ({"best_epoch": 3}, "the best epoch is number 3 of 3"),
    ({"epochs_without_gain": 4}, "more than 3 epochs went by"),
    ({"epochs": 3}, "unexpected keyword"),
]


@pytest.mark.parametrize(("changes", "message"), IMPOSSIBLE)
def test_a_state_that_no_training_leaves_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    save(tmp_path, make_state(3))
    content = read_checkpoint(tmp_path / RUN_LAST)
    content["state"].update(changes)
    torch.save(content, tmp_path / RUN_LAST)
    with pytest.raises(InputError, match=f"can't be true: .*{message}.*Delete its last.pt"):
        epoch_of(tmp_path)


def test_a_pipe_is_no_checkpoint(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / RUN_LAST)
    with pytest.raises(InputError, match="last.pt is a named pipe"):
        epoch_of(tmp_path)


def test_a_zip_bomb_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / RUN_LAST
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(80 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(InputError, match="would become 80 MiB; it was not opened"):
        read_checkpoint(path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is always full")
def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, finished(1))
    write = exact_resume._write
    monkeypatch.setattr(
        exact_resume, "_write", lambda content, _: write(content, Path("/dev/full"))
    )
    with pytest.raises(OSError, match="No space left on device") as caught:
        save(tmp_path, finished(2))
    assert "No space left on device" in explain(caught.value)[0]
    assert epoch_of(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == [RUN_LAST]
