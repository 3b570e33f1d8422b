"""What a phase keeps at its end, and what the next one starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from xlite.errors import InputError
from xlite.scores.selection import selection_optimism
from xlite.studies.next_step import DueDecision
from xlite.studies.rules.measured import Measured
from xlite.studies.rules.search_space import key_of
from xlite.studies.rules.trials import Trial
from xlite.studies.study_plan import Keep, Phase
from xlite.studies.study_state import StudyState

_WIDTH: Final = 2 * 1.959964
"""Standard errors in a 95 % interval."""


def rank_trials(trials: Sequence[Trial], judged: Mapping[int, Measured]) -> list[Trial]:
    """The trials with a score, the best first: those trained to the end before paused ones.

    judged: judgements by number, which count instead of the scores of training. Of equal scores
    the trial that began first comes first.
    """
    scored = [trial for trial in trials if trial.scored is not None]
    return sorted(
        scored,
        key=lambda one: (not one.is_trained, -_epochs(one), -_score(one, judged), one.number),
    )


def decide_keep(
    phase: Phase, trials: Sequence[Trial], judged: Mapping[int, Measured]
) -> DueDecision:
    """What a phase hands on once all of its trials have ended, and how far to believe it.

    choice: `trials`, the numbers of the best trials, the best first; with `values` where those of a
    setting are kept, each trial being the best with its value; and `optimism`, by how much the
    score of the best one is too good, in its units, or None where that can't be told.
    """
    # Of a search one trial is judged, of those that confirm all: only these compare.
    judgements = judged if phase.method == "confirm" else {}
    ranked = rank_trials(trials, judgements)
    keep = phase.keep or Keep(best=1)
    kept = _best_by_value(ranked, keep.setting)[: keep.best]
    scores = [_comparable_score(trial, judgements) for trial in ranked]
    error = _standard_error(judged.get(ranked[0].number)) if ranked else None
    optimism = None if error is None else selection_optimism(scores, error)
    choice: dict[str, Any] = {"trials": [trial.number for trial in kept]}
    if keep.setting is not None:
        choice["values"] = [trial.values.get(keep.setting) for trial in kept]
    choice["optimism"] = optimism
    saw = {number for trial in trials for number in trial.last.saw}
    saw |= {number for one in judged.values() for number in one.saw}
    return DueDecision(
        subject=f"keep:{phase.id}",
        choice=choice,
        why=_explain(phase, trials, kept, judgements, optimism),
        saw=tuple(sorted(saw)),
    )


def keep_nothing(phase: Phase) -> DueDecision:
    """The decision of a phase whose predecessor has kept nothing."""
    why = f"{phase.previous} has kept nothing to start from"
    return DueDecision(subject=f"keep:{phase.id}", choice={"trials": [], "optimism": None}, why=why)


def kept_settings(phase_id: str, state: StudyState) -> list[Mapping[str, Any]]:
    """The settings by name of the trials that a phase has kept, the best first."""
    numbers = state.decisions[f"keep:{phase_id}"].choice["trials"]
    return [state.decisions[f"suggest:{phase_id}/{number}"].choice for number in numbers]


def require_fresh_seeds(phases: Sequence[Phase]) -> None:
    """Raise InputError where a phase confirms with a seed that chose the trials."""
    by_id = {phase.id: phase for phase in phases}
    for phase in phases:
        before = by_id.get(phase.previous or "")
        while phase.method == "confirm" and before is not None:
            if used := sorted(set(phase.seeds) & set(before.seeds)):
                raise InputError(
                    f"{phase.id} confirms with seed {used[0]}, by which {before.id} has chosen "
                    "its trials: their scores would be too good again. Take others, as in "
                    "seeds = [100, 101, 102]."
                )
            before = by_id.get(before.previous or "")


def _best_by_value(ranked: Sequence[Trial], setting: str | None) -> list[Trial]:
    if setting is None:
        return list(ranked)
    best: dict[str, Trial] = {}
    for trial in ranked:
        best.setdefault(key_of(trial.values.get(setting)), trial)
    return list(best.values())


def _explain(
    phase: Phase,
    trials: Sequence[Trial],
    kept: Sequence[Trial],
    judged: Mapping[int, Measured],
    optimism: float | None,
) -> str:
    if not kept:
        return f"none of {len(trials)} trials has a score"
    shown = ", ".join(f"{one.number} with {_score(one, judged):.4f}" for one in kept)
    text = f"by {phase.score} the best of {len(trials)}: {shown}"
    if len(trials) < 2:
        return text
    if optimism is None:
        return f"{text}; by how much it is too good could not be estimated"
    corrected = _score(kept[0], judged) - optimism
    text += f"; chosen from so many, the best is about {optimism:.4f} too good"
    return f"{text}: {corrected:.4f} corrected"


def _score(trial: Trial, judged: Mapping[int, Measured]) -> float:
    found = judged.get(trial.number)
    if found is not None and found.point is not None:
        return found.point
    assert trial.scored is not None
    assert trial.scored.score is not None
    return trial.scored.score


def _comparable_score(trial: Trial, judged: Mapping[int, Measured]) -> float:
    """The trial's score, or, of trials that paused at rungs, that of the first, which all have.

    Scores after more and fewer epochs spread for that alone, which would make noise look small.
    """
    first = trial.stages[0].score
    return _score(trial, judged) if trial.phase.rungs is None or first is None else first


def _epochs(trial: Trial) -> int:
    return 0 if trial.is_trained or trial.scored is None else trial.scored.epochs


def _standard_error(measured: Measured | None) -> float | None:
    if measured is None or measured.low is None or measured.high is None:
        return None
    return (measured.high - measured.low) / _WIDTH
