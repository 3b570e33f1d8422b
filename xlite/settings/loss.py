"""Settings of the training loss."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    ValidationInfo,
    field_validator,
    model_validator,
)

from xlite.settings.settings import Settings, Shown

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
    "auc-margin",
    "average-precision",
]
PosWeightScheme = Literal["neg-over-pos", "sqrt", "inverse", "effective-number"]

UNSMOOTHABLE: tuple[LossName, ...] = ("two-way", "zlpr", "auc-margin", "average-precision")
"""The losses that compare present with absent labels, so that no entry has a target of its own."""

INSEPARABLE: tuple[LossName, ...] = ("two-way", "auc-margin", "average-precision")
"""The losses that compare the images of a batch with each other, so that it has to be in one
piece."""

_OpenShare = Annotated[float, Field(gt=0, lt=1)]


class LossSettings(Settings):
    """The training loss. A field that the named loss does not read has no effect."""

    panel: ClassVar[str] = "Loss"

    name: Annotated[LossName, Shown("--loss")] = "pos-weight"
    """The loss"""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """ε: a target y becomes y(1 − ε) + ε/2. Not for the last four losses, which compare labels."""
    label_weighting: Literal["none", "uncertainty"] = "none"
    """Weights of labels: all alike, or learned with the model from its uncertainty about each"""
    pos_weight: Annotated[
        PosWeightScheme | tuple[PositiveFloat, ...], Shown(is_unset=True, is_common=True)
    ] = "neg-over-pos"
    """pos-weight, combined: weights of positives: neg-over-pos (the default), sqrt, inverse,
    effective-number, or one number a label, separated by commas."""
    power: Annotated[float, Shown("--pos-weight-power")] = Field(default=1.0, ge=0, le=4)
    """Exponent of the inverse scheme."""
    smoothing: Annotated[float, Shown("--pos-weight-smoothing")] = Field(default=1.0, ge=0)
    """inverse: images added to each label's count."""
    beta: Annotated[float, Shown("--pos-weight-beta")] = Field(default=0.9999, ge=0, lt=1)
    """β of the effective number; class-balanced and ldam read it too."""
    allow_extreme: bool = False
    """Accept weights that call most classes positive everywhere."""
    focal_alpha: _OpenShare | Literal["balanced"] | tuple[_OpenShare, ...] = 0.25
    """focal, combined: weight of positives, that of negatives being 1 − α. A number, one a label
    separated by commas, or balanced (a label's share of negatives)."""
    focal_gamma: NonNegativeFloat | tuple[NonNegativeFloat, ...] = 2.0
    """focal, combined: focusing exponent, a number or one a label separated by commas."""
    focal_share: float = Field(default=0.5, gt=0, lt=1)
    """combined: share of the focal loss, the rest being BCE with positive weights."""
    asymmetric_gamma_negative: float = Field(default=4.0, ge=0)
    """asymmetric: focusing exponent of negatives."""
    asymmetric_gamma_positive: float = Field(default=0.0, ge=0)
    """asymmetric: focusing exponent of positives."""
    asymmetric_margin: float = Field(default=0.05, ge=0, lt=1)
    """asymmetric: prob up to which a negative costs nothing."""
    asymmetric_detached: bool = False
    """asymmetric: no gradient through the focusing weights, as in its authors' code."""
    rebalance_alpha: float = Field(default=0.1, ge=0)
    """distribution-balanced: least weight of an entry; the largest is one more."""
    rebalance_beta: float = Field(default=10.0, gt=0)
    """distribution-balanced: slope between those two."""
    rebalance_mu: float = Field(default=0.2, ge=0)
    """distribution-balanced: ratio of class to image sampling rate at the middle of the slope."""
    tolerance_kappa: float = Field(default=0.05, ge=0)
    """distribution-balanced: share of a label's prior log-odds added to its logit."""
    tolerance_lambda: float = Field(default=2.0, gt=0)
    """distribution-balanced: what negative logits are stretched by, and their loss divided by."""
    tolerance_divided: bool = False
    """distribution-balanced: κ divided by λ, as in its authors' code."""
    ldam_margin: float = Field(default=0.5, ge=0)
    """ldam: margin of the rarest side of a label, in logits."""
    ldam_scale: float = Field(default=1.0, gt=0)
    """ldam: factor of logits and margins."""
    reweight_epoch: int | None = Field(default=None, ge=0)
    """ldam: epochs after which sides are weighed by their effective number. Default: never."""
    adjustment_tau: float = Field(default=1.0, ge=0)
    """logit-adjusted: share of a label's prior log-odds added to its logit."""
    two_way_temperature_positive: float = Field(default=4.0, gt=0)
    """two-way: temperature of the smallest positive logit."""
    two_way_temperature_negative: float = Field(default=1.0, gt=0)
    """two-way: temperature of the largest negative logit."""
    auc_margin: float = Field(default=1.0, gt=0)
    """auc-margin: how far the mean prob of positives is to lie over that of negatives."""
    precision_margin: float = Field(default=1.0, gt=0)
    """average-precision: how far under a positive's prob another's stops costing."""
    precision_gamma: float = Field(default=0.9, gt=0, le=1)
    """average-precision: share of the newest batch in an image's moving averages."""

    @field_validator("pos_weight", "focal_alpha", "focal_gamma", mode="before")
    @classmethod
    def _read_numbers(cls, value: object, info: ValidationInfo) -> object:
        """One number a label as a command line has it: text with commas between them."""
        if not isinstance(value, str):
            return value
        try:
            numbers = tuple(float(number) for number in value.split(",") if number.strip())
        except ValueError:
            return value  # a name, or a fault
        is_one = len(numbers) == 1 and info.field_name != "pos_weight"
        return numbers[0] if is_one else numbers

    @model_validator(mode="after")
    def _check_weighting(self) -> Self:
        if self.label_weighting != "none" and self.name in UNSMOOTHABLE:
            raise ValueError(
                f"--label-weighting {self.label_weighting} has no meaning for --loss {self.name}, "
                "which is no likelihood of labels: leave it at none or choose another loss"
            )
        return self

    @model_validator(mode="after")
    def _check_smoothing(self) -> Self:
        if self.label_smoothing and self.name in UNSMOOTHABLE:
            raise ValueError(
                f"--label-smoothing {self.label_smoothing} has no meaning for --loss {self.name}, "
                "which compares present with absent labels: leave it at 0 or choose another loss"
            )
        return self
