"""What of a predictions file and of a label table found no partner."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xlite.errors import InputError
from xlite.results import Result


@dataclass(frozen=True, kw_only=True)
class JoinReport(Result):
    """What of a predictions file and of a label table found no partner."""

    num_joined: int
    """Images in both."""
    num_missing: int
    """Images of the label table without predictions."""
    missing: tuple[str, ...]
    """The first of them."""
    num_extra: int
    """Images with predictions that the label table does not have."""
    extra: tuple[str, ...]
    """The first of them."""
    missing_labels: tuple[str, ...]
    """Labels of the table that have no column of predictions: they are not judged."""

    def describe(self) -> list[str]:
        """One sentence for each thing that found no partner; none when all did."""
        sentences = []
        if self.num_missing:
            sentences.append(
                f"{self.num_missing} images of the label table have no prediction and are not "
                f"judged (first: {', '.join(self.missing)})."
            )
        if self.num_extra:
            sentences.append(
                f"{self.num_extra} predictions are of images that the label table does not have "
                f"and are not judged (first: {', '.join(self.extra)})."
            )
        if self.missing_labels:
            sentences.append(
                f"no column of predictions for {', '.join(self.missing_labels)}: not judged."
            )
        return sentences

    def require_whole(self, predictions: str | Path) -> None:
        """Raise InputError unless every image and label of the table has predictions.

        Scores of the images that happen to be there answer another question: whoever leaves the
        hard half out has better ones.
        """
        parts = []
        if self.num_missing:
            parts.append(
                f"{self.num_missing} of {self.num_joined + self.num_missing} images of the label "
                f"table have no prediction (first: {', '.join(self.missing)})"
            )
        if self.missing_labels:
            parts.append(f"there is no column of predictions for {', '.join(self.missing_labels)}")
        if parts:
            raise InputError(
                f"{predictions}: {', and '.join(parts)}. Complete the file, or pass "
                "--allow-partial to judge what is there."
            )
