"""What judged images have chosen and how often they were looked at, as `xlite evaluate` says it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xlite import console

if TYPE_CHECKING:
    from xlite.results.evaluation import Evaluation, Look


def print_uses(evaluation: Evaluation) -> None:
    """Say what the images have chosen, what the score is worth for it, and looks at a test set."""
    if evaluation.epoch_chosen_here:
        console.say(
            "  The best epoch was chosen on these images, which makes scores slightly too good."
        )
    told = (evaluation.best_epoch, evaluation.choices)
    for sentence in [one.sentence for one in told if one is not None]:
        console.say(f"  {sentence}.")
    if evaluation.test_looks is not None:
        what = "this test set" if evaluation.external is None else "these films"
        _print_looks(evaluation.test_looks, what)


def _print_looks(looks: Sequence[Look], what: str) -> None:
    before = f", the first on {looks[0].time[:10]}" if len(looks) > 1 else ""
    runs = len({look.run for look in looks if look.run is not None})
    of_runs = f" ({runs} runs)" if runs > 1 else ""
    console.warn(f"this is look {len(looks)} at {what}{of_runs}{before}.")
