"""The steps of `verify_balance` between labels and its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlite import console, places
from xlite.errors import InputError
from xlite.losses.class_weights import measure_emphasis, warn_about_double_corrections
from xlite.results.balance import BalanceReport, LossBalance
from xlite.sampling.balance import tabulate_balance, verify_samplers
from xlite.sampling.default_sampler import choose_sampler, count_batches
from xlite.sampling.label_sets import find_label_sets
from xlite.sampling.sampling_plan import plan_sampling
from xlite.sampling.source_sets import find_sampling_sets
from xlite.sampling.weights import SAMPLER_NAMES
from xlite.settings import SamplerSettings
from xlite.splitting.checked_split import read_checked_split, refuse_columns
from xlite.tables.manifest import Manifest
from xlite.tables.read_labels import LabelSource, has_patients, read_labels
from xlite.tables.table_files import is_files
from xlite.tables.table_format import TableFormat

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from xlite.sampling.draws import DrawBatches


def read_table(
    labels: LabelSource | ArrayLike | None,
    patients: ArrayLike | None,
    split: str | Path | None,
    table_format: TableFormat | None,
) -> Manifest:
    """The images to judge: of a label table, of arrays, or of the training part of a split."""
    if split is None:
        source = places.find_label_table(None) if labels is None else labels
        return read_labels(source, patients, table_format=table_format)
    refuse_columns(table_format)
    if patients is not None:
        raise InputError("a split has patients of its own. Leave out `patients`.")
    if labels is not None and not is_files(labels):
        raise InputError("labels beside a split are the file that it was made from. Pass its path.")
    return read_checked_split(Path(split), labels).parts["train"]


def judge_balance(
    table: Manifest,
    asked: SamplerSettings | None,
    *,
    compare: bool,
    batches: int | None,
    batch_size: int,
    cache: Path | None,
    seed: int,
) -> BalanceReport:
    """The report on the sampler that is asked for, or the default one, without loss weights.

    batches: None for as many as the rarest class needs.
    """
    if asked is None:
        sets = find_label_sets(table.labels)
        settings, given_up = choose_sampler(sets, table.vocabulary)
    else:
        sets, settings, given_up = find_sampling_sets(table, asked), asked, None
    if given_up is not None:
        console.warn(given_up)
    if batches is None:
        plan = plan_sampling(sets, settings, table.vocabulary, batch_size=batch_size, seed=seed)
        batches = count_batches(plan, batch_size)
    reports = verify_samplers(
        table.labels,
        table.vocabulary,
        settings,
        others=SAMPLER_NAMES if compare else (),
        batch_size=batch_size,
        num_batches=batches,
        seed=seed,
        sets=sets,
        patient_codes=table.patient_codes if has_patients(table) else None,
        draw_batches=None if cache is None else _decode(table, cache),
    )
    chosen = reports[settings.title]
    return BalanceReport(
        sampler=settings.title,
        images=len(table),
        samplers={name: report.summarise(table.vocabulary) for name, report in reports.items()},
        verdict=chosen.verdict,
        reasons=list(chosen.reasons),
        given_up=given_up,
        sources=None if chosen.sources is None else dict(chosen.sources),
        classes=tabulate_balance(table, reports["none"], chosen),
    )


def judge_loss(
    report: BalanceReport, pos_weight: NDArray[np.float64], vocabulary: Sequence[str]
) -> BalanceReport:
    """The report with what loss weights (C,) do beside the sampler; warns of double corrections."""
    natural = values_of(report.samplers["none"].positives_per_image)
    sampled = values_of(report.chosen.positives_per_image)
    emphasis = measure_emphasis(pos_weight, natural, sampled)
    if report.sampler != "none":
        warn_about_double_corrections(pos_weight, natural, sampled, vocabulary)
    by_label = {
        name: LossBalance(
            pos_weight=float(emphasis.pos_weight[c]),
            operating_point=float(emphasis.operating_point[c]),
            joint_operating_point=float(emphasis.joint_operating_point[c]),
            emphasis=float(emphasis.emphasis[c]),
            corrected_twice=bool(emphasis.is_double[c]),
        )
        for c, name in enumerate(vocabulary)
    }
    return replace(report, loss=by_label)


def values_of(by_label: Mapping[str, float]) -> NDArray[np.float64]:
    """(C,) the values in the order of the labels."""
    return np.array(list(by_label.values()), dtype=np.float64)


def _decode(table: Manifest, cache: Path) -> DrawBatches:
    from xlite.clahe_cache.store import ClaheCache
    from xlite.loading.decoded_batches import decode_batches
    from xlite.loading.loader import RadiographDataset

    return decode_batches(RadiographDataset(table, ClaheCache.open(cache)), num_workers=0)
