"""How long it takes to bundle and to verify a study of 20 runs on 22,433 images and 14 labels.

`python -m benchmarks.prove` makes the study of drawn predictions, which no network was trained for:
four methods under five seeds each, compared and ablated, with one evaluation of each method.
`benchmarks/prove.json` holds what it took, and how many of 1,000 changed numbers were found.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xlite import console
from xlite.files import read_json, sha256_of_file, write_json
from xlite.judging.ablation import judge_ablation, write_ablation
from xlite.judging.variant_runs import group_outcomes
from xlite.labels import NIH_LABELS
from xlite.places import SPLIT_DIR
from xlite.run_folder.epoch_predictions import write_epoch_logits
from xlite.run_folder.file_names import RUN_SCORES
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.history import write_history
from xlite.run_folder.predictions import Predictions, read_predictions, write_predictions
from xlite.run_folder.records import (
    Environment,
    PartScores,
    RunConfig,
    RunData,
    RunScores,
    Sitting,
    write_config,
    write_sittings,
)
from xlite.run_folder.thresholds_file import (
    RUN_CALIBRATION,
    RUN_METHOD,
    FittedOn,
    write_run_thresholds,
)
from xlite.scores.fitted_thresholds import fit_scaled_thresholds
from xlite.scores.summary import summarize_scores
from xlite.settings import LossName, LossSettings, Runtime, TrainSettings
from xlite.splitting.split_folder import Split, read_split
from xlite.splitting.split_writer import write_split
from xlite.studies.axes import Variant
from xlite.studies.folder import StudyFolder
from xlite.studies.ledger_entries import Begin, Claim, Decision, End
from xlite.studies.outcome import Outcome
from xlite.studies.plan_file import parse_plan
from xlite.studies.rules.next_step import find_next_step
from xlite.studies.study_plan import StudyPlan
from xlite.studies.study_state import StudyState
from xlite.studies.work_item import WorkItem
from xlite.tables.manifest import Manifest
from xlite.training.data import StudyData
from xlite.training.epoch_row import score_probs
from xlite.workflows.bundle import bundle
from xlite.workflows.compare import compare
from xlite.workflows.evaluate import evaluate
from xlite.workflows.study_finish import finish
from xlite.workflows.study_judging import judge_item
from xlite.workflows.study_record import record_study
from xlite.workflows.study_training import conclude
from xlite.workflows.verify import verify

NUM_IMAGES = {"train": 78_468, "val": 22_433, "test": 11_219}
EPOCHS = 8
SEEDS = range(5)
LOSSES: tuple[LossName, ...] = ("bce", "focal", "pos-weight", "asymmetric")
RESULTS = Path(__file__).with_name("prove.json")
_PREVALENCE = np.geomspace(0.18, 0.002, len(NIH_LABELS))


def main() -> None:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prove", description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the images")
    parser.add_argument("--keep", type=Path, help="where to copy the bundle")
    arguments = parser.parse_args()
    share, keep = arguments.share, arguments.keep and arguments.keep.absolute()
    console.set_verbosity(console.QUIET)
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        counts = {name: int(count * share) for name, count in NUM_IMAGES.items()}
        write_study(counts)
        found = measure(Path("study.zip"))
        if keep is not None:
            shutil.copy("study.zip", keep)
    found |= {"images": counts, "runs": len(LOSSES) * len(SEEDS), "labels": len(NIH_LABELS)}
    if share == 1.0:
        before = read_json(RESULTS, remedy="Remove it.") if RESULTS.exists() else {}
        write_json(RESULTS, before | found)
    console.set_verbosity(console.NORMAL)
    console.say(str(found))


def write_study(
    counts: dict[str, int],
    *,
    losses: Sequence[LossName] = LOSSES,
    seeds: Sequence[int] = SEEDS,
    resamples: int = 1000,
    drawn_from: int = 0,
) -> None:
    """The project of the study, in the working folder; drawn_from: the seed of what is drawn."""
    rng = np.random.default_rng(drawn_from)
    parts = {name: draw_part(name, count, rng) for name, count in counts.items()}
    write_split(parts, SPLIT_DIR, {"seed": 0}, overwrite=False)
    split = read_split(SPLIT_DIR)
    runs = {
        loss: {seed: write_drawn_run(split, choose_settings(loss, seed), rng) for seed in seeds}
        for loss in losses
    }
    compare([run for by_seed in runs.values() for run in by_seed.values()], out="experiments")
    for by_seed in runs.values():
        run = next(iter(by_seed.values()))
        evaluate(run, write=True, figures=False, resamples=resamples)
        evaluate(run, part="test", write=True, figures=False, resamples=resamples)
    ablate_runs(runs, split)
    write_ledger(losses, seeds)


def write_ledger(losses: Sequence[LossName], seeds: Sequence[int], name: str = "drawn") -> Path:
    """The ledger of a study that has trained the drawn runs, to its end; returns its folder."""
    folder = StudyFolder(Path("experiments/studies") / name)
    tables = "".join(
        f'[[experiment]]\nid = "{loss}"\nset = {{loss = "{loss}"}}\n' for loss in losses
    )
    text = (
        f'name = "{name}"\nquestion = "Which loss is best?"\nseeds = {list(seeds)}\n'
        f'[settings]\nmodel = "resnet18"\nepochs = {EPOCHS}\npretrained = false\n{tables}'
        '[[rule]]\nid = "good"\nwhen = {all = ["bce"], above = 0.5, score = "val.auroc"}\n'
        f'then = ["{losses[-1]}"]\n[finally]\ncompare = true\ntest = true\ncard = true\n'
    )
    begin = Begin(at=_AT, agent="person", name=name, plan=text, root="../../..")
    folder.ledger.append(begin)
    plan = parse_plan(text, None, where="drawn.toml")
    while not (step := find_next_step(plan, StudyState.of(folder.ledger.entries))).is_ended:
        if step.decisions:
            due = step.decisions[0]
            entry: Any = Decision(
                **{**vars(due), "saw": list(due.saw)}, at=_AT, agent="ward-pc-12-ab"
            )
        else:
            item = step.ready[0]
            folder.ledger.append(Claim(at=_AT, agent="ward-pc-12-ab", item=item.id))
            found = _do(item, folder, plan)
            entry = End(at=_AT, agent="ward-pc-12-ab", item=item.id, **found)
        folder.ledger.append(entry)
    record_study(folder)
    return folder.path


_AT = "2026-01-01T00:00:00.000+00:00"


def _do(item: WorkItem, folder: StudyFolder, plan: StudyPlan) -> dict[str, Any]:
    """What an item comes to, with the drawn run for one that trains."""
    if item.kind == "train" and item.settings is not None:
        settings = item.settings
        name = f"{settings.model}-{settings.loss.name}-s{settings.seed}"
        result = conclude(item, settings, Path("experiments/runs") / name, plan)
    elif item.kind == "judge":
        no_stop = cast("Any", None)
        (result,) = judge_item(item, folder, plan, runtime=Runtime(), stop=no_stop)
    else:
        result = finish(item, folder, plan, StudyState.of(folder.ledger.entries))
    return {**vars(result)}


def ablate_runs(runs: dict[LossName, dict[int, Path]], split: Split) -> None:
    """The ablation of the runs, the first loss being the baseline."""
    data = StudyData(
        parts=split.parts,
        source=cast("Any", None),
        is_cached=False,
        image_size=0,
        split_sha256=split.sha256,
        source_fingerprint="",
    )
    seeds = list(next(iter(runs.values())))
    variants = [
        Variant(name=f"loss={loss}", values={"loss": loss}, settings=choose_settings(loss, 0))
        for loss in runs
    ]
    outcomes = [
        (Outcome(f"{loss}:s{seed}", runs[loss][seed], RunFolder(runs[loss][seed]).scores, None),)
        for seed in seeds
        for loss in runs
    ]
    ablation = judge_ablation(group_outcomes(variants, seeds, outcomes), data)
    if ablation is None:
        raise RuntimeError("no run of the baseline was found")
    write_ablation(Path("experiments"), ablation)


def measure(out: Path) -> dict[str, Any]:
    """Seconds to bundle all runs and to verify that, and how many numbers were recomputed."""
    started, begun = time.perf_counter(), _cpu_seconds()
    summary = bundle(["drawn"], out=out, processes=os.cpu_count() or 1)
    bundled, packed = time.perf_counter(), _cpu_seconds()
    found = verify(out, processes=os.cpu_count() or 1)
    return {
        "holds": found.holds,
        "proven": sum(found.proven.values()),
        "texts": found.texts,
        "megabytes": round(summary.bytes / 1e6, 1),
        "bundle_seconds": round(bundled - started, 1),
        "bundle_cpu_seconds": round(packed - begun, 1),
        "verify_seconds": round(time.perf_counter() - bundled, 1),
        "verify_cpu_seconds": round(_cpu_seconds() - packed, 1),
    }


def choose_settings(loss: LossName, seed: int) -> TrainSettings:
    """The settings of a run that was never trained."""
    chosen = LossSettings(name=loss)
    return TrainSettings(
        model="resnet18", initial_weights="none", loss=chosen, seed=seed, epochs=EPOCHS
    )


def draw_part(name: str, count: int, rng: np.random.Generator) -> Manifest:
    """A part of so many images, some 3.6 a patient, with the prevalences of NIH's labels."""
    sizes = rng.geometric(1 / 3.6, size=count)
    patients = np.repeat(np.arange(count), sizes)[:count]
    labels = (rng.random((count, len(NIH_LABELS))) < _PREVALENCE).astype(np.int8)
    labels[: 2 * len(NIH_LABELS)] = np.tile(np.eye(len(NIH_LABELS), dtype=np.int8), (2, 1))
    table = pd.DataFrame(
        {
            "image_id": [f"{name}{row:07d}.png" for row in range(count)],
            "path": "",
            "patient_id": [f"{name}-{patient:06d}" for patient in patients],
            "view": rng.choice(["PA", "AP"], size=count),
            "sex": rng.choice(["M", "F"], size=count),
            "age": rng.integers(18, 90, size=count).astype(float),
        }
    )
    return Manifest(table, labels, NIH_LABELS)


def write_drawn_run(
    split: Split, settings: TrainSettings, rng: np.random.Generator, split_dir: Path = SPLIT_DIR
) -> Path:
    """A finished run whose predictions are drawn: logits that are higher where a label is."""
    name = f"{settings.model}-{settings.loss.name}-s{settings.seed}"
    run_dir = Path("experiments/runs") / name
    run_dir.mkdir(parents=True)
    skill = 1.2 + 0.1 * LOSSES.index(settings.loss.name)
    write_config(
        run_dir,
        RunConfig(
            schema_version=2,
            fingerprint="0" * 12,
            settings=settings.model_dump(mode="json"),
            out_dir="experiments",
            labels=list(NIH_LABELS),
            data=RunData(
                images={name: len(part) for name, part in split.parts.items()},
                train_positives=split.parts["train"].positives.tolist(),
                split_sha256=split.sha256,
                source="0" * 64,
                split_dir=split_dir.as_posix(),
            ),
        ),
    )
    environment = Environment(
        xlite="0.1.0", torch="2", python="3.11", machine="x86_64", num_threads=2
    )
    sitting = Sitting(
        started="2026-01-01T00:00:00+00:00",
        epochs=EPOCHS,
        from_epoch=0,
        from_step=0,
        environment=environment,
    )
    write_sittings(run_dir, [sitting])
    val, rows, said = split.parts["val"], [], []
    for epoch in range(1, EPOCHS + 1):
        logits = _draw_logits(val.labels, skill * (0.7 + 0.3 * epoch / EPOCHS), rng)
        write_epoch_logits(run_dir, epoch, logits)
        said.append(probs := _to_written(logits))
        macro, classes = score_probs("val", val.labels, probs, NIH_LABELS, val.patient_ids)
        rows.append({"epoch": epoch, "lr": 1e-3, "train_loss": 1 / epoch, **macro, **classes})
    write_history(run_dir, rows)
    best = int(np.argmax([row["val_auroc"] for row in rows]))
    probs = said[best]
    write_predictions(run_dir, "val", Predictions(val.image_ids, probs, NIH_LABELS))
    test = split.parts["test"]
    tested = _to_written(_draw_logits(test.labels, skill, rng))
    write_predictions(run_dir, "test", Predictions(test.image_ids, tested, NIH_LABELS))
    _write_thresholds(run_dir, split)
    scores = summarize_scores(val.labels, probs, NIH_LABELS, groups=val.patient_ids)
    names = ("config.json", "predictions_val.csv", "predictions_test.csv", "thresholds.json")
    record = RunScores(
        schema_version=2,
        run_id=run_dir.name,
        model=settings.model,
        num_parameters=1,
        epochs=EPOCHS,
        best_epoch=best + 1,
        stopped_early=False,
        seconds=1.0,
        val=PartScores(**scores),
        files={name: sha256_of_file(run_dir / name) for name in names},
    )
    write_json(run_dir / RUN_SCORES, record.to_json())
    return run_dir


def _write_thresholds(run_dir: Path, split: Split) -> None:
    val = split.parts["val"]
    probs = read_predictions(run_dir / "predictions_val.csv", NIH_LABELS).probs
    fitted = fit_scaled_thresholds(
        *(val.labels, probs, val.patient_ids, NIH_LABELS),
        method=RUN_METHOD,
        calibration=RUN_CALIBRATION,
    )
    seen = FittedOn.of(
        *("the validation part", val.image_ids, val.patient_ids), split_sha256=split.sha256["val"]
    )
    write_run_thresholds(run_dir, fitted, seen)


def _cpu_seconds() -> float:
    """Of this process, and of those that it has waited for."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _draw_logits(
    labels: NDArray[np.int8], skill: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    noise = rng.standard_normal(labels.shape)
    return (skill * labels + noise - 3).astype(np.float32)


def _to_written(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    probs: NDArray[np.float64] = 1 / (1 + np.exp(-logits.astype(np.float64)))
    return probs


if __name__ == "__main__":
    main()
