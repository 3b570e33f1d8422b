"""What a model costs, found without building its weights: parameters, MACs, image size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from xlite.errors import InputError
from xlite.models.catalogue import MODELS, Attention, HeadName, parse_model_name
from xlite.models.classifier import Classifier, build_classifier, count_parameters
from xlite.models.pretrained import find_cached_weights, has_pretrained_weights
from xlite.results import Result

if TYPE_CHECKING:
    import pandas as pd

WeightsSource = Literal["cached", "hub", "none"]


@dataclass(frozen=True, kw_only=True)
class ModelFigures(Result):
    """What a model's name stands for, and what it costs."""

    name: str
    """As in `--models`."""
    backbone: str
    """timm's name of the backbone."""
    attention: Attention
    """The block on its feature map."""
    num_parameters: int
    """Of backbone, attention and head together."""
    num_macs: int
    """Multiply-accumulates for one image (see `count_macs`)."""
    image_size: int
    """Side in pixels of the image that the MACs are for."""
    pretrained_weights: WeightsSource
    """Whether timm's weights are in the local cache, on the hub only, or do not exist."""
    head: HeadName | None = None
    """What makes logits of the tokens; None for the plain head."""

    left_out: ClassVar[frozenset[str]] = frozenset({"head"})


@dataclass(frozen=True, kw_only=True)
class ModelCensus(Result):
    """What `count_models` returns and `xlite models --json` prints."""

    models: list[ModelFigures]

    def to_frame(self) -> pd.DataFrame:
        """One row a model, with the columns of `ModelFigures`."""
        import pandas as pd

        return pd.DataFrame([asdict(model) for model in self.models])


def count_models(
    names: Sequence[str] = (), *, num_labels: int = 14, image_size: int | None = None
) -> ModelCensus:
    """The figures of models by name; of the plain backbones and their hybrids without names.

    num_labels, image_size: as `measure_model` takes them, which says what is raised.
    """
    return ModelCensus(
        models=[
            measure_model(name, num_classes=num_labels, image_size=image_size)
            for name in names or list_default_names()
        ]
    )


def list_default_names() -> tuple[str, ...]:
    """The three plain backbones, each followed by its two hybrids.

    >>> list_default_names()[:3]
    ('efficientnet_b0', 'efficientnet_b0_mhsa', 'efficientnet_b0_performer')
    """
    backbones = dict.fromkeys(spec.timm_name for spec in MODELS.values())
    return tuple(
        name
        for backbone in backbones
        for name in (backbone, *(n for n, spec in MODELS.items() if spec.timm_name == backbone))
    )


def measure_model(
    name: str, *, num_classes: int = 14, image_size: int | None = None
) -> ModelFigures:
    """The figures of the model of that name with `num_classes` labels.

    image_size: side in pixels; None takes that of the backbone's pretraining.
    Raises InputError for an unknown name and for a size that the model does not take.
    """
    spec = parse_model_name(name)
    model = build_shapes(name, num_classes=num_classes)
    size = model.backbone.default_image_size if image_size is None else image_size
    with explain_refused_size(model, size):
        num_macs = count_macs(model, image_size=size)
    return ModelFigures(
        name=name,
        backbone=spec.timm_name,
        attention=spec.attention,
        num_parameters=count_parameters(model),
        num_macs=num_macs,
        image_size=size,
        pretrained_weights=_find_weights(spec.timm_name),
        head=None if spec.head == "plain" else spec.head,
    )


def build_shapes(name: str, *, num_classes: int) -> Classifier:
    """The model on torch's meta device: its tensors have shapes and no values.

    Nothing is initialised, computed or downloaded. Raises InputError for an unknown name.
    """
    with torch.device("meta"):
        return build_classifier(name, num_classes=num_classes, pretrained=False, seed=0)


@contextmanager
def explain_refused_size(model: Classifier, image_size: int) -> Iterator[None]:
    """A block whose errors of torch and timm become an InputError about the image's size."""
    try:
        yield
    # What they raise where a window, a patch or a kernel does not fit the image.
    except (RuntimeError, AssertionError, ValueError) as error:
        raise InputError(
            f"{model.backbone.timm_name} takes no images of {image_size} pixels "
            f"({str(error).partition(chr(10))[0]}). Pass --image-size "
            f"{model.backbone.default_image_size}, that of its pretraining."
        ) from error


def count_macs(model: nn.Module, *, image_size: int) -> int:
    """The multiply-accumulates of one grey image (1, 1, S, S) through `model`, a Classifier.

    Counted by torch's FlopCounterMode, two FLOPs to a MAC: convolutions and matrix products, those
    within attention included; not biases, norms, activations, pooling, or the Performer's sums and
    exponentials. The model's mode, device and weights do not matter and stay as they are.
    """
    device = next(model.parameters()).device
    modes = {module: module.training for module in model.modules()}
    model.eval()
    counter = FlopCounterMode(display=False)
    # The counter knows the two matrix products of plain attention on any device, but not the fused
    # kernel of the CPU: there efficientnet_b0_mhsa came out 0.9 % short.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        model(torch.zeros(1, 1, image_size, image_size, device=device))
    for module, mode in modes.items():
        module.training = mode
    return counter.get_total_flops() // 2


def _find_weights(timm_name: str) -> WeightsSource:
    if find_cached_weights(timm_name) is not None:
        return "cached"
    return "hub" if has_pretrained_weights(timm_name) else "none"
