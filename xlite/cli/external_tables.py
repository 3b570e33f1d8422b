"""The tables of a run that is judged at another site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite import console
from xlite.cli.intervals import bracket
from xlite.console import decimal

if TYPE_CHECKING:
    from pathlib import Path

    from xlite.results.external import Estimate, ExternalEvaluation, ScoreDrop

_NAMES = {
    "auroc": "AUROC",
    "average_precision": "AP",
    "f1": "F1",
    "precision": "PPV",
    "recall": "sensitivity",
    "specificity": "specificity",
    "brier": "Brier",
}
_PARTS = ("drop", "prevalence", "view_mix", "rest")


def print_external(found: ExternalEvaluation, *, folder: Path | None) -> None:
    """Print what the scores have lost, of what, and how probs are calibrated at the other site."""
    _print_drop(found, folder)
    _print_labels(found, folder)
    _print_calibration(found, folder)


def _print_drop(found: ExternalEvaluation, folder: Path | None) -> None:
    rows = [[_NAMES[score], *_cells(drop)] for score, drop in found.macro.items()]
    for view, drop in found.within_views.items():
        rows.append([f"AUROC, {view} alone", *_cells(drop)[:3], "", "", ""])
    console.table(
        f"From the run's own {found.part} part ({found.own_images:,} images of "
        f"{found.own_patients:,} patients) to here, macro",
        ["", "own", "here", "drop", "by prevalence", "by view mix", "the rest"],
        rows,
        caption="Means over labels that have the score at both. drop = own - here = the three "
        "parts; the rest is lost on films of the same view and finding.",
        all_in=None if folder is None else folder / "drop.csv",
    )
    told = [
        f"{_count(views)} {where}"
        for views, where in ((found.own_views, "at home"), (found.views, "here"))
    ]
    console.say(f"  Views: {'; '.join(told)}.")


def _print_labels(found: ExternalEvaluation, folder: Path | None) -> None:
    rows = []
    for label, one in found.per_class.items():
        auroc, precision = one.scores["auroc"], one.scores["average_precision"]
        shares = (one.own_prevalence, one.prevalence)
        rows.append(
            [
                label,
                " > ".join(f"{100 * share:.1f} %" for share in shares),
                _bracket(auroc.drop),
                *(decimal(getattr(auroc, part).value, sign=True) for part in _PARTS[2:]),
                _bracket(precision.drop),
                *(decimal(getattr(precision, part).value, sign=True) for part in _PARTS[1:]),
            ]
        )
    console.table(
        "The drop of each label",
        [
            *("label", "prevalence", "AUROC drop", "views", "rest"),
            *("AP drop", "prevalence", "views", "rest"),
        ],
        rows,
        all_in=None if folder is None else folder / "drop.csv",
    )


def _print_calibration(found: ExternalEvaluation, folder: Path | None) -> None:
    rows = [
        [
            label,
            _bracket(one.as_is.slope, sign=False),
            _bracket(one.as_is.intercept),
            *(_bracket(kind.ece, sign=False) for kind in (one.as_is, one.scaled, one.corrected)),
            _bracket(one.estimated_prevalence, sign=False),
            decimal(one.prevalence),
        ]
        for label, one in found.per_class.items()
    ]
    console.table(
        "Calibration here",
        [
            *("label", "slope", "intercept", "ECE", "ECE scaled", "ECE corrected"),
            *("prevalence told", "true"),
        ],
        rows,
        caption="scaled: by Platt, on the run's validation part. corrected: and moved to the "
        "prevalence that they tell without a label.",
        all_in=None if folder is None else folder / "calibration.csv",
    )


def _cells(drop: ScoreDrop) -> list[str]:
    whole = [_bracket(one, sign=False) for one in (drop.own, drop.here)]
    return whole + [_bracket(getattr(drop, part)) for part in _PARTS]


def _bracket(one: Estimate, *, sign: bool = True) -> str:
    return bracket(one.value, one.low, one.high, sign=sign)


def _count(views: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {view or 'unknown'}" for view, count in views.items())
