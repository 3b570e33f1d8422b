"""What `xlite train` shows of what it tries before a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite import console
from xlite.cli.durations import format_duration
from xlite.errors import CheckFailedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlite.results.trials import AugmentationSheet, LoaderProfile, OverfitCheck, RateRange

_MOST_RATES = 12


def show_overfitting(checks: Sequence[OverfitCheck], *, json: bool) -> None:
    """Show what was learnt by heart; CheckFailedError where a model has not."""
    if json:
        console.result_json({"overfit": [check.to_json() for check in checks]})
    else:
        _print_overfitting(checks)
    failed = [check for check in checks if not check.is_passed]
    if failed:
        said = "; ".join(
            f"{check.model}: {' '.join(f'{one.fault}: {one.meaning}' for one in check.findings)}"
            for check in failed
        )
        raise CheckFailedError(f"{len(failed)} of {len(checks)} models did not pass. {said}")


def _print_overfitting(checks: Sequence[OverfitCheck]) -> None:
    first = checks[0]
    console.table(
        f"{len(first.image_ids)} films learnt by heart, loss {first.loss_name}",
        ["model", "", "steps", "loss", "floor", "lowest AUROC", "asked by id", "time"],
        [
            [
                check.model,
                "passed" if check.is_passed else "FAILED",
                f"{check.steps} of {check.max_steps}",
                f"{check.loss:.4f}",
                f"{check.floor:.4f}",
                console.decimal(check.auroc),
                console.decimal(check.auroc_by_id),
                format_duration(check.seconds),
            ]
            for check in checks
        ],
        caption=f"Over {len(first.judged)} labels that are present and absent among them. "
        f"Floor: {first.floor_rule}.",
    )
    for check in checks:
        if check.is_passed and check.is_pushed:
            console.say(
                f"{check.model}: it took ten times the rate of --lr after half of the steps."
            )


def show_rates(found: Sequence[RateRange], *, json: bool) -> None:
    """Show the suggested rates, and the curve of each in some rows."""
    if json:
        console.result_json({"find_lr": [one.to_json() for one in found]})
        return
    for one in found:
        last = len(one.rates) - 1
        places = sorted({*range(0, last, max(last // (_MOST_RATES - 1), 1)), last})
        console.table(
            f"{one.model}: loss by rate",
            ["--lr", "loss", "averaged"],
            [
                [f"{one.rates[at]:.1e}", f"{one.losses[at]:.4f}", f"{one.smoothed[at]:.4f}"]
                for at in places
            ],
            caption=_describe_range(one),
        )
        console.say(f"written: {one.path}")


def _describe_range(found: RateRange) -> str:
    at = found.diverged_at
    end = "It never diverged." if at is None else f"It diverged at {at:.1e}."
    if found.suggestion is None:
        return (
            "No rate is suggested: the loss fell by no more than it varies from batch to batch. "
            f"A larger --batch-size varies less. {end}"
        )
    return (
        f"Try --lr {found.suggestion:.1e}, the middle of the longest descent; least at "
        f"{found.least_at:.1e}. {end} A hint from {len(found.rates)} steps: a whole run decides."
    )


def show_profiles(profiles: Sequence[LoaderProfile], *, json: bool) -> None:
    """Show images a second, what binds, and what to change."""
    if json:
        console.result_json({"profile_loader": [one.to_json() for one in profiles]})
        return
    console.table(
        f"Images/s in batches of {profiles[0].batch_size}, {profiles[0].num_workers} loader "
        "processes",
        ["model", "loading", "computing", "together", "training waits for"],
        [[one.model, *(f"{rate:,.1f}" for rate in one.speeds), one.binds] for one in profiles],
    )
    for one in profiles:
        for advice in one.advice:
            console.say(f"{one.model}: {advice}")


def show_sheet(sheet: AugmentationSheet, *, json: bool) -> None:
    """Show where the picture is."""
    if json:
        console.result_json({"show_augmentation": sheet.to_json()})
        return
    console.say(
        f"written: {sheet.path}, {len(sheet.image_ids)} films as they are and as the first "
        f"{sheet.epochs} epochs show them"
    )
