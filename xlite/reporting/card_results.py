"""The card's results: scores, looks at the data, and what is left of them without the image."""

from __future__ import annotations

from collections.abc import Iterator

from xlite.console import decimal
from xlite.reporting.begun_studies import StudyFiles
from xlite.reporting.card_floor import describe_floor
from xlite.reporting.floored_run import FlooredRun
from xlite.reporting.log_markdown import markdown_table
from xlite.results.selection import ValidationUse
from xlite.results.study import StudyScore
from xlite.run_folder.folder import RunFolder


def describe_results(
    files: StudyFiles, first: RunFolder, use: ValidationUse | None, floor: FlooredRun | None
) -> Iterator[str]:
    """The winner's scores, how often its data were looked at, and what the image is worth.

    first: the run whose weights these are. A part of Markdown each.
    """
    scores, experiment = list_scores(files), files.study.find_experiment(files.study.winner)
    if scores:
        yield "Means over the seeds; 95 % intervals are over patients."
        yield markdown_table(
            ["score", "value", "95 % interval"],
            [
                [name, decimal(score.point), describe_interval(score)]
                for name, score in scores.items()
            ],
        )
    if experiment is not None and experiment.has_criteria:
        yield (
            f"What it had to reach in {experiment.score} ({experiment.on}): "
            + ", ".join(
                f"{name} {value:g}"
                for name, value in (
                    ("minimum", experiment.minimum),
                    ("target", experiment.target),
                    ("stretch", experiment.stretch),
                )
                if value is not None
            )
            + f". Reached: {experiment.reached or 'not known'}."
        )
    if files.look is not None:
        yield (
            f"Looks at this test part so far, a run each: {files.look.looks}. They chose nothing."
        )
    else:
        yield "The test part was not looked at."
    if use is not None:
        yield f"{use.sentence}."
    val = first.require_scores().val
    if val is None:
        yield "The split has no validation part: see the scores above."
        return
    yield "AUROC of each label on validation, of the run whose weights these are:"
    yield markdown_table(
        ["label", "AUROC"],
        [[label, decimal(row.get("auroc"))] for label, row in val.per_class.items()],
    )
    yield from describe_floor(floor)


def list_scores(files: StudyFiles) -> dict[str, StudyScore]:
    """Those of the winner on validation, and of the look at the test part if there was one."""
    of_winner = files.study.scores_of(files.study.winner)
    return of_winner | (files.look.scores if files.look is not None else {})


def describe_interval(score: StudyScore) -> str:
    """Its limits in words; a dash without them."""
    if score.low is None or score.high is None:
        return "–"
    return f"{decimal(score.low)} to {decimal(score.high)}"
