"""Where a run computes, and in which precision."""

from __future__ import annotations

import torch
from lightning_fabric import Fabric

from xlite.errors import InputError


def build_fabric(device: str, precision: str) -> Fabric:
    """A Fabric on one device, or an InputError that says which devices and precisions there are.

    device: auto, cpu, cuda, cuda:N or mps. precision: fp32, bf16 or fp16.
    """
    kind, _, number = device.partition(":")
    if kind not in {"auto", "cpu", "cuda", "mps"} or (number and not number.isdigit()):
        raise InputError(f"unknown device {device!r}. Use auto, cpu, cuda, cuda:N or mps.")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise InputError(
            f"device {device!r} is not there: torch sees {torch.cuda.device_count()} CUDA "
            "devices. Use --device auto."
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise InputError("device 'mps' is not there. Use --device auto.")
    if precision == "fp16" and not torch.cuda.is_available():
        raise InputError("fp16 needs a CUDA device. Use --precision bf16 or fp32.")
    return Fabric(
        accelerator=kind,
        devices=[int(number)] if number else 1,
        precision={"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}[precision],  # type: ignore[arg-type]
    )
