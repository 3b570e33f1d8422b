"""One finished run as an entry of the experiment log."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlite.config import LossSettings, SamplerSettings, TrainSettings
from xlite.console import decimal
from xlite.reporting.log_entry import LogEntry

_WEIGHTS_FILE, _UNTRAINED = "sha256:", "--no-pretrained"
_WEIGHTS_OPTIONS = ("initial_weights", "warm_start")


@dataclass(frozen=True)
class FinishedRun:
    """What a finished run's folder holds."""

    folder: Path
    config: dict[str, Any]
    scores: dict[str, Any]
    finished: str
    """When it ended, ISO 8601, or nothing."""


def describe_run(run: FinishedRun, log_dir: Path) -> LogEntry:
    """The run's entry of the log; log_dir: what the run folder is named from."""
    settings, data, scores = run.config["settings"], run.config["data"], run.scores
    val = scores["val"]
    changes = dict(_find_changes(settings))
    images = ", ".join(f"{count:,} {part}" for part, count in data["images"].items())
    digests = ", ".join(f"{part} {text[:12]}" for part, text in data["split_sha256"].items())
    macro = val["macro"]
    differences = ", ".join(f"{name} = {value}" for name, value in changes.items())
    facts = [
        f"Differs from the defaults: {differences or 'nothing'}",
        f"Data: {images} images; split SHA-256: {digests}; pixels {data['source'][:12]}",
        f"Validation, macro: AUROC {decimal(macro['auroc'])}, AP "
        f"{decimal(macro['average_precision'])}, F1 {decimal(macro['f1'])} "
        f"({val['f1_thresholds']} thresholds)",
        *(
            f"Left out of the macro {score}, undefined: {', '.join(labels)}"
            for score, labels in val["undefined"].items()
        ),
        f"Best epoch: {scores['best_epoch']} of {scores['epochs']}",
        f"Parameters: {scores['num_parameters']:,}",
        f"Time: {scores['seconds'] / 60:.1f} min"
        + (f", finished {run.finished}" if run.finished else ""),
        f"Folder: {Path(os.path.relpath(run.folder, log_dir)).as_posix()}",
    ]
    return LogEntry(
        kind="run",
        source=run.folder.name,
        finished=run.finished,
        title=f"{settings['model']}, {settings['loss']['name']}, sampler "
        f"{settings['sampler']['name']}, seed {settings['seed']}",
        objective="train one model; a single run decides nothing",
        key_result=f"val AUROC {decimal(macro['auroc'])}",
        decision="",
        facts=facts,
        command_note=_describe_reproduction(changes, run.config["environment"]),
        command=build_train_command(settings),
    )


def _find_changes(settings: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each setting that is not the default, such as ("loss.name", "focal")."""
    defaults = TrainSettings(model=settings["model"]).model_dump(mode="json")
    for name, value in settings.items():
        default = defaults.get(name)
        if isinstance(default, dict):
            for field, part in value.items():
                if part != default.get(field):
                    yield f"{name}.{field}", part
        elif value != default:
            yield name, value


def _describe_reproduction(changes: dict[str, Any], environment: dict[str, Any]) -> str:
    notes = []
    if any(str(changes.get(name, "")).startswith(_WEIGHTS_FILE) for name in _WEIGHTS_OPTIONS):
        notes.append("each FILE has its SHA-256 above")
    where = "; ".join([describe_environment(environment), *notes])
    return f"To reproduce, with the same split and cache ({where}):"


def describe_environment(environment: Mapping[str, Any]) -> str:
    """What a run ran on, on one line."""
    return (
        f"xlite {environment['xlite']}, torch {environment['torch']}, Python "
        f"{environment['python']}, {environment['machine']}, {environment['num_threads']} threads"
    )


def build_train_command(settings: dict[str, Any]) -> str:
    """The command line that trains a run with these settings again, in the project's folder."""
    changes = dict(_find_changes(settings))
    # Always said, since a default of the command may come to differ from this run.
    always = {
        "--models": settings["model"],
        "--loss": settings["loss"]["name"],
        "--sampler": settings["sampler"]["name"],
        "--epochs": settings["epochs"],
        "--seed": settings["seed"],
        "--precision": settings["precision"],
    }
    words = ["xlite", "train", *(str(word) for pair in always.items() for word in pair)]
    for name, value in changes.items():
        option = _option_of(name)
        if name == "initial_weights":
            words += ["--weights", "FILE"] if value.startswith(_WEIGHTS_FILE) else [_UNTRAINED]
        elif name == "warm_start":
            words += ["--warm-start", "FILE"]
        elif option not in always:
            words += [option] if value is True else [option, _as_argument(value)]
    return " ".join(shlex.join(words).split())


def _option_of(setting: str) -> str:
    group, _, field = setting.rpartition(".")
    options = {"loss": LossSettings.options, "sampler": SamplerSettings.options}.get(group, {})
    return options.get(field, f"--{field.replace('_', '-')}")


def _as_argument(value: Any) -> str:
    return ",".join(str(item) for item in value) if isinstance(value, list) else str(value)
