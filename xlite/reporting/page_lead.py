"""What a page begins with, for one who reads no further: the question, the answers, the best model
with its interval, the data in a line; and the date of the newest result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from xlite.console import decimal
from xlite.errors import InputError
from xlite.places import DIAGNOSIS, FOLDS_RECORD, SPLIT_RECORD
from xlite.reporting.begun_studies import StudyFiles, find_studies
from xlite.reporting.html_folds import count_folds
from xlite.reporting.html_page import Block, Headline, Outline, OutlineItem, Paragraph, Question
from xlite.reporting.html_runs import score_macro_auroc
from xlite.reporting.html_studies import describe_outcome
from xlite.reporting.judged_studies import read_studies
from xlite.reporting.run_images import RunImages
from xlite.reporting.verdict_blocks import find_tone
from xlite.results.ablation import Ablation, VariantVerdict
from xlite.results.comparison import Comparison
from xlite.results.doctor import Diagnosis
from xlite.results.split import SplitRecord
from xlite.run_folder.folder import RunFolder

_MAX_ANSWERS = 8

_IN_WORDS = {
    "ADOPT": "better: take it",
    "REJECT": "worse: leave it",
    "TRADE-OFF": "better for some findings, worse for others",
    "EQUIVALENT": "no difference that matters",
    "NON-INFERIOR": "not worse",
    "UNDECIDED": "these data can't tell",
}


@dataclass(frozen=True, kw_only=True)
class BestModel:
    """The settings that were chosen, or score best on validation; and their runs, a seed each."""

    name: str
    why: str
    """Who chose it, in a few words."""
    runs: Sequence[RunImages]
    """The best first."""


def describe_lead(best: BestModel | None, experiments_dir: Path, split_dir: Path) -> list[Block]:
    """The question, what was found, the best model and the data; each where it is known."""
    begun, _ = find_studies(experiments_dir)
    judged, _ = read_studies(experiments_dir)
    studies, ablations = list(begun.values()), list(judged.values())
    blocks: list[Block] = []
    question = _find_question(studies, ablations)
    if question:
        blocks.append(Question(question))
    answers = [*_answer_studies(studies), *_answer_judged(ablations)]
    if answers:
        more = len(answers) - _MAX_ANSWERS
        rest = [OutlineItem(word="…", tone="open", title=f"{more} more, below")] if more > 0 else []
        blocks.append(Outline([*answers[:_MAX_ANSWERS], *rest]))
    elif best is not None:
        blocks.append(Paragraph("Nothing has been judged yet: a ranking of runs decides nothing."))
    if best is not None:
        blocks.append(_show_model(best))
    told = _describe_data(split_dir)
    return [*blocks, Paragraph(told)] if told else blocks


def date_results(runs: Iterable[RunFolder], experiments_dir: Path) -> str:
    """The day of the newest result that the files of a project name, or nothing.

    >>> date_results([], Path("nowhere"))
    ''
    """
    times = [time for run in runs for one in run.sittings for time in (one.started, one.ended)]
    times += [one.study.updated for one in find_studies(experiments_dir)[0].values()]
    times += [one.time for one in read_studies(experiments_dir)[0].values()]
    # Where there is none, or a damaged one, its section says so.
    with suppress(InputError):
        times.append(Diagnosis.read(experiments_dir / DIAGNOSIS, remedy="").time)
    days = sorted(filter(None, map(_read_day, filter(None, times))))
    return f"{days[-1].day} {days[-1]:%B %Y}" if days else ""


def _read_day(time: str) -> datetime | None:
    try:
        return datetime.fromisoformat(time[:10])
    except ValueError:
        return None


def _find_question(studies: Sequence[StudyFiles], judged: Sequence[Ablation | Comparison]) -> str:
    """That of the newest study which has one; else what was asked of an ablation or comparison."""
    for files in reversed(studies):
        if files.study.question:
            return files.study.question
    for study in judged:
        if isinstance(study, Ablation) and study.verdict:
            names = list(study.verdict)
            what = f"Does {names[0]} do" if len(names) == 1 else f"Do {_enumerate(names)} do"
            return f"{what} better than {study.baseline}?"
    for study in judged:
        if isinstance(study, Comparison):
            return f"Which of {len(study.rows)} methods does best on validation?"
    return ""


def _enumerate(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _answer_studies(studies: Sequence[StudyFiles]) -> Iterator[OutlineItem]:
    for files in studies:
        study, outcome = files.study, describe_outcome(files.study)
        score = study.scores_of(study.winner).get(study.score)
        reached = ""
        if score is not None:
            reached = f"{study.score} {decimal(score.point)}{_bracket(score.low, score.high)}."
        subject = f": {outcome.subject}" if outcome.subject else ""
        yield OutlineItem(
            word=outcome.word,
            tone=outcome.tone,
            title=f"Study {study.name}{subject}",
            text=reached,
        )
        if files.verdicts is not None:
            for variant, verdict in files.verdicts.verdicts.items():
                yield _answer(f"{variant} instead of {files.verdicts.baseline}", verdict, "")


def _answer_judged(judged: Sequence[Ablation | Comparison]) -> Iterator[OutlineItem]:
    for study in judged:
        if isinstance(study, Ablation):
            for variant, verdict in study.verdict.items():
                subject = f"{variant} instead of {study.baseline}"
                yield _answer(subject, verdict, _describe_change(study, variant))
        else:
            order = ", then ".join(study.order)
            yield OutlineItem(
                word="CHOSEN",
                tone="open",
                title=study.chosen,
                text=f"Of {len(study.rows)} methods, by {order}.",
            )


def _answer(subject: str, verdict: VariantVerdict, change: str) -> OutlineItem:
    word = verdict.decision
    meaning = f"{_IN_WORDS[word].capitalize()}." if word in _IN_WORDS else ""
    text = " ".join(filter(None, (meaning, change)))
    return OutlineItem(word=word, tone=find_tone(word), title=subject, text=text)


def _describe_change(study: Ablation, variant: str) -> str:
    row = study.find_row(variant, None)
    if row is None:
        return ""
    found = row.change("auroc")
    limits = _bracket(found.low, found.high, sign=True)
    return f"Macro AUROC {decimal(found.change, sign=True)}{limits}."


def _bracket(low: float | None, high: float | None, *, sign: bool = False) -> str:
    """An interval in brackets, or nothing where there is none."""
    if low is None or high is None or low != low or high != high:
        return ""
    return f" ({decimal(low, sign=sign)} to {decimal(high, sign=sign)})"


def _show_model(best: BestModel) -> Headline:
    """Of several seeds the mean, with the means of the limits, and the best run beside it."""
    measured = np.array([score_macro_auroc(run) for run in best.runs])
    first, count = best.runs[0], len(best.runs)
    value, low, high = measured.mean(axis=0)
    images, patients = len(first.image_ids), len(np.unique(first.patient_ids))
    of_seeds = f", mean of {count} seeds" if count > 1 else ", one seed"
    notes = [
        f"macro AUROC on validation{of_seeds}; chosen by {best.why}",
        f"95 % interval {decimal(low)} to {decimal(high)}, over {images:,} films of "
        f"{patients:,} patients",
    ]
    if count > 1:
        value_of_best, low, high = measured[0]
        notes.append(f"its best run: {decimal(value_of_best)}{_bracket(low, high)}, {first.name}")
    return Headline(title=f"Best model: {best.name}", value=decimal(value), notes=notes)


def _describe_data(split_dir: Path) -> str:
    """Data and split in a line; nothing where there is no split."""
    if (split_dir / FOLDS_RECORD).exists():
        return count_folds(split_dir / FOLDS_RECORD)
    if not (split_dir / SPLIT_RECORD).exists():
        return ""
    record = SplitRecord.read(split_dir / SPLIT_RECORD, remedy="Run `xlite split` again.")
    parts = record.parts
    images = sum(part.images for part in parts.values())
    patients = sum(part.patients for part in parts.values())
    uses = {"train": "to train", "val": "to validate", "test": "to test"}
    shares = ", ".join(f"{part.images:,} {uses.get(name, name)}" for name, part in parts.items())
    source = f" from {record.source}" if record.source else ""
    overlap = record.patient_overlap
    stand = f"{overlap} patients stand" if overlap else "no patient stands"
    return (
        f"Data: {images:,} films of {patients - overlap:,} patients{source}, "
        f"{len(record.labels)} labels: {shares}; {stand} on two sides."
    )
