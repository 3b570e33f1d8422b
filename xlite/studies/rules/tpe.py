"""Suggestions by Optuna's tree-structured Parzen estimator, as a pure function.

The study that Optuna sees is built from the trials of the ledger each time, in memory, and its
sampler is seeded by the phase's seed and the trial's number: the same trials give the same
suggestion in any process. Nothing of Optuna's is kept, neither a storage nor a pruner.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from xlite.errors import InputError
from xlite.randomness import derive_seed
from xlite.studies.rules.search_space import Point, SearchSpace
from xlite.studies.rules.trials import Trial
from xlite.studies.study_plan import Distribution, Phase

if TYPE_CHECKING:
    import optuna

_SOME_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Optuna wants trials to have begun and ended; the sampler does not look when."""


class _Shared(dict[Any, Any]):
    """What nobody changes, and Optuna need not copy.

    Its study copies each trial that it is given: half of the time of a suggestion.
    """

    def __deepcopy__(self, memo: object) -> _Shared:
        return self


def require_optuna() -> None:
    """Raise InputError where Optuna is not installed."""
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise InputError(
            'method = "tpe" needs Optuna. Install it with `pip install "xlite[search]"`, or take '
            'method = "random".'
        ) from None


def suggest_by_tpe(
    phase: Phase, space: SearchSpace, number: int, attempt: int, trials: Sequence[Trial]
) -> Point:
    """The point of a space for trial `number`; `attempt` tells repeated draws apart.

    The first ten trials are by chance. Of the others, one that was trained to its end counts with
    its score; one that pauses, or was promoted and trains on, as pruned where it last stood, which
    is below all of the former; one without a score so far as if it were bad ("constant liar"), so
    that agents at the same time do not try the same; one that failed not at all.
    """
    require_optuna()
    import optuna

    distributions = {name: _distribution(one) for name, one in space.dimensions.items()}
    seed = derive_seed("tpe", phase.seed, number, attempt) % 2**32
    with _quiet("optuna.storages._in_memory"):
        study = optuna.create_study(
            direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=True),
        )
    study.add_trials(list(_list_trials(space, distributions, trials)))
    return dict(study.ask(distributions).params)


def _list_trials(
    space: SearchSpace,
    distributions: dict[str, optuna.distributions.BaseDistribution],
    trials: Sequence[Trial],
) -> Iterator[optuna.trial.FrozenTrial]:
    from optuna.trial import FrozenTrial, TrialState

    shared, nothing = _Shared(distributions), _Shared()
    for trial in trials:
        point = space.locate(trial.values)
        if point is None:
            continue
        scored, value, reached = trial.scored, None, nothing
        if trial.has_failed:
            state = TrialState.FAIL
        elif scored is None or scored.score is None:
            state = TrialState.RUNNING
        elif trial.is_trained:
            state, value = TrialState.COMPLETE, scored.score
        else:
            state, reached = TrialState.PRUNED, _Shared({scored.epochs: scored.score})
        yield FrozenTrial(
            number=-1,  # Optuna gives both
            trial_id=-1,
            state=state,
            value=value,
            datetime_start=_SOME_TIME,
            datetime_complete=_SOME_TIME if state.is_finished() else None,
            params=_Shared(point),
            distributions=shared,
            user_attrs=nothing,
            system_attrs=nothing,
            intermediate_values=reached,
        )


def _distribution(distribution: Distribution) -> optuna.distributions.BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    low, high = distribution.low, distribution.high
    match distribution.kind:
        case "values":
            return CategoricalDistribution(range(len(distribution.values)))
        case "int":
            # Optuna warns of an end that no step meets.
            last = int(high) - (int(high) - int(low)) % distribution.step
            return IntDistribution(int(low), last, step=distribution.step)
        case "uniform":
            return FloatDistribution(low, high)
        case "log_uniform":
            return FloatDistribution(low, high, log=True)


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Drop what this thread logs under `name`: Optuna's verbosity is one for the whole process."""
    logger, own = logging.getLogger(name), threading.get_ident()

    def is_of_others(record: logging.LogRecord) -> bool:
        return record.thread != own

    logger.addFilter(is_of_others)
    try:
        yield
    finally:
        logger.removeFilter(is_of_others)
