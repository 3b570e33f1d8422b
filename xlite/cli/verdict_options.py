"""By how much a variant has to be better, and may be worse: the options of the verdict's rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from xlite.cli.expansion import RARE
from xlite.judging.margins import DEFAULT_MARGINS, DEFAULT_SAFETY_MARGIN, parse_margins

_DEFAULTS = ", ".join(f"{score}={margin:g}" for score, margin in DEFAULT_MARGINS.items())


@dataclass(frozen=True)
class VerdictOptions:
    """The margins of `decide_verdict`."""

    margin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[SCORE=]MARGIN",
            help="Change of a score up to which it is of no consequence: a mean is equivalent, and "
            "a label has neither gained nor lost. Without SCORE of the score that decides; "
            f"repeatable. Default: {_DEFAULTS}.",
        ),
        RARE,
    ] = None
    safety_margin: Annotated[
        float,
        typer.Option(
            min=0.0,
            help="Loss of a label, in the score that decides, that ADOPT and NON-INFERIOR have to "
            "rule out for each label, by the lower limit of its change.",
        ),
        RARE,
    ] = DEFAULT_SAFETY_MARGIN

    def read_margins(self, *, decisive: str = "auroc") -> dict[str, float]:
        """The margin of each score; InputError where `parse_margins` raises it."""
        return parse_margins(self.margin or (), decisive=decisive)
