"""`train` on nested subsets of the training patients, and the learning curve that comes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlite.errors import InputError
from xlite.files import write_json
from xlite.places import LEARNING_CURVE, SUBSETS
from xlite.results.learning_curve import (
    CurvePoint,
    CurveRun,
    ForecastPoint,
    LearningCurve,
    ModelCurve,
)
from xlite.run_folder.file_names import RUNS
from xlite.run_folder.folder import RunFolder
from xlite.scores.learning_curve import forecast_curve
from xlite.settings import fingerprint_of
from xlite.splitting.checked_split import read_checked_split
from xlite.splitting.folds_folder import is_folds
from xlite.splitting.nested_subsets import check_shares, write_nested
from xlite.studies.plan import PlannedRun
from xlite.studies.progress import current_time
from xlite.training.identity import KnownRuns, RunIdentity
from xlite.training.preflight import check_runs

if TYPE_CHECKING:
    from xlite.settings import Runtime
    from xlite.studies.outcome import Outcome
    from xlite.tables.table_files import TableFiles
    from xlite.training.data import StudyData

FACTORS = (2.0, 4.0)
"""Times the patients that a curve is forecast for."""
LEVEL = 0.9
_FEWEST_SIZES = 3

Train = Callable[[Sequence[PlannedRun], "StudyData"], "list[Outcome]"]
"""Trains runs on one split."""


@dataclass(frozen=True)
class _Round:
    """The runs of one share of the patients and one seed."""

    share: float
    seed: int
    plan: tuple[PlannedRun, ...]
    data: StudyData


def train_subsets(
    plan: Sequence[PlannedRun],
    shares: Sequence[float],
    split: Path,
    labels: TableFiles | None,
    load: Callable[[Path], StudyData],
    train: Train,
    out: Path,
    *,
    runtime: Runtime,
    resume: bool,
    command: str,
) -> list[Outcome]:
    """How the planned runs ended on each share of the training patients, the smallest share first.

    load: the data of the split in a folder. Each seed has nested subsets of its own, so that chance
    in the choice of patients is in the spread of seeds. Their splits lie in `out/subsets`, and
    `out/learning_curve.json` is written last. Raises InputError, before anything is trained, for
    shares and a split that can't be used, and for whatever is known to end one of the runs.
    """
    shares = check_shares(shares)
    if runtime.devices * runtime.num_nodes > 1:
        raise InputError(
            "--subset-sizes trains each run on one device. Leave --devices and --nodes out; --jobs "
            "trains the models of a size side by side."
        )
    if is_folds(split):
        raise InputError(
            f"--subset-sizes: {split} holds folds, and a learning curve is judged on one "
            f"validation part. Pass one fold: --split {split / '0'}."
        )
    seeds = list(dict.fromkeys(run.settings.seed for run in plan))
    folders = _write_subsets(split, labels, out, shares, seeds)
    rounds = [
        _Round(
            share=share,
            seed=seed,
            plan=tuple(_name(run, share) for run in plan if run.settings.seed == seed),
            data=load(folders[share, seed]),
        )
        for share in shares
        for seed in seeds
    ]
    if not rounds[0].data.has_validation:
        raise InputError(
            "a learning curve is judged by the validation part, and the split was made without "
            "one (--no-val). Make one with it."
        )
    _check(rounds, out, runtime, resume=resume)
    ended = [(one, train(one.plan, one.data)) for one in rounds]
    write_json(out / LEARNING_CURVE, _describe(ended, out, command).to_json())
    return [outcome for _, outcomes in ended for outcome in outcomes]


def read_learning_curve(out: str | Path) -> LearningCurve:
    """The learning curve of an experiments folder; InputError where there is none."""
    path = Path(out) / LEARNING_CURVE
    return LearningCurve.read(path, remedy="Run `xlite train --subset-sizes` again.")


def _write_subsets(
    split: Path, labels: TableFiles | None, out: Path, shares: Sequence[float], seeds: Sequence[int]
) -> dict[tuple[float, int], Path]:
    """The folder of the split of each share and seed; all patients are the split itself."""
    whole = read_checked_split(split, labels)
    root = out / SUBSETS / fingerprint_of(whole.sha256)
    folders = {}
    for share in shares:
        for seed in seeds:
            folder = split if share == 1 else root / f"s{seed}" / f"{share:g}"
            if share < 1:
                write_nested(whole, split, folder, share=share, seed=seed)
            folders[share, seed] = folder
    return folders


def _name(run: PlannedRun, share: float) -> PlannedRun:
    """The run under a name that says its share; on all patients it is the run of that name."""
    return run if share == 1 else replace(run, name=f"{run.name}:n{share:g}")


def _check(rounds: Sequence[_Round], out: Path, runtime: Runtime, *, resume: bool) -> None:
    """Raise InputError for what would end the rounds, or is there already, before the first."""
    known = KnownRuns(out / RUNS)
    for one in rounds:
        check_runs([run.settings for run in one.plan], one.data, runtime)
        for run in one.plan:
            folder = known.locate(RunIdentity.of(run.settings, one.data))
            if RunFolder(folder).is_begun and not resume:
                raise InputError(
                    f"the run {run.name} exists already ({folder}). Pass --resume to continue or "
                    "reuse runs, or another --seed or --out."
                )


def _describe(
    ended: Sequence[tuple[_Round, Sequence[Outcome]]], out: Path, command: str
) -> LearningCurve:
    models = dict.fromkeys(run.settings.model for one, _ in ended for run in one.plan)
    val = ended[0][0].data.parts["val"]
    outcomes = [outcome for _, some in ended for outcome in some]
    return LearningCurve(
        command=command,
        time=current_time(),
        images=len(val),
        patients=len(np.unique(val.patient_ids)),
        level=LEVEL,
        models=tuple(_describe_model(model, ended, out) for model in models),
        failures=tuple(f"{one.name}: {one.error}" for one in outcomes if one.error),
    )


def _describe_model(
    model: str, ended: Sequence[tuple[_Round, Sequence[Outcome]]], out: Path
) -> ModelCurve:
    by_share: dict[float, list[CurveRun]] = {}
    for one, outcomes in ended:
        train = one.data.parts["train"]
        for run, outcome in zip(one.plan, outcomes, strict=True):
            if run.settings.model == model and outcome.scores is not None:
                by_share.setdefault(one.share, []).append(
                    CurveRun(
                        seed=one.seed,
                        run=outcome.run_dir.relative_to(out).as_posix(),
                        patients=len(np.unique(train.patient_ids)),
                        images=len(train),
                        auroc=outcome.scores.val_macro["auroc"],
                    )
                )
    points = tuple(_summarise(share, runs) for share, runs in sorted(by_share.items()))
    known = [point for point in points if not np.isnan(point.auroc)]
    if len(known) < _FEWEST_SIZES:
        note = f"no forecast: it takes {_FEWEST_SIZES} sizes or more, and {len(known)} have a run"
        return ModelCurve(model=model, points=points, forecast=(), note=note)
    return ModelCurve(model=model, points=points, forecast=_forecast(known))


def _summarise(share: float, runs: Sequence[CurveRun]) -> CurvePoint:
    aurocs = np.array([run.auroc for run in runs])
    return CurvePoint(
        share=share,
        patients=float(np.mean([run.patients for run in runs])),
        images=float(np.mean([run.images for run in runs])),
        auroc=float(aurocs.mean()),
        deviation=float(aurocs.std(ddof=1)) if len(runs) > 1 else float("nan"),
        runs=tuple(runs),
    )


def _forecast(points: Sequence[CurvePoint]) -> tuple[ForecastPoint, ...]:
    """Where the curve goes from its largest size on."""
    seeds = sorted({run.seed for point in points for run in point.runs})
    scores = np.full((len(points), len(seeds)), np.nan)
    for row, point in enumerate(points):
        for run in point.runs:
            scores[row, seeds.index(run.seed)] = run.auroc
    largest = points[-1]
    shares = [point.share / largest.share for point in points]
    found = forecast_curve(shares, scores, factors=FACTORS, level=LEVEL)
    return tuple(
        ForecastPoint(
            factor=factor,
            patients=round(factor * largest.patients),
            median=float(found.median[column]),
            low=float(found.low[column]),
            high=float(found.high[column]),
        )
        for column, factor in enumerate(FACTORS)
    )
