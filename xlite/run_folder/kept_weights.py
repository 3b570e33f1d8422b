"""Of which epochs the weights are that a run keeps, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xlite.run_folder.folder import RunFolder


def describe_kept_weights(run: RunFolder) -> str:
    """Whose weights a finished run keeps, as it goes on after "those of".

    "epoch 7", "the last epoch, 20", or "epochs 16 to 20, averaged".
    """
    scores = run.require_scores()
    match run.settings.select:
        case "last":
            return f"the last epoch, {scores.best_epoch}"
        case "average":
            first = run.settings.first_averaged_epoch + 1
            return f"epochs {first} to {scores.best_epoch}, averaged"
    return f"epoch {scores.best_epoch}"
