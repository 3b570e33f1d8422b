"""What only a GPU can show: `python -m benchmarks.gpu`, five minutes on one CUDA device.

Every loss, head and precision trains an epoch; a run stopped in mid-epoch and resumed is held
against a straight one; a batch that is too large is split; the epoch's speed is set against the
bare step, and its memory against what is computed without a device. Prints a line a check, writes
`benchmarks/gpu.json`, and exits 1 where a check fails. Without a device it says so and exits 0.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import torch

from benchmarks.memory import count_memory
from benchmarks.study import IMAGE_SIZE, build_cache, build_study, choose_settings
from xlite import console, files
from xlite.errors import InterruptedRunError
from xlite.models.classifier import build_classifier
from xlite.run_folder.folder import RunFolder
from xlite.settings import LossSettings, Precision, Runtime, TrainSettings
from xlite.settings.loss import LossName
from xlite.signals import StopRequest
from xlite.training.data import StudyData
from xlite.training.run import follow_run, train_run

RESULTS = Path(__file__).with_name("gpu.json")

_MODEL = "efficientnet_b0_mhsa"
_SMALL = "resnet10t"
_SMALL_SIZE = 64
_SPEED_BATCH = 64
_NUM_LONG = 6_400
_FEW_GIB = 3
"""A step of 64 images of float32 takes twice as much."""
_CPU_TOLERANCE = 1e-3
"""Between the probabilities of one set of weights in float32 on the device and on the CPU."""


@dataclass
class Bench:
    """The study, a place for runs, and what has been found."""

    data: StudyData
    long_data: StudyData
    """With as many steps an epoch as speed needs."""
    scratch: Path
    rows: list[dict[str, Any]] = field(default_factory=list)
    number: itertools.count[int] = field(default_factory=itertools.count)

    def new_dir(self) -> Path:
        """A run folder that is not there yet."""
        return self.scratch / "runs" / str(next(self.number))

    def note(self, check: str, *, holds: bool | None, **figures: Any) -> None:
        """Keep and say what a check has found; `holds` is None for a figure alone."""
        self.rows.append({"check": check, "holds": holds, **figures})
        words = {True: "holds", False: "FAILS", None: "measured"}[holds]
        shown = ", ".join(f"{name} {value}" for name, value in figures.items())
        sys.stdout.write(f"{check}: {words} {shown}\n")
        sys.stdout.flush()

    @contextlib.contextmanager
    def guard(self, check: str) -> Iterator[None]:
        """A check that breaks is one that fails, and the others go on."""
        try:
            yield
        except Exception as error:  # noqa: BLE001
            self.note(check, holds=False, error=f"{type(error).__name__}: {str(error)[:200]}")


def main() -> int:
    """Run all checks; the exit code."""
    if not torch.cuda.is_available():
        sys.stdout.write("no CUDA device: nothing was checked\n")
        return 0
    # Before the first call of cuBLAS, which reads it once.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    console.set_verbosity(console.QUIET)
    checks: tuple[Callable[[Bench], None], ...] = (
        check_losses,
        check_heads,
        check_resume,
        check_out_of_memory,
        check_against_cpu,
        measure_speed,
        measure_memory,
    )
    with tempfile.TemporaryDirectory(prefix="xlite-gpu-") as folder:
        cache = build_cache(Path(folder))
        long_data = build_study(cache, num_train=_NUM_LONG)
        bench = Bench(build_study(cache), long_data, Path(folder))
        for check in checks:
            begun = time.perf_counter()
            with bench.guard(check.__name__):
                check(bench)
            bench.note(f"{check.__name__} took", holds=None, s=f"{time.perf_counter() - begun:.0f}")
    device = torch.cuda.get_device_properties(0)
    record = {
        "device": device.name,
        "memory_gib": round(device.total_memory / 2**30),
        "torch": torch.__version__,
        "rows": bench.rows,
    }
    files.write_json(RESULTS, record)
    return int(any(row["holds"] is False for row in bench.rows))


def check_losses(bench: Bench) -> None:
    """An epoch with every loss in every precision."""
    for name, precision in itertools.product(get_args(LossName), get_args(Precision)):
        check = f"loss {name} {precision}"
        with bench.guard(check):
            settings = _choose_small(precision, loss=LossSettings(name=name))
            scores = train_run(settings, bench.data, bench.new_dir(), runtime=_runtime())
            bench.note(check, holds=True, val_auroc=f"{scores.val.macro['auroc']:.3f}")


def check_heads(bench: Bench) -> None:
    """An epoch with every head in every precision."""
    for head, precision in itertools.product(("mhsa", "performer", "mean"), get_args(Precision)):
        check = f"head {head} {precision}"
        with bench.guard(check):
            settings = _choose_small(precision, model=f"{_SMALL}+{head}")
            scores = train_run(settings, bench.data, bench.new_dir(), runtime=_runtime())
            bench.note(check, holds=True, val_auroc=f"{scores.val.macro['auroc']:.3f}")


def check_resume(bench: Bench) -> None:
    """A run that was stopped in its second epoch and resumed against a straight one."""
    for is_deterministic in (True, False):
        torch.use_deterministic_algorithms(is_deterministic)
        torch.backends.cudnn.benchmark = False
        check = f"resume, deterministic algorithms {'on' if is_deterministic else 'off'}"
        with bench.guard(check):
            settings = _choose_small("bf16").model_copy(update={"epochs": 3})
            straight, again, stopped = (bench.new_dir() for _ in range(3))
            for run_dir in (straight, again):
                train_run(settings, bench.data, run_dir, runtime=_runtime())
            _stop_in_second_epoch(settings, bench.data, stopped)
            train_run(settings, bench.data, stopped, runtime=_runtime(), resume=True)
            repeat, resumed = (_compare(straight, other) for other in (again, stopped))
            bench.note(
                check,
                holds=resumed == 0 if is_deterministic else None,
                resumed=f"{resumed:.2g}",
                repeated=f"{repeat:.2g}",
            )
    torch.use_deterministic_algorithms(False)


def check_out_of_memory(bench: Bench) -> None:
    """A batch that does not fit is computed in parts, and stays one batch."""
    gc.collect()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    share = (torch.cuda.memory_reserved() + _FEW_GIB * 2**30) / total
    torch.cuda.set_per_process_memory_fraction(share)
    try:
        settings = choose_settings(_MODEL).model_copy(update={"batch_size": 64})
        scores = train_run(settings, bench.data, bench.new_dir(), runtime=_runtime())
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    parts = scores.accumulate or 1
    bench.note("out of memory", holds=parts > 1, parts=parts, gib=round(share * total / 2**30, 1))


def check_against_cpu(bench: Bench) -> None:
    """One set of weights gives the same probabilities in float32 on the device and on the CPU."""
    model = build_classifier(_MODEL, num_classes=14, pretrained=False, seed=0).eval()
    images = torch.randint(0, 256, (8, 1, IMAGE_SIZE, IMAGE_SIZE), dtype=torch.uint8)
    with torch.inference_mode():
        on_cpu = model(images).sigmoid()
        on_device = model.cuda()(images.cuda()).sigmoid().cpu()
    largest = float((on_cpu - on_device).abs().max())
    bench.note("CPU and device agree", holds=largest < _CPU_TOLERANCE, largest=f"{largest:.2g}")


def measure_speed(bench: Bench) -> None:
    """Images a second of an epoch beside those of the bare step on a batch in memory."""
    for precision in ("bf16", "fp32"):
        settings = choose_settings(_MODEL).model_copy(
            update={"batch_size": _SPEED_BATCH, "epochs": 4, "precision": precision}
        )
        run_dir = bench.new_dir()
        runtime = _runtime(num_workers=min(8, os.cpu_count() or 1))
        train_run(settings, bench.long_data, run_dir, runtime=runtime)
        rows = RunFolder(run_dir).history[1:]
        ours = statistics.median(row["images_per_second"] for row in rows)
        trained = sum(row["seconds"] - row["seconds_validation"] for row in rows)
        waiting = sum(row["seconds_data"] for row in rows) / trained
        bare = _time_bare_steps(precision)
        bench.note(
            f"speed {_MODEL} {precision}",
            holds=None,
            images_a_second=round(ours),
            bare=round(bare),
            ratio=round(ours / bare, 2),
            waiting_for_data=round(waiting, 3),
        )


def measure_memory(bench: Bench) -> None:
    """The peak of a step in float32 beside the bytes that are counted without a device."""
    counted = count_memory(_MODEL)
    expected = counted["state"] + 32 * counted["image"][str(IMAGE_SIZE)]
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    train_run(choose_settings(_MODEL), bench.data, bench.new_dir(), runtime=_runtime())
    peak = torch.cuda.max_memory_allocated()
    bench.note(
        f"memory {_MODEL}, batches of 32",
        holds=None,
        peak_gib=round(peak / 2**30, 2),
        counted_gib=round(expected / 2**30, 2),
    )


def _choose_small(
    precision: str, *, model: str = _SMALL, loss: LossSettings | None = None
) -> TrainSettings:
    changes = {"precision": precision, "image_size": _SMALL_SIZE}
    settings = choose_settings(model).model_copy(update=changes)
    return settings if loss is None else settings.model_copy(update={"loss": loss})


def _runtime(*, num_workers: int = 0) -> Runtime:
    return Runtime(device="cuda", num_workers=num_workers)


def _stop_in_second_epoch(settings: TrainSettings, data: StudyData, run_dir: Path) -> None:
    stop = StopRequest()
    reports = follow_run(
        settings,
        data,
        run_dir,
        runtime=_runtime(),
        resume=False,
        has_fixed_budget=False,
        stop=stop,
    )
    with contextlib.suppress(InterruptedRunError):
        for _ in reports:
            stop.receive(signal.SIGTERM, None)


def _compare(one_dir: Path, other_dir: Path) -> float:
    """The largest difference between two runs' weights."""
    from safetensors.torch import load_file

    one, other = (load_file(RunFolder(path).find_weights()) for path in (one_dir, other_dir))
    return max(float((one[name].float() - other[name].float()).abs().max()) for name in one)


def _time_bare_steps(precision: str, *, num_steps: int = 40) -> float:
    model = build_classifier(_MODEL, num_classes=14, pretrained=False, seed=0)
    model = model.cuda().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters())
    shape = (_SPEED_BATCH, 1, IMAGE_SIZE, IMAGE_SIZE)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, device="cuda")
    targets = (torch.rand(_SPEED_BATCH, 14, device="cuda") < 0.1).float()
    lose = torch.nn.BCEWithLogitsLoss()
    begun = 0.0
    for step in range(num_steps + 10):
        if step == 10:
            torch.cuda.synchronize()
            begun = time.perf_counter()
        with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bf16"):
            loss = lose(model(images), targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    torch.cuda.synchronize()
    return num_steps * _SPEED_BATCH / (time.perf_counter() - begun)


if __name__ == "__main__":
    sys.exit(main())
