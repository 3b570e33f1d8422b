"""What an ablation varies: the options of its axes, and the variants that come of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from xlite.cli.names import read_several

if TYPE_CHECKING:
    from xlite.settings import TrainSettings
    from xlite.studies.axes import Axis, Variant

_option = partial(typer.Option, rich_help_panel="What is varied")
_DEFAULT_LOSSES = "bce,pos-weight,focal"

Model = Annotated[
    str,
    typer.Option(
        "--model",
        "--models",
        metavar="NAME",
        help="The model to train in each way; several, separated by commas, are an axis.",
    ),
]


@dataclass(frozen=True)
class AxisOptions:
    """The axes of an ablation, its baseline, and the loss and sampler of what is on no axis."""

    losses: Annotated[
        str | None,
        _option(
            metavar="A,B,…",
            help=f"Losses. Default, when nothing else is varied: {_DEFAULT_LOSSES}.",
        ),
    ] = None
    samplers: Annotated[str | None, _option(metavar="A,B,…", help="Samplers.")] = None
    vary: Annotated[
        list[str] | None,
        _option(
            metavar="NAME=A,B,…",
            help="Any other option of training, loss or sampler by its name; repeatable.",
        ),
    ] = None
    variant: Annotated[
        list[str] | None,
        _option(
            metavar="NAME:SETTING=VALUE,…",
            help="A variant that differs from the baseline in several settings, under a name of "
            "its own; repeatable.",
        ),
    ] = None
    baseline: Annotated[
        str | None,
        _option(
            metavar="VALUE,…",
            help="The values, or NAME=VALUE, that the others are compared with. Default: the "
            "first of each axis.",
        ),
    ] = None
    product: Annotated[
        bool,
        _option(
            "--product",
            help="Every combination of the axes. Without it, each variant differs from the "
            "baseline on one axis.",
        ),
    ] = False
    loss: Annotated[
        str | None, typer.Option(help="The loss, unless --losses. Default: pos-weight.")
    ] = None
    sampler: Annotated[
        str | None, typer.Option(help="The sampler, unless --samplers. Default: none.")
    ] = None

    def read_axes(self, model: str) -> list[Axis]:
        """The axes that are asked for; `model` is one where it names several.

        Raises InputError for an axis of another form, and for one beside the value that it varies.
        """
        from xlite.studies.axes import Axis

        losses, is_varied = self.losses, self.vary or self.variant or "," in model
        if losses is None and self.samplers is None and self.loss is None and not is_varied:
            losses = _DEFAULT_LOSSES
        values = {
            "model": read_several("--model", "--models", model, None),
            "loss": read_several("--loss", "--losses", self.loss, losses),
            "sampler": read_several("--sampler", "--samplers", self.sampler, self.samplers),
        }
        axes = [Axis(name, several) for name, several in values.items() if several]
        return axes + [Axis.parse(text) for text in self.vary or []]

    def choose(self, axes: Sequence[Axis], model: str) -> dict[str, str]:
        """The model, loss and sampler of the settings that the axes vary."""
        fixed = {
            "model": model,
            "loss": self.loss or "pos-weight",
            "sampler": self.sampler or "none",
        }
        return fixed | {axis.name: axis.values[0] for axis in axes if axis.name in fixed}

    def plan(self, base: TrainSettings, axes: Sequence[Axis]) -> list[Variant]:
        """The variants that axes and combinations make of `base`, the baseline first."""
        from xlite.studies.axes import Combination, plan_variants

        return plan_variants(
            base,
            axes,
            combinations=[Combination.parse(text) for text in self.variant or []],
            baseline=self.baseline,
            product=self.product,
        )
