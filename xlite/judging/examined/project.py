"""A project as the doctor looks at it: every split, table, run and result below one folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from xlite.errors import InputError
from xlite.judging.choices import read_choices
from xlite.judging.comparison import COMPARISON_RECORD
from xlite.judging.examined.examined import Examined, attempt
from xlite.judging.examined.project_files import ProjectFiles, find_project_files
from xlite.judging.examined.run import ExaminedRun
from xlite.judging.examined.split import ExaminedSplit
from xlite.judging.examined.table import ExaminedTable
from xlite.judging.sealed_test import read_looks
from xlite.places import ABLATION_RECORD, STUDIES, STUDY_RECORD, STUDY_VERDICTS
from xlite.results.ablation import Ablation
from xlite.results.comparison import Comparison
from xlite.results.evaluation import Look
from xlite.results.study import Study, StudyVerdicts
from xlite.run_folder.listing import find_run_folders

if TYPE_CHECKING:
    from xlite.results.selection import Choice
    from xlite.run_folder.folder import RunFolder
    from xlite.tables.table_format import TableFormat

_REMEDY = "Make it again, or move it away."


@dataclass(frozen=True, eq=False)
class ExaminedProject(Examined):
    """What lies below a folder; it is looked for once, and read as it is asked for."""

    kind: ClassVar[str] = "project"

    root: Path
    layout: TableFormat | None = None
    test_list: Path | None = None
    images_dir: Path | None = None

    @property
    def place(self) -> str:
        """Its folder."""
        return str(self.root)

    def read_all(self) -> Iterable[object]:
        """The results of its experiments; splits, runs and tables are looked at for themselves."""
        yield from attempt(self, "ablations", "comparisons", "studies", "verdicts", "looks")

    @cached_property
    def files(self) -> ProjectFiles:
        """Where everything lies."""
        return find_project_files(self.root)

    @cached_property
    def tables(self) -> tuple[ExaminedTable, ...]:
        """The label tables that are no parts of splits."""
        return tuple(ExaminedTable(path, self.layout) for path in self.files.tables)

    @cached_property
    def splits(self) -> tuple[ExaminedSplit, ...]:
        """The splits, each fold one of them, with what lies in the project beside them."""
        caches, lists = self.files.caches, self.files.test_lists
        return tuple(
            ExaminedSplit(
                path,
                self.layout,
                source=self.tables[0] if len(self.tables) == 1 else None,
                cache_dir=caches[0] if len(caches) == 1 else None,
                images_dir=self.images_dir,
                test_list=self.test_list or (lists[0] if lists else None),
                is_held_to_list=self.test_list is not None,
            )
            for path in self.files.splits
        )

    @cached_property
    def runs(self) -> tuple[RunFolder, ...]:
        """The runs of all experiments folders, finished or not."""
        return tuple(
            run for folder in self.files.experiments for run in find_run_folders(folder / "runs")
        )

    def examine_runs(self) -> Iterator[ExaminedRun]:
        """Each run with its split. Predictions that were read are kept no longer than the run."""
        for folder in self.runs:
            yield ExaminedRun(folder, self.find_split(folder))

    def find_split(self, run: RunFolder) -> ExaminedSplit | None:
        """The split that a run was trained on, known by the sums of its files; None without."""
        try:
            wanted = run.config.data.split_sha256
        except InputError:
            return None
        return next((split for split in self.splits if split.is_split_of(wanted)), None)

    @cached_property
    def ablations(self) -> dict[Path, Ablation]:
        """What `xlite ablate` has found, by file."""
        return {
            path: Ablation.read(path, remedy=_REMEDY) for path in self._results(ABLATION_RECORD)
        }

    @cached_property
    def comparisons(self) -> dict[Path, Comparison]:
        """What `xlite compare` has found, by file."""
        return {
            path: Comparison.read(path, remedy=_REMEDY) for path in self._results(COMPARISON_RECORD)
        }

    @cached_property
    def studies(self) -> dict[Path, Study]:
        """What has become of studies, by file."""
        return {path: Study.read(path, remedy=_REMEDY) for path in self._of_studies(STUDY_RECORD)}

    @cached_property
    def verdicts(self) -> dict[Path, StudyVerdicts]:
        """The verdicts on the experiments of studies, by file."""
        paths = self._of_studies(STUDY_VERDICTS)
        return {path: StudyVerdicts.read(path, remedy=_REMEDY) for path in paths}

    @cached_property
    def looks(self) -> tuple[Look, ...]:
        """The looks at test parts that were counted, oldest first."""
        found = [look for folder in self.files.experiments for look in read_looks(folder)]
        return tuple(sorted(found, key=lambda look: look.time))

    def list_choices(self, result: Path) -> tuple[Choice, ...]:
        """What the experiments folder of a result has noted of choices; none of a damaged one."""
        try:
            return read_choices(result.parent)
        except InputError:
            return ()

    def _of_studies(self, name: str) -> list[Path]:
        folders = self.files.experiments
        return [path for one in folders for path in sorted(one.glob(f"{STUDIES}/*/{name}"))]

    def _results(self, name: str) -> list[Path]:
        return [
            folder / name for folder in self.files.experiments if os.path.lexists(folder / name)
        ]
