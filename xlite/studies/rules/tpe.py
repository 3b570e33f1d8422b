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
from typing import TYPE_CHECKING, Any

from xlite.errors import InputError
from xlite.randomness import derive_seed
from xlite.studies.rules.search_space import Point, SearchSpace
from xlite.studies.rules.trials import Trial
from xlite.studies.study_plan import Distribution, Phase

if TYPE_CHECKING:
    import optuna


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
    from optuna.trial import TrialState, create_trial

    for trial in trials:
        point = space.locate(trial.values)
        if point is None:
            continue
        known: dict[str, Any] = {"params": dict(point), "distributions": distributions}
        scored = trial.scored
        if trial.has_failed:
            yield create_trial(state=TrialState.FAIL, **known)
        elif scored is None or scored.score is None:
            yield create_trial(state=TrialState.RUNNING, **known)
        elif trial.is_trained:
            yield create_trial(state=TrialState.COMPLETE, value=scored.score, **known)
        else:
            reached = {scored.epochs: scored.score}
            yield create_trial(state=TrialState.PRUNED, intermediate_values=reached, **known)


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
