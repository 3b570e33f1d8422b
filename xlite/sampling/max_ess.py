"""Max-ESS weights: the sampling of largest effective sample size whose class shares meet a target.

Among all weights with the wanted class shares and share of images without a finding
(`xlite.sampling.share_target`), those with the largest (sum w)^2 / (N sum w^2) are
w(y) = max(floor, a + beta . y). They are the chi-square distance's counterpart of max-entropy
in survey calibration (Deville & Särndal 1992, JASA 87:376), known as stable balancing weights
where they are kept from being negative (Zubizarreta 2015, JASA 110:910). Without a floor they
give many images a weight of 0, which no number of epochs shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xlite.sampling.share_target import RatioTask, ShareFit, fit_shares
from xlite.sampling.solvers.ess_dual import solve_ess_dual

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xlite.sampling.label_sets import LabelSets

MIN_REPEAT = 0.1
"""The least expected number of draws of an image with a finding in an epoch, by default: on NIH's
table it keeps 0.413 of the 0.428 that can be reached; 0.2 keeps 0.395, 0.3 only 0.290."""


def fit_max_ess(
    sets: LabelSets,
    *,
    strength: float = 1.0,
    no_finding_share: float | None = None,
    min_ess: float | None = None,
    min_repeat: float = MIN_REPEAT,
    max_repeat: float | None = None,
    nearest_feasible: bool = False,
    vocabulary: Sequence[str] | None = None,
) -> ShareFit:
    """The weights of largest effective sample size with class shares ∝ n_c^(1 - strength).

    min_repeat: in [0, 1), no weight of an image with a finding is below it; 0 lets images be
    dropped. The other arguments, and what is raised, are those of `fit_max_entropy`; a target
    that min_repeat rules out is refused as well. Between the bounds w(y) - m beta . y is the
    same for all sets with a finding, m being the mean weight of those images.

    >>> import numpy as np
    >>> from xlite.sampling.label_sets import find_label_sets
    >>> rows = [[1, 0]] * 6 + [[1, 1]] + [[0, 1]] + [[0, 0]] * 2
    >>> sets = find_label_sets(np.array(rows, dtype=np.int8))
    >>> fit_max_ess(sets).set_weights[sets.inverse][5:].round(3).tolist()
    [0.516, 1.806, 3.097, 1.0, 1.0]
    """
    return fit_shares(
        sets,
        _solve,
        sampler="max-ess",
        strength=strength,
        no_finding_share=no_finding_share,
        min_ess=min_ess,
        min_repeat=min_repeat,
        max_repeat=max_repeat,
        nearest_feasible=nearest_feasible,
        vocabulary=vocabulary,
    )


def _solve(task: RatioTask) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    return solve_ess_dual(
        task.features, task.base, floor=task.floor, cap=task.cap, start=task.start
    )
