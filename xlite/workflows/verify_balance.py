"""What batches hold, exactly and as drawn: `xlite verify-balance` as a function."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from xlite.arrays import read_count
from xlite.errors import InputError
from xlite.ownership import require_our_folder, require_replaceable_file
from xlite.places import BALANCE_VERIFICATION
from xlite.sampling.draw_limits import FEWEST_BATCHES, MOST_DRAWS
from xlite.settings import LossSettings, PolicySettings, SamplerSettings

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from xlite.results.balance import BalanceReport
    from xlite.tables.read_labels import LabelSource
    from xlite.tables.table_format import TableFormat

_FIGURES = ("balance", "balance_tradeoff")
_TABLE_BEGIN = b"label,count,original_pct,"

drawing_thread = partial(ThreadPoolExecutor, 1)
"""A thread that draws, for callers who may not start a process of their own."""


def verify_balance(
    labels: LabelSource | ArrayLike | None = None,
    patients: ArrayLike | None = None,
    *,
    sampler: str | SamplerSettings | None = None,
    split: str | Path | None = None,
    table_format: TableFormat | None = None,
    compare: bool = False,
    loss: LossSettings | None = None,
    policy: PolicySettings | None = None,
    batches: int | None = None,
    batch_size: int = 32,
    decode_from: str | Path | None = None,
    out: str | Path | None = None,
    seed: int = 42,
    drawing: Callable[[], AbstractContextManager[Executor]] = drawing_thread,
) -> BalanceReport:
    """Each class's exposure under a sampler, computed and as drawn: `xlite verify-balance`.

    labels, patients, table_format: as `read_labels` takes them; None takes the table in `data/`.
    sampler: None for max-entropy with class shares as equal as the labels allow, which says what it
    gives up. batches: None for 500, or what the rarest class needs. split: a folder of `xlite
    split`, whose training part is judged. compare: with all other samplers, at their defaults.
    loss: its pos_weight, where it has one, is judged together with the sampler. policy: how
    training would read it. decode_from: a CLAHE cache to send the batches through. out: the folder
    for table and figures, if any. drawing: opens what draws the figures, a thread by default.

    One that fails has `verdict` "fail" and `reasons`. Raises InputError for what can't be used.
    """
    _check_draws(batches, batch_size)
    if (folder := None if out is None else Path(out)) is not None:
        _require_our_files(folder)
    asked = SamplerSettings.parse(name=sampler) if isinstance(sampler, str) else sampler
    weighting = loss or LossSettings.parse(name="pos-weight")
    with drawing() as executor:
        # Imported while a process for the figures starts.
        from xlite.losses.class_weights import choose_pos_weight
        from xlite.sampling.balance import write_balance
        from xlite.tables.training_part import apply_policy
        from xlite.workflows.balance_figures import draw_figures
        from xlite.workflows.balance_report import judge_balance, judge_loss, read_table

        table = read_table(labels, patients, split, table_format)
        table = apply_policy(table, policy or PolicySettings(), seed=seed).manifest
        pos_weight = choose_pos_weight(weighting, table.labels, table.vocabulary)
        report = judge_balance(
            table,
            asked,
            compare=compare,
            batches=batches,
            batch_size=batch_size,
            cache=None if decode_from is None else Path(decode_from),
            seed=seed,
        )
        if "pos_weight" in weighting.model_fields_set:
            report = judge_loss(report, pos_weight, table.vocabulary)
        if folder is not None:
            write_balance(folder / BALANCE_VERIFICATION, report.classes)
            draw_figures(executor, report, table, pos_weight, folder, is_compared=compare)
    return report


def _check_draws(batches: int | None, batch_size: int) -> None:
    read_count(batch_size, "batch_size", at_least=1)
    batches = FEWEST_BATCHES if batches is None else read_count(batches, "batches", at_least=1)
    if batches * batch_size > MOST_DRAWS:
        raise InputError(
            f"{batches:,} batches of {batch_size:,} are {batches * batch_size:,} images, more than "
            f"the {MOST_DRAWS:,} that are drawn at most. Lower --batches or --batch-size."
        )


def _require_our_files(out: Path) -> None:
    """Raise InputError where the table or figures would replace somebody's."""
    require_replaceable_file(
        out / BALANCE_VERIFICATION,
        is_ours=lambda head: head.startswith(_TABLE_BEGIN),
        overwrite=None,
    )
    figures = [f"{name}.{kind}" for name in _FIGURES for kind in ("png", "svg")]
    require_our_folder(out, markers=[BALANCE_VERIFICATION], names=figures, what="verify-balance")
