"""What a training step keeps in memory, counted: `python -m benchmarks.memory [model ...]`.

The state of AdamW (weights, gradients, two moments; 4 bytes each) and, an image, the tensors that
the forward pass keeps for the backward pass, in float32. Counted on torch's meta device, where
tensors have sizes and no values, so that nothing is computed and no device is needed. Prints a line
a model and brings `benchmarks/memory.json` up to date; seconds.

What a device holds beyond that is not counted: its context, the libraries' workspaces, what the
allocator leaves unused, and the gradients that come and go during the backward pass.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from xlite import console, files
from xlite.labels import NIH_LABELS
from xlite.models.catalogue import MODELS
from xlite.models.classifier import build_classifier, count_parameters

RESULTS = Path(__file__).with_name("memory.json")
IMAGE_SIZES = (224, 320, 512, 1024)

_BYTES_OF_STATE = 16
_BATCH = 2


def main() -> None:
    """Count for the models that the command line names, all six hybrids by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("models", nargs="*", metavar="model", help=", ".join(MODELS))
    record = {}
    for name in parser.parse_args().models or list(MODELS):
        record[name] = count_memory(name)
        console.say(f"{name}: {record[name]}")
    files.write_json(RESULTS, record)
    console.say(f"written: {RESULTS}")


def count_memory(name: str) -> dict[str, Any]:
    """Bytes of a model's state, and of what one image of each size keeps."""
    with torch.device("meta"):
        model = build_classifier(name, num_classes=len(NIH_LABELS), pretrained=False, seed=0)
    return {
        "state": _BYTES_OF_STATE * count_parameters(model),
        "image": {str(size): count_kept(model, image_size=size) for size in IMAGE_SIZES},
    }


def count_kept(model: torch.nn.Module, *, image_size: int) -> int:
    """Bytes that one image (1, S, S) adds to what the forward pass of `model` keeps."""
    one, two = (_keep(model, image_size, batch=batch) for batch in (_BATCH, 2 * _BATCH))
    return (two - one) // _BATCH


def _keep(model: torch.nn.Module, image_size: int, *, batch: int) -> int:
    device = next(model.parameters()).device
    images = torch.zeros(batch, 1, image_size, image_size, dtype=torch.uint8, device=device)
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        # Several operations keep the same storage, whole or in part: it is counted once.
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage
        return tensor

    model.train()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(images)
    return sum(storage.nbytes() for storage in kept.values())


if __name__ == "__main__":
    main()
