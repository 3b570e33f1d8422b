"""Tensors by name from a file of weights or a checkpoint, whoever wrote it; no file runs code."""

from __future__ import annotations

import argparse
import math
import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from xlite.errors import InputError
from xlite.inputs import MEBIBYTE, open_regular

_ENDINGS = (".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".tar")

_STATE_KEYS = ("state_dict", "model_state_dict", "model")
"""Under which a checkpoint keeps its weights: Lightning and timm, torch's tutorials, xlite."""

# What torch.load was seen to raise for 12,000 cut-off or garbled copies of each of its formats.
_DAMAGES = (
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
)

_FREE_BYTES = 64 * MEBIBYTE
_MOST_EXPANSION = 4
"""torch stores its zip uncompressed; one that someone has packed again shrinks by a tenth."""

LARGEST_WEIGHT = 1e10
"""Of trained weights and batch statistics none comes near it; one whose highest bit of the exponent
has flipped lies above 1e30, unless it was nearly 0."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors in a .safetensors file or a torch checkpoint by name, on the CPU.

    Of a checkpoint these are its model's: found under `state_dict`, `model_state_dict` or `model`,
    or lying there openly. DistributedDataParallel's prefix `module.` is taken off the names.
    Raises InputError for a file that is missing or damaged, has another format, would run code
    on being opened, or holds no named tensors.
    """
    if not path.name.endswith(_ENDINGS):
        raise InputError(f"{path}: the name has to end in one of {', '.join(_ENDINGS)}.")
    with open_regular(path, what="weights file", remedy="Pass a file of weights.") as file:
        is_plain = path.suffix == ".safetensors"
        content = _read_safetensors(path) if is_plain else _read_checkpoint(path, file)
    if isinstance(content, dict):
        for key in _STATE_KEYS:
            if isinstance(content.get(key), dict):
                content = content[key]
                break
    # A state_dict may hold counters and settings among its tensors.
    named = content.items() if isinstance(content, dict) else ()
    tensors = {str(name): value for name, value in named if isinstance(value, Tensor)}
    _refuse_expanded(tensors, path)
    if not tensors:
        raise InputError(
            f"{path}: it holds something else than named tensors, openly or under "
            f"{', '.join(_STATE_KEYS)}. Pass a file of a model's state_dict."
        )
    return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}


def _refuse_expanded(tensors: Mapping[str, Tensor], path: Path) -> None:
    # A view repeats one stored number as often as it likes, and costs nothing until it is copied.
    total = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if total > max(_FREE_BYTES, _MOST_EXPANSION * path.stat().st_size):
        raise InputError(
            f"{path} holds tensors of {total / MEBIBYTE:,.0f} MiB in a far smaller file: repeated "
            "numbers, no trained weights. Pass another file."
        )


def require_sound(weights: Mapping[str, Tensor], path: Path, *, option: str) -> None:
    """Raise InputError, which names `path` and `option`, for tensors that no training has made.

    These are numbers other than real floating-point ones (complex, quantised), NaN, infinity, and
    magnitudes above 1e10. safetensors has no checksum: of damage this sees the highest bit of an
    exponent, and nothing of smaller changes. Whole numbers (counters) are not looked at.
    """
    for name, tensor in weights.items():
        fault = _find_fault(tensor)
        if fault:
            raise InputError(
                f"{option} {path}: {name} holds {fault}, which no training leaves behind. The file "
                "is damaged or of another kind; get it again."
            )


def _find_fault(tensor: Tensor) -> str | None:
    if not tensor.is_floating_point():
        is_counter = tensor.dtype in (torch.int64, torch.int32, torch.bool) and tensor.ndim == 0
        return None if is_counter else f"numbers of type {str(tensor.dtype).removeprefix('torch.')}"
    if not tensor.numel():
        return None
    # NaN, the one value that differs from itself, comes through both.
    low, high = (float(extreme) for extreme in tensor.float().aminmax())
    if math.isnan(low) or math.isinf(low) or math.isinf(high):
        return "NaN or infinity"
    largest = max(-low, high)
    return f"a value of {largest:.3g}" if largest > LARGEST_WEIGHT else None


def refuse_bomb(archive: zipfile.ZipFile, path: Path) -> None:
    """Raise InputError when a zip's files are to become far larger than the zip is."""
    size = path.stat().st_size
    total = sum(entry.file_size for entry in archive.infolist())
    if total > max(_FREE_BYTES, _MOST_EXPANSION * size):
        raise InputError(
            f"{path} is a zip of {size:,} bytes that would become {total / MEBIBYTE:,.0f} MiB; it "
            "was not opened. No checkpoint of torch's shrinks like that: get it again."
        )


def abridge_names(names: Collection[str]) -> str:
    """Up to three of the names, and how many more there are.

    >>> abridge_names(["a", "b", "c", "d", "e"])
    'a, b, c, and 2 more'
    """
    more = "" if len(names) <= 3 else f", and {len(names) - 3} more"
    return ", ".join(list(names)[:3]) + more


def _read_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise _unreadable(path, error) from error


def _read_checkpoint(path: Path, file: BinaryIO) -> Any:
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                refuse_bomb(archive, path)
        file.seek(0)
        # timm's training script saves its arguments, a Namespace: values, no code. And torch warns
        # of odd pickles before it refuses them; the error says enough.
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # torch's own message advises to switch the protection off.
        wanted = re.search(r"GLOBAL (\S+)", str(error))
        if wanted is None:
            raise _unreadable(path, "it is none, or one that could run code") from error
        raise InputError(
            f"{path} could run code: opening it would call {wanted[1]}. It was not opened. Where "
            "you trust its origin, load it in Python and save model.state_dict() alone, with "
            "safetensors.torch.save_file."
        ) from error
    except _DAMAGES as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, reason: Exception | str) -> InputError:
    # torch goes on, after its first sentence, to advise that the protection be switched off.
    first_sentence = re.split(r"\n|\. ", str(reason))[0] or type(reason).__name__
    return InputError(
        f"{path}: no {path.suffix} file of tensors can be read from it ({first_sentence}). "
        "It is cut off or of another kind; get it again."
    )
