"""The terms of a loss by its name: its formula, with settings and the training part's counts bound.

B batch, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from xlite.losses.asymmetric import asymmetric_loss
from xlite.losses.balanced import class_balanced_loss, distribution_balanced_loss
from xlite.losses.binary import bce_loss, focal_loss
from xlite.losses.label_counts import (
    LabelCounts,
    effective_number_weights,
    margins_by_count,
    prior_log_odds,
    require_one_a_label,
)
from xlite.losses.margin import ldam_loss, logit_adjusted_loss
from xlite.losses.pairwise import two_way_loss, zlpr_loss
from xlite.losses.ranking import auc_margin_loss, average_precision_loss

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.settings import LossSettings

Loss = Callable[..., Tensor]
"""A loss of logits (B, C) and targets (B, C), and of what `TrainingLoss.state` adds to them."""


@dataclass(frozen=True)
class LossTerm:
    """One term of a loss and the epochs, counted from 0, in which it is part of it."""

    name: str
    loss: Loss
    share: float = 1.0
    first_epoch: int = 0
    end_epoch: float = math.inf
    """The first epoch without it."""


def build_terms(
    settings: LossSettings,
    counts: LabelCounts,
    pos_weight: NDArray[np.float64] | None,
    device: torch.device,
) -> tuple[LossTerm, ...]:
    """The terms whose sum is the loss that `settings` name, on the device of the logits."""
    name = settings.name
    to_tensor = partial(torch.tensor, dtype=torch.float32, device=device)
    match name:
        case "combined":
            weighted = _bind("pos-weight", settings, counts, to_tensor, pos_weight)
            focal = _bind("focal", settings, counts, to_tensor)
            share = settings.focal_share
            return LossTerm("pos-weight", weighted, 1 - share), LossTerm("focal", focal, share)
        case "ldam":
            counts.warn_of_unlearnable("it gets no margin")
            sides = np.stack([counts.positives, counts.negatives]) * counts.is_learnable
            margins = to_tensor(margins_by_count(sides, settings.ldam_margin))
            plain = partial(
                ldam_loss,
                margins=margins,
                scale=settings.ldam_scale,
                smoothing=settings.label_smoothing,
            )
            if settings.reweight_epoch is None:
                return (LossTerm(name, plain),)
            weights = to_tensor(effective_number_weights(sides, settings.beta))
            return (
                LossTerm(name, plain, end_epoch=settings.reweight_epoch),
                LossTerm(
                    name,
                    partial(plain, side_weights=weights),
                    first_epoch=settings.reweight_epoch,
                ),
            )
        case "two-way" | "zlpr" | "auc-margin" | "average-precision":
            return (LossTerm(name, _bind_comparison(name, settings)),)
        case _:
            return (LossTerm(name, _bind(name, settings, counts, to_tensor, pos_weight)),)


def _bind_comparison(name: str, settings: LossSettings) -> Loss:
    """The loss called `name`, one that compares present with absent labels."""
    match name:
        case "two-way":
            return partial(
                two_way_loss,
                temperature_positive=settings.two_way_temperature_positive,
                temperature_negative=settings.two_way_temperature_negative,
            )
        case "zlpr":
            return zlpr_loss
        case "auc-margin":
            return partial(auc_margin_loss, margin=settings.auc_margin)
        case "average-precision":
            return partial(average_precision_loss, margin=settings.precision_margin)
    raise ValueError(f"no loss is bound to the name {name!r}")


def _bind(
    name: str,
    settings: LossSettings,
    counts: LabelCounts,
    to_tensor: Callable[[object], Tensor],
    pos_weight: NDArray[np.float64] | None = None,
) -> Loss:
    """The loss called `name`, one of entries that has a single form in every epoch."""
    match name:
        case "pos-weight":
            loss: Callable[..., Tensor] = partial(bce_loss, pos_weight=to_tensor(pos_weight))
        case "focal":
            alpha, gamma = _choose_focal_alpha(settings, counts), settings.focal_gamma
            if isinstance(gamma, tuple):
                require_one_a_label("--focal-gamma", gamma, counts.vocabulary)
            loss = partial(focal_loss, alpha=to_tensor(alpha), gamma=to_tensor(gamma))
        case "asymmetric":
            loss = partial(
                asymmetric_loss,
                gamma_negative=settings.asymmetric_gamma_negative,
                gamma_positive=settings.asymmetric_gamma_positive,
                margin=settings.asymmetric_margin,
                detached=settings.asymmetric_detached,
            )
        case "class-balanced":
            counts.warn_of_unlearnable("its weight is 1")
            positives = counts.positives * counts.is_learnable
            weights = effective_number_weights(positives, settings.beta)
            loss = partial(class_balanced_loss, class_weights=to_tensor(weights))
        case "distribution-balanced":
            counts.warn_of_unlearnable("its logit is not shifted")
            loss = partial(
                distribution_balanced_loss,
                positives=to_tensor(counts.positives),
                log_odds=to_tensor(prior_log_odds(counts)),
                alpha=settings.rebalance_alpha,
                beta=settings.rebalance_beta,
                mu=settings.rebalance_mu,
                kappa=settings.tolerance_kappa,
                lam=settings.tolerance_lambda,
                divided=settings.tolerance_divided,
            )
        case "logit-adjusted":
            counts.warn_of_unlearnable("its logit is not adjusted")
            log_odds = to_tensor(prior_log_odds(counts))
            loss = partial(logit_adjusted_loss, log_odds=log_odds, tau=settings.adjustment_tau)
        case "bce":
            loss = bce_loss
        case _:
            raise ValueError(f"no loss is bound to the name {name!r}")
    return partial(loss, smoothing=settings.label_smoothing)


def _choose_focal_alpha(
    settings: LossSettings, counts: LabelCounts
) -> float | tuple[float, ...] | NDArray[np.float64]:
    alpha = settings.focal_alpha
    if isinstance(alpha, tuple):
        require_one_a_label("--focal-alpha", alpha, counts.vocabulary)
    if alpha != "balanced":
        return alpha
    counts.warn_of_unlearnable("its focal α is 0.5")
    return np.where(counts.is_learnable, 1 - counts.prevalence, 0.5)
