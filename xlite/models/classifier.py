"""The classifier: a backbone's feature map, attention over its tokens, a head over these.

B batch, C classes, D channels, S image side, H' and W' the map's sides, T = H' W' tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from xlite.arrays import read_count
from xlite.errors import ArgumentError, InputError
from xlite.models.attention import (
    MeanMixing,
    MultiHeadSelfAttention,
    PerformerAttention,
    encode_positions,
)
from xlite.models.backbone import Backbone, create_backbone
from xlite.models.catalogue import MODELS, Attention, ModelSpec, parse_model_name
from xlite.models.drop_rates import choose_drop_arguments
from xlite.models.heads import Head, build_head
from xlite.randomness import derive_seed
from xlite.settings import CSRA_LAMBDA

__all__ = [
    "MODELS",
    "Classifier",
    "ModelSpec",
    "build_classifier",
    "build_described",
    "count_parameters",
    "parse_model_name",
]

_ATTENTION_BLOCKS: dict[Attention, Callable[[int], nn.Module]] = {
    "none": lambda _: nn.Identity(),
    "mhsa": MultiHeadSelfAttention,
    "performer": PerformerAttention,
    "mean": MeanMixing,
}


class Classifier(nn.Module):
    """Grey images (B, 1, S, S), uint8 or float in [0, 255], to logits (B, C) in float32.

    Built by `build_classifier`. `backbone`, `attention` and `head` are its parts, for learning
    rates and schedules of their own.
    """

    pixel_scale: Tensor
    pixel_shift: Tensor

    def __init__(
        self,
        *,
        backbone: Backbone,
        attention: nn.Module,
        head: Head,
        has_position_encoding: bool,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.attention = attention
        self.head = head
        self.has_position_encoding = has_position_encoding
        mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (backbone.mean, backbone.std))
        # (pixel / 255 - mean) / std as one scale and one shift: a single pass over the batch.
        self.register_buffer("pixel_scale", 1 / (255 * std))
        self.register_buffer("pixel_shift", -mean / std)

    def forward(self, images: Tensor) -> Tensor:
        """The logits (B, C); errors as `tokens` has them."""
        logits: Tensor = self.head(self.tokens(images))
        return logits.float()

    def see(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The logits (B, C) and the features (B, D) of one pass: `forward` and `pool_features`."""
        tokens = self.tokens(images)
        logits: Tensor = self.head(tokens)
        return logits.float(), tokens.mean(dim=1)

    def pool_features(self, images: Tensor) -> Tensor:
        """The mean over the tokens of each image (B, D), whatever the head makes of them."""
        return self.tokens(images).mean(dim=1)

    def tokens(self, images: Tensor) -> Tensor:
        """What the head sees of each image (B, T, D): the places of its map, after attention.

        Raises InputError where attention, or a head that tells places apart, would see one alone.
        """
        feature_map = self.backbone(self.normalise(images))
        has_attention = not isinstance(self.attention, nn.Identity)
        if feature_map.shape[2:].numel() == 1 and (has_attention or self.head.needs_places):
            what = "attention" if has_attention else "its head"
            raise InputError(
                f"{self.backbone.timm_name} leaves one token of a {images.shape[-1]} pixel "
                f"image, and {what} needs more than one; use a larger --image-size."
            )
        return self.mix_map(feature_map)

    def mix_map(self, feature_map: Tensor) -> Tensor:
        """The tokens (B, T, D) of the backbone's map (B, D, H', W'), of several tokens."""
        _, D, height, width = feature_map.shape
        tokens = feature_map.flatten(2).mT
        if not isinstance(self.attention, nn.Identity):
            if self.has_position_encoding:
                tokens = tokens + encode_positions(height, width, D).to(tokens)
            tokens = self.attention(tokens)
        return tokens

    @property
    def sees_means_alone(self) -> bool:
        """Whether what is behind the backbone needs the mean of its map and no more of it."""
        return isinstance(self.attention, nn.Identity) and not self.head.needs_places

    def classify_map(self, feature_map: Tensor) -> Tensor:
        """The logits (B, C) of the backbone's map (B, D, H', W')."""
        logits: Tensor = self.head(self.mix_map(feature_map))
        return logits.float()

    def normalise(self, images: Tensor) -> Tensor:
        """The backbone's input (B, 3, S, S): three normalised channels from one grey channel.

        The channels first come apart here, on the device: until then an image is a byte a pixel.
        """
        if images.ndim != 4 or images.shape[1] != 1:
            raise ValueError(f"images must be (B, 1, S, S), not {tuple(images.shape)}")
        grey = images.to(self.pixel_scale.dtype)
        return torch.addcmul(self.pixel_shift, grey, self.pixel_scale)


def build_classifier(
    name: str,
    *,
    num_classes: int = 14,
    pretrained: bool = True,
    weights_path: Path | None = None,
    seed: int,
    dropout: float = 0.1,
    drop_path: float | None = None,
    drop_rate: float | None = None,
    position_encoding: bool = False,
    csra_lambda: float = CSRA_LAMBDA,
    csra_temperature: float = 1.0,
    csra_heads: int = 1,
) -> Classifier:
    """The classifier of that name, on the CPU, in training mode: (B, 1, S, S) to logits (B, C).

    name: one of the six hybrids, or a timm name, alone or with +mhsa, +performer or +mean; behind
    it +linear, +gem, +csra or +query for another head.

    New weights are a function of `seed` alone, part by part: at one seed a backbone's variants
    share all but the attention's mechanism or the head, so a comparison starts from equal weights.
    torch's global generators stay as they were.

    weights_path: the backbone's weights in timm's naming, before `pretrained`.
    drop_path, drop_rate: of the backbone's blocks in training (`choose_drop_arguments`).
    position_encoding: add a 2-D sine-cosine code to the tokens before attention.
    csra_lambda, csra_temperature, csra_heads: of the head csra (`CsraHead`).
    Raises InputError for the name, the weights, and what the model has no part for.
    """
    spec = parse_model_name(name)
    num_classes = read_count(num_classes, "num_classes", at_least=1)
    if not (isinstance(dropout, int | float) and 0 <= dropout < 1):
        raise ArgumentError(f"dropout must be from 0 to under 1, not {dropout!r}.")
    if position_encoding and spec.attention == "none":
        raise InputError(f"{name} has no attention that a position encoding could serve.")
    drops = choose_drop_arguments(spec.timm_name, drop_path=drop_path, drop_rate=drop_rate)
    with _seeded(derive_seed("initialise backbone", seed)):
        backbone = create_backbone(
            spec.timm_name, pretrained=pretrained, weights_path=weights_path, arguments=drops
        )
    D = backbone.num_features
    with _seeded(derive_seed("initialise attention", seed)):
        attention = _ATTENTION_BLOCKS[spec.attention](D)
    with _seeded(derive_seed("initialise head", seed)):
        head = build_head(
            spec.head,
            D,
            num_classes,
            dropout=dropout,
            csra_lambda=csra_lambda,
            csra_temperature=csra_temperature,
            csra_heads=csra_heads,
        )
    return Classifier(
        backbone=backbone,
        attention=attention,
        head=head,
        has_position_encoding=position_encoding,
    )


class ModelDescription(Protocol):
    """What decides a model but for its weights and labels, as settings and weights files have it;
    each as `build_classifier` takes it.
    """

    @property
    def model(self) -> str: ...
    @property
    def dropout(self) -> float: ...
    @property
    def position_encoding(self) -> bool: ...
    @property
    def csra_lambda(self) -> float: ...
    @property
    def csra_temperature(self) -> float: ...
    @property
    def csra_heads(self) -> int: ...


def build_described(
    described: ModelDescription,
    *,
    num_classes: int,
    pretrained: bool = False,
    weights_path: Path | None = None,
    seed: int = 0,
    drop_path: float | None = None,
    drop_rate: float | None = None,
) -> Classifier:
    """The classifier of that description, as `build_classifier` builds it.

    drop_path and drop_rate are of training alone, and no part of what a model is.
    """
    return build_classifier(
        described.model,
        num_classes=num_classes,
        pretrained=pretrained,
        weights_path=weights_path,
        seed=seed,
        dropout=described.dropout,
        drop_path=drop_path,
        drop_rate=drop_rate,
        position_encoding=described.position_encoding,
        csra_lambda=described.csra_lambda,
        csra_temperature=described.csra_temperature,
        csra_heads=described.csra_heads,
    )


def count_parameters(module: nn.Module) -> int:
    """The number of a module's parameters, frozen ones included; buffers are none.

    >>> count_parameters(nn.Linear(3, 2))
    8
    """
    return sum(parameter.numel() for parameter in module.parameters())


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """A block in which torch's CPU generator starts from `seed`; afterwards it is as before."""
    # timm's and torch's initialisers know no other generator. devices=[] leaves the GPUs' alone.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
