"""The change of a score up to which it is of no consequence: the margin of each score.

0.01 of macro AUROC is the step in which results are reported and compared. Average precision and F1
have the margin that the same step moves them by: for 14 labels of NIH's prevalences in its 112,120
images, of normal scores of one AUROC for all and at the threshold of the best F1, a step of 0.01
about 0.80 moves macro AP by 0.013 and macro F1 by 0.012, and about 0.85 by 0.019 and 0.016. No
margin suits the AP of a rare label: that of Hernia, with 227 images, moves by 0.002 about 0.80, and
by 0.02 about 0.92.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from xlite.errors import ArgumentError, InputError, did_you_mean

DEFAULT_MARGINS: Mapping[str, float] = MappingProxyType(
    {"auroc": 0.01, "average_precision": 0.015, "f1": 0.015}
)
"""By score, those whose differences have an interval."""

SCORE_TITLES: Mapping[str, str] = MappingProxyType(
    {"auroc": "AUROC", "average_precision": "AP", "f1": "F1"}
)
"""What sentences call the same scores."""

DEFAULT_SAFETY_MARGIN = 0.05
"""The loss of a label's AUROC that has to be ruled out for ADOPT and NON-INFERIOR.

0.05 is the usual margin of non-inferiority in reader studies of imaging devices (Chen, Petrick and
Sahiner 2012, Acad. Radiol. 19:1158). A smaller one is seldom to be shown: the change of a label of
35 patients has a standard error of about 0.02, so that its interval reaches down to -0.04 without
any difference.
"""

Margins = float | Mapping[str, float] | None
"""One of each score by name, of the score that decides alone, or all by default."""


def settle_margins(given: Margins, *, decisive: str = "auroc") -> dict[str, float]:
    """The margin of each score: those given, and the defaults of the others.

    decisive: the score that a bare number is of. Raises ArgumentError for an unknown score, and for
    what is no number of at least 0 and below 1.

    >>> settle_margins({"f1": 0.03})
    {'auroc': 0.01, 'average_precision': 0.015, 'f1': 0.03}
    """
    if given is None:
        return dict(DEFAULT_MARGINS)
    named = given if isinstance(given, Mapping) else {decisive: given}
    for score, margin in named.items():
        if score not in DEFAULT_MARGINS:
            raise ArgumentError(
                f"margin of {score}: the scores that have one are {', '.join(DEFAULT_MARGINS)}."
                f"{did_you_mean(str(score), DEFAULT_MARGINS)}"
            )
        check_margin(f"margin of {score}" if named is given else "margin", margin)
    return {**DEFAULT_MARGINS, **named}


def check_margin(name: str, margin: object) -> None:
    """Raise ArgumentError for what is no number of at least 0 and below 1."""
    if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 <= margin < 1:
        raise ArgumentError(f"{name} must be a number of 0 or more and below 1, got {margin!r}.")


def parse_margins(texts: Sequence[str], *, decisive: str = "auroc") -> dict[str, float]:
    """The margin of each score, from texts as `0.01` and `average_precision=0.02`.

    Raises InputError for a text that is neither, for a score that is named twice, and where
    `settle_margins` does.

    >>> parse_margins(["0.02", "f1=0.03"])
    {'auroc': 0.02, 'average_precision': 0.015, 'f1': 0.03}
    """
    named: dict[str, float] = {}
    for text in texts:
        name, equals, value = text.rpartition("=")
        score = name.strip() if equals else decisive
        if score in named:
            raise InputError(f"--margin names {score} more than once.")
        try:
            named[score] = float(value)
        except ValueError:
            raise InputError(
                f"--margin {text}: pass a number, as 0.01, or that of one score, as "
                "average_precision=0.02."
            ) from None
    return settle_margins(named, decisive=decisive)
