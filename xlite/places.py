"""Where a project keeps what xlite reads and writes, unless it is told of another place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xlite.errors import InputError

SPLIT_DIR = Path("data/splits")
FOLDS_DIR = Path("data/folds")
CACHE_DIR = Path("data/clahe_cache")
EXPERIMENTS_DIR = Path("experiments")
FEATURES_DIR = EXPERIMENTS_DIR / "features"
"""A folder for what each backbone says of the films, which heads are fitted to."""
PROBE_DIR = EXPERIMENTS_DIR / "probe"

EVALUATIONS = "evaluation"
"""The folder of evaluations in an experiments folder."""
EVALUATION_SCORES = "scores.json"
"""What an evaluation found, in its folder; written last."""

VALIDATION = "val"
"""The part of a split by which epochs and models are chosen; a split may be made without."""
SPLIT_PARTS = ("train", VALIDATION, "test")
"""The parts of a split; each is a file of its folder, NAME.csv."""
SPLIT_RECORD = "split.json"
FOLDS_RECORD = "folds.json"

# In the experiments folder, where the report looks for what others wrote.
TRAINING_PROGRESS = "training_progress.json"
BASELINE_RESULTS = "baseline_results.csv"
ABLATION = "ablation.csv"
ABLATION_RECORD = "ablation.json"
LEARNING_CURVE = "learning_curve.json"
DIAGNOSIS = "diagnosis.json"
"""What `xlite doctor` found."""
BALANCE_VERIFICATION = "data_balance_verification.csv"
STUDIES = "studies"
"""A folder a study."""
ENSEMBLES = "ensembles"
"""A folder for each ensemble that `train` made of its runs."""
EXPLANATIONS = "explanations"
"""A folder for each run whose heat maps were drawn."""
LOCALISATION = "localisation.json"
"""What an explanation found, in its folder; written last."""
CHECKLISTS = "checklists"
"""A folder for each run and study whose checklists were made."""
SUBSETS = "subsets"
"""The splits of a learning curve, a folder for each split that they are subsets of."""
QUEUES = "queues"
"""A folder a command that trains: its runs, as a study that nobody named."""
TRIALS = "before"
"""Pictures of what is tried before a run."""
TRACKING = "tracking"
"""What `xlite track` writes where nothing names another place, a folder a tracker."""

# In the folder of a study.
STUDY_RECORD = "study.json"
"""What its ledger comes to; written anew as that grows."""
STUDY_SUMMARY = "summary.csv"
STUDY_VERDICTS = "verdicts.json"
STUDY_COMPARISON = "comparison.json"
ON_SPLIT = "on-"
"""How the folder begins of what was compared on another split than the study's."""
SEALED_LOOK = "test_look.json"
MODEL_CARD = "model_card.md"

_EXPERIMENT_LOG = "EXPERIMENT_LOG.md"


def find_label_table(labels: Sequence[Path] | None) -> Path | Sequence[Path]:
    """The files of the label table that were named, or the table that lies in `data/`.

    Raises InputError when none is named and not exactly one lies there.
    """
    if labels:
        return labels
    found = sorted(Path("data").glob("Data_Entry_2017*.csv*"))
    if len(found) != 1:
        what = f"{len(found)} label tables" if found else "no label table"
        raise InputError(f"{what} named data/Data_Entry_2017*.csv. Pass --labels CSV.")
    return found[0]


def experiment_log_path(experiments: Path) -> Path:
    """Where the log of an experiments folder is: at the project's root, else in the folder.

    >>> experiment_log_path(Path("experiments")).as_posix()
    'EXPERIMENT_LOG.md'
    >>> experiment_log_path(Path("elsewhere")).as_posix()
    'elsewhere/EXPERIMENT_LOG.md'
    """
    is_default = experiments == EXPERIMENTS_DIR
    return Path(_EXPERIMENT_LOG) if is_default else experiments / _EXPERIMENT_LOG
