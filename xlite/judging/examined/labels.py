"""What has labels in tables: a label table, or the parts of a split."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from xlite.judging.examined.examined import Examined

if TYPE_CHECKING:
    from xlite.judging.examined.table import ExaminedTable


class ExaminedLabels(Examined):
    """Anything that has a row an image with what is true of it."""

    kind: ClassVar[str] = "labels"

    @property
    @abstractmethod
    def label_tables(self) -> Iterable[ExaminedTable]:
        """The tables, each with its labels."""
