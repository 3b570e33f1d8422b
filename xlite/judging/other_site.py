"""The films of another site that a run is judged on, with what it has said of its own.

N images, C labels that both the run and the other site's table have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlite import console, places
from xlite.errors import InputError, LeakageError
from xlite.ids import canonical_patient_ids, is_among
from xlite.judging.labelled_predictions import (
    LabelledPredictions,
    known_columns,
    read_run_predictions,
)
from xlite.places import VALIDATION
from xlite.run_folder.folder import RunFolder
from xlite.splitting.split_folder import Split, read_split
from xlite.tables.image_folder import locate_images
from xlite.tables.read_labels import has_patients, read_labels
from xlite.tables.table_files import is_files, list_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xlite.results.label_map import MapReport
    from xlite.results.prediction import FailedFilm
    from xlite.tables.manifest import Manifest
    from xlite.tables.read_labels import LabelSource
    from xlite.tables.table_format import TableFormat

_TABLE = "table"
"""What the site of a table of no file is called."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FilmProbs:
    """What a run says of the films of a table."""

    rows: NDArray[np.int64]
    """(n,) those that could be read, by their place in the table."""
    probs: NDArray[np.float64]
    """(n, C) of all of the run's labels."""
    failed: tuple[FailedFilm, ...]
    """Those that could not be read."""


PredictFilms = Callable[[RunFolder, "Manifest"], FilmProbs]
"""What predicts: a run, and a manifest whose films have paths."""


@dataclass(frozen=True, eq=False, kw_only=True)
class OtherSite:
    """What there is to know of another site's films beside the predictions for them."""

    name: str
    """What the site is called: as its table."""
    part: str
    """The part of the run's split that stands for its own site."""
    own: LabelledPredictions
    """What the run has said of that part, of all of its labels."""
    val: LabelledPredictions
    """The same of its validation part, which thresholds and scaling are fitted on."""
    not_in_table: tuple[str, ...]
    not_in_run: tuple[str, ...]
    mapping: MapReport | None
    """What a label map made of the table's own labels."""
    failed: tuple[FailedFilm, ...] = ()
    """Films that could not be read, and are not judged."""


@dataclass(frozen=True, eq=False, kw_only=True)
class OtherFilms:
    """The films of another site: their table, where they lie, and how they are predicted."""

    labels: LabelSource
    images: Path
    table_format: TableFormat | None = None
    allow_partial: bool = False
    """Whether images that are missing below the folder are left out."""
    other_patients: bool = False
    """Whether patients of the same ids as at the run's own site are other people."""
    predict: PredictFilms

    def read(
        self, run_dir: Path, split_dir: Path | None, part: str | None
    ) -> tuple[LabelledPredictions, OtherSite]:
        """What the run says of these films, beside their labels, and what it has said of its own.

        All but the images is read and checked before the first is predicted. Raises InputError for
        what can't be judged, and LeakageError for patients whom the run was trained on.
        """
        split = read_split(split_dir or places.SPLIT_DIR)
        run, part = RunFolder(run_dir), part or VALIDATION
        if VALIDATION not in split.parts:
            raise InputError(
                "the run's split has no validation part, so that there are no thresholds to judge "
                "another site at. Judge its predictions with --predictions CSV --labels CSV."
            )
        val = read_run_predictions(run_dir, VALIDATION, split)
        own = val if part == VALIDATION else read_run_predictions(run_dir, part, split)
        manifest = read_labels(self.labels, table_format=self.table_format)
        shared = _share_labels(own.vocabulary, manifest.vocabulary)
        self._require_strangers(manifest, split)
        located = locate_images(
            manifest, self.images, skip_missing=True if self.allow_partial else None
        )
        predicted = self.predict(run, located)
        located = located.select(predicted.rows)
        if not len(located):
            raise InputError(
                f"none of the films of {_name(self.labels)} can be read, the first is "
                f"{predicted.failed[0].image}: {predicted.failed[0].reason}. Replace them."
            )
        labelled = LabelledPredictions(
            name=own.name,
            image_ids=located.image_ids,
            patient_ids=located.patient_ids,
            targets=located.labels[:, [manifest.vocabulary.index(name) for name in shared]],
            probs=predicted.probs[:, [run.labels.index(name) for name in shared]],
            vocabulary=shared,
            columns=known_columns(located),
        )
        site = OtherSite(
            name=_name(self.labels),
            part=part,
            own=own,
            val=val,
            not_in_table=tuple(name for name in run.labels if name not in shared),
            not_in_run=tuple(name for name in manifest.vocabulary if name not in shared),
            mapping=manifest.mapping,
            failed=predicted.failed,
        )
        return labelled, site

    def _require_strangers(self, manifest: Manifest, split: Split) -> None:
        """Raise LeakageError where patients of the table are in what the run was made with."""
        if self.other_patients or not has_patients(manifest):
            return
        patients = np.unique(canonical_patient_ids(manifest.patient_ids.tolist()))
        for part in ("train", VALIDATION):
            known = split.parts[part].patient_ids.tolist()
            seen = patients[is_among(patients.tolist(), known)]
            if seen.size:
                raise LeakageError(
                    f"{seen.size:,} of {patients.size:,} patients of {_name(self.labels)} (first: "
                    f"{seen[0]}) are in the {part} part of the run's split. Scores on them would "
                    "flatter. Leave them out of the table, or, if they are other people with the "
                    "same ids, pass --other-patients."
                )


def _share_labels(of_run: Sequence[str], of_table: Sequence[str]) -> tuple[str, ...]:
    """The labels that both have, in the run's order; those that only one has are said."""
    shared = tuple(name for name in of_run if name in of_table)
    if not shared:
        raise InputError(
            f"the run and the label table have no label in common: the run predicts "
            f"{', '.join(of_run)}, and the table has {', '.join(of_table)}. Labels are matched by "
            "name; --map says those of one vocabulary in terms of another's."
        )
    only_run = [name for name in of_run if name not in shared]
    only_table = [name for name in of_table if name not in shared]
    for names, owner, other in (
        (only_run, "run", "not in the table"),
        (only_table, "table", "not the run's"),
    ):
        if names:
            verb = "label of the {} is" if len(names) == 1 else "labels of the {} are"
            console.say(
                f"{len(names)} {verb.format(owner)} {other}: {', '.join(names)}. Not judged."
            )
    return shared


def _name(labels: LabelSource) -> str:
    return list_files(labels)[0].name.split(".")[0] if is_files(labels) else _TABLE
