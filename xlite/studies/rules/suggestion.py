"""The settings of a search's next trial: a function of the phase, the number and what was found."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

from xlite.errors import InputError
from xlite.randomness import derive_generator
from xlite.settings.by_name import change_settings
from xlite.studies.next_step import DueDecision
from xlite.studies.rules.search_space import Point, SearchSpace, key_of
from xlite.studies.rules.tpe import suggest_by_tpe
from xlite.studies.rules.trials import Trial
from xlite.studies.study_plan import Phase

_MOST_DRAWS: Final = 50
_MOST_POINTS: Final = 10_000


def suggest(phase: Phase, space: SearchSpace, number: int, trials: Sequence[Trial]) -> DueDecision:
    """The settings of trial `number`, from 1, of a phase that searches.

    Those that another trial has, and those that don't fit each other, are drawn anew, up to 50
    times; a space that has a grid is then searched for others in order. Empty settings say that
    there are none. Raises InputError where Optuna is needed and not installed.
    """
    subject = f"suggest:{phase.id}/{number}"
    known = {key_of(trial.values) for trial in trials}
    for attempt, point in enumerate(_points(phase, space, number, trials)):
        settings = space.settings_at(point)
        if key_of(settings) not in known and fits(phase, settings):
            scored = [trial for trial in trials if trial.scored is not None]
            why = f"{phase.method}, {len(scored)} of {len(trials)} trials before it with a score"
            if attempt and phase.method != "grid":
                why += f"; {attempt} drawn before were known or did not fit"
            return DueDecision(subject=subject, choice=settings, why=why, saw=_saw(phase, trials))
    why = f"no further settings were found after {len(trials)} trials"
    return DueDecision(subject=subject, choice={}, why=why)


def _saw(phase: Phase, trials: Sequence[Trial]) -> tuple[int, ...]:
    """The ends of the trials where the method heeds them."""
    if phase.method != "tpe":
        return ()
    return tuple(sorted({number for trial in trials for number in trial.last.saw}))


def fits(phase: Phase, settings: dict[str, object]) -> bool:
    """Whether the phase can train with these settings, as far as they say."""
    try:
        change_settings(phase.settings, settings, where=phase.id)
    except InputError:
        return False
    return True


def _points(
    phase: Phase, space: SearchSpace, number: int, trials: Sequence[Trial]
) -> Iterator[Point]:
    if phase.method != "grid":
        yield from itertools.islice(_drawn_points(phase, space, number, trials), _MOST_DRAWS)
        if not space.is_finite:
            return
        yield from itertools.islice(space.grid(), _MOST_POINTS)
    else:
        yield from space.grid()


def _drawn_points(
    phase: Phase, space: SearchSpace, number: int, trials: Sequence[Trial]
) -> Iterator[Point]:
    """Points without end; by tpe the first ones, in the hope that one of them is new."""
    if phase.method == "tpe":
        for attempt in range(10):
            yield suggest_by_tpe(phase, space, number, attempt, trials)
    for attempt in itertools.count():
        yield space.draw(derive_generator("suggestion", phase.seed, number, attempt))
