"""`--power-safe`: what a machine behind a UPS, or with a weak supply or cooling, is spared.

Few loader processes, smaller parts of a step, rests between runs and frequent checkpoints: settings
that people else find one by one, after the first power cut.
"""

from __future__ import annotations

from xlite.settings import Runtime, TrainSettings

MAX_WORKERS = 2
MIN_PARTS = 2
REST_SECONDS = 30.0
CHECKPOINT_MINUTES = 2.0


def split_steps(settings: TrainSettings) -> TrainSettings:
    """The settings with each step computed in two parts or more; its batch stays as it was."""
    parts = min(settings.batch_size, max(settings.accumulate, MIN_PARTS))
    return settings.model_copy(update={"accumulate": parts})


def spare(
    runtime: Runtime, *, num_workers: int, keeps_pause: bool, keeps_checkpoints: bool
) -> Runtime:
    """The runtime with few loader processes, rests between runs and frequent checkpoints.

    num_workers: of the runtime, or what would be chosen for it. What the user has set himself is
    kept.
    """
    update: dict[str, float] = {"num_workers": min(num_workers, MAX_WORKERS)}
    if not keeps_pause:
        update["pause_seconds"] = REST_SECONDS
    if not keeps_checkpoints:
        update["checkpoint_minutes"] = CHECKPOINT_MINUTES
    return runtime.model_copy(update=update)


def describe(settings: TrainSettings, runtime: Runtime) -> str:
    """One line that says what is in force under `--power-safe`."""
    return (
        f"power-safe: {runtime.num_workers} loader processes, each step of {settings.batch_size} "
        f"images in {settings.accumulate} parts, {runtime.pause_seconds:g} s of rest between "
        f"runs, a checkpoint every {runtime.checkpoint_minutes:g} minutes"
    )
