from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from xlite.clahe_cache.store import ClaheCache
from xlite.errors import InputError
from xlite.loading.loader import resize_images
from xlite.models.classifier import build_classifier
from xlite.models.weights_file import read_weights
from xlite.run_folder import RunFolder, read_run
from xlite.run_folder.weights import read_weights_description, write_weights

OLD = "golden_net-bce-none-s0-fd0c0621"
TRAIN = (
    *("train", "--models", "golden_net", "--loss", "bce", "--epochs", 2, "--batch-size", 16),
    *("--lr", 3e-3, "--no-pretrained", "--device", "cpu", "--workers", 0, "--image-size", 48),
    *("--split", "splits", "--cache", "cache", "--out", "e"),
)


@pytest.fixture
def trained(golden: Path, xlite_ok: Any) -> Path:
    """The folder of a run that was trained now."""
    xlite_ok(*TRAIN)
    [folder] = golden.glob("e/runs/*")
    return folder


def test_a_run_that_was_moved_says_all_that_it_said(
    trained: Path, golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = read_run(trained)
    assert here.scores is not None
    told = (here.settings, here.sittings, here.history, here.scores, here.weights_description)
    moved = tmp_path / "another machine" / "tried"
    shutil.copytree(trained, moved)
    monkeypatch.chdir(tmp_path)
    shutil.rmtree(golden)

    run = read_run(moved)
    assert (run.name, run.is_finished) == ("tried", True)
    assert run.settings.image_size == 48
    assert run.settings.model == "golden_net"
    assert run.labels[0] == "Atelectasis"
    assert len(run.labels) == 14
    assert run.data.images == {"train": 37, "val": 16, "test": 11}
    assert run.preprocessing is not None
    assert run.preprocessing.model_dump() == {
        "clahe": {"size": 32, "clip": 2.0, "grid": 4, "fit": "pad"},
        "image_size": 48,
        "mean": [0.5] * 3,
        "std": [0.5] * 3,
    }
    assert run.weights_description is not None
    assert run.weights_description.preprocessing == run.preprocessing
    assert list(run.history_frame()["epoch"]) == [1, 2]
    assert run.predictions("val").probs.shape == (16, 14)
    assert len(run.predictions("test").to_frame()) == 11
    again = (run.settings, run.sittings, run.history, run.scores, run.weights_description)
    # NaN differs from itself, its text does not.
    assert repr(again) == repr(told)


def test_the_file_of_weights_is_enough_to_predict_with(trained: Path, golden: Path) -> None:
    run = read_run(trained)
    path = golden / "alone.safetensors"
    shutil.copy(run.find_weights(), path)
    described = read_weights_description(path, remedy="")
    assert described is not None
    model = build_classifier(
        described.model,
        num_classes=len(described.labels),
        pretrained=False,
        seed=0,
        dropout=described.dropout,
        position_encoding=described.position_encoding,
    )
    model.load_state_dict(read_weights(path))
    made = described.preprocessing
    assert (list(model.backbone.mean), list(model.backbone.std)) == (made.mean, made.std)
    written = run.predictions("val")
    cache = ClaheCache.open(golden / "cache")
    images = cache.read_many(cache.rows_of(list(written.image_ids)))
    assert images.shape[-1] == made.clahe.size
    seen = torch.from_numpy(resize_images(images.reshape(-1, 32, 32), made.image_size))
    with torch.inference_mode():
        probs = model.eval()(seen[:, None]).sigmoid().numpy()
    np.testing.assert_allclose(probs, written.probs, atol=1e-5)


def test_weights_say_the_same_in_the_same_bytes(tmp_path: Path, trained: Path) -> None:
    run = read_run(trained)
    described = read_weights_description(run.find_weights(), remedy="")
    assert described is not None
    write_weights(tmp_path, read_weights(run.find_weights()), described)
    assert (tmp_path / "best.safetensors").read_bytes() == run.find_weights().read_bytes()


def test_runs_of_earlier_versions_say_what_they_know(golden: Path) -> None:
    run = read_run(golden / "experiments/runs" / OLD)
    assert (run.preprocessing, run.weights_description) == (None, None)
    assert run.predictions("val").vocabulary == run.labels
    assert read_weights_description(run.find_weights(), remedy="") is None
    schema_2 = Path(__file__).parents[1] / "golden/run_schema_2/experiments/runs"
    [folder] = schema_2.glob("*-bce-*")
    described = read_run(str(folder)).weights_description
    assert described is not None
    assert described.preprocessing == read_run(folder).preprocessing
    assert (described.model, described.dropout) == ("golden_net", 0.1)


def test_an_undefined_score_is_nan(golden: Path) -> None:
    folder = golden / "experiments/runs" / OLD
    content = json.loads((folder / "scores.json").read_text())
    content["val"]["macro"]["auroc"] = None
    (folder / "scores.json").write_text(json.dumps(content))
    scores = read_run(folder).scores
    assert scores is not None
    assert math.isnan(scores.val.macro["auroc"])


def test_what_is_no_run_folder_is_refused(golden: Path) -> None:
    with pytest.raises(InputError, match="is no run folder.*such as experiments/runs/NAME"):
        read_run(golden / "nowhere")
    with pytest.raises(InputError, match=r"is no run folder: it has no config\.json"):
        read_run(golden / "experiments")
    folder = golden / "experiments/runs" / OLD
    (folder / "best.safetensors").unlink()
    (folder / "predictions_test.csv").unlink()
    run = read_run(folder)
    assert run.scores is not None
    with pytest.raises(InputError, match=r"best\.safetensors does not exist\. Delete .*--resume"):
        _ = run.weights_description
    with pytest.raises(InputError, match=r"predictions_test\.csv does not exist\. Delete"):
        run.predictions("test")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ('{"schema_version": 9}', "was written by a newer xlite .schema version 9"),
        ('{"model": "resnet18"}', "has no 'labels'"),
        ("{", "is not valid JSON"),
    ],
)
def test_a_description_that_is_not_whole_is_named(
    trained: Path, change: str, fault: str, tmp_path: Path
) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "w.safetensors"
    save_file({"a": torch.zeros(1)}, path, metadata={"xlite": change})
    with pytest.raises(InputError, match=f"the description in .*{path.name} {fault}"):
        read_weights_description(path, remedy="Do this.")
    path.write_bytes(b"cut")
    with pytest.raises(InputError, match="is no whole .safetensors file.*Do this"):
        read_weights_description(path, remedy="Do this.")
    assert RunFolder(trained).weights_description is not None
