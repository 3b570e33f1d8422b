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


def scores_asked(plan: StudyPlan) -> dict[str, tuple[ScoreName, ...]]:
    """The scores by which the plan judges each experiment and phase, each score once; maybe none.

    They are that of its own criterion, or of the phase, those that rules ask of it, and, where the
    study finishes with a winner, those by which it is found. A range that is expected without a
    criterion is one of the study's score.
    """
    asked: dict[str, list[ScoreName]] = {one.id: [] for one in plan.experiments}
    asked |= {phase.id: [phase.score] for phase in plan.phases}
    for experiment in plan.experiments:
        if experiment.success is not None:
            asked[experiment.id].append(experiment.success.score)
    for rule in plan.rules:
        for subject in rule.when.of:
            asked.get(subject, []).append(rule.when.score)
    for experiment in plan.experiments:
        if experiment.expected and not asked[experiment.id]:
            asked[experiment.id].append(plan.finish.score)
    last = [plan.finish.score, *plan.finish.then] if finishing_of(plan.finish) else []
    return {subject: tuple(dict.fromkeys([*scores, *last])) for subject, scores in asked.items()}
