"""Settings of the training loss."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from xlite.settings.settings import Settings

LossName = Literal[
    "bce",
    "pos-weight",
    "focal",
    "combined",
    "asymmetric",
    "class-balanced",
    "distribution-balanced",
    "ldam",
    "logit-adjusted",
    "two-way",
    "zlpr",
]
PosWeightScheme = Literal["neg-over-pos", "sqrt", "inverse", "effective-number"]

UNSMOOTHABLE: tuple[LossName, ...] = ("two-way", "zlpr")
"""The losses that compare labels with each other, so that no entry has a target of its own."""

INSEPARABLE: tuple[LossName, ...] = ("two-way",)
"""The losses that compare the images of a batch with each other, so that it has to be in one
piece."""

_OpenShare = Annotated[float, Field(gt=0, lt=1)]


class LossSettings(Settings):
    """The training loss. A field that the named loss does not read has no effect."""

    options: ClassVar[dict[str, str]] = {
        "name": "--loss",
        "power": "--pos-weight-power",
        "smoothing": "--pos-weight-smoothing",
        "beta": "--pos-weight-beta",
    }
    name: LossName = "pos-weight"
    """One of LOSS_NAMES; pos-weight is BCE with a weight on each class's positives."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """ε of label smoothing: a target y becomes y(1 − ε) + ε/2. Not for two-way and zlpr."""
    pos_weight: PosWeightScheme | tuple[PositiveFloat, ...] = "neg-over-pos"
    """The scheme of the positive weights, or one weight a class; read by pos-weight, combined."""
    power: float = Field(default=1.0, ge=0, le=4)
    """Exponent of the inverse scheme."""
    smoothing: float = Field(default=1.0, ge=0)
    """Images added to each class's count in the inverse scheme."""
    beta: float = Field(default=0.9999, ge=0, lt=1)
    """β of the effective number of samples: of its scheme, of class-balanced and of ldam."""
    allow_extreme: bool = False
    """Accept weights under which most classes would be called positive everywhere."""
    focal_alpha: _OpenShare | Literal["balanced"] | tuple[_OpenShare, ...] = 0.25
    """Weight of positives in the focal loss, that of negatives being 1 − α: one for all classes,
    one a class, or balanced: each class's share of negatives. Read by focal and combined."""
    focal_gamma: NonNegativeFloat | tuple[NonNegativeFloat, ...] = 2.0
    """Focusing exponent of the focal loss, one for all classes or one a class."""
    focal_share: float = Field(default=0.5, gt=0, lt=1)
    """Share of the focal loss in combined; the rest is BCE with positive weights."""
    asymmetric_gamma_negative: float = Field(default=4.0, ge=0)
    """Focusing exponent of negatives in the asymmetric loss."""
    asymmetric_gamma_positive: float = Field(default=0.0, ge=0)
    """Focusing exponent of positives in the asymmetric loss."""
    asymmetric_margin: float = Field(default=0.05, ge=0, lt=1)
    """Prob up to which a negative costs nothing in the asymmetric loss."""
    asymmetric_detached: bool = False
    """Let no gradient through the focusing weights of asymmetric, as its authors' code does."""
    rebalance_alpha: float = Field(default=0.1, ge=0)
    """Least weight of an entry in distribution-balanced; the largest is one more."""
    rebalance_beta: float = Field(default=10.0, gt=0)
    """Slope between those two in distribution-balanced."""
    rebalance_mu: float = Field(default=0.2, ge=0)
    """Ratio of class to image sampling rate at the middle between those two."""
    tolerance_kappa: float = Field(default=0.05, ge=0)
    """Share of a class's prior log-odds that distribution-balanced adds to its logit."""
    tolerance_lambda: float = Field(default=2.0, gt=0)
    """What distribution-balanced stretches negative logits by, and divides their loss by."""
    tolerance_divided: bool = False
    """Divide κ by λ in distribution-balanced, as its authors' code does."""
    ldam_margin: float = Field(default=0.5, ge=0)
    """Margin of the rarest side of a class in ldam, in logits."""
    ldam_scale: float = Field(default=1.0, gt=0)
    """What ldam multiplies logits and margins by."""
    reweight_epoch: int | None = Field(default=None, ge=0)
    """Epochs after which ldam weighs sides by their effective number; None never does."""
    adjustment_tau: float = Field(default=1.0, ge=0)
    """Share of a class's prior log-odds that logit-adjusted adds to its logit."""
    two_way_temperature_positive: float = Field(default=4.0, gt=0)
    """Temperature of the smallest positive logit in two-way."""
    two_way_temperature_negative: float = Field(default=1.0, gt=0)
    """Temperature of the largest negative logit in two-way."""

    @model_validator(mode="after")
    def _check_smoothing(self) -> Self:
        if self.label_smoothing and self.name in UNSMOOTHABLE:
            raise ValueError(
                f"--label-smoothing {self.label_smoothing} has no meaning for --loss {self.name}, "
                "which compares labels with each other: leave it at 0 or choose another loss"
            )
        return self
