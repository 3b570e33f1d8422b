from __future__ import annotations

import argparse
import contextlib
import io
import math
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from xlite.errors import InputError
from xlite.models.weights_file import read_weights, require_sound

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
    with pytest.raises(InputError, match=r"nowhere\.safetensors does not exist"):
        read_weights(tmp_path / "nowhere.safetensors")
    with pytest.raises(InputError, match=r"weights\.h5: the name has to end in one of"):
        read_weights(tmp_path / "weights.h5")


@pytest.mark.parametrize("ending", ["safetensors", "pt"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, ending: str):
    path = tmp_path / f"weights.{ending}"
    os.mkfifo(path)
    with pytest.raises(InputError, match="is a named pipe"):
        read_weights(path)


def test_a_zip_bomb_is_not_opened(tmp_path: Path):
    path = tmp_path / "weights.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(80 << 20))
    with pytest.raises(InputError, match="would become 80 MiB; it was not opened"):
        read_weights(path)


def test_one_number_repeated_without_end_is_no_weight(tmp_path: Path):
    path = tmp_path / "weights.pt"
    path.write_bytes(save({"a.weight": torch.zeros(1).expand(1 << 40)}))
    with pytest.raises(InputError, match="4,194,304 MiB in a far smaller file"):
        read_weights(path)


def flip(tensor: torch.Tensor, bit: int) -> torch.Tensor:
    """The float32 tensor with one bit of its first number changed."""
    bits = tensor.clone().view(torch.int32)
    bits[0] = torch.bitwise_xor(bits[0], torch.tensor(-(1 << 31) if bit == 31 else 1 << bit).int())
    return bits.view(torch.float32)


def test_of_flipped_bits_the_largest_exponents_are_seen(tmp_path: Path):
    weights = torch.randn(1000, generator=torch.Generator().manual_seed(0)) * 0.05
    seen = set()
    for bit in range(32):
        try:
            require_sound({"a": flip(weights, bit)}, tmp_path, option="--weights")
        except InputError:
            seen.add(bit)
    # No checksum, no more than that: signs, mantissas and small exponents look like weights.
    assert seen == {30}


@pytest.mark.parametrize(
    ("tensor", "fault"),
    [
        (torch.tensor([0.1, math.nan]), "NaN or infinity"),
        (torch.tensor([0.1, -math.inf]), "NaN or infinity"),
        (torch.tensor([0.1, -3e30]), "a value of 3e\\+30"),
        (torch.ones(2, dtype=torch.complex64), "numbers of type complex64"),
        (torch.ones(2, dtype=torch.int8), "numbers of type int8"),
    ],
)
def test_values_that_no_training_leaves_are_refused(tensor, fault, tmp_path):
    with pytest.raises(InputError, match=f"--warm-start .*w.pt: a.weight holds {fault}.*again"):
        require_sound({"a.weight": tensor}, tmp_path / "w.pt", option="--warm-start")


def test_ordinary_tensors_are_sound(tmp_path):
    tensors = {
        "half": torch.ones(2, dtype=torch.bfloat16),
        "counter": torch.tensor(10**12),
        "variance": torch.tensor([0.0, 1e8]),
        "empty": torch.zeros(0),
    }
    require_sound(tensors, tmp_path, option="--weights")
