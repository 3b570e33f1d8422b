"""`bundle`: what results rest on, as one file that others recompute them from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xlite.errors import InputError
from xlite.ownership import require_replaceable_file
from xlite.proving.bundle import write_bundle
from xlite.proving.chosen import choose
from xlite.results.verification import BundleSummary
from xlite.tables.hashed_ids import read_key
from xlite.workflows.bundled_texts import render_texts


def bundle(
    items: str | Path | Sequence[str | Path],
    *,
    out: str | Path,
    split: str | Path | None = None,
    hash_ids: str | Path | None = None,
    overwrite: bool = False,
    processes: int = 1,
) -> BundleSummary:
    """Write runs and studies as a file that others recompute every number from, without images.

    items: folders or names of finished runs and of studies. split: the folder of their split or
    folds; None for where the runs say that it was, or `data/splits`. hash_ids: the file of the key
    that patients and images are hashed with; None for a new one that nobody keeps. processes: as
    of `verify`.

    The same key makes the same bytes. Raises InputError for what is neither run nor study, an
    unfinished run and a split that is not found, and CheckFailedError where a number of theirs is
    not what predictions and labels give.
    """
    some = [items] if isinstance(items, str | Path) else list(items)
    if not some:
        raise InputError("name at least one run or study to bundle.")
    path = Path(out)
    if path.suffix.lower() != ".zip":
        raise InputError(f"{path} is no name for a bundle. Pass --out NAME.zip.")
    require_replaceable_file(path, is_ours=lambda _: False, overwrite=overwrite)
    key_file = None if hash_ids is None else Path(hash_ids)
    key = None if key_file is None else read_key(key_file)
    chosen = choose([Path(one) for one in some], split=None if split is None else Path(split))
    key_name = "thrown away" if key_file is None else str(key_file)
    return write_bundle(
        chosen, path, key=key, key_name=key_name, render=render_texts, processes=processes
    )
