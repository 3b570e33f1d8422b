"""What a comparison has found: built by judging, kept in comparison.json, read by page and log."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BeforeValidator, Field

from xlite.results import Number, Result, read_undefined
from xlite.results.ablation import VariantVerdict
from xlite.results.fold_tests import FoldTests, describe_part
from xlite.results.selection import SelectedScore, ValidationUse

if TYPE_CHECKING:
    import pandas as pd

GivenNumber = Annotated[float | None, Field(allow_inf_nan=True), BeforeValidator(read_undefined)]
"""A number, or None where JSON has no such key; null is NaN, as everywhere."""

MACRO_SCORES = (
    *("auroc", "average_precision", "f1", "precision", "recall", "specificity"),
    *("balanced_accuracy", "mcc", "brier"),
)
"""The scores of a method; of brier the lowest is best, of the others the highest."""


@dataclass(frozen=True, kw_only=True)
class MethodRow(Result):
    """A method's place, its macro scores, and its change against the best with interval and p.

    None is whatever is against the best, of the best itself, and the expected score of all but the
    one that ranks.
    """

    left_out: ClassVar[frozenset[str]] = frozenset(
        {
            *("auroc_expected", "average_precision_expected", "f1_expected"),
            *("change", "change_low", "change_high", "p", "p_all_pairs", "p_holm"),
            *("p_worse", "p_equivalent", "p_better"),
            *("covers", "seeds_compared", "seeds_left_out"),
        }
    )

    rank: int
    """1 for the best and all that the test can't tell from it; the next group comes after them."""
    name: str
    chosen: bool = False
    seeds: int
    auroc: Number
    average_precision: Number
    f1: Number
    precision: Number
    recall: Number
    specificity: Number
    balanced_accuracy: Number
    mcc: Number
    brier: Number
    auroc_expected: GivenNumber = None
    """What to expect on other patients, since the best is the best by chance, too."""
    average_precision_expected: GivenNumber = None
    f1_expected: GivenNumber = None
    change: GivenNumber = None
    change_low: GivenNumber = None
    change_high: GivenNumber = None
    p: GivenNumber = None
    p_all_pairs: GivenNumber = None
    """Corrected for all pairs of methods."""
    p_holm: GivenNumber = None
    """Corrected by Holm's method, as version 0.1 did."""
    p_worse: GivenNumber = None
    """That the mean is truly lower than the best's by more than the margin; of this pair alone."""
    p_equivalent: GivenNumber = None
    p_better: GivenNumber = None
    covers: str | None = None
    """The sources of chance that interval and p cover."""
    seeds_compared: int | None = None
    seeds_left_out: dict[str, tuple[int | None, ...]] | None = None
    """By method: its seeds that the other lacks; None among them: its seed is not known."""

    @property
    def corrected_p(self) -> float:
        """The p that ranks: corrected for all pairs, or by version 0.1 by Holm's method."""
        p = self.p_holm if self.p_all_pairs is None else self.p_all_pairs
        return math.nan if p is None else p

    def score(self, name: str) -> float:
        """The macro mean of one of MACRO_SCORES; NaN for any other."""
        value: float = getattr(self, name) if name in MACRO_SCORES else math.nan
        return value

    def expected(self, name: str) -> float | None:
        """What to expect on other patients of the score that ranks; None of any other."""
        value: float | None = getattr(self, f"{name}_expected", None)
        return value


@dataclass(frozen=True, kw_only=True)
class LookAtTest(Result):
    """The macro scores of one run on the test part, which choose nothing."""

    name: str
    seed: int
    images: int
    auroc: Number
    average_precision: Number
    f1: Number
    looks: int
    """How often the test part has been looked at, with this look."""


@dataclass(frozen=True, kw_only=True)
class GrownMethods(Result):
    """Methods whose seeds were added one after the other, with a look after each."""

    methods: tuple[str, ...]
    max_seeds: int
    """The most seeds that there might have been."""
    where: str = "ablation.json"
    """Where the limits are that hold at all looks together."""

    @property
    def sentence(self) -> str:
        """What that does to intervals, p and verdicts of a single look, with a full stop."""
        return (
            f"{', '.join(self.methods)}: seeds were added one after the other, up to "
            f"{self.max_seeds}, and looked at after each. Intervals, p, ranks and verdicts here "
            "are of a single look, and err more often then: with up to 12 seeds in 21 % of "
            "simulated studies instead of 5. Those that hold at all looks together are in "
            f"{self.where}."
        )


@dataclass(frozen=True, kw_only=True)
class Comparison(Result):
    """Methods in the order of their ranking, and the one that is chosen.

    Of version 0.1 `macro_labels`, `runs`, `verdict` and `margins` are none.
    """

    kind: ClassVar[str] = "comparison"
    left_out: ClassVar[frozenset[str]] = frozenset(
        {"test", "fold_runs", "over_folds", "winner", "choices", "grown", "working_dir"}
    )

    command: str = ""
    """What made it, or nothing."""
    working_dir: str | None = None
    """Where that was typed; None where it was not noted."""
    time: str = ""
    """When it was judged, ISO 8601."""
    part: str
    images: int
    patients: int
    labels: tuple[str, ...]
    macro_labels: tuple[str, ...] = ()
    """The labels of the macro mean."""
    level: float
    """Of the intervals."""
    resamples: int
    order: Annotated[tuple[str, ...], Field(min_length=1)]
    """The scores that decide, first to last, as `val.auroc`."""
    best: str
    """The method of the highest first score."""
    chosen: str
    """The method that the whole order chooses."""
    margins: dict[str, float] = field(default_factory=dict)
    """Of each score, the change up to which it is of no consequence."""
    safety_margin: Number = math.nan
    rule: str = ""
    """That of the verdicts, in words."""
    verdict: dict[str, VariantVerdict] = field(default_factory=dict)
    """Of each method but the best, against it, by the score that ranks."""
    steps: tuple[str, ...]
    """How the choice came about, a sentence each."""
    rows: tuple[MethodRow, ...]
    per_class: dict[str, dict[str, dict[str, Number]]]
    """By method, label and score."""
    runs: dict[str, dict[int, str]] = field(default_factory=dict)
    """The run folder of each seed of each method that is ours."""
    grown: GrownMethods | None = None
    """The methods that were looked at after each seed; None, and no key of the JSON, without."""
    test: tuple[LookAtTest, ...] | None = None
    """None, and no key of the JSON, unless the test part was looked at."""
    fold_runs: dict[str, dict[int, dict[int, str]]] | None = None
    """By method, seed and fold: the run folders, instead of `runs`; None without folds."""
    over_folds: FoldTests | None = None
    """The tests over folds of all others against the best; None without folds."""
    winner: SelectedScore | None = None
    """The first score of the best, as measured and corrected; None in earlier versions' files."""
    choices: ValidationUse | None = None
    """How often the validation set has been used, with this; None where that was not counted."""

    @property
    def part_name(self) -> str:
        """What the images that are judged are called: validation, or out-of-fold."""
        return describe_part(self.part)

    @property
    def ranking_score(self) -> str:
        """The first score of the order, as `auroc`."""
        return self.order[0].removeprefix("val.")

    @property
    def others(self) -> tuple[MethodRow, ...]:
        """The rows of all but the best."""
        return tuple(row for row in self.rows if row.name != self.best)

    def to_frame(self) -> pd.DataFrame:
        """The table of `comparison.csv`: a row a method."""
        import pandas as pd

        rows = [asdict(row) for row in self.rows]
        table = pd.DataFrame([{n: v for n, v in row.items() if v is not None} for row in rows])
        if self.verdict:
            decisions = {name: one.decision for name, one in self.verdict.items()}
            table["verdict"] = table["name"].map(decisions)
        return table.drop(columns="seeds_left_out", errors="ignore")
