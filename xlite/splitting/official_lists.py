"""Parts by somebody's lists of images, such as NIH's official ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlite.errors import InputError, LeakageError
from xlite.ids import match_image_names
from xlite.inputs import MAX_TABLE_BYTES, read_bytes
from xlite.splitting.leakage import audit_parts, require_no_leakage
from xlite.splitting.patient_disjoint import assign_patients
from xlite.splitting.split_folder import Parts
from xlite.splitting.strata import Strata
from xlite.tables.manifest import Manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LIST_REMEDY = "Pass a text file with one image name a line."


class OfficialLists(NamedTuple):
    """The images of training and validation, and those of the test part, by name."""

    train_val: Sequence[str]
    test: Sequence[str]


def split_by_lists(
    manifest: Manifest,
    lists: OfficialLists,
    *,
    val_share: float,
    seed: int,
    strata: Strata | None = None,
) -> Parts:
    """The parts given by two lists of images, validation carved out of the first by patient.

    val_share: validation's share of the first list's images; at 0 there is no such part. Raises
    InputError for images that are in no list or not in the table, LeakageError when a patient is
    in both lists.
    """
    sides = {"--train-val-list": lists.train_val, "--test-list": lists.test}
    is_listed = {
        option: _find_listed(manifest, names, option=option) for option, names in sides.items()
    }
    is_train_val, is_test = is_listed.values()
    both = is_train_val & is_test
    if both.any():
        raise LeakageError(
            f"{int(both.sum())} images are in both lists (first: "
            f"{min(manifest.image_ids[both])}). Check the two files."
        )
    unlisted = ~(is_test | is_train_val)
    if unlisted.any():
        raise InputError(
            f"{int(unlisted.sum())} images of the label table are in neither list "
            f"(first: {manifest.image_ids[unlisted][0]}). Add them to a list, or drop their rows."
        )
    rest = manifest.select(is_train_val)
    part = assign_patients(
        rest.labels,
        rest.patient_codes,
        ratios=(1 - val_share, val_share),
        seed=seed,
        strata=None if strata is None else strata.select(is_train_val).indicators,
    )
    parts = {"train": rest.select(part == 0)}
    if val_share:
        parts["val"] = rest.select(part == 1)
    parts["test"] = manifest.select(is_test)
    require_no_leakage(audit_parts(parts))
    return parts


def _find_listed(manifest: Manifest, names: Sequence[str], *, option: str) -> NDArray[np.bool_]:
    """Which images of the table are in a list, named with or without their folder."""
    rows = match_image_names(names, manifest.image_ids)
    if (rows < 0).any():
        strangers = sorted({name for name, row in zip(names, rows, strict=True) if row < 0})
        raise InputError(
            f"{len(strangers)} of {len(set(names))} images of {option} are not in the label table, "
            f"or could be several of it (first: {strangers[0]}). Pass the table that the lists "
            "belong to."
        )
    is_listed = np.zeros(len(manifest), dtype=np.bool_)
    is_listed[rows] = True
    return is_listed


def read_image_list(path: Path) -> list[str]:
    """The image names in a text file, one a line, such as NIH's `test_list.txt`."""
    content = read_bytes(path, max_bytes=MAX_TABLE_BYTES, what="image list", remedy=_LIST_REMEDY)
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"image list {path} is not UTF-8 text. Save it again as UTF-8.") from None
    names = [name for line in lines if (name := line.strip())]
    if not names:
        raise InputError(f"image list {path} is empty. {_LIST_REMEDY}")
    return names
