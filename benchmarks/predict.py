"""Films in files to probs: xlite's loop against the bare one that an engineer writes for a model.

The bare loop decodes (OpenCV), equalises, reduces and stacks 32 films at a time and hands them to
onnxruntime, whose threads are its own affair. xlite's reads the same files by as many processes as
there are cores, predicts with torch in batches of 64, and measures each film's distance from
those of training. Both are ready before the time begins, but for xlite's processes.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import torch

from benchmarks.measure import Row, Work, compare_rates, in_own_processes, time_in_turns
from benchmarks.radiographs import find_radiographs
from xlite.models.classifier import Classifier, build_classifier
from xlite.predicting.films import FilmFiles, Films
from xlite.predicting.predict_films import count_chunks, predict_films
from xlite.predicting.run_predictor import RunPredictor
from xlite.run_folder.records import ClaheRecord, Preprocessing
from xlite.scores.typical_films import fit_typical_films
from xlite.settings import ClaheSettings, Runtime
from xlite.training.device import build_fabric

_MODEL, _SIZE, _BATCH = "mobilenetv3_large_100+mhsa", 224, 32
_FILMS = 400


def run() -> list[Row]:
    """The row of films a second, read from their files."""
    paths = [str(path) for path in find_radiographs().paths[:_FILMS]]
    contenders = {"ours": partial(_prepare_ours, paths), "peer": partial(_prepare_bare, paths)}
    with in_own_processes(contenders) as ready:
        seconds = time_in_turns(ready)
    return [
        compare_rates(
            f"predict {len(paths)} films, {_MODEL}",
            seconds,
            ours="ours",
            peer="peer",
            target=0.9,
            unit="images/s",
        )
    ]


def _build() -> Classifier:
    return build_classifier(_MODEL, pretrained=False, seed=0).eval()


def _prepare_ours(paths: list[str]) -> Work:
    clahe = ClaheSettings(size=_SIZE)
    model = _build()
    made = Preprocessing(
        clahe=ClaheRecord(**clahe.model_dump(mode="json")),
        image_size=_SIZE,
        mean=list(model.backbone.mean),
        std=list(model.backbone.std),
    )
    labels = tuple(f"label {number}" for number in range(14))
    stand_in: Any = SimpleNamespace(
        name="run", labels=labels, settings=SimpleNamespace(precision="fp32")
    )
    model.to(memory_format=torch.channels_last)
    predictor = RunPredictor(
        stand_in,
        model,
        fabric=build_fabric(Runtime(device="cpu"), "fp32"),
        preprocessing=made,
        thresholds=None,
    )
    width = cast("torch.nn.Linear", model.head[0]).in_features  # type: ignore[index]
    drawn = np.random.default_rng(0).normal(size=(400, width)).astype(np.float32)
    typical = fit_typical_films(drawn[:200], drawn[200:], is_unseen=True)
    films = Films(np.array(paths, dtype=object), FilmFiles(paths, clahe))

    def work() -> int:
        numbers = range(count_chunks(films))
        said = predict_films(predictor, films, numbers=numbers, typical=typical)
        return sum(len(chunk.positions) for _, chunk in said)

    return work


def _prepare_bare(paths: list[str]) -> Work:
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        example = torch.zeros(2, 1, _SIZE, _SIZE, dtype=torch.uint8)
        torch.onnx.export(
            _build(),
            (example,),
            path,
            input_names=["images"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    operator = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))

    def read(path: str) -> Any:
        grey: Any = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
        return cv2.resize(operator.apply(grey), (_SIZE, _SIZE), interpolation=cv2.INTER_AREA)

    def work() -> int:
        probs = []
        for at in range(0, len(paths), _BATCH):
            images = np.stack([read(path) for path in paths[at : at + _BATCH]])[:, None]
            (logits,) = session.run(None, {"images": images})
            probs.append(1 / (1 + np.exp(-logits)))
        return sum(map(len, probs))

    return work
