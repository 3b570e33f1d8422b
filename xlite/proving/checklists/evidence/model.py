"""Evidence on the model: what it is, what it began with, what it says, how it was trained."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from xlite.proving.checklists.evidence.data import disjoint, missing_data, preprocessing
from xlite.proving.checklists.evidence.proof import (
    Finding,
    Gap,
    Proof,
    contradict,
    join,
    require_more,
)
from xlite.proving.checklists.subject import Subject
from xlite.reporting.log_markdown import join_command
from xlite.reporting.log_runs import describe_environment
from xlite.reporting.reproduction import list_train_words
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.kept_weights import describe_kept_weights
from xlite.run_folder.paths import name_run_files

_PARTS: tuple[Literal["val", "test"], ...] = ("val", "test")
_TRAIN_AGAIN = "Restore the run's files, or train it again."


def model(subject: Subject) -> Finding:
    """The architecture by name, and every tensor of it by name and shape."""
    from safetensors import safe_open

    run = subject.run
    with safe_open(run.find_weights(), framework="np") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    values = sum(math.prod(shape) for shape in shapes.values())
    scores = run.require_scores()
    if values < scores.num_parameters:
        return contradict(
            f"the weights hold {values:,} numbers, fewer than the {scores.num_parameters:,} "
            "parameters that the run counts",
            _TRAIN_AGAIN,
        )
    described = run.weights_description
    if described is None:
        return Gap(
            shown="the weights are of version 0.1, and do not say what they are of",
            remedy="Train the run again.",
        )
    if tuple(described.labels) != run.labels:
        return contradict("the weights name other labels than the run", _TRAIN_AGAIN)
    size = described.preprocessing.image_size
    return Proof(
        shown=f"{run.settings.model}: in, one grey film of {size} × {size} px; out, "
        f"{len(run.labels)} logits ({', '.join(run.labels)}); {scores.num_parameters:,} parameters "
        f"in {len(shapes):,} tensors, whose names and shapes are in the weights",
        numbers={"parameters": scores.num_parameters, "tensors": len(shapes)},
        files=name_run_files(run, "weights", "config"),
        command=join_command(["xlite", "models", run.settings.model]),
    )


def index_test(subject: Subject) -> Finding:
    """Model and preparation together."""
    return join(model(subject), preprocessing(subject))


def specification(subject: Subject) -> Finding:
    """The model in full; on which terms it may be used is in no file."""
    return require_more(index_test(subject), "State who may use the weights, and on which terms.")


def software(subject: Subject) -> Finding:
    """What each sitting ran on."""
    sittings = [sitting for run in subject.runs for sitting in run.sittings]
    if not sittings:
        return Gap(shown="no sitting is recorded", remedy=_TRAIN_AGAIN)
    told = dict.fromkeys(describe_environment(one.environment) for one in sittings)
    return Proof(
        shown=f"{'; '.join(told)}, in {len(sittings)} sittings; other packages as that version of "
        "xlite asks for them",
        numbers={"sittings": len(sittings)},
        files=tuple(name for run in subject.runs for name in name_run_files(run, "sittings")),
    )


def devices_and_software(subject: Subject) -> Finding:
    """The software; the devices are in no file."""
    return require_more(software(subject), "State the devices that took the films.")


def initial_weights(subject: Subject) -> Finding:
    """What the backbone began with, and the seed of all else."""
    settings = subject.run.settings
    begun = settings.initial_weights
    shown = (
        "nothing but chance: no pretrained weights" if begun == "none" else f"backbone from {begun}"
    )
    if settings.warm_start:
        shown += f"; over them whatever fits of {settings.warm_start}"
    seeds = sorted({run.settings.seed for run in subject.runs})
    return Proof(
        shown=f"{shown}; all else drawn with the seed {', '.join(map(str, seeds))}",
        numbers={"seeds": len(seeds)},
        files=name_run_files(subject.run, "config"),
        command=join_command(list_train_words(subject.run)),
    )


def training(subject: Subject) -> Finding:
    """Every setting, and a row for each epoch that was trained."""
    run = subject.run
    scores, history = run.require_scores(), run.history
    if len(history) != scores.epochs:
        return contradict(
            f"the history has {len(history)} epochs, and the run counts {scores.epochs}",
            _TRAIN_AGAIN,
        )
    settings = run.settings
    early = "stopped early" if scores.stopped_early else "to the end"
    return Proof(
        shown=f"{len(settings.flatten())} settings, among them loss {settings.loss.name}, sampler "
        f"{settings.sampler.name}, augmentation {settings.augment}, rate {settings.lr:g} "
        f"({settings.schedule}), batches of {settings.batch_size}; {scores.epochs} epochs, "
        f"{early}; trained {len(subject.runs)} times, with another seed or fold each",
        numbers={"epochs": scores.epochs, "runs": len(subject.runs)},
        files=name_run_files(run, "config", "history"),
        command=join_command(list_train_words(run)),
    )


def model_building(subject: Subject) -> Finding:
    """Kind of model, steps, validation; why this kind is in no file."""
    found = join(model(subject), training(subject), selection(subject), disjoint(subject))
    return require_more(found, "State why this kind of model.")


def selection(subject: Subject) -> Finding:
    """That the epoch that counts is the best by validation, found anew; of a study, why it won."""
    run = subject.run
    scores, monitor = run.require_scores(), run.settings.monitor
    if scores.val is None:
        return Gap(
            shown="there is no validation part: the weights are those of the last epoch",
            remedy="State how the number of epochs was chosen.",
        )
    if run.settings.select != "best":
        kept = _unpicked(run)
        return kept if subject.study is None else join(kept, _winner(subject))
    values = np.array([row.get(f"val_{monitor}", math.nan) for row in run.history])
    if not len(values) or not values[scores.best_epoch - 1] >= np.nanmax(values) - 1e-12:
        return contradict(
            f"epoch {scores.best_epoch}, whose weights these are, has not the best validation "
            f"{monitor} of the history",
            _TRAIN_AGAIN,
        )
    best = Proof(
        shown=f"epoch {scores.best_epoch} of {scores.epochs}, by macro validation {monitor} "
        f"{values[scores.best_epoch - 1]:.3f}",
        numbers={"best_epoch": scores.best_epoch, "epochs": scores.epochs},
        files=name_run_files(run, "history", "scores"),
    )
    return best if subject.study is None else join(best, _winner(subject))


def _unpicked(run: RunFolder) -> Finding:
    """That no epoch was picked by a score, which the settings say and the epochs trained show."""
    scores = run.require_scores()
    if not scores.best_epoch == scores.epochs == run.settings.epochs == len(run.history):
        return contradict(
            f"--select {run.settings.select} trains all {run.settings.epochs} epochs, and the run "
            f"kept epoch {scores.best_epoch} of {scores.epochs}",
            _TRAIN_AGAIN,
        )
    return Proof(
        shown=f"no epoch was picked by its scores: the weights are of {describe_kept_weights(run)}",
        numbers={"best_epoch": scores.best_epoch, "epochs": scores.epochs},
        files=name_run_files(run, "config", "history", "scores"),
    )


def _winner(subject: Subject) -> Finding:
    assert subject.study is not None
    study = subject.study.study
    if not study.has_winner:
        return Gap(
            shown="the study has not decided what wins", remedy="Go on with `xlite study run`."
        )
    tried = [*(one.id for one in study.experiments), *(one.id for one in study.searches)]
    decided = subject.state.decisions.get("winner")
    noted = next((one for one in study.decisions if one.subject == "winner"), None)
    if decided is None and noted is None and study.winner is None:
        return Gap(shown="no decision of a winner is recorded", remedy="State how it was chosen.")
    return Proof(
        shown=f"of {', '.join(tried)}: {study.winner or 'none'}, {study.why}",
        numbers={"experiments": len(study.experiments)},
        files=(subject.study_folder.ledger.folder.as_posix(),) if subject.study_folder else (),
        command=join_command(["xlite", "study", "status", subject.name]),
    )


def single_model(subject: Subject) -> Finding:
    """That predictions are of one set of weights, none of them a mean over models."""
    for run in subject.runs:
        run.find_weights()
    return Proof(
        shown="none: each prediction is of one model; scores of several seeds are means of scores, "
        "not of predictions",
        numbers={"models": 1},
        files=name_run_files(subject.run, "weights", "scores"),
    )


def imbalance(subject: Subject) -> Finding:
    """Loss, weights of positives and sampler; why is in no file."""
    settings, weights = subject.run.settings, subject.run.config.pos_weight
    shown = f"loss {settings.loss.name}, sampler {settings.sampler.name}"
    if weights is not None:
        shown += f", positives weighted by {min(weights):.3g} to {max(weights):.3g}"
    judged = subject.find_evaluation("test", "val")
    if judged is not None:
        shown += f"; probs recalibrated: {judged.thresholds.calibration}"
    found = Proof(shown=shown, files=name_run_files(subject.run, "config"))
    return require_more(found, "State why, and whether probs were recalibrated.")


def predictions(subject: Subject) -> Finding:
    """That the predictions are those that the run wrote of these films, and are probabilities."""
    run = subject.run
    run.require_whole()
    parts = [part for part in _PARTS if run.has_predictions(part)]
    if not parts:
        return Gap(shown="there are no predictions", remedy=_TRAIN_AGAIN)
    counts = {part: len(subject.read_predictions(part)) for part in parts}
    told = ", ".join(f"{count:,} of {part}" for part, count in counts.items())
    return Proof(
        shown=f"sigmoid of each logit of the weights of {describe_kept_weights(run)}: "
        f"{told}, the files being those whose SHA-256 the run noted",
        numbers={f"films_{part}": count for part, count in counts.items()},
        files=name_run_files(run, *parts),
        command=join_command(["xlite", "predict", run.path.as_posix(), "--images", "DIR"]),
    )


def indeterminate(subject: Subject) -> Finding:
    """Uncertain labels are left out, and every film has a prediction for each label."""
    none = Proof(shown="the model says a number for every film and label: none is indeterminate")
    return join(missing_data(subject), none, predictions(subject))


def unseen_reference(subject: Subject) -> Finding:
    """That what is judged had no part in training, and the model sees pixels alone."""
    alone = Proof(
        shown="the reader is a program: it sees the pixels of one film, and neither the label nor "
        "anything of the patient; no patient of what is judged was trained on"
    )
    return join(alone, disjoint(subject), model(subject))


def outputs(subject: Subject) -> Finding:
    """Predictions, weights and scores with their sums."""
    run = subject.run
    kept = run.require_scores().files
    if not kept:
        return Gap(shown="the run notes no SHA-256 of its files", remedy=_TRAIN_AGAIN)
    run.require_whole()
    return join(
        Proof(
            shown=f"{len(kept)} files of the run are kept, each with its SHA-256: "
            f"{', '.join(sorted(kept))}",
            numbers={"files": len(kept)},
            files=name_run_files(run, "scores"),
        ),
        predictions(subject),
    )
