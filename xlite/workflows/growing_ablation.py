"""An ablation whose seeds are added one by one, until each variant is decided or has no hope."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xlite import console
from xlite.errors import InputError
from xlite.judging.ablation import judge_ablation, write_ablation
from xlite.judging.growth import DECIDED, Growth
from xlite.judging.margins import DEFAULT_SAFETY_MARGIN, Margins
from xlite.judging.variant_runs import VariantRuns
from xlite.places import ABLATION_RECORD, experiment_log_path
from xlite.reporting.experiment_log import update_experiment_log
from xlite.results.ablation import Ablation
from xlite.studies.axes import Variant, plan_runs
from xlite.studies.growing_seeds import DEFAULT_FIRST, DEFAULT_MOST, list_growing_seeds
from xlite.training.folded_data import FoldedData
from xlite.workflows.noted_ablation import note_ablation

if TYPE_CHECKING:
    from xlite.studies.outcome import Outcome
    from xlite.studies.plan import PlannedRun
    from xlite.training.folded_data import AnyData

Train = Callable[[Sequence["PlannedRun"], bool], list["Outcome"]]
"""Trains runs; the second argument: whether runs that exist are taken or continued."""


def plan_growth(seeds: Sequence[int], *, seed: int, most: int | None = None) -> Growth:
    """How seeds are added to `seeds`, or else to three from `seed` on; most: by default 12.

    Raises InputError for seeds that can't be begun with, and for a `most` that is too small or
    larger than was tried.
    """
    begun = tuple(seeds) or tuple(range(seed, seed + DEFAULT_FIRST))
    most = DEFAULT_MOST if most is None else most
    return Growth(seeds=list_growing_seeds(begun, most), first=len(begun))


def check_growth(
    variants: Sequence[Variant], growth: Growth, data: AnyData, out: Path, *, devices: int
) -> None:
    """Raise InputError where seeds can't be added until all is decided."""
    if isinstance(data, FoldedData):
        raise InputError(
            "seeds are added on a single split: what folds differ by is not averaged out by seeds, "
            "and the test over folds holds at one look. Pass --seeds, or a split without folds."
        )
    if devices > 1:
        raise InputError(
            "seeds are added by one process: several devices train a fixed number. Pass --seeds, "
            "or leave out --devices and --nodes."
        )
    record = out / ABLATION_RECORD
    if not record.is_file():
        return
    before = Ablation.read(record, remedy="Pass another --out.")
    names = [variant.name for variant in variants]
    is_same = names == [one.name for one in before.variants]
    most = len(growth.seeds)
    if is_same and before.max_seeds not in (None, most):
        raise InputError(
            f"{record} was looked at with --max-seeds {before.max_seeds}, which its limits hold "
            f"for: with {most} they would not, whatever had been seen. Pass --max-seeds "
            f"{before.max_seeds}, or another --out."
        )


def train_until_decided(
    variants: Sequence[Variant],
    growth: Growth,
    data: AnyData,
    *,
    train: Train,
    resume: bool,
    out: Path,
    margin: Margins = None,
    safety_margin: float = DEFAULT_SAFETY_MARGIN,
    command: str = "",
) -> tuple[Ablation | None, list[Outcome]]:
    """The ablation at its last look, and how its runs ended; None without a run of the baseline.

    After the first seeds, and after each further one, of the baseline and of the variants that are
    still open, all is judged and written to `out`. Everything is computed from the runs: a command
    that was stopped comes to the same with `resume`.
    """
    baseline = variants[0].name
    runs = dict(
        zip(
            ((seed, variant.name) for seed in growth.seeds for variant in variants),
            plan_runs(variants, growth.seeds),
            strict=True,
        )
    )
    outcomes: dict[tuple[int, str], Outcome] = {}
    found: Ablation | None = None
    still_open = [variant.name for variant in variants]
    for count in range(growth.first, len(growth.seeds) + 1):
        added = growth.seeds[:count] if count == growth.first else growth.seeds[count - 1 : count]
        keys = [(seed, name) for seed in added for name in still_open]
        # Of later seeds none may be refused: hours of training would end in it.
        trained = train([runs[key] for key in keys], resume or count > growth.first)
        outcomes |= dict(zip(keys, trained, strict=True))
        found = judge_ablation(
            _group(variants, outcomes),
            data,
            margin=margin,
            safety_margin=safety_margin,
            growth=growth,
            command=command,
        )
        if found is not None:
            still_open = [baseline, *_list_open(found, still_open[1:])]
            found = note_ablation(found, data, out, seeds=count, has_ended=len(still_open) < 2)
            write_ablation(out, found)
            _say_look(found, count, still_open[1:])
        if len(still_open) < 2:
            break
    if found is not None:
        update_experiment_log(experiment_log_path(out), out)
    return found, list(outcomes.values())


def _group(
    variants: Sequence[Variant], outcomes: dict[tuple[int, str], Outcome]
) -> list[VariantRuns]:
    return [
        VariantRuns(
            variant=variant,
            outcomes={
                seed: (one,) for (seed, name), one in outcomes.items() if name == variant.name
            },
        )
        for variant in variants
    ]


def _list_open(found: Ablation, names: Sequence[str]) -> list[str]:
    """Those that get a further seed; one without a finished run so far is among them."""
    return [
        name for name in names if name not in found.verdict or found.verdict[name].ended is None
    ]


def _say_look(found: Ablation, count: int, still_open: Sequence[str]) -> None:
    said = []
    for name, verdict in found.verdict.items():
        if verdict.ended is None:
            said.append(f"{name} open")
        elif verdict.ended == DECIDED:
            said.append(f"{name} {verdict.decision} with {verdict.seeds} seeds")
        else:
            said.append(f"{name} UNDECIDED with {verdict.seeds} seeds ({verdict.ended})")
    rest = f"seed {count + 1} of {found.max_seeds} for {len(still_open)}" if still_open else "ended"
    console.say(f"looked at after {count} seeds: {', '.join(said) or 'nothing'}; {rest}")
