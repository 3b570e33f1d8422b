"""What `xlite train` shows of its runs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from xlite import console, places

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from xlite.results.learning_curve import LearningCurve, ModelCurve
    from xlite.studies.outcome import Outcome


def show_runs(outcomes: Sequence[Outcome], out: Path, *, has_curve: bool, json: bool) -> None:
    """Show how runs ended and, of subsets, the learning curve that they are."""
    from xlite.workflows.learning_curve import read_learning_curve

    curve = read_learning_curve(out) if has_curve else None
    if json:
        runs = [outcome.to_json() for outcome in outcomes]
        found = {} if curve is None else {"learning_curve": curve.to_json()}
        console.result_json({"runs": runs, **found})
        return
    print_ranking(outcomes, out / places.BASELINE_RESULTS)
    if curve is not None:
        print_learning_curve(curve, out / places.LEARNING_CURVE)
    console.say(f"written: {out}, {places.experiment_log_path(out)}")


def print_ranking(outcomes: Sequence[Outcome], path: Path) -> None:
    """Show the finished runs, best on validation first; `path` holds all that is left out."""
    finished = [(one.name, one.scores) for one in outcomes if one.scores is not None]
    # NaN, where it is undefined, comes last.
    aurocs = {name: scores.val_macro["auroc"] for name, scores in finished}
    finished.sort(key=lambda one: (math.isnan(aurocs[one[0]]), -aurocs[one[0]]))
    cells = []
    for name, scores in finished:
        val = scores.val_macro
        cells.append(
            [
                name,
                *(console.decimal(val[score]) for score in ("auroc", "average_precision", "f1")),
                f"{scores.best_epoch}/{scores.epochs}",
                f"{scores.num_parameters / 1e6:.2f} M",
                f"{scores.seconds / 60:.1f} min",
            ]
        )
    if cells:
        console.table(
            "Validation, macro over the labels",
            ["run", "AUROC", "AP", "F1 (cross-fitted)", "best epoch", "parameters", "time"],
            cells,
            caption="A rank is no verdict. Test scores: `xlite evaluate RUN --part test`.",
            all_in=path,
        )


def print_learning_curve(curve: LearningCurve, path: Path) -> None:
    """Show what each model scores by the number of training patients, and may with more."""
    for model in curve.models:
        console.table(
            f"{model.model}: macro AUROC of {curve.images:,} validation images by training size",
            ["share", "patients", "images", "AUROC", "runs", "deviation"],
            [
                [
                    f"{point.share:g}",
                    f"{point.patients:,.0f}",
                    f"{point.images:,.0f}",
                    console.decimal(point.auroc),
                    str(len(point.runs)),
                    console.decimal(point.deviation),
                ]
                for point in model.points
            ],
            all_in=path,
        )
        console.say(_describe_forecast(model, curve.level))


def _describe_forecast(model: ModelCurve, level: float) -> str:
    if not model.forecast:
        return f"{model.model}: {model.note}"
    ahead = "; ".join(
        f"with {one.factor:g} times the patients ({one.patients:,}) {console.decimal(one.low)} to "
        f"{console.decimal(one.high)}"
        for one in model.forecast
    )
    return f"{model.model}, {100 * level:g} % forecast on the same validation images: {ahead}"
