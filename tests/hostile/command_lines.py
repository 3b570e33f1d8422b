"""The commands that many cases share, and what they may write, from the project's neighbourhood."""

from __future__ import annotations

from hostile.cases import DONE, FAULT_FOUND, WRONG_INPUT

TRAIN = (
    "train --models test_resnet --no-pretrained --batch-size 16 --image-size 32 --device cpu "
    "--epochs 1"
)
"""Trains a run that the sound project does not have."""
RESUME = TRAIN + " --loss bce --resume"
"""Finds `{run}` finished."""
GO_ON = RESUME.replace("--epochs 1", "--epochs 2")
"""Continues `{run}` for one more epoch."""

JUDGE = "--resamples 100 --no-figures --out judged"
JUDGE_RUN = f"evaluate {{run}} {JUDGE}"
JUDGE_CSV = f"evaluate --predictions val.csv --labels data/splits/val.csv {JUDGE}"
JUDGE_TEST = JUDGE_CSV.replace("val.csv", "test.csv")

CACHE = "cache-clahe --size 32 --grid 4 --workers 1"
"""Finds the sound project's cache up to date."""
NEW_CACHE = f"{CACHE} --out made"

CHECKED = ("project/data/*/verified.json",)
"""Before training, and by --verify, a cache is checked as a whole, once."""
TRAINED = ("project/experiments*", "project/EXPERIMENT_LOG.md", *CHECKED)
JUDGED = ("project/judged*", "project/experiments/*val_choices*")
COMPARED = (
    "project/experiments/comparison*",
    "project/experiments/*val_choices*",
    "project/EXPERIMENT_LOG.md",
)
MADE = ("project/made*",)

REFUSED = (WRONG_INPUT,)
NAMED = (DONE, WRONG_INPUT)
"""Both are right: the fault is named and the work goes on, or it is refused."""
FAILED = (FAULT_FOUND, WRONG_INPUT)
"""Both are right: some of the work failed, or all of it was refused."""
EITHER = (DONE, FAULT_FOUND, WRONG_INPUT)
"""It may even be sound: only that it is met with a sentence is checked."""
