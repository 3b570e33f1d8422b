"""The tables that `xlite evaluate` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite import console
from xlite.cli.external_tables import print_external
from xlite.cli.floor_tables import print_worth
from xlite.cli.intervals import bracket, interval
from xlite.cli.plan_tables import print_sample_plan
from xlite.cli.subgroup_tables import print_subgroups
from xlite.cli.use_tables import print_uses
from xlite.console import decimal

if TYPE_CHECKING:
    from xlite.results.evaluation import AugmentedScores, Evaluation

_COLUMNS = (
    *("label", "pos.", "AUROC", "AP", "chance", "F1", "thr.", "sens.", "spec."),
    *("F1@0.5", "Brier", "ECE"),
)
_CELLS = (
    *("average_precision", "average_precision_random", "f1", "threshold", "recall", "specificity"),
    *("f1_at_half", "brier", "ece"),
)


def print_evaluation(evaluation: Evaluation) -> None:
    """Print the scores by label, the means, subgroups, and what is to be noted."""
    _print_scores(evaluation)
    _print_notes(evaluation)
    if evaluation.external is not None:
        print_external(evaluation.external, folder=evaluation.folder)
    print_worth(evaluation)
    print_subgroups(evaluation.subgroups)
    if evaluation.tta is not None:
        _print_change(evaluation.tta)
    print_uses(evaluation)
    if evaluation.plan is not None:
        print_sample_plan(evaluation.plan)
    if evaluation.folder is not None:
        console.say(f"written: {evaluation.folder}")


def _print_scores(evaluation: Evaluation) -> None:
    rows = [
        [
            f"{label}*" if row.few_positives else label,
            f"{row.positives:,}",
            interval(row, "auroc"),
            *(decimal(getattr(row, name)) for name in _CELLS),
        ]
        for label, row in evaluation.per_class.items()
    ]
    macro, weighted, micro = evaluation.macro, evaluation.weighted, evaluation.micro
    for name, mean in (("macro", macro), ("weighted", weighted), ("micro", micro)):
        auroc = interval(mean, "auroc") if mean is macro else decimal(mean.auroc)
        cells = (decimal(getattr(mean, score, None)) for score in _CELLS)
        rows.append([name, "", auroc, *cells])
    used, part = evaluation.thresholds, evaluation.part
    external = evaluation.external
    on_site = "" if external is None else f" on {external.site}"
    of_part = (
        on_site if part is None else f", {part} part" if part in ("val", "test") else f", {part}"
    )
    scaling = "" if used.calibration == "none" else f", probs scaled by {used.calibration}"
    console.table(
        f"{evaluation.name}{of_part}: {evaluation.images:,} images of "
        f"{evaluation.patients:,} patients",
        _COLUMNS,
        rows,
        caption=f"Thresholds ({used.method}): {used.source}{scaling}. "
        f"Intervals: {100 * evaluation.level:g} %, patients as clusters. * fewer than 30 "
        "positives. chance: the AP of random scores.",
        all_in=None if evaluation.folder is None else evaluation.folder / "scores.csv",
    )


def _print_notes(evaluation: Evaluation) -> None:
    from xlite.results.label_scores import FEW_NOTE

    macro = evaluation.macro
    console.say(
        f"  macro AP {interval(macro, 'average_precision')}; random scores have "
        f"{decimal(macro.average_precision_random)}."
    )
    for label, row in evaluation.per_class.items():
        # The star in the table says the one that small data has everywhere.
        notes = [note for note in row.notes if not note.endswith(FEW_NOTE)]
        if notes:
            console.say(f"  {label}: {'; '.join(notes)}.")
    for score in ("auroc", "average_precision", "f1"):
        if score in evaluation.undefined:
            names = ", ".join(evaluation.undefined[score])
            console.say(f"  not in the mean of {score}, undefined: {names}.")


def _print_change(tta: AugmentedScores) -> None:
    console.table(
        f"Test-time augmentation: mean over {tta.views} views",
        ["macro", "plain", "augmented", "change"],
        [
            [
                name,
                decimal(row.before),
                decimal(row.after),
                bracket(row.change, row.low, row.high, sign=True),
            ]
            for name, row in tta.change.items()
        ],
    )
