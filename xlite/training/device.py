"""Where a run computes, in which precision, and in how many processes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from lightning_fabric.strategies.strategy import Strategy

from xlite import console
from xlite.errors import InputError
from xlite.settings import Runtime
from xlite.training.launcher import announce_launch, count_processes, without_advice

_PRECISIONS = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


def build_fabric(runtime: Runtime, precision: str) -> Fabric:
    """A launched Fabric, or an InputError that says which devices and precisions there are.

    precision: fp32, bf16 or fp16.

    With several devices the first call starts the other processes, each with this command, or
    joins those that torchrun or Slurm have started; from then on only the main one is heard.
    """
    kind, _, number = runtime.device.partition(":")
    _check_device(runtime.device, kind, number)
    require_precision(precision)
    devices, num_nodes = count_processes(runtime)
    if runtime.device.startswith("cuda") and devices > torch.cuda.device_count():
        raise InputError(
            f"--devices {devices} are not there: torch sees {torch.cuda.device_count()}."
        )
    strategy: Strategy | str = "auto"
    if devices * num_nodes > 1:
        if number:
            raise InputError(f"--device {runtime.device} is one device. Use --device {kind}.")
        # It starts the processes and connects them. No model is wrapped in it: what they exchange
        # they do once a step (`xlite.training.processes`).
        strategy = DDPStrategy()
    with without_advice():
        fabric = Fabric(
            accelerator=kind,
            strategy=strategy,
            devices=[int(number)] if number else devices,
            num_nodes=num_nodes,
            precision=_PRECISIONS[precision],  # type: ignore[arg-type]
        )
    if devices > 1:
        announce_launch()
    fabric.launch()
    if not fabric.is_global_zero:
        console.silence()
    return fabric


def require_precision(precision: str) -> None:
    """Raise InputError for a precision that this machine can't train in."""
    if precision == "fp16" and not torch.cuda.is_available():
        raise InputError("fp16 needs a CUDA device. Use --precision bf16 or fp32.")


def count_all_processes() -> int:
    """The processes that train together, on all machines, once they are launched."""
    from torch import distributed

    is_distributed = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if is_distributed else 1


def launch_processes(runtime: Runtime) -> None:
    """Start or join the processes of `runtime`, before anything is written."""
    build_fabric(runtime, "fp32")


def is_main_process() -> bool:
    """Whether this process is the one that writes: rank 0, or the only one."""
    from torch import distributed

    is_distributed = distributed.is_available() and distributed.is_initialized()
    return not is_distributed or distributed.get_rank() == 0


def measure_peak_memory(device: torch.device) -> float:
    """The most memory used so far, in MB: the device's, or a CPU's process's; NaN if unknown."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        import resource
    except ImportError:  # Windows has no such record
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def wait_for(device: torch.device) -> None:
    """Return once the device has computed what it was given, for a clock that is to see it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


@contextmanager
def isolated_torch_seed(device: torch.device) -> Iterator[None]:
    """Within the block torch's default generators may be seeded; after it they are as before."""
    devices = [device.index or 0] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        yield


def _check_device(device: str, kind: str, number: str) -> None:
    if kind not in {"auto", "cpu", "cuda", "mps"} or (number and not number.isdigit()):
        raise InputError(f"unknown device {device!r}. Use auto, cpu, cuda, cuda:N or mps.")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise InputError(
            f"device {device!r} is not there: torch sees {torch.cuda.device_count()} CUDA "
            "devices. Use --device auto."
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise InputError("device 'mps' is not there. Use --device auto.")
