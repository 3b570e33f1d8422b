from __future__ import annotations

import argparse
import contextlib
import io
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from xlite.errors import InputError
from xlite.models.weights_file import read_weights

TENSORS = {"layer.weight": torch.arange(6.0).view(2, 3), "layer.bias": torch.arange(2.0)}


class RunsCode:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, ("code-ran",))


def save(content: object, *, zipped: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model", None])
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("ending", ["pt", "pth", "ckpt", "bin", "pth.tar"])
def test_checkpoints_of_many_trainers_are_read(tmp_path, key, prefix, ending):
    named = {f"{prefix}{name}": tensor for name, tensor in TENSORS.items()}
    others = {"epoch": 3, "optimizer": {"state": {0: {"step": torch.ones(1)}}}}
    path = tmp_path / f"weights.{ending}"
    path.write_bytes(save(named if key is None else {key: named, **others}))
    weights = read_weights(path)
    assert list(weights) == list(TENSORS)
    assert all(torch.equal(weights[name], tensor) for name, tensor in TENSORS.items())


def test_a_safetensors_file_gives_the_same(tmp_path):
    save_file(TENSORS, tmp_path / "a.safetensors")
    weights = read_weights(tmp_path / "a.safetensors")
    assert weights.keys() == TENSORS.keys()
    assert all(torch.equal(weights[name], tensor) for name, tensor in TENSORS.items())


def test_values_among_the_tensors_and_timms_arguments_do_no_harm(tmp_path):
    content = {"state_dict": {**TENSORS, "_extra_state": {"version": 2}}}
    path = tmp_path / "model_best.pth.tar"
    path.write_bytes(save({**content, "args": argparse.Namespace(lr=0.1)}))
    assert read_weights(path).keys() == TENSORS.keys()


@pytest.mark.parametrize(
    "content",
    [
        save({"weight": RunsCode()}),
        save({"weight": RunsCode()}, zipped=False),
        pickle.dumps({"weight": RunsCode()}, protocol=2),
    ],
    ids=["zip", "legacy", "pickle"],
)
def test_a_checkpoint_that_would_run_code_is_refused_and_says_what(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.pth"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_weights(path)
    message = str(caught.value)
    assert f"{path} could run code: opening it would call {os.name}.mkdir." in message
    assert "weights_only" not in message
    assert not (tmp_path / "code-ran").exists()
    # The danger is real: opened without protection, the file does what it says.
    with contextlib.suppress(RuntimeError):
        torch.load(path, weights_only=False)
    assert (tmp_path / "code-ran").exists()


def test_a_whole_pickled_module_is_refused_with_the_way_out(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "whole.pt")
    with pytest.raises(InputError, match=r"call torch\.nn\..*Linear\. .*save_file") as caught:
        read_weights(tmp_path / "whole.pt")
    assert "model.state_dict() alone" in str(caught.value)


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
@pytest.mark.parametrize(
    "content", [b"", b"<html>not found</html>", save({"weight": torch.zeros(1000)})[:2000]]
)
def test_damaged_and_foreign_files_are_named(tmp_path, suffix, content):
    path = tmp_path / f"weights.{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"weights\.{suffix}: no \.{suffix} file"):
        read_weights(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_no_garbled_copy_ends_in_anything_but_an_input_error(tmp_path, zipped):
    whole = save({"state_dict": TENSORS, "epoch": 3}, zipped=zipped)
    generator = torch.Generator().manual_seed(0)
    path = tmp_path / "garbled.pt"
    refused = 0
    for attempt in range(300):
        copy = bytearray(whole)
        if attempt % 2:
            del copy[int(torch.randint(len(whole), (), generator=generator)) :]
        else:
            for place in torch.randint(len(whole), (4,), generator=generator).tolist():
                copy[place] = int(torch.randint(256, (), generator=generator))
        path.write_bytes(bytes(copy))
        try:
            read_weights(path)
        except InputError:
            refused += 1
    # A changed byte may lie in a tensor's values or in padding; a cut always shows.
    assert refused >= 150
    path.write_bytes(whole)
    assert read_weights(path).keys() == TENSORS.keys()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_is_refused_without_advice_to_lower_the_guard(tmp_path):
    torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)).save(tmp_path / "script.pt")
    with pytest.raises(InputError, match="TorchScript") as caught:
        read_weights(tmp_path / "script.pt")
    assert "weights_only` set to" not in str(caught.value)


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}, {"state_dict": {}}, torch.zeros(3)])
def test_a_file_without_named_tensors_is_named(tmp_path, content):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(InputError, match=r"other\.pt: it holds something else than named tensors"):
        read_weights(tmp_path / "other.pt")


def test_missing_files_and_other_endings_are_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"nowhere\.safetensors: there is no such file"):
        read_weights(tmp_path / "nowhere.safetensors")
    with pytest.raises(InputError, match=r"weights\.h5: the name has to end in one of"):
        read_weights(tmp_path / "weights.h5")
