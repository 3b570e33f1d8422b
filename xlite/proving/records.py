"""The records of a bundle: which files they are, how they come about, and what lies beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from xlite.files import read_json
from xlite.judging.comparison import COMPARISON, COMPARISON_RECORD
from xlite.judging.evaluation_folder import list_tables
from xlite.places import (
    ABLATION,
    ABLATION_RECORD,
    EVALUATION_SCORES,
    EVALUATIONS,
    ON_SPLIT,
    SEALED_LOOK,
    SPLIT_RECORD,
    STUDIES,
    STUDY_RECORD,
    STUDY_SUMMARY,
    STUDY_VERDICTS,
)
from xlite.proving import layout
from xlite.proving.project import BundledProject
from xlite.proving.replay import Replay, Replayed
from xlite.proving.replay_ablation import replay_ablation
from xlite.proving.replay_comparison import replay_comparison
from xlite.proving.replay_evaluation import replay_evaluation
from xlite.proving.replay_ledger import replay_entry
from xlite.proving.replay_runs import replay_config, replay_scores, replay_split
from xlite.proving.replay_study import replay_look, replay_study, replay_verdicts
from xlite.proving.replay_thresholds import replay_thresholds
from xlite.results.ablation import Ablation
from xlite.results.comparison import Comparison
from xlite.results.evaluation import Evaluation
from xlite.results.study import Study
from xlite.run_folder.file_names import RUN_CONFIG, RUN_SCORES, RUN_THRESHOLDS, RUNS
from xlite.studies.summary.table import tabulate_study

if TYPE_CHECKING:
    import pandas as pd

REMEDY = "Get the bundle again, as `xlite bundle` wrote it."

Tables = Callable[[dict[str, Any]], "dict[str, pd.DataFrame]"]


def _no_tables(_: dict[str, Any]) -> dict[str, pd.DataFrame]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Records of one kind."""

    pattern: str
    """Which files of a bundle they are."""
    replay: Replay
    tables: Tables = _no_tables
    """The tables that a record's content makes, by the names of files beside it."""
    cost: Literal["", "alone", "compared"] = ""
    """Whether it takes long: by itself, or with all that compare the same runs."""
    is_input: bool = False
    """Whether others are recomputed from it, so that its digits stay as they were found."""


KINDS = (
    Kind(pattern=f"{layout.SPLITS}/*/{SPLIT_RECORD}", replay=replay_split),
    Kind(
        pattern=f"{layout.EXPERIMENTS}/{RUNS}/*/{RUN_CONFIG}", replay=replay_config, is_input=True
    ),
    Kind(pattern=f"{layout.EXPERIMENTS}/{RUNS}/*/{RUN_THRESHOLDS}", replay=replay_thresholds),
    Kind(pattern=f"{layout.EXPERIMENTS}/{RUNS}/*/{RUN_SCORES}", replay=replay_scores),
    Kind(
        pattern=f"{layout.EXPERIMENTS}/{EVALUATIONS}/*/{EVALUATION_SCORES}",
        replay=replay_evaluation,
        cost="alone",
        tables=lambda content: list_tables(Evaluation.from_json(content)),
    ),
    *(
        Kind(
            pattern=f"{layout.EXPERIMENTS}/{place}{COMPARISON_RECORD}",
            replay=replay_comparison,
            cost="compared",
            tables=lambda content: {COMPARISON: Comparison.from_json(content).to_frame()},
        )
        for place in ("", f"{STUDIES}/*/", f"{STUDIES}/*/{ON_SPLIT}*/")
    ),
    Kind(
        pattern=f"{layout.EXPERIMENTS}/{ABLATION_RECORD}",
        replay=replay_ablation,
        cost="compared",
        tables=lambda content: {ABLATION: Ablation.from_json(content).to_frame()},
    ),
    Kind(
        pattern=f"{layout.EXPERIMENTS}/{STUDIES}/*/ledger/*.json",
        replay=replay_entry,
        cost="alone",
        is_input=True,
    ),
    Kind(
        pattern=f"{layout.EXPERIMENTS}/{STUDIES}/*/{STUDY_RECORD}",
        replay=replay_study,
        tables=lambda content: {STUDY_SUMMARY: tabulate_study(Study.from_json(content))},
    ),
    *(
        Kind(
            pattern=f"{layout.EXPERIMENTS}/{STUDIES}/*/{place}{STUDY_VERDICTS}",
            replay=replay_verdicts,
            cost="compared",
        )
        for place in ("", f"{ON_SPLIT}*/")
    ),
    Kind(
        pattern=f"{layout.EXPERIMENTS}/{STUDIES}/*/{SEALED_LOOK}", replay=replay_look, cost="alone"
    ),
)
"""In the order in which they are looked at: what others rest on comes first."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record of an unpacked bundle."""

    kind: Kind
    path: Path

    def read(self) -> dict[str, Any]:
        """Its content; InputError for a damaged one."""
        return read_json(self.path, remedy=REMEDY)

    def replay(self, project: BundledProject, stated: dict[str, Any]) -> Replayed:
        """What it comes to; InputError where that can't be told."""
        return self.kind.replay(project, self.path, stated)


def list_records(project: BundledProject) -> Iterator[Record]:
    """The records of an unpacked bundle."""
    for kind in KINDS:
        for path in sorted(project.root.glob(kind.pattern)):
            yield Record(kind=kind, path=path)
