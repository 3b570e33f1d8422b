"""Starting the command line, and a training run up to its first step."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Row, compare_times, compare_with_limit, time_in_turns
from benchmarks.radiographs import find_radiographs

_HELP_LIMIT_SECONDS = 0.3
_MODEL = "efficientnet_b0_mhsa"

# Neither these nor the training wait for Python to take a finished process apart.
_IMPORT_TORCH = "import os, torch; os._exit(0)"
_IMPORT_TIMM = """
import os
from xlite.models.pretrained import import_timm
import_timm()
os._exit(0)
"""
# lightning_fabric imports torchmetrics where it is installed, as here for another benchmark; no
# part of xlite asks for it.
_TRAIN_TO_FIRST_STEP = """
import os, sys
sys.modules["torchmetrics"] = None
from xlite.training.step import Stepper

Stepper.take_step = lambda *_, **__: os._exit(0)
from xlite.cli.app import main

main()
raise SystemExit("no step was taken")
"""


def run() -> list[Row]:
    """The rows of `xlite --help` and `xlite train`, wall-clock of whole processes."""
    with tempfile.TemporaryDirectory(prefix="xlite-bench-") as folder:
        help_seconds = time_in_turns(
            {"help": lambda: run_python("-m", "xlite", "--help")}, rounds=9
        )
        seconds = time_in_turns(
            {
                "train": _prepare_training(Path(folder)),
                "torch, timm": _import_one_after_the_other,
                "timm": lambda: run_python("-c", _IMPORT_TIMM),
            },
            rounds=5,
        )
    return [
        compare_with_limit(
            "xlite --help: seconds allowed",
            help_seconds["help"],
            limit=_HELP_LIMIT_SECONDS,
            unit="s",
        ),
        compare_times(
            f"xlite train, {_MODEL}, to its first step: importing torch, importing timm, summed",
            seconds,
            ours="train",
            peer="torch, timm",
            target=1.15,
        ),
        compare_times(
            f"xlite train, {_MODEL}, to its first step: importing timm, which imports torch",
            seconds,
            ours="train",
            peer="timm",
            target=None,
        ),
    ]


def run_python(*arguments: str) -> int:
    """Run this interpreter with the arguments, output discarded; always 1 unit of work.

    Raises CalledProcessError when it fails: a command that stops early would look fast.
    """
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return 1


def _import_one_after_the_other() -> int:
    for code in (_IMPORT_TORCH, _IMPORT_TIMM):
        run_python("-c", code)
    return 1


def _prepare_training(scratch: Path) -> Callable[[], int]:
    """A training run that ends where its first step would begin, each time in a new folder."""
    images = find_radiographs().paths
    table = find_radiographs().table
    split, cache = scratch / "split", scratch / "cache"
    xlite = ("-m", "xlite")
    run_python(*xlite, "split", "--labels", str(table), "--out", str(split))
    run_python(
        *xlite,
        *("cache-clahe", "--labels", str(table), "--images", str(images[0].parent)),
        *("--out", str(cache)),
    )
    numbers = itertools.count()

    def train() -> int:
        return run_python(
            *("-c", _TRAIN_TO_FIRST_STEP, "train", "--models", _MODEL, "--no-pretrained"),
            *("--split", str(split), "--cache", str(cache), "--workers", "0"),
            *("--out", str(scratch / f"experiments{next(numbers)}")),
        )

    return train
