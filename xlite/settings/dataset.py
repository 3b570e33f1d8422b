"""Settings of the data: what decides a pixel, and how often an image is drawn."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from xlite.settings.settings import Settings

_SHARE = "share:"

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

    size: int = Field(default=224, ge=8, le=4096)
    """Edge of the square result, in pixels."""
    clip: float = Field(default=2.0, gt=0, le=1000)
    """Clip limit: the largest slope of the grey-level mapping, 1 being no equalisation."""
    grid: int = Field(default=8, ge=1, le=64)
    """Tiles along each edge of the image."""
    fit: Literal["pad", "stretch", "crop"] = "pad"
    """How other aspect ratios become square: black borders, distortion, or centre crop."""


class SamplerSettings(Settings):
    """How often images are drawn. A field that the named sampler does not read has no effect."""

    options: ClassVar[dict[str, str]] = {"name": "--sampler", "power": "--sampler-power"}
    name: SamplerName = "max-entropy"
    """One of SAMPLER_NAMES; none draws each image once an epoch."""
    no_finding: float | str = "auto"
    """Weight of images without a finding: smallest (the smallest class weight), natural (their
    share of the draws stays as found), share:X (it becomes X), a number on the scale of the
    class weights, or auto: natural for TARGET_SAMPLERS, 1 for repeat-factor, else smallest.
    TARGET_SAMPLERS take auto, natural and share:X."""
    power: float = Field(default=1.0, ge=0, le=4)
    """Exponent of the inverse samplers."""
    smoothing: float = Field(default=1.0, ge=0)
    """Images added to each class's count by the inverse samplers."""
    threshold: float = Field(default=0.05, gt=0, le=1)
    """Share of the images under which repeat-factor repeats a class."""
    strength: float = Field(default=1.0, ge=0, le=1)
    """λ of TARGET_SAMPLERS: class shares ∝ n^(1 - λ), from as found (0) to equal (1)."""
    min_ess: float | None = Field(default=None, gt=0, le=1)
    """Effective sample size, as a fraction, that TARGET_SAMPLERS lower their strength to keep."""
    min_repeat: float = Field(default=0.1, ge=0, lt=1)
    """Least expected number of draws of an image with a finding in an epoch of N, for max-ess."""
    max_repeat: float | None = Field(default=None, gt=1)
    """Largest expected number of draws of an image in an epoch of N, for TARGET_SAMPLERS."""
    draw: Literal["replacement", "systematic"] = "replacement"
    """Independent draws, or systematic resampling: the same exposure with less chance in it."""
    nearest_feasible: bool = False
    """Let TARGET_SAMPLERS take the nearest feasible class shares when the target can't be met."""

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

    @property
    def no_finding_share(self) -> float | None:
        """The X of share:X, or None."""
        if isinstance(self.no_finding, str) and self.no_finding.startswith(_SHARE):
            return float(self.no_finding.removeprefix(_SHARE))
        return None
