"""Films in files to probs: xlite's loop against the bare one that an engineer writes for a model.

The bare loop decodes (OpenCV), equalises, reduces and stacks 32 films at a time and hands them to
onnxruntime, whose threads are its own affair. xlite reads the same files by as many processes as
there are cores, predicts in batches of 64, and measures each film's distance from those of
training: with the exported folder, whose program is the bare loop's, and with the run, which torch
predicts so that its bytes are those of training. All are ready before the time begins, but for
xlite's processes.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import xlite
from benchmarks.export import write_drawn_run
from benchmarks.measure import Row, Work, compare_rates, in_own_processes, time_in_turns
from benchmarks.radiographs import find_radiographs
from xlite.exporting.films import draw_films
from xlite.predicting.exported_folder import EXPORT_MODEL
from xlite.predicting.exported_model import open_exported
from xlite.predicting.films import FilmFiles, Films
from xlite.predicting.predict_films import count_chunks, predict_films
from xlite.predicting.predictor import Predictor
from xlite.predicting.run_predictor import open_run_predictor
from xlite.run_folder import read_run
from xlite.scores.mean_film import LEAST_FILMS
from xlite.scores.typical_films import SeenFilms, fit_typical_films
from xlite.settings import ClaheSettings, Runtime

_MODEL, _BATCH = "mobilenet_v3_large_mhsa", 32
_FILMS = 400


def run() -> list[Row]:
    """The rows of films a second, read from their files."""
    paths = [str(path) for path in find_radiographs().paths[:_FILMS]]
    with tempfile.TemporaryDirectory(prefix="xlite-bench-") as scratch:
        run_dir = write_drawn_run(Path(scratch) / "runs" / _MODEL, _MODEL)
        folder = Path(scratch) / "exported"
        xlite.export(run_dir, out=folder)
        contenders = {
            "bare": partial(_prepare_bare, paths, folder),
            "exported": partial(_prepare_exported, paths, folder),
            "run": partial(_prepare_run, paths, run_dir),
        }
        with in_own_processes(contenders) as ready:
            seconds = time_in_turns(ready)
    return [
        compare_rates(
            f"predict {len(paths)} films, {_MODEL}: {title}",
            seconds,
            ours=ours,
            peer="bare",
            target=target,
            unit="images/s",
        )
        for ours, title, target in (
            ("exported", "an exported folder", 0.9),
            ("run", "a run, by torch", None),
        )
    ]


def _prepare_exported(paths: list[str], folder: Path) -> Work:
    return _prepare_ours(paths, open_exported(folder, device="cpu"))


def _prepare_run(paths: list[str], run_dir: Path) -> Work:
    return _prepare_ours(
        paths, open_run_predictor(read_run(run_dir), runtime=Runtime(device="cpu"))
    )


def _prepare_ours(paths: list[str], predictor: Predictor) -> Work:
    clahe = ClaheSettings.parse(**predictor.preprocessing.clahe.model_dump())
    drawn = draw_films(2 * LEAST_FILMS, predictor.preprocessing)
    seen = SeenFilms(predictor.predict(drawn).features, drawn[:, 0])
    typical = fit_typical_films(seen.every_other(0), seen.every_other(1), is_unseen=True)
    films = Films(np.array(paths, dtype=object), FilmFiles(paths, clahe))

    def work() -> int:
        numbers = range(count_chunks(films))
        said = predict_films(predictor, films, numbers=numbers, typical=typical)
        return sum(len(chunk.positions) for _, chunk in said)

    return work


def _prepare_bare(paths: list[str], folder: Path) -> Work:
    import onnxruntime

    session = onnxruntime.InferenceSession(
        folder / EXPORT_MODEL, providers=["CPUExecutionProvider"]
    )
    side = session.get_inputs()[0].shape[-1]
    operator = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))

    def read(path: str) -> Any:
        grey: Any = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
        return cv2.resize(operator.apply(grey), (side, side), interpolation=cv2.INTER_AREA)

    def work() -> int:
        probs = []
        for at in range(0, len(paths), _BATCH):
            images = np.stack([read(path) for path in paths[at : at + _BATCH]])[:, None]
            probs.append(session.run(["probs"], {"images": images})[0])
        return sum(map(len, probs))

    return work
