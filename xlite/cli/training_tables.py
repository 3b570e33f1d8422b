"""What `xlite train` shows of its runs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from xlite import console

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from xlite.studies.outcome import Outcome


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
