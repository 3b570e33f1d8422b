"""A run whose cache was built anew at the same place with another clip limit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from judging.checks.drawn_project import draw_table, write_run, write_split
from PIL import Image

from xlite import cache_clahe
from xlite.clahe_cache.store import ClaheCache
from xlite.run_folder.records import RunData
from xlite.settings import ClaheSettings
from xlite.splitting.split_folder import read_split


def ill(folder: Path) -> list[str]:
    """CLAHE's clip limit is 4 now, and was 2."""
    return _write(folder, clip=4.0)


def sound(folder: Path) -> list[str]:
    """The same pixels again."""
    return _write(folder, clip=2.0)


def _write(folder: Path, *, clip: float) -> list[str]:
    split = write_split(folder / "splits", draw_table(num_patients=200))
    trained_on = _build_cache(folder, clip=2.0)
    parts = read_split(split)
    data = RunData(
        images={name: len(part) for name, part in parts.parts.items()},
        train_positives=parts.parts["train"].positives.tolist(),
        split_sha256=parts.sha256,
        source=trained_on,
        split_dir="splits",
        cache_dir="cache",
    )
    write_run(folder / "run", split, config={"data": data})
    _build_cache(folder, clip=clip)
    return ["--run", "run"]


def _build_cache(folder: Path, *, clip: float) -> str:
    """The fingerprint of a cache of four images."""
    images = folder / "images"
    images.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    names = [f"{number}.png" for number in range(4)]
    for name in names:
        Image.fromarray(rng.integers(0, 256, (48, 48), dtype=np.uint8)).save(images / name)
    table = pd.DataFrame({"Image Index": names, "Finding Labels": "Mass", "Patient ID": range(4)})
    cache_clahe(
        table,
        images=images,
        out=folder / "cache",
        settings=ClaheSettings(size=32, clip=clip),
        workers=1,
        rebuild=True,
    )
    return ClaheCache.open(folder / "cache").fingerprint
