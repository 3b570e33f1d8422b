"""Where things lie in a bundle."""

from __future__ import annotations

from pathlib import Path

from xlite.places import EVALUATIONS, STUDIES
from xlite.run_folder.file_names import RUNS

BUNDLE_RECORD = "bundle.json"
"""What the bundle is made of, with a sum of each member; its last one."""
BUNDLE_README = "README.md"
EXPERIMENTS = "experiments"
SPLITS = "splits"


TEXTS = "texts"
"""What page, cards and log say of the rest."""


def split_dir(root: Path, place: int) -> Path:
    """The folder of a split by its place, from 0, which is shown from 1."""
    return root / SPLITS / f"{place + 1}"


def experiments_dir(root: Path) -> Path:
    """The experiments folder."""
    return root / EXPERIMENTS


def run_dir(root: Path, name: str) -> Path:
    """The folder of a run."""
    return root / EXPERIMENTS / RUNS / name


def evaluation_dir(root: Path, name: str) -> Path:
    """The folder of an evaluation."""
    return root / EXPERIMENTS / EVALUATIONS / name


def study_dir(root: Path, name: str) -> Path:
    """The folder of a study."""
    return root / EXPERIMENTS / STUDIES / name
