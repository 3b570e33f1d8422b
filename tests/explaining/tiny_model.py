"""A convolutional net of a few thousand weights that learns synthetic films in seconds."""

from __future__ import annotations

import torch
from torch import nn

from xlite.models.catalogue import HeadName
from xlite.models.classifier import Classifier
from xlite.models.heads import build_head


class TinyBackbone(nn.Sequential):
    """Three strides of two: a film of 64 pixels becomes a map of 8 x 8 cells."""

    mean, std, num_features, timm_name = (0.5,) * 3, (0.25,) * 3, 48, "tiny"


def build_tiny(num_labels: int, seed: int, *, head: HeadName = "plain") -> Classifier:
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for channels, more, stride in ((3, 16, 2), (16, 32, 2), (32, 48, 2), (48, 48, 1)):
        conv = nn.Conv2d(channels, more, 3, stride, padding=1)
        layers += [conv, nn.BatchNorm2d(more), nn.ReLU()]
    return Classifier(
        backbone=TinyBackbone(*layers),  # type: ignore[arg-type]
        attention=nn.Identity(),
        head=build_head(head, 48, num_labels, dropout=0.0),
        has_position_encoding=False,
    )
