"""A mean change in which common labels count more than rare ones, beside the verdict."""

from __future__ import annotations

from dataclasses import dataclass

from xlite.results import Number, Result


@dataclass(frozen=True, kw_only=True)
class WeightedChange(Result):
    """The change of the mean over the labels judged, each weighted by √positives.

    A label's score errs about as 1 / √positives, so that this mean tells a change of all labels
    much sooner than the macro mean does, at the same error. It decides nothing: what only rare
    labels lose hardly moves it.
    """

    change: Number
    low: Number
    """Of the interval over patients and seeds, at the level of the verdict's."""
    high: Number
    p: Number
    """Two-sided, of this change alone."""

    @property
    def sentence(self) -> str:
        """The change with interval and p in words."""
        return (
            f"Weighted by √positives {self.change:+.3f}, {self.low:+.3f} to {self.high:+.3f} "
            f"(p {self.p:.3f}): decides nothing, since it hardly sees rare labels."
        )
