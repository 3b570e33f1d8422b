"""The seeds of a command: several by `--seeds`, or the one of `--seed`."""

from __future__ import annotations

from typing import Annotated

import typer

from xlite.cli.names import split_names
from xlite.errors import InputError

Seeds = Annotated[
    str | None,
    typer.Option(
        "--seeds",
        metavar="N,N,…",
        help="Seeds separated by commas: each run is trained with each. Default: --seed.",
    ),
]


def parse_seeds(text: str | None, context: typer.Context) -> list[int]:
    """The seeds that were named; none when --seed is to count. InputError for anything else."""
    if text is None:
        return []
    source = context.get_parameter_source("seed")
    if source is not None and source.name == "COMMANDLINE":
        raise InputError("--seed and --seeds exclude each other. Pass one.")
    from xlite.settings import LARGEST_SEED

    seeds = split_names(text)
    wrong = [seed for seed in seeds if not _is_seed(seed, LARGEST_SEED)]
    if wrong or not seeds:
        raise InputError(
            f"--seeds: {wrong[0] if wrong else text!r} is no whole number from 0 to "
            f"{LARGEST_SEED}. Pass numbers separated by commas, as in --seeds 0,1,2."
        )
    return [int(seed) for seed in seeds]


def _is_seed(text: str, largest: int) -> bool:
    # Not more digits than that has: Python refuses to read thousands of them.
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(largest))
    return is_number and int(text) <= largest
