"""Options that mean the same thing in every command, and what their values become."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlite.errors import InputError

if TYPE_CHECKING:
    pass

DATA = "Data"

Labels = Annotated[
    list[Path] | None,
    typer.Option(
        "--labels",
        metavar="CSV",
        help="Label table, .csv or .csv.gz; repeat it for several of one data set. Default: "
        "data/Data_Entry_2017*.csv.",
        rich_help_panel=DATA,
    ),
]
CheckedLabels = Annotated[
    list[Path] | None,
    typer.Option(
        "--labels",
        metavar="CSV",
        help="Label table that the split has to agree with. Default: the split's own labels.",
        rich_help_panel=DATA,
    ),
]
JudgedLabels = Annotated[
    list[Path] | None,
    typer.Option(
        "--labels",
        metavar="CSV",
        help="Label table of --predictions; with RUN the one that the split has to agree with, or "
        "with --images another site's. Default: the split's own labels.",
        rich_help_panel=DATA,
    ),
]
SplitDir = Annotated[
    Path,
    typer.Option(
        "--split", metavar="DIR", help="Folder written by `xlite split`.", rich_help_panel=DATA
    ),
]
CacheDir = Annotated[
    Path,
    typer.Option(
        "--cache",
        metavar="DIR",
        help="Folder written by `xlite cache-clahe`.",
        rich_help_panel=DATA,
    ),
]
RuntimeImages = Annotated[
    Path | None,
    typer.Option(
        "--images",
        metavar="DIR",
        help="Compute CLAHE at each loading from this folder instead of a cache: slow.",
        rich_help_panel=DATA,
    ),
]
AllowPartial = Annotated[
    bool,
    typer.Option(
        "--allow-partial",
        help="Judge predictions that lack images or labels of the table, or another site of which "
        "films are missing, by what is there.",
    ),
]
ExperimentsDir = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder for runs and tables.")
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Skip finished runs and continue unfinished ones.")
]


def require_seed(seed: int) -> int:
    """The seed; InputError for one that some library would refuse after hours, or take modulo."""
    from xlite.settings import LARGEST_SEED

    if seed > LARGEST_SEED:
        raise InputError(f"a seed is at most {LARGEST_SEED}. Pass a smaller --seed.")
    return seed


Seed = Annotated[
    int,
    typer.Option("--seed", min=0, callback=require_seed, help="Seed of every random choice."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def typed_command() -> str:
    """The command as it was typed, which records keep."""
    return shlex.join(["xlite", *sys.argv[1:]])
