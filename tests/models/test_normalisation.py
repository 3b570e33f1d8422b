from __future__ import annotations

import pytest
from torch import nn

from xlite.errors import InputError
from xlite.models.classifier import build_classifier
from xlite.models.normalisation import find_scales, require_normalisation


@pytest.mark.parametrize(
    ("name", "refused"),
    [("test_resnet", ()), ("test_convnext", ("frozen",)), ("test_nfnet", ("frozen", "affine"))],
)
def test_what_a_backbone_has_not_is_refused_by_name(name: str, refused: tuple[str, ...]) -> None:
    backbone = build_classifier(name, pretrained=False, seed=0).backbone
    for how in ("train", "frozen", "affine"):
        if how in refused:
            with pytest.raises(InputError, match=f"--batch-norm {how} .*{name}"):
                require_normalisation(backbone, how)
        else:
            require_normalisation(backbone, how)


def test_scales_are_those_of_every_kind_of_normalisation_and_of_nothing_else() -> None:
    layers = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.LayerNorm(4), nn.RMSNorm(4))
    assert find_scales(layers) == set(layers[1:].parameters())
