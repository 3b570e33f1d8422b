"""What `verify-balance` finds of samplers, of the classes that they show, and of loss weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from xlite.results import Number, Result

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["pass", "fail"]


@dataclass(frozen=True, kw_only=True)
class SamplerBalance(Result):
    """What one sampler shows: computed exactly, then drawn, and whether the two agree.

    Dicts are by label. `xlite.sampling.exposure.Exposure` says what the exact figures are.
    """

    cv: Number
    ess: float
    no_finding_share: float
    share: dict[str, Number]
    positives_per_image: dict[str, Number]
    images_behind: dict[str, Number]
    patients_behind: dict[str, Number] | None
    """None where the patients are not known."""
    max_repeats: float
    distinct_images: float
    drawn_images: int
    drawn_share: dict[str, Number]
    drawn_no_finding_share: float
    p_value: float
    """Goodness of fit of the draws to the exact figures: chi-square over the label sets."""
    control_p_value: float
    """The same draws against weights that are not the sampler's: has to be small."""
    label_p_value: float
    """Goodness of fit of each label alone, over all labels."""
    label_z: dict[str, Number]
    """Of each label, in standard deviations; below 0: drawn too rarely."""
    verdict: Verdict
    reasons: list[str]
    """Why the verdict is "fail"; empty when it is not."""


@dataclass(frozen=True, kw_only=True)
class ClassBalance(Result):
    """One row of `data_balance_verification.csv`: shares of the shown positives, in percent.

    `baseline_batch_pct` and `weighted_batch_pct` are drawn, without and with the sampler;
    `exact_pct` is the algebra's. The interval is drawn ± 1.96 standard errors over batches.
    """

    label: str
    count: int
    original_pct: Number
    baseline_batch_pct: Number
    weighted_batch_pct: Number
    baseline_distance_from_uniform: Number
    weighted_distance_from_uniform: Number
    closer_to_uniform: bool
    exact_pct: Number
    weighted_batch_pct_low: Number
    weighted_batch_pct_high: Number
    images_behind: Number
    patients_behind: Number


@dataclass(frozen=True, kw_only=True)
class SourceBalance(Result):
    """How often images of one source of a merged table are drawn, as shares of all draws."""

    as_found: float
    exact: float
    drawn: float
    z: Number
    """In standard deviations; below 0: drawn too rarely."""


@dataclass(frozen=True, kw_only=True)
class LossBalance(Result):
    """What a positive of one class weighs in the loss, alone and on top of the sampler."""

    pos_weight: float
    operating_point: float
    """The prob that the loss wants for an image that could be anyone's."""
    joint_operating_point: float
    """The same among drawn images."""
    emphasis: Number
    """Share of the class in the expected weight of all drawn positives."""
    corrected_twice: bool


@dataclass(frozen=True, kw_only=True)
class BalanceReport(Result):
    """What `verify_balance` returns and `xlite verify-balance --json` prints."""

    sampler: str
    images: int
    samplers: dict[str, SamplerBalance]
    """Of the sampler, of "none", and of all that it was compared with, by name."""
    verdict: Verdict
    reasons: list[str]
    given_up: str | None = None
    """What of equal class shares the default sampler gives up, in a sentence; None, and not in
    JSON, where it is nothing, or a sampler was asked for."""
    sources: dict[str, SourceBalance] | None = None
    """By source; None, and not in JSON, where the sampler has no shares of sources."""
    loss: dict[str, LossBalance] | None = None
    """By label; None, and not in JSON, where no loss weights were judged."""
    classes: list[ClassBalance] = field(default_factory=list, repr=False)
    """Rarest first. Not in JSON: empty when read."""

    @property
    def chosen(self) -> SamplerBalance:
        """The sampler that was to be verified."""
        return self.samplers[self.sampler]

    def to_json(self) -> dict[str, Any]:
        """Plain values by the names of the fields."""
        content = super().to_json()
        del content["classes"]
        for name in ("given_up", "sources", "loss"):
            if content[name] is None:
                del content[name]
        return content

    def to_frame(self) -> pd.DataFrame:
        """One row a class, rarest first: the table `data_balance_verification.csv`."""
        return tabulate_classes(self.classes)


def tabulate_classes(classes: list[ClassBalance]) -> pd.DataFrame:
    """One row a class, with the columns of `ClassBalance`."""
    import pandas as pd

    return pd.DataFrame([asdict(row) for row in classes])
