"""`--tune`: which precision and memory format a model trains fastest in on this machine, measured.

A few optimizer steps in each, in alternation, on random images. What was found is kept in the
experiments folder: precision is a setting of a run, so the same command has to choose the same
again to find its runs, however busy the machine is by then.

torch.compile is not among the ways: compiling takes minutes on a CPU, longer than the probe is
worth, and ties a run's bytes to one more version.
"""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, get_args

import torch

from xlite import console
from xlite.errors import CheckFailedError, InputError
from xlite.files import read_json, write_json
from xlite.models.classifier import build_classifier
from xlite.randomness import derive_generator
from xlite.settings import MemoryFormat, Precision, Runtime
from xlite.training.device import build_fabric, isolated_torch_seed, wait_for
from xlite.training.out_of_memory import is_out_of_memory

RECORD = "tuning.json"
_REMEDY = "Remove it to measure again."

_ROUNDS = 3
# Below that a difference is the machine's mood, and the default stays.
_WORTH_A_CHANGE = 1.05


class Way(NamedTuple):
    """How a step is computed."""

    precision: Precision
    memory_format: MemoryFormat

    def __str__(self) -> str:
        return f"{self.precision} {self.memory_format}"


@dataclass(frozen=True)
class Probe:
    """What is measured: the steps of one model at one size on one device."""

    model: str
    num_classes: int
    image_size: int
    num_images: int
    """Images that are computed at once: a batch, or the part of it that `accumulate` makes."""
    device: str

    @property
    def key(self) -> str:
        """What a measurement is filed under."""
        size = f"{self.num_images}x{self.image_size}x{self.image_size}"
        return f"{self.model} {size} on {_name_device(self.device)}, torch {torch.__version__}"


def find_fastest_way(
    probe: Probe, *, default: Way, precisions: Sequence[Precision], record_path: Path
) -> Way:
    """The fastest way, and what was measured, said and filed; from the file where it is there.

    default: what is used unless another way is 5 % faster. precisions: those that may be chosen.
    Raises CheckFailedError when a step does not fit into memory.
    """
    record = _read_record(record_path)
    ways = dict.fromkeys((default, *_ways_of(precisions)))
    key = f"{probe.key}: {', '.join(map(str, ways))}"
    if key in record:
        console.say(f"{probe.model}: measured before ({record_path})")
    else:
        speeds = measure_speeds(probe, list(ways))
        record[key] = {str(way): speed for way, speed in speeds.items()}
        write_json(record_path, record)
    if set(record[key]) != set(map(str, ways)):
        raise InputError(f"{record_path} is damaged: {key!r} lacks a way. {_REMEDY}")
    speeds = {way: record[key][str(way)] for way in ways}
    chosen = choose_way(speeds, default=default)
    measured = ", ".join(f"{way} {speed:.1f}" for way, speed in speeds.items())
    console.say(f"{probe.model}: {chosen} is used (images/s: {measured})")
    return chosen


def choose_way(speeds: Mapping[Way, float], *, default: Way) -> Way:
    """The fastest way, or the default where that is within 5 % of it.

    >>> ways = Way("fp32", "channels_last"), Way("fp32", "contiguous"), Way("bf16", "contiguous")
    >>> str(choose_way(dict(zip(ways, (20.0, 20.9, 10.0))), default=ways[0]))
    'fp32 channels_last'
    >>> str(choose_way(dict(zip(ways, (20.0, 20.9, 40.0))), default=ways[0]))
    'bf16 contiguous'
    """
    fastest = max(speeds, key=lambda way: speeds[way])
    return fastest if speeds[fastest] >= _WORTH_A_CHANGE * speeds[default] else default


def measure_speeds(probe: Probe, ways: Sequence[Way]) -> dict[Way, float]:
    """Images per second of an optimizer step in each way: the median of a few, in alternation."""
    steps = {way: _prepare_step(probe, way) for way in ways}
    seconds: dict[Way, list[float]] = {way: [] for way in ways}
    with console.progress_bar((_ROUNDS + 1) * len(ways), f"tuning {probe.model}", "step") as bar:
        for turn in range(_ROUNDS + 1):
            for way, step in steps.items():
                started = time.perf_counter()
                step()
                # The first step of a way allocates, and looks for its kernels.
                if turn:
                    seconds[way].append(time.perf_counter() - started)
                bar.update()
    return {way: probe.num_images / statistics.median(seconds[way]) for way in ways}


def _prepare_step(probe: Probe, way: Way) -> Callable[[], None]:
    fabric = build_fabric(Runtime(device=probe.device), way.precision)
    model = build_classifier(probe.model, num_classes=probe.num_classes, pretrained=False, seed=0)
    if way.memory_format == "channels_last":
        model.to(memory_format=torch.channels_last)
    wrapped, optimizer = fabric.setup(model, torch.optim.AdamW(model.parameters()))
    rng = derive_generator("tune")
    shape = (probe.num_images, 1, probe.image_size, probe.image_size)
    images = torch.from_numpy(rng.integers(0, 256, shape, dtype="uint8")).to(fabric.device)
    targets = torch.zeros(probe.num_images, probe.num_classes, device=fabric.device)

    def step() -> None:
        try:
            # Dropout draws from torch's default generator.
            with isolated_torch_seed(fabric.device):
                logits = wrapped(images)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
            fabric.backward(loss)
            optimizer.step()
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise CheckFailedError(
                f"{probe.num_images} images at once do not fit into memory with {way}. Lower "
                "--batch-size or raise --accumulate."
            ) from None
        optimizer.zero_grad(set_to_none=True)
        wait_for(fabric.device)

    return step


def available_precisions(device: str) -> tuple[Precision, ...]:
    """fp32, and what a device has that is shorter."""
    is_gpu = device != "cpu" and torch.cuda.is_available()
    if is_gpu and not torch.cuda.is_bf16_supported():
        return ("fp32", "fp16")
    return ("fp32", "bf16")


def _name_device(device: str) -> str:
    kind, _, number = device.partition(":")
    if kind in ("auto", "cuda") and torch.cuda.is_available():
        return torch.cuda.get_device_name(int(number or 0))
    return f"{'cpu' if kind == 'auto' else kind} with {torch.get_num_threads()} threads"


def _ways_of(precisions: Sequence[Precision]) -> list[Way]:
    return [Way(one, other) for one in precisions for other in get_args(MemoryFormat)]


def _read_record(path: Path) -> dict[str, dict[str, float]]:
    """What was measured before: images/s by key and way. InputError, naming the key, for others."""
    if not os.path.lexists(path):
        return {}
    record = read_json(path, remedy=_REMEDY)
    for key, speeds in record.items():
        is_sound = isinstance(speeds, dict) and all(
            isinstance(speed, int | float) and 0 < speed < math.inf for speed in speeds.values()
        )
        if not is_sound:
            raise InputError(f"{path} is damaged: {key!r} has no speed by way. {_REMEDY}")
    return record
