"""Max-entropy weights: the sampling closest to uniform whose class shares meet a target.

Among all weights with the wanted class shares and share of images without a finding
(`xlite.sampling.share_target`), those with the largest entropy are
w(y) ∝ exp(beta . y + phi [y = 0]).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xlite.sampling.share_target import RatioTask, ShareFit, fit_shares
from xlite.sampling.solvers.entropy_dual import solve_entropy_dual

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xlite.sampling.label_sets import LabelSets


def fit_max_entropy(
    sets: LabelSets,
    *,
    strength: float = 1.0,
    no_finding_share: float | None = None,
    min_ess: float | None = None,
    max_repeat: float | None = None,
    nearest_feasible: bool = False,
    vocabulary: Sequence[str] | None = None,
) -> ShareFit:
    """The weights closest to uniform with class shares ∝ n_c^(1 - strength).

    strength: lambda in [0, 1], from shares as found to equal shares. no_finding_share: in
    [0, 1), the natural one by default. Images with an unknown and no present label keep their
    ratio to those with a finding. min_ess: in (0, 1], lowers lambda to the largest one, to
    within 1e-4, whose effective sample size is at least that. max_repeat: no weight exceeds
    it. nearest_feasible: when the target can't be met, take the nearest one that can
    (`find_nearest_shares`); classes without positives are left out of it. Below the cap
    log w(y) - beta . y is the same for all sets with a finding.

    Raises InputError, with the classes by their names in `vocabulary`, when the target can't
    be met by positive weights: a class has no positives, or never appears without another, or
    has too few images for `max_repeat`; also when no strength reaches `min_ess`.

    >>> import numpy as np
    >>> from xlite.sampling.label_sets import find_label_sets
    >>> sets = find_label_sets(np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 0]], dtype=np.int8))
    >>> fit_max_entropy(sets).set_weights[sets.inverse].round(3).tolist()
    [0.667, 0.667, 0.667, 2.0, 1.0]
    """
    return fit_shares(
        sets,
        _solve,
        sampler="max-entropy",
        strength=strength,
        no_finding_share=no_finding_share,
        min_ess=min_ess,
        min_repeat=0.0,
        max_repeat=max_repeat,
        nearest_feasible=nearest_feasible,
        vocabulary=vocabulary,
    )


def _solve(task: RatioTask) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    # Exponentials are above any floor of 0.
    point = solve_entropy_dual(task.features, task.base, cap=task.cap, start=task.start)
    return None if point is None else (point.theta, point.ratio)
