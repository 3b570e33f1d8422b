"""What becomes of a command's runs as a whole: a learning curve, or one model of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from xlite.cli.expansion import RARE
from xlite.cli.names import split_names
from xlite.errors import InputError


@dataclass(frozen=True)
class WholeOptions:
    """What the runs of a command are together."""

    subset_sizes: Annotated[
        str | None,
        typer.Option(
            "--subset-sizes",
            metavar="P,P,…",
            help="Train on these shares of the training patients, each within the next, and "
            "forecast what more patients would bring: 0.25,0.5,1.",
        ),
    ] = None
    ensemble: Annotated[
        bool,
        typer.Option(
            "--ensemble", help="Make the seeds and folds of a model one model, in OUT/ensembles."
        ),
        RARE,
    ] = False

    @property
    def passed(self) -> dict[str, bool]:
        """Whether each was asked for, by its name."""
        return {"subset_sizes": self.subset_sizes is not None, "ensemble": self.ensemble}


def parse_shares(text: str | None) -> list[float]:
    """The shares that were named; none without the option. InputError for what is no number.

    >>> parse_shares("0.25, 0.5,1")
    [0.25, 0.5, 1.0]
    """
    if text is None:
        return []
    try:
        shares = [float(word) for word in split_names(text)]
    except ValueError:
        shares = []
    if not shares:
        raise InputError(
            f"--subset-sizes {text!r} is no list of numbers. Pass shares of the training patients, "
            "as in --subset-sizes 0.25,0.5,1."
        )
    return shares
