"""Evidence on results: scores computed anew from predictions, and evaluations of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from xlite.console import decimal
from xlite.places import VALIDATION
from xlite.proving.checklists.evidence.places import (
    list_judged_files,
    write_evaluate_command,
    write_verify_command,
)
from xlite.proving.checklists.evidence.proof import (
    Finding,
    Gap,
    Proof,
    contradict,
    join,
    require_more,
)
from xlite.proving.checklists.subject import Subject, measure_macro_auroc
from xlite.results.study import StudyScore
from xlite.run_folder.paths import name_run_files
from xlite.studies.ledger_entries import Score
from xlite.studies.study_plan import ScoreName

_TOLERANCE = 1e-6
"""Of a score from the predictions' nine digits."""
_PARTS = {"oof": "out of fold", "test": "the test part", VALIDATION: "the validation part"}
_DEFAULT = (1000, 42, 0.95)
"""Resamples, seed and level of an evaluation that nothing else was asked of."""
STALE = "Judge again: what is recorded is not of these predictions."
"""What to do about scores that predictions do not give."""


def metrics(subject: Subject) -> Finding:
    """The measures that are reported, one of them computed anew."""
    val = subject.run.require_scores().val
    if val is None:
        return Gap(
            shown="the run was not judged on validation",
            remedy="Judge it with `xlite evaluate RUN --part test`.",
        )
    labelled = subject.read_predictions(VALIDATION)
    again = measure_macro_auroc(labelled)
    if not _is_same(again, val.macro["auroc"]):
        return contradict(
            f"the run says macro AUROC {decimal(val.macro['auroc'])}, and its predictions give "
            f"{again:.6f}",
            STALE,
        )
    judged = subject.find_evaluation("test", VALIDATION)
    names = val.macro if judged is None else judged.macro.to_json()
    told = [name for name in names if not name.endswith(("_low", "_high"))]
    return Proof(
        shown=f"{', '.join(told)}, by label and as macro means; macro AUROC {again:.3f} on "
        f"{len(labelled):,} validation films, computed anew",
        numbers={"val.auroc": again},
        files=name_run_files(subject.run, "scores", "val"),
        command=write_verify_command(subject),
    )


def measures(subject: Subject) -> Finding:
    """The measures; why these is in no file."""
    return require_more(metrics(subject), "State why these measures.")


def internal(subject: Subject) -> Finding:
    """How many held-out films of the same table were judged, with the score computed anew."""
    has_look = subject.run.has_predictions("test") and _has_test_scores(subject)
    part = "oof" if subject.folds else "test" if has_look else VALIDATION
    judged = [one.labelled for one in subject.read_judged(part).values()]
    auroc = sum(map(measure_macro_auroc, judged)) / len(judged)
    patients = len(set(judged[0].patient_ids))
    chose = ", and who chose each run's epoch" if part == VALIDATION else ""
    return Proof(
        shown=f"{_PARTS[part]}: {len(judged[0]):,} films of {patients:,} patients of the same "
        f"table, none of whom was trained on by what judges them{chose}; macro AUROC {auroc:.3f}, "
        f"the mean over {len(judged)} seeds, computed anew",
        numbers={f"{part}.auroc": auroc, f"{part}.images": len(judged[0])},
        files=_name_predictions(subject, part),
        command=write_verify_command(subject),
    )


def performance(subject: Subject) -> Finding:
    """Scores with intervals, all computed anew."""
    recorded = {name: one for name, one in _list_recorded(subject).items() if _has_interval(one)}
    if not any(name.endswith(".auroc") for name in recorded):
        return Gap(
            shown="no AUROC has an interval",
            remedy=f"Run `{write_evaluate_command(subject)}`.",
        )
    return _compute_again(subject, recorded)


def accuracy(subject: Subject) -> Finding:
    """Scores with intervals on the test part, all computed anew."""
    recorded = _list_recorded(subject)
    if subject.study is not None and subject.study.look is None:
        # Of the run whose weights count, where it was judged by itself.
        recorded = _list_evaluated(subject)
    of_test = {
        name: one
        for name, one in recorded.items()
        if name.startswith("test.") and _has_interval(one)
    }
    if "test.auroc" not in of_test:
        return Gap(
            shown="the test part was not judged",
            remedy=f"When all is chosen, run `{write_evaluate_command(subject, 'test')}`: it is "
            "noted as a look.",
        )
    return _compute_again(subject, of_test)


def _compute_again(subject: Subject, recorded: Mapping[str, StudyScore]) -> Finding:
    """A proof where scores and intervals are those that predictions and labels give today."""
    names = [ScoreName.parse(name, where="a recorded score") for name in recorded]
    again = subject.measure(names)
    for name, one in recorded.items():
        new = again[name]
        pairs = ((one.point, new.point), (one.low, new.low), (one.high, new.high))
        if not all(_is_same(now, then) for then, now in pairs):
            return contradict(
                f"{name} is said to be {_tell(one)}, and the predictions give {_tell(new)}", STALE
            )
    parts = dict.fromkeys(name.part for name in names)
    return Proof(
        shown=", ".join(f"{name} {_tell(one)}" for name, one in recorded.items())
        + "; all of these scores computed anew",
        numbers={name: one.point for name, one in recorded.items() if one.point is not None},
        files=(
            *list_judged_files(subject),
            *(file for part in parts for file in _name_predictions(subject, part)),
        ),
        command=write_verify_command(subject),
    )


def uncertainty(subject: Subject) -> Finding:
    """How intervals and tests are made, of an evaluation or a comparison."""
    judged = subject.find_evaluation("test", VALIDATION)
    comparison = None if subject.study is None else subject.study.comparison
    told = []
    if judged is not None:
        told.append(
            f"intervals of {100 * judged.level:g} % over patients: {judged.resamples:,} resamples "
            f"of whole patients, seed {judged.seed}"
        )
    if comparison is not None:
        told.append(
            f"{len(comparison.rows)} methods compared on the same {comparison.images:,} films by "
            f"paired tests over patients and seeds, {100 * comparison.level:g} % intervals, p "
            "corrected for all pairs"
        )
    if not told:
        return Gap(
            shown="neither an evaluation nor a comparison lies with the run",
            remedy=f"Run `{write_evaluate_command(subject)}`.",
        )
    return join(
        Proof(
            shown="; ".join(told),
            files=list_judged_files(subject),
            command=write_evaluate_command(subject),
        ),
        performance(subject),
    )


def _has_test_scores(subject: Subject) -> bool:
    look = None if subject.study is None else subject.study.look
    return look is not None or subject.find_evaluation("test") is not None


def _is_same(again: float | None, recorded: float | None) -> bool:
    if again is None or recorded is None:
        return again == recorded
    return math.isclose(again, recorded, rel_tol=0, abs_tol=_TOLERANCE)


def _has_interval(score: StudyScore) -> bool:
    ends = (score.point, score.low, score.high)
    return all(end is not None and math.isfinite(end) for end in ends)


def _list_recorded(subject: Subject) -> Mapping[str, StudyScore]:
    """Of a study's winner by name; of a run those of its evaluations."""
    if subject.study is None:
        return _list_evaluated(subject)
    study = subject.study
    found = study.study.scores_of(study.study.winner or study.study.baseline)
    return found | (study.look.scores if study.look is not None else {})


def _list_evaluated(subject: Subject) -> Mapping[str, StudyScore]:
    """The AUROC of each evaluation of the run whose weights count, where made by default."""
    return {
        f"{one.part}.{name}": StudyScore(
            point=getattr(one.macro, name),
            low=getattr(one.macro, f"{name}_low"),
            high=getattr(one.macro, f"{name}_high"),
        )
        for one in subject.evaluations
        if one.external is None and (one.resamples, one.seed, one.level) == _DEFAULT
        for name in ("auroc", "average_precision")
    }


def _tell(score: StudyScore | Score) -> str:
    return f"{decimal(score.point)} [{decimal(score.low)}, {decimal(score.high)}]"


def _name_predictions(subject: Subject, part: str) -> tuple[str, ...]:
    """The predictions of all runs; out of fold those of each fold's test part."""
    file: Literal["val", "test"] = "val" if part == VALIDATION else "test"
    return tuple(name for run in subject.runs for name in name_run_files(run, file))
