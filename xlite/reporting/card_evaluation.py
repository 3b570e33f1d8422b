"""What a card says of evaluations: scores with intervals, subgroups, calibration, other sites."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xlite.console import decimal
from xlite.reporting.card_floor import describe_floor
from xlite.reporting.external_sites import describe_site
from xlite.reporting.floored_run import FlooredRun
from xlite.reporting.log_markdown import escape, markdown_table
from xlite.results.evaluation import Evaluation
from xlite.scores.fitted_thresholds import FittedThresholds

_MEANS = {
    "auroc": "AUROC",
    "average_precision": "average precision",
    "f1": "F1 at the thresholds",
    "brier": "Brier score",
}

_SCALED = {
    "none": "as the model says them",
    "platt": "scaled by Platt's method",
    "temperature": "scaled by a temperature",
}


def describe_evaluation(evaluation: Evaluation) -> Iterator[str]:
    """An evaluation on a part of the run's own split, a part of Markdown each."""
    yield f"### The {evaluation.part} part"
    yield (
        f"{evaluation.images:,} images of {evaluation.patients:,} patients. Intervals: "
        f"{100 * evaluation.level:g} % over patients, {evaluation.resamples:,} resamples."
    )
    yield _tabulate_means(evaluation)
    yield _tabulate_labels(evaluation)
    if evaluation.epoch_chosen_here:
        yield _describe_best_epoch(evaluation)
    yield _describe_thresholds(evaluation)
    yield _tabulate_calibration(evaluation)
    yield from _describe_subgroups(evaluation)
    if evaluation.shortcut_floor is not None:
        yield from describe_floor(
            FlooredRun(
                name=evaluation.name,
                labels=tuple(evaluation.per_class),
                floor=evaluation.shortcut_floor,
                within=evaluation.within_view,
            )
        )


def describe_sites(evaluations: Sequence[Evaluation]) -> Iterator[str]:
    """The evaluations at other sites, a line each; or that there are none."""
    if not evaluations:
        yield (
            "None: what it is worth on the films of another hospital is not known. `xlite evaluate "
            "RUN --labels T.csv --images DIR` measures it."
        )
        return
    yield "\n".join(f"- {escape(describe_site(one))}." for one in evaluations)


def _tabulate_means(evaluation: Evaluation) -> str:
    macro = evaluation.macro
    rows = []
    for name, title in _MEANS.items():
        low, high = (getattr(macro, f"{name}_{end}") for end in ("low", "high"))
        rows.append([title, decimal(getattr(macro, name)), _limits(low, high)])
    return markdown_table(["macro mean over labels", "value", "interval"], rows)


def _tabulate_labels(evaluation: Evaluation) -> str:
    rows = [
        [
            label + (" (few)" if row.few_positives else ""),
            f"{row.positives:,}",
            decimal(row.auroc),
            _limits(row.auroc_low, row.auroc_high),
            decimal(row.average_precision),
            _limits(row.average_precision_low, row.average_precision_high),
        ]
        for label, row in evaluation.per_class.items()
    ]
    return markdown_table(["label", "positives", "AUROC", "interval", "AP", "interval"], rows)


def _describe_best_epoch(evaluation: Evaluation) -> str:
    said = "These images chose the run's best epoch, so that the scores are slightly too good"
    if evaluation.best_epoch is None:
        return f"{said}; by how much is not known."
    return f"{said}. {escape(evaluation.best_epoch.sentence)}."


def _describe_thresholds(evaluation: Evaluation) -> str:
    how = evaluation.thresholds
    return (
        f"Thresholds by {escape(how.method)}, {escape(how.source)}; probs "
        f"{_SCALED[how.calibration]}. Of these the calibration is: a slope of 1 and an expected "
        "calibration error (ECE) of 0 are best."
    )


def _tabulate_calibration(evaluation: Evaluation) -> str:
    rows = [
        [
            label,
            decimal(row.threshold),
            decimal(row.recall),
            decimal(row.specificity),
            decimal(row.precision),
            decimal(row.calibration_slope),
            decimal(row.ece),
        ]
        for label, row in evaluation.per_class.items()
    ]
    titles = ("label", "threshold", "sensitivity", "specificity", "precision", "slope", "ECE")
    return markdown_table(titles, rows)


def _describe_subgroups(evaluation: Evaluation) -> Iterator[str]:
    if not evaluation.subgroups:
        yield (
            "Subgroups were not judged: `xlite evaluate RUN --subgroups` does it, where the label "
            "table says view, sex or age."
        )
        return
    rows = [
        [
            f"{group.column}: {group.group}" + (" (small)" if group.is_small else ""),
            f"{group.images:,}",
            decimal(group.macro.auroc),
            _limits(group.macro.auroc_low, group.macro.auroc_high),
            decimal(group.macro.difference, sign=True),
            _limits(group.macro.difference_low, group.macro.difference_high, sign=True),
            "yes" if group.macro.differs else "not shown",
        ]
        for group in evaluation.subgroups
    ]
    yield "Subgroups: the macro AUROC, and how far it is from that of all other images."
    titles = ("group", "images", "AUROC", "interval", "difference", "interval", "differs")
    yield markdown_table(titles, rows)


def _limits(low: float, high: float, *, sign: bool = False) -> str:
    if low != low or high != high:
        return "–"
    return f"{decimal(low, sign=sign)} to {decimal(high, sign=sign)}"


def describe_fitted(
    fitted: FittedThresholds | None, source: str, judged: Sequence[Evaluation]
) -> Iterator[str]:
    """The thresholds that go with the model, and how its probs are scaled before.

    source: where they come from, in words; of none, why. judged: evaluations that are told beside
    them.
    """
    if fitted is None:
        yield f"None: {escape(source)}"
        return
    others = any(one.thresholds.calibration != fitted.calibration for one in judged)
    yield (
        f"By {escape(fitted.method)}, {escape(source)}. A finding is called where its prob, "
        f"{_SCALED[fitted.calibration]}, reaches its threshold: prob = sigmoid(slope × logit + "
        "intercept)."
        + (" The calls above are at other thresholds, of probs that are scaled otherwise." * others)
    )
    rows = [
        [
            label,
            decimal(float(fitted.thresholds[place])),
            decimal(float(fitted.scaling.slope[place])),
            decimal(float(fitted.scaling.intercept[place]), sign=True),
        ]
        for place, label in enumerate(fitted.vocabulary)
    ]
    yield markdown_table(["label", "threshold", "slope", "intercept"], rows)
    if fitted.notes:
        yield "\n".join(
            f"- {escape(label)}: {escape('; '.join(notes))}"
            for label, notes in fitted.notes.items()
        )
