"""The tables that `xlite ablate` prints, at most 120 columns wide for names of usual length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xlite import console
from xlite.console import decimal

_VARIANTS_A_TABLE = 2


def print_ablation(content: Mapping[str, Any]) -> None:
    """Print the macro scores, each class's change, what has collapsed, and the verdicts."""
    macros = {row["variant"]: row for row in content["rows"] if _is_macro(row)}
    rows = {(row["variant"], row["label"]): row for row in content["rows"] if not _is_macro(row)}
    labels = list(dict.fromkeys(label for _, label in rows))
    _print_macro(content, list(macros.values()))
    for variant in content["variants"]:
        if "=" not in variant["name"]:  # a combination under a name of its own
            values = ", ".join(f"{name}={value}" for name, value in variant["values"].items())
            console.say(f"{variant['name']}: {values}")
    others = list(macros)[1:]
    for start in range(0, len(others), _VARIANTS_A_TABLE):
        _print_classes(content, rows, labels, others[start : start + _VARIANTS_A_TABLE])
    for collapse in content["collapse"]:
        labels_text = ", ".join(collapse["labels"])
        console.warn(
            f"{collapse['variant']}: {collapse['kind']} ({collapse['meaning']}): {labels_text}. "
            f"Likely cause: {collapse['cause']}."
        )
    _print_verdicts(content, macros)


def _print_macro(content: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    costs = {variant["name"]: variant["cost"] for variant in content["variants"]}
    cells = []
    for row in rows:
        cost = costs[row["variant"]]
        cells.append(
            [
                row["variant"],
                str(row["seeds"]),
                decimal(row["auroc"]),
                *(
                    "baseline" if row["variant"] == content["baseline"] else _change(row, score)
                    for score in ("auroc", "average_precision")
                ),
                decimal(row["f1"]),
                _minutes(cost["seconds_a_run"]),
                "–" if cost["peak_memory_mb"] is None else f"{cost['peak_memory_mb']:,.0f}",
            ]
        )
    console.table(
        f"Macro over {len(content['macro_labels'])} labels of "
        f"{content['images']:,} validation images ({content['patients']:,} patients)",
        ["variant", "seeds", "AUROC", "AUROC change", "AP change", "F1", "time", "MB"],
        cells,
        caption=f"Changes against {content['baseline']} with their "
        f"{100 * content['level']:g} % interval; F1 at cross-fitted thresholds; time a run, "
        "peak memory.",
        drop_first=["MB", "time", "F1", "AP change", "seeds"],
        all_in="ablation.csv",
    )


def _print_classes(
    content: Mapping[str, Any],
    rows: Mapping[tuple[str, str], Mapping[str, Any]],
    labels: Sequence[str],
    variants: Sequence[str],
) -> None:
    baseline = content["baseline"]
    cells = [
        [
            label + (" †" if row["few_positives"] else ""),
            f"{row['train_positives']:,}",
            f"{row['val_positives']:,}",
            decimal(row["auroc"]),
            *(_change(rows[name, label], "auroc", content["level"]) for name in variants),
        ]
        for label in labels
        for row in [rows[baseline, label]]
    ]
    console.table(
        f"AUROC of {baseline} and its change by label, rarest first",
        ["label", "train +", "val +", "AUROC", *variants],
        cells,
        caption="* Holm-corrected p below "
        f"{1 - content['level']:.2g}. † fewer than 30 validation positives. "
        "AP and F1: ablation.csv.",
        drop_first=["train +", "val +", "AUROC"],
        all_in="ablation.csv",
    )


def _print_verdicts(content: Mapping[str, Any], macros: Mapping[str, Mapping[str, Any]]) -> None:
    verdicts = content["verdict"]
    if not verdicts:
        return
    console.table(
        f"Verdict against {content['baseline']}",
        ["variant", "verdict", "macro AUROC change", "gained", "lost"],
        [
            [
                name,
                verdict["decision"],
                _change(macros[name], "auroc"),
                ", ".join(verdict["gains"]) or "–",
                ", ".join(verdict["losses"]) or "–",
            ]
            for name, verdict in verdicts.items()
        ],
        wraps=["gained", "lost"],
        all_in="ablation.json",
    )
    for name, verdict in verdicts.items():
        console.say(f"{name}: {verdict['decision']}. {' '.join(verdict['reasons'])}")
        for side, seeds in verdict["seeds_left_out"].items():
            console.warn(
                f"{name}: seeds {', '.join(map(str, seeds))} of {side} are left out, since the "
                "other side has none of them."
            )
    console.say(f"Rule: {content['rule']}")


def _is_macro(row: Mapping[str, Any]) -> bool:
    """Whether it is the row of the mean: a label may be called "macro", but has a count."""
    return row["val_positives"] is None


def _change(row: Mapping[str, Any], score: str, level: float | None = None) -> str:
    """A change with its interval, and a star where its corrected p is below 1 - `level`."""
    low, high = (row[f"{score}_change_{side}"] for side in ("low", "high"))
    p = row[f"{score}_p_holm"]
    star = "*" if level is not None and 1 - p > level else ""
    change = decimal(row[f"{score}_change"], sign=True)
    if low != low:
        return change
    return f"{change} [{decimal(low, sign=True)}, {decimal(high, sign=True)}]{star}"


def _minutes(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
