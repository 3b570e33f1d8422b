from __future__ import annotations

from typing import Any

import pytest
import torch

from xlite.errors import InputError
from xlite.settings import LossSettings, TrainSettings
from xlite.training.mixing import mix_batch
from xlite.training.preflight import share_batch

TARGETS = torch.tensor([[1.0, 0.0, -1.0], [0.0, 0.5, 1.0], [1.0, 1.0, 0.0], [0.0, 0.0, -1.0]])
# Film n is n everywhere, so that what a mixture holds of it can be read off.
IMAGES = torch.arange(4, dtype=torch.uint8).view(4, 1, 1, 1).expand(4, 1, 16, 16) * 10


def mix(step: int = 0, rank: int = 0, **changes: Any) -> tuple[torch.Tensor, torch.Tensor]:
    return mix_batch(IMAGES, TARGETS, TrainSettings(model="m", **changes), 0, step, rank)


@pytest.mark.parametrize("way", [{"mixup": 0.8}, {"cutmix": 1.0}])
def test_targets_are_mixed_by_the_share_of_each_film(way: dict[str, Any]) -> None:
    shares = []
    for step in range(8):
        images, targets = mix(step, **way)
        # Films 0 and 3 are a pair, 1 and 2 the other; a mean of 30 λ is film 3's share of it.
        share = 1 - images[0].float().mean().item() / 30
        partners = TARGETS.flip(0)
        expected = share * TARGETS + (1 - share) * partners
        is_known = (TARGETS != -1) & (partners != -1)
        torch.testing.assert_close(targets, torch.where(is_known, expected, -1.0))
        assert targets[0, 2] == targets[3, 2] == -1
        is_between = (images != 0) & (images != 30)
        assert bool(is_between[0].any()) == ("mixup" in way)
        shares.append(share)
    assert len(set(shares)) > 4
    assert IMAGES[0].max() == 0  # the loader's own tensor is left alone


def test_the_draw_is_a_function_of_seed_epoch_step_and_rank() -> None:
    first = mix(3, mixup=0.4)
    assert all(torch.equal(a, b) for a, b in zip(first, mix(3, mixup=0.4), strict=True))
    others = [mix(4, mixup=0.4), mix(3, 1, mixup=0.4), mix(3, mixup=0.4, seed=1)]
    assert not any(torch.equal(first[0], other[0]) for other in others)


def test_with_both_each_batch_is_mixed_in_one_of_the_two_ways() -> None:
    is_cut = [mix(step, mixup=0.4, cutmix=1.0)[0].dtype == torch.uint8 for step in range(200)]
    assert 70 < sum(is_cut) < 130


def test_what_has_nothing_to_mix_or_no_use_for_it_is_refused() -> None:
    for name in ("two-way", "zlpr"):
        with pytest.raises(InputError, match=f"--loss {name} compares .* --cutmix mixed has"):
            TrainSettings.parse(model="m", cutmix=1.0, loss=LossSettings(name=name))
    with pytest.raises(InputError, match="a batch of 1 has no two"):
        TrainSettings.parse(model="m", mixup=0.2, batch_size=1)
    with pytest.raises(InputError, match="each of 4 processes one film"):
        share_batch(TrainSettings(model="m", mixup=0.2, batch_size=4), 4)
