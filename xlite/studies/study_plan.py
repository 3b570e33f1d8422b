"""A study as its plan file says it: experiments, phases of a search, rules, questions, and the end.

Values alone: `plan_file` reads them from TOML, the rules turn them and the ledger into work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from xlite.errors import InputError
from xlite.places import CACHE_DIR, EXPERIMENTS_DIR, SPLIT_DIR
from xlite.settings import Runtime, SlurmSettings, TrainSettings

END: Final = "end"
"""The target of a rule or of an answer after which nothing of the plan is begun any more."""

On = Literal["point", "lower bound"]
"""What of a score is held against a threshold: the score, or the lower end of its interval."""


TRAINING_SCORES: Final = (
    "auroc",
    "average_precision",
    "f1",
    "precision",
    "recall",
    "sensitivity",
)
"""The scores of validation that a run has after each epoch; others are of a judgement."""


@dataclass(frozen=True)
class ScoreName:
    """The name of a score, as in `val.auroc` or `val.sensitivity.Mass`."""

    part: Literal["val", "oof", "test"]
    """The part it is of; `oof`: the out-of-fold predictions of folds, pooled."""
    score: str
    label: str | None = None
    """None for the macro mean over the labels."""

    @classmethod
    def parse(cls, text: str, *, where: str) -> ScoreName:
        """The score called `text`; InputError, which begins with `where`, for another form.

        >>> ScoreName.parse("val.auroc", where="score")
        ScoreName(part='val', score='auroc', label=None)
        """
        part, dot, rest = text.strip().partition(".")
        score, _, label = rest.partition(".")
        if part not in ("val", "oof", "test") or not dot or not score:
            raise InputError(
                f"{where}: {text!r} is no score. Name a part, a score and, for one label "
                "alone, the label, as in val.auroc or val.sensitivity.Mass."
            )
        return cls(part, score, label or None)  # type: ignore[arg-type]

    @property
    def is_of_training(self) -> bool:
        """Whether a run has it after each epoch, unfinished or not."""
        return self.part == "val" and self.score in TRAINING_SCORES

    def __str__(self) -> str:
        """The name as a plan file has it."""
        return ".".join(filter(None, (self.part, self.score, self.label)))


@dataclass(frozen=True, kw_only=True)
class Success:
    """What an experiment has to reach; scores are in [0, 1]."""

    score: ScoreName
    on: On = "point"
    minimum: float | None = None
    target: float | None = None
    stretch: float | None = None
    known: float | None = None
    """What the score is today, which the thresholds are to be told apart from."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One way of training, with each of its seeds (and, over folds, on each fold)."""

    id: str
    settings: TrainSettings
    """Whatever its seed is here: each run has its own."""
    seeds: tuple[int, ...]
    title: str = ""
    name: str = ""
    """What tables call its runs, and behind it the seed where there are several; by its id where
    it is empty."""
    after: tuple[str, ...] = ()
    """Ids of what has to have ended before it begins."""
    split: Path | None = None
    """Its own split or folds; None for the study's."""
    weights: Path | None = None
    """A file of initial weights."""
    warm_start: Path | None = None
    """A checkpoint whose fitting weights are loaded over the initial ones."""
    success: Success | None = None
    expected: tuple[float, float] | None = None
    """The range in which the score of `success`, or the study's, is expected."""
    has_fixed_budget: bool = False
    """Whether the plan varies the number of epochs, which is part of what a run is then."""
    has_open_budget: bool = False
    """Whether a run that is there, and was asked for fewer epochs, is trained on, as by `train`."""


@dataclass(frozen=True, kw_only=True)
class GrowingSeeds:
    """Seeds that variants get one after the other, looked at after each, until all are decided."""

    seeds: tuple[int, ...]
    """All that there may be, in their order."""
    first: int
    """How many of them there are before the first look; from 2."""
    variants: tuple[str, ...] = ()
    """The experiments of `[axes]`, the baseline first."""


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """What a search draws a setting from, by the setting's name in a plan file."""

    kind: Literal["values", "uniform", "log_uniform", "int"]
    values: tuple[Any, ...] = ()
    """Of `values`: numbers, text or truth values."""
    low: float = 0.0
    high: float = 0.0
    step: int = 1
    """Of `int`."""


@dataclass(frozen=True, kw_only=True)
class Rungs:
    """Successive halving: the epochs at which trials pause, and what share goes on."""

    first: int
    """Finished epochs at the first pause."""
    factor: int = 3
    """Of so many trials at a rung one goes on, to so many times the epochs."""


@dataclass(frozen=True, kw_only=True)
class Keep:
    """What a phase hands to the next one: the best values of a field, or the best trials."""

    best: int
    setting: str | None = None
    """The setting of whose values the best are kept; None for whole trials."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A search, or one link in a chain of them."""

    id: str
    method: Literal["random", "tpe", "grid", "confirm"]
    """`confirm` trains the trials that the phase before kept with fresh seeds, and searches
    nothing."""
    settings: TrainSettings
    """What is not searched."""
    space: Mapping[str, Distribution] = field(default_factory=dict)
    runs: int = 0
    """The most trials; for `grid` 0 is all of them."""
    score: ScoreName = ScoreName("val", "auroc")
    """What the best trial has most of."""
    seeds: tuple[int, ...] = (0,)
    """Of training; a trial's score is the mean over them."""
    seed: int = 0
    """Of the search itself."""
    rungs: Rungs | None = None
    keep: Keep | None = None
    previous: str | None = None
    """The phase before it in the chain."""
    after: tuple[str, ...] = ()
    split: Path | None = None
    weights: Path | None = None
    warm_start: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A question to the scores of experiments or phases; a phase's score is its best trial's."""

    quantifier: Literal["any", "all", "best"]
    of: tuple[str, ...]
    score: ScoreName
    comparison: Literal["above", "below", "within"]
    low: float
    """The threshold of `above` and `below`, the lower end of `within`."""
    high: float = 1.0
    on: On = "point"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A branch: once all that `when` asks about has ended, one of two lists of targets begins."""

    id: str
    when: Condition
    then: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A choice that a person has, and what follows from it."""

    then: tuple[str, ...] = ()
    winner: str | None = None
    """The experiment that is the study's winner by this answer."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A question to a person."""

    id: str
    question: str
    choices: Mapping[str, Answer]
    after: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Finally:
    """What is done once, after all else has ended."""

    compare: bool = False
    """Judge the experiments against each other, or phases' `confirm` runs."""
    report: bool = False
    card: bool = False
    settings: Path | None = None
    """Where the winner's settings are written, as TOML."""
    weights: Path | None = None
    """Where the winner's weights are copied to."""
    test: bool = False
    """One look at the sealed test part, of the winner alone."""
    score: ScoreName = ScoreName("val", "auroc")
    """By which the winner is found, where no person named one."""
    then: tuple[ScoreName, ...] = ()
    """What decides between winners whose scores agree to three decimals."""


@dataclass(frozen=True, kw_only=True)
class CachePlan:
    """A CLAHE cache that the study builds before it trains, in shards."""

    images: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of `ClaheSettings`."""
    shards: int = 1
    labels: Path | None = None
    """The table that names the images; None for those of the split."""


@dataclass(frozen=True, kw_only=True)
class StudyPlan:
    """A whole plan. Paths are as the plan names them: from the project's folder."""

    name: str
    question: str = ""
    experiments: tuple[Experiment, ...] = ()
    phases: tuple[Phase, ...] = ()
    rules: tuple[Rule, ...] = ()
    asks: tuple[Ask, ...] = ()
    finish: Finally = Finally()
    growth: GrowingSeeds | None = None
    """How seeds are added to some of the experiments, whose own are those to begin with."""
    baseline: str | None = None
    """The experiment that the others are compared with; None for the first."""
    split: Path = SPLIT_DIR
    labels: Path | None = None
    cache: Path = CACHE_DIR
    images: Path | None = None
    """Images from which CLAHE is computed while loading, instead of a cache."""
    build: CachePlan | None = None
    out: Path = EXPERIMENTS_DIR
    runtime: Runtime = field(default_factory=Runtime)
    rest_seconds: float = 0.0
    """Between two runs of an agent."""
    slurm: SlurmSettings | None = None
    """What a cluster is asked for; None where the plan does not say."""

    @property
    def targets(self) -> frozenset[str]:
        """The ids that a rule or an answer may begin, but for END."""
        groups = (self.experiments, self.phases, self.asks)
        return frozenset(one.id for group in groups for one in group)
