"""What a cell of a label says, before it is decided: present, absent, uncertain, or nothing.

A table of labels is an (N, C) int8 array twice: the codes, as the source wrote them, and the
labels decided from them, of 1, 0 and -1 for unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xlite.labels import UNKNOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.results.split import Blank

PRESENT = 1
ABSENT = 0
UNCERTAIN = -1
"""A reader or a labeller said "maybe"."""
BLANK = -2
"""Nothing is said of the label."""

_TEXTS = np.array(["", "-1", "0", "1"], dtype=object)


def decide_labels(codes: NDArray[np.int8], *, blank: Blank) -> NDArray[np.int8]:
    """The (N, C) labels, of 1, 0 and -1 for unknown, that codes of these shapes mean.

    An uncertain cell is unknown whatever training makes of it: variants that changed what is
    judged could not be compared. blank: what a blank cell means.

    >>> decide_labels(np.array([[1, 0, -1, -2]], dtype=np.int8), blank="absent")
    array([[ 1,  0, -1,  0]], dtype=int8)
    """
    meaning = ABSENT if blank == "absent" else UNKNOWN
    return np.where(codes == BLANK, np.int8(meaning), codes).astype(np.int8)


def write_codes(codes: NDArray[np.int8]) -> NDArray[np.object_]:
    """The cells' texts, as CheXpert writes them: "1", "0", "-1", and "" for a blank."""
    texts: NDArray[np.object_] = _TEXTS[codes.astype(np.intp) - BLANK]
    return texts
