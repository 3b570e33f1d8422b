"""`xlite models --memory`: what memory training takes, by what takes it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from xlite import console
from xlite.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlite.models.memory import MemoryFigures

_option = partial(typer.Option, rich_help_panel="Memory")


@dataclass(frozen=True)
class MemoryOptions:
    """Whether memory is shown, and of what a step."""

    memory: Annotated[
        bool, _option("--memory", help="Show the memory that training takes instead.")
    ] = False
    batch_size: Annotated[
        int | None,
        _option(min=1, help="--memory: images that are computed at once. Default: 32."),
    ] = None
    precision: Annotated[
        str | None, _option(help="--memory: fp32, bf16 or fp16. Default: fp32.")
    ] = None
    ema: Annotated[
        bool, _option("--ema", help="--memory: with a moving average of the weights.")
    ] = False

    def shows(
        self, names: Sequence[str], image_size: int | None, num_labels: int, *, json: bool
    ) -> bool:
        """Show the memory if that is what is wanted; whether it was."""
        if not self.memory:
            if self.batch_size is not None or self.precision is not None or self.ema:
                raise InputError(
                    "--batch-size, --precision and --ema are for --memory. Pass it, too."
                )
            return False
        from xlite.models.memory import estimate_memory

        needs = estimate_memory(
            names,
            batch_size=self.batch_size or 32,
            image_size=image_size,
            precision=self.precision or "fp32",  # type: ignore[arg-type]  # checked there
            num_labels=num_labels,
            has_average=self.ema,
        )
        if json:
            console.result_json(needs.to_json())
        else:
            _print_memory(needs.models)
        return True


def _print_memory(figures: Sequence[MemoryFigures]) -> None:
    first = figures[0]
    console.table(
        f"MB to train with {first.batch_size} images at once, {first.precision}",
        ["model", "size", "weights", "gradients", "AdamW", "EMA", "activations", "in all"],
        [
            [
                row.name,
                str(row.image_size),
                *(f"{part / 1e6:,.0f}" for part in row.parts),
                f"{row.total / 1e6:,.0f}",
            ]
            for row in figures
        ],
        caption="Activations: what the backward pass needs of the forward pass. In all: with what "
        "a step takes besides; a process has some 800 MB more for torch and its libraries.",
        drop_first=["gradients", "EMA", "AdamW"],
    )
