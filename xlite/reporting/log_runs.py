"""One finished run as an entry of the experiment log."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from xlite.console import decimal
from xlite.reporting.external_sites import describe_site
from xlite.reporting.log_markdown import LogEntry
from xlite.reporting.reproduction import (
    WEIGHTS_FILE,
    WEIGHTS_OPTIONS,
    build_train_command,
    find_working_dir,
    list_changes,
)
from xlite.results.evaluation import Evaluation
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.kept_weights import describe_kept_weights
from xlite.run_folder.records import Environment, Preprocessing, RunScores, Sitting


def describe_run(
    run: RunFolder, *, finished: str, log_dir: Path, elsewhere: Sequence[Evaluation] = ()
) -> LogEntry:
    """The finished run's entry of the log.

    finished: when it ended, ISO 8601, or nothing. log_dir: what its folder is named from.
    elsewhere: its evaluations on other sites' films.
    """
    settings, data, scores = run.settings, run.config.data, run.require_scores()
    changes = list_changes(run)
    images = ", ".join(f"{count:,} {part}" for part, count in data.images.items())
    digests = ", ".join(f"{part} {text[:12]}" for part, text in data.split_sha256.items())
    differences = ", ".join(f"{name} = {value}" for name, value in changes.items())
    facts = [
        f"Differs from the defaults: {differences or 'nothing'}",
        f"Data: {images} images; split SHA-256: {digests}; pixels {data.source[:12]}",
        *_describe_validation(run, scores),
        *map(describe_site, elsewhere),
        f"Parameters: {scores.num_parameters:,}",
        f"Time: {scores.seconds / 60:.1f} min" + (f", finished {finished}" if finished else ""),
        f"Folder: {Path(os.path.relpath(run.path, log_dir)).as_posix()}",
    ]
    if run.config.preprocessing is not None:
        facts.append(f"Images: {describe_preprocessing(run.config.preprocessing)}")
    if len(run.sittings) > 1 or any(sitting.probe_losses for sitting in run.sittings):
        facts += [
            f"Sitting {count}: {describe_sitting(sitting)}"
            for count, sitting in enumerate(run.sittings, start=1)
        ]
    return LogEntry(
        kind="run",
        source=run.name,
        finished=finished,
        title=f"{settings.model}, {settings.loss.name}, sampler {settings.sampler.name}, seed "
        f"{settings.seed}",
        objective="train one model; a single run decides nothing",
        key_result=f"val AUROC {decimal(scores.val_macro['auroc'])}"
        if scores.val is not None
        else "not judged: no validation part",
        decision="",
        facts=facts,
        command_note=_describe_reproduction(run),
        command=build_train_command(run),
    )


def _describe_validation(run: RunFolder, scores: RunScores) -> list[str]:
    if scores.val is None:
        return [f"Validation: the split has none; the weights are those of epoch {scores.epochs}"]
    macro = scores.val.macro
    return [
        f"Validation, macro: AUROC {decimal(macro['auroc'])}, AP "
        f"{decimal(macro['average_precision'])}, F1 {decimal(macro['f1'])} "
        f"({scores.val.f1_thresholds} thresholds)",
        *(
            f"Left out of the macro {score}, undefined: {', '.join(labels)}"
            for score, labels in scores.val.undefined.items()
        ),
        f"Best epoch: {scores.best_epoch} of {scores.epochs}"
        if run.settings.select == "best"
        else f"Weights: of {describe_kept_weights(run)}; no epoch was picked",
    ]


def describe_environment(environment: Environment) -> str:
    """What a sitting ran on, on one line."""
    device = f", {environment.device}" if environment.device else ""
    return (
        f"xlite {environment.xlite}, torch {environment.torch}, Python {environment.python}, "
        f"{environment.machine}, {environment.num_threads} threads{device}"
    )


def describe_sitting(sitting: Sitting) -> str:
    """Where a sitting began, how it ended and what it ran on, on one line."""
    parts = []
    if sitting.started:
        end = sitting.outcome or "no end noted"
        place = f"from epoch {sitting.from_epoch + 1}"
        if sitting.from_step:
            place += f" after step {sitting.from_step}"
        if sitting.probe_losses:
            first, last = sitting.probe_losses[0], sitting.probe_losses[-1]
            place += f" after {len(sitting.probe_losses)} passes of a linear probe"
            place += f" (loss {decimal(first)} to {decimal(last)})"
        parts = [f"{sitting.started}, {place}, {end}"]
    return "; ".join([*parts, describe_environment(sitting.environment)])


def describe_preprocessing(made: Preprocessing) -> str:
    """How the images that the model sees are made, on one line."""
    clahe = made.clahe
    mean, std = (", ".join(f"{value:g}" for value in values) for values in (made.mean, made.std))
    return (
        f"CLAHE to {clahe.size} px, clip {clahe.clip:g}, {clahe.grid} × {clahe.grid} tiles, "
        f"{clahe.fit}; seen at {made.image_size} px, minus {mean}, through {std}"
    )


def _describe_reproduction(run: RunFolder) -> str:
    notes = [describe_environment(run.sittings[-1].environment)] if run.sittings else []
    if run.config.data.split_dir is None:
        notes.append("with the same split and cache, whose places are not known")
    elif find_working_dir(run) is None:
        notes.append("in the folder where it was trained, which is not known")
    changes = list_changes(run)
    if any(str(changes.get(name, "")).startswith(WEIGHTS_FILE) for name in WEIGHTS_OPTIONS):
        notes.append("each file of weights has its SHA-256 above")
    return f"To train it again beside it ({'; '.join(notes)}):"
