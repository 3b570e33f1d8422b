"""The options of `xlite probe`: what is probed, on which films."""

from pathlib import Path
from typing import Annotated

import typer

from xlite.cli import options
from xlite.cli.names import split_names
from xlite.errors import InputError

Models = Annotated[
    str,
    typer.Option(metavar="A,B,…", help="Backbones by their names in timm.", show_default=False),
]
ImageSizes = Annotated[
    str | None,
    typer.Option(metavar="S,…", help="Sides in pixels to try. Default: that of each cache."),
]
Caches = Annotated[
    list[Path] | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        help="Folder written by `xlite cache-clahe`; repeat it to try several. Default: "
        "data/clahe_cache.",
        rich_help_panel=options.DATA,
    ),
]
Split = Annotated[
    Path,
    typer.Option(
        "--split",
        metavar="DIR",
        help="Folder written by `xlite split`: best one of --folds; else its validation part "
        "judges.",
        rich_help_panel=options.DATA,
    ),
]
Weights = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[MODEL=]FILE",
        help="A backbone's weights in timm's naming, instead of ImageNet's; repeatable.",
    ),
]
Pretrained = Annotated[
    bool,
    typer.Option(
        "--pretrained/--no-pretrained",
        help="Start from ImageNet weights, or from random ones, to see what those are worth.",
    ),
]
Views = Annotated[
    int,
    typer.Option(
        min=1,
        help="Views of each film, up to 8: as it is, mirrored, then small movements. Time "
        "grows with them.",
    ),
]
Features = Annotated[
    Path,
    typer.Option(
        "--features", metavar="DIR", help="Folder that keeps features, and where they are found."
    ),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for what was found.")]


def read_sizes(text: str | None) -> list[int]:
    """The sides in an option's value, none where it was not given; InputError for anything else.

    >>> read_sizes("224, 320"), read_sizes(None)
    ([224, 320], [])
    """
    sizes = [] if text is None else split_names(text)
    wrong = [size for size in sizes if not (size.isascii() and size.isdigit() and len(size) < 6)]
    if wrong or (text is not None and not sizes):
        raise InputError(
            f"--image-sizes: {wrong[0] if wrong else text!r} is no side in pixels. Pass whole "
            "numbers separated by commas, as in --image-sizes 224,320."
        )
    return [int(size) for size in sizes]
