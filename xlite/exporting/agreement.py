"""Whether an exported model says what the run's says, and how long either takes.

B batch, C classes, S image side.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from xlite.errors import CheckFailedError
from xlite.predicting.exported_model import run_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.exporting.served_model import ServedModel

LARGEST_DIFFERENCE = 1e-4
"""Between the logits of torch and of ONNX on one machine: a prob moves by 0.000025 at most."""
NUM_FILMS, NUM_CHECKED_FILMS = 32, 64
"""Drawn films that a model is held against the run's by: when it is exported, and for `--check`."""
_BATCH = 16

Timed = Callable[[], object]


def find_logit_difference(model: ServedModel, session: Any, images: NDArray[np.uint8]) -> float:
    """The largest difference between the logits of both, over images (N, 1, S, S)."""
    largest = 0.0
    for start in range(0, len(images), _BATCH):
        batch = images[start : start + _BATCH]
        with torch.inference_mode():
            wanted = model(torch.from_numpy(batch))[0].numpy()
        difference = np.abs(run_session(session, batch).logits - wanted).max()
        # NaN compares as false, and would pass for none.
        largest = max(largest, float(np.nan_to_num(difference, nan=np.inf)))
    return largest


def require_agreement(difference: float, num_films: int) -> None:
    """Raise CheckFailedError where models in float32 differ by more than rounding."""
    if not difference <= LARGEST_DIFFERENCE:
        raise CheckFailedError(
            f"the exported model is not the run's: over {num_films} films its logits differ by up "
            f"to {difference:.2g}, and rounding explains {LARGEST_DIFFERENCE:g} at most. Nothing "
            "that can be believed was exported: try other versions of torch, onnxscript and "
            "onnxruntime."
        )


def time_batches(
    ways: Mapping[str, Timed], *, seconds: float = 2.0, at_least: int = 5
) -> dict[str, float]:
    """The median milliseconds of each way, taken in turns so that whatever else the machine does
    is shared by all of them, for about `seconds` in all.
    """
    for way in ways.values():
        way()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    end = time.perf_counter() + seconds
    while len(next(iter(taken.values()))) < at_least or time.perf_counter() < end:
        for name, way in ways.items():
            begin = time.perf_counter()
            way()
            taken[name].append(time.perf_counter() - begin)
    return {name: 1e3 * float(np.median(times)) for name, times in taken.items()}


def time_beside_torch(
    model: ServedModel, session: Any, images: NDArray[np.uint8]
) -> tuple[float, float]:
    """Milliseconds of torch and of the exported model for one batch of images (B, 1, S, S)."""
    batch = torch.from_numpy(images)

    def run_torch() -> None:
        with torch.inference_mode():
            model(batch)

    found = time_batches({"torch": run_torch, "onnx": lambda: run_session(session, images)})
    return found["torch"], found["onnx"]
