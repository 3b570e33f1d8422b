"""The sittings of a run: what each process that trained it ran on, in `sittings.json`."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from xlite import __version__, console
from xlite.errors import InterruptedRunError
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.records import Environment, Sitting, write_sittings

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from xlite.settings import Runtime
    from xlite.training.state import TrainState

_DECIDES_DIGITS = ("num_threads", "num_processes", "device", "torch", "machine")
"""What of an environment decides the order in which floating-point numbers are added up."""


@contextmanager
def keep_sitting(
    run_dir: Path,
    state: TrainState,
    *,
    epochs: int,
    runtime: Runtime,
    fabric: Fabric,
    probe_losses: Sequence[float],
    is_trained: Callable[[], bool],
) -> Iterator[None]:
    """Note in `sittings.json` that a sitting begins at `state`, and how the block ends.

    Says so when it runs on something else than the one before. A kill leaves no end. is_trained: a
    run that is not when the block is left has paused, which is noted as an interruption.
    """
    earlier = RunFolder(run_dir).sittings
    environment = describe_environment(fabric)
    if earlier:
        _announce_change(run_dir, earlier[-1].environment, environment)
    sitting = Sitting(
        started=_now(),
        epochs=epochs,
        from_epoch=state.epoch,
        from_step=state.step,
        probe_losses=list(probe_losses) or None,
        environment=environment,
        working_dir=str(Path.cwd()),
        runtime=runtime.model_dump(mode="json"),
    )
    write_sittings(run_dir, [*earlier, sitting])
    outcome = "failed"
    try:
        yield
        outcome = "finished" if is_trained() else "interrupted"
    except (InterruptedRunError, KeyboardInterrupt):
        outcome = "interrupted"
        raise
    finally:
        end: dict[str, Any] = {"ended": _now(), "outcome": outcome}
        write_sittings(run_dir, [*earlier, sitting.model_copy(update=end)])


def describe_environment(fabric: Fabric) -> Environment:
    """What this process trains on."""
    is_gpu = fabric.device.type == "cuda"
    return Environment(
        xlite=__version__,
        torch=torch.__version__,
        python=platform.python_version(),
        machine=platform.machine(),
        num_threads=torch.get_num_threads(),
        num_processes=fabric.world_size,
        device=torch.cuda.get_device_name(fabric.device) if is_gpu else fabric.device.type,
    )


def _announce_change(run_dir: Path, before: Environment, now: Environment) -> None:
    changes = [
        f"{name.removeprefix('num_')} {getattr(before, name)} before, {getattr(now, name)} now"
        for name in _DECIDES_DIGITS
        # Version 0.1 did not note the device.
        if getattr(before, name) not in (None, getattr(now, name))
    ]
    if changes:
        console.warn(
            f"{run_dir.name} continues on something else ({'; '.join(changes)}): sums are added up "
            "in another order, so the third digit of its scores may not be that of a run in one "
            f"sitting. sittings.json notes it."
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
