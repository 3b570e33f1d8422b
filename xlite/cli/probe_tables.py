"""What `xlite probe` prints: the ranking, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite import console
from xlite.cli.durations import format_duration
from xlite.cli.fold_tables import print_fold_tests
from xlite.console import decimal

if TYPE_CHECKING:
    from xlite.results.comparison import MethodRow
    from xlite.results.probe import Probe, ProbedBackbone


def print_probe(found: Probe) -> None:
    """Print a row a backbone, size and cache, and which can't be told from the best."""
    compared = found.comparison
    rows = {row.name: row for row in compared.rows}
    console.table(
        f"Linear heads on fixed features, macro AUROC over {len(compared.macro_labels)} labels of "
        f"{compared.images:,} {compared.part_name} films ({compared.patients:,} patients)",
        ["backbone", "rank", "AUROC", "change", "p", "features", "extracted", "fitted"],
        [_list_cells(one, rows[one.name]) for one in found.probed],
        caption=f"Intervals of {100 * compared.level:g} % over patients; p corrected for all "
        f"pairs. Equal ranks: not told apart. {_count_views(found)}.",
        drop_first=["fitted", "features", "extracted", "p"],
        all_in="probe.csv",
    )
    if compared.over_folds is not None:
        print_fold_tests(
            compared.over_folds, compared.best, level=compared.level, score="auroc", all_in="probe"
        )
    console.say(_conclude(found))


def _list_cells(one: ProbedBackbone, row: MethodRow) -> list[str]:
    change = "best"
    if row.change is not None:
        low, high = (decimal(limit, sign=True) for limit in (row.change_low, row.change_high))
        change = f"{decimal(row.change, sign=True)} [{low}, {high}]"
    return [
        one.name,
        str(row.rank),
        f"{decimal(one.auroc)} [{decimal(one.auroc_low)}, {decimal(one.auroc_high)}]",
        change,
        decimal(row.p_all_pairs),
        f"{one.num_features:,}",
        "kept" if one.was_there else format_duration(one.seconds_extracting),
        format_duration(one.seconds_fitting),
    ]


def _count_views(found: Probe) -> str:
    return "1 view a film" if len(found.views) == 1 else f"{len(found.views)} views a film"


def _conclude(found: Probe) -> str:
    tied = [row.name for row in found.comparison.others if row.rank == 1]
    if tied:
        return (
            f"{found.best.name} is first, and these films do not tell {', '.join(tied)} from it: "
            "take the cheapest, or judge runs."
        )
    return f"{found.best.name} is told from all others."
