"""Averages of the weights, on torch's own AveragedModel: one that follows, one over epochs."""

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


class EpochAverage:
    """The uniform mean of a model over some epochs, batch statistics and all.

    As in stochastic weight averaging (Izmailov et al. 2018, arXiv:1803.05407), but that their
    statistics are collected anew by a pass over the training images, and ours averaged: of models
    that lie close together, the mean's are all but the mean of theirs, and nothing has to be read.
    """

    def __init__(self, model: nn.Module, first_epoch: int) -> None:
        """first_epoch: that of the first update, from 0."""
        self.first_epoch = first_epoch
        self.average = AveragedModel(model, multi_avg_fn=_mean, use_buffers=True)  # type: ignore[arg-type]
        self.average.requires_grad_(False)

    @property
    def module(self) -> nn.Module | None:
        """The mean so far; None before the first epoch that is in it."""
        module: nn.Module = self.average.module
        return module if self.average.n_averaged else None

    def take_in(self, model: nn.Module, epoch: int) -> None:
        """Count in the model as it is at the end of an epoch; a second time changes nothing."""
        if epoch == self.first_epoch + int(self.average.n_averaged):
            self.average.update_parameters(model)


def _mean(averaged: list[Tensor], current: list[Tensor], num_averaged: Tensor | int) -> None:
    share = 1 / (float(num_averaged) + 1)
    for mean, value in zip(averaged, current, strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, share)
        else:
            mean.copy_(value)
