"""Checkpoints and weights that are damaged, forged or another's, before whoever loads them."""

from __future__ import annotations

import functools
import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile.cases import DONE, Case, Spoil, run_case
from hostile.command_lines import (
    CHECKED,
    EITHER,
    FAILED,
    GO_ON,
    JUDGE_RUN,
    REFUSED,
    TRAIN,
    TRAINED,
)
from hostile.commands import Commands
from hostile.spoil import (
    FILE_FAULTS,
    Fault,
    both,
    edit_bytes,
    halve,
    on,
    remove,
    write,
)

RUN = "experiments/runs/*bce*"
LAST, BEST = f"{RUN}/last.pt", f"{RUN}/best.safetensors"
WARM = TRAIN + " --warm-start warm"


class Marker:
    """Unpickling it makes a file: a checkpoint must never run code."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch ran_code",)


def torch_file(value: object) -> bytes:
    import torch

    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def code_in_zip(path: Path) -> None:
    """A torch checkpoint whose pickle runs a command."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"model": Marker()}, 2))
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")


@functools.cache
def make_zip_bomb() -> bytes:
    """A torch checkpoint whose pickle would fill more memory than a case may use."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("archive/data.pkl", "w", force_zip64=True) as member,
    ):
        block = bytes(64 << 20)
        for _ in range(56):
            member.write(block)
    return file.getvalue()


def zip_bomb(path: Path) -> None:
    """`make_zip_bomb` in a file."""
    path.write_bytes(make_zip_bomb())


def edit_state(change: Callable[[Any], object]) -> Fault:
    """The checkpoint is changed in place and saved again."""

    def fault(path: Path) -> None:
        import torch

        value = torch.load(path, weights_only=True)
        change(value)
        torch.save(value, path)

    return fault


def set_everywhere(key: str, new: object) -> Fault:
    """Each entry of this name in the checkpoint, however deep, has another value."""

    def change(value: Any) -> int:
        found = 0
        if isinstance(value, dict):
            for name in list(value):
                if name == key:
                    value[name] = new
                    found += 1
                else:
                    found += change(value[name])
        elif isinstance(value, list | tuple):
            found = sum(map(change, value))
        return found

    def checked(value: Any) -> None:
        assert change(value), f"no {key} in the checkpoint"

    return edit_state(checked)


def safetensors(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(dtype: str, shape: list[int], end: int, start: int = 0) -> dict[str, object]:
    return {"x": {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}}


WEIGHT_FAULTS: dict[str, Fault] = {
    **{name: fault for name, fault in FILE_FAULTS.items() if name != "UTF-16"},
    "a header of 10¹⁸ bytes": write(struct.pack("<Q", 10**18) + b"{}"),
    "a header that is no JSON": write(safetensors(b"{not json}")),
    "a deep header": write(safetensors(b"[" * 100_000)),
    "a list as header": write(safetensors(["x"])),
    "no tensor": write(safetensors({})),
    "a shape of 2⁶²": write(safetensors(tensor("F32", [1 << 62], 4), bytes(4))),
    "a negative shape": write(safetensors(tensor("F32", [-1], 4), bytes(4))),
    "data beyond its end": write(safetensors(tensor("F32", [100], 400), bytes(4))),
    "an unknown type": write(safetensors(tensor("Q9", [1], 4), bytes(4))),
    "one tensor of text's size": write(safetensors(tensor("F32", [1], 3), bytes(3))),
    "tensors of another model": write(safetensors(tensor("F32", [1], 4), bytes(4))),
    "code that runs": code_in_zip,
    "a zip bomb": zip_bomb,
    "half of itself": halve,
}


def copy_best(project: Path) -> None:
    """The best weights of a run, as a file to start from."""
    best = next(project.glob(BEST))
    (project / "warm").write_bytes(best.read_bytes())


def flip_bits(path: Path) -> None:
    """Every thousandth byte of the tensors is another."""
    data = bytearray(path.read_bytes())
    start = 8 + struct.unpack("<Q", data[:8])[0]
    for place in range(start + 3, len(data), 1_000):
        data[place] ^= 0x7F
    path.write_bytes(bytes(data))


def warm(name: str, fault: Fault, ends: tuple[int, ...] = REFUSED) -> Case:
    """Nothing is trained from such a file; it is named."""
    return Case(
        name=f"--warm-start from a file that is {name}",
        spoil=both(copy_best, on("warm", fault)),
        command=WARM,
        says="warm",
        ends=ends,
        writes=TRAINED if ends != REFUSED else CHECKED,
    )


def torch_weights(kind: str) -> Fault:
    """A torch file with tensors of a kind that no weights have."""

    def fault(path: Path) -> None:
        import torch
        from safetensors.torch import load

        tensors = load(path.read_bytes())  # not a map of the file that is replaced
        change = {
            "complex": lambda t: t.to(torch.complex64),
            "NaN": lambda t: t * float("nan"),
            "infinite": lambda t: t + float("inf"),
            "whole": lambda t: t.to(torch.int64),
            "sparse": lambda t: t.to_sparse(),
            "empty": lambda t: t[:0] if t.ndim else t,
            "quantised": lambda t: torch.quantize_per_tensor(t, 0.1, 0, torch.qint8),
        }[kind]
        torch.save({k: change(t) if t.is_floating_point() else t for k, t in tensors.items()}, path)

    return fault


WARM_STARTS = [
    *(warm(name, fault) for name, fault in WEIGHT_FAULTS.items()),
    warm("full of flipped bits", flip_bits),
    *(
        warm(f"of {kind} tensors", torch_weights(kind))
        for kind in ("complex", "NaN", "infinite", "whole", "empty")
    ),
    warm("of sparse tensors", torch_weights("sparse"), EITHER),
    warm("text", write("weights")),
    warm("a list of numbers", lambda path: path.write_bytes(torch_file([1, 2]))),
    warm("a number", lambda path: path.write_bytes(torch_file(7))),
    warm("a dictionary of text", lambda path: path.write_bytes(torch_file({"model": {"a": "b"}}))),
    warm("gone", remove),
    Case(
        name="--warm-start from a folder",
        spoil=lambda _: None,
        command=WARM.replace(" warm", " data"),
        says="data",
    ),
    *(
        Case(
            name=f"--weights from a file that is {name}",
            spoil=both(copy_best, on("warm", WEIGHT_FAULTS[name])),
            command=TRAIN.replace("--no-pretrained", "--weights warm"),
            says="warm",
            ends=REFUSED,
            writes=CHECKED,
        )
        for name in (
            "empty",
            "fifo",
            "noise",
            "link to a device",
            "a header of 10¹⁸ bytes",
            "code that runs",
        )
    ),
]


def gone_on(
    name: str, spoil: Spoil, says: str = "last", ends: tuple[int, ...] = (*FAILED, DONE)
) -> Case:
    """The run is not continued as if nothing were, and the fault is named."""
    return Case(
        name=f"last.pt {name}, train --resume",
        spoil=spoil,
        command=GO_ON,
        says=says,
        ends=ends,
        writes=TRAINED,
    )


CHECKPOINTS = [
    *(
        gone_on(f"is {name}", on(LAST, fault))
        for name, fault in {**FILE_FAULTS, "code": code_in_zip, "a zip bomb": zip_bomb}.items()
        if name != "UTF-16"
    ),
    *(
        gone_on(f"with {key} = {value!r}"[:60], on(LAST, set_everywhere(key, value)))
        for key, value in (
            ("epoch", 10**9),
            ("epoch", -1),
            ("epoch", "two"),
            ("epoch", None),
            ("step", -1),
            ("step", 10**12),
        )
    ),
    gone_on("without its optimizer", on(LAST, edit_state(lambda value: value.pop("optimizer")))),
    gone_on("that is another run's", lambda project: _swap_checkpoints(project), "loss.name"),
    gone_on("without weights", on(LAST, edit_state(lambda value: value.update(model={})))),
    gone_on(
        "with a flipped bit",
        on(
            LAST,
            edit_bytes(
                lambda data: data[:3_000_000] + bytes([data[3_000_000] ^ 1]) + data[3_000_001:]
            ),
        ),
    ),
    gone_on("that holds a list", on(LAST, lambda path: path.write_bytes(torch_file([1])))),
]


def _swap_checkpoints(project: Path) -> None:
    other = next(project.glob("experiments/runs/*focal*/last.pt"))
    next(project.glob(LAST)).write_bytes(other.read_bytes())


BEST_WEIGHTS = [
    *(
        Case(
            name=f"best.safetensors is {name}, evaluate --tta",
            spoil=on(BEST, fault),
            command=f"{JUDGE_RUN} --tta",
            says="best",
            ends=REFUSED,
            writes=CHECKED,
        )
        for name, fault in WEIGHT_FAULTS.items()
        if name not in ("blank", "UTF-16", "one tensor of text's size", "a list as header")
    ),
]

CASES = [*WARM_STARTS, *CHECKPOINTS, *BEST_WEIGHTS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_checkpoint(case: Case, commands: Commands, sound: Path, tmp_path: Path) -> None:
    run_case(case, commands, sound, tmp_path)
    assert not (tmp_path / "project" / "ran_code").exists()
