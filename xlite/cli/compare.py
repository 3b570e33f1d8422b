"""`xlite compare`: runs and predictions side by side, ranked with ties, and one chosen."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.expansion import expand_groups
from xlite.console import decimal
from xlite.errors import InputError, did_you_mean
from xlite.ownership import require_writable_folder

if TYPE_CHECKING:
    from xlite.judging.methods import Method
    from xlite.splitting.split_folder import Split

_EPILOG = (
    "Example: xlite compare\n\n"
    "Example: xlite compare experiments/runs/ONE experiments/runs/OTHER theirs.csv --by val.auroc "
    "--then val.average_precision --then val.recall"
)


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("compare", rich_help_panel="Judging", epilog=_EPILOG)(expand_groups(compare))


def compare(
    items: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN_OR_CSV]...",
            help="Run folders, their names, and predictions of the validation part (CSV). "
            "Default: all finished runs.",
        ),
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            metavar="SCORE", help="Ranks: val.auroc, val.average_precision or val.f1, macro."
        ),
    ] = "val.auroc",
    then: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCORE",
            help="Breaks ties, in the order given; repeatable. Default: val.average_precision, "
            "then val.recall.",
        ),
    ] = None,
    labels: options.CheckedLabels = None,
    split: options.SplitDir = places.SPLIT_DIR,
    out: options.ExperimentsDir = places.EXPERIMENTS_DIR,
    allow_partial: options.AllowPartial = False,
    show_test: Annotated[
        bool,
        typer.Option(
            "--show-test",
            help="Show the runs' test scores, which choose nothing. Each look is counted.",
        ),
    ] = False,
    json: options.Json = False,
) -> None:
    """Rank runs and predictions on validation, with ties where a paired test sees no difference.

    Runs that differ in the seed alone are one model; with two seeds or more in common intervals
    cover seeds and patients, else patients alone. The first rank goes to the best and to all that
    the test (corrected for all pairs) can't tell from it; --then breaks the tie. The test set
    never selects. Runs of another split are refused. Writes comparison.csv and comparison.json.
    """
    from xlite.judging.comparison import (
        DEFAULT_THEN,
        describe_comparison,
        find_finished_runs,
        group_runs,
        parse_order,
        write_comparison,
    )
    from xlite.judging.methods import align_methods
    from xlite.judging.paired_differences import judge_methods
    from xlite.reporting.experiment_log import update_experiment_log
    from xlite.splitting.checked_split import read_checked_split

    require_writable_folder(out)
    if then is None:
        then = [name for name in DEFAULT_THEN if name.rpartition(".")[2] not in by]
    order = parse_order(by, then)
    found = [_find_item(item, out) for item in items] if items else find_finished_runs(out)
    groups = group_runs([path for path in found if path.is_dir()])
    parts = read_checked_split(split, labels)
    methods = [
        *_read_runs(groups, parts),
        *_read_files(
            [path for path in found if not path.is_dir()],
            parts,
            taken=groups,
            allow_partial=allow_partial,
        ),
    ]
    if len(methods) < 2:
        raise InputError(
            f"only {methods[0].name} is there to compare: runs that differ in the seed alone count "
            "as one. Name two models or more."
        )
    methods, num_left_out = align_methods(methods)
    if num_left_out:
        console.warn(f"{num_left_out} images are not in all of the predictions and are left out.")
    content = {
        "command": shlex.join(["xlite", *sys.argv[1:]]),
        **describe_comparison(judge_methods(methods), order),
        "runs": {
            name: {str(seed): run_dir.name for seed, run_dir in runs.items()}
            for name, runs in groups.items()
        },
    }
    if show_test:
        content["test"] = _look_at_test(groups, parts)
    # Written before anything is shown: a terminal that fails must not lose the result.
    paths = write_comparison(out, content)
    update_experiment_log(places.experiment_log_path(out), out)
    if json:
        console.result_json(content)
    else:
        _print_comparison(content)
    console.say(f"written: {', '.join(map(str, paths))}")


def _find_item(item: Path, out: Path) -> Path:
    for path in (item, out / "runs" / item):
        if path.exists():
            return path
    runs = [path.name for path in (out / "runs").glob("*")]
    hint = did_you_mean(item.name, runs)
    raise InputError(f"{item} is neither a run's folder or name nor a predictions file.{hint}")


def _read_runs(groups: Mapping[str, Mapping[int, Path]], split: Split) -> list[Method]:
    from xlite.judging.labelled_predictions import read_run_predictions
    from xlite.judging.methods import Method

    return [
        Method(
            name=name,
            cases={seed: read_run_predictions(path, "val", split) for seed, path in runs.items()},
        )
        for name, runs in groups.items()
    ]


def _read_files(
    files: Sequence[Path], split: Split, *, taken: Mapping[str, Any], allow_partial: bool
) -> list[Method]:
    from xlite.judging.labelled_predictions import join_predictions
    from xlite.judging.methods import Method

    methods: list[Method] = []
    for path in files:
        stem = path.name.split(".")[0]
        is_taken = stem in taken or any(method.name == stem for method in methods)
        name = str(path) if is_taken else stem
        if any(method.name == name for method in methods):
            raise InputError(f"{path} is named twice.")
        cases, join = join_predictions(path, split.parts["val"], name=name)
        if not allow_partial:
            join.require_whole(path)
        for sentence in join.describe():
            console.warn(f"{path}: {sentence}")
        methods.append(Method(name=name, cases={None: cases}))
    return methods


def _look_at_test(groups: Mapping[str, Mapping[int, Path]], split: Split) -> list[dict[str, Any]]:
    """Macro test scores of each run, at thresholds of its validation part; each look is noted."""
    import numpy as np

    from xlite.judging.labelled_predictions import read_run_predictions
    from xlite.judging.sealed_test import looks_folder, record_test_look
    from xlite.scores.ranking import macro_mean, ranking_scores
    from xlite.scores.thresholded import count_at_thresholds, f1, fit_f1_thresholds

    command = shlex.join(["xlite", *sys.argv[1:]])
    rows = []
    for name, runs in groups.items():
        for seed, run_dir in runs.items():
            val, test = (read_run_predictions(run_dir, part, split) for part in ("val", "test"))
            auroc, average_precision = ranking_scores(test.targets, test.probs)
            thresholds = fit_f1_thresholds(val.targets, val.probs)
            calls = count_at_thresholds(test.targets, test.probs, thresholds)
            scores = {"auroc": auroc, "average_precision": average_precision, "f1": f1(calls)}
            folder = looks_folder(run_dir)
            rows.append(
                {
                    "name": name,
                    "seed": seed,
                    "images": len(np.unique(test.image_ids)),
                    **{score: macro_mean(values)[0] for score, values in scores.items()},
                    "looks": len(record_test_look(folder, test, command, run=run_dir.name)),
                }
            )
    return rows


def _print_comparison(content: Mapping[str, Any]) -> None:
    score = content["order"][0].removeprefix("val.")
    cells = []
    for row in content["rows"]:
        change = "best"
        if row["name"] != content["best"]:
            low, high = (decimal(row[f"change_{side}"], sign=True) for side in ("low", "high"))
            change = f"{decimal(row['change'], sign=True)} [{low}, {high}]"
        cells.append(
            [
                row["name"] + (" ◀" if row["chosen"] else ""),
                str(row["rank"]),
                str(row["seeds"]),
                *(decimal(row[name]) for name in ("auroc", "average_precision", "f1", "recall")),
                change,
                decimal(row.get("p_all_pairs")),
            ]
        )
    best = content["rows"][0]
    console.table(
        f"Macro over {len(content['macro_labels'])} labels of {content['images']:,} validation "
        f"images ({content['patients']:,} patients)",
        ["model", "rank", "seeds", "AUROC", "AP", "F1", "recall", f"{score} change", "p"],
        cells,
        caption=f"Change against {content['best']}, {100 * content['level']:g} % interval, p "
        "corrected for all pairs. Equal ranks: not told apart. ◀ chosen.",
        drop_first=["recall", "F1", "seeds", "AP"],
        all_in="comparison.csv",
    )
    console.say(
        f"The best of {len(cells)} is the best by chance, too: of {best['name']} expect a "
        f"{score} of {decimal(best[f'{score}_expected'])} rather than {decimal(best[score])} on "
        "other patients (scores shrunk together)."
    )
    _tell_what_is_compared(content)
    for step in content["steps"]:
        console.say(f"  {step}")
    console.say(f"chosen: {content['chosen']}")
    if "test" in content:
        console.table(
            "Test part, macro: for the record, not for the choice",
            ["model", "seed", "AUROC", "AP", "F1", "looks so far"],
            [
                [
                    row["name"],
                    str(row["seed"]),
                    *(decimal(row[name]) for name in ("auroc", "average_precision", "f1")),
                    str(row["looks"]),
                ]
                for row in content["test"]
            ],
            caption="F1 at thresholds fitted on the validation part.",
        )


def _tell_what_is_compared(content: Mapping[str, Any]) -> None:
    """The labels, the runs and the seeds that a comparison had to leave out."""
    left = [label for label in content["labels"] if label not in content["macro_labels"]]
    if left:
        console.say(f"Not in the macro mean, for too few patients: {', '.join(left)}.")
    others = [row for row in content["rows"] if row["name"] != content["best"]]
    alone = [row["name"] for row in others if not row["seeds_compared"]]
    if alone:
        console.warn(
            f"{', '.join(alone)}: no seed in common with {content['best']}, so there is no test."
        )
    only_images = [row["name"] for row in others if row["seeds_compared"] == 1]
    if only_images:
        console.say(
            f"{', '.join(only_images)}: fewer than two seeds in common with {content['best']}, so "
            "the interval is about these trained models and not about how they were trained."
        )
    for row in others:
        for name, seeds in row["seeds_left_out"].items():
            console.say(
                f"{row['name']} against {content['best']}: seeds {', '.join(map(str, seeds))} of "
                f"{name} are left out, since the other has none of them."
            )
