"""The whole of a study in short, and the file that page and log read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from xlite.files import write_json
from xlite.places import STUDY_RECORD
from xlite.results.study import Study, StudyDecision
from xlite.studies.folder import StudyFolder
from xlite.studies.ledger_entries import Decision
from xlite.studies.rules.standing import Standing
from xlite.studies.study_plan import StudyPlan
from xlite.studies.study_state import StudyState
from xlite.studies.summary.branches import is_over
from xlite.studies.summary.experiments import list_experiments
from xlite.studies.summary.searches import list_searches
from xlite.studies.summary.trained_items import list_trained_items
from xlite.studies.summary.tree import draw_tree

_OF_SEARCHES = ("suggest:", "promote:")
"""Decisions that are as many as trials, and shown with them."""


def write_study_record(
    folder: StudyFolder, standing: Standing, *, open_questions: Collection[str] = ()
) -> Study:
    """The study in short, which was written to its `study.json`, whole, where it is not there yet.

    open_questions: ids of the questions that a person can answer now. Any process that has read the
    ledger may write it: the same ledger gives the same file.
    """
    study = summarise_study(standing, open_questions=open_questions)
    write_json(folder.path / STUDY_RECORD, study.to_json())
    return study


def summarise_study(standing: Standing, *, open_questions: Collection[str] = ()) -> Study:
    """The study in short: the path taken, experiments, searches, and who decided what."""
    plan, state = standing.plan, standing.state
    trained, not_taken = list_trained_items(state), standing.not_taken
    experiments = list_experiments(plan, state, trained, not_taken)
    searches = list_searches(plan, state, trained, not_taken)
    decisions = list_decisions(state)
    winner = state.decisions.get("winner")
    times = [one.at for one in decisions]
    times += [item.end.at for item in state.items.values() if item.end is not None]
    begun = state.begin.at if state.begin else ""
    return Study(
        name=plan.name,
        question=plan.question,
        state=_find_state(state, open_questions),
        begun=begun,
        updated=max([begun, *times]),
        entries=state.num_entries,
        score=str(plan.finish.score),
        baseline=find_baseline(plan),
        has_winner=winner is not None,
        winner=None if winner is None else winner.choice.get("id"),
        why="" if winner is None else winner.why,
        tree=tuple(
            draw_tree(
                plan,
                state,
                experiments,
                searches,
                not_taken=not_taken,
                open_questions=open_questions,
            )
        ),
        experiments=tuple(experiments),
        searches=tuple(searches),
        decisions=tuple(decisions),
        questions=tuple(
            f"{ask.question} ({', '.join(ask.choices)})"
            for ask in plan.asks
            if ask.id in open_questions
        ),
        files=_list_files(state),
    )


def find_baseline(plan: StudyPlan) -> str | None:
    """The experiment that the others are compared with; None in a plan without experiments."""
    first = plan.experiments[0].id if plan.experiments else None
    return plan.baseline or first


def list_decisions(state: StudyState) -> list[StudyDecision]:
    """Who decided what and why, oldest first, but for what belongs to single trials."""
    return sorted(
        [*_decisions_of_rules(state), *_decisions_of_people(state)],
        key=lambda one: (one.at, one.number or 0),
    )


def _decisions_of_rules(state: StudyState) -> Iterator[StudyDecision]:
    for subject, decision in state.decisions.items():
        if not subject.startswith(_OF_SEARCHES):
            yield StudyDecision(
                number=state.decision_numbers.get(subject),
                at=decision.at,
                who="rule",
                subject=subject,
                choice=_describe_choice(decision),
                why=decision.why,
                saw=tuple(decision.saw),
            )


def _decisions_of_people(state: StudyState) -> Iterator[StudyDecision]:
    for ask, answer in state.answers.items():
        yield StudyDecision(
            number=state.decision_numbers.get(f"ask:{ask}"),
            at=answer.at,
            who=answer.who,
            subject=f"ask:{ask}",
            choice=answer.choice,
            why=answer.why,
        )
    for change in state.changes:
        yield StudyDecision(
            number=None,
            at=change.at,
            who=change.agent,
            subject="plan",
            choice="changed",
            why="; ".join(change.differences),
        )


def _describe_choice(decision: Decision) -> str:
    """The choice in words."""
    choice = decision.choice
    if "holds" in choice:
        begins = ", ".join(map(str, choice.get("begins", ()))) or "nothing"
        return f"{'holds' if choice['holds'] else 'does not hold'}; begins {begins}"
    if decision.subject == "winner":
        return str(choice.get("id") or "no improvement")
    said = {name: value for name, value in choice.items() if value not in (None, [], (), {})}
    return "; ".join(f"{name.replace('_', ' ')}: {_show(value)}" for name, value in said.items())


def _show(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _list_files(state: StudyState) -> dict[str, str]:
    """What the actions at the end have written, by the action."""
    found = {}
    for name, item in state.items.items():
        kind, _, action = name.partition(":")
        path = item.end.details.get("file") if kind == "finish" and item.end else None
        if path is not None:
            found[action] = str(path)
    return found


def _find_state(
    state: StudyState, open_questions: Collection[str]
) -> Literal["running", "waiting", "ended"]:
    if is_over(state):
        return "ended"
    return "waiting" if open_questions and not state.held else "running"
