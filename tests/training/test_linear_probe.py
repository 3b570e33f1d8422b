from __future__ import annotations

import math
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from xlite.errors import InputError, InterruptedRunError
from xlite.models.classifier import build_classifier
from xlite.reporting.log_runs import describe_sitting
from xlite.run_folder.folder import RunFolder
from xlite.settings import Runtime, TrainSettings
from xlite.signals import StopRequest
from xlite.splitting.split_folder import read_split
from xlite.training.data import StudyData, load_study_data
from xlite.training.device import build_fabric
from xlite.training.identity import RunIdentity
from xlite.training.linear_probe import probe_head
from xlite.training.open_run import open_run
from xlite.training.probe_features import require_room_for_probe
from xlite.training.run import train_run

CPU = Runtime(device="cpu", num_workers=0)


@pytest.fixture(scope="module")
def data(project: Any) -> StudyData:
    return load_study_data(read_split(project.split), project.cache)


def settings_of(model: str = "test_resnet", **changes: Any) -> TrainSettings:
    given = {"initial_weights": "none", "epochs": 1, "head_lr": 1e-2, "batch_size": 16} | changes
    return TrainSettings.parse(model=model, probe_epochs=3, **given)


@pytest.mark.parametrize("model", ["test_resnet", "test_resnet+mhsa"])
def test_what_is_behind_the_backbone_is_trained_and_nothing_else(
    data: StudyData, tmp_path: Path, model: str
) -> None:
    settings = settings_of(model)
    fabric = build_fabric(CPU, "fp32")
    runs = [
        open_run(
            RunIdentity.of(settings, data),
            data.read_by(settings),
            tmp_path,
            fabric=fabric,
            runtime=CPU,
        )
        for _ in range(2)
    ]
    before = {name: t.clone() for name, t in runs[0].stepper.model.state_dict().items()}
    losses = [probe_head(run, StopRequest()) for run in runs]
    after = runs[0].stepper.model.state_dict()
    assert losses[0] == losses[1]
    assert losses[0][0] > losses[0][1] > losses[0][2]
    moved = {name.partition(".")[0] for name in after if not torch.equal(after[name], before[name])}
    assert moved == ({"head", "attention"} if "+" in model else {"head"})
    again = runs[1].stepper.model.state_dict()
    assert all(torch.equal(after[name], again[name]) for name in after)


def test_the_probe_sees_what_the_classifier_sees() -> None:
    images = torch.randint(0, 256, (2, 1, 64, 64), generator=torch.Generator().manual_seed(0))
    for name in ("test_resnet", "test_resnet+mhsa", "test_resnet+csra", "test_resnet+gem"):
        model = build_classifier(name, pretrained=False, seed=0).eval()
        maps = model.backbone(model.normalise(images))
        if model.sees_means_alone:
            maps = maps.mean(dim=(2, 3), keepdim=True)
        torch.testing.assert_close(model.classify_map(maps), model(images))


def test_its_losses_are_kept_with_the_sitting(data: StudyData, tmp_path: Path) -> None:
    train_run(settings_of(), data, tmp_path / "run", runtime=CPU)
    (sitting,) = RunFolder(tmp_path / "run").sittings
    assert sitting.probe_losses is not None
    assert len(sitting.probe_losses) == 3
    assert all(math.isfinite(loss) for loss in sitting.probe_losses)
    assert "from epoch 1 after 3 passes of a linear probe (loss" in describe_sitting(sitting)


def test_a_stop_within_it_leaves_no_run_that_was_begun(data: StudyData, tmp_path: Path) -> None:
    stop = StopRequest()
    stop.signal_number = signal.SIGTERM
    with pytest.raises(InterruptedRunError, match="--probe-epochs, before .* start over"):
        train_run(settings_of(), data, tmp_path / "run", runtime=CPU, stop=stop)
    assert not RunFolder(tmp_path / "run").is_begun
    assert not RunFolder(tmp_path / "run").checkpoints


def test_features_that_would_fill_the_memory_are_refused_with_another_way() -> None:
    with torch.device("meta"):
        model = build_classifier("test_resnet+mhsa", pretrained=False, seed=0)
    require_room_for_probe(model, num_images=100, image_size=64)
    with pytest.raises(InputError, match=r"would keep .* GiB .*--freeze-epochs instead"):
        require_room_for_probe(model, num_images=10**8, image_size=64)
