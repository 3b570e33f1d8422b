"""Frozen, validated settings, their JSON form and their fingerprint.

What is in a settings object changes the result of a run and so enters its fingerprint; what
does not (device, workers) is in `Runtime`.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from xlite.errors import InputError

_SHARE = "share:"

LossName = Literal["bce", "pos-weight", "focal"]
PosWeightScheme = Literal["neg-over-pos", "sqrt", "inverse", "effective-number"]
SamplerName = Literal[
    "none",
    "inverse-mean",
    "inverse-max",
    "inverse-sum",
    "class-aware",
    "repeat-factor",
    "distribution-balanced",
    "max-entropy",
]


class Settings(BaseModel):
    """Base of all settings: frozen, and an unknown field is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )

    options: ClassVar[dict[str, str]] = {}
    """The CLI option of each field whose option is not named after it."""

    @classmethod
    def parse(cls, **values: Any) -> Self:
        """Validated settings; InputError names each field that is wrong, as its CLI option."""
        try:
            return cls(**values)
        except ValidationError as error:
            faults: dict[str, str] = {}
            for fault in error.errors():
                field = str(fault["loc"][0]) if fault["loc"] else ""
                option = cls.options.get(field, f"--{field.replace('_', '-')}")
                message = fault["msg"].removeprefix("Value error, ")
                # A union of types gives a fault for each; the first is the one to read.
                faults.setdefault(
                    option,
                    f"{option}: {message[:1].lower()}{message[1:]} (given: {fault['input']!r})",
                )
            raise InputError("; ".join(faults.values()) + ".") from None

    def fingerprint(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return fingerprint_of(self.model_dump(mode="json"))


class ClaheSettings(Settings):
    """What decides the pixels of a cached image, apart from its source."""

    size: int = Field(default=224, ge=8, le=4096)
    """Edge of the square result, in pixels."""
    clip: float = Field(default=2.0, gt=0, le=1000)
    """Clip limit: the largest slope of the grey-level mapping, 1 being no equalisation."""
    grid: int = Field(default=8, ge=1, le=64)
    """Tiles along each edge of the image."""
    fit: Literal["pad", "stretch", "crop"] = "pad"
    """How other aspect ratios become square: black borders, distortion, or centre crop."""


class LossSettings(Settings):
    """The training loss and its class weights."""

    options = {  # annotated in the base
        "name": "--loss",
        "power": "--pos-weight-power",
        "smoothing": "--pos-weight-smoothing",
        "beta": "--pos-weight-beta",
    }
    name: LossName = "pos-weight"
    """bce, pos-weight (BCE with a weight on each class's positives) or focal."""
    pos_weight: PosWeightScheme | tuple[PositiveFloat, ...] = "neg-over-pos"
    """The scheme of the positive weights, or one weight a class; read by the pos-weight loss."""
    power: float = Field(default=1.0, ge=0, le=4)
    """Exponent of the inverse scheme."""
    smoothing: float = Field(default=1.0, ge=0)
    """Images added to each class's count in the inverse scheme."""
    beta: float = Field(default=0.9999, ge=0, lt=1)
    """β of the effective number of samples."""
    allow_extreme: bool = False
    """Accept weights under which most classes would be called positive everywhere."""
    focal_alpha: float = Field(default=0.25, gt=0, lt=1)
    """Weight of positives in the focal loss; negatives get 1 − α."""
    focal_gamma: float = Field(default=2.0, ge=0)
    """Focusing exponent of the focal loss."""


class SamplerSettings(Settings):
    """How often images are drawn. A field that the named sampler does not read has no effect."""

    options = {"name": "--sampler", "power": "--sampler-power"}  # as above
    name: SamplerName = "max-entropy"
    """One of SAMPLER_NAMES; none draws each image once an epoch."""
    no_finding: float | str = "auto"
    """Weight of images without a finding: smallest (the smallest class weight), natural (their
    share of the draws stays as found), share:X (it becomes X), a number on the scale of the
    class weights, or auto: natural for max-entropy, 1 for repeat-factor, else smallest.
    max-entropy takes auto, natural and share:X."""
    power: float = Field(default=1.0, ge=0, le=4)
    """Exponent of the inverse samplers."""
    smoothing: float = Field(default=1.0, ge=0)
    """Images added to each class's count by the inverse samplers."""
    threshold: float = Field(default=0.05, gt=0, le=1)
    """Share of the images under which repeat-factor repeats a class."""
    strength: float = Field(default=1.0, ge=0, le=1)
    """λ of max-entropy: class shares ∝ n^(1 - λ), from as found (0) to equal (1)."""
    min_ess: float | None = Field(default=None, gt=0, le=1)
    """Effective sample size, as a fraction, that max-entropy lowers its strength to keep."""
    max_repeat: float | None = Field(default=None, gt=1)
    """Largest expected number of draws of an image in an epoch of N, for max-entropy."""
    draw: Literal["replacement", "systematic"] = "replacement"
    """Independent draws, or systematic resampling: the same exposure with less chance in it."""
    nearest_feasible: bool = False
    """Let max-entropy take the nearest feasible class shares when its target can't be met."""

    @field_validator("no_finding")
    @classmethod
    def _read_no_finding(cls, value: float | str, info: ValidationInfo) -> float | str:
        if value in ("auto", "natural"):
            return value
        is_share = isinstance(value, str) and value.startswith(_SHARE)
        if info.data.get("name") == "max-entropy" and not is_share:
            raise ValueError("max-entropy has no class weights; use auto, natural or share:X")
        if value == "smallest":
            return value
        try:
            number = float(value.removeprefix(_SHARE) if isinstance(value, str) else value)
        except ValueError:
            number = -1.0
        # Comparisons with NaN are false.
        if not 0 <= number < (1 if is_share else math.inf):
            raise ValueError(
                "it must be auto, smallest, natural, share:X with X from 0 to below 1, or a "
                "number from 0"
            )
        return f"{_SHARE}{number!r}" if is_share else number

    @property
    def no_finding_share(self) -> float | None:
        """The X of share:X, or None."""
        if isinstance(self.no_finding, str) and self.no_finding.startswith(_SHARE):
            return float(self.no_finding.removeprefix(_SHARE))
        return None


class TrainSettings(Settings):
    """One training run; the defaults are those of the project's baseline experiment."""

    model: str
    """One of the six names, or TIMM_NAME, TIMM_NAME+mhsa, TIMM_NAME+performer."""
    initial_weights: str = "hub"
    """hub (timm's ImageNet weights), none, or sha256:… of a local file."""
    loss: LossSettings = LossSettings()
    sampler: SamplerSettings = SamplerSettings(name="none")
    epochs: int = Field(default=20, ge=1)
    """Passes over the training part, at most."""
    batch_size: int = Field(default=32, ge=1)
    """Images a step."""
    image_size: int | None = Field(default=None, ge=32)
    """Side in pixels; None takes the cache's."""
    lr: float = Field(default=1e-4, gt=0)
    """Learning rate of AdamW."""
    weight_decay: float = Field(default=1e-5, ge=0)
    """Decoupled weight decay of AdamW."""
    plateau_patience: int = Field(default=5, ge=0)
    """Epochs without a better validation AUROC before the learning rate is cut."""
    plateau_factor: float = Field(default=0.5, gt=0, lt=1)
    """What the learning rate is multiplied with then."""
    early_stopping: int = Field(default=10, ge=1)
    """Epochs without a better validation AUROC before training ends."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Largest 2-norm of the gradient."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Dropout in the head."""
    augment: Literal["none", "light", "medium", "strong"] = "medium"
    """Strength of augmentation."""
    horizontal_flip: bool = False
    """Flip half of the images: it swaps the heart's side."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Arithmetic of the forward pass."""
    seed: int = Field(default=42, ge=0)
    """Seed of initialisation, order, augmentation and dropout."""


class Runtime(Settings):
    """What may differ between two sittings of one run without changing its result."""

    options = {"num_workers": "--workers"}  # annotated in the base
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    num_workers: int | None = Field(default=None, ge=0)
    """Loader processes; None chooses."""


def fingerprint_of(value: Any) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of a value's canonical JSON.

    >>> fingerprint_of({"a": 1, "b": 2}) == fingerprint_of({"b": 2, "a": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
