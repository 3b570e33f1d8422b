"""The numbers of a run and of its split, recomputed from predictions, labels and history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xlite.files import sha256_of_file
from xlite.places import VALIDATION
from xlite.proving.project import BundledProject
from xlite.proving.replay import Replayed, keep
from xlite.results.split import SplitRecord
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.records import PartScores
from xlite.scores.summary import summarize_scores
from xlite.splitting.split_record import SPLIT_REMEDY
from xlite.splitting.split_writer import describe_split
from xlite.training.schedule import find_best_epoch

_OF_SCORES = frozenset({"model", "epochs", "best_epoch", "stopped_early", "val", "files"})
"""What is recomputed of a run's scores; the rest is of its training, which took the images."""
_OF_CONFIG, _OF_DATA = frozenset({"labels", "data"}), frozenset({"images", "train_positives"})
_SPLIT_RECOMPUTED = frozenset({"labels", "patient_overlap", "max_deviation_pp", "parts"})


def replay_scores(project: BundledProject, path: Path, stated: dict[str, Any]) -> Replayed:
    """`scores.json` of a run: its validation scores, its epochs, and which of them was best."""
    run = project.run(path.parent.name)
    history, settings = run.history, run.settings
    kept = [key for key in stated if key not in _OF_SCORES]
    found = keep(stated, kept) | {
        "model": settings.model,
        "epochs": len(history),
        "best_epoch": find_best_epoch(settings, history) + 1,
        "stopped_early": len(history) < settings.epochs,
        "val": None,
        "files": {
            name: sha256_of_file(run.path / name) if (run.path / name).is_file() else digest
            for name, digest in stated["files"].items()
        },
    }
    if VALIDATION in project.split_of(run).parts:
        labelled = project.labelled(run.name)
        scores = summarize_scores(
            labelled.targets, labelled.probs, labelled.vocabulary, groups=labelled.patient_ids
        )
        found["val"] = PartScores(**scores).model_dump(mode="json")
    return Replayed(found=found, stated=tuple(kept))


def replay_config(project: BundledProject, path: Path, stated: dict[str, Any]) -> Replayed:
    """`config.json` of a run: what it says of the images and labels of its split."""
    run = project.run(path.parent.name)
    split = project.split_of(run)
    data = stated["data"]
    counts = {name: _count_images(run, name, len(part)) for name, part in split.parts.items()}
    train = split.parts["train"]
    of_config = [key for key in stated if key not in _OF_CONFIG]
    of_data = [key for key in data if key not in _OF_DATA]
    kept = [*of_config, *(f"data.{key}" for key in of_data)]
    positives = train.positives.tolist()
    if counts["train"] != len(train) or _has_policy(run):
        # Which images could not be read, or were left out by the run's policy, is in no table.
        positives = data["train_positives"]
        kept.append("data.train_positives")
    found = keep(stated, of_config) | {
        "labels": list(train.vocabulary),
        "data": {**keep(data, of_data), "images": counts, "train_positives": positives},
    }
    return Replayed(found=found, stated=tuple(kept))


def replay_split(project: BundledProject, path: Path, stated: dict[str, Any]) -> Replayed:
    """`split.json`: what the parts hold, and whether a patient or an image is in two of them."""
    record = SplitRecord.read(path, remedy=SPLIT_REMEDY)
    parts = project.splits[path.parent.relative_to(project.root).as_posix()].parts
    if not record.parts:
        # What version 0.1 and other tools wrote counts nothing.
        return Replayed(found=stated, stated=tuple(stated))
    found = describe_split(parts, {}).to_json()
    kept = [key for key in stated if key not in _SPLIT_RECOMPUTED]
    return Replayed(
        found=keep(stated, kept) | {key: found[key] for key in _SPLIT_RECOMPUTED if key in stated},
        stated=tuple(kept),
    )


def _count_images(run: RunFolder, part: str, most: int) -> int:
    """The images of a part that a run could read: those that it has predicted."""
    if run.has_predictions(part):
        return len(run.read_predicted_images(part))
    return min(run.data.images.get(part, most), most)


def _has_policy(run: RunFolder) -> bool:
    """Whether the run's policy for training rows is not the usual one."""
    return run.settings.policy != type(run.settings.policy)()
