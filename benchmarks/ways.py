"""In which way each hybrid trains fastest: `python -m benchmarks.ways [model ...]`.

Images a second of an optimizer step on 4 images of 224 x 224 in each precision and memory format,
as `xlite train --tune` measures them, and of the same step compiled by torch.compile, with what
compiling took. Not compiled are precisions in which the processor is ten times slower, and
Performer variants, whose backbones are those of the others. Prints a line a model and brings
`benchmarks/ways.json` up to date. A quarter of an hour on two cores; needs a C++ compiler.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from xlite import console, files
from xlite.labels import NIH_LABELS
from xlite.models.catalogue import MODELS
from xlite.models.classifier import build_classifier
from xlite.own_process import keep_freed_memory
from xlite.settings import Precision
from xlite.training.tune import Probe, Way, available_precisions, measure_speeds

RESULTS = Path(__file__).with_name("ways.json")

_NUM_IMAGES, _IMAGE_SIZE = 4, 224
_DEVICE = "cpu"
_ROUNDS = 3
_HOPELESS = 10.0


def main() -> None:
    """Measure the models that the command line names, all six hybrids by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ways", description=__doc__)
    parser.add_argument("models", nargs="*", metavar="model", help=", ".join(MODELS))
    names = parser.parse_args().models or list(MODELS)
    unknown = [name for name in names if name not in MODELS]
    if unknown:
        parser.error(f"no hybrid is called {', '.join(unknown)}. There are: {', '.join(MODELS)}.")
    record = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in names:
        record[name] = measure_model(name)
        files.write_json(RESULTS, record)
        speeds = ", ".join(f"{way} {speed:.3g}" for way, speed in record[name].items())
        console.say(f"{name}: {speeds}")
    console.say(f"written: {RESULTS}")


def measure_model(name: str) -> dict[str, float]:
    """Images a second by way; for compiled ways the seconds of compiling, too."""
    probe = Probe(
        model=name,
        num_classes=len(NIH_LABELS),
        image_size=_IMAGE_SIZE,
        num_images=_NUM_IMAGES,
        device=_DEVICE,
    )
    precisions = available_precisions(_DEVICE)
    ways = [Way(one, other) for one in precisions for other in ("contiguous", "channels_last")]
    measured = {str(way): speed for way, speed in measure_speeds(probe, ways).items()}
    for precision in precisions if name.endswith("_mhsa") else ():
        eager = measured[f"{precision} channels_last"]
        if _HOPELESS * eager < max(measured.values()):
            continue
        speed, seconds = _measure_compiled(name, precision)
        measured[f"{precision} channels_last compiled"] = speed
        measured[f"{precision} seconds of compiling"] = seconds
    return measured


def _measure_compiled(name: str, precision: Precision) -> tuple[float, float]:
    keep_freed_memory()
    model = build_classifier(name, pretrained=False, seed=0)
    model.to(memory_format=torch.channels_last)
    compiled: Any = torch.compile(model)
    optimizer = torch.optim.AdamW(model.parameters())
    images = torch.randint(0, 256, (_NUM_IMAGES, 1, _IMAGE_SIZE, _IMAGE_SIZE), dtype=torch.uint8)
    targets = torch.zeros(_NUM_IMAGES, len(NIH_LABELS))
    autocast = torch.autocast(_DEVICE, torch.bfloat16) if precision == "bf16" else nullcontext()

    def step() -> float:
        started = time.perf_counter()
        with autocast:
            logits = compiled(images)
        torch.nn.functional.binary_cross_entropy_with_logits(logits, targets).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return time.perf_counter() - started

    first = step()
    median = statistics.median(step() for _ in range(_ROUNDS))
    return _NUM_IMAGES / median, max(first - median, 0.0)


if __name__ == "__main__":
    main()
