"""`doctor`: the faults that make results false, looked for in a project or in single things."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite import console
from xlite.errors import InputError, did_you_mean
from xlite.files import write_json
from xlite.judging.checks.diagnosis import diagnose, list_of_run, list_things
from xlite.judging.checks.registry import CHECKS
from xlite.judging.examined.examined import Examined
from xlite.judging.examined.loss import ExaminedLoss, LossKind
from xlite.judging.examined.predictions import ExaminedPredictions
from xlite.judging.examined.project import ExaminedProject
from xlite.judging.examined.run import ExaminedRun
from xlite.judging.examined.split import ExaminedSplit, find_part_files
from xlite.judging.examined.table import ExaminedTable
from xlite.ownership import require_replaceable_file
from xlite.places import DIAGNOSIS
from xlite.results.doctor import Diagnosis
from xlite.run_folder.folder import RunFolder
from xlite.splitting.folds_folder import is_folds, read_folds
from xlite.tables.table_files import list_files

if TYPE_CHECKING:
    from xlite.tables.table_files import TableFiles
    from xlite.tables.table_format import TableFormat


def doctor(
    project: str | Path | None = None,
    *,
    split: str | Path | None = None,
    predictions: str | Path | None = None,
    labels: TableFiles | None = None,
    run: str | Path | None = None,
    loss: Callable[[Any, Any], Any] | None = None,
    loss_kind: LossKind = "focal",
    images: str | Path | None = None,
    cache: str | Path | None = None,
    test_list: str | Path | None = None,
    table_format: TableFormat | None = None,
    ignore: Sequence[str] = (),
) -> Diagnosis:
    """What every check says of a project's folder, or of the single things that are given.

    project: a folder with splits, label tables and runs in it or below; the current one where
    nothing is given. split: a folder of train.csv, val.csv and test.csv, xlite's or anyone's.
    predictions: anyone's CSV, of the images in `split` or `labels`. labels: a label table, also
    the one that `split` was made from. run: a run's folder. loss: a function of logits and targets,
    tensors (B, C), that is said to be `loss_kind`, focal or asymmetric. images, cache, test_list:
    the images, the CLAHE cache and the official test list of `split`. table_format: which columns
    of tables hold what; None looks for them. ignore: codes of checks to leave out. Of a project the
    diagnosis is kept as `diagnosis.json` in its experiments folder, for the report. Nothing is
    raised for a fault, which is a finding; InputError is for a folder with nothing to look at, and
    for paths that do not exist.
    """
    _require_codes(ignore)
    given = _Given(
        split=_path(split),
        predictions=_path(predictions),
        labels=() if labels is None else list_files(labels),
        run=_path(run),
        loss=None if loss is None else ExaminedLoss(loss, loss_kind),
        images=_path(images),
        cache=_path(cache),
        test_list=_path(test_list),
        layout=table_format,
    )
    if any(one is not None for one in (split, predictions, labels, run, loss)):
        if project is not None:
            raise InputError("a folder and single things exclude each other. Pass one of the two.")
        return diagnose(given.things(), ignored=ignore)
    root = Path("." if project is None else project)
    _require_folder(root)
    found = ExaminedProject(root, table_format, given.test_list, given.images)
    if found.files.is_empty:
        raise InputError(
            f"{root} holds nothing to look at: no split (a folder of train.csv, val.csv and "
            "test.csv), no label table and no experiments/runs. Pass the folder of a project, or "
            "--split, --predictions, --labels or --run."
        )
    diagnosis = diagnose(list_things(found), ignored=ignore)
    for experiments in found.files.experiments:
        _write(diagnosis, experiments / DIAGNOSIS)
    return diagnosis


def _write(diagnosis: Diagnosis, path: Path) -> None:
    """Leave the diagnosis where the report looks for it; what stands in the way is said."""
    try:
        require_replaceable_file(path, is_ours=_is_diagnosis)
        write_json(path, diagnosis.to_json())
    except (InputError, OSError) as error:
        console.warn(f"the diagnosis was not kept for the report: {error}")


def _is_diagnosis(content: bytes) -> bool:
    return content.lstrip().startswith(b"{") and b'"examined"' in content


@dataclass(frozen=True, kw_only=True)
class _Given:
    """Single things, and what is known beside them."""

    split: Path | None
    predictions: Path | None
    labels: tuple[Path, ...]
    run: Path | None
    loss: ExaminedLoss | None
    images: Path | None
    cache: Path | None
    test_list: Path | None
    layout: TableFormat | None

    def __post_init__(self) -> None:
        for path in (self.predictions, *self.labels, self.test_list):
            if path is not None and not path.exists():
                raise InputError(f"{path} does not exist. Pass another file.")
        for path in (self.split, self.run, self.images, self.cache):
            if path is not None:
                _require_folder(path)

    @cached_property
    def table(self) -> ExaminedTable | None:
        """The label table."""
        if not self.labels:
            return None
        first, *others = self.labels
        return ExaminedTable(first, self.layout, others=tuple(others))

    @cached_property
    def splits(self) -> tuple[ExaminedSplit, ...]:
        """The split, or the folds in its folder."""
        folders = [] if self.split is None else _list_splits(self.split)
        return tuple(
            ExaminedSplit(
                path,
                self.layout,
                source=self.table,
                cache_dir=self.cache,
                images_dir=self.images,
                test_list=self.test_list,
                is_held_to_list=self.test_list is not None,
            )
            for path in folders
        )

    def things(self) -> Iterator[Examined]:
        """What there is to look at, in order."""
        if self.table is not None:
            yield self.table
        yield from self.splits
        if self.run is not None:
            folder = RunFolder(self.run)
            folder.require_begun()
            yield from list_of_run(ExaminedRun(folder, self._split_of(folder)))
        if self.loss is not None:
            yield self.loss
        if self.predictions is not None:
            split = self.splits[0] if self.splits else None
            table = None if split is not None else self.table
            yield ExaminedPredictions(self.predictions, split, table=table)

    def _split_of(self, run: RunFolder) -> ExaminedSplit | None:
        """The split that a run was trained on: one that was given, or the one it names."""
        try:
            data = run.config.data
        except InputError:
            return None
        named = [Path(data.split_dir)] if data.split_dir else []
        known = [*self.splits, *(ExaminedSplit(path) for path in named if path.is_dir())]
        return next((one for one in known if one.is_split_of(data.split_sha256)), None)


def _list_splits(folder: Path) -> list[Path]:
    """The folder, or the folds in it; InputError for one that holds no parts."""
    if is_folds(folder):
        return list(read_folds(folder).splits)
    if not find_part_files(folder):
        raise InputError(
            f"{folder} holds no split: there is no train.csv, val.csv or test.csv. Pass the folder "
            "of these files."
        )
    return [folder]


def _require_codes(codes: Sequence[str]) -> None:
    known = [check.code for check in CHECKS]
    for code in codes:
        if code not in known:
            raise InputError(
                f"--ignore {code}: there is no such check.{did_you_mean(code, known)} They are "
                f"{known[0]} to {known[-1]}."
            )


def _require_folder(path: Path) -> None:
    if not path.is_dir():
        fault = "is not a folder" if path.exists() else "does not exist"
        raise InputError(f"{path} {fault}. Pass a folder.")


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)
