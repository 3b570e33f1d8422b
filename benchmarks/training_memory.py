"""What `estimate_memory` says against what a CPU takes: `python -m benchmarks.training_memory`.

Each measurement is a process of its own that takes three training steps; its peak (VmHWM) less what
it had before the model was built is held against the estimate. Linux alone; some minutes. Prints a
line each and writes `benchmarks/training_memory.json`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from xlite import console, files
from xlite.labels import NIH_LABELS

RESULTS = Path(__file__).with_name("training_memory.json")
MODELS = (
    "tf_efficientnet_lite0",
    "resnet18",
    "mobilenet_v3_large_mhsa",
    "efficientnet_b0",
    "densenet121",
)
SIZES = ((16, 128), (8, 224))
"""Images at once, and their side."""
_STEPS = 3


def main() -> None:
    """Measure all, or with arguments one: MODEL BATCH SIZE."""
    if sys.argv[1:]:
        name, batch_size, image_size = sys.argv[1:]
        console.result_json(measure(name, int(batch_size), int(image_size)))
        return
    from xlite.models.memory import estimate_memory

    rows = []
    for name in MODELS:
        for batch_size, image_size in SIZES:
            command = [sys.executable, "-m", "benchmarks.training_memory", name]
            done = subprocess.run(
                [*command, str(batch_size), str(image_size)],
                capture_output=True,
                text=True,
                check=True,
            )
            measured = json.loads(done.stdout)
            (figures,) = estimate_memory(
                [name], batch_size=batch_size, image_size=image_size
            ).models
            row = {
                "model": name,
                "batch_size": batch_size,
                "image_size": image_size,
                "estimated": figures.total,
                **measured,
                "ratio": round(figures.total / measured["peak"], 3),
            }
            rows.append(row)
            console.say(str(row))
    files.write_json(RESULTS, {"rows": rows, "torch": torch.__version__})
    console.say(f"written: {RESULTS}")


def measure(name: str, batch_size: int, image_size: int) -> dict[str, int]:
    """Bytes that training takes at most beyond the process's own, and those."""
    from xlite.loading.loader import Batch
    from xlite.losses.training_loss import build_training_loss
    from xlite.models.classifier import build_classifier
    from xlite.settings import LossSettings, Runtime, TrainSettings
    from xlite.signals import StopRequest
    from xlite.training.device import build_fabric
    from xlite.training.state import TrainState
    from xlite.training.step import Stepper

    torch.set_num_threads(1)
    settings = TrainSettings(model=name, initial_weights="none", loss=LossSettings(name="bce"))
    fabric = build_fabric(Runtime(device="cpu"), "fp32")
    labels = np.eye(len(NIH_LABELS), dtype=np.int8)
    loss = build_training_loss(settings.loss, labels, NIH_LABELS, device=fabric.device)
    # What is loaded at the first convolution is the process's own.
    build_classifier("test_resnet", pretrained=False, seed=0)(torch.zeros(1, 1, 64, 64))
    before = _read_memory("VmRSS")
    model = build_classifier(name, pretrained=False, seed=0).to(memory_format=torch.channels_last)
    stepper = Stepper(
        settings=settings, fabric=fabric, model=model, loss=loss, image_ids=np.arange(batch_size)
    )
    state = TrainState()
    stepper.begin_epoch(state)
    rng = np.random.default_rng(0)
    for _ in range(_STEPS):
        images = rng.integers(0, 256, (batch_size, 1, image_size, image_size), dtype=np.uint8)
        targets = rng.integers(0, 2, (batch_size, len(NIH_LABELS)), dtype=np.int8)
        batch = Batch(*(torch.from_numpy(one) for one in (images, targets, np.arange(batch_size))))
        stepper.take_step(batch, state, lr_factor=1.0, share_sizes=[batch_size], stop=StopRequest())
    return {"peak": _read_memory("VmHWM") - before, "process": before}


def _read_memory(key: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {key}")


if __name__ == "__main__":
    main()
