"""A split that somebody has made, as tables of its parts, taken as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from xlite.errors import InputError
from xlite.places import SPLIT_PARTS
from xlite.results.split import SplitRecord
from xlite.splitting.audit import read_parts
from xlite.splitting.split_writer import describe_split, write_split
from xlite.tables.read_labels import LabelSource, require_patients
from xlite.tables.table_format import TableFormat

_WORDS = {"train": "train", "val": "val", "valid": "val", "dev": "val", "test": "test"}
_WORD = re.compile(
    r"(?:^|[^a-z])(train|valid|val|dev|test)(?:ing|idation|ation|elopment)?(?![a-z])"
)


def adopt_split(
    parts: Sequence[str | Path] | Mapping[str, LabelSource],
    *,
    out: str | Path | None = None,
    table_format: TableFormat | None = None,
    overwrite: bool = False,
) -> SplitRecord:
    """The split that tables of its parts are: `xlite split TRAIN VAL TEST`.

    parts: the files of training, validation and test, or of training and test, whose names say
    which is which or that stand in this order; or tables by "train", "val" and "test".
    table_format: as `read_labels` takes it, one for all. out: the folder for the tables and
    `split.json`; nothing is written without it. overwrite: replace another split there.

    Raises InputError for parts that can't be told or used, LeakageError where a patient or an
    image is in two.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"Image Index": ["a", "b", "c"], "Finding Labels": "Mass"})
    >>> table["Patient ID"] = [1, 2, 3]
    >>> made = adopt_split({"train": table[:2], "test": table[2:]})
    >>> {name: part.images for name, part in made.parts.items()}
    {'train': 2, 'test': 1}
    """
    named = parts if isinstance(parts, Mapping) else name_parts([Path(one) for one in parts])
    strangers = [name for name in named if name not in SPLIT_PARTS]
    if strangers or not {"train", "test"} <= set(named):
        raise InputError(
            "a split has the parts train and test, and may have val; these are "
            f"{', '.join(named) or 'none'}."
        )
    ordered = {name: named[name] for name in SPLIT_PARTS if name in named}
    tables = read_parts(ordered, table_format=table_format)
    for table in tables.values():
        require_patients(table)
    files = [Path(one) for one in ordered.values() if isinstance(one, str | Path)]
    record = {"given": tuple(path.name for path in files)}
    if out is None:
        return describe_split(tables, record)
    return write_split(tables, Path(out), record, overwrite=overwrite, sources=files)


def name_parts(files: Sequence[Path]) -> dict[str, Path]:
    """The files by part: as their names say, or in the order of a split where none says it.

    Raises InputError where names say it of some, or the same of two.

    >>> list(name_parts([Path("my_test.csv"), Path("my_train.csv")]))
    ['test', 'train']
    >>> list(name_parts([Path("a.csv"), Path("b.csv")]))
    ['train', 'test']
    """
    if len(files) not in (2, 3):
        raise InputError(
            f"{len(files)} files are no split. Name those of training, validation and test, or of "
            "training and test. Pass --audit to judge files of a split."
        )
    told = [_WORD.findall(path.name.casefold()) for path in files]
    found = [_WORDS[words[-1]] if words else None for words in told]
    if not any(found):
        found = list(SPLIT_PARTS) if len(files) == 3 else ["train", "test"]
    if None in found or len(set(found)) < len(found):
        raise InputError(
            "the files' names do not say which part each is: "
            f"{', '.join(path.name for path in files)}. Call them train.csv, val.csv and test.csv."
        )
    return {str(name): path for name, path in zip(found, files, strict=True)}
