"""`combine`: several runs as one run folder that predicts and exports as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from xlite import console
from xlite.errors import ArgumentError, InputError
from xlite.models.classifier import count_parameters
from xlite.models.ensemble import build_joined, join_weights
from xlite.models.weights_file import read_weights
from xlite.ownership import require_our_folder
from xlite.places import ENSEMBLES, VALIDATION
from xlite.predicting.open_predictor import find_runs
from xlite.predicting.run_thresholds import find_thresholds_of_mean
from xlite.results.combination import Combination
from xlite.run_folder.combined_folder import (
    COMBINED_FILES,
    COMBINED_RECORD,
    describe_members,
    write_combined,
)
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.predictions import Predictions, write_predictions
from xlite.run_folder.records import PartScores, RunData
from xlite.run_folder.thresholds_file import write_run_thresholds
from xlite.scores.summary import summarize_scores
from xlite.settings import Runtime, fingerprint_of
from xlite.splitting.split_folder import read_split
from xlite.training.greedy_soup import Soup, stir
from xlite.training.part_judge import PartJudge
from xlite.training.predict import to_probs
from xlite.training.run_thresholds import write_validation_thresholds
from xlite.whole_folder import written_whole
from xlite.workflows.run_data import load_run_data

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from xlite.settings import TrainSettings
    from xlite.studies.outcome import Outcome

Kind = Literal["ensemble", "soup"]
KINDS: tuple[Kind, ...] = ("ensemble", "soup")


def combine(
    runs: Sequence[str | Path],
    *,
    out: str | Path,
    kind: str = "ensemble",
    split: str | Path | None = None,
    cache: str | Path | None = None,
    images: str | Path | None = None,
    runtime: Runtime | None = None,
) -> Combination:
    """What several finished runs came to as one: the run folder `out`, which predicts and exports.

    runs: their folders, their names in `experiments/runs`, or one folder that holds them; they may
    differ in seed and split alone. kind: "ensemble", the mean of their logits, at the cost of all
    of them; or "soup", the mean of the weights of some, at the cost of one: from the best run on
    validation on, the next is kept where macro AUROC does not fall. split, cache, images: where the
    runs' data lie, if not where they were trained from.

    Runs of one split are judged together on its validation part, and have thresholds of their own.
    Those of several, as of folds, have each seen the others' validation: an ensemble of them has
    the thresholds that its members' probs out of fold give, and no scores; a soup is refused.
    Raises InputError for runs that don't fit together, data that are not theirs and a folder that
    is not ours, CheckFailedError for a soup that is no better on validation than the best of its
    runs. Nothing is written then.
    """
    if kind not in KINDS:
        raise ArgumentError(f"kind is {' or '.join(KINDS)}, not {kind!r}.")
    found, folder = find_runs([Path(run) for run in runs]), Path(out)
    _require_alike(found)
    require_our_folder(
        folder, markers=[COMBINED_RECORD], names=COMBINED_FILES, what="runs that were combined"
    )
    if any(run.data.split_sha256 != found[0].data.split_sha256 for run in found):
        if kind == "soup":
            raise InputError(
                "a soup is picked on one validation part, and these runs were trained on several "
                "splits. Combine them with --as ensemble."
            )
        return _combine_splits(found, folder)
    places = [None if path is None else Path(path) for path in (split, cache, images)]
    data, _ = load_run_data(found[0], *places, purpose="the runs are judged together on their data")
    judge = PartJudge(found[0], data, runtime or Runtime())
    if kind == "ensemble":
        return _combine_seeds(found, None, folder, judge)
    if not data.has_validation:
        raise InputError(
            "a soup is picked on validation films, and the runs' split has none. Combine them with "
            "--as ensemble."
        )
    soup = stir(found, judge)
    return _combine_seeds(soup.members, soup, folder, judge)


def combine_outcomes(outcomes: list[Outcome], out: Path, *, runtime: Runtime) -> list[Outcome]:
    """The outcomes as they are, once the runs of each model were made one in `out/ensembles`.

    A model of which a run failed, or that has a single one, is left out with a word.
    """
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        model = RunFolder(outcome.run_dir).settings.model if outcome.error is None else outcome.name
        groups.setdefault(model.partition(":")[0], []).append(outcome)
    for model, group in groups.items():
        failed = [one.name for one in group if one.error is not None]
        if failed or len(group) == 1:
            why = f"{failed[0]} failed" if failed else "it has one run"
            console.warn(f"{model}: no ensemble was made, since {why}.")
            continue
        names = [one.run_dir.name for one in group]
        folder = out / ENSEMBLES / f"{model}-x{len(group)}-{fingerprint_of(names)[:8]}"
        combine([one.run_dir for one in group], out=folder, runtime=runtime)
        console.say(f"written: {folder}, an ensemble of {len(group)} runs")
    return outcomes


def _require_alike(runs: Sequence[RunFolder]) -> None:
    """Raise InputError unless they are finished runs that differ in seed and split alone."""
    first, *others = runs
    if not others:
        raise InputError(f"{first.name} is one run, and a model already. Pass two or more.")
    for run in runs:
        run.require_begun()
        run.require_scores()
        if run.config.combined is not None:
            raise InputError(f"{run.path} combines runs already. Pass the runs themselves.")
        if run.preprocessing is None:
            raise InputError(
                f"{run.path} was written by version 0.1, and does not say how its images were "
                "made. Train it again."
            )
        faults = {
            "predicts other labels than": run.labels != first.labels,
            "was trained on other pixels than": run.data.source != first.data.source
            or run.preprocessing != first.preprocessing,
            "has other settings, and not the seed alone, than": _ignore_seed(run)
            != _ignore_seed(first),
        }
        for fault, is_one in faults.items():
            if is_one:
                raise InputError(f"{run.name} {fault} {first.name}. Combine runs of one kind.")


def _ignore_seed(run: RunFolder) -> TrainSettings:
    return run.settings.model_copy(update={"seed": 0})


def _combine_seeds(
    members: Sequence[RunFolder], soup: Soup | None, folder: Path, judge: PartJudge
) -> Combination:
    """Runs of one split as one, with what it says of its parts and how good it is."""
    first = members[0]
    kind: Kind = "ensemble" if soup is None else "soup"
    combined = describe_members(members, kind)
    weights = _join(members) if soup is None else soup.weights
    model = build_joined(
        first.settings, num_classes=len(first.labels), num_models=combined.num_models
    )
    model.load_state_dict(weights)
    val: PartScores | None = None
    with written_whole(folder, record=COMBINED_RECORD, names=COMBINED_FILES) as scratch:
        for part in (VALIDATION, "test") if judge.data.has_validation else ("test",):
            outputs, manifest = judge.predict(model, part, title=kind), judge.data.parts[part]
            probs = to_probs(outputs.logits)
            predictions = Predictions(manifest.image_ids, probs, first.labels)
            write_predictions(scratch, part, predictions)
            if part == VALIDATION:
                groups = manifest.patient_ids
                val = PartScores(
                    **summarize_scores(outputs.targets, probs, first.labels, groups=groups)
                )
                sum_of_part = first.data.split_sha256.get(part)
                write_validation_thresholds(
                    scratch, predictions, manifest, split_sha256=sum_of_part
                )
        num_parameters = count_parameters(model)
        write_combined(
            scratch,
            members,
            combined,
            weights,
            data=first.data,
            num_parameters=num_parameters,
            val=val,
        )
    return Combination(
        folder=str(folder),
        kind=kind,
        members=tuple(run.name for run in members),
        num_parameters=num_parameters,
        best_auroc=None if val is None else max(run.val_auroc for run in members),
        val_auroc=None if val is None else val.macro["auroc"],
        steps=None if soup is None else soup.steps,
    )


def _combine_splits(members: Sequence[RunFolder], folder: Path) -> Combination:
    """Runs of several splits as one, with thresholds of what each says of films it has not seen."""
    combined, weights = describe_members(members, "ensemble"), _join(members)
    found = find_thresholds_of_mean(members)
    num_parameters = sum(run.require_scores().num_parameters for run in members)
    with written_whole(folder, record=COMBINED_RECORD, names=COMBINED_FILES) as scratch:
        if found.fitted is not None and found.fitted_on is not None:
            write_run_thresholds(scratch, found.fitted, found.fitted_on)
        write_combined(
            scratch,
            members,
            combined,
            weights,
            data=_pool_data(members),
            num_parameters=num_parameters,
            val=None,
        )
    return Combination(
        folder=str(folder),
        kind="ensemble",
        members=tuple(run.name for run in members),
        num_parameters=num_parameters,
    )


def _join(members: Sequence[RunFolder]) -> dict[str, Tensor]:
    return join_weights([read_weights(run.find_weights()) for run in members])


def _pool_data(members: Sequence[RunFolder]) -> RunData:
    """What any of the runs was trained on, every image once: the ensemble has seen them all."""
    seen: dict[str, NDArray[np.int8]] = {}
    for run in members:
        place = run.data.split_dir
        if place is None:
            raise InputError(f"{run.path} does not say where its split lies.")
        split = read_split(Path(place))
        if split.sha256 != run.data.split_sha256:
            raise InputError(
                f"{place} is another split than that of {run.path}. Restore it, or train again."
            )
        part = split.parts["train"]
        seen |= dict(zip(part.image_ids.tolist(), part.labels, strict=True))
    positives = (np.stack(list(seen.values())) == 1).sum(axis=0)
    return RunData(
        images={"train": len(seen)},
        train_positives=positives.tolist(),
        split_sha256={},
        source=members[0].data.source,
        cache_dir=members[0].data.cache_dir,
        images_dir=members[0].data.images_dir,
    )
