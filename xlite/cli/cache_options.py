"""The options of `xlite cache-clahe`, but for the pixels' and the label table's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlite.cli import options

Split = Annotated[
    Path | None,
    typer.Option(
        "--split",
        metavar="DIR",
        help="Instead of --labels: the images of all parts of a split.",
        rich_help_panel=options.DATA,
    ),
]
Images = Annotated[
    Path, typer.Option("--images", metavar="DIR", help="Folder with the images, at any depth.")
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write.")]
Format = Annotated[
    str, typer.Option("--format", help="packed (one memory map, fast) or png (to look at).")
]
Workers = Annotated[
    int | None, typer.Option(min=1, max=1024, help="Processes. Default: all cores.")
]
SkipMissing = Annotated[
    bool, typer.Option("--skip-missing", help="Go on without images that are not there.")
]
AllowFailed = Annotated[
    bool, typer.Option("--allow-failed", help="Exit 0 although images could not be read.")
]
Rebuild = Annotated[
    bool, typer.Option("--rebuild", help="Start afresh, replacing a cache that differs.")
]
Shard = Annotated[
    str | None,
    typer.Option("--shard", metavar="K/N", help="Build only part K of N, beside other jobs: 3/16."),
]
Merge = Annotated[bool, typer.Option("--merge", help="Check all shards and put them together.")]
NearDuplicates = Annotated[
    bool,
    typer.Option(
        "--near-duplicates",
        help="Then look for images that are the same film under two names: 1 ms an image.",
    ),
]
Verify = Annotated[
    bool, typer.Option("--verify", help="Check every pixel of the cache in --out; build nothing.")
]
