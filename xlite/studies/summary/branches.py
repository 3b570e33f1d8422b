"""Which branches of a plan were taken, as far as its rules and questions have been decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xlite.studies.study_plan import Ask, Rule, StudyPlan
from xlite.studies.study_state import StudyState


@dataclass(frozen=True)
class Branch:
    """What one outcome of a rule or a question begins."""

    of: str
    """The id of the rule or the question."""
    outcome: str
    """`then`, `otherwise`, or the choice."""
    targets: tuple[str, ...]
    is_taken: bool | None
    """None while it is not decided."""


def list_branches(plan: StudyPlan, state: StudyState) -> Iterator[Branch]:
    """The branches of all rules, then of all questions."""
    for rule in plan.rules:
        yield from branches_of_rule(rule, state)
    for ask in plan.asks:
        yield from branches_of_question(ask, state)


def branches_of_rule(rule: Rule, state: StudyState) -> Iterator[Branch]:
    """The two branches of a rule, those without targets left out."""
    decision = state.decisions.get(f"rule:{rule.id}")
    holds = None if decision is None else bool(decision.choice.get("holds"))
    for outcome, targets in (("then", rule.then), ("otherwise", rule.otherwise)):
        if targets:
            is_taken = None if holds is None else holds == (outcome == "then")
            yield Branch(rule.id, outcome, targets, is_taken)


def branches_of_question(ask: Ask, state: StudyState) -> Iterator[Branch]:
    """A branch a choice that begins something."""
    answer = state.answers.get(ask.id)
    for choice, follows in ask.choices.items():
        if follows.then:
            is_taken = None if answer is None else answer.choice == choice
            yield Branch(ask.id, choice, follows.then, is_taken)


def is_over(state: StudyState) -> bool:
    """Whether nothing begins any more: what wins is decided when all else has ended, and what is
    done after that tells of the study as of one that has.
    """
    return "winner" in state.decisions or "end" in state.decisions
