"""Images that are equalised while loading, where there is no cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlite.clahe_cache.clahe import apply_clahe
from xlite.clahe_cache.radiograph import UnreadableImageError, check_radiograph, read_radiograph
from xlite.errors import InputError
from xlite.tables.manifest import Manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.settings import ClaheSettings

_UNREADABLE_REMEDY = (
    "Replace the files, or split a label table without them. `xlite cache-clahe` tries every "
    "image, and lists those that can't be read."
)


class RuntimeClahe:
    """CLAHE at loading time, an order of magnitude slower than the cache; for a quick look."""

    def __init__(self, manifests: Sequence[Manifest], settings: ClaheSettings) -> None:
        self.settings = settings
        self._paths = [Path(path) for part in manifests for path in part.table["path"]]
        image_ids = (image_id for part in manifests for image_id in part.image_ids)
        self._row = {image_id: row for row, image_id in enumerate(image_ids)}

    def require_readable(self) -> None:
        """Raise InputError that names files of which a look shows that they can't be read."""
        faults = []
        for path in self._paths:
            try:
                check_radiograph(path)
            except UnreadableImageError as error:
                faults.append(str(error))
        if faults:
            others = f" and {len(faults) - 3} others" if len(faults) > 3 else ""
            raise InputError(
                f"{len(faults)} of {len(self._paths)} images can't be read: "
                f"{'; '.join(faults[:3])}{others}. {_UNREADABLE_REMEDY}"
            )

    def rows_of(self, image_ids: Sequence[str]) -> NDArray[np.int64]:
        """The row of each image among the manifests that the source was made of."""
        return np.array([self._row[image_id] for image_id in image_ids], dtype=np.int64)

    def read_many(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """(B, S, S) uint8 grey images, decoded and equalised now.

        Raises InputError that names the file of an image that can't be read.
        """
        try:
            return np.stack(
                [apply_clahe(read_radiograph(self._paths[row]), self.settings) for row in rows]
            )
        except UnreadableImageError as error:
            raise InputError(f"image {error}. {_UNREADABLE_REMEDY}") from None
