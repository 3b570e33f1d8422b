"""Label tables of several data sets as one: `xlite tables merge` as a function."""

from __future__ import annotations

from pathlib import Path

from xlite.errors import InputError
from xlite.files import atomic_path
from xlite.ownership import require_replaceable_file, require_writable_folder
from xlite.results.merge import MergedTables
from xlite.splitting.written_table import encode_checked
from xlite.tables.label_table import read_manifest
from xlite.tables.merging import describe_sources, merge_manifests
from xlite.tables.set_list import read_set_list


def merge_tables(
    sets: str | Path, *, out: str | Path | None = None, overwrite: bool = False
) -> MergedTables:
    """What the tables of a list of data sets are as one: `xlite tables merge`.

    sets: the list, a TOML file with a [[table]] for each. out: the CSV to write; nothing is
    written without it. A label that a source has not is unknown in its images; images and
    patients carry the source's name in front. Raises InputError for what is wrong with the list
    or with a table, and where `out` is there already and not `overwrite`.
    """
    listed = read_set_list(Path(sets))
    if out is not None:
        _require_place(
            Path(out), [Path(sets), *(path for one in listed for path in one.labels)], overwrite
        )
    named = {one.source: read_manifest(one.labels, table_format=one.table_format) for one in listed}
    merged = merge_manifests(named)
    if out is not None:
        content = encode_checked(merged, str(out))
        with atomic_path(Path(out)) as path:
            path.write_bytes(content)
    return MergedTables(
        images=len(merged),
        patients=int(merged.table["patient_id"].nunique()),
        labels=merged.vocabulary,
        sources=describe_sources(merged, named),
        path=None if out is None else str(out),
    )


def _require_place(out: Path, sources: list[Path], overwrite: bool) -> None:
    require_writable_folder(out.parent)
    for source in sources:
        if out.exists() and source.exists() and out.samefile(source):
            raise InputError(f"--out {out} is one of the files that are merged. Pass another.")
    require_replaceable_file(out, is_ours=lambda _: False, overwrite=overwrite)
