"""What an evaluation has found: built by judging, kept in `scores.json`, printed and drawn."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from xlite.results import Number, Result
from xlite.results.border_probe import BorderProbe
from xlite.results.external import ExternalEvaluation
from xlite.results.join_report import JoinReport
from xlite.results.label_scores import LabelScores, MacroScores, MeanScores, MicroScores
from xlite.results.sample_plan import SamplePlan
from xlite.results.seen_patients import SeenPatients
from xlite.results.selection import SelectedScore, ValidationUse
from xlite.results.shortcut_floor import ShortcutFloor, WithinView
from xlite.results.subgroups import Subgroup

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Thresholding(Result):
    """How probs became calls."""

    method: str
    """f1, youden, sensitivity:X or specificity:X."""
    calibration: str
    """none, platt or temperature: how probs were scaled before."""
    source: str
    """What the thresholds were fitted on, in words."""


@dataclass(frozen=True, kw_only=True)
class Scores(Result):
    """Every score of predictions, with intervals."""

    name: str
    """What the predictions are called: a run, or a file."""
    images: int
    patients: int
    level: Number
    """The confidence of the intervals."""
    resamples: int
    seed: int
    thresholds: Thresholding
    per_class: dict[str, LabelScores]
    macro: MacroScores
    weighted: MeanScores
    """Means weighted by the labels' positives."""
    micro: MicroScores
    undefined: dict[str, tuple[str, ...]]
    """By score: the labels that are not in its means. Scores that all labels have are left out."""

    def to_frame(self) -> pd.DataFrame:
        """The scores as a table: a row a label, then macro, weighted and micro."""
        import pandas as pd

        rows = [
            {"label": label, **row.to_dict(), "notes": "; ".join(row.notes)}
            for label, row in self.per_class.items()
        ]
        means = {"macro": self.macro, "weighted": self.weighted, "micro": self.micro}
        rows += [{"label": name, **row.to_dict()} for name, row in means.items()]
        return pd.DataFrame(rows)


@dataclass(frozen=True, kw_only=True)
class Change(Result):
    """A score before and after, with the interval of the change."""

    before: Number
    after: Number
    change: Number
    low: Number
    high: Number


@dataclass(frozen=True, kw_only=True)
class AugmentedScores(Result):
    """Scores of means over several views of each image."""

    views: int
    change: dict[str, Change]
    """By score: what the means change in its macro mean."""
    macro: MacroScores
    per_class: dict[str, LabelScores]


@dataclass(frozen=True, kw_only=True)
class Look(Result):
    """One look at a test set."""

    left_out: ClassVar[frozenset[str]] = frozenset({"test_set", "run"})

    time: str
    command: str
    test_set: str | None = None
    """The SHA-256 of its images and patients; version 0.1 did not note it."""
    run: str | None = None
    """The name of the run that was judged; None for predictions of others."""


@dataclass(frozen=True, kw_only=True)
class Question(Result):
    """What was asked of an evaluation: two that are equal have the same answer."""

    left_out: ClassVar[frozenset[str]] = frozenset({"floor", "own_part"})

    cases: str
    """SHA-256 of what is judged: images, truth and probs."""
    part: str | None
    fit: str
    """How thresholds are fitted."""
    calibrate: str
    thresholds: str | None
    """SHA-256 of the file of thresholds, where they come from one."""
    by: tuple[str, ...]
    subgroups: bool
    tta: bool
    floor: str | None = None
    """What was asked of the table's own columns, where that is not the default."""
    own_part: str | None = None
    """Of another site: the part of the run's split that it is held against."""
    num_resamples: int
    seed: int
    level: Number


@dataclass(frozen=True, kw_only=True)
class Evaluation(Scores):
    """Scores of predictions, where they come from, and what else was asked about them."""

    left_out: ClassVar[frozenset[str]] = frozenset(
        {
            *("shortcut_floor", "within_view", "seen_patients", "border_probe"),
            *("tta", "test_looks", "plan", "folder"),
            *("best_epoch", "choices", "external"),
        }
    )

    part: str | None
    """The part of the split that is judged: val or test; None where labels come from a table."""
    epoch_chosen_here: bool
    """Whether these images chose the run's best epoch, which makes scores slightly too good."""
    asked: Question
    join: JoinReport | None
    """What of predictions and label table found no partner; None for a run."""
    subgroups: tuple[Subgroup, ...]
    shortcut_floor: ShortcutFloor | None = None
    """None where the table says nothing of images, or the floor was left out."""
    within_view: WithinView | None = None
    """None where fewer than two views are known."""
    seen_patients: SeenPatients | None = None
    """None where the training table was not named."""
    border_probe: BorderProbe | None = None
    """None where it was not asked for."""
    tta: AugmentedScores | None = None
    """None where test-time augmentation was not asked for."""
    test_looks: tuple[Look, ...] | None = None
    """All looks at this test set, oldest first, the last of them this one; None elsewhere."""
    plan: SamplePlan | None = None
    """How many images and seeds more would take, where that was asked for."""
    best_epoch: SelectedScore | None = None
    """The macro AUROC, corrected for the choice of the run's best epoch on these images; None where
    they did not choose it, or its correction can't be told."""
    choices: ValidationUse | None = None
    """How often this validation set has been used, with this look; None elsewhere."""
    external: ExternalEvaluation | None = None
    """Where a run is judged on another site's films: the drop of its scores; None elsewhere."""
    folder: Path | None = dataclasses.field(default=None, compare=False)
    """Where its files are, in memory alone; None where none were written."""

    def to_dict(self) -> dict[str, Any]:
        """The values by the names of the fields, as JSON has them."""
        values = super().to_dict()
        values.pop("folder", None)
        return values

    def subgroups_to_frame(self) -> pd.DataFrame:
        """The subgroups as a table: a row a group and label, and one a group for its macro."""
        import pandas as pd

        return pd.DataFrame(
            {"column": group.column, "group": group.group, "label": label, **row.to_dict()}
            for group in self.subgroups
            for label, row in {**group.per_class, "macro": group.macro}.items()
        )
