"""The options of `xlite split` that are in no group: files to take or judge, and where to write."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Files = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Files of a split's parts: taken as they are, or judged with --audit, which takes a "
        "split's folder, too."
    ),
]
Audit = Annotated[
    bool, typer.Option("--audit", help="Judge the given files instead of making a split.")
]
AuditedPredictions = Annotated[
    Path | None,
    typer.Option(
        "--predictions",
        metavar="CSV",
        help="With --audit: a model's predictions for the second file, judged apart for patients "
        "who are in the first, its training, and for others.",
    ),
]
Reference = Annotated[
    Path | None,
    typer.Option(
        "--reference",
        metavar="CSV",
        help="With --predictions: those of a model that has seen none of these patients.",
    ),
]


AuditedImages = Annotated[
    Path | None,
    typer.Option(
        "--images",
        metavar="DIR",
        help="With --audit: the folder of the images, or a CLAHE cache of them, to find the same "
        "film under two names: cropped, mirrored, turned, inverted or saved again.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="DIR", help="Folder to write. Default: data/splits, data/folds for folds."
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Replace another split, or other files of these names, in the folder."
    ),
]
