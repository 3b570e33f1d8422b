"""The radiographs that the image benchmarks read: real ones where they are at hand."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path

from xlite.synthetic.generate import generate_synthetic
from xlite.tables.image_folder import locate_images
from xlite.tables.label_table import read_manifest
from xlite.tables.manifest import Manifest

REAL = Path(__file__).parents[2] / "shared" / "nih-sample"

_NUM_SYNTHETIC = 120
_SYNTHETIC_SIZE = 512


@dataclass(frozen=True)
class Radiographs:
    """A manifest with located files, and words that say what they are."""

    manifest: Manifest
    table: Path
    """The label table's file."""
    description: str

    @property
    def paths(self) -> list[Path]:
        """The N files, in the order of the manifest."""
        return [Path(path) for path in self.manifest.table["path"]]


@functools.cache
def find_radiographs() -> Radiographs:
    """NIH's sample where it lies beside the repository, else synthetic films, drawn once.

    The files have been read before this returns: the benchmarks compare work, not disks.
    """
    if REAL.is_dir():
        table = REAL / "Data_Entry_2017.csv"
        manifest = locate_images(read_manifest(table), REAL / "images")
        found = Radiographs(manifest, table, f"{len(manifest)} real NIH radiographs")
    else:
        # 512 pixels, not NIH's 1024: drawing takes longer than all of the benchmarks' rounds.
        table = generate_synthetic(
            Path(_scratch().name) / "films", num_images=_NUM_SYNTHETIC, image_size=_SYNTHETIC_SIZE
        )
        found = Radiographs(
            locate_images(read_manifest(table), table.parent / "images"),
            table,
            f"{_NUM_SYNTHETIC} synthetic films of {_SYNTHETIC_SIZE} x {_SYNTHETIC_SIZE} pixels",
        )
    for path in found.paths:
        path.read_bytes()
    return found


@functools.cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    # Held by the cache, so that the folder lives as long as the process.
    return tempfile.TemporaryDirectory(prefix="xlite-bench-")
