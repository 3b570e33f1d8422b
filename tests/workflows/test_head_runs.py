"""A run with a head of csra: its weights say which, and it is explained and exported by it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from xlite.run_folder import RunFolder, read_run
from xlite.settings import LossSettings, Runtime, TrainSettings
from xlite.training.trained_model import load_trained_model
from xlite.workflows.check_export import check_export
from xlite.workflows.explain import explain
from xlite.workflows.export import export
from xlite.workflows.train import train

CPU = Runtime(device="cpu", num_workers=0)


@pytest.fixture(scope="module")
def run(project: Any, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    settings = TrainSettings(
        model="test_resnet+csra",
        csra_lambda=0.5,
        csra_heads=2,
        initial_weights="none",
        loss=LossSettings(name="bce"),
        batch_size=16,
        lr=1e-3,
        epochs=1,
    )
    (outcome,) = train(
        settings,
        seeds=[3],
        split=project.split,
        cache=project.cache,
        out=tmp_path_factory.mktemp("csra"),
        runtime=CPU,
    )
    return read_run(outcome.run_dir)


def test_the_weights_say_which_head_they_are_of(run: RunFolder) -> None:
    described = run.weights_description
    assert described is not None
    assert (described.csra_lambda, described.csra_temperature, described.csra_heads) == (0.5, 1, 2)
    written = described.model_dump(mode="json")
    assert {name for name in written if "csra" in name} == {"csra_lambda", "csra_heads"}
    head = load_trained_model(run, torch.device("cpu")).head
    assert (head.strength, head.temperatures) == (0.5, (1.0, math.inf))


def test_its_own_maps_are_scored_as_others_are(
    run: RunFolder, project: Any, tmp_path: Path
) -> None:
    boxes = project.table.parent / "BBox_List_2017.csv"
    given = {"labels": project.table, "boxes": boxes, "runtime": CPU, "only": ["Effusion"]}
    own, gradient = (
        explain(run.path, project.images, method=method, out=tmp_path / method, **given)
        for method in ("head", "gradcam")
    )
    assert own.method == "head"
    assert own.overall is not None
    assert gradient.overall is not None
    assert own.overall.boxes == gradient.overall.boxes > 0
    assert own.overall.energy.value != gradient.overall.energy.value
    assert own.overall.energy.centre.value == gradient.overall.energy.centre.value
    assert own.randomisation.stages[0].layers == "the last layer"
    assert np.isfinite([stage.similarity for stage in own.randomisation.stages]).all()


def test_it_is_exported_with_the_head(run: RunFolder, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    export(run.path, out=tmp_path / "exported")
    assert check_export(tmp_path / "exported").largest_logit_difference < 1e-4
