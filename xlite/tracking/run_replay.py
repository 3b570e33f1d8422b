"""A run folder as what a tracker is told of it. Nothing in the folder is changed."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from xlite.run_folder.folder import RunFolder
from xlite.run_folder.history import MACHINE_COLUMNS
from xlite.run_folder.records import PartScores, Sitting
from xlite.tracking.tracked import MACHINE, Plain, Step, Tracked, drop_undefined

_PARTS = ("train", "val")
_EPOCHS = "epochs"
"""The one setting that a later sitting may raise."""


def replay_run(
    run: RunFolder,
    *,
    is_at_work: bool,
    study: str | None = None,
    text: str = "",
    figures: Mapping[str, Path] | None = None,
) -> Tracked:
    """The run as far as it has come: settings, every number of every epoch, scores.

    is_at_work: whether a process trains it. study: the one that it is of. text: its record.
    Raises InputError for a folder that is damaged.
    """
    # The scores first: a run that ends in between is seen as one that goes on, and whole next time.
    scores, history = run.scores, run.history
    settings = _flatten(run.settings_content)
    ends = _find_times(history, run.sittings)
    facts: dict[str, Plain] = {
        _EPOCHS: settings.pop(_EPOCHS, None),
        "epochs_done": len(history),
        "fingerprint": run.config.fingerprint,
        "study": study,
    }
    facts |= {f"images_{part}": count for part, count in run.data.images.items()}
    best = None
    if scores is not None:
        facts |= {
            "num_parameters": scores.num_parameters,
            "best_epoch": scores.best_epoch,
            "stopped_early": scores.stopped_early,
        }
        if scores.val is not None:
            best = Step(
                number=scores.best_epoch,
                at=ends[min(scores.best_epoch, len(ends)) - 1] if ends else 0.0,
                values=_name_scores(scores.val),
            )
    return Tracked(
        name=run.name,
        kind="run",
        state="finished" if scores else "running" if is_at_work else "stopped",
        started=_read_time(run.sittings[0].started) if run.sittings else None,
        ended=_read_time(run.sittings[-1].ended) if run.sittings and not is_at_work else None,
        settings=settings,
        facts={name: value for name, value in facts.items() if value is not None},
        steps=[
            Step(number=number, at=at, values=_name_values(row, run.labels))
            for number, (row, at) in enumerate(zip(history, ends, strict=True), start=1)
        ],
        best=best,
        text=text,
        figures=figures or {},
    )


def _name_values(row: Mapping[str, float], labels: Sequence[str]) -> dict[str, float]:
    named = [(_name_column(name, row, labels), value) for name, value in row.items()]
    return drop_undefined((name, value) for name, value in named if name != "train/epoch")


def _name_column(name: str, columns: Collection[str], labels: Sequence[str]) -> str:
    """A column of the history by part, score and label; trackers group by what is before a slash.

    >>> columns = ["lr", "val_auroc", "val_auroc_Mass", "train_loss_margin", "seconds"]
    >>> [_name_column(name, columns, ["Mass"]) for name in columns]
    ['train/lr', 'val/auroc', 'val/auroc/Mass', 'train/loss/margin', 'machine/seconds']
    """
    if name in MACHINE_COLUMNS:
        return MACHINE + name
    part, _, score = name.partition("_")
    if part not in _PARTS:
        return f"train/{name}"
    # Of two labels, of which one ends as the other is called, the column is the longer one's.
    for label in sorted(labels, key=len, reverse=True):
        macro = score.removesuffix(f"_{label}")
        if macro != score and f"{part}_{macro}" in columns:
            return f"{part}/{macro}/{label}"
    if score.startswith("loss_"):
        return f"{part}/loss/{score.removeprefix('loss_')}"
    return f"{part}/{score}"


def _name_scores(val: PartScores) -> dict[str, float]:
    named = [(f"best/{score}", value) for score, value in val.macro.items()]
    for label, row in val.per_class.items():
        named += [(f"best/{score}/{label}", value) for score, value in row.items()]
    return drop_undefined(named)


def _find_times(history: Sequence[Mapping[str, float]], sittings: Sequence[Sitting]) -> list[float]:
    """When each epoch ended, as far as that is known: its sitting's start, and seconds since."""
    ends: list[float] = []
    for number, row in enumerate(history):
        sitting = next((one for one in reversed(sittings) if one.from_epoch <= number), None)
        started = _read_time(sitting.started) if sitting else None
        is_first = sitting is None or sitting.from_epoch == number or not ends
        before = (started or 0.0) if is_first else ends[-1]
        ends.append(before + row.get("seconds", 0.0))
    return ends


def _read_time(text: str | None) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None


def _flatten(settings: Mapping[str, Any], group: str = "") -> dict[str, Plain]:
    """Settings by dotted name; a list is its JSON.

    >>> _flatten({"lr": 0.1, "loss": {"name": "bce"}, "labels": ["Mass"]})
    {'lr': 0.1, 'loss.name': 'bce', 'labels': '["Mass"]'}
    """
    flat: dict[str, Plain] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{group}{name}.")
        elif isinstance(value, str | int | float | bool) or value is None:
            flat[f"{group}{name}"] = value
        else:
            flat[f"{group}{name}"] = json.dumps(value)
    return flat
