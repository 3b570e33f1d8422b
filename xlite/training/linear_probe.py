"""The linear probe before fine-tuning: what is behind the backbone, trained on what it gives.

A new head sends gradients through the backbone that bend its features before the head is of any
use; trained first, it leaves them as they were, and the model does better on films unlike those of
training (Kumar et al. 2022, arXiv:2202.10054). The backbone sees each training image once.

N images, B of a batch, C classes, D channels, H' and W' the map's sides.
"""

from __future__ import annotations

import math
import signal
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from xlite import console
from xlite.errors import CheckFailedError, InterruptedRunError
from xlite.models.classifier import Classifier
from xlite.randomness import derive_seed
from xlite.training.device import isolated_torch_seed
from xlite.training.optimizer import own_rate
from xlite.training.predict import predict_logits
from xlite.training.probe_features import FrozenBackbone, require_room_for_probe
from xlite.training.processes import start_alike

if TYPE_CHECKING:
    from xlite.settings import TrainSettings
    from xlite.signals import StopRequest
    from xlite.training.open_run import OpenRun


def probe_head(run: OpenRun, stop: StopRequest) -> list[float]:
    """Train attention and head for `probe_epochs` passes; returns the loss of each.

    They see what the backbone, in evaluation mode, gives of the training images as they are, in
    batches and orders of the epochs of the same numbers, with the run's loss, and AdamW at the
    rates of attention and head, which stay as they are. A function of the seed, like all else.
    Raises InterruptedRunError when `stop` is set on the way: nothing is kept of it then; and
    InputError as `require_room_for_probe`.
    """
    settings, fabric, model = run.settings, run.fabric, run.stepper.model
    require_room_for_probe(
        model,
        num_images=len(run.data.parts["train"]),
        image_size=settings.image_size or run.data.image_size,
    )
    outputs = predict_logits(
        FrozenBackbone(model),
        run.loaders.build_in_order("train"),
        fabric=fabric,
        description=f"{run.title} features",
        should_stop=stop.__bool__,
    )
    if outputs is None:
        raise _stopped(run, stop)
    maps, targets = torch.from_numpy(outputs.logits), torch.from_numpy(outputs.targets)
    optimizer = _build_optimizer(model, settings)
    losses = []
    for number in range(settings.probe_epochs):
        if stop:
            raise _stopped(run, stop)
        rows = torch.from_numpy(run.sampler.drawn_indices(number))
        with isolated_torch_seed(fabric.device):
            losses.append(_pass_once(run, optimizer, maps, targets, rows, number))
        console.say(
            f"{run.title} probe {number + 1}/{settings.probe_epochs}: loss {losses[-1]:.4f}"
        )
    # Each process has done the same, up to the last digits of its machine.
    start_alike(fabric, model)
    return losses


def _pass_once(
    run: OpenRun,
    optimizer: torch.optim.Optimizer,
    maps: Tensor,
    targets: Tensor,
    rows: Tensor,
    number: int,
) -> float:
    """The mean loss of a pass over `rows` of maps (N, D, H', W') and targets (N, C)."""
    settings, stepper, device = run.settings, run.stepper, run.fabric.device
    model, total = stepper.model, 0.0
    trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    model.train()
    for step, chosen in enumerate(torch.split(rows, settings.batch_size)):
        torch.manual_seed(derive_seed("probe noise", settings.seed, number, step))
        logits = model.classify_map(maps[chosen].to(device))
        known = targets[chosen].to(device, torch.float32)
        # What a loss learns or keeps of its own begins with the first epoch.
        terms = stepper.loss.judge(logits, known, epoch=0)
        loss = torch.stack(list(terms.values())).sum()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise CheckFailedError(
                f"the loss of pass {number + 1} of --probe-epochs is {value}; nothing was "
                "trained yet. Lower --head-lr, or look at the images."
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained, settings.clip_norm)
        optimizer.step()
        total += value * len(chosen)
    optimizer.zero_grad(set_to_none=True)
    return total / len(rows)


def _build_optimizer(model: Classifier, settings: TrainSettings) -> torch.optim.AdamW:
    groups = [
        {"params": list(part.parameters()), "lr": own_rate(name, settings)}
        for name, part in (("attention", model.attention), ("head", model.head))
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]], weight_decay=settings.weight_decay
    )


def _stopped(run: OpenRun, stop: StopRequest) -> InterruptedRunError:
    return InterruptedRunError(
        f"stopped in the passes of --probe-epochs, before {run.run_dir} was begun: they start over "
        "with the same command.",
        signal_number=stop.signal_number or signal.SIGTERM,
    )
