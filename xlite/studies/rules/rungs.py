"""Which paused trial goes on: asynchronous successive halving.

ASHA (Li et al. 2018, arXiv:1810.05934, algorithm 2): whoever asks for work promotes a trial that is
among the best 1/factor of those at its rung so far, the highest rung first, and only else begins a
new one. We deviate in three points. A trial that was trained to its end before a rung, by early
stopping, stands at that rung with its final score. One that failed stands at none. And when nothing
is left to do and no trial was trained to its end, as with fewer trials than `factor`, the best of
the highest rung goes on all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xlite.studies.next_step import DueDecision
from xlite.studies.rules.trials import Stage, Trial


def find_promotion(trials: Sequence[Trial]) -> DueDecision | None:
    """The promotion that is due when an agent asks for work; None where none is."""
    for epochs in _rungs_of(trials):
        ranked = _rank_at(trials, epochs)
        best = ranked[: len(ranked) // _factor_of(trials)]
        for place, (trial, _) in enumerate(best):
            if trial.is_paused and trial.last.epochs == epochs:
                return _promote(trial, place, ranked, f"the best {len(best)} of {len(ranked)}")
    return None


def find_last_promotion(trials: Sequence[Trial]) -> DueDecision | None:
    """The promotion without which a search that has nothing else to do has no trained trial."""
    if any(trial.is_trained or trial.is_pending for trial in trials):
        return None
    for epochs in _rungs_of(trials):
        ranked = _rank_at(trials, epochs)
        if ranked:
            return _promote(
                ranked[0][0], 0, ranked, f"the best of {len(ranked)}, of which none was trained on"
            )
    return None


def _rungs_of(trials: Sequence[Trial]) -> Iterator[int]:
    """The epochs at which trials pause, those with most first."""
    paused = {trial.last.epochs for trial in trials if trial.is_paused}
    yield from sorted(paused, reverse=True)


def _factor_of(trials: Sequence[Trial]) -> int:
    rungs = trials[0].phase.rungs
    assert rungs is not None
    return rungs.factor


def _rank_at(trials: Sequence[Trial], epochs: int) -> list[tuple[Trial, Stage]]:
    """What stands at a rung, the best first; of equal scores the trial that began first."""
    found = [(trial, stage) for trial in trials if (stage := trial.stage_at(epochs)) is not None]
    return sorted(found, key=lambda one: (-(one[1].score or 0.0), one[0].number))


def _promote(
    trial: Trial, place: int, ranked: Sequence[tuple[Trial, Stage]], among: str
) -> DueDecision:
    stage = ranked[place][1]
    return DueDecision(
        subject=f"promote:{trial.subject}:{trial.next_level()}",
        choice={},
        why=(
            f"{trial.phase.score} {stage.score:.4f} is number {place + 1} at epoch {stage.epochs}, "
            f"among {among}"
        ),
        saw=tuple(sorted({number for _, one in ranked for number in one.saw})),
    )
