"""What `xlite train` shows of its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite import console

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from xlite.studies.outcome import Outcome


def print_ranking(outcomes: Sequence[Outcome], path: Path) -> None:
    """Show the finished runs, best on validation first; `path` holds all that is left out."""
    finished = [outcome for outcome in outcomes if outcome.scores is not None]
    cells = []
    for outcome in sorted(finished, key=lambda o: -o.scores["val"]["macro"]["auroc"]):  # type: ignore[index]
        scores = outcome.scores or {}
        val = scores["val"]["macro"]
        cells.append(
            [
                outcome.name,
                *(console.decimal(val[name]) for name in ("auroc", "average_precision", "f1")),
                f"{scores['best_epoch']}/{scores['epochs']}",
                f"{scores['num_parameters'] / 1e6:.2f} M",
                f"{scores['seconds'] / 60:.1f} min",
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
