from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from xlite.errors import InputError
from xlite.files import read_json, write_json
from xlite.run_folder.file_names import RUN_BEST, RUN_SITTINGS
from xlite.run_folder.predictions import read_predictions
from xlite.settings import Runtime, TrainSettings
from xlite.splitting.split_folder import read_split
from xlite.training import augmented_prediction
from xlite.training.augmented_prediction import VIEWS, AugmentedView, predict_with_views
from xlite.training.data import StudyData, load_study_data
from xlite.training.run import train_run


@pytest.fixture(scope="module")
def data(project: Any) -> StudyData:
    return load_study_data(read_split(project.split), project.cache)


@pytest.fixture(scope="module")
def run_dir(data: StudyData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("views") / "run"
    settings = TrainSettings.parse(
        model="test_resnet", initial_weights="none", epochs=1, batch_size=16, image_size=32
    )
    train_run(settings, data, folder, runtime=Runtime(num_workers=0))
    return folder


def test_the_image_as_it_is_gives_the_predictions_of_the_run(
    data: StudyData, run_dir: Path
) -> None:
    for part in ("val", "test"):
        written = read_predictions(run_dir / f"predictions_{part}.csv", data.vocabulary)
        probs = predict_with_views(run_dir, part, data, views=(AugmentedView(),))
        np.testing.assert_allclose(probs, written.probs, atol=1e-6)


@pytest.mark.parametrize("contiguous", [(), ("test_resnet",)])
def test_the_memory_format_is_that_of_training(
    data: StudyData,
    run_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    contiguous: tuple[str, ...],
) -> None:
    folder = Path(shutil.copytree(run_dir, tmp_path / "run"))
    record = read_json(folder / RUN_SITTINGS, remedy="")
    record["sittings"][-1]["runtime"]["contiguous_models"] = contiguous
    write_json(folder / RUN_SITTINGS, record)
    formats = []
    predict = augmented_prediction.predict_logits

    def note(model: Any, *arguments: Any, **options: Any) -> Any:
        kernels = [weight for weight in model.parameters() if weight.shape[2:] == (3, 3)]
        last = torch.channels_last
        formats.append({weight.is_contiguous(memory_format=last) for weight in kernels[1:]})
        return predict(model, *arguments, **options)

    monkeypatch.setattr(augmented_prediction, "predict_logits", note)
    predict_with_views(folder, "val", data, views=(AugmentedView(),))
    assert formats == [{not contiguous}]


def test_views_are_averaged_and_always_the_same(data: StudyData, run_dir: Path) -> None:
    first, second = AugmentedView(degrees=4), AugmentedView(shift=0.03)
    alone = [predict_with_views(run_dir, "val", data, views=(view,)) for view in (first, second)]
    both = predict_with_views(run_dir, "val", data, views=(first, second))
    np.testing.assert_allclose(both, (alone[0] + alone[1]) / 2, atol=1e-12)
    assert np.abs(alone[0] - alone[1]).max() > 1e-5, "the views make a difference"


def test_views_move_the_image_a_little_and_mirror_none() -> None:
    image = np.zeros((100, 100), dtype=np.uint8)
    image[40:50, 20:30] = 255

    def centre(view: AugmentedView) -> tuple[float, float]:
        rows, columns = np.nonzero(view(image, epoch=0, position=0) > 127)
        return float(rows.mean()), float(columns.mean())

    np.testing.assert_array_equal(AugmentedView()(image, epoch=0, position=0), image)
    assert centre(AugmentedView(shift=0.03))[1] == pytest.approx(24.5 + 3, abs=0.6)
    assert centre(AugmentedView(degrees=4))[0] > centre(AugmentedView())[0], (
        "anticlockwise: its left side sinks"
    )
    assert centre(AugmentedView(scale=1.05))[1] < centre(AugmentedView())[1], (
        "larger: away from the centre"
    )
    for view in VIEWS:
        row, column = centre(view)
        assert abs(row - 44.5) < 5
        assert abs(column - 24.5) < 5, "a mirrored image would have it at 74.5"


def test_other_pixels_are_refused(data: StudyData, run_dir: Path) -> None:
    others = dataclasses.replace(data, source_fingerprint="0" * 16)
    with pytest.raises(InputError, match="other pixels.*--cache"):
        predict_with_views(run_dir, "val", others)


def test_other_weights_than_the_run_wrote_are_refused(
    data: StudyData, run_dir: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(run_dir, tmp_path / "run"))
    weights = bytearray((folder / RUN_BEST).read_bytes())
    weights[-1] ^= 1
    (folder / RUN_BEST).write_bytes(weights)
    with pytest.raises(InputError, match="best.safetensors is not what the run wrote"):
        predict_with_views(folder, "val", data)
