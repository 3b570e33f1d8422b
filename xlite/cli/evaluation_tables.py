"""The tables that `xlite evaluate` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xlite import console
from xlite.console import decimal

if TYPE_CHECKING:
    from xlite.results import Result
    from xlite.results.evaluation import AugmentedScores, Evaluation, Look
    from xlite.results.subgroups import GroupLabelScores, GroupMacroScores, Subgroup

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
    for column in dict.fromkeys(group.column for group in evaluation.subgroups):
        _print_groups(column, [g for g in evaluation.subgroups if g.column == column])
    if evaluation.tta is not None:
        _print_change(evaluation.tta)
    if evaluation.epoch_chosen_here:
        console.say(
            "  The best epoch was chosen on these images, which makes scores slightly too good."
        )
    if evaluation.test_looks is not None:
        _print_looks(evaluation.test_looks)
    if evaluation.folder is not None:
        console.say(f"written: {evaluation.folder}")


def _print_scores(evaluation: Evaluation) -> None:
    rows = [
        [
            f"{label}*" if row.few_positives else label,
            f"{row.positives:,}",
            _interval(row, "auroc"),
            *(decimal(getattr(row, name)) for name in _CELLS),
        ]
        for label, row in evaluation.per_class.items()
    ]
    macro, weighted, micro = evaluation.macro, evaluation.weighted, evaluation.micro
    for name, mean in (("macro", macro), ("weighted", weighted), ("micro", micro)):
        auroc = _interval(mean, "auroc") if mean is macro else decimal(mean.auroc)
        cells = (decimal(getattr(mean, score, None)) for score in _CELLS)
        rows.append([name, "", auroc, *cells])
    used, part = evaluation.thresholds, evaluation.part
    scaling = "" if used.calibration == "none" else f", probs scaled by {used.calibration}"
    console.table(
        f"{evaluation.name}{f', {part} part' if part else ''}: {evaluation.images:,} images of "
        f"{evaluation.patients:,} patients",
        _COLUMNS,
        rows,
        caption=f"Thresholds ({used.method}): {used.source}{scaling}. "
        f"Intervals: {100 * evaluation.level:g} %, patients as clusters. * fewer than 30 "
        "positives. chance: the AP of random scores.",
        all_in=None if evaluation.folder is None else evaluation.folder / "scores.csv",
    )


def _print_notes(evaluation: Evaluation) -> None:
    from xlite.judging.evaluation import FEW_NOTE

    macro = evaluation.macro
    console.say(
        f"  macro AP {_interval(macro, 'average_precision')}; random scores have "
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


def _print_groups(column: str, groups: Sequence[Subgroup]) -> None:
    rows = [
        [
            f"{group.group}*" if group.is_small else group.group,
            f"{group.images:,}",
            f"{group.patients:,}",
            f"{group.macro.positives:,}",
            _interval(group.macro, "auroc"),
            _difference(group.macro),
            _p_value(group.macro.p_holm),
            "yes" if group.macro.differs else "",
        ]
        for group in groups
    ]
    console.table(
        f"By {column}: macro AUROC",
        ["group", "images", "patients", "pos.", "AUROC", "minus the rest", "p", "differs"],
        rows,
        caption="Held against the rest over labels with 30 positives on both sides; p by Holm. "
        "* most labels have fewer.",
        drop_first=["patients", "images", "pos."],
    )
    for group in groups:
        for label, row in group.per_class.items():
            if row.differs:
                console.say(
                    f"  {label} in {column} {group.group}: AUROC {_interval(row, 'auroc')}, "
                    f"{_difference(row)} against the rest, p {_p_value(row.p_holm)}."
                )


def _print_change(tta: AugmentedScores) -> None:
    console.table(
        f"Test-time augmentation: mean over {tta.views} views",
        ["macro", "plain", "augmented", "change"],
        [
            [
                name,
                decimal(row.before),
                decimal(row.after),
                _bracket(row.change, row.low, row.high, sign=True),
            ]
            for name, row in tta.change.items()
        ],
    )


def _print_looks(looks: Sequence[Look]) -> None:
    before = f", the first on {looks[0].time[:10]}" if len(looks) > 1 else ""
    runs = len({look.run for look in looks if look.run is not None})
    of_runs = f" ({runs} runs)" if runs > 1 else ""
    console.warn(f"this is look {len(looks)} at this test set{of_runs}{before}.")


def _interval(row: Result, score: str) -> str:
    value, low, high = (getattr(row, f"{score}{end}") for end in ("", "_low", "_high"))
    return _bracket(value, low, high)


def _difference(row: GroupLabelScores | GroupMacroScores) -> str:
    return _bracket(row.difference, row.difference_low, row.difference_high, sign=True)


def _bracket(value: float, low: float, high: float, *, sign: bool = False) -> str:
    """The value with its interval, where it has one.

    >>> _bracket(0.8, 0.75, 0.85), _bracket(0.8, float("nan"), float("nan"))
    ('0.800 [0.750, 0.850]', '0.800')
    """
    number = decimal(value, sign=sign)
    if low != low:
        return number
    return f"{number} [{decimal(low, sign=sign)}, {decimal(high, sign=sign)}]"


def _p_value(p: float) -> str:
    return "<0.001" if p < 0.001 else decimal(p)
