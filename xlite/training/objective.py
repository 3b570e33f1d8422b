"""What a step descends: the loss, and beside it that of heads on stages, all by their weights.

B images, C classes, S stages with a head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from xlite.models.stage_heads import StageHeads
from xlite.training.component_balance import ComponentBalance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xlite.losses.training_loss import TrainingLoss
    from xlite.models.classifier import Classifier
    from xlite.settings import TrainSettings

_OF_STAGES = "deep-supervision"
"""What the loss of the stages' heads is called among the components."""


class Objective:
    """The components that a step adds up, and what of them is carried from step to step."""

    def __init__(self, settings: TrainSettings, model: Classifier, loss: TrainingLoss) -> None:
        """model: on its device already."""
        self.loss, self._share = loss, settings.deep_supervision
        self.stage_heads: StageHeads | None = None
        if settings.deep_supervision:
            heads = StageHeads(model.backbone, len(loss.vocabulary))
            self.stage_heads = heads.to(model.pixel_scale.device)
        self.balance: ComponentBalance | None = None
        if settings.component_weights == "balanced":
            shares = {term.name: term.share for term in loss.terms}
            self.balance = ComponentBalance(
                shares | ({_OF_STAGES: self._share} if self._share else {})
            )

    @property
    def parts(self) -> dict[str, nn.Module]:
        """What a checkpoint saves and restores beside the model, by name; empty as a rule."""
        parts = {
            "loss": self.loss.state,
            "stage_heads": self.stage_heads,
            "component_balance": self.balance,
        }
        return {name: part for name, part in parts.items() if part is not None}

    def run(self, model: nn.Module, images: Tensor) -> Tensor:
        """The logits (B, C); where stages have heads, theirs behind them, (B, 1 + S, C)."""
        if self.stage_heads is not None:
            return self.stage_heads.run(model, images)
        logits: Tensor = model(images)
        return logits

    def components(
        self, outputs: Tensor, targets: Tensor, *, epoch: int, rows: Tensor
    ) -> dict[str, Tensor]:
        """The named scalars whose sum a step in `epoch` descends, of what `run` gave.

        targets: (B, C). rows: (B,), of the images in the training part. A stage's head has the loss
        without its state; their mean is a component of its own.
        """
        found = self.loss.components(logits_of(outputs), targets, epoch=epoch, rows=rows)
        if self.stage_heads is not None:
            of_stages = [
                torch.stack([*self.loss.judge(logits, targets, epoch=epoch).values()]).sum()
                for logits in outputs[:, 1:].unbind(dim=1)
            ]
            found[_OF_STAGES] = self._share * torch.stack(of_stages).mean()
        weights = {} if self.balance is None else self.balance.weights()
        return {name: weights.get(name, 1.0) * value for name, value in found.items()}

    def follow(self, components: Mapping[str, float]) -> None:
        """Take note of what the components of a whole step came to."""
        if self.balance is not None:
            self.balance.follow(components)

    def describe(self) -> dict[str, float]:
        """The columns of the history that tell of weights which move: of labels, of components."""
        weights = {} if self.balance is None else self.balance.weights()
        of_components = {f"component_weight_{name}": value for name, value in weights.items()}
        return self.loss.describe_state() | of_components


def logits_of(outputs: Tensor) -> Tensor:
    """The classifier's own logits (B, C) among what `Objective.run` gave."""
    return outputs if outputs.ndim == 2 else outputs[:, 0]
