"""The tables that `xlite evaluate` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xlite import console
from xlite.console import decimal

_COLUMNS = (
    *("label", "pos.", "AUROC", "AP", "chance", "F1", "thr.", "sens.", "spec."),
    *("F1@0.5", "Brier", "ECE"),
)
_CELLS = (
    *("average_precision", "average_precision_random", "f1", "threshold", "recall", "specificity"),
    "f1_at_half",
)


def print_evaluation(result: Mapping[str, Any], folder: Path) -> None:
    """Print the scores by label, the means, subgroups, and what is to be noted.

    folder: where all of it was written.
    """
    _print_scores(result, folder)
    for column in dict.fromkeys(group["column"] for group in result["subgroups"]):
        _print_groups(column, [g for g in result["subgroups"] if g["column"] == column])
    if "tta" in result:
        _print_change(result["tta"])
    if result["epoch_chosen_here"]:
        console.say(
            "  The best epoch was chosen on these images, which makes scores slightly too good."
        )
    if "test_looks" in result:
        looks = result["test_looks"]
        before = f", the first on {looks[0]['time'][:10]}" if len(looks) > 1 else ""
        runs = len({look["run"] for look in looks if "run" in look})
        of_runs = f" ({runs} runs)" if runs > 1 else ""
        console.warn(f"this is look {len(looks)} at this test set{of_runs}{before}.")


def _print_scores(result: Mapping[str, Any], folder: Path) -> None:
    from xlite.judging.evaluation import FEW_NOTE

    rows = [
        [
            f"{label}*" if row["few_positives"] else label,
            f"{row['positives']:,}",
            _interval(row, "auroc"),
            *(decimal(row[name]) for name in _CELLS),
            decimal(row["brier"]),
            decimal(row["ece"]),
        ]
        for label, row in result["per_class"].items()
    ]
    for name in ("macro", "weighted", "micro"):
        row = result[name]
        auroc = _interval(row, "auroc") if "auroc_low" in row else decimal(row["auroc"])
        cells = (decimal(row.get(score)) for score in (*_CELLS, "brier", "ece"))
        rows.append([name, "", auroc, *cells])
    rule, part = result["thresholds"], result["part"]
    scaling = "" if rule["calibration"] == "none" else f", probs scaled by {rule['calibration']}"
    console.table(
        f"{result['name']}{f', {part} part' if part else ''}: {result['images']:,} images of "
        f"{result['patients']:,} patients",
        _COLUMNS,
        rows,
        caption=f"Thresholds ({rule['method']}): {rule['source']}{scaling}. "
        f"Intervals: {100 * result['level']:g} %, patients as clusters. * fewer than 30 positives. "
        "chance: the AP of random scores.",
        all_in=folder / "scores.csv",
    )
    macro = result["macro"]
    console.say(
        f"  macro AP {_interval(macro, 'average_precision')}; random scores have "
        f"{decimal(macro['average_precision_random'])}."
    )
    for label, row in result["per_class"].items():
        # The star in the table says the one that small data has everywhere.
        notes = [note for note in row["notes"] if not note.endswith(FEW_NOTE)]
        if notes:
            console.say(f"  {label}: {'; '.join(notes)}.")
    for score in ("auroc", "average_precision", "f1"):
        if score in result["undefined"]:
            names = ", ".join(result["undefined"][score])
            console.say(f"  not in the mean of {score}, undefined: {names}.")


def _print_groups(column: str, groups: Sequence[Mapping[str, Any]]) -> None:
    rows = []
    for group in groups:
        macro = group["macro"]
        rows.append(
            [
                f"{group['group']}*" if group["is_small"] else group["group"],
                f"{group['images']:,}",
                f"{group['patients']:,}",
                f"{macro['positives']:,}",
                _interval(macro, "auroc"),
                _difference(macro),
                _p_value(macro["p_holm"]),
                "yes" if macro["differs"] else "",
            ]
        )
    console.table(
        f"By {column}: macro AUROC",
        ["group", "images", "patients", "pos.", "AUROC", "minus the rest", "p", "differs"],
        rows,
        caption="Held against the rest over labels with 30 positives on both sides; p by Holm. "
        "* most labels have fewer.",
        drop_first=["patients", "images", "pos."],
    )
    for group in groups:
        for label, row in group["per_class"].items():
            if row["differs"]:
                console.say(
                    f"  {label} in {column} {group['group']}: AUROC {_interval(row, 'auroc')}, "
                    f"{_difference(row)} against the rest, p {_p_value(row['p_holm'])}."
                )


def _print_change(tta: Mapping[str, Any]) -> None:
    console.table(
        f"Test-time augmentation: mean over {tta['views']} views",
        ["macro", "plain", "augmented", "change"],
        [
            [
                name,
                decimal(row["before"]),
                decimal(row["after"]),
                _bracket(row["change"], row["low"], row["high"], sign=True),
            ]
            for name, row in tta["change"].items()
        ],
    )


def _interval(row: Mapping[str, Any], score: str) -> str:
    return _bracket(row[score], row[f"{score}_low"], row[f"{score}_high"])


def _difference(row: Mapping[str, Any]) -> str:
    ends = (row["difference_low"], row["difference_high"])
    return _bracket(row["difference"], *ends, sign=True)


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
