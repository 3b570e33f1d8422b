"""What heat maps cost beside the prediction that they explain: at most 2.5 times.

16 films of 224 pixels, float32 on the CPU, a model's plain variant and the one with attention. A
film has one map, the way of a call that is looked into, or one of each of 14 labels. The last rows
go from files: decoding, CLAHE, prediction, and then the map of one label laid on the film.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor

from benchmarks.measure import Row, Work, compare_times, time_in_turns
from benchmarks.radiographs import find_radiographs
from xlite.explaining.film_geometry import lay_on_film
from xlite.explaining.films import open_films, read_again
from xlite.explaining.heat_maps import draw_maps, see_batch
from xlite.models.classifier import Classifier, build_classifier
from xlite.settings import ClaheSettings

_MODELS = ("tf_efficientnet_lite0", "tf_efficientnet_lite0+mhsa")
_NUM_FILMS, _NUM_LABELS, _SIZE = 16, 14, 224
_TARGET = 2.5


def run() -> list[Row]:
    """The rows of each model, and of films from files."""
    rows: list[Row] = []
    for name in _MODELS:
        model = _build(name)
        images = torch.randint(256, (_NUM_FILMS, 1, _SIZE, _SIZE), dtype=torch.uint8)
        contenders: dict[str, Work] = {
            "predict": partial(_predict, model, images),
            "one": partial(_explain, model, images, 1),
            "all": partial(_explain, model, images, _NUM_LABELS),
        }
        seconds = time_in_turns(contenders, rounds=3)
        all_target = None if "+" in name else _TARGET
        for ours, words, target in (("one", "a map", _TARGET), ("all", "14 maps", all_target)):
            title = f"explaining, {name}: {words} a film, beside predicting"
            rows.append(compare_times(title, seconds, ours=ours, peer="predict", target=target))
    return [*rows, _compare_from_files()]


def _compare_from_files() -> Row:
    films = find_radiographs().manifest.select(np.arange(_NUM_FILMS))
    clahe = ClaheSettings(size=_SIZE)
    source, model = open_films(films, clahe), _build(_MODELS[0])
    read = partial(read_again, source, np.arange(_NUM_FILMS), _SIZE)

    def explain() -> int:
        for heat in _draw(model, read(), 1).numpy():
            lay_on_film(heat[None], (1024, 1024), clahe)
        return _NUM_FILMS

    contenders: dict[str, Work] = {
        "predict": lambda: _predict(model, read()),
        "explain": explain,
    }
    seconds = time_in_turns(contenders, rounds=3)
    title = f"explaining, {_MODELS[0]}: from files to a map of the film's size, beside predicting"
    return compare_times(title, seconds, ours="explain", peer="predict", target=_TARGET)


def _build(name: str) -> Classifier:
    model = build_classifier(name, num_classes=_NUM_LABELS, pretrained=False, seed=0).eval()
    return model.to(memory_format=torch.channels_last)


def _predict(model: Classifier, images: Tensor) -> int:
    with torch.inference_mode():
        model(images)
    return len(images)


def _explain(model: Classifier, images: Tensor, num_labels: int) -> int:
    _draw(model, images, num_labels)
    return len(images)


def _draw(model: Classifier, images: Tensor, num_labels: int) -> Tensor:
    rows = np.repeat(np.arange(len(images)), num_labels).tolist()
    columns = list(range(num_labels)) * len(images)
    return draw_maps(model, see_batch(model, images), rows, columns)
