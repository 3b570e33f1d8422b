"""A tiny project in which everything is sound: the cases spoil copies of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hostile.commands import Commands

NUM_IMAGES = 48
TRAIN = ("--no-pretrained", "--batch-size", "16", "--image-size", "32", "--device", "cpu")
"""Options of every training: a step takes milliseconds."""


def build_sound_project(commands: Commands, folder: Path) -> Path:
    """`folder` with a table, images, split, two caches, finished runs and what follows of them.

    Everything lies where commands look for it by default:

        data/Data_Entry_2017.csv, data/raw/*.png    48 synthetic radiographs of 48 pixels
        data/splits, data/clahe_cache, data/png_cache
        experiments/runs/<two>                      one epoch of test_resnet under two losses
        experiments/                                ablation, comparison, evaluation, log, tuning
        val.csv, test.csv                           predictions of the first run
        thresholds.json                             fitted on val.csv
        mine.csv                                    a table of two labels in other columns
    """
    from xlite.synthetic.generate import generate_synthetic

    raw = folder / "raw"
    table = generate_synthetic(raw, num_images=NUM_IMAGES, seed=3, image_size=48, min_positives=5)
    (folder / "data").mkdir()
    table.rename(folder / "data" / "Data_Entry_2017.csv")
    (raw / "images").rename(folder / "data" / "raw")
    shutil.rmtree(raw)
    (folder.parent / "home").mkdir(exist_ok=True)

    def xlite(line: str) -> None:
        ending = commands.run(line.split(), folder)
        assert ending.exit_code == 0, f"{line}\n{ending.err}{ending.out}"

    xlite("split")
    cache = "cache-clahe --size 32 --grid 4 --workers 1"
    xlite(cache)
    xlite(f"{cache} --format png --out data/png_cache")
    train = " ".join(TRAIN)
    xlite(f"ablate --model test_resnet --losses bce,focal --epochs 1 {train}")
    xlite("compare")
    first = min((folder / "experiments" / "runs").iterdir()).name
    evaluate = "--resamples 100 --no-figures"
    xlite(f"evaluate {first} --part test {evaluate}")
    for part in ("val", "test"):
        predictions = folder / "experiments" / "runs" / first / f"predictions_{part}.csv"
        shutil.copy(predictions, folder / f"{part}.csv")
    xlite(
        "evaluate --predictions val.csv --labels data/splits/val.csv --out fitted "
        f"--save-thresholds thresholds.json --calibrate platt {evaluate}"
    )
    shutil.rmtree(folder / "fitted")
    (folder / "mine.csv").write_text(
        "file,edema,mass,person\n"
        + "".join(f"{k:08d}_000.png,{k % 2},{int(k % 3 == 0)},p{k}\n" for k in range(1, 41))
    )
    return folder


def copy_project(sound: Path, folder: Path) -> Path:
    """A copy in `folder`/project, beside a foreign folder and an empty home."""
    shutil.copytree(sound, folder / "project", symlinks=True)
    (folder / "home").mkdir()
    foreign = folder / "foreign"
    (foreign / "images").mkdir(parents=True)
    (foreign / "notes.txt").write_text("not ours\n")
    (foreign / "thesis.csv").write_text("chapter,pages\n1,20\n")
    (foreign / "images" / "holiday.png").write_bytes(b"\x89PNG not really")
    os.utime(foreign / "notes.txt", ns=(10**18, 10**18))
    return folder / "project"
