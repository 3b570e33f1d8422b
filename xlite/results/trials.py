"""What is found out about a training run before it is run."""

from __future__ import annotations

from dataclasses import dataclass

from xlite.results import Number, Result


@dataclass(frozen=True, kw_only=True)
class Finding(Result):
    """Something that has to hold of a run that can learn, and does not."""

    fault: str
    meaning: str
    """What it says of the run, and where to look."""


@dataclass(frozen=True, kw_only=True)
class OverfitCheck(Result):
    """Whether a model learns a few films by heart."""

    model: str
    loss_name: str
    image_ids: tuple[str, ...]
    """The films."""
    judged: tuple[str, ...]
    """The labels that are present and absent among them."""
    steps: int
    """Optimizer steps that were taken, each on all of the films."""
    max_steps: int
    is_pushed: bool
    """Whether the learning rate was raised tenfold, as it is after half of the most steps."""
    loss: Number
    """Of the last step."""
    floor: float
    """What the loss has to be under."""
    floor_rule: str
    auroc: Number
    """The lowest of the judged labels in the last step, in training mode."""
    auroc_by_id: Number
    """The same when each film is asked for by its id, in evaluation mode, and held against the
    table as it lies on disk; NaN where it did not come to that."""
    seconds: float
    findings: tuple[Finding, ...]
    """What failed; none where the model has learnt the films."""

    @property
    def is_passed(self) -> bool:
        """Whether nothing failed."""
        return not self.findings


@dataclass(frozen=True, kw_only=True)
class RateRange(Result):
    """What the loss does while the learning rate rises."""

    model: str
    rates: tuple[float, ...]
    """Of `--lr`, one a step."""
    losses: tuple[float, ...]
    """Of each step, before it was taken, corrected for how hard its batch is."""
    smoothed: tuple[float, ...]
    """Each averaged with its neighbours."""
    suggestion: float | None
    """A rate in the middle of the longest descent; None where the loss fell by no more than noise
    does."""
    least_at: float
    """The rate at which the smoothed loss was least."""
    diverged_at: float | None
    """The rate at which the loss had risen to a multiple of its least; None where it never did."""
    path: str = ""
    """The picture of the curve."""
    seconds: float


@dataclass(frozen=True, kw_only=True)
class LoaderProfile(Result):
    """How many images a second come, are computed, and go through both."""

    model: str
    batch_size: int
    num_workers: int
    """Loader processes."""
    loading: float
    """Images/s of the loader alone."""
    computing: float
    """Images/s of optimizer steps on one batch that is there already."""
    together: float
    """Images/s of training."""
    binds: str
    """What training waits for: loading, computing or both."""
    advice: tuple[str, ...]
    """What to change, in sentences."""
    seconds: float

    @property
    def speeds(self) -> tuple[float, float, float]:
        """Images/s of loading, of computing, of both."""
        return self.loading, self.computing, self.together


@dataclass(frozen=True, kw_only=True)
class AugmentationSheet(Result):
    """A picture of films as training sees them."""

    path: str
    image_ids: tuple[str, ...]
    """A row each, from the top."""
    epochs: int
    """Views beside the original."""
    positions: tuple[tuple[int | None, ...], ...]
    """Of each view in its epoch, from 0; None where the epoch does not draw the film."""
