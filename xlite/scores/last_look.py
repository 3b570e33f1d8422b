"""What the last look at a study that grows seed by seed may show, from what it shows now."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from xlite.scores.seed_variance import LARGEST_FREEDOM, SeedNoise, SeedVariance, conclude


def foresee(found: SeedVariance, chance: float, direction: int, *, level: float) -> SeedVariance:
    """What the last look may show if seeds go on as until now: as far off as has that `chance`.

    direction: 1 for a mean that has risen by then, -1 for one that has fallen, 0 for one that has
    come nearer to 0. From S seeds to N the mean moves by t_ν √(τ² (1 / S - 1 / N)), at
    the quantile of the chance. found: of a study that is looked at after each seed.
    """
    if found.looks is None:
        raise ValueError("only a study that is looked at after each seed has a last look")
    now, then = found.num_seeds, found.looks.most
    spread = np.sqrt(found.noise.variance * (1 / now - 1 / then))
    move = -stdtrit(np.clip(found.noise.freedom, 1, LARGEST_FREEDOM), chance) * spread
    apart = found.interaction_sd**2 * (1 / now - 1 / then)
    difference = found.difference + direction * move
    if direction == 0:
        nearer = np.maximum(np.abs(found.difference) - move, 0.0)
        difference = np.sign(found.difference) * nearer
    freedom = found.noise.freedom * (then - 1) / max(now - 1, 1)
    return conclude(
        difference,
        SeedNoise(variance=found.noise.variance, freedom=freedom),
        found.interaction_sd**2,
        np.maximum(found.between_image_sd**2 - apart, 0.0),
        num_seeds=then,
        image_freedom=found.image_freedom,
        level=level,
        looks=found.looks,
    )
