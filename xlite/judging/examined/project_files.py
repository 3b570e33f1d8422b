"""Where splits, caches, label tables and runs of a project lie, whatever its folders are called."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from xlite.clahe_cache.file_names import CACHE_RECORD
from xlite.errors import InputError
from xlite.inputs import open_regular
from xlite.judging.examined.split import PART_FILES, is_split
from xlite.labels import simplify_label
from xlite.run_folder.file_names import RUNS
from xlite.run_folder.folder import RunFolder

_DEPTH = 3
"""Folders below the project's: `data/folds/0` is the deepest that xlite writes a split in."""
_MOST_FOLDERS = 2000
_MOST_HEADER = 1 << 16
_TEST_LISTS = ("test_list.txt",)
_PART_NAMES = {name for names in PART_FILES.values() for name in names}
_NO_TABLE = {"failed.csv", "index.csv", "ablation.csv", "comparison.csv"}
_IMAGE_KEYS = {"imageindex", "imageid", "image", "filename", "file", "path", "imagepath", "dicomid"}
_PATIENT_KEYS = {"patientid", "patient", "subjectid", "subject", "pid"}
_LABEL_KEYS = {"findinglabels", "labels", "nofinding", "pneumothorax", "cardiomegaly", "edema"}
_SKIPPED = {"__pycache__", "node_modules", "site-packages", "venv"}


@dataclass
class ProjectFiles:
    """Paths, each list in the order of the names."""

    splits: list[Path] = field(default_factory=list)
    caches: list[Path] = field(default_factory=list)
    experiments: list[Path] = field(default_factory=list)
    """Folders that have a folder of runs."""
    tables: list[Path] = field(default_factory=list)
    """Label tables, known by their header."""
    test_lists: list[Path] = field(default_factory=list)
    """Official lists of test images."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to look at."""
        return not (self.splits or self.experiments or self.tables)


def find_project_files(root: Path) -> ProjectFiles:
    """What lies in a folder and three levels below it; links to folders are not followed."""
    found = ProjectFiles()
    for folder, files, folders in _walk(root):
        if is_split(folder):
            found.splits.append(folder)
        if CACHE_RECORD in files:
            found.caches.append(folder)
        if RUNS in folders and _has_run(folder / RUNS):
            found.experiments.append(folder)
        found.test_lists += [folder / name for name in _TEST_LISTS if name in files]
        found.tables += [folder / name for name in files if _is_table(folder / name)]
    return found


def _walk(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Each folder with the names of its files and folders; those that hold runs, pixels or
    programs are not gone into.
    """
    todo = [(root, 0)]
    seen = 0
    while todo and seen < _MOST_FOLDERS:
        folder, depth = todo.pop(0)
        seen += 1
        files: list[str] = []
        folders: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    is_folder = entry.is_dir(follow_symlinks=False)
                    (folders if is_folder else files).append(entry.name)
        except OSError:
            continue
        yield folder, sorted(files), folders
        if depth < _DEPTH and CACHE_RECORD not in files:
            todo += [
                (folder / name, depth + 1)
                for name in sorted(folders)
                if name != RUNS and name not in _SKIPPED and not name.startswith(".")
            ]


def _has_run(runs: Path) -> bool:
    with os.scandir(runs) as entries:
        return any(RunFolder(Path(entry.path)).is_begun for entry in entries)


def _is_table(path: Path) -> bool:
    """Whether a CSV's header has columns of images, patients and labels; predictions have not."""
    if not path.name.endswith((".csv", ".csv.gz")) or path.name in _PART_NAMES | _NO_TABLE:
        return False
    try:
        with open_regular(path) as file:
            head = file.read(_MOST_HEADER)
    except InputError:
        return False
    if path.name.endswith(".gz"):
        head = _begin_of_gzip(head)
    line = head.partition(b"\n")[0].decode("utf-8-sig", errors="replace")
    names = {simplify_label(name.strip(' "\r')) for name in line.split(",")}
    return all(names & keys for keys in (_IMAGE_KEYS, _PATIENT_KEYS, _LABEL_KEYS))


def _begin_of_gzip(head: bytes) -> bytes:
    import zlib

    try:
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(head, _MOST_HEADER)
    except zlib.error:
        return b""
