"""Which scores a plan asks of an experiment or of a phase's best trials."""

from __future__ import annotations

from typing import Final

from xlite.studies.study_plan import Finally, ScoreName, StudyPlan

FINISHING: Final = ("compare", "settings", "weights", "test", "card", "report")
"""What can be done at the end, in this order: card and report tell of what was done before."""


def finishing_of(finish: Finally) -> tuple[str, ...]:
    """What of FINISHING a plan wants.

    >>> finishing_of(Finally(report=True, compare=True))
    ('compare', 'report')
    """
    return tuple(name for name in FINISHING if getattr(finish, name))


def scores_asked(plan: StudyPlan, subject: str) -> tuple[ScoreName, ...]:
    """The scores by which the plan judges an experiment or phase, each once; maybe none.

    They are that of its own criterion, or of the phase, those that rules ask of it, and, where the
    study finishes with a winner, those by which it is found.
    """
    asked = [
        one.success.score
        for one in plan.experiments
        if one.id == subject and one.success is not None
    ]
    asked += [phase.score for phase in plan.phases if phase.id == subject]
    asked += [rule.when.score for rule in plan.rules if subject in rule.when.of]
    is_expected = any(one.expected and one.id == subject for one in plan.experiments)
    if finishing_of(plan.finish) or (is_expected and not asked):
        asked += [plan.finish.score, *plan.finish.then]
    return tuple(dict.fromkeys(asked))
