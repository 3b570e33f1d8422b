"""The options of sampling, shared by the commands that train or judge a sampler."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from xlite.settings import SamplerSettings

_SAMPLING = "Sampling"


@dataclass(frozen=True)
class SamplerOptions:
    """The settings of the sampler, but for its name."""

    no_finding: Annotated[
        str,
        typer.Option(
            help="Weight of images without a finding: smallest (class weight), natural (their "
            "share stays), share:0.3 (it becomes 0.3), a number, or auto.",
            rich_help_panel=_SAMPLING,
        ),
    ] = "auto"
    strength: Annotated[
        float,
        typer.Option(
            help="max-*: from 0 (shares as found) to 1 (equal shares).",
            rich_help_panel=_SAMPLING,
        ),
    ] = 1.0
    min_ess: Annotated[
        float | None,
        typer.Option(
            help="max-*: the strongest that keeps this effective sample size, 0 to 1.",
            rich_help_panel=_SAMPLING,
        ),
    ] = None
    min_repeat: Annotated[
        float,
        typer.Option(
            help="max-ess: least expected number of draws of an image with findings in an epoch.",
            rich_help_panel=_SAMPLING,
        ),
    ] = 0.1
    max_repeat: Annotated[
        float | None,
        typer.Option(
            help="max-*: largest expected number of draws of an image in an epoch.",
            rich_help_panel=_SAMPLING,
        ),
    ] = None
    nearest_feasible: Annotated[
        bool,
        typer.Option(
            "--nearest-feasible",
            help="max-*: take the nearest shares that can be met.",
            rich_help_panel=_SAMPLING,
        ),
    ] = False
    draw: Annotated[
        str,
        typer.Option(
            help="replacement (independent draws) or systematic (same exposure, less chance).",
            rich_help_panel=_SAMPLING,
        ),
    ] = "replacement"
    sampler_power: Annotated[
        float,
        typer.Option(help="inverse-*: exponent of the count.", rich_help_panel=_SAMPLING),
    ] = 1.0
    smoothing: Annotated[
        float,
        typer.Option(help="inverse-*: images added to each count.", rich_help_panel=_SAMPLING),
    ] = 1.0
    threshold: Annotated[
        float,
        typer.Option(
            help="repeat-factor: prevalence under which a class is repeated.",
            rich_help_panel=_SAMPLING,
        ),
    ] = 0.05

    def to_settings(self, name: str) -> "SamplerSettings":
        """Validated settings of the sampler called `name`."""
        from xlite.settings import SamplerSettings

        return SamplerSettings.parse(
            name=name,
            no_finding=self.no_finding,
            draw=self.draw,
            power=self.sampler_power,
            smoothing=self.smoothing,
            threshold=self.threshold,
            strength=self.strength,
            min_ess=self.min_ess,
            min_repeat=self.min_repeat,
            max_repeat=self.max_repeat,
            nearest_feasible=self.nearest_feasible,
        )
