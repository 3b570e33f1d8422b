"""Evidence on the plan of a study: what was set down before anything was trained."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from xlite.proving.checklists.evidence.proof import Finding, Gap, Proof, contradict, join
from xlite.proving.checklists.subject import Subject, measure_macro_auroc
from xlite.reporting.log_markdown import join_command
from xlite.studies.plan_file import parse_plan
from xlite.studies.study_plan import StudyPlan

_NO_PLAN = Gap(
    shown="a run has no plan that was set down before it",
    remedy="Train as a study: `xlite study run PLAN.toml`.",
)


def protocol(subject: Subject) -> Finding:
    """The plan's text in the ledger's first entry, and what was changed since."""
    if subject.study_folder is None:
        return _NO_PLAN
    state, folder = subject.state, subject.study_folder
    assert state.begin is not None
    digest = hashlib.sha256(state.begin.plan.encode()).hexdigest()
    ends = [item.end.at for item in state.items.values() if item.end is not None]
    if ends and min(ends) < state.begin.at:
        return contradict(
            "something ended before the plan was noted", "Restore the ledger from a copy."
        )
    changed = (
        f"; changed {len(state.changes)} times since, each noted"
        if state.changes
        else "; not changed since"
    )
    return Proof(
        shown=f"the plan, word by word in the ledger's first entry of {state.begin.at[:16]}, "
        f"before the first of {len(ends)} work items ended; SHA-256 {digest[:12]}{changed}",
        numbers={"work_items": len(ends), "changes": len(state.changes)},
        files=(folder.ledger.path_of(1).as_posix(), folder.plan_file.as_posix()),
        command=join_command(["xlite", "study", "status", subject.name]),
    )


def objectives(subject: Subject) -> Finding:
    """The plan's question, and what answers it."""
    if subject.study_folder is None:
        return _NO_PLAN
    plan = _first_plan(subject)
    if not plan.question:
        return Gap(
            shown="the plan names no question",
            remedy='In the next plan, write question = "…".',
        )
    answers = _list_hypotheses(plan)
    if not answers:
        return Gap(
            shown=f"the plan asks: {plan.question}; what answers it is not in it",
            remedy="In the next plan, name a baseline or what is to be reached.",
        )
    asked = Proof(
        shown=f"{plan.question} Answered by: {'; '.join(answers)}",
        numbers={"experiments": len(plan.experiments)},
    )
    return join(asked, protocol(subject))


def planned_variability(subject: Subject) -> Finding:
    """How scores vary over the seeds that the plan named before anything was trained."""
    if subject.study_folder is None:
        return _NO_PLAN
    planned = max((len(one.seeds) for one in _first_plan(subject).experiments), default=0)
    if planned < 2 or len(subject.runs) < 2:
        return Gap(
            shown=f"the plan has {planned} seeds an experiment, and {len(subject.runs)} runs "
            "finished",
            remedy="In the next plan, name two seeds or more.",
        )
    judged = subject.read_judged("oof" if subject.folds else "val").values()
    scores = [measure_macro_auroc(one.labelled) for one in judged]
    if len(scores) < 2:
        return Gap(shown="a single seed has finished", remedy="Go on with `xlite study run`.")
    spread = float(np.std(scores, ddof=1))
    varied = Proof(
        shown=f"planned: {planned} seeds each; macro AUROC of what is judged over {len(scores)} of "
        f"them {np.mean(scores):.3f}, standard deviation {spread:.4f}, computed anew; other "
        "analyses are exploratory",
        numbers={"mean": float(np.mean(scores)), "deviation": spread, "seeds": len(scores)},
    )
    return join(varied, protocol(subject))


def _first_plan(subject: Subject) -> StudyPlan:
    """The plan that the study began with, whatever became of it."""
    begin = subject.state.begin
    assert begin is not None
    assert subject.study_folder is not None
    root = (Path(subject.study_folder.path).resolve() / begin.root).resolve()
    return parse_plan(begin.plan, begin.base, where=f"{begin.name}.toml", root=root)


def _list_hypotheses(plan: StudyPlan) -> list[str]:
    told = []
    first = plan.baseline or (plan.experiments[0].id if plan.experiments else None)
    if first is not None and len(plan.experiments) > 1:
        others = ", ".join(one.id for one in plan.experiments if one.id != first)
        told.append(f"{others} against the baseline {first}")
    for one in plan.experiments:
        if one.success is not None:
            ends = {"minimum": one.success.minimum, "target": one.success.target}
            wanted = [f"{name} {value:g}" for name, value in ends.items() if value is not None]
            told.append(f"{one.id} to reach {one.success.score} {', '.join(wanted)}")
    if plan.phases:
        told.append(f"a search in {len(plan.phases)} phases")
    return told
