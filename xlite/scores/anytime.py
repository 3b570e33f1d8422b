"""Looks at a study that grows seed by seed: limits that hold at every one of them together.

Whoever looks after each seed and ends at the first significant difference errs more often than at
the level of one look: of up to 12 seeds in 21 % instead of 5. Here the limits of all looks hold
the truth together in 95 % (a confidence sequence over at most N looks; Jennison and Turnbull 1989,
J. R. Stat. Soc. B 51:305, call them repeated confidence intervals), so that a study may end after
any look, for any reason, and go on afterwards.

With d_s = δ + b + e_s the difference of seed s, b that of the images and e_s ~ N(0, τ²) what is
this seed's own (`seed_variance`), the limits after n seeds are, as Banerjee's of a single look,

    mean ± √(t_ν(α_N)² τ² / n + t_μ(α_b)² σ_b²)

The seeds' part changes with each look, the images' part is the same at all: the same patients are
seen again, b is drawn once, and no seed averages it out. So α_N is the level of a look at which

    P(min over n = 2 … N of p_n < α_N) = α,    p_n of a t-test of the first n of N normal values

which depends on N alone, since t does not depend on τ: it is drawn once (Pocock 1977, Biometrika
64:191, for a variance that has to be estimated), and for levels that draws can't tell it is
Bonferroni's α / (N - 1). Neither part may have all of α: where images weigh as much as seeds, what
seeds add is looked at N times, and with α for both errors were up to 1.16 α of 12 seeds and 1.3 α
of 24. So α_N is that of 0.85 α, and α_b is 0.65 α. All of τ² is in the seeds'
part: what images do under a seed is new with each. Seeds that are pooled over arms have more
degrees of freedom than n - 1, and err less.

Sequences for endlessly many looks at normal values of unknown variance (Lai 1976, Ann. Stat. 4:265;
Wang and Ramdas 2023, arXiv:2310.03722) pay for looks that nobody makes. The price of N is that it
has to be fixed before the first look.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from xlite.errors import ArgumentError

LEAST_SEEDS = 2
MOST_SEEDS = 24
"""Of how many seeds it was tried that the limits hold together."""

_SHARES = (0.85, 0.65)
"""Of the level, what the seeds' part and that of the images are given."""
_DRAWS = 200_000
_SMALLEST = 1e-3
"""The smallest level that so many draws can tell: 200 of them lie below."""
_SEED = 20


@dataclass(frozen=True)
class Looks:
    """Looks after each seed from the second up to the last, which is fixed beforehand."""

    most: int
    """N, the seeds after which there is no further look."""

    def __post_init__(self) -> None:
        """Raise ArgumentError for a number of seeds for which the limits were not tried."""
        if not LEAST_SEEDS <= self.most <= MOST_SEEDS:
            raise ArgumentError(
                f"the most seeds of a study that is looked at after each are from {LEAST_SEEDS} to "
                f"{MOST_SEEDS}, got {self.most}."
            )

    def tails(self, tail: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The tails, of seeds and of images, that leave `tail` on either side of all limits.

        >>> seeds, images = Looks(12).tails(0.025)
        >>> float(seeds.round(4)), float(images.round(4))
        (0.0036, 0.0162)
        """
        level = 2 * np.asarray(tail, dtype=np.float64)
        # At a level of 1 all is within the limits, whatever the shares.
        of_seeds, of_images = (np.where(level < 1, s * level, 1.0) for s in _SHARES)
        levels, of_a_look = _draw_levels(self.most)
        told = np.exp(np.interp(np.log(of_seeds), np.log(levels), np.log(of_a_look)))
        # Below what draws can tell: Bonferroni's, which holds for whatever depends on whatever.
        untold = of_seeds / (self.most - 1)
        return np.where(of_seeds < _SMALLEST, untold, told) / 2, of_images / 2


@lru_cache(maxsize=4)
def _draw_levels(most: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Levels of all looks together, ascending to 1, and the level of each look for them."""
    rng = np.random.default_rng(_SEED)
    total, squares = np.zeros(_DRAWS), np.zeros(_DRAWS)
    smallest = np.ones(_DRAWS)
    for num_seeds in range(1, most + 1):
        drawn = rng.standard_normal(_DRAWS)
        total, squares = total + drawn, squares + drawn**2
        if num_seeds >= LEAST_SEEDS:
            freedom = num_seeds - 1
            left = squares - total**2 / num_seeds
            t = np.abs(total) / np.sqrt(num_seeds * left / freedom)
            smallest = np.minimum(smallest, 2 * stdtr(freedom, -t))
    levels = np.geomspace(_SMALLEST, 1.0, 200)
    of_a_look = np.quantile(smallest, levels)
    of_a_look[-1] = 1.0
    return levels, of_a_look
