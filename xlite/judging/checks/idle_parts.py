"""XL014: an attention or head that was built and takes no part, told from the weights alone.

No model is built. What never had a gradient has the values that it was begun with: biases of 0,
normalisations of 1 and 0, and uniform weights that end at their bound as if cut off.
D input channels of a layer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from xlite.errors import InputError
from xlite.inputs import open_regular
from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.examined.run import ExaminedRun

_PART = re.compile(
    r"((?:.*\.)?[a-z0-9_]*(?:attn|attention|mhsa|performer)[a-z0-9_]*|"
    r"(?:module\.|model\.)?(?:head|classifier|fc))(?=\.|$)",
    re.IGNORECASE,
)
_OF_BACKBONE = re.compile(r"(^|\.)(backbone|encoder|blocks|layers|stages|features)\.", re.I)
"""What comes from somebody's training, and may have been frozen in ours."""
_GATE = re.compile(r"(^|[._])(gate|gamma|layer_?scale)(\.weight)?$", re.I)
_NORM = re.compile(r"norm[a-z0-9_]*\.weight$|(^|\.)ln_?[0-9]?\.weight$", re.I)
_PROJECTION = re.compile(r"(projection|proj|out_proj|o_proj|to_out(\.0)?)\.weight$", re.I)
_JOINT = re.compile(r"(in_proj_|qkv\.)(weight|bias)$", re.I)
"""Queries, keys and values in one tensor, a third of the rows each."""

_LEAST_WEIGHTS = 5_000
_MOST_WEIGHTS = 65_536
"""Of a layer so many are looked at: each has a chance to have crossed the bound."""
_NEAR = 50.0
"""Of n uniform weights the largest is within the bound times 50/n, but for a chance of e^-50."""

_READABLE = {"F64", "F32", "F16"}
"""NumPy has no bfloat16."""


class Tensor(Protocol):
    """A tensor of a file, of which rows are read when they are asked for."""

    def get_shape(self) -> list[int]:
        """Its sizes."""

    def __getitem__(self, rows: slice) -> Any:
        """These rows, as an array."""


def look(run: ExaminedRun) -> Observation:
    """Told from the weights of the best epoch alone. A part was never trained where all its biases
    are exactly 0 and its normalisations exactly 1, or where the weights of all its layers end at
    the bound that they are drawn from. An attention gets a single token where its queries and keys
    are so and its values are not. A gate, an output projection or a layer of the head that is 0
    lets nothing through.
    """
    if not run.folder.is_finished:
        return NotApplicable("the run is not finished")
    return look_at_weights_file(run.folder.find_weights())


def look_at_weights_file(path: Path) -> Observation:
    """Whether parts in a .safetensors file are idle; of its tensors few are read, in pieces."""
    with _open_tensors(path) as tensors:
        return look_at_parts(tensors)


def look_at_parts(tensors: Mapping[str, Tensor]) -> Observation:
    """Whether an attention or a head, those within a backbone apart, takes no part.

    It was never trained where all of its biases are 0 and its normalisations 1, which any step of
    an optimizer moves, or where all weights of its layers lie within the bound that torch draws
    them from, and up to it. One token is all that reaches an attention whose queries and keys are
    so while its values are not: the softmax over one token is 1, whatever they are. A gate, an
    output projection or a layer of a head that is 0 leaves the output as it is.
    """
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        found = _PART.match(name)
        if found and not _OF_BACKBONE.search(found[1]):
            parts.setdefault(found[1], {})[name[found.end() :].lstrip(".")] = tensor
    if not parts:
        return NotApplicable("no tensor is of an attention or a head beside the backbone")
    faults = {name: fault for name, part in parts.items() if (fault := _find_fault(part))}
    numbers = {"parts": float(len(parts)), "idle": float(len(faults))}
    if faults:
        told = "; ".join(f"{name}: {fault}" for name, fault in faults.items())
        return Issue(f"{told}.", numbers)
    return Passed(f"{', '.join(parts)}: nothing is as it was begun, or 0", numbers)


def _find_fault(part: Mapping[str, Tensor]) -> str | None:
    for name, tensor in part.items():
        what = "gate" if _GATE.search(name) else "output projection"
        is_through = _GATE.search(name) or _PROJECTION.search(name) or _is_layer(name, tensor)
        if is_through and _is_all(tensor, 0):
            what = what if _GATE.search(name) or _PROJECTION.search(name) else "layer"
            return f"the {what} {name} is 0, so that nothing comes through"
    constants = {name: 1 for name in part if _NORM.search(name)}
    constants |= {name: 0 for name in part if name.endswith("bias")}
    if constants and all(_is_all(part[name], value) for name, value in constants.items()):
        return f"never trained: {len(constants)} biases and normalisations are exactly 0 and 1"
    layers = [tensor for name, tensor in part.items() if _is_layer(name, tensor)]
    if layers and all(_is_as_drawn(tensor) for tensor in layers):
        return "never trained: all weights are within the bound that they are drawn from"
    return _find_single_token(part)


def _find_single_token(part: Mapping[str, Tensor]) -> str | None:
    for name, tensor in part.items():
        rows = tensor.get_shape()[0] if tensor.get_shape() else 0
        if not _JOINT.search(name) or rows % 3:
            continue
        size = rows // 3
        thirds = [(start, start + size) for start in (0, size, 2 * size)]
        if name.endswith("bias"):
            is_idle = [_is_all(tensor, 0, *third) for third in thirds]
        else:
            is_idle = [_is_as_drawn(tensor, *third) for third in thirds]
        if is_idle == [True, True, False]:
            return (
                f"queries and keys in {name} never had a gradient and values had, as where a "
                "single token reaches the attention"
            )
    return None


def _is_layer(name: str, tensor: Tensor) -> bool:
    return len(tensor.get_shape()) == 2 and name.endswith("weight")


def _is_all(tensor: Tensor, value: float, start: int = 0, stop: int | None = None) -> bool:
    shape = tensor.get_shape()
    if not shape:  # a single number can't be sliced
        return bool(np.asarray(tensor[...]) == value)  # type: ignore[index]
    if not math.prod(shape):
        return False
    # Most tensors are told by their first row.
    first = np.asarray(tensor[start : start + 1])
    return bool((first == value).all()) and bool((np.asarray(tensor[start:stop]) == value).all())


def _is_as_drawn(tensor: Tensor, start: int = 0, stop: int | None = None) -> bool:
    """Whether a layer's weights (rows, D) are uniform up to the bound of torch's initialisers.

    nn.Linear draws from ±1/√D, nn.MultiheadAttention from ±√(6 / (D + rows)). Where training has
    moved weights, of those near the bound half have crossed it.
    """
    num_rows, num_columns = tensor.get_shape()
    rows = (num_rows if stop is None else stop) - start
    taken = min(rows, math.ceil(_MOST_WEIGHTS / num_columns))
    count = taken * num_columns
    if count < _LEAST_WEIGHTS:
        return False
    largest = float(np.abs(np.asarray(tensor[start : start + taken])).max())
    bounds = (num_columns**-0.5, math.sqrt(6 / (num_columns + num_rows)))
    return any(b * (1 - _NEAR / count) <= largest <= b * (1 + 1e-6) for b in bounds)


@contextmanager
def _open_tensors(path: Path) -> Iterator[dict[str, Tensor]]:
    """The tensors of a .safetensors file that NumPy can read, none of them read yet."""
    from safetensors import SafetensorError, safe_open

    with open_regular(path, what="weights file", remedy="Pass a .safetensors file."):
        try:
            with safe_open(path, framework="np") as file:
                slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
                yield {n: one for n, one in slices.items() if one.get_dtype() in _READABLE}
        except SafetensorError as error:
            raise InputError(f"{path} is no whole .safetensors file ({error}).") from None


CHECK = Check(
    code="XL014",
    title="an idle attention or head",
    severity="error",
    subject=ExaminedRun,
    look=look,
    consequence="What is reported as the effect of the part is that of the model without it, and a "
    "comparison with and without is one of two equal models.",
    remedy="See that the part is in the forward pass and its parameters in the optimizer, and that "
    "an attention gets the feature map before it is pooled; then train again.",
)
