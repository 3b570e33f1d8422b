from __future__ import annotations

import pytest
import torch

from xlite.errors import InputError
from xlite.models.classifier import build_classifier
from xlite.models.drop_rates import choose_drop_arguments


@pytest.mark.parametrize(
    ("name", "option", "rate"),
    [
        ("test_resnet", "drop_rate", 0.2),  # in its classifier alone
        ("vgg11", "drop_path", 0.2),  # it has no such argument
    ],
)
def test_a_rate_that_a_backbone_does_not_heed_is_refused(
    name: str, option: str, rate: float
) -> None:
    rates = {"drop_path": None, "drop_rate": None}
    with pytest.raises(InputError, match=f"--{option.replace('_', '-')} 0.2 changes .* {name} "):
        choose_drop_arguments(name, **rates | {option: rate})
    choose_drop_arguments(name, **rates | {option: 0.0})


# Not of a ResNet, whose blocks add nothing before they are trained: none would be missed.
@pytest.mark.parametrize("rates", [{"drop_path": 0.9}, {"drop_rate": 0.9}])
def test_rates_act_in_training_alone_and_leave_the_weights_as_they_were(
    rates: dict[str, float],
) -> None:
    plain, dropped = (
        build_classifier("test_vit", pretrained=False, seed=0, dropout=0.0, **given)
        for given in ({}, rates)
    )
    size = plain.backbone.default_image_size
    images = torch.randint(
        0, 256, (4, 1, size, size), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    ours, theirs = plain.state_dict(), dropped.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    for model in (plain, dropped):
        model.eval()
    assert torch.equal(plain(images), dropped(images))
    dropped.train()
    first, second = dropped(images), dropped(images)
    assert not torch.equal(first, second)
