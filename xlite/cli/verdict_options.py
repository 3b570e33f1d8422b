"""By how much a variant has to be better, and may be worse: the options of the verdict's rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from xlite.cli.expansion import RARE


@dataclass(frozen=True)
class VerdictOptions:
    """The margins of `decide_verdict`; a test holds the defaults to its own."""

    margin: Annotated[
        float,
        typer.Option(
            min=0.0, help="Change of a label's AUROC up to which it has neither gained nor lost."
        ),
        RARE,
    ] = 0.01
    safety_margin: Annotated[
        float,
        typer.Option(
            min=0.0,
            help="Loss of a label's AUROC that ADOPT has to rule out for each label, by the lower "
            "limit of its change.",
        ),
        RARE,
    ] = 0.05
