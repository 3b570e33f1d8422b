"""How many images scores need: what `xlite power` and `xlite evaluate --plan` print."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from xlite.results import Number, Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class LabelNeed(Result):
    """What a label's AUROC needs; numbers are NaN without positives or without negatives."""

    label: str
    positives: int
    patients: int
    """With the label."""
    auroc: Number
    """Assumed, or that of the predictions."""
    half_width: Number
    """Half the width of its interval with these images."""
    positives_needed: Number
    """For the width that was asked for, as the next two."""
    patients_needed: Number
    images_needed: Number
    """At this table's prevalence."""
    detectable: Number
    """The smallest difference of two methods that is found with the power, however many seeds."""


@dataclass(frozen=True, kw_only=True)
class MacroNeed(Result):
    """What the mean over the labels needs; infinite where this alone never does, up to 1,000 times.

    JSON has null for what is infinite, and for what is undefined.
    """

    auroc: Number
    half_width: Number
    images_needed: Number
    """For the width that was asked for."""
    detectable: Number
    """The smallest difference of two methods that is found with these images and seeds."""
    images_for_difference: Number
    """For the difference that was asked for, with these seeds."""
    seeds_for_difference: Number
    """For it with these images."""
    images_by_seeds: dict[str, Number]
    """For it, by number of seeds."""


@dataclass(frozen=True, kw_only=True)
class SamplePlan(Result):
    """How many images and seeds it takes, with what was assumed."""

    kind: ClassVar[str] = "sample_plan"

    source: str
    """What the images are, in words."""
    images: int
    patients: int
    width: float
    """The intervals asked for are ± this."""
    difference: float
    """Of macro AUROC, to be told."""
    seeds: int
    level: float
    power: float
    assumed: dict[str, Number]
    """What no data said: AUROC, correlations, the deviation of seeds."""
    macro: MacroNeed
    per_class: tuple[LabelNeed, ...]
    """The rarest first."""

    def to_frame(self) -> pd.DataFrame:
        """A row a label."""
        import pandas as pd

        return pd.DataFrame([dataclasses.asdict(row) for row in self.per_class])
