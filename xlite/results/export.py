"""What an export wrote, and what a check of an exported folder found."""

from __future__ import annotations

from dataclasses import dataclass

from xlite.results import Number, Result


@dataclass(frozen=True, kw_only=True)
class QuantisationGate(Result):
    """How a quantised model was judged against the one in float32, on validation films."""

    images: int
    patients: int
    before: Number
    """Macro AUROC in float32."""
    change: Number
    """What quantising changes in it."""
    low: Number
    high: Number
    level: float
    """Of the interval from `low` to `high`: its lower limit is the one-sided test at 5 %."""
    margin: float
    num_judged: int
    """Labels that enough patients have and lack; the macro score is over these, or where there are
    none over all."""
    labels: dict[str, Number]
    """The change of each label's AUROC."""

    @property
    def sentence(self) -> str:
        """The numbers in words."""
        interval = f"{self.low:+.4f} to {self.high:+.4f}" if self.low == self.low else "unknown"
        return (
            f"macro AUROC on {self.images:,} validation films of {self.patients:,} patients, over "
            f"the {self.num_judged} of {len(self.labels)} labels that can be judged, goes from "
            f"{self.before:.4f} by {self.change:+.4f}, {100 * self.level:g} % interval {interval}."
        )


@dataclass(frozen=True, kw_only=True)
class Export(Result):
    """An exported folder."""

    folder: str
    run: str
    precision: str
    """fp32, dynamic int8 or static int8."""
    opset: int
    largest_logit_difference: Number
    """Between torch and the exported model, over `films` synthetic films."""
    films: int
    gate: QuantisationGate | None
    """None in float32."""
    has_thresholds: bool
    sizes: dict[str, int]
    """Bytes by file."""
    notes: tuple[str, ...]
    """What the folder lacks, and why."""


@dataclass(frozen=True, kw_only=True)
class Latency(Result):
    """Milliseconds for one batch, medians, on this machine."""

    batch: int
    torch: Number
    onnx: Number


@dataclass(frozen=True, kw_only=True)
class ExportCheck(Result):
    """What was found of an exported folder that is as it was exported."""

    folder: str
    precision: str
    largest_logit_difference: Number
    """Between torch, with the weights in the folder, and the exported model."""
    films: int
    reference_difference: Number
    """Between the logits of the reference film here and where it was exported."""
    latency: tuple[Latency, ...]
    sizes: dict[str, int]
    """Bytes by file."""
