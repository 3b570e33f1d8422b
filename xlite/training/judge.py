"""The end of a run: predictions of its best epoch, and their scores on validation.

A run that is trained for more epochs than before keeps what it had reached, and is unfinished
until it is judged anew: nobody finds the scores of one state beside the predictions of another.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite.console import nan_to_none
from xlite.errors import InterruptedRunError
from xlite.files import (
    RUN_BEST,
    RUN_PREVIOUS,
    RUN_SCORES,
    Predictions,
    predictions_name,
    sha256_of_file,
    write_json,
    write_predictions,
)
from xlite.models.classifier import count_parameters
from xlite.run_folder.records import RunScores
from xlite.scores.summary import summarize_scores
from xlite.training.predict import predict_logits, to_probs

if TYPE_CHECKING:
    from xlite.signals import StopRequest
    from xlite.training.data import StudyData
    from xlite.training.engine import Trainer
    from xlite.training.loaders import RunLoaders


def judge_run(
    trainer: Trainer, loaders: RunLoaders, data: StudyData, *, stop: StopRequest
) -> dict[str, Any]:
    """What the run has reached, as `finish_run` takes it; predictions of both parts are written.

    Only validation is scored: the test part is sealed until `xlite evaluate --part test` asks.
    Raises InterruptedRunError when `stop` is set on the way.
    """
    fabric, state, run_dir = trainer.fabric, trainer.state, trainer.run_dir
    model = trainer.stepper.model
    model.load_state_dict(trainer.best_weights)
    val: dict[str, Any] = {}
    for part in ("val", "test"):
        manifest = data.parts[part]
        outputs = predict_logits(
            model,
            loaders.build_in_order(part),
            fabric=fabric,
            description=f"{trainer.title} {part}",
            should_stop=stop.__bool__,
        )
        if outputs is None:
            raise InterruptedRunError(
                f"stopped after the last epoch, before {run_dir} was judged. The same command "
                "with --resume does that.",
                signal_number=stop.signal_number or signal.SIGTERM,
            )
        probs = to_probs(outputs.logits)
        if fabric.is_global_zero:
            predictions = Predictions(manifest.image_ids, probs, data.vocabulary)
            write_predictions(run_dir / predictions_name(part), predictions)
        if part == "val":
            val = summarize_scores(
                outputs.targets, probs, data.vocabulary, groups=manifest.patient_ids
            )
    return {
        "run_id": run_dir.name,
        "model": trainer.settings.model,
        "fingerprint": trainer.identity.fingerprint,
        "num_parameters": count_parameters(model),
        "epochs": state.epoch,
        "best_epoch": state.best_epoch + 1,
        "stopped_early": state.epoch < trainer.settings.epochs,
        "accumulate": state.num_parts,
        "seconds": round(state.seconds, 3),
        "val": val,
    }


def finish_run(run_dir: Path, scores: dict[str, Any], *, is_writer: bool) -> dict[str, Any]:
    """The content of `scores.json`, written last, with the sums of the files that it is about.

    Of several processes that train the run one is the writer.
    """
    scores = {"schema_version": RunScores.newest_schema, **scores}
    if is_writer:
        names = (predictions_name("val"), predictions_name("test"), RUN_BEST)
        scores["files"] = {name: sha256_of_file(run_dir / name) for name in names}
        write_json(run_dir / RUN_SCORES, scores)
        (run_dir / RUN_PREVIOUS).unlink(missing_ok=True)
    # As a reader of the file finds it: an undefined score is None.
    kept: dict[str, Any] = nan_to_none(scores)
    return kept


def set_aside_scores(run_dir: Path) -> None:
    """Move what a finished run has reached to `before_1`, `before_2`, …: it is to go on.

    The scores go first, since they are what says that the predictions belong to them.
    """
    if not (run_dir / RUN_SCORES).exists():
        return
    number = 1
    while (run_dir / f"before_{number}").exists():
        number += 1
    kept = run_dir / f"before_{number}"
    kept.mkdir()
    for name in (RUN_SCORES, *map(predictions_name, ("val", "test"))):
        if (run_dir / name).exists():
            (run_dir / name).rename(kept / name)
