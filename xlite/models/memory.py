"""What memory it takes to train a model, counted on tensors that have sizes and no values.

B images of a step, S image side.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from xlite.arrays import read_count
from xlite.errors import InputError
from xlite.models.census import build_shapes, explain_refused_size, list_default_names
from xlite.models.classifier import Classifier
from xlite.results import Result
from xlite.settings import Precision

if TYPE_CHECKING:
    from torch import UntypedStorage

_MOMENTS = 2
"""Of AdamW, each as large as the weights."""
_SLACK = 1.15
"""What a step takes beyond its tensors: scratch memory of convolutions, and holes that an allocator
leaves. Both this and the copy below are fitted to CPUs (benchmarks/training_memory.json)."""
_COPIES = 1
"""Of the weights: AdamW's denominators, and weights in the order that a convolution wants."""
_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, kw_only=True)
class MemoryFigures(Result):
    """Bytes that training a model takes."""

    name: str
    """As in `--models`."""
    batch_size: int
    """Images that are computed at once: of a batch, or of the part that `--accumulate` makes."""
    image_size: int
    precision: Precision
    weights: int
    """With the buffers."""
    gradients: int
    optimizer: int
    """Both moments of AdamW."""
    average: int
    """A moving average of the weights; 0 without."""
    activations: int
    """What the forward pass keeps for the backward pass."""
    step: int
    """The most that a step has at once beyond weights, optimizer and average: activations and the
    gradients that there are by then, of weights and of activations."""
    total: int
    """Of all that, with what allocators and convolutions take besides. A process has some 0.8 GB
    more for torch and its libraries, and on a GPU the device its context."""

    @property
    def parts(self) -> tuple[int, int, int, int, int]:
        """Weights, gradients, optimizer, average, activations."""
        return self.weights, self.gradients, self.optimizer, self.average, self.activations


@dataclass(frozen=True, kw_only=True)
class MemoryNeeds(Result):
    """What `estimate_memory` returns and `xlite models --memory --json` prints."""

    models: list[MemoryFigures]


def estimate_memory(
    names: Sequence[str] = (),
    *,
    batch_size: int = 32,
    image_size: int | None = None,
    precision: Precision = "fp32",
    num_labels: int = 14,
    has_average: bool = False,
) -> MemoryNeeds:
    """The memory that training takes, of each model by name; of the census's without names.

    batch_size: images computed at once. image_size: side in pixels; None takes that of each
    backbone's pretraining. has_average: with --ema-decay. Nothing is computed or downloaded.
    Raises InputError for an unknown name, a size that a model does not take and a precision that
    there is not.
    """
    if precision not in get_args(Precision):
        raise InputError(f"unknown precision {precision!r}. Use one of: fp32, bf16, fp16.")
    batch_size = read_count(batch_size, "batch_size", at_least=1)
    return MemoryNeeds(
        models=[
            _measure(name, batch_size, image_size, precision, num_labels, has_average)
            for name in names or list_default_names()
        ]
    )


def _measure(
    name: str,
    batch_size: int,
    image_size: int | None,
    precision: Precision,
    num_labels: int,
    has_average: bool,
) -> MemoryFigures:
    model = build_shapes(name, num_classes=num_labels)
    size = model.backbone.default_image_size if image_size is None else image_size
    # As training has it.
    model.to(memory_format=torch.channels_last)
    mode = FakeTensorMode()
    _place_on_cpu(model, mode)
    with explain_refused_size(model, size), mode:
        activations, step = _count_step(model, batch_size, size, num_labels, precision)
    parameters = sum(_bytes_of(one) for one in model.parameters())
    buffers = sum(_bytes_of(one) for one in model.buffers())
    average = (parameters + buffers) if has_average else 0
    state = parameters + buffers + (_MOMENTS + _COPIES) * parameters + average
    return MemoryFigures(
        name=name,
        batch_size=batch_size,
        image_size=size,
        precision=precision,
        weights=parameters + buffers,
        gradients=parameters,
        optimizer=_MOMENTS * parameters,
        average=average,
        activations=activations,
        step=step,
        # In the update there are all gradients, and no activations.
        total=state + max(round(_SLACK * step), parameters),
    )


def _place_on_cpu(model: Classifier, mode: FakeTensorMode) -> None:
    """Make the model's tensors say that they are on the CPU, by which autocast goes.

    They are of the meta device still. Models can't be built in that mode: they read values.
    """
    cpu = torch.device("cpu")
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            fake = FakeTensor(mode, parameter.data, cpu)
            module.register_parameter(name, torch.nn.Parameter(fake))
        for name, buffer in module.named_buffers(recurse=False):
            module.register_buffer(name, FakeTensor(mode, buffer, cpu))


def _count_step(
    model: Classifier, batch_size: int, image_size: int, num_labels: int, precision: Precision
) -> tuple[int, int]:
    """Bytes that a forward pass keeps, and the most that there are in it and its backward pass."""
    own = {_id_of(one) for one in (*model.parameters(), *model.buffers())}
    kept: dict[int, UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        # Several operations keep the same storage, whole or in part: it is counted once.
        if _id_of(tensor) not in own:
            kept[_id_of(tensor)] = tensor.untyped_storage()
        return tensor

    images = torch.zeros(batch_size, 1, image_size, image_size, dtype=torch.uint8)
    targets = torch.zeros(batch_size, num_labels)
    shortened = _TYPES.get(precision)
    autocast = torch.autocast("cpu", dtype=shortened) if shortened else nullcontext()
    model.train()
    with _LiveBytes() as live:
        with autocast, saved_tensors_hooks(keep, lambda tensor: tensor):
            logits = model(images)
        activations = sum(storage.nbytes() for storage in kept.values())
        kept.clear()
        torch.autograd.backward(binary_cross_entropy_with_logits(logits, targets))
    return activations, live.most


class _LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of the storages that operations in its block have made and that still are.

    `most`: the most at any time.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.most = self._now = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor) and _id_of(tensor) not in self._known:
                self._count_in(tensor)
        self.most = max(self.most, self._now)
        return made

    def _count_in(self, tensor: Tensor) -> None:
        storage, key = tensor.untyped_storage(), _id_of(tensor)
        num_bytes = storage.nbytes()
        self._known.add(key)
        self._now += num_bytes
        weakref.finalize(storage, self._count_out, key, num_bytes)

    def _count_out(self, key: int, num_bytes: int) -> None:
        self._known.discard(key)
        self._now -= num_bytes


def _id_of(tensor: Tensor) -> int:
    """The same for tensors that share a storage."""
    return int(tensor.untyped_storage()._cdata)


def _bytes_of(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
