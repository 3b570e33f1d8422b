"""How well films are told that are unlike those of training: real ones, altered ones, others."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from benchmarks.rates import Rate, Simulation
from xlite.clahe_cache.clahe import apply_clahe
from xlite.clahe_cache.radiograph import read_radiograph
from xlite.clahe_cache.store import ClaheCache
from xlite.errors import InputError
from xlite.predicting.run_predictor import RunPredictor, open_run_predictor
from xlite.run_folder import RunFolder, read_run
from xlite.scores.typical_films import SeenFilms, fit_typical_films
from xlite.settings import ClaheSettings, Runtime, TrainSettings
from xlite.splitting.split_folder import read_split

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHARED = Path(__file__).parents[2] / "shared"
_WORK = Path(tempfile.gettempdir()) / "xlite_unlike_films"
"""Where five runs are trained, and found again the next time: half an hour of two cores."""
_FOLDS, _BATCH = 5, 64
_LEVELS = (0.05,)


def _constant(film: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    return np.full_like(film, (0, 128, 255)[number % 3])


def _noise(film: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    drawn = np.random.default_rng(number).integers(0, 256, film.shape)
    return drawn.astype(np.uint8)


def _blur(film: NDArray[np.uint8], _: int) -> NDArray[np.uint8]:
    blurred: Any = cv2.GaussianBlur(film, (0, 0), film.shape[0] / 32)
    return np.asarray(blurred, np.uint8)


_ALTERED: dict[str, Callable[[NDArray[np.uint8], int], NDArray[np.uint8]]] = {
    "inverted": lambda film, _: 255 - film,
    "constant: black, grey or white": _constant,
    "noise in every pixel": _noise,
    "blurred beyond reading": _blur,
    "no chest: the lowest quarter": lambda film, _: film[-film.shape[0] // 4 :],
    "no chest: an upper corner": lambda film, _: film[: film.shape[0] // 4, : film.shape[1] // 4],
    "one half of the chest": lambda film, _: film[:, : film.shape[1] // 2],
    "upside down": lambda film, _: film[::-1],
    "on its side": lambda film, _: np.rot90(film),
    "mirrored": lambda film, _: film[:, ::-1],
}
"""What is made of each real film."""


def unlike_films() -> list[Rate]:
    """Films that are marked as unlike those of training: real ones nobody has seen, and others."""
    marked: dict[str, dict[float, list[NDArray[np.bool_]]]] = {}
    for run, split_dir in _find_runs():
        for kind, p_values in _judge_fold(run, split_dir).items():
            for level in _LEVELS:
                marked.setdefault(kind, {}).setdefault(level, []).append(p_values <= level)
    rates = []
    for level in _LEVELS:
        for kind, found in marked.items():
            every = np.concatenate(found[level])
            is_ordinary = kind == _ORDINARY
            # Three standard errors above the level: films of one fold share their rule.
            most = level + 3 * sqrt(level * (1 - level) / len(every)) if is_ordinary else None
            rates.append(
                Rate(
                    case=f"{kind}, at {level:.0%}",
                    rate=float(every.mean()),
                    trials=len(every),
                    most=most,
                )
            )
    return rates


_ORDINARY = "real films of neither training nor the rule"


def _judge_fold(run: RunFolder, split_dir: Path) -> dict[str, NDArray[np.float64]]:
    """The p values of a fold's films by kind."""
    predictor = open_run_predictor(run, runtime=Runtime(device="cpu"))
    split = read_split(split_dir)
    cached = ClaheCache.open(_WORK / "cache")

    def read(part: str) -> SeenFilms:
        names = list(split.require_part(part).image_ids)
        return _see(predictor, cached.read_many(cached.rows_of(names)))

    typical = fit_typical_films(read("train"), read("val"), is_unseen=True)
    seen = {_ORDINARY: read("test")}
    settings = ClaheSettings.parse(**predictor.preprocessing.clahe.model_dump())
    paths = [_SHARED / "nih-sample/images" / name for name in split.require_part("test").image_ids]
    for kind, alter in _ALTERED.items():
        altered = (
            alter(np.asarray(read_radiograph(path), np.uint8), number)
            for number, path in enumerate(paths)
        )
        seen[kind] = _see_files(predictor, settings, altered)
    for kind, others in (("photographs", _photographs()), ("CT and MR slices", _slices())):
        seen[kind] = _see_files(predictor, settings, others)
    return {kind: typical.p_values(typical.measure(films)) for kind, films in seen.items()}


def _see_files(
    predictor: RunPredictor, settings: ClaheSettings, films: Iterable[NDArray[Any]]
) -> SeenFilms:
    equalised = [apply_clahe(np.ascontiguousarray(film), settings) for film in films]
    return _see(predictor, np.stack(equalised))


def _see(predictor: RunPredictor, images: NDArray[np.uint8]) -> SeenFilms:
    batches = range(0, len(images), _BATCH)
    said = [predictor.predict(images[at : at + _BATCH][:, None]).features for at in batches]
    return SeenFilms(np.concatenate(said), images)


def _find_runs() -> Iterator[tuple[RunFolder, Path]]:
    """The five runs with the folder of each one's fold, trained where they are not there yet."""
    import xlite

    table, images = _SHARED / "nih-sample/Data_Entry_2017.csv", _SHARED / "nih-sample/images"
    folds, cached = _WORK / "folds", _WORK / "cache"
    if not (folds / "folds.json").exists():
        xlite.make_folds(table, out=folds, folds=_FOLDS)
    xlite.cache_clahe(table, images=images, out=cached, settings=xlite.ClaheSettings(size=224))
    weights = _SHARED / "weights/tf_efficientnet_lite0.imagenet.safetensors"
    settings = TrainSettings(
        model="tf_efficientnet_lite0",
        initial_weights=f"sha256:{_sum(weights)}",
        epochs=4,
        image_size=224,
        lr=5e-4,
    )
    outcomes = xlite.train(
        settings,
        seeds=[0],
        split=folds,
        cache=cached,
        out=_WORK / "experiments",
        resume=True,
        runtime=Runtime(device="cpu", weights_path=weights),
    )
    for outcome in outcomes:
        run = read_run(outcome.run_dir)
        number = next(
            n for n in range(_FOLDS) if read_split(folds / str(n)).sha256 == run.data.split_sha256
        )
        yield run, folds / str(number)


def _sum(path: Path) -> str:
    from xlite.files import sha256_of_file

    return sha256_of_file(path)


@cache
def _photographs() -> list[NDArray[Any]]:
    """Those that scikit-image, scikit-learn and matplotlib bring, and a quarter of each."""
    places = {
        "skimage": "data/*",
        "sklearn": "datasets/images/*",
        "matplotlib": "mpl-data/sample_data/grace*",
    }
    photographs = []
    for package, pattern in places.items():
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise InputError(f"{package} is not installed, whose photographs are wanted.")
        for path in sorted(Path(spec.origin).parent.glob(pattern)):
            if path.suffix not in (".png", ".jpg"):
                continue
            photograph = read_radiograph(path)
            if min(photograph.shape) >= 200:
                height, width = (side // 2 for side in photograph.shape)
                photographs += [photograph, photograph[:height, :width]]
    return photographs


@cache
def _slices() -> list[NDArray[Any]]:
    """Slices of other bodies' parts, of pydicom's test files."""
    spec = find_spec("pydicom")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "data/test_files"
    names = ("CT_small.dcm", "MR_small.dcm", "693_J2KI.dcm", "JPEG2000.dcm", "emri_small.dcm")
    return [read_radiograph(folder / name) for name in names if (folder / name).exists()]


SIMULATIONS: dict[str, Simulation] = {"unlike-films": unlike_films}
