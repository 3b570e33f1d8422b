"""Vocabularies, their order, and the only parser of label text.

An encoded label table is an (N, C) int8 array: 1 present, 0 absent, -1 unknown.
N images, C classes.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from xlite.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NO_FINDING = "No Finding"
"""The text for an image on which every label is absent; it is no class of its own."""

UNKNOWN = -1
"""The code of a label that the table leaves open: masked in loss and scores, never 0."""

NIH_LABELS: tuple[str, ...] = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
)
"""NIH ChestX-ray14's labels in the order of Wang et al. 2017 (arXiv:1705.02315), then Hernia."""

_ABSENT_TEXTS = frozenset({NO_FINDING, "No finding", "no finding", ""})


class UnknownLabelError(InputError):
    """A label outside the vocabulary; `position` is the first row (from 0) that has it."""

    def __init__(self, label: str, position: int, vocabulary: Sequence[str]) -> None:
        self.label = label
        self.position = position
        close = difflib.get_close_matches(label, vocabulary, n=1)
        self.hint = f" Did you mean {close[0]!r}?" if close else ""
        super().__init__(
            f"unknown label {label!r} in row {position + 1}.{self.hint} "
            f"The vocabulary is: {', '.join(vocabulary)}."
        )


def encode_label_texts(
    texts: Sequence[str] | NDArray[Any], vocabulary: Sequence[str], *, separator: str = "|"
) -> NDArray[np.int8]:
    """The labels of N texts such as "Edema|Effusion" as an (N, C) int8 array of 0 and 1.

    Each distinct text is split once, so a table costs one hash a row. Raises UnknownLabelError
    with the first row that has a label outside `vocabulary`.

    >>> encode_label_texts(["Mass|Edema", "No Finding"], ("Edema", "Mass"))
    array([[1, 1],
           [0, 0]], dtype=int8)
    """
    import numpy as np
    import pandas as pd

    codes, distinct = pd.factorize(np.asarray(texts, dtype=object))
    column = {name: position for position, name in enumerate(vocabulary)}
    patterns = np.zeros((len(distinct), len(vocabulary)), dtype=np.int8)
    for row, text in enumerate(distinct):
        for label in split_label_text(str(text), separator):
            if label not in column:
                first = int(np.argmax(codes == row))
                raise UnknownLabelError(label, first, vocabulary)
            patterns[row, column[label]] = 1
    return patterns[codes]


def split_label_text(text: str, separator: str = "|") -> list[str]:
    """The labels in one cell, without blanks; none for an image without a finding.

    >>> split_label_text("Mass| Edema")
    ['Mass', 'Edema']
    >>> split_label_text("No Finding")
    []
    """
    labels = (part.strip() for part in text.split(separator))
    return [label for label in labels if label not in _ABSENT_TEXTS]


def discover_vocabulary(texts: Iterable[str], *, separator: str = "|") -> tuple[str, ...]:
    """The labels that occur in `texts`: NIH's own tuple when they are all NIH's, else sorted.

    >>> discover_vocabulary(["Edema|Mass", "No Finding"]) == NIH_LABELS
    True
    >>> discover_vocabulary(["Fracture|Edema"])
    ('Edema', 'Fracture')
    """
    found = {label for text in set(texts) for label in split_label_text(text, separator)}
    return NIH_LABELS if found <= set(NIH_LABELS) else tuple(sorted(found))


def decode_labels(
    labels: NDArray[np.int8], vocabulary: Sequence[str], *, code: int = 1, empty: str = NO_FINDING
) -> list[str]:
    """The N label texts of an (N, C) array: names whose entry equals `code`, joined by "|".

    Rows without such an entry become `empty`.

    >>> import numpy as np
    >>> decode_labels(np.array([[1, 1], [0, 0]], dtype=np.int8), ("Edema", "Mass"))
    ['Edema|Mass', 'No Finding']
    """
    import numpy as np

    patterns, inverse = np.unique(labels == code, axis=0, return_inverse=True)
    texts = ["|".join(np.asarray(vocabulary)[pattern]) or empty for pattern in patterns]
    return [texts[row] for row in inverse.ravel()]


def has_no_finding(labels: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Whether each of N images is known to be free of every label: (N,) bool.

    An image with an unknown label and no present one is neither.
    """
    result: NDArray[np.bool_] = (labels == 0).all(axis=1)
    return result
