"""Results of comparisons as `xlite compare` writes them, with what a specimen says of them."""

from __future__ import annotations

from pathlib import Path

from xlite.files import write_json
from xlite.results.comparison import Comparison, MethodRow


def write_comparison(
    folder: Path, aurocs: dict[str, float], *, seeds: int = 3, expected: float | None = None
) -> None:
    """`comparison.json` of methods, the best first and told from all others.

    expected: what to expect of the best on other patients.
    """
    best, *others = aurocs
    rows = [_row(best, aurocs[best], rank=1, seeds=seeds, auroc_expected=expected)]
    rows += [
        _row(name, aurocs[name], rank=2, seeds=seeds, p_all_pairs=0.01, seeds_compared=seeds)
        for name in others
    ]
    comparison = Comparison(
        part="val",
        images=400,
        patients=300,
        labels=("Mass", "Edema"),
        level=0.95,
        resamples=1000,
        order=("val.auroc",),
        best=best,
        chosen=best,
        steps=(f"val.auroc: {best} is best, and the test tells it from all others",),
        rows=tuple(rows),
        per_class={},
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "comparison.json", comparison.to_json())


def _row(name: str, auroc: float, *, rank: int, seeds: int, **rest: object) -> MethodRow:
    others = dict.fromkeys(
        ("average_precision", "f1", "precision", "recall", "specificity", "balanced_accuracy"), 0.5
    )
    return MethodRow(
        name=name, auroc=auroc, rank=rank, seeds=seeds, mcc=0.2, brier=0.1, **others, **rest
    )
