"""What docs/results/ holds of the demo, of NIH's table and of the models, as Markdown tables."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from markdown_table import join_cells

RESULTS = Path(__file__).parent / "results"
FEW_LABELS = 4


def render_split() -> str:
    """Images and patients of the demo's parts, and positives of its three rarest labels."""
    parts = read_result("split.json")["parts"]
    positives = parts["train"]["positives"]
    rarest = sorted(positives, key=lambda name: positives[name])[:3]
    return join_cells(
        ["", *parts],
        [
            ["images", *(str(part["images"]) for part in parts.values())],
            ["patients", *(str(part["patients"]) for part in parts.values())],
            *(
                [name, *(str(part["positives"][name]) for part in parts.values())]
                for name in rarest
            ),
        ],
    )


def render_balance() -> str:
    """The exposure of the demo's rarest labels: as found, by algebra and as drawn."""
    return join_cells(
        ["label", "images", "as found %", "exact %", "drawn %", "patients behind"],
        [
            [
                row["label"],
                row["count"],
                f"{float(row['original_pct']):.2f}",
                f"{float(row['exact_pct']):.2f}",
                f"{float(row['weighted_batch_pct']):.2f}",
                f"{float(row['patients_behind']):.0f}",
            ]
            for row in _read("data_balance_verification.csv")[:FEW_LABELS]
        ],
    )


def render_train() -> str:
    """The demo's models with their scores on validation and test."""
    val, test = read_result("val_macro.json"), read_result("test_macro.json")
    return join_cells(
        ["model", "val AUROC", "val AP", "test AUROC", "minutes"],
        [
            [
                row["name"],
                _with_interval(val[_run_of(row)], "auroc"),
                _with_interval(val[_run_of(row)], "average_precision"),
                _with_interval(test[_run_of(row)], "auroc"),
                f"{float(row['minutes']):.1f}",
            ]
            for row in _read("baseline_results.csv")
            if _run_of(row) in test
        ],
    )


def render_ablation() -> str:
    """AUROC of the demo's variants for the rarest labels and the macro mean."""
    rows = _read("ablation.csv")
    baseline, *others = dict.fromkeys(row["variant"] for row in rows)
    by_variant = {
        name: {row["label"]: row for row in rows if row["variant"] == name}
        for name in (baseline, *others)
    }
    shown = [*list(by_variant[baseline])[:FEW_LABELS], "macro"]
    table = []
    for label in shown:
        row = by_variant[baseline][label]
        positives = (
            f"{row['train_positives']}, {row['val_positives']}" if row["val_positives"] else ""
        )
        cells = [label, positives, f"{float(row['auroc']):.2f}"]
        for name in others:
            other = by_variant[name][label]
            change, *limits = (
                f"{float(other[f'auroc_change{end}']):+.2f}" for end in ("", "_low", "_high")
            )
            cells.append(f"{float(other['auroc']):.2f} ({change} [{', '.join(limits)}])")
        table.append(cells)
    losses = [name.partition("=")[2] for name in (baseline, *others)]
    return join_cells(
        ["label", "positives: training, validation", *(f"AUROC, {loss}" for loss in losses)], table
    )


def render_verdicts() -> str:
    """The verdict on each of the demo's variants, with its reasons."""
    verdicts = read_result("ablation.json")["verdict"]
    return "\n".join(
        f"**{name}: {verdict['decision']}.** {' '.join(verdict['reasons'])}\n"
        for name, verdict in verdicts.items()
    )


def render_rule() -> str:
    """The rule that the demo's verdicts follow, as it is printed beside them."""
    return f"> {read_result('ablation.json')['rule']}\n"


def render_samplers() -> str:
    """What each sampler does to NIH's label table."""
    columns = ["sampler", "CV", "no finding", "ESS", "max repeats", "distinct images"]
    return join_cells(
        columns,
        [
            [
                f"`{name}`",
                f"{row['cv']:.3f}",
                f"{row['no_finding_share']:.3f}",
                f"{row['ess']:.3f}",
                f"{row['max_repeats']:.1f}",
                f"{row['distinct_images']:,.0f}",
            ]
            for name, row in read_result("nih_samplers.json").items()
        ],
    )


def render_models() -> str:
    """Parameters and MACs of the hybrids and their backbones."""
    record = read_result("models.json")
    sizes = list(next(iter(record.values()))["macs"])
    return join_cells(
        ["model", "parameters", *sizes],
        [
            [
                f"`{name}`",
                f"{row['parameters']:,}",
                *(f"{row['macs'][size] / 1e9:.3f}" for size in sizes),
            ]
            for name, row in record.items()
        ],
    )


def _run_of(row: dict[str, str]) -> str:
    return Path(row["run"]).name


def _with_interval(row: dict[str, Any], score: str) -> str:
    """A score with its interval; with two digits where it has none."""
    if row.get(f"{score}_low") is None:
        return f"{row[score]:.2f}"
    return f"{row[score]:.3f} [{row[f'{score}_low']:.2f}, {row[f'{score}_high']:.2f}]"


def read_result(name: str) -> Any:
    """The content of a JSON file in docs/results/."""
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


def _read(name: str) -> list[dict[str, str]]:
    with (RESULTS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
