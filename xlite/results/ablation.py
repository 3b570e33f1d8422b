"""What an ablation has found: built by judging, kept in `ablation.json`, read by page and log."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, ClassVar

from xlite.results import Number, NumberIfAny, Result
from xlite.results.fold_tests import FoldTests, describe_part
from xlite.results.selection import SelectedScore, ValidationUse
from xlite.results.verdict_audit import VerdictAudit
from xlite.results.weighted_change import WeightedChange

if TYPE_CHECKING:
    import pandas as pd

MACRO = "macro"
"""What the row of the mean over labels is called."""


@dataclass(frozen=True, kw_only=True)
class Verdict(Result):
    """The decision with its reasons, and what became of the labels."""

    decision: str
    """ADOPT, REJECT, TRADE-OFF, EQUIVALENT, NON-INFERIOR or UNDECIDED."""
    reasons: tuple[str, ...]
    gains: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    unsafe: tuple[str, ...] = ()
    """Those judged whose interval reaches down to the safety margin, the lowest first."""
    unjudged: tuple[str, ...] = ()
    """Those that too few patients have, or lack."""


@dataclass(frozen=True, kw_only=True)
class VariantVerdict(Verdict):
    """The verdict on a variant, and the runs that it rests on.

    Of version 0.1 the three probabilities are None.
    """

    left_out: ClassVar[frozenset[str]] = frozenset(
        {"p_worse", "p_equivalent", "p_better", "looks", "ended", "audit", "weighted"}
    )

    p_worse: NumberIfAny = None
    """That the macro mean truly falls by more than the margin."""
    p_equivalent: NumberIfAny = None
    """That it truly changes by no more than the margin, up or down."""
    p_better: NumberIfAny = None
    """That it truly rises by more than the margin."""
    weighted: WeightedChange | None = None
    """Beside the macro change; None over folds, of fewer than two labels, and in earlier files."""
    seeds: int
    """Seeds that the variant and the baseline share."""
    seeds_left_out: dict[str, tuple[int | None, ...]] = field(default_factory=dict)
    """By variant: its seeds that the other side lacks."""
    covers: str
    """The sources of chance that intervals and p values cover."""
    looks: int | None = None
    """How often it was looked at while seeds were added; None for a fixed number of seeds."""
    ended: str | None = None
    """Why no further seeds were added: decided, hopeless, or last look; None as long as they are,
    and for a fixed number of seeds."""
    audit: VerdictAudit | None = None
    """The study's own error and power; None where it can't be simulated."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """The reasons, the weighted change, and what the audit has found."""
        weighted = () if self.weighted is None else (self.weighted.sentence,)
        return (*self.reasons, *weighted, *(() if self.audit is None else self.audit.sentences))


@dataclass(frozen=True, kw_only=True)
class Cost(Result):
    """What a run of a variant costs; NaN where it is not known."""

    seconds_a_run: Number = math.nan
    epochs_a_run: Number = math.nan
    peak_memory_mb: Number = math.nan


@dataclass(frozen=True, kw_only=True)
class VariantRun(Result):
    """A run of a variant: its seed, what it is called, its folder, and why it failed."""

    left_out: ClassVar[frozenset[str]] = frozenset({"fold"})

    seed: int
    fold: int | None = None
    """The number of the fold that it was trained without; None without folds."""
    name: str
    run: str
    error: str | None


@dataclass(frozen=True, kw_only=True)
class VariantRecord(Result):
    """A variant: the value of each setting that is varied, its cost, and its runs."""

    name: str
    values: dict[str, str]
    cost: Cost
    runs: tuple[VariantRun, ...]


@dataclass(frozen=True, kw_only=True)
class CollapsedLabels(Result):
    """Labels that collapsed under a variant in one way and for one cause."""

    variant: str
    kind: str
    meaning: str
    cause: str
    labels: dict[str, tuple[int, ...]]
    """The seeds of each label."""

    @property
    def sentence(self) -> str:
        """All of it in words, without a full stop."""
        return (
            f"{self.variant}: {self.kind}: {', '.join(self.labels)}. That is, {self.meaning}. "
            f"Likely cause: {self.cause}"
        )


@dataclass(frozen=True, kw_only=True)
class Change:
    """A score and how it differs from the baseline's, with the interval of the difference."""

    value: float
    change: float
    low: float
    high: float
    p: float
    p_holm: float
    """Corrected for the number of labels."""
    p_worse: float | None
    """That the true change is a fall by more than the margin; None of version 0.1."""
    p_equivalent: float | None
    p_better: float | None


@dataclass(frozen=True, kw_only=True)
class VariantRow(Result):
    """The scores of one variant and label, or of the macro mean, and their changes.

    Of version 0.1 the probabilities of being worse, equivalent and better are None.
    """

    left_out: ClassVar[frozenset[str]] = frozenset(
        f"{score}_p_{end}"
        for score in ("auroc", "average_precision", "f1")
        for end in ("worse", "equivalent", "better")
    )

    variant: str
    label: str
    train_positives: int | None
    """None of the mean, as of the next two."""
    val_positives: int | None
    few_positives: bool | None
    seeds: int
    """Those that the change is over; of the baseline its own."""
    auroc: Number
    auroc_change: Number
    auroc_change_low: Number
    auroc_change_high: Number
    auroc_p: Number
    auroc_p_holm: Number
    auroc_p_worse: NumberIfAny = None
    auroc_p_equivalent: NumberIfAny = None
    auroc_p_better: NumberIfAny = None
    average_precision: Number
    average_precision_change: Number
    average_precision_change_low: Number
    average_precision_change_high: Number
    average_precision_p: Number
    average_precision_p_holm: Number
    average_precision_p_worse: NumberIfAny = None
    average_precision_p_equivalent: NumberIfAny = None
    average_precision_p_better: NumberIfAny = None
    f1: Number
    f1_change: Number
    f1_change_low: Number
    f1_change_high: Number
    f1_p: Number
    f1_p_holm: Number
    f1_p_worse: NumberIfAny = None
    f1_p_equivalent: NumberIfAny = None
    f1_p_better: NumberIfAny = None

    @property
    def is_macro(self) -> bool:
        """Whether it is the mean: a label may be called "macro", but has a count."""
        return self.val_positives is None

    def change(self, score: str) -> Change:
        """The columns of one score: auroc, average_precision or f1."""
        return Change(
            value=getattr(self, score),
            change=getattr(self, f"{score}_change"),
            low=getattr(self, f"{score}_change_low"),
            high=getattr(self, f"{score}_change_high"),
            p=getattr(self, f"{score}_p"),
            p_holm=getattr(self, f"{score}_p_holm"),
            p_worse=getattr(self, f"{score}_p_worse"),
            p_equivalent=getattr(self, f"{score}_p_equivalent"),
            p_better=getattr(self, f"{score}_p_better"),
        )


@dataclass(frozen=True, kw_only=True)
class Ablation(Result):
    """Variants against a baseline, and the verdict on each.

    Of version 0.1 `safety_margin` is NaN, and `macro_labels` and `margins` are none.
    """

    kind: ClassVar[str] = "ablation"
    left_out: ClassVar[frozenset[str]] = frozenset(
        {"over_folds", "max_seeds", "winner", "choices", "working_dir"}
    )

    command: str = ""
    working_dir: str | None = None
    """Where the command that made it was typed; None where that was not noted."""
    time: str = ""
    """When it was judged, ISO 8601."""
    baseline: str
    part: str
    images: int
    patients: int
    seeds: tuple[int, ...]
    max_seeds: int | None = None
    """The most seeds of a study that is looked at after each; None for a fixed number."""
    level: float
    """Of the intervals."""
    margin: float
    """Change of AUROC up to which a label has neither gained nor lost, and a mean is equivalent."""
    margins: dict[str, float] = field(default_factory=dict)
    """The same of each score, as the probabilities of the rows have it."""
    safety_margin: Number = math.nan
    resamples: int
    rule: str
    """That of the verdicts, in words."""
    macro_labels: tuple[str, ...] = ()
    """The labels of the macro mean."""
    verdict: dict[str, VariantVerdict]
    """By variant; none for the baseline, and for variants without a finished run."""
    variants: tuple[VariantRecord, ...]
    """The baseline first."""
    collapse: tuple[CollapsedLabels, ...]
    rows: tuple[VariantRow, ...]
    """By variant and label, rarest in training first and the macro mean last."""
    over_folds: FoldTests | None = None
    """The tests over folds; None, and no key of the JSON, without folds."""
    winner: SelectedScore | None = None
    """The AUROC of the best variant, as measured and corrected; None in earlier versions' files."""
    choices: ValidationUse | None = None
    """How often the validation set has been used, with this; None where that was not counted."""

    @property
    def part_name(self) -> str:
        """What the images that are judged are called: validation, or out-of-fold."""
        return describe_part(self.part)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in the order of the rows, without the macro mean."""
        return tuple(dict.fromkeys(row.label for row in self.rows if not row.is_macro))

    @property
    def run_names(self) -> tuple[str, ...]:
        """The folders of its runs."""
        return tuple(run.run for variant in self.variants for run in variant.runs)

    @property
    def failures(self) -> tuple[str, ...]:
        """The runs that failed, with their errors: they are not in the rows."""
        runs = (run for variant in self.variants for run in variant.runs)
        return tuple(f"{run.name}: {run.error}" for run in runs if run.error)

    def find_row(self, variant: str, label: str | None) -> VariantRow | None:
        """The row of a variant and a label, or of the macro mean for None."""
        for row in self.rows:
            is_asked = row.is_macro if label is None else not row.is_macro and row.label == label
            if row.variant == variant and is_asked:
                return row
        return None

    def to_frame(self) -> pd.DataFrame:
        """The table of `ablation.csv`: a row a variant and label."""
        import pandas as pd

        table = pd.DataFrame([asdict(row) for row in self.rows])
        return table.astype(dict.fromkeys(("train_positives", "val_positives", "seeds"), "Int64"))
