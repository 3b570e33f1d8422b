"""The training loss by name, with its settings and what it takes from the training part bound."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from xlite.arrays import column_names, number_classes, read_targets
from xlite.errors import ArgumentError
from xlite.labels import UNKNOWN
from xlite.losses.asymmetric import asymmetric_loss
from xlite.losses.balanced import class_balanced_loss, distribution_balanced_loss
from xlite.losses.binary import bce_loss, focal_loss
from xlite.losses.class_weights import choose_pos_weight
from xlite.losses.label_counts import (
    LabelCounts,
    count_labels,
    effective_number_weights,
    margins_by_count,
    prior_log_odds,
    require_one_a_label,
)
from xlite.losses.margin import ldam_loss, logit_adjusted_loss
from xlite.losses.pairwise import two_way_loss, zlpr_loss
from xlite.settings import INSEPARABLE, LossName, LossSettings

Loss = Callable[[Tensor, Tensor], Tensor]
"""A loss of logits (B, C) and targets (B, C)."""


@dataclass(frozen=True)
class LossTerm:
    """One term of a loss and the epochs, counted from 0, in which it is part of it."""

    name: str
    loss: Loss
    share: float = 1.0
    first_epoch: int = 0
    end_epoch: float = math.inf
    """The first epoch without it."""


@dataclass(frozen=True, eq=False)
class TrainingLoss:
    """A pure function of logits, targets and epoch: a loss has no state to save."""

    name: LossName
    pos_weight: NDArray[np.float64] | None
    """The positives' weights, (C,), where the loss has them (pos-weight, combined)."""
    terms: tuple[LossTerm, ...]
    vocabulary: tuple[str, ...]
    """The C names."""

    def __call__(self, logits: Tensor, targets: Tensor, *, epoch: int = 0) -> Tensor:
        """The loss of a batch in `epoch`, counted from 0: a scalar.

        logits: (B, C), or (B,) for one class. targets: as many, 1, 0, or -1 for unknown; other
        values are not looked for, since a GPU would have to be waited for. Raises ArgumentError
        for other shapes, and for what is no tensor.
        """
        if not (isinstance(logits, Tensor) and isinstance(targets, Tensor)):
            raise ArgumentError("logits and targets must be tensors: torch.as_tensor makes them.")
        num_classes = len(self.vocabulary)
        if logits.ndim == targets.ndim == num_classes == 1:
            logits, targets = logits[:, None], targets[:, None]
        if logits.shape != targets.shape or logits.shape[1:] != (num_classes,):
            raise ArgumentError(
                f"logits and targets must both be (B, {num_classes}), a column for each label that "
                f"the loss was made for; they are {tuple(logits.shape)} and "
                f"{tuple(targets.shape)}."
            )
        return torch.stack([*self.components(logits, targets, epoch=epoch).values()]).sum()

    @property
    def is_additive(self) -> bool:
        """Whether a batch's loss is the mean of its parts' losses, weighed by `weigh`.

        Where it is not, a batch that is computed in parts has another loss, and the processes of
        a run need each other's logits.
        """
        return self.name not in INSEPARABLE

    def weigh(self, targets: Tensor) -> float:
        """What the loss of targets (B, C) divides by: the weight of that part in its batch.

        These are the known entries; for zlpr, the images with a known label.
        """
        is_known = targets != UNKNOWN
        return float((is_known.any(dim=1) if self.name == "zlpr" else is_known).sum())

    def components(self, logits: Tensor, targets: Tensor, *, epoch: int) -> dict[str, Tensor]:
        """The named scalars whose sum is the loss of a batch in `epoch`, counted from 0.

        logits, targets: (B, C), targets 1, 0, or -1 for unknown.
        """
        return {
            term.name: term.share * term.loss(logits, targets)
            for term in self.terms
            if term.first_epoch <= epoch < term.end_epoch
        }


def build_loss(
    name: LossName | LossSettings,
    labels: ArrayLike,
    *,
    device: torch.device | str = "cpu",
    **settings: Any,
) -> TrainingLoss:
    """The loss of that name for images with these labels: call it with logits and targets, (B, C).

    labels: those of the training part, (N, C), 1, 0 or -1 (unknown), or (N,) for one class; counts,
    weights and priors come from them. device: where the logits will be. settings: fields of
    LossSettings, as focal_gamma=1.5. A class without positives or without negatives is neutral,
    with a warning. Raises InputError on names and settings that do not fit each other or the
    labels, ArgumentError for labels or a device that can't be used.

    >>> loss = build_loss("bce", [[1, 0], [0, 1], [0, 0]])
    >>> loss(torch.zeros(1, 2), torch.tensor([[1, -1]]))
    tensor(0.6931)
    """
    given = name.model_dump() if isinstance(name, LossSettings) else {"name": name}
    try:
        place = torch.device(device)
    except (RuntimeError, TypeError):
        raise ArgumentError(f"device must be cpu, cuda, cuda:N or mps, not {device!r}.") from None
    codes = read_targets(labels, "labels")
    vocabulary = column_names(labels) or number_classes(codes.shape[1])
    return build_training_loss(
        LossSettings.parse(**{**given, **settings}), codes, vocabulary, device=place
    )


def build_training_loss(
    settings: LossSettings,
    labels: NDArray[np.int8],
    vocabulary: Sequence[str],
    *,
    device: torch.device,
) -> TrainingLoss:
    """The loss that `settings` name, for a training part with labels (N, C).

    Counts, weights and priors are those of the known labels. A class without positives or
    without negatives is neutral in them, with a warning. Raises InputError on settings that don't
    fit each other or the labels, and as `choose_pos_weight` does.
    """
    # A copy under another name, as an ablation makes, has not been validated.
    settings = LossSettings.parse(**settings.model_dump())
    pos_weight = None
    if settings.name in ("pos-weight", "combined"):
        pos_weight = choose_pos_weight(settings, labels, vocabulary)
    terms = _build_terms(settings, count_labels(labels, vocabulary), pos_weight, device)
    return TrainingLoss(settings.name, pos_weight, terms, tuple(vocabulary))


def _build_terms(
    settings: LossSettings,
    counts: LabelCounts,
    pos_weight: NDArray[np.float64] | None,
    device: torch.device,
) -> tuple[LossTerm, ...]:
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
        case _:
            return (LossTerm(name, _bind(name, settings, counts, to_tensor, pos_weight)),)


def _bind(
    name: str,
    settings: LossSettings,
    counts: LabelCounts,
    to_tensor: Callable[[object], Tensor],
    pos_weight: NDArray[np.float64] | None = None,
) -> Loss:
    """The loss called `name`, one that has a single form in every epoch."""
    match name:
        case "two-way":
            return partial(
                two_way_loss,
                temperature_positive=settings.two_way_temperature_positive,
                temperature_negative=settings.two_way_temperature_negative,
            )
        case "zlpr":
            return zlpr_loss
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
