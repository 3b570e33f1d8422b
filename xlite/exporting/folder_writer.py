"""Whether an export may be written where it is to go."""

from __future__ import annotations

import shutil
from pathlib import Path

from xlite.errors import InputError
from xlite.ownership import require_our_folder
from xlite.predicting.exported_folder import EXPORT_FILES, EXPORT_RECORD


def require_room(out: Path, num_bytes: int) -> None:
    """Raise InputError unless the disk that `out` is to lie on has room for `num_bytes`."""
    place = out
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < num_bytes:
        raise InputError(
            f"exporting takes about {num_bytes / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB are free "
            f"in {place}. Free some space, or pass another --out."
        )


def require_our_export(out: Path) -> None:
    """Raise InputError unless `out` is new, or holds no file of our names that is not ours."""
    require_our_folder(out, markers=[EXPORT_RECORD], names=EXPORT_FILES, what="an export")
