"""Nested subsets of the training patients, each a split folder with the same validation and test.

N images, P patients, C labels. The patients are halved again and again, each half stratified over
all labels as a split is. A subset is a prefix of the halves: of 0.3 it is the first quarter and a
fifth of the second. Whatever shares are asked for, the smaller is within the larger, and one share
is the same patients whichever others there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xlite.errors import InputError
from xlite.places import SPLIT_RECORD
from xlite.results.split import SplitRecord
from xlite.splitting.patient_disjoint import choose_subset
from xlite.splitting.split_folder import Parts
from xlite.splitting.split_record import SPLIT_REMEDY
from xlite.splitting.split_writer import write_split

if TYPE_CHECKING:
    from xlite.splitting.split_folder import Split

_FEWEST_PATIENTS = 16
"""A half of fewer is not halved again: its patients follow in random order."""
_MOST_HALVINGS = 6


def choose_nested(
    labels: NDArray[np.int8], patient_codes: NDArray[np.integer], *, fraction: float, seed: int
) -> NDArray[np.bool_]:
    """Which images belong to the nested subset of a share of the patients: (N,) bool.

    labels: (N, C). patient_codes: (N,). fraction: in (0, 1]. The subset of a smaller fraction with
    the same seed is within it.

    >>> labels, patients = np.zeros((40, 1), dtype=np.int8), np.arange(40) // 2
    >>> half, most = (choose_nested(labels, patients, fraction=f, seed=0) for f in (0.5, 0.8))
    >>> int(half.sum()), int(most.sum()), bool((half <= most).all())
    (20, 32, True)
    """
    chosen = np.zeros(len(labels), dtype=bool)
    rows, branch = np.arange(len(labels)), 1
    while fraction < 1 and len(rows):
        of_rows = patient_codes[rows]
        patients = np.unique(of_rows)
        # The branch, as the bits of a number, makes each halving another one.
        key = (branch << 64) | seed
        if len(patients) < _FEWEST_PATIENTS or branch >= 1 << _MOST_HALVINGS:
            order = np.random.Generator(np.random.Philox(key=key)).permutation(patients)
            first = order[: round(fraction * len(patients))]
            chosen[rows[np.isin(of_rows, first)]] = True
            return chosen
        is_first = choose_subset(labels[rows], of_rows, fraction=0.5, seed=key)
        if fraction < 0.5:
            rows, fraction, branch = rows[is_first], 2 * fraction, 2 * branch
        else:
            chosen[rows[is_first]] = True
            rows, fraction, branch = rows[~is_first], 2 * fraction - 1, 2 * branch + 1
            if fraction <= 0:
                return chosen
    chosen[rows] = True
    return chosen


def check_shares(shares: Sequence[float]) -> tuple[float, ...]:
    """The shares, the smallest first; InputError for any that is none, or comes twice."""
    for share in shares:
        if not 0 < share <= 1:
            raise InputError(
                f"--subset-sizes: {share:g} is no share of the training patients. Pass numbers "
                "above 0 and up to 1, as in --subset-sizes 0.25,0.5,1."
            )
    if len(set(shares)) < len(shares):
        raise InputError("--subset-sizes names a share twice. Name each once.")
    return tuple(sorted(shares))


def take_nested(parts: Parts, *, share: float, seed: int) -> Parts:
    """The parts with the nested subset of training; validation and test whole."""
    train = parts["train"]
    chosen = choose_nested(train.labels, train.patient_codes, fraction=share, seed=seed)
    if not chosen.any():
        raise InputError(
            f"--subset-sizes {share:g}: of {len(np.unique(train.patient_codes))} training patients "
            "that is not one. Name a larger share."
        )
    return {**parts, "train": train.select(chosen)}


def write_nested(split: Split, source: Path, out: Path, *, share: float, seed: int) -> SplitRecord:
    """Write the split of a nested subset to `out`; the same subset again changes nothing.

    source: the folder of the split. Raises InputError where `out` holds another split.
    """
    parts = take_nested(split.parts, share=share, seed=seed)
    return write_split(parts, out, _describe(source, share=share, seed=seed), overwrite=False)


def _describe(source: Path, *, share: float, seed: int) -> Mapping[str, Any]:
    """What a split's record says of how the subset was made."""
    record = {"seed": seed, "subset": share}
    path = source / SPLIT_RECORD
    if not path.exists():
        return record
    whole = SplitRecord.read(path, remedy=SPLIT_REMEDY)
    kept = ("source", "ratios", "official_lists", "val", "stratify", "hold_out", "images_left_out")
    return {name: getattr(whole, name) for name in kept} | record
