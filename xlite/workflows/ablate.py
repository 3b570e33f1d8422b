"""`ablate`: a model trained in several ways, and a verdict by rule on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite import places
from xlite.errors import ArgumentError, CheckFailedError, InputError
from xlite.judging.ablation import judge_ablation, write_ablation
from xlite.judging.growth import Growth
from xlite.judging.margins import DEFAULT_SAFETY_MARGIN, Margins, check_margin, settle_margins
from xlite.judging.variant_runs import group_outcomes
from xlite.reporting.experiment_log import update_experiment_log
from xlite.settings import Runtime, TrainSettings
from xlite.studies.axes import Variant, plan_runs
from xlite.studies.named_variants import name_variants
from xlite.studies.outcome import group_by_fold
from xlite.training.device import is_main_process
from xlite.training.folded_data import list_folds
from xlite.workflows.growing_ablation import (
    Train,
    check_growth,
    plan_growth,
    train_until_decided,
)
from xlite.workflows.loaded_data import load_judgeable_data
from xlite.workflows.noted_ablation import note_ablation
from xlite.workflows.study_folder import check_out
from xlite.workflows.study_runs import run_study

if TYPE_CHECKING:
    from xlite.results.ablation import Ablation
    from xlite.studies.outcome import Outcome
    from xlite.studies.plan import PlannedRun
    from xlite.tables.table_files import TableFiles
    from xlite.training.folded_data import AnyData


def ablate(
    variants: Mapping[str, TrainSettings] | Sequence[Variant],
    *,
    seeds: Sequence[int] | None = None,
    split: str | Path = places.SPLIT_DIR,
    labels: TableFiles | None = None,
    cache: str | Path = places.CACHE_DIR,
    images: str | Path | None = None,
    out: str | Path = places.EXPERIMENTS_DIR,
    resume: bool = False,
    runtime: Runtime | None = None,
    margin: Margins = None,
    safety_margin: float = DEFAULT_SAFETY_MARGIN,
    until_decided: bool = False,
    max_seeds: int | None = None,
    command: str = "",
) -> Ablation:
    """What each variant changes against the first, with the verdict by rule on it.

    Each variant is trained with each of the seeds, one run a folder in `out/runs`, all else equal,
    and judged on the validation part; over a folder of folds it is one run a fold, and out-of-fold
    predictions are judged. variants: settings by name, or what `plan_variants` makes of axes; the
    first is the baseline. seeds: None for that of its settings; with one seed nothing is decided.
    resume: take finished runs as they are and continue unfinished ones. images: compute CLAHE at
    each loading from this folder instead of a cache. margin: change of AUROC, or of each score by
    name, up to which it is of no consequence; by default those of `DEFAULT_MARGINS`. safety_margin:
    loss that ADOPT and NON-INFERIOR have to rule out for each label.
    until_decided: begin with `seeds`, by default three, and add one after the other up to
    `max_seeds`, by default 12, looked at after each, until each variant is decided or has no hope
    to be; limits hold at all looks together. Not over folds.
    Writes ablation.csv and ablation.json, naming `command`, and the experiment log.

    A run that fails is among the result's `failures`, and the others go on. Raises InputError
    before anything is trained for variants, folders or a runtime that can't be used, and
    CheckFailedError when no run of the baseline finished.
    """
    margins = settle_margins(margin)
    check_margin("safety_margin", safety_margin)
    runtime = runtime or Runtime()
    if runtime.devices * runtime.num_nodes > 1:
        raise InputError("several devices train by `xlite ablate --devices`, not from Python.")
    folder = Path(out)
    check_out(folder)
    if isinstance(variants, Mapping):
        variants = name_variants(variants)
    used_seeds = _choose_seeds(variants, seeds, until_decided=until_decided, max_seeds=max_seeds)
    _plan(variants, used_seeds)
    data = load_judgeable_data(split, labels, cache, images)
    ablation, _ = train_and_judge(
        variants,
        used_seeds,
        data,
        train=lambda runs, resume: run_study(runs, data, folder, runtime=runtime, resume=resume),
        resume=resume,
        out=folder,
        margin=margins,
        safety_margin=safety_margin,
        command=command,
    )
    return _require_judged(ablation, variants[0].name)


def _choose_seeds(
    variants: Sequence[Variant],
    seeds: Sequence[int] | None,
    *,
    until_decided: bool,
    max_seeds: int | None,
) -> Sequence[int] | Growth:
    """The seeds of all variants, by default that of the baseline, or how they are added."""
    base_seed = variants[0].settings.seed
    if until_decided:
        return plan_growth(seeds or (), seed=base_seed, most=max_seeds)
    if max_seeds is not None:
        raise ArgumentError("max_seeds goes with until_decided: pass both, or neither.")
    return [base_seed] if seeds is None else list(seeds)


def _require_judged(ablation: Ablation | None, baseline: str) -> Ablation:
    if ablation is None:
        raise CheckFailedError(
            f"no run of the baseline {baseline} finished: nothing to compare. "
            "training_progress.json holds the errors."
        )
    return ablation


def train_and_judge(
    variants: Sequence[Variant],
    seeds: Sequence[int] | Growth,
    data: AnyData,
    *,
    train: Train,
    resume: bool,
    out: Path,
    devices: int = 1,
    **options: Any,
) -> tuple[Ablation | None, list[Outcome]]:
    """The ablation, written to `out`, and how its runs ended; None without one of the baseline.

    seeds: those of all variants, or how they are added until all is decided. options: those of
    `judge_outcomes`. Of several processes that train one run only the main one judges.
    """
    if isinstance(seeds, Growth):
        check_growth(variants, seeds, data, out, devices=devices)
        return train_until_decided(
            variants, seeds, data, train=train, resume=resume, out=out, **options
        )
    outcomes = train(_plan(variants, seeds), resume)
    if not is_main_process():
        return None, outcomes
    return judge_outcomes(variants, seeds, outcomes, data, out=out, **options), outcomes


def _plan(variants: Sequence[Variant], seeds: Sequence[int] | Growth) -> list[PlannedRun]:
    return plan_runs(variants, seeds.seeds if isinstance(seeds, Growth) else seeds)


def judge_outcomes(
    variants: Sequence[Variant],
    seeds: Sequence[int],
    outcomes: Sequence[Outcome],
    data: AnyData,
    *,
    out: Path,
    margin: Margins,
    safety_margin: float,
    command: str,
) -> Ablation | None:
    """The ablation that trained runs are, written to `out`; None without a run of the baseline.

    outcomes: those of `plan_runs`, in its order, over folds one a fold of each.
    """
    ablation = judge_ablation(
        group_outcomes(variants, seeds, group_by_fold(outcomes, list_folds(data))),
        data,
        margin=margin,
        safety_margin=safety_margin,
        command=command,
    )
    if ablation is not None:
        ablation = note_ablation(ablation, data, out)
        write_ablation(out, ablation)
        update_experiment_log(places.experiment_log_path(out), out)
    return ablation
