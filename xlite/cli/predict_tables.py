"""What `xlite predict` prints: what was called how often, and which films to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite import console
from xlite.console import decimal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlite.results.prediction import FailedFilm, Prediction

_MOST_NAMED = 5


def print_prediction(found: Prediction) -> None:
    """Print a row a label, films that could not be read, and those that are unlike training."""
    has_thresholds = found.method is not None
    rows = [
        [
            label,
            decimal(one.mean_prob),
            *([decimal(one.mean_calibrated), decimal(one.threshold)] if has_thresholds else []),
            *(["–" if one.called is None else f"{one.called:,}"] if has_thresholds else []),
        ]
        for label, one in found.per_class.items()
    ]
    heads = ["label", "mean prob"]
    if has_thresholds:
        heads += ["calibrated", "threshold", "films called"]
    before = f", {found.images_before:,} of them before" if found.images_before else ""
    console.table(
        f"{found.images:,} films by {_name(found)}{before}",
        heads,
        rows,
        caption=f"Calibration and thresholds: {found.thresholds}." if has_thresholds else "",
    )
    say_failed(found.failed)
    if found.unlike is not None:
        unlike = found.unlike
        told = f"{_list(unlike.films)}" if unlike.films else "none"
        console.say(
            f"  unlike the films of training: {told}. Of ordinary films "
            f"{unlike.false_alarms:.1%} are marked, too, as measured on {unlike.measured_on:,}"
            f"{'' if unlike.is_unseen else ' of training itself, so that it may be more'}."
        )
    written = [path for path in (found.predictions, found.calls) if path is not None]
    if written:
        console.say(f"written: {', '.join(written)} ({found.images_per_second:.1f} films/s)")


def _name(found: Prediction) -> str:
    if len(found.models) == 1:
        return found.models[0]
    return f"the mean of {len(found.models)} runs"


def say_failed(failed: Sequence[FailedFilm]) -> None:
    """Print the names of films that could not be read, if any."""
    if failed:
        console.say(f"  could not be read: {_list([one.image for one in failed])}")


def _list(names: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return f"{len(names):,} ({shown}{f' and {more:,} more' if more > 0 else ''})"
