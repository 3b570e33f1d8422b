"""Two films of validation are films of training under other names, byte for byte."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
from judging.checks.drawn_project import draw_table, write_split


def ill(folder: Path) -> list[str]:
    """Two pictures are there twice."""
    words = sound(folder)
    names = {part: _names(folder, part) for part in ("train", "val")}
    for one, other in zip(names["train"][:2], names["val"][3:5], strict=True):
        shutil.copyfile(folder / "images" / one, folder / "images" / other)
    return words


def sound(folder: Path) -> list[str]:
    """Each is there once."""
    table = draw_table(num_patients=60)
    write_split(folder / "splits", table)
    (folder / "images").mkdir()
    rng = np.random.default_rng(0)
    for name in table["Image Index"]:
        film = rng.integers(0, 256, (12, 12), dtype=np.uint8)
        cv2.imwrite(str(folder / "images" / name), film)
    return ["--split", "splits", "--images", "images"]


def _names(folder: Path, part: str) -> list[str]:
    lines = (folder / "splits" / f"{part}.csv").read_text().splitlines()[1:]
    return [line.split(",")[0] for line in lines]
