"""The report's section on runs at other sites: what their scores lose there, and of what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xlite.reporting.html_page import (
    Block,
    Cell,
    Column,
    Heading,
    Paragraph,
    Section,
    Table,
    number,
    show_estimate,
)

if TYPE_CHECKING:
    from xlite.results.evaluation import Evaluation
    from xlite.results.external import Estimate, ExternalEvaluation, ScoreDrop

_PARTS = {
    "drop": "drop",
    "prevalence": "by prevalence",
    "view_mix": "by view mix",
    "rest": "the rest",
}
_SCORES = {"auroc": "AUROC", "average_precision": "AP", "f1": "F1", "brier": "Brier"}


def describe_external(evaluations: Sequence[Evaluation]) -> list[Section]:
    """One section with every evaluation of another site; none where there is none."""
    blocks: list[Block] = [
        Paragraph(
            "Scores on films that are in no part of the split, at thresholds of the run's "
            "validation part. The drop, own minus there, is what prevalence makes of it, what the "
            "mix of views does, and the rest, which is lost on films of the same view and finding."
        )
    ]
    for evaluation in evaluations:
        if evaluation.external is not None:
            blocks += [
                Heading(f"{evaluation.name} on {evaluation.external.site}"),
                *_tabulate(evaluation, evaluation.external),
            ]
    return [Section("elsewhere", "At other sites", blocks)] if len(blocks) > 1 else []


def _tabulate(evaluation: Evaluation, external: ExternalEvaluation) -> list[Block]:
    looks = len(evaluation.test_looks or ())
    left_out = (*external.not_in_table, *external.not_in_run)
    told = (
        f"{evaluation.images:,} images of {evaluation.patients:,} patients; own: the "
        f"{external.part} part, {external.own_images:,} images. Looks at these films: {looks}. "
        f"Labels that only one of the two has: {', '.join(left_out) or 'none'}."
    )
    titles = ["own", "there", *(f"{title} (95 % interval)" for title in _PARTS.values())]
    rows = [_list_cells(label, one.scores["auroc"]) for label, one in external.per_class.items()]
    foot = [_list_cells(f"macro {name}", external.macro[key]) for key, name in _SCORES.items()]
    table = Table(
        caption="AUROC by label, and the macro means",
        columns=[Column(title="label", is_number=False), *(Column(title=one) for one in titles)],
        rows=rows,
        foot=foot,
    )
    return [Paragraph(told), table]


def _list_cells(name: str, drop: ScoreDrop) -> list[Cell]:
    cells = [Cell(name), number(drop.own.value), number(drop.here.value)]
    for part in _PARTS:
        one: Estimate = getattr(drop, part)
        cells.append(show_estimate(one.value, one.low, one.high))
    return cells
