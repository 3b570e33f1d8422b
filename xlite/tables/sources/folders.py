"""A folder a class: the label of an image is the name of the folder that it lies in."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from xlite.errors import InputError
from xlite.labels import NO_FINDING, is_no_finding
from xlite.tables.image_folder import is_image_name
from xlite.tables.sources.source import About, Field, SourceFile, TableSource, TextLabels

PARTS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def walk_folders(root: Path) -> pd.DataFrame:
    """A row an image below `root`, by its path: its folder, and the part that it may lie in.

    Links and what begins with a dot are passed over. Raises InputError for an image in no folder.
    """
    rows = []
    for place, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        folder = Path(place).relative_to(root)
        images = [name for name in sorted(names) if is_image_name(name) and name[0] != "."]
        part = PARTS.get(folder.parts[0].lower(), "") if folder.parts else ""
        if images and len(folder.parts) < (2 if part else 1):
            raise InputError(
                f"{root / folder / images[0]} lies in no folder of a class. Put each image into "
                "the folder that is called as its label."
            )
        is_healthy = bool(images) and (
            folder.name.lower() == "normal" or is_no_finding(folder.name)
        )
        label = NO_FINDING if is_healthy else folder.name
        rows += [
            {"path": (folder / name).as_posix(), "label": label, "part": part} for name in images
        ]
    if not rows:
        raise InputError(f"{root} holds no image. Name the folder that holds one folder a class.")
    return pd.DataFrame(rows, dtype=object)


FOLDERS = TableSource(
    name="folders",
    title="Folders of classes",
    about=About(
        what="Any tree of images with a folder a class.",
        reads="The folder itself, named as `--labels` (and as `--images`).",
        assumes=(
            "The label is the name of the folder that an image lies in; other labels are absent.",
            "`normal` and `no finding` are no label, but the absence of all.",
            "A first folder train, val, valid, validation or test is the official part.",
            "Patients are not told: each image counts as a patient of its own.",
        ),
        licence="That of the images.",
        where="Wherever the images are from.",
        citation="–",
    ),
    files=(SourceFile(role="folders", names=(), columns=(), walk=walk_folders),),
    image=Field(column="path"),
    part=Field(column="part"),
    labels=TextLabels(column="label", separator="\0"),
    is_recognised=False,
)
