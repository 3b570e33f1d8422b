"""Where films are predicted, by commands that judge what a run says of them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from xlite.settings import Runtime


@dataclass(frozen=True)
class PredictingOptions:
    """Where films are predicted: another site's, or views of one's own."""

    device: Annotated[
        str,
        typer.Option(
            "--device",
            help="Where films are predicted: auto, cpu, cuda, cuda:N or mps.",
            rich_help_panel="Running",
        ),
    ] = "auto"
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=0,
            help="Loader processes. Default: chosen.",
            rich_help_panel="Running",
        ),
    ] = None

    def to_runtime(self) -> "Runtime":
        """The device and the processes that the options name."""
        from xlite.settings import Runtime

        return Runtime.parse(device=self.device, num_workers=self.workers)
