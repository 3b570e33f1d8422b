"""Calls from Python leave the process as they found it: signals, collector, threads, generators."""

from __future__ import annotations

import gc
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

import xlite
from xlite.settings import ClaheSettings, Runtime, TrainSettings
from xlite.signals import catch_stop_signals
from xlite.splitting.split_folder import read_split
from xlite.studies.plan import PlannedRun
from xlite.training import loop
from xlite.training.data import StudyData, load_study_data
from xlite.workflows.training_queue import run_plan

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SETTINGS = TrainSettings(
    model="test_resnet+performer",
    initial_weights="none",
    epochs=1,
    batch_size=16,
    dropout=0.2,
    augment="strong",
    redraw_features=1,
    ema_decay=0.9,
)


def describe_process() -> dict[str, Any]:
    """What a library call has to leave alone."""
    return {
        "handlers": [signal.getsignal(number) for number in SIGNALS],
        "mask": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "collector": (gc.get_threshold(), gc.get_freeze_count(), gc.isenabled()),
        "environment": {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")},
        "threads": (torch.get_num_threads(), cv2.getNumThreads()),
        "torch": torch.get_rng_state().tolist(),
        "numpy": [str(part) for part in np.random.get_state()],  # noqa: NPY002  # the global one
        "random": random.getstate(),
        "defaults": (
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.get_float32_matmul_precision(),
            torch.are_deterministic_algorithms_enabled(),
        ),
    }


@pytest.fixture(scope="module")
def data(project: Any) -> StudyData:
    # What is set at the import of a library, or at its first use, is not the calls' doing.
    from xlite.models.pretrained import import_timm

    import_timm()
    return load_study_data(read_split(project.split), project.cache)


def train(data: StudyData, out: Path, **options: Any) -> Path:
    plan, runtime = [PlannedRun("only", SETTINGS)], Runtime(device="cpu", num_workers=0)
    (outcome,) = run_plan(plan, data, out, runtime=runtime, **options)
    assert outcome.error is None
    return outcome.run_dir


@pytest.fixture
def changes() -> Any:
    """Asserts, once the test has ended, that nothing has changed since it began."""
    before = describe_process()
    yield
    after = describe_process()
    assert {name for name in before if before[name] != after[name]} == set()


@pytest.mark.usefixtures("changes")
def test_training_changes_nothing_not_even_meanwhile(
    data: StudyData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = describe_process()
    seen: list[dict[str, Any]] = []
    validate = loop.validate

    def look(*arguments: Any) -> Any:
        seen.append(describe_process())
        return validate(*arguments)

    monkeypatch.setattr(loop, "validate", look)
    train(data, tmp_path)
    assert len(seen) == 1
    assert {name for name in before if before[name] != seen[0][name]} == set()


@pytest.mark.usefixtures("changes")
def test_judging_loading_and_data_functions_change_nothing(
    project: Any, data: StudyData, tmp_path: Path
) -> None:
    evaluation = xlite.evaluate(
        train(data, tmp_path), split=project.split, cache=project.cache, resamples=100, tta=True
    )
    assert evaluation is not None
    dataset = xlite.RadiographDataset(
        data.parts["train"], data.source, augmentation=xlite.Augmentation("strong", seed=0)
    )
    sampler = xlite.EpochSampler(len(dataset), batch_size=8, seed=0)
    for num_workers in (0, 1):
        assert len(list(xlite.build_loader(dataset, sampler, num_workers=num_workers))) > 1
    xlite.build_classifier("test_resnet+mhsa", pretrained=False, seed=3)
    xlite.cache_clahe(
        project.table,
        images=project.images,
        out=tmp_path / "cache",
        settings=ClaheSettings(size=32, grid=2),
        workers=2,
    )


def test_the_command_line_asks_for_signals(
    data: StudyData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers: list[Callable[..., Any] | int | None] = []
    validate = loop.validate

    def look(*arguments: Any) -> Any:
        handlers.append(signal.getsignal(signal.SIGTERM))
        return validate(*arguments)

    monkeypatch.setattr(loop, "validate", look)
    train(data, tmp_path, stopping=catch_stop_signals)
    assert callable(handlers[0]), "ensure that the first test is a meaningful one"
