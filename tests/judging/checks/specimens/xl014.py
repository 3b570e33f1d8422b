"""A run whose attention has the constants that it was begun with: it is not in the forward pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from judging.checks.drawn_project import draw_table, write_run, write_split
from safetensors.numpy import save_file


def ill(folder: Path) -> list[str]:
    """Biases of 0 and a normalisation of 1 after training."""
    return _write(folder, step=0.0)


def sound(folder: Path) -> list[str]:
    """The optimizer has moved all of them."""
    return _write(folder, step=1e-3)


def _write(folder: Path, *, step: float) -> list[str]:
    split = write_split(folder / "splits", draw_table())
    run = write_run(folder / "run", split)
    rng = np.random.default_rng(0)
    channels = 96

    def moved(values: np.ndarray) -> np.ndarray:
        return (values + step * rng.normal(size=values.shape)).astype(np.float32)

    attention = {
        "norm.weight": moved(np.ones(channels)),
        "norm.bias": moved(np.zeros(channels)),
        "qkv.weight": moved(0.02 * rng.normal(size=(3 * channels, channels))),
        "projection.weight": moved(0.02 * rng.normal(size=(channels, channels))),
        "projection.bias": moved(np.zeros(channels)),
    }
    weights = {f"attention.{name}": values for name, values in attention.items()}
    weights["backbone.conv.weight"] = rng.normal(size=(8, 3, 3, 3)).astype(np.float32)
    weights["head.0.weight"] = 0.2 * rng.normal(size=(48, channels)).astype(np.float32)
    weights["head.0.bias"] = 0.1 * rng.normal(size=48).astype(np.float32)
    save_file(weights, run / "best.safetensors")
    return ["--run", "run"]
