"""`xlite demo`: the main job on synthetic radiographs, by the very commands a user would type."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlite.cli import options
from xlite.cli.expansion import expand_groups

_EPILOG = "Example: xlite demo --out demo"


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("demo", rich_help_panel="Start here", epilog=_EPILOG)(expand_groups(demo))


def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write.")] = Path(
        "demo"
    ),
    num_images: Annotated[
        int,
        typer.Option("--num-images", min=300, max=112_120, help="Synthetic radiographs to draw."),
    ] = 1000,
    epochs: Annotated[int, typer.Option(min=3, help="Epochs of each training.")] = 10,
    seed: options.Seed = 42,
) -> None:
    """Draw synthetic radiographs, then split, cache, verify, train, resume, ablate and report.

    No network, minutes on two CPU cores. The second run finds everything done.
    """
    from xlite.workflows import demo as workflow

    workflow.demo(out, num_images=num_images, epochs=epochs, seed=seed)
