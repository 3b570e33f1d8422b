"""What `probe` found: which backbone, size and CLAHE are worth a run, by linear heads."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xlite.results import Number, Result
from xlite.results.comparison import Comparison

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class ProbedBackbone(Result):
    """One backbone at one size on one cache."""

    name: str
    """As in the comparison, and of the file of its predictions."""
    model: str
    image_size: int
    cache: str
    weights: str
    """SHA-256 of the tensors."""
    features: str
    """The folder that keeps its features."""
    num_features: int
    strengths: tuple[float, ...]
    """That of each fold's head, chosen within its training films; the higher, the less penalty."""
    shares: tuple[float, ...]
    """How much of the mean over labels each fold's head adds to every label."""
    was_there: bool
    """Whether the features were kept from an earlier call."""
    seconds_extracting: float
    seconds_fitting: float
    auroc: Number = math.nan
    """Macro, as the comparison has it."""
    auroc_low: Number = math.nan
    auroc_high: Number = math.nan
    """Its interval over patients."""
    predictions: str | None = None
    """The file of what its heads say of each film; None where nothing was written."""


@dataclass(frozen=True, kw_only=True)
class Probe(Result):
    """Backbones ranked by linear heads: what `probe` returns and `probe.json` holds."""

    views: tuple[str, ...]
    probed: tuple[ProbedBackbone, ...]
    """In the order of the ranking."""
    comparison: Comparison
    """Ranks, changes against the best with intervals, and verdicts, as `xlite compare` has them."""
    seconds: float
    files: tuple[str, ...] = field(default=())
    """What was written."""

    @property
    def best(self) -> ProbedBackbone:
        """That of the highest macro AUROC."""
        return self.probed[0]

    def to_frame(self) -> pd.DataFrame:
        """The table of `probe.csv`: a row a backbone, size and cache."""
        import pandas as pd

        rows = {row.name: row for row in self.comparison.rows}
        return pd.DataFrame(
            [
                {
                    "name": one.name,
                    "rank": rows[one.name].rank,
                    "model": one.model,
                    "image_size": one.image_size,
                    "cache": one.cache,
                    "features": one.num_features,
                    "auroc": one.auroc,
                    "auroc_low": one.auroc_low,
                    "auroc_high": one.auroc_high,
                    "average_precision": rows[one.name].average_precision,
                    "change": rows[one.name].change,
                    "change_low": rows[one.name].change_low,
                    "change_high": rows[one.name].change_high,
                    "p_all_pairs": rows[one.name].p_all_pairs,
                    "seconds_extracting": one.seconds_extracting,
                    "seconds_fitting": one.seconds_fitting,
                }
                for one in self.probed
            ]
        )
