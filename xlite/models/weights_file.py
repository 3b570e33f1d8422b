"""Tensors by name from a file of weights or a checkpoint, whoever wrote it; no file runs code."""

from __future__ import annotations

import argparse
import pickle
import re
import struct
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from xlite.errors import InputError

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
)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors in a .safetensors file or a torch checkpoint by name, on the CPU.

    Of a checkpoint these are its model's: found under `state_dict`, `model_state_dict` or `model`,
    or lying there openly. DistributedDataParallel's prefix `module.` is taken off the names.
    Raises InputError for a file that is missing or damaged, has another format, would run code
    on being opened, or holds no named tensors.
    """
    if not path.name.endswith(_ENDINGS):
        raise InputError(f"{path}: the name has to end in one of {', '.join(_ENDINGS)}.")
    if not path.is_file():
        raise InputError(f"{path}: there is no such file.")
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_checkpoint(path)
    if isinstance(content, dict):
        for key in _STATE_KEYS:
            if isinstance(content.get(key), dict):
                content = content[key]
                break
    # A state_dict may hold counters and settings among its tensors.
    named = content.items() if isinstance(content, dict) else ()
    tensors = {str(name): value for name, value in named if isinstance(value, Tensor)}
    if not tensors:
        raise InputError(
            f"{path}: it holds something else than named tensors, openly or under "
            f"{', '.join(_STATE_KEYS)}. Pass a file of a model's state_dict."
        )
    return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}


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


def _read_checkpoint(path: Path) -> Any:
    try:
        # timm's training script saves its arguments, a Namespace: values, no code. And torch warns
        # of odd pickles before it refuses them; the error says enough.
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
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
