"""What was chosen about the floor of an evaluation: whether, by which columns, fitted on what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from xlite import places
from xlite.errors import InputError
from xlite.judging.evaluation_task import Films
from xlite.judging.floor_question import TrainingTable, ask_floor
from xlite.tables.read_labels import LabelSource, read_labels
from xlite.tables.table_files import is_files, list_files

if TYPE_CHECKING:
    from xlite.judging.judged_predictions import JudgedPredictions
    from xlite.judging.predictions_file import PredictionSource
    from xlite.judging.shortcut_floor import FloorQuestion
    from xlite.tables.table_format import TableFormat


@dataclass(frozen=True, eq=False, kw_only=True)
class FloorChoice:
    """Whether a floor is put under the scores, and how."""

    is_wanted: bool = True
    columns: tuple[str, ...] = ()
    """Columns of the table, or their roles; none for all that are known."""
    train: LabelSource | None = None
    """The label table that the model was trained on."""
    reference: PredictionSource | None = None
    """Predictions of a model that has seen none of the judged patients."""

    probes_borders: bool = False
    """Whether marks on the films' borders are looked for."""
    images: Path | None = None
    """The films; None for the pixels of `cache`."""
    cache: Path = places.CACHE_DIR

    @classmethod
    def of(
        cls,
        is_wanted: bool,
        columns: Sequence[str],
        train: LabelSource | None,
        reference: PredictionSource | None,
        probes_borders: bool,
        films: Films,
    ) -> Self:
        """What a caller has chosen; `columns` may be the name of one."""
        names = (columns,) if isinstance(columns, str) else tuple(columns)
        return cls(
            is_wanted=is_wanted,
            columns=names,
            train=train,
            reference=reference,
            probes_borders=probes_borders,
            images=films[0],
            cache=films[1],
        )

    @property
    def films(self) -> Films | None:
        """Where the films to probe are; None where that is not asked for."""
        return (self.images, self.cache) if self.probes_borders else None

    def check(self, *, has_run: bool, on_other_site: bool = False) -> None:
        """Raise InputError for what does not fit together, without reading any file.

        on_other_site: the images are what a run is judged on.
        """
        if self.columns and not self.is_wanted:
            raise InputError("--floor-columns choose what --no-floor leaves out. Pass one of them.")
        if self.train is not None and has_run:
            raise InputError(
                "--train is for --predictions: what a run was trained on is known from its split."
            )
        if self.images is not None and not self.probes_borders and not on_other_site:
            raise InputError(
                "--images are another site's, which a run is judged on with its --labels, or for "
                "--probe-borders. Pass RUN and --labels, or --probe-borders."
            )
        if self.reference is not None and self.train is None:
            raise InputError(
                "--reference is held against --predictions on patients who are in --train and on "
                "others. Pass --train CSV, too."
            )

    @property
    def mark(self) -> str | None:
        """What tells the question from that of another choice; None for the default."""
        named = ",".join(self.columns) if self.is_wanted else "none"
        train = "" if self.train is None else f"train={_name(self.train)}"
        reference = "" if self.reference is None else f"reference={_name(self.reference)}"
        probe = "borders" if self.probes_borders else ""
        return ";".join(part for part in (named, train, reference, probe) if part) or None

    def read_training(self, table_format: TableFormat | None) -> TrainingTable | None:
        """The training table; None where none was named."""
        if self.train is None:
            return None
        return TrainingTable(
            manifest=read_labels(self.train, table_format=table_format), source=self.train
        )

    def ask(
        self,
        judged: JudgedPredictions,
        train: TrainingTable | None,
        table_format: TableFormat | None,
    ) -> FloorQuestion | None:
        """What the table says of the judged images; None where the floor is left out."""
        if not self.is_wanted:
            return None
        return ask_floor(judged, wanted=self.columns, train=train, table_format=table_format)


def _name(source: object) -> str:
    return ",".join(map(str, list_files(source))) if is_files(source) else "table"
