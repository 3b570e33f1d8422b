"""`xlite probe`, from films to a ranking: files, what is kept, what is refused."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from workflows.drawn_folds import write_folds

from xlite.clahe_cache.store import ClaheCache
from xlite.errors import InputError, InterruptedRunError
from xlite.models.backbone import create_backbone
from xlite.models.classifier import build_classifier
from xlite.probing import extraction
from xlite.probing.feature_folder import FEATURES_RECORD
from xlite.results.probe import Probe
from xlite.settings import Runtime
from xlite.signals import StopRequest
from xlite.tables.read_labels import read_labels
from xlite.workflows.compare import compare
from xlite.workflows.probe import probe

RUNTIME = Runtime(device="cpu", num_workers=0)
OPTIONS: dict[str, Any] = {
    **{"pretrained": False, "views": 2, "runtime": RUNTIME},
    "image_sizes": [48, 64],
}


@pytest.fixture(scope="module")
def folds(project: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folds(read_labels(project.table), tmp_path_factory.mktemp("f"), num_folds=3)


def test_two_sizes_are_ranked_over_folds_and_their_features_found_again(
    project: Any, folds: Path, tmp_path: Path, xlite_ok: Any
) -> None:
    features, out = tmp_path / "features", tmp_path / "probe"
    command = (
        *("probe", "--models", "test_resnet", "--image-sizes", "48,64", "--no-pretrained"),
        *("--split", folds, "--cache", project.cache, "--views", 2, "--device", "cpu"),
        *("--features", features, "--out", out),
    )
    shown = xlite_ok(*command).output
    assert "test_resnet-48" in shown
    found = Probe.read(out / "probe.json", remedy="")
    assert {one.name for one in found.probed} == {"test_resnet-48", "test_resnet-64"}
    assert found.comparison.images == 160
    assert [one.was_there for one in found.probed] == [False, False]
    table = pd.read_csv(out / "probe.csv")
    assert table["auroc"].tolist() == sorted(table["auroc"], reverse=True)

    again = Probe.from_json(json.loads(xlite_ok(*command, "--json").stdout))
    assert [one.was_there for one in again.probed] == [True, True]
    assert [one.auroc for one in again.probed] == [one.auroc for one in found.probed]
    # What the heads say is anyone's predictions of the folds, to compare runs with.
    files = [out / "test_resnet-48.csv", out / "test_resnet-64.csv"]
    compared = compare(files, split=folds)
    assert compared.best == found.comparison.best
    assert compared.rows[0].auroc == pytest.approx(found.probed[0].auroc, abs=1e-6)


def test_features_are_those_of_the_backbone_that_runs_start_with(
    project: Any, tmp_path: Path
) -> None:
    features = tmp_path / "features"
    found = probe(
        "test_resnet", split=project.split, cache=project.cache, features=features, **OPTIONS
    )
    assert found.comparison.part == "val"
    (folder,) = features.glob("test_resnet-64-*")
    kept = np.concatenate([np.load(path) for path in sorted(folder.glob("*.npy"))])
    model = build_classifier("test_resnet", pretrained=False, seed=0).eval()
    cache = ClaheCache.open(project.cache)
    split = [pd.read_csv(project.split / f"{part}.csv") for part in ("train", "val")]
    first = min(name for part in split for name in part["Image Index"])
    image = torch.from_numpy(cache.read_many(cache.rows_of([first])))[:, None]
    with torch.inference_mode():
        pooled = model.pool_features(image)[0].numpy()
        mirrored = model.pool_features(image.flip(3))[0].numpy()
    np.testing.assert_allclose(kept[0, 0, -len(pooled) :], pooled, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(kept[0, 1, -len(pooled) :], mirrored, rtol=1e-4, atol=1e-5)


def test_a_stopped_probe_goes_on_and_comes_to_the_same(
    project: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(extraction, "CHUNK", 40)
    monkeypatch.setattr("xlite.probing.feature_folder.CHUNK", 40)
    asked = {"split": project.split, "cache": project.cache, **OPTIONS}
    whole = probe("test_resnet", features=tmp_path / "whole", **asked)
    stop, calls = StopRequest(), []

    def see(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:  # in the midst of the second chunk
            stop.receive(15, None)
        return real(*arguments)

    real = extraction._see
    monkeypatch.setattr(extraction, "_see", see)
    with pytest.raises(InterruptedRunError, match="the same command goes on"):
        probe(
            "test_resnet",
            features=tmp_path / "stopped",
            stopping=lambda: contextlib.nullcontext(stop),
            **asked,
        )
    (folder,) = (tmp_path / "stopped").iterdir()
    assert not (folder / FEATURES_RECORD).exists()
    assert [path.name for path in folder.glob("*.npy")] == ["000000.npy"]
    calls.clear()
    again = probe("test_resnet", features=tmp_path / "stopped", **asked)
    kept = tmp_path / "whole" / folder.name
    chunks = sorted(path.name for path in kept.glob("*.npy"))
    assert len(calls) == 2 * (len(chunks) - 1) + 2 * len(chunks)
    assert (folder / FEATURES_RECORD).read_bytes() == (kept / FEATURES_RECORD).read_bytes()
    assert [one.auroc for one in again.probed] == [one.auroc for one in whole.probed]


def test_weights_are_part_of_what_features_are_found_by(project: Any, tmp_path: Path) -> None:
    torch.manual_seed(1)
    state = create_backbone("test_resnet", pretrained=False).model.state_dict()
    save_file(state, tmp_path / "w.safetensors")
    asked = {
        **{"split": project.split, "cache": project.cache},
        **{"features": tmp_path / "features", "views": 1, "runtime": RUNTIME},
        "image_sizes": [48, 64],
    }
    random = probe("test_resnet", pretrained=False, **asked)
    loaded = probe("test_resnet", weights=tmp_path / "w.safetensors", **asked)
    assert random.best.weights != loaded.best.weights
    assert len(list((tmp_path / "features").iterdir())) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": "test_resnet+csra"}, "have learnt nothing yet"),
        ({"models": []}, "nothing to probe"),
        ({"models": ["test_resnet", "test_resnet"]}, "names test_resnet twice"),
        ({"image_sizes": []}, "only test_resnet-64 is there to rank"),
        ({"views": 9}, "there are 8 views"),
        ({"image_sizes": [16]}, "32 to 8,192 pixels"),
        ({"weights": "test_vit=x.safetensors"}, "test_vit is none of"),
        ({"weights": "x.safetensors"}, "does not exist"),
    ],
)
def test_what_can_not_be_probed_is_refused_and_leaves_nothing(
    project: Any, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    asked = {"models": "test_resnet", "split": project.split, "cache": project.cache, **OPTIONS}
    with pytest.raises(InputError, match=message):
        probe(features=tmp_path / "features", out=tmp_path / "out", **{**asked, **changes})
    assert not list(tmp_path.iterdir())
