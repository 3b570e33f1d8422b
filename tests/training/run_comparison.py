"""What two finished runs differ in, apart from what tells of the machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from xlite.run_folder.file_names import (
    RUN_BEST,
    RUN_CONFIG,
    RUN_HISTORY,
    RUN_LAST,
    RUN_SCORES,
    predictions_name,
)
from xlite.run_folder.history import MACHINE_COLUMNS
from xlite.training.exact_resume import read_checkpoint


def find_differences(left: Path, right: Path) -> list[str]:
    """What two finished runs differ in: names of files, and of values inside them."""
    found = {path.name for path in left.iterdir()} ^ {path.name for path in right.iterdir()}
    for name in (RUN_BEST, *map(predictions_name, ("val", "test"))):
        if (left / name).read_bytes() != (right / name).read_bytes():
            found.add(name)
    for name in (RUN_HISTORY, RUN_LAST, RUN_SCORES, RUN_CONFIG):
        pair = [dict(list_values(read_artifact(run_dir / name))) for run_dir in (left, right)]
        keys = pair[0].keys() | pair[1].keys()
        found |= {f"{name}{key}" for key in keys if pair[0].get(key) != pair[1].get(key)}
    return sorted(found)


def read_artifact(path: Path) -> Any:
    """The content of a checkpoint, a JSON file, or the history as a list of lines' cells."""
    match path.suffix:
        case ".pt":
            return read_checkpoint(path)
        case ".json":
            return json.loads(path.read_text())
    header, *rows = (line.split(",") for line in path.read_text().splitlines())
    return [dict(zip(header, row, strict=True)) for row in rows]


def list_values(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """The numbers, texts and tensors inside a nested value, each with its place.

    Left out are a run's name and what tells of the machine's speed and memory.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in {*MACHINE_COLUMNS, "run_id"}:
                yield from list_values(item, f"{place} {key}")
    elif isinstance(value, list | tuple):
        yield f"{place} length", len(value)
        for number, item in enumerate(value):
            yield from list_values(item, f"{place} {number}")
    elif isinstance(value, torch.Tensor):
        yield place, (value.dtype, value.shape, value.numpy().tobytes())
    else:
        yield place, repr(value)  # NaN equals NaN, 0.0 is not -0.0
