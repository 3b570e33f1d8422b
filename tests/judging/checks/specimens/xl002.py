"""Two films of validation are films of training under other names, one byte for byte, one mirrored,
cropped and saved again."""

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
    images = folder / "images"
    shutil.copyfile(images / names["train"][0], images / names["val"][3])
    film = cv2.imread(str(images / names["train"][1]), cv2.IMREAD_GRAYSCALE)
    altered = film[4:118, -3:10:-1]
    cv2.imwrite(str(images / names["val"][4]), cv2.resize(altered, (160, 150)))
    return words


def sound(folder: Path) -> list[str]:
    """Each is there once."""
    table = draw_table(num_patients=60)
    write_split(folder / "splits", table)
    (folder / "images").mkdir()
    rng = np.random.default_rng(0)
    for name in table["Image Index"]:
        structure = rng.integers(0, 256, (40, 40)).astype(np.float32)
        film = cv2.resize(structure, (128, 128), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / "images" / name), np.clip(film, 0, 255).astype(np.uint8))
    return ["--split", "splits", "--images", "images"]


def _names(folder: Path, part: str) -> list[str]:
    lines = (folder / "splits" / f"{part}.csv").read_text().splitlines()[1:]
    return [line.split(",")[0] for line in lines]
