"""The figures of `verify_balance`."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING

from xlite.reporting.balance_figures import BalancePanels, draw_balance, draw_tradeoff
from xlite.results.balance import BalanceReport
from xlite.sampling.label_sets import find_label_sets
from xlite.sampling.sampling_plan import trace_strengths
from xlite.tables.manifest import Manifest
from xlite.workflows.balance_report import values_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIGURE, TRADEOFF = "balance", "balance_tradeoff"
"""Their names without the ending."""


def draw_figures(
    executor: Executor,
    report: BalanceReport,
    table: Manifest,
    pos_weight: NDArray[np.float64],
    out: Path,
    *,
    is_compared: bool,
) -> None:
    """Draw classes and loss weights, (C,), and where samplers were compared the price of each."""
    natural, chosen = report.samplers["none"], report.chosen
    panels = BalancePanels(
        labels=table.vocabulary,
        positives=table.positives,
        natural_share=values_of(natural.share),
        sampled_share=values_of(chosen.share),
        drawn_share=values_of(chosen.drawn_share),
        pos_weight=pos_weight,
        sampler=report.sampler,
        cv=(natural.cv, chosen.cv),
    )
    figures = [executor.submit(draw_balance, panels, out / FIGURE)]
    if is_compared:
        others = [
            (name, found.cv, found.ess)
            for name, found in report.samplers.items()
            if name != "max-entropy"
        ]
        curve = trace_strengths(find_label_sets(table.labels), table.vocabulary)
        figures.append(executor.submit(draw_tradeoff, curve, others, out / TRADEOFF))
    for figure in figures:
        figure.result()
