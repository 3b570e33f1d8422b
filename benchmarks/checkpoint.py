"""What checkpoints cost: the share of an epoch of NIH's training part that goes into saving.

By default one is written every ten minutes and one at the end of an epoch. The time of one, with
optimizer and best weights in it, is set against an epoch of 78,484 images at the speed at which
the same model trains here.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.measure import Row, compare_with_limit, time_in_turns
from benchmarks.study import BATCH_SIZE, build_cache, build_study, choose_settings, open_study_run
from xlite.settings import Runtime
from xlite.signals import StopRequest
from xlite.training.exact_resume import save_checkpoint
from xlite.training.state import TrainState

_MODEL = "efficientnet_b0_mhsa"
_EPOCH_IMAGES = 78_484
_LIMIT = 0.01
_STEPS = 2


def run() -> list[Row]:
    """The row of `efficientnet_b0_mhsa` at default settings."""
    with tempfile.TemporaryDirectory(prefix="xlite-bench-") as folder:
        scratch = Path(folder)
        data = build_study(build_cache(scratch))
        opened = open_study_run(choose_settings(_MODEL), data, scratch / "run")
        stepper, sampler = opened.stepper, opened.sampler

        def take_steps() -> int:
            state = TrainState()
            stepper.begin_epoch(state)
            sampler.set_epoch(0)
            for batch, _ in zip(opened.train_loader, range(_STEPS), strict=False):
                stepper.take_step(
                    batch,
                    state,
                    lr_factor=1.0,
                    share_sizes=sampler.share_sizes(state.step),
                    stop=StopRequest(),
                )
                state.step += 1
            return _STEPS * BATCH_SIZE

        def save() -> int:
            best = {name: tensor.clone() for name, tensor in stepper.model.state_dict().items()}
            save_checkpoint(
                opened.run_dir,
                parts=stepper.parts,
                state=opened.state,
                best=best,
                identity=opened.identity,
            )
            return 1

        seconds = time_in_turns({"steps": take_steps, "save": save}, rounds=3)
    shares = [
        share_of_epoch(save_seconds=one, image_seconds=image)
        for one, image in zip(seconds["save"], seconds["steps"], strict=True)
    ]
    name = f"checkpoints, {_MODEL}: share of an epoch of 78,484 images that is allowed"
    return [compare_with_limit(name, shares, limit=_LIMIT, unit="of an epoch")]


def share_of_epoch(*, save_seconds: float, image_seconds: float) -> float:
    """The share of an epoch's time that goes into checkpoints, at most.

    >>> share_of_epoch(save_seconds=1.0, image_seconds=1200 / 78_484)
    0.0025
    """
    epoch_seconds = _EPOCH_IMAGES * image_seconds
    interval_seconds = 60 * Runtime().checkpoint_minutes
    return (epoch_seconds // interval_seconds + 1) * save_seconds / epoch_seconds
