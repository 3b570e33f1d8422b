"""Evidence on evaluations: groups, other sites, calls that were wrong, thresholds."""

from __future__ import annotations

import math

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
from xlite.proving.checklists.evidence.results import STALE, performance
from xlite.proving.checklists.subject import Subject
from xlite.reporting.external_sites import describe_site
from xlite.reporting.log_markdown import join_command
from xlite.results.evaluation import Evaluation


def robustness(subject: Subject) -> Finding:
    """Scores in groups, on other sites or under changed borders."""
    judged = subject.find_evaluation("test", VALIDATION)
    told: list[str] = []
    numbers: dict[str, float] = {}
    if judged is not None and judged.subgroups:
        differing = [one for one in judged.subgroups if one.macro.differs]
        told.append(
            f"{len(judged.subgroups)} groups of {', '.join(_list_columns(judged))}, of which "
            f"{len(differing)} differ from the others"
        )
        numbers = {
            f"{one.column}.{one.group}": one.macro.auroc
            for one in judged.subgroups
            if not math.isnan(one.macro.auroc)
        }
    if judged is not None and judged.border_probe is not None:
        told.append("the borders of the films covered and alone")
    if any(one.external is not None for one in subject.evaluations):
        told.append("another site")
    if not told:
        return Gap(
            shown="no evaluation has groups, another site, or borders",
            remedy=f"Run `{write_evaluate_command(subject)} --subgroups`, with a table that has "
            "age, sex or view.",
        )
    return Proof(
        shown=f"scores under change: {'; '.join(told)}",
        numbers=numbers,
        files=list_judged_files(subject),
        command=f"{write_evaluate_command(subject)} --subgroups",
    )


def external(subject: Subject) -> Finding:
    """Scores at another site beside those at the own one."""
    sites = [one for one in subject.evaluations if one.external is not None]
    if not sites:
        return Gap(
            shown="no films of another site were judged",
            remedy="Run `xlite evaluate RUN --labels T.csv --images DIR` on films of another site.",
        )
    numbers = {
        f"{one.external.site}.auroc": one.external.macro["auroc"].here.value
        for one in sites
        if one.external is not None
    }
    return Proof(
        shown="; ".join(map(describe_site, sites)),
        numbers=numbers,
        files=list_judged_files(subject),
        command=join_command(
            ["xlite", "evaluate", subject.run.path.as_posix(), "--labels", "T.csv"]
        )
        + " --images DIR",
    )


def cross_table(subject: Subject) -> Finding:
    """True and false calls of each label, whose sums are held against the labels."""
    judged = subject.find_evaluation("test", VALIDATION)
    if judged is None or judged.part is None:
        return Gap(
            shown="no evaluation counts true and false calls",
            remedy=f"Run `{write_evaluate_command(subject)}`.",
        )
    labelled = subject.read_predictions(judged.part)
    counted = dict(zip(labelled.vocabulary, labelled.positives, strict=True))
    told: list[str] = []
    numbers: dict[str, float] = {}
    for label, row in judged.per_class.items():
        if (
            row.threshold == row.threshold
            and row.true_positives + row.false_negatives != counted[label]
        ):
            return contradict(f"{label} has other positives than its calls add up to", STALE)
        told.append(
            f"{label} {row.true_positives}/{row.false_positives}/{row.false_negatives}/"
            f"{row.true_negatives}"
        )
        numbers |= {
            f"{label}.false_positives": row.false_positives,
            f"{label}.false_negatives": row.false_negatives,
        }
    return Proof(
        shown=f"the {judged.part} part at thresholds by {judged.thresholds.method}, true and false "
        f"positives, false and true negatives: {', '.join(told)}",
        numbers=numbers,
        files=list_judged_files(subject),
        command=write_verify_command(subject),
    )


def errors_and_fairness(subject: Subject) -> Finding:
    """Errors by label, and scores in groups of patients."""
    return join(cross_table(subject), _groups(subject))


def group_performance(subject: Subject) -> Finding:
    """Scores with intervals, in groups too."""
    return join(performance(subject), _groups(subject))


def output(subject: Subject) -> Finding:
    """Probabilities and thresholds; why these is in no file."""
    judged = subject.find_evaluation("test", VALIDATION)
    shown = f"a probability for each of {len(subject.run.labels)} labels"
    if judged is not None:
        how = judged.thresholds
        shown += f"; called at a threshold a label, by {how.method}, {how.source}"
    return require_more(
        Proof(shown=shown, files=list_judged_files(subject)), "State why these thresholds."
    )


def cut_offs(subject: Subject) -> Finding:
    """Thresholds; which were set before is in no file."""
    return require_more(output(subject), "State which were set before results were seen.")


def _groups(subject: Subject) -> Finding:
    judged = subject.find_evaluation("test", VALIDATION)
    if judged is None or not {"sex", "age"} & set(_list_columns(judged)):
        return Gap(
            shown="no evaluation has groups of patients",
            remedy=f"Run `{write_evaluate_command(subject)} --subgroups`, with a table that has "
            "age or sex.",
        )
    return robustness(subject)


def _list_columns(judged: Evaluation) -> list[str]:
    return list(dict.fromkeys(one.column for one in judged.subgroups))
