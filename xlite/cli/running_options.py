"""Where and from which weights runs are trained: the options that every training command shares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlite import console
from xlite.cli.expansion import RARE
from xlite.cli.generated_options import RuntimeFields
from xlite.cli.option_values import read_fields
from xlite.errors import InputError

if TYPE_CHECKING:
    from xlite.settings import Runtime, TrainSettings

_option = partial(typer.Option, rich_help_panel="Running")
_model_option = partial(typer.Option, rich_help_panel="Model")


@dataclass(frozen=True)
class RunningOptions(RuntimeFields):
    """Initial weights, machine, and how runs share it."""

    pretrained: Annotated[
        bool,
        _model_option("--pretrained/--no-pretrained", help="Start from ImageNet weights."),
        RARE,
    ] = True
    precision: Annotated[
        str,
        _option(help="auto (bf16 or fp16 on a GPU, else fp32), fp32, bf16 or fp16."),
        RARE,
    ] = "auto"
    tune: Annotated[
        bool,
        _option(
            "--tune",
            help="Measure some steps first and use the faster precision (unless --precision says) "
            "and memory format of each model; kept in OUT/tuning.json for the next time.",
        ),
        RARE,
    ] = False
    power_safe: Annotated[
        bool,
        _option(
            "--power-safe",
            help="Spare power supply and cooling: at most 2 loader processes, each step in 2 "
            "parts or more (same batch), rests between runs, frequent checkpoints.",
        ),
        RARE,
    ] = False

    def describe_weights(self) -> dict[str, str | None]:
        """The settings that say which weights a run starts from, files by their SHA-256."""
        if self.weights is not None and not self.pretrained:
            raise InputError("--weights and --no-pretrained exclude each other. Pass one.")
        initial = "hub" if self.pretrained else "none"
        return {
            "initial_weights": _name_file("--weights", self.weights) or initial,
            "warm_start": _name_file("--warm-start", self.warm_start),
        }

    def to_runtime(self, *, is_cached: bool) -> Runtime:
        """Where and with how many processes to run; is_cached: images come from a cache."""
        from xlite.executors.power_safe import spare
        from xlite.settings import Runtime

        runtime = Runtime.parse(**read_fields(self, Runtime))
        if not self.power_safe:
            return runtime
        from xlite.loading.loader import default_num_workers

        usual = default_num_workers(is_cached=is_cached, has_gpu=self._has_gpu())
        return spare(
            runtime,
            num_workers=usual if runtime.num_workers is None else runtime.num_workers,
            keeps_pause=self.pause is not None,
            keeps_checkpoints=self.checkpoint_minutes is not None,
        )

    def prepare(self, settings: TrainSettings, *, is_cached: bool) -> Runtime:
        """The runtime; this process is made ready for it, and what --power-safe sets is said."""
        from xlite.executors.power_safe import describe
        from xlite.own_process import keep_freed_memory

        runtime = self.to_runtime(is_cached=is_cached)
        if self.power_safe:
            console.say(describe(settings, runtime))
        if not self._has_gpu():
            keep_freed_memory()
        return runtime

    def settle_precision(self, settings: TrainSettings) -> TrainSettings:
        """The settings with the precision that "auto" stands for on this machine."""
        if self.precision != "auto" or not self._has_gpu():
            return settings
        import torch

        precision = "bf16" if torch.cuda.is_bf16_supported() else "fp16"
        return settings.model_copy(update={"precision": precision})

    def _has_gpu(self) -> bool:
        import torch

        return self.device != "cpu" and torch.cuda.is_available()


def _name_file(option: str, path: Path | None) -> str | None:
    from xlite.files import sha256_of_file

    if path is not None and not path.is_file():
        raise InputError(f"weights file {path} does not exist. Pass {option} FILE.")
    return None if path is None else f"sha256:{sha256_of_file(path)}"
