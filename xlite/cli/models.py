"""`xlite models`: what there is to train, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from xlite import console
from xlite.cli import options
from xlite.cli.expansion import expand_groups
from xlite.cli.memory_options import MemoryOptions
from xlite.cli.names import split_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlite.models.census import ModelFigures

_EPILOG = (
    "Example: xlite models\n\n"
    "Example: xlite models resnet18 resnet18+mhsa resnet18+performer --image-size 512\n\n"
    "Example: xlite models resnet18 resnet18+csra resnet18+mhsa+query\n\n"
    "Example: xlite models resnet18 --memory --batch-size 16 --image-size 224"
)

_WEIGHTS = {"cached": "cached", "hub": "not cached", "none": "none exist"}


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("models", rich_help_panel="Training", epilog=_EPILOG)(expand_groups(models))


def models(
    memory: MemoryOptions,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="As in `xlite train --models`. Default: the six hybrids and their three backbones."
        ),
    ] = None,
    image_size: Annotated[
        int | None,
        typer.Option(
            min=1, help="Side in pixels to count MACs for. Default: that of each pretraining."
        ),
    ] = None,
    num_labels: Annotated[int, typer.Option(min=1, help="Labels that the head gives.")] = 14,
    json: options.Json = False,
) -> None:
    """List models with their parameters, MACs and image size, and whether weights are at hand.

    MACs are multiply-accumulates for one image. Nothing is downloaded; `xlite train` fetches the
    weights that are not cached. With --memory: what a training step takes, by what takes it.
    """
    from xlite.models.census import count_models

    chosen = [name for text in names or () for name in split_names(text)]
    if memory.shows(chosen, image_size, num_labels, json=json):
        return
    census = count_models(chosen, num_labels=num_labels, image_size=image_size)
    if json:
        console.result_json(census.to_json())
    else:
        _print_table(census.models, num_labels)


def _print_table(figures: Sequence[ModelFigures], num_labels: int) -> None:
    console.table(
        f"Models with {num_labels} labels",
        ["model", "backbone", "attention", "parameters", "MACs", "image size", "weights"],
        [
            [
                row.name,
                row.backbone,
                row.attention,
                f"{row.num_parameters:,}",
                f"{row.num_macs / 1e9:.3f} G",
                str(row.image_size),
                _WEIGHTS[row.pretrained_weights],
            ]
            for row in figures
        ],
        drop_first=["backbone", "attention", "image size"],
    )
