"""One finished run as Markdown: its line in the index and its record."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from xlite.config import LossSettings, SamplerSettings, TrainSettings
from xlite.console import decimal

INDEX_COLUMNS = ("id", "date", "model", "loss", "sampler", "seed", "val AUROC", "status")
"""The columns of the index."""

_FINISHED = "finished"
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


def render_row(key: str, run: FinishedRun) -> str:
    """The run's line of the index, its cells in the order of INDEX_COLUMNS."""
    settings = run.config["settings"]
    cells = (
        key,
        run.finished[:10],
        settings["model"],
        settings["loss"]["name"],
        settings["sampler"]["name"],
        settings["seed"],
        decimal(run.scores["val"]["macro"]["auroc"]),
        _FINISHED,
    )
    return "| " + " | ".join(_escape(cell) for cell in cells) + " |"


def render_record(key: str, run: FinishedRun, notes: str, log_dir: Path) -> str:
    """The run's record, from its first marker to the one that ends its notes.

    notes: put between their comments as they are. log_dir: what the run folder is named from.
    """
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
        _describe_reproduction(changes, run.config["environment"]),
    ]
    title = (
        f"{settings['model']}, {settings['loss']['name']}, sampler {settings['sampler']['name']}, "
        f"seed {settings['seed']}"
    )
    lines = [
        f"<!-- run:{key} {quote(run.folder.name, safe='+')} -->",
        f"### {key}: {_escape(title)}",
        "",
        *(f"- {_escape(fact)}" for fact in facts),
        "",
        "```sh",
        build_train_command(settings),
        "```",
        "",
        f"<!-- notes:{key} -->{notes}<!-- end notes -->",
    ]
    return "\n".join(lines)


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
    return (
        f"To reproduce, with the same split and cache (xlite {environment['xlite']}, torch "
        f"{environment['torch']}, Python {environment['python']}, {environment['machine']}, "
        f"{environment['num_threads']} threads{''.join(f'; {note}' for note in notes)}):"
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


def _escape(value: Any) -> str:
    """One line of text that neither breaks a Markdown table nor forms a comment.

    >>> _escape("a|b <!-- c -->")
    'a\\\\|b &lt;!-- c -->'
    """
    text = " ".join(str(value).split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\|`*\[\]])", r"\\\1", text)
