"""The training part of a split as one run is trained on it: its rows, and what is learnt of each.

Only the training part is ever read by a policy: what is judged is the same whatever was learnt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from xlite.errors import InputError, did_you_mean
from xlite.labels import UNKNOWN
from xlite.randomness import derive_generator
from xlite.settings import PolicySettings
from xlite.settings.policy import IGNORE, parse_uncertain
from xlite.tables.cells import ABSENT, BLANK, UNCERTAIN
from xlite.tables.rows import choose_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.tables.manifest import Manifest

_WHAT = "the training part"


@dataclass(frozen=True, eq=False)
class TrainingPart:
    """The N images that a run is trained on.

    manifest: their labels as counts, weights and samplers take them: a softened one is unknown.
    targets: (N, C) float32, what the loss is given instead, None where it is the labels.
    """

    manifest: Manifest
    targets: NDArray[np.float32] | None = None


def apply_policy(train: Manifest, policy: PolicySettings, *, seed: int) -> TrainingPart:
    """The training part as a policy reads it.

    seed: of the run; soft targets are drawn from it, in the order of the table, once for all
    epochs. Raises InputError for a label that is none of the table's, for a blank or an uncertain
    cell that a split does not hold, and as `choose_rows` does.
    """
    if policy == PolicySettings():
        return TrainingPart(train)
    codes, labels = train.cells, train.labels.copy()
    if policy.blank != "table":
        _require_some(codes == BLANK, "--blank", "empty cell")
        labels[codes == BLANK] = ABSENT if policy.blank == "absent" else UNKNOWN
    targets = None
    if policy.uncertain != IGNORE:
        _require_some(codes == UNCERTAIN, "--uncertain", "uncertain label")
        labels, targets = _learn_uncertain(labels, codes, train.vocabulary, policy, seed)
    # Chosen last: which rows count must not change what is drawn for those that do.
    rows = choose_rows(train, policy, what=_WHAT)
    manifest = replace(train, labels=labels, codes=None).select(rows)
    return TrainingPart(manifest, None if targets is None else targets[rows])


def _learn_uncertain(
    labels: NDArray[np.int8],
    codes: NDArray[np.int8],
    vocabulary: tuple[str, ...],
    policy: PolicySettings,
    seed: int,
) -> tuple[NDArray[np.int8], NDArray[np.float32] | None]:
    """Labels with the uncertain cells as the policy has them, and targets where some are soft."""
    labels, draws = labels.copy(), derive_generator("uncertain", seed).random(labels.shape)
    soft = _ranges_by_column(policy, vocabulary)
    for column in [column for column, (low, high) in soft.items() if low == high in (0.0, 1.0)]:
        labels[codes[:, column] == UNCERTAIN, column] = int(soft.pop(column)[0])
    if not soft:
        return labels, None
    targets = labels.astype(np.float32)
    for column, (low, high) in soft.items():
        cells = codes[:, column] == UNCERTAIN
        targets[cells, column] = low + (high - low) * draws[cells, column]
    return labels, targets


def _ranges_by_column(
    policy: PolicySettings, vocabulary: tuple[str, ...]
) -> dict[int, tuple[float, float]]:
    ranges = parse_uncertain(policy.uncertain)
    strangers = [name for name in ranges if name is not None and name not in vocabulary]
    if strangers:
        raise InputError(
            f"--uncertain {strangers[0]}: there is no such label."
            f"{did_you_mean(strangers[0], vocabulary)} There are: {', '.join(vocabulary)}."
        )
    found = {column: ranges.get(name, ranges.get(None)) for column, name in enumerate(vocabulary)}
    return {column: ends for column, ends in found.items() if ends is not None}


def _require_some(cells: NDArray[np.bool_], option: str, what: str) -> None:
    if not cells.any():
        raise InputError(
            f"{_WHAT} has no {what}, so that {option} would change nothing. Leave it out, or split "
            "a table that has some."
        )
