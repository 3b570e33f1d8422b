"""`compare`: runs and predictions side by side, ranked with ties, and one of them chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from xlite import console, places
from xlite.errors import InputError, did_you_mean
from xlite.judging.choices import record_choice
from xlite.judging.compared_folds import (
    FoldGroups,
    add_siblings,
    group_all_runs,
    group_named_runs,
    read_folded_methods,
)
from xlite.judging.compared_runs import (
    RunGroups,
    find_finished_runs,
    group_runs,
    name_files,
    read_run_methods,
    read_table_methods,
    sort_items,
)
from xlite.judging.comparison import compare_methods, write_comparison
from xlite.judging.comparison_verdicts import ComparisonRule
from xlite.judging.folded_methods import judge_folded_methods
from xlite.judging.grown_methods import find_grown_methods
from xlite.judging.looks_at_test import look_at_test
from xlite.judging.margins import DEFAULT_SAFETY_MARGIN, Margins, check_margin, settle_margins
from xlite.judging.methods import align_methods
from xlite.judging.paired_differences import JudgedMethods, judge_methods
from xlite.judging.predictions_file import PredictionSource
from xlite.judging.ranking import parse_order
from xlite.ownership import require_writable_folder
from xlite.reporting.experiment_log import update_experiment_log
from xlite.results.comparison import Comparison
from xlite.run_folder.file_names import RUNS
from xlite.splitting.checked_split import read_checked_split
from xlite.splitting.fold_splits import read_fold_splits
from xlite.splitting.folds_folder import is_folds
from xlite.splitting.split_folder import Split
from xlite.tables.table_files import TableFiles

Compared = str | Path | Sequence[str | Path] | Mapping[str, PredictionSource]
"""Run folders, names of runs and CSVs of predictions; or folders, CSVs and data frames by name."""


def compare(
    items: Compared | None = None,
    *,
    by: str = "val.auroc",
    then: Sequence[str] | None = None,
    split: str | Path = places.SPLIT_DIR,
    labels: TableFiles | None = None,
    out: str | Path | None = None,
    allow_partial: bool = False,
    show_test: bool = False,
    margin: Margins = None,
    safety_margin: float = DEFAULT_SAFETY_MARGIN,
    command: str = "",
) -> Comparison:
    """The methods ranked on the validation part, with ties where a paired test sees no difference.

    items: run folders, names of runs, and CSVs of predictions; or run folders, CSVs and data frames
    by the name that the method in them is to have; None for all finished runs of the experiments
    folder, which is `out`, or `experiments` without it. Runs that are not named and differ in the
    seed alone are one method. Over a folder of folds as `split` ranked are the pooled out-of-fold
    predictions, and a run stands for those of the other folds. by: the score that ranks: val.auroc,
    val.average_precision or val.f1. then: what breaks ties, in that order; None for
    val.average_precision, then val.recall. labels: a table that the split has to agree with.
    show_test: take along the runs' test scores, which choose nothing; each look is counted. margin:
    change of the score that ranks up to which a mean is equivalent to the best's, or of each score
    by name; by default those of `DEFAULT_MARGINS`. safety_margin: loss that NON-INFERIOR has to
    rule out for each label. With `out`, comparison.csv and comparison.json are written there,
    naming `command` as what made them, and the experiment log is brought up to date.

    Raises InputError for fewer than two methods, runs of another split, predictions that lack
    images or labels (unless `allow_partial`), and an order that uses the test part.
    """
    experiments = places.EXPERIMENTS_DIR if out is None else Path(out)
    if out is not None:
        require_writable_folder(experiments)
    order = parse_order(by, then)
    check_margin("safety_margin", safety_margin)
    rule = ComparisonRule(
        margins=settle_margins(margin, decisive=order[0]), safety_margin=safety_margin
    )
    if is_folds(Path(split)):
        _refuse_test_of_folds(is_asked=show_test)
        judged, fold_runs = _judge_folds(items, experiments, Path(split), labels, allow_partial)
        comparison = compare_methods(judged, order, rule=rule, fold_runs=fold_runs)
        split_sha256 = None
    else:
        groups, tables = _find_items(items, experiments)
        parts = read_checked_split(Path(split), labels)
        judged = _judge_part(groups, tables, parts, allow_partial)
        test = look_at_test(groups, parts, command=command) if show_test else None
        comparison = compare_methods(
            judged, order, rule=rule, runs=groups, grown=find_grown_methods(groups), test=test
        )
        split_sha256 = parts.sha256["val"]
    comparison = replace(comparison, command=command, working_dir=str(Path.cwd()))
    if out is not None:
        comparison = _write(comparison, judged, experiments, split_sha256)
    return comparison


def _refuse_test_of_folds(*, is_asked: bool) -> None:
    if is_asked:
        raise InputError(
            "--show-test: folds have no sealed test part. Every image is in the test part of "
            "one, and out-of-fold predictions are what ranks."
        )


def _judge_part(
    groups: RunGroups, tables: Mapping[str, PredictionSource], parts: Split, allow_partial: bool
) -> JudgedMethods:
    """The methods on the validation part."""
    methods = read_run_methods(groups, parts)
    if tables:
        val = parts.require_part("val")
        methods += read_table_methods(tables, val, allow_partial=allow_partial)
    _require_two([one.name for one in methods])
    methods, num_left_out = align_methods(methods)
    _say_left_out(num_left_out)
    return judge_methods(methods)


def _judge_folds(
    items: Compared | None,
    experiments: Path,
    split: Path,
    labels: TableFiles | None,
    allow_partial: bool,
) -> tuple[JudgedMethods, FoldGroups]:
    """The methods on their out-of-fold predictions; a run stands for those of the other folds."""
    folds, _ = read_fold_splits(split, labels)
    tables: Mapping[str, PredictionSource] = {}
    groups: FoldGroups
    if isinstance(items, Mapping):
        runs, tables = sort_items(items)
        groups = add_siblings(runs, folds)
    elif items:
        found = _find_paths(items, experiments)
        groups = group_named_runs([path for path in found if path.is_dir()], folds)
        tables = name_files([path for path in found if not path.is_dir()], taken=groups)
    else:
        groups = group_all_runs(find_finished_runs(experiments), folds)
    methods = read_folded_methods(groups, tables, folds, allow_partial=allow_partial)
    _require_two([one.name for one in methods])
    judged, num_left_out = judge_folded_methods(methods, folds)
    _say_left_out(num_left_out)
    return judged, groups


def _write(
    comparison: Comparison, judged: JudgedMethods, experiments: Path, split_sha256: str | None
) -> Comparison:
    """The comparison as it was written: with the count of what its images chose, this among it."""
    choices = record_choice(
        experiments,
        judged.reference,
        comparison.command,
        kind="comparison",
        names=sorted(row.name for row in comparison.rows),
        chosen=comparison.chosen,
        split_sha256=split_sha256,
    )
    comparison = replace(comparison, choices=choices)
    write_comparison(experiments, comparison)
    update_experiment_log(places.experiment_log_path(experiments), experiments)
    return comparison


def _require_two(names: Sequence[str]) -> None:
    if len(names) < 2:
        raise InputError(
            f"only {names[0] if names else 'nothing'} is there to compare: runs that differ in "
            "the seed alone count as one. Name two models or more."
        )


def _say_left_out(num_images: int) -> None:
    if num_images:
        console.warn(f"{num_images} images are not in all of the predictions and are left out.")


def _find_items(
    items: Compared | None,
    experiments: Path,
) -> tuple[RunGroups, Mapping[str, PredictionSource]]:
    """The runs by method and seed, and the tables of predictions by name."""
    if isinstance(items, Mapping):
        return sort_items(items)
    found = _find_paths(items, experiments) if items else find_finished_runs(experiments)
    groups = group_runs([path for path in found if path.is_dir()])
    return groups, name_files([path for path in found if not path.is_dir()], taken=groups)


def _find_paths(items: str | Path | Sequence[str | Path], experiments: Path) -> list[Path]:
    one_or_more = [items] if isinstance(items, str | Path) else items
    return [_find_item(Path(item), experiments) for item in one_or_more]


def _find_item(item: Path, experiments: Path) -> Path:
    for path in (item, experiments / RUNS / item):
        if path.exists():
            return path
    runs = [path.name for path in (experiments / RUNS).glob("*")]
    hint = did_you_mean(item.name, runs)
    raise InputError(f"{item} is neither a run's folder or name nor a predictions file.{hint}")
