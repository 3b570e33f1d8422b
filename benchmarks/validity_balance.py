"""Simulations of the proof of balance: does it see a loader that draws something else?"""

from __future__ import annotations

import numpy as np

from benchmarks.rates import Rate, Simulation
from xlite.labels import NIH_LABELS
from xlite.sampling.contradictions import CONTRADICTION_P
from xlite.sampling.draws import DrawnBatches, fit_draws, fit_labels
from xlite.sampling.exposure import expected_exposure
from xlite.sampling.label_sets import find_label_sets
from xlite.sampling.weights import sampling_weights
from xlite.settings import SamplerSettings
from xlite.synthetic.label_draws import nih_label_sets

_NUM_DRAWS = 500 * 32
_MISSING = 0.2


def loader_fit(trials: int = 1000) -> list[Rate]:
    """A loader that shows Hernia a fifth too rarely in 16,000 max-entropy draws is seen."""
    patterns, counts = nih_label_sets()
    labels = np.repeat(patterns, counts, axis=0)
    sets = find_label_sets(labels)
    weights = sampling_weights(sets, SamplerSettings(name="max-entropy"), vocabulary=NIH_LABELS)
    assert weights is not None
    per_image = expected_exposure(sets, weights).positives_per_image
    mass = np.bincount(sets.inverse, weights=weights)
    hernia = sets.patterns[:, NIH_LABELS.index("Hernia")] == 1
    broken = np.where(hernia, (1 - _MISSING) * mass, mass)
    rng = np.random.default_rng(0)
    p_values = {}
    for name, drawn_by in (("sound", mass), ("broken", broken)):
        draws = rng.multinomial(_NUM_DRAWS, drawn_by / drawn_by.sum(), size=trials)
        found = [_count(each, sets.patterns) for each in draws]
        p_values[name] = np.array(
            [
                (fit_labels(each, per_image).p_value, fit_draws(each, sets, weights))
                for each in found
            ]
        )
    limit = CONTRADICTION_P / 2
    is_seen = p_values["broken"] < limit
    return [
        Rate(
            case="Hernia a fifth too rarely: seen",
            rate=float(is_seen.any(axis=1).mean()),
            trials=trials,
            least=0.75,
        ),
        Rate(
            case="Hernia a fifth too rarely: seen by label sets alone",
            rate=float((p_values["broken"][:, 1] < CONTRADICTION_P).mean()),
            trials=trials,
        ),
        Rate(
            case=f"a sound loader: false alarm at {CONTRADICTION_P:g}",
            rate=float((p_values["sound"] < limit).any(axis=1).mean()),
            trials=trials,
            most=0.002,
        ),
        Rate(
            case="a sound loader: false alarm at 0.05",
            rate=float((p_values["sound"] < 0.025).any(axis=1).mean()),
            trials=trials,
            most=0.06,
        ),
    ]


def _count(draws: np.ndarray, patterns: np.ndarray) -> DrawnBatches:
    """Draws of each label set, as if of one batch."""
    positives = draws @ (patterns == 1)
    return DrawnBatches(positives[np.newaxis], np.zeros(1, dtype=int), draws, int(draws.sum()))


SIMULATIONS: dict[str, Simulation] = {"loader": loader_fit}
"""The simulations of this module by name."""
