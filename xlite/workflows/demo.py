"""The main job on synthetic radiographs, by the very commands a user would type: `xlite demo`."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlite import console
from xlite.arrays import read_count
from xlite.errors import CheckFailedError, InputError
from xlite.ownership import require_our_folder
from xlite.places import ABLATION, BALANCE_VERIFICATION, BASELINE_RESULTS, TRAINING_PROGRESS
from xlite.studies.progress import read_entries
from xlite.synthetic.generate import generate_synthetic
from xlite.workflows.child_command import ChildCommand, start_command

LEAST_IMAGES = 300
MOST_IMAGES = 112_120
"""As many as NIH's table has."""
LEAST_EPOCHS = 3

_MODELS = ("resnet10t+mhsa", "resnet10t+performer")
_INTERRUPT_AFTER_EPOCHS = 2
_DRAWN = "raw/synthetic.json"
_WRITTEN = ("splits", "clahe_cache", "experiments", "report.html")


def demo(
    out: str | Path = "demo", *, num_images: int = 1000, epochs: int = 10, seed: int = 42
) -> None:
    """Draw synthetic radiographs, then split, cache, verify, train, resume, ablate and report.

    Each step is a command in a process of its own, in a folder `out` that holds nothing else.
    num_images: 300 to 112,120. epochs: of each training, 3 or more. The second call finds
    everything done. Raises CheckFailedError where a command does not end with exit code 0.
    """
    out = Path(out)
    if read_count(num_images, "num_images", at_least=LEAST_IMAGES) > MOST_IMAGES:
        raise InputError(f"num_images is at most {MOST_IMAGES:,}, not {num_images:,}.")
    read_count(epochs, "epochs", at_least=LEAST_EPOCHS)
    require_our_folder(out, markers=[_DRAWN], names=_WRITTEN, what="a demo")
    table = generate_synthetic(
        out / "raw", num_images=num_images, seed=seed, image_size=256, min_positives=30
    )
    console.say(f"{num_images} synthetic radiographs with NIH's labels: {table.parent}")
    _run_all(_Project(out=out, table=table, epochs=epochs, seed=seed))


def _run_all(project: _Project) -> None:
    """Run every command, one of them with an interruption."""
    table = project.table
    project.run("split", "--labels", table, "--out", project.split)
    project.run(
        "cache-clahe",
        *("--labels", table, "--images", table.parent, "--size", 96, "--out", project.cache),
    )
    project.run(
        "verify-balance",
        *("--labels", table, "--split", project.split, "--compare", "--out", project.experiments),
    )
    train = (
        *("train", "--models", ",".join(_MODELS), "--loss", "bce", "--seed", project.seed),
        *project.training(),
    )
    project.interrupt(*train, model=_MODELS[0])
    project.run(*train)
    project.run(
        *("ablate", "--model", _MODELS[1], "--losses", "bce,focal"),
        *("--seeds", f"{project.seed},{project.seed + 1}"),
        *project.training(),
    )
    for model in _MODELS:
        project.open_test_part(model)
    project.run(
        *("report", "--out", project.out / "report.html", "--experiments", project.experiments),
        *("--split", project.split, "--cache", project.cache),
    )
    _say_where_to_look(project)


@dataclass(frozen=True, kw_only=True)
class _Project:
    """The demo's folders and the commands that work on them."""

    out: Path
    table: Path
    epochs: int
    seed: int

    @property
    def split(self) -> Path:
        return self.out / "splits"

    @property
    def cache(self) -> Path:
        return self.out / "clahe_cache"

    @property
    def experiments(self) -> Path:
        return self.out / "experiments"

    def training(self) -> tuple[object, ...]:
        folders = ("--split", self.split, "--cache", self.cache, "--out", self.experiments)
        # Small images and no pretrained weights: a larger step, more of them, less distortion.
        settings = ("--epochs", self.epochs, "--lr", 3e-4, "--batch-size", 16, "--augment", "light")
        sampling = ("--sampler", "max-entropy", "--no-pretrained", "--resume")
        return (*folders, *settings, *sampling)

    def run(self, *arguments: object) -> None:
        """Run one command and raise CheckFailedError when it does not exit with 0."""
        with self._started(arguments) as process:
            process.wait()
        if process.returncode != 0:
            raise CheckFailedError(
                f"`xlite {arguments[0]}` ended with exit code {process.returncode}."
            )

    def interrupt(self, *arguments: object, model: str) -> None:
        """Run a training and press Ctrl-C in it once `model` has trained two epochs."""
        if self._epochs_done(model) > _INTERRUPT_AFTER_EPOCHS:
            return
        if os.name == "nt":
            console.say(
                "\n(Windows can't send Ctrl-C to one program: the interruption is left out.)"
            )
            return
        with self._started(arguments) as process:
            while process.is_running() and self._epochs_done(model) < _INTERRUPT_AFTER_EPOCHS:
                pass
            if process.is_running():
                console.say(f"… Ctrl-C after epoch {_INTERRUPT_AFTER_EPOCHS}:")
                process.send(signal.SIGINT)
            process.wait()
        if process.returncode not in (0, 130):
            raise CheckFailedError(f"training ended with exit code {process.returncode}.")

    def open_test_part(self, model: str) -> None:
        """Judge a model on the test part, unless that was done before: each look is counted."""
        from xlite.judging.sealed_test import has_look

        run_dir = self.experiments / self._read_entry(model)["run"]
        if has_look(run_dir):
            return
        folders = ("--split", self.split, "--out", self.experiments / "evaluation" / run_dir.name)
        self.run("evaluate", run_dir, "--part", "test", *folders, "--seed", self.seed)

    @contextmanager
    def _started(self, arguments: tuple[object, ...]) -> Iterator[ChildCommand]:
        words = [str(argument) for argument in arguments]
        console.say(f"\n$ xlite {shlex.join(words)}")
        with start_command(["-m", "xlite", *words], name=f"xlite {words[0]}") as process:
            yield process

    def _epochs_done(self, model: str) -> int:
        return int(self._read_entry(model).get("epochs_done", 0))

    def _read_entry(self, model: str) -> dict[str, Any]:
        """What training_progress.json says of a model; empty before it says anything."""
        return read_entries(self.experiments / TRAINING_PROGRESS).get(model, {})


def _say_where_to_look(project: _Project) -> None:
    experiments = project.experiments
    console.say(
        f"\nLook at:\n"
        f"  {project.split / 'split.json'}  the split and its audit\n"
        f"  {experiments / 'balance.png'}, {experiments / BALANCE_VERIFICATION}\n"
        f"  {experiments / BASELINE_RESULTS}  the models\n"
        f"  {experiments / ABLATION}  what the loss changes for each label\n"
        f"  {experiments / 'runs'}  a folder a run: settings, history, predictions, scores\n"
        f"  {experiments / 'evaluation'}  the models on the test part: scores and figures\n"
        f"  {project.out / 'report.html'}  all of it on one page"
    )
