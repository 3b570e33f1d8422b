"""The end of a run: predictions of its best epoch, and their scores on validation."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from xlite.errors import InterruptedRunError
from xlite.models.classifier import count_parameters
from xlite.places import VALIDATION
from xlite.run_folder.predictions import Predictions, write_predictions
from xlite.run_folder.records import PartScores, RunScores
from xlite.run_folder.typical_films_file import write_run_typical_films
from xlite.scores.summary import summarize_scores
from xlite.training.predict import predict_logits, to_probs
from xlite.training.run_thresholds import write_validation_thresholds
from xlite.training.typical_films import describe_typical_films

if TYPE_CHECKING:
    from xlite.signals import StopRequest
    from xlite.training.open_run import OpenRun


def judge_run(run: OpenRun, *, stop: StopRequest) -> RunScores:
    """What the run has reached, for its `scores.json`; predictions of both parts are written, and
    what those need who predict with the run: thresholds, and what its films are like.

    Only validation is scored, where the split has it: the test part is sealed until `xlite evaluate
    --part test` asks.
    Raises InterruptedRunError when `stop` is set on the way.
    """
    fabric, state, data, run_dir = run.fabric, run.state, run.data, run.run_dir
    model = run.stepper.model
    model.load_state_dict(run.best_weights)
    val: dict[str, Any] | None = None
    for part in (VALIDATION, "test") if data.has_validation else ("test",):
        manifest = data.parts[part]
        outputs = predict_logits(
            model,
            run.loaders.build_in_order(part),
            fabric=fabric,
            description=f"{run.title} {part}",
            should_stop=stop.__bool__,
        )
        if outputs is None:
            raise _stopped(run, stop)
        probs = to_probs(outputs.logits)
        if fabric.is_global_zero:
            predictions = Predictions(manifest.image_ids, probs, data.vocabulary)
            write_predictions(run_dir, part, predictions)
            if part == VALIDATION:
                sum_of_part = data.split_sha256.get(VALIDATION)
                write_validation_thresholds(
                    run_dir, predictions, manifest, split_sha256=sum_of_part
                )
        if part == VALIDATION:
            val = summarize_scores(
                outputs.targets, probs, data.vocabulary, groups=manifest.patient_ids
            )
    films = describe_typical_films(run, stop)
    if films is None:
        raise _stopped(run, stop)
    if fabric.is_global_zero:
        write_run_typical_films(run_dir, films)
    return RunScores(
        schema_version=RunScores.newest_schema,
        run_id=run_dir.name,
        model=run.settings.model,
        fingerprint=run.identity.fingerprint,
        num_parameters=count_parameters(model),
        epochs=state.epoch,
        best_epoch=state.best_epoch + 1,
        stopped_early=state.epoch < run.settings.epochs,
        accumulate=state.num_parts,
        seconds=round(state.seconds, 3),
        val=None if val is None else PartScores(**val),
    )


def _stopped(run: OpenRun, stop: StopRequest) -> InterruptedRunError:
    return InterruptedRunError(
        f"stopped after the last epoch, before {run.run_dir} was judged. The same command "
        "with --resume does that.",
        signal_number=stop.signal_number or signal.SIGTERM,
    )
