"""The training loss by name, with its settings and what it takes from the training part bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from xlite.arrays import column_names, number_classes, read_targets
from xlite.errors import ArgumentError
from xlite.labels import UNKNOWN
from xlite.losses.class_weights import choose_pos_weight
from xlite.losses.label_counts import count_labels
from xlite.losses.loss_terms import LossTerm, build_terms
from xlite.losses.ranking import PrecisionAverages
from xlite.losses.uncertainty import LabelUncertainty
from xlite.settings import INSEPARABLE, LossName, LossSettings

LossState = PrecisionAverages | LabelUncertainty
"""What a loss carries from step to step: a checkpoint has its parameters and buffers."""


@dataclass(frozen=True, eq=False)
class TrainingLoss:
    """A function of logits, targets, epoch and, where it has one, its state: nothing else."""

    name: LossName
    pos_weight: NDArray[np.float64] | None
    """The positives' weights, (C,), where the loss has them (pos-weight, combined)."""
    terms: tuple[LossTerm, ...]
    vocabulary: tuple[str, ...]
    """The C names."""
    state: LossState | None = None
    """What average-precision and `label_weighting` carry along. Parameters in it are to be trained
    with the model's."""

    def __call__(
        self, logits: Tensor, targets: Tensor, *, epoch: int = 0, rows: Tensor | None = None
    ) -> Tensor:
        """The loss of a batch in `epoch`, counted from 0: a scalar.

        logits: (B, C), or (B,) for one class. targets: as many, 1, 0, or -1 for unknown; other
        values are not looked for, since a GPU would have to be waited for. rows: (B,) int, those of
        the images in the labels that the loss was built from: average-precision moves its averages
        with them, and takes the batch's own without. Raises ArgumentError for other shapes, and
        for what is no tensor.
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
        found = self.components(logits, targets, epoch=epoch, rows=rows)
        return torch.stack([*found.values()]).sum()

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

    def components(
        self, logits: Tensor, targets: Tensor, *, epoch: int, rows: Tensor | None = None
    ) -> dict[str, Tensor]:
        """The named scalars whose sum is the loss of a batch in `epoch`, counted from 0.

        logits, targets: (B, C), targets 1, 0, or -1 for unknown. rows: (B,), as in a call.
        """
        match self.state:
            case LabelUncertainty():
                found = self._compute(logits, targets, epoch, label_weights=self.state.weights)
                return found | {"log-variance": self.state.price(targets)}
            case PrecisionAverages() if rows is not None:
                return self._compute(logits, targets, epoch, averages=self.state, rows=rows)
        return self._compute(logits, targets, epoch)

    def judge(self, logits: Tensor, targets: Tensor, *, epoch: int) -> dict[str, Tensor]:
        """As `components`, of images that are not trained on: by its formula, without its state.

        So the losses of two epochs can be compared.
        """
        return self._compute(logits, targets, epoch)

    def describe_state(self) -> dict[str, float]:
        """What of the state is worth a column of the history: a learned weight a label."""
        if not isinstance(self.state, LabelUncertainty):
            return {}
        weights = self.state.weights.tolist()
        return {
            f"loss_weight_{label}": weight
            for label, weight in zip(self.vocabulary, weights, strict=True)
        }

    def _compute(
        self, logits: Tensor, targets: Tensor, epoch: int, **options: Any
    ) -> dict[str, Tensor]:
        return {
            term.name: term.share * term.loss(logits, targets, **options)
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
    terms = build_terms(settings, count_labels(labels, vocabulary), pos_weight, device)
    state: LossState | None = None
    if settings.name == "average-precision":
        is_positive = torch.tensor(labels == 1, device=device)
        state = PrecisionAverages(is_positive, gamma=settings.precision_gamma)
    elif settings.label_weighting == "uncertainty":
        state = LabelUncertainty(len(vocabulary), device=device)
    return TrainingLoss(settings.name, pos_weight, terms, tuple(vocabulary), state)
