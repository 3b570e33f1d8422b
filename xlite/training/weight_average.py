"""The exponential moving average of the weights, on torch's own AveragedModel."""

from __future__ import annotations

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def build_weight_average(model: nn.Module, decay: float) -> AveragedModel:
    """A copy of `model` that follows it by `decay` a step; buffers are copied as they are.

    After n updates the decay is min(decay, (1 + n) / (10 + n)), the warm-up of TensorFlow's
    ExponentialMovingAverage: with a plain 0.999, three hundred steps of a small study would still
    be three quarters initial weights.
    """

    def follow(averaged: list[Tensor], current: list[Tensor], num_averaged: Tensor | int) -> None:
        count = float(num_averaged)
        now = min(decay, (1 + count) / (10 + count))
        follow_now = get_ema_multi_avg_fn(now)  # type: ignore[no-untyped-call]
        follow_now(averaged, current, num_averaged)

    average = AveragedModel(model, multi_avg_fn=follow)  # type: ignore[arg-type]
    return average.requires_grad_(False)
