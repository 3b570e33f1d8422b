"""Settings of the data: what decides a pixel, and how often an image is drawn."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from xlite.settings.settings import Settings, Shown

_SHARE = "share:"
_EQUAL = "equal"

SamplerName = Literal[
    "none",
    "inverse-mean",
    "inverse-max",
    "inverse-sum",
    "class-aware",
    "repeat-factor",
    "distribution-balanced",
    "max-entropy",
    "max-ess",
]

TARGET_SAMPLERS: tuple[SamplerName, ...] = ("max-entropy", "max-ess")
"""The samplers that are told the class shares instead of a recipe."""


class ClaheSettings(Settings):
    """What decides the pixels of a cached image, apart from its source."""

    panel: ClassVar[str] = "Images"

    size: Annotated[int, Shown(is_common=True)] = Field(default=224, ge=8, le=4096)
    """Side of a cached image in pixels."""
    clip: Annotated[float, Shown(is_common=True)] = Field(default=2.0, gt=0, le=1000)
    """Clip limit of CLAHE: the largest slope of the grey-level mapping, 1 being none."""
    grid: Annotated[int, Shown(is_common=True)] = Field(default=8, ge=1, le=64)
    """Tiles of CLAHE along each side."""
    fit: Annotated[Literal["pad", "stretch", "crop"], Shown(is_common=True)] = "pad"
    """How images that are not square become it, by black borders, distortion or centre crop"""


class SamplerSettings(Settings):
    """How often images are drawn. A field that the named sampler does not read has no effect."""

    panel: ClassVar[str] = "Sampling"

    name: Annotated[SamplerName, Shown("--sampler")] = "max-entropy"
    """The sampler, as `xlite verify-balance --compare` compares them"""
    no_finding: float | str = "auto"
    """Weight of images without a finding: smallest (class weight), natural (their share stays),
    share:0.3 (it becomes 0.3), a number on the scale of the class weights, or auto: natural for
    max-*, 1 for repeat-factor, else smallest. max-* take auto, natural and share:X."""
    power: Annotated[float, Shown("--sampler-power")] = Field(default=1.0, ge=0, le=4)
    """inverse-*: exponent of the count."""
    smoothing: Annotated[float, Shown("--sampler-smoothing", former_option="--smoothing")] = Field(
        default=1.0, ge=0
    )
    """inverse-*: images added to each label's count."""
    threshold: Annotated[float, Shown("--repeat-threshold", former_option="--threshold")] = Field(
        default=0.05, gt=0, le=1
    )
    """repeat-factor: share of the images under which a label is repeated."""
    strength: Annotated[
        float, Shown("--sampler-strength", former_option="--strength", is_common=True)
    ] = Field(default=1.0, ge=0, le=1)
    """max-*: λ of the class shares ∝ n^(1 − λ), from 0 (as found) to 1 (equal)."""
    min_ess: float | None = Field(default=None, gt=0, le=1)
    """max-*: the strongest that keeps this effective sample size, a share of the images."""
    min_repeat: float = Field(default=0.1, ge=0, lt=1)
    """max-ess: least expected number of draws of an image with findings in an epoch."""
    max_repeat: float | None = Field(default=None, gt=1)
    """max-*: largest expected number of draws of an image in an epoch."""
    draw: Annotated[
        Literal["replacement", "systematic", "repeats"],
        Shown("--sampler-draw", former_option="--draw"),
    ] = "replacement"
    """Independent draws, the same exposure with less chance in it, or each image as often as its
    weight beside the smallest says, in longer epochs"""
    nearest_feasible: bool = False
    """max-*: take the nearest class shares that can be met when the target can't be."""
    source_shares: str | None = None
    """Of a merged table, the share of draws of each source: equal, or nih:0.7/chexpert:0.3. The
    sampler then weighs each source's images by themselves. Default: as it comes."""

    @field_validator("no_finding")
    @classmethod
    def _read_no_finding(cls, value: float | str, info: ValidationInfo) -> float | str:
        if value in ("auto", "natural"):
            return value
        is_share = isinstance(value, str) and value.startswith(_SHARE)
        name = info.data.get("name")
        if name in TARGET_SAMPLERS and not is_share:
            raise ValueError(f"{name} has no class weights; use auto, natural or share:X")
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

    @field_validator("source_shares")
    @classmethod
    def _read_source_shares(cls, value: str | None) -> str | None:
        if value in (None, _EQUAL):
            return value
        shares = {}
        for part in str(value).split("/"):
            name, _, number = part.strip().rpartition(":")
            try:
                shares[name.strip()] = float(number)
            except ValueError:
                shares[""] = 0.0
        is_repeated = len(shares) < len(str(value).split("/"))
        if "" in shares or is_repeated or not all(0 < share < 1 for share in shares.values()):
            raise ValueError(
                "it must be equal, or a share above 0 and below 1 for each source, as in "
                "nih:0.7/chexpert:0.3"
            )
        if not math.isclose(sum(shares.values()), 1, abs_tol=1e-6):
            raise ValueError(f"the shares add up to {sum(shares.values()):g}, and have to be 1")
        return "/".join(f"{name}:{share!r}" for name, share in sorted(shares.items()))

    @model_validator(mode="after")
    def _check_repeats(self) -> Self:
        if self.draw != "repeats":
            return self
        if self.name in ("none", *TARGET_SAMPLERS) or self.source_shares is not None:
            what = self.name if self.source_shares is None else "--source-shares"
            raise ValueError(
                f"--sampler-draw repeats shows an image as often as its class weights say, and "
                f"{what} has none on a scale of their own: use systematic, or another sampler"
            )
        return self

    @property
    def title(self) -> str:
        """What a comparison of samplers calls it."""
        return self.name if self.source_shares is None else f"{self.name} by source"

    def read_source_shares(self) -> dict[str, float] | None:
        """The share of each source that is named; None where all are equal or none is asked for.

        >>> SamplerSettings(source_shares="nih:0.7/chexpert:0.3").read_source_shares()
        {'chexpert': 0.3, 'nih': 0.7}
        """
        if self.source_shares in (None, _EQUAL):
            return None
        parts = (part.rpartition(":") for part in str(self.source_shares).split("/"))
        return {name: float(share) for name, _, share in parts}

    @property
    def no_finding_share(self) -> float | None:
        """The X of share:X, or None."""
        if isinstance(self.no_finding, str) and self.no_finding.startswith(_SHARE):
            return float(self.no_finding.removeprefix(_SHARE))
        return None
