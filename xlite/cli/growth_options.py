"""Seeds that are added until the verdicts are known: the options of `xlite ablate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from xlite.errors import InputError

if TYPE_CHECKING:
    from xlite.judging.growth import Growth


@dataclass(frozen=True)
class GrowthOptions:
    """Whether seeds are added one by one, and how many at most."""

    until_decided: Annotated[
        bool,
        typer.Option(
            "--until-decided",
            help="Begin with three seeds (or those of --seeds) and add one after the other, looked "
            "at after each, until each variant is decided or has no hope to be. Intervals hold at "
            "all looks together.",
        ),
    ] = False
    max_seeds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="The most seeds of --until-decided, fixed before the first look. Default: 12.",
        ),
    ] = None

    def plan_growth(self, seeds: Sequence[int], seed: int) -> Growth | None:
        """How seeds are added; None where they are not. seeds: those of --seeds, if any."""
        if not self.until_decided:
            if self.max_seeds is not None:
                raise InputError("--max-seeds goes with --until-decided. Pass both, or neither.")
            return None
        from xlite.workflows.growing_ablation import plan_growth

        return plan_growth(seeds, seed=seed, most=self.max_seeds)
