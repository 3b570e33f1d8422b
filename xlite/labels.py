"""Label names, their order, and the only parser of label text.

An encoded label table is an (N, C) int8 array: 1 present, 0 absent, -1 unknown.
N images, C classes.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xlite.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NO_FINDING = "No Finding"
"""The text for an image on which every label is absent. In a table with one column a label it
may be a label of its own, as CheXpert's is."""

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

MISSING_TEXTS = frozenset({"", "nan", "none", "null", "<na>", "n/a"})
"""What programs write, in any case, into a cell without a value."""

_EMPTY_REMEDY = (
    f"Write {NO_FINDING!r} where nothing was found, and leave out images that nobody labelled."
)
_MOST_NAMED = 20
_MOST_SHOWN = 60


class LabelTextError(InputError):
    """A label text that can't be read; `position` is the first row (from 0) that has it."""

    def __init__(self, fault: str, position: int, remedy: str) -> None:
        self.fault = fault
        self.position = position
        self.remedy = remedy
        super().__init__(f"{fault} in row {position + 1}. {remedy}")


class UnknownLabelError(LabelTextError):
    """A label outside the vocabulary."""

    def __init__(self, label: str, position: int, vocabulary: Sequence[str]) -> None:
        self.label = label
        # Comparing a cell of a hundred kilobytes would take minutes.
        close = difflib.get_close_matches(label[:_MOST_SHOWN], vocabulary, n=1)
        hint = f"Did you mean {close[0]!r}? " if close else ""
        named = ", ".join(vocabulary[:_MOST_NAMED])
        more = ", …" if len(vocabulary) > _MOST_NAMED else ""
        super().__init__(
            f"unknown label {_shorten(label)!r}",
            position,
            f"{hint}The vocabulary is: {named}{more}.",
        )


@dataclass(frozen=True, eq=False)
class LabelTexts:
    """N label texts, each distinct one split once, so that a table costs one hash a row."""

    codes: NDArray[np.intp]
    """(N,) which of the distinct texts each is."""
    label_sets: tuple[tuple[str, ...], ...]
    """The labels of each distinct text; none for an image without a finding."""

    def position_of(self, label: str) -> int:
        """The first row, from 0, that has `label`."""
        import numpy as np

        holds = [label in labels for labels in self.label_sets]
        return int(np.argmax(np.asarray(holds)[self.codes]))

    def vocabulary(self) -> tuple[str, ...]:
        """The labels that occur: in NIH's order when all of them are NIH's, else sorted."""
        found = {label for labels in self.label_sets for label in labels}
        if found <= set(NIH_LABELS):
            return tuple(label for label in NIH_LABELS if label in found)
        return tuple(sorted(found))

    def encode(self, vocabulary: Sequence[str]) -> NDArray[np.int8]:
        """The (N, C) array of 0 and 1; UnknownLabelError for a label outside `vocabulary`."""
        import numpy as np

        column = {name: position for position, name in enumerate(vocabulary)}
        patterns = np.zeros((len(self.label_sets), len(vocabulary)), dtype=np.int8)
        for row, labels in enumerate(self.label_sets):
            for label in labels:
                if label not in column:
                    raise UnknownLabelError(label, self.position_of(label), vocabulary)
                patterns[row, column[label]] = 1
        return patterns[self.codes]


def parse_label_texts(
    texts: Sequence[Any] | NDArray[Any], *, separator: str = "|", empty_is_absent: bool = False
) -> LabelTexts:
    """The labels in N texts such as "Edema|Effusion" or "No Finding".

    empty_is_absent: an empty text has no labels. Otherwise it says nothing of the image, and, as
    for None, NaN, a list in Python's writing and "No Finding" beside a label, LabelTextError is
    raised with the first such row.
    """
    import numpy as np
    import pandas as pd

    codes, distinct = pd.factorize(np.asarray(texts, dtype=object), use_na_sentinel=True)
    if (codes < 0).any() and not empty_is_absent:
        raise LabelTextError("no label text", int(np.argmax(codes < 0)), _EMPTY_REMEDY)
    label_sets = []
    for row, text in enumerate(map(str, distinct)):
        fault = _find_fault(text, separator, empty_is_absent=empty_is_absent)
        if fault:
            raise LabelTextError(fault[0], int(np.argmax(codes == row)), fault[1])
        label_sets.append(tuple(split_label_text(text, separator)))
    # Rows without a text point at a last set, which is empty.
    return LabelTexts(codes=codes, label_sets=(*label_sets, ()))


def _find_fault(text: str, separator: str, *, empty_is_absent: bool) -> tuple[str, str] | None:
    """What is wrong with a label text, and what to do."""
    if text.strip().casefold() in MISSING_TEXTS:
        is_fine = empty_is_absent and not text.strip()
        return None if is_fine else (f"no label text ({text!r})", _EMPTY_REMEDY)
    if re.fullmatch(r"\s*\[.*\]\s*", text, re.DOTALL):
        return (
            f"a list in Python's writing ({_shorten(text)})",
            "Pass --dataset padchest for PadChest's table; in another, write the labels as one "
            "text with a separator between them, or as one column a label.",
        )
    parts = [part.strip() for part in text.split(separator)]
    if not any(parts):
        return f"separators without a label ({_shorten(text)!r})", _EMPTY_REMEDY
    absent = [part for part in parts if is_no_finding(part)]
    if absent and any(part and part not in absent for part in parts):
        return (
            f"{absent[0]!r} beside a label ({_shorten(text)!r})",
            "Keep one of the two: an image has findings or it has none.",
        )
    return None


def encode_label_texts(
    texts: Sequence[Any] | NDArray[Any], vocabulary: Sequence[str], *, separator: str = "|"
) -> NDArray[np.int8]:
    """The labels of N texts such as "Edema|Effusion" as an (N, C) int8 array of 0 and 1.

    Raises LabelTextError, with the first row, for a label outside `vocabulary` and for what is
    no label text: None, NaN, "", a list in Python's writing, "No Finding" beside a label.

    >>> encode_label_texts(["Mass|Edema", "No Finding"], ("Edema", "Mass"))
    array([[1, 1],
           [0, 0]], dtype=int8)
    """
    return parse_label_texts(texts, separator=separator).encode(vocabulary)


def split_label_text(text: str, separator: str = "|") -> list[str]:
    """The labels in one cell, without blanks; none for an image without a finding.

    >>> split_label_text("Mass| Edema")
    ['Mass', 'Edema']
    >>> split_label_text("No Finding")
    []
    """
    labels = (part.strip() for part in text.split(separator))
    return [label for label in labels if label and not is_no_finding(label)]


def is_no_finding(text: str) -> bool:
    """Whether a label text says that nothing was found, in any writing of "No Finding".

    >>> is_no_finding("no_finding"), is_no_finding("Finding")
    (True, False)
    """
    return simplify_label(text) == "nofinding"


def simplify_label(name: str) -> str:
    """A label's name without case, blanks, hyphens and underscores: what tells labels apart.

    >>> simplify_label("Pleural Thickening") == simplify_label("pleural_thickening")
    True
    """
    return re.sub(r"[\s_-]+", "", unicodedata.normalize("NFC", name)).casefold()


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


def _shorten(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
