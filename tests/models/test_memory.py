from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from xlite.errors import ArgumentError, InputError
from xlite.models.classifier import build_classifier, count_parameters
from xlite.models.memory import MemoryFigures, estimate_memory

NAME = "test_resnet"


def estimate(name: str = NAME, **more: Any) -> MemoryFigures:
    given = {"batch_size": 8, "image_size": 64, **more}
    return estimate_memory([name], **given).models[0]


def test_what_is_kept_is_what_hooks_see_in_a_real_pass() -> None:
    import torch

    model = build_classifier(NAME, pretrained=False, seed=0).to(memory_format=torch.channels_last)
    own = {one.untyped_storage().data_ptr() for one in (*model.parameters(), *model.buffers())}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = model(torch.zeros(8, 1, 64, 64, dtype=torch.uint8))
    assert logits.shape == (8, 14)
    assert estimate().activations == pytest.approx(sum(kept.values()), rel=0.01)


def test_state_is_that_of_adamw() -> None:
    found = estimate(has_average=True)
    num_bytes = 4 * count_parameters(build_classifier(NAME, pretrained=False, seed=0))
    assert (found.gradients, found.optimizer) == (num_bytes, 2 * num_bytes)
    assert found.average == found.weights > num_bytes
    assert found.total > sum(found.parts) - found.gradients


def test_more_images_pixels_and_digits_take_more() -> None:
    usual = estimate()
    assert estimate(batch_size=16).activations == pytest.approx(2 * usual.activations, rel=0.01)
    assert estimate(image_size=128).activations == pytest.approx(4 * usual.activations, rel=0.05)
    assert 0.4 < estimate(precision="bf16").activations / usual.activations < 0.8
    assert estimate(has_average=True).total > usual.total


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")
def test_it_is_within_15_percent_of_a_measured_peak() -> None:
    # Large enough for the step to outweigh what a process takes by itself.
    name, batch_size, image_size = "tf_efficientnet_lite0", 8, 128
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.training_memory",
            name,
            str(batch_size),
            str(image_size),
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    peak = json.loads(done.stdout)["peak"]
    found = estimate(name, batch_size=batch_size, image_size=image_size)
    assert found.total == pytest.approx(peak, rel=0.15)


def test_what_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="unknown precision 'int8'"):
        estimate(precision="int8")
    with pytest.raises(ArgumentError, match="batch_size"):
        estimate(batch_size=0)
    with pytest.raises(InputError, match="takes images of 160 pixels only"):
        estimate("test_vit", image_size=8)
