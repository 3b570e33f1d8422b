"""How far one score of two methods differs on the same images, and how surely.

C labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from xlite.judging.methods import Seed
from xlite.scores.multiplicity import adjust_holm
from xlite.scores.ranking import PerClass
from xlite.scores.seed_variance import SeedVariance

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEEDS_AND_IMAGES = "seeds and images"
IMAGES_ONLY = "images only"


@dataclass(frozen=True, eq=False, kw_only=True)
class PairedDifference:
    """One score of a method minus that of another; arrays are (C,), NaN where undefined."""

    score: str
    covers: str
    """The sources of chance that intervals and p values cover."""
    num_seeds: int
    """Pairs of runs that are compared: seeds that both were trained with, or 1; 0 for none."""
    left_out: Mapping[str, tuple[Seed, ...]]
    """By method: its seeds that the other lacks. They take no part."""
    change: PerClass
    low: PerClass
    high: PerClass
    p: PerClass
    """Two-sided, of each class alone; NaN for one that too few patients have or lack."""
    p_holm: PerClass
    """The same, corrected for the number of classes."""
    classes: SeedVariance
    """The change of each class with its sources of chance, (C,)."""
    macro: SeedVariance
    """The change of the mean over the classes that are judged."""
    weighted: SeedVariance | None
    """The same of their mean weighted by √positives; None over folds, and of fewer than two."""

    def conclude(self, classes: SeedVariance, macro: SeedVariance) -> PairedDifference:
        """The difference with other changes of its classes and of their mean."""
        p = np.where(np.isnan(self.p), np.nan, classes.p)
        return replace(
            self,
            change=classes.difference,
            low=clip_difference(classes.low),
            high=clip_difference(classes.high),
            p=p,
            p_holm=adjust_holm(p),
            classes=classes,
            macro=macro,
        )

    @property
    def missing_seeds(self) -> dict[str, tuple[Seed, ...]]:
        """The `left_out` of the methods that have any."""
        return {name: seeds for name, seeds in self.left_out.items() if seeds}


def clip_difference(limits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Limits of a difference of two scores in [0, 1], which Student's t knows nothing of."""
    return np.clip(limits, -1.0, 1.0)
