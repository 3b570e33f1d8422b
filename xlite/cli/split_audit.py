"""`xlite split --audit`: what leaks between anyone's parts, and what it does to scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xlite import console, places
from xlite.cli.seen_tables import judge_audited, print_seen_patients
from xlite.cli.split_tables import print_audit, print_split
from xlite.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlite.tables.table_format import TableFormat


def audit_files(
    files: Sequence[Path],
    table_format: TableFormat,
    models: tuple[Path | None, Path | None],
    images: Path | None,
    *,
    as_json: bool,
) -> None:
    """Print what leaks between the parts, and what a model scores on either side of a leak.

    models: predictions for the second file, and those of a model that has seen none of its
    patients. images: where films are looked for under two names. Raises LeakageError once that is
    printed.
    """
    from xlite.splitting.audit import audit_split, find_parts
    from xlite.splitting.leakage import require_no_leakage

    if len(files) == 1 and files[0].is_dir():
        files = find_parts(files[0])
    if len(files) < 2:
        raise InputError("--audit needs the files of at least two parts.")
    audit = audit_split(files, table_format=table_format, images=images)
    seen = judge_audited(files, table_format, *models)
    if as_json:
        added = {} if seen is None else {"seen_patients": seen.to_json()}
        console.result_json({**audit.to_json(), **added})
    else:
        print_audit(audit)
        if seen is not None:
            print_seen_patients(seen)
    require_no_leakage(audit)


def adopt_files(
    files: Sequence[Path],
    table_format: TableFormat,
    out: Path | None,
    *,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Take the parts that the files hold as a split, and print what they hold."""
    from xlite.splitting.given_parts import adopt_split

    folder = out or places.SPLIT_DIR
    made = adopt_split(files, out=folder, table_format=table_format, overwrite=overwrite)
    print_split(made, folder, as_json=as_json)
