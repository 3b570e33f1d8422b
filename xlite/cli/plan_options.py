"""Options of what is to be told, in commands that say how many images that takes."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from xlite.cli.expansion import RARE

if TYPE_CHECKING:
    from xlite.judging.sample_plan import Aim

HOW_MANY = "How many?"

_option = partial(typer.Option, rich_help_panel=HOW_MANY)


@dataclass(frozen=True)
class PlanOptions:
    """What is to be told, and what is assumed for it."""

    width: Annotated[float, _option(metavar="W", help="Intervals of AUROC are to be ± this.")] = (
        0.05
    )
    difference: Annotated[
        float, _option(metavar="D", help="Difference of two methods' macro AUROC to be told.")
    ] = 0.01
    num_seeds: Annotated[int, _option(min=1, help="Runs of each method, with a seed each.")] = 3
    power: Annotated[
        float, _option(help="The chance with which the difference is to be found."), RARE
    ] = 0.8
    model_correlation: Annotated[
        float, _option(help="Likeness of two models' AUROC over other patients: assumed."), RARE
    ] = 0.5
    seed_deviation: Annotated[
        float, _option(help="Standard deviation of macro AUROC over seeds: assumed."), RARE
    ] = 0.01

    def to_aim(self, *, level: float, patient_correlation: float | None = None) -> "Aim":
        """What is asked for, at a level of confidence; without the last as it is assumed."""
        from xlite.judging.sample_plan import Aim

        likeness = (
            {} if patient_correlation is None else {"patient_correlation": patient_correlation}
        )
        return Aim(
            width=self.width,
            difference=self.difference,
            seeds=self.num_seeds,
            level=level,
            power=self.power,
            model_correlation=self.model_correlation,
            seed_deviation=self.seed_deviation,
            **likeness,
        )
