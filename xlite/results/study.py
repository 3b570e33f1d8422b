"""What has become of a study: built from its plan and ledger, kept in `study.json`, read by page
and log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from xlite.results import Result
from xlite.results.ablation import VariantVerdict
from xlite.results.comparison import LookAtTest

NodeKind = Literal["experiment", "phase", "rule", "question", "end"]
NodeState = Literal["waiting", "running", "finished", "failed", "decided", "open", "not taken"]
"""`decided`: of a rule or a question; `open`: a question that a person can answer now."""


@dataclass(frozen=True, kw_only=True)
class StudyScore(Result):
    """A score over the runs that finished, with its interval; None where there is none."""

    point: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class TreeNode(Result):
    """A line of the tree: something that the plan may do, and what became of it."""

    depth: int
    """0 for what begins without a condition; what a rule or an answer begins is one deeper."""
    kind: NodeKind
    id: str
    title: str = ""
    branch: str = ""
    """Of what a rule or an answer begins: by which outcome, such as `then`."""
    state: NodeState
    outcome: str = ""
    """In words: what it reached, how it was decided and why."""


@dataclass(frozen=True, kw_only=True)
class StudyExperiment(Result):
    """An experiment with what it was to reach and what it has reached."""

    id: str
    title: str = ""
    changes: dict[str, Any] = field(default_factory=dict)
    """Its model, and the settings that are not the defaults, by dotted name."""
    split: str | None = None
    """Its own; None for the study's."""
    state: NodeState
    seeds: tuple[int, ...]
    runs: tuple[str, ...] = ()
    """The run folders that finished, from the experiments folder."""
    failures: tuple[str, ...] = ()
    """A sentence a run that failed."""
    seconds: float = 0.0
    """Of training, over all runs."""
    scores: dict[str, StudyScore] = field(default_factory=dict)
    """By name, as `val.auroc`."""
    score: str
    """The name of the score that its criteria, or the study, go by."""
    on: str = "point"
    """What of the score is held against the criteria: point, or lower bound."""
    minimum: float | None = None
    target: float | None = None
    stretch: float | None = None
    reached: Literal["stretch", "target", "minimum", "none"] | None = None
    """The highest criterion that it reached; None without criteria or without a score."""
    expected: tuple[float, float] | None = None
    ending: str = ""
    """Of a variant that got seeds until it was decided: by which verdict, why, with how many."""

    @property
    def result(self) -> StudyScore:
        """The score that its criteria go by."""
        return self.scores.get(self.score, StudyScore())

    @property
    def has_criteria(self) -> bool:
        """Whether the plan says what it has to reach."""
        return any(one is not None for one in (self.minimum, self.target, self.stretch))

    @property
    def is_as_expected(self) -> bool | None:
        """Whether the score is in the expected range; None without a range or a score."""
        point = self.result.point
        if self.expected is None or point is None or point != point:
            return None
        return self.expected[0] <= point <= self.expected[1]


@dataclass(frozen=True, kw_only=True)
class SearchedSetting(Result):
    """What a search drew a setting from."""

    name: str
    kind: Literal["values", "uniform", "log_uniform", "int"]
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Trial(Result):
    """One draw of a search, or one configuration that was confirmed."""

    number: int | None
    settings: dict[str, Any]
    state: Literal["waiting", "running", "paused", "finished", "failed"]
    epochs: int = 0
    """Finished epochs of its longest run."""
    score: float | None = None
    """The mean over its seeds, at the last rung that it reached."""
    scores: dict[str, StudyScore] = field(default_factory=dict)
    """By name, as it was judged; else the one above."""
    rungs: dict[int, float | None] = field(default_factory=dict)
    """The score by finished epochs at a pause, and at the end."""
    runs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RungCorrelation(Result):
    """How well the order at one rung foretold that at a later one."""

    epochs: int
    later_epochs: int
    trials: int
    """Those that reached both."""
    correlation: float | None = None
    """Spearman's; None where it is undefined."""


@dataclass(frozen=True, kw_only=True)
class Search(Result):
    """A phase of a search with its trials."""

    id: str
    method: str
    score: str
    state: NodeState
    space: tuple[SearchedSetting, ...]
    trials: tuple[Trial, ...]
    best: int | None = None
    """The number of the trial with the highest score."""
    optimism: float | None = None
    """By how much the best is too good, for being the best of so many; None: not estimated."""
    kept: str = ""
    """What it handed on, in words."""
    importance: dict[str, float | None] = field(default_factory=dict)
    """By setting: its share of what made scores differ; they add up to 1."""
    rung_correlations: tuple[RungCorrelation, ...] = ()

    @property
    def corrected(self) -> float | None:
        """The score of the best without its optimism; None where one of the two is not known."""
        best = next((trial for trial in self.trials if trial.number == self.best), None)
        if best is None or best.score is None or self.optimism is None:
            return None
        return best.score - self.optimism


@dataclass(frozen=True, kw_only=True)
class StudyDecision(Result):
    """Who decided what, and why."""

    number: int | None
    """Of its entry in the ledger; None of a change of the plan."""
    at: str
    who: str
    """`rule`, or the person who answered or changed the plan."""
    subject: str
    choice: str
    why: str
    saw: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WeightsNote(Result):
    """Whence weights are that lie under a name of the plan, in a file beside them."""

    sha256: str
    study: str
    winner: str
    run: str
    """The folder of the run whose best epoch they are of."""
    seed: int
    fold: int | None = None


@dataclass(frozen=True, kw_only=True)
class StudyVerdicts(Result):
    """What each experiment is worth against the baseline, in `verdicts.json`."""

    baseline: str
    rule: str
    """In words."""
    images: int
    patients: int
    level: float
    verdicts: dict[str, VariantVerdict]
    """By experiment."""


@dataclass(frozen=True, kw_only=True)
class SealedLook(Result):
    """What the winner scores on the sealed test part, in `test_look.json`."""

    winner: str
    images: int
    patients: int
    looks: int
    """How often the test part had been looked at, with this look."""
    level: float
    scores: dict[str, StudyScore]
    """By name, as `test.auroc`: the mean over the seeds, with its interval over patients."""
    by_seed: tuple[LookAtTest, ...]


@dataclass(frozen=True, kw_only=True)
class Study(Result):
    """A study as far as its ledger goes."""

    kind: ClassVar[str] = "study"

    name: str
    question: str = ""
    state: Literal["running", "waiting", "ended"]
    """`waiting`: for a person."""
    begun: str
    """ISO 8601."""
    updated: str
    """The time of the newest entry."""
    entries: int
    """Of the ledger, which this is of."""
    score: str
    """By which the winner is found, where no person named one."""
    baseline: str | None = None
    has_winner: bool = False
    """Whether that is decided."""
    winner: str | None = None
    """None where it is decided, too: nothing was better."""
    why: str = ""
    """Why this one."""
    tree: tuple[TreeNode, ...] = ()
    experiments: tuple[StudyExperiment, ...] = ()
    searches: tuple[Search, ...] = ()
    decisions: tuple[StudyDecision, ...] = ()
    questions: tuple[str, ...] = ()
    """Those that wait for an answer, with their choices."""
    files: dict[str, str] = field(default_factory=dict)
    """What was written at the end, by the action of the plan."""

    @property
    def is_unimproved(self) -> bool:
        """Whether it has ended with what was there before: nothing won, or the baseline did."""
        is_baseline = self.winner == self.baseline and len(self.experiments) > 1
        return self.has_winner and (self.winner is None or is_baseline)

    def find_experiment(self, name: str | None) -> StudyExperiment | None:
        """The experiment of that id; None where there is none."""
        return next((one for one in self.experiments if one.id == name), None)

    def find_trial(self, name: str | None) -> Trial | None:
        """The trial of that id, `PHASE/NUMBER`; None where there is none."""
        trials = {
            f"{one.id}/{trial.number}": trial for one in self.searches for trial in one.trials
        }
        return trials.get(name or "")

    def scores_of(self, name: str | None) -> dict[str, StudyScore]:
        """The scores of an experiment or a trial by their names."""
        found = self.find_experiment(name) or self.find_trial(name)
        return {} if found is None else dict(found.scores)
