"""Films whose findings lie in known places: a trained model finds them, a random one does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from explaining.tiny_model import build_tiny
from torch.nn import functional

from xlite.explaining.boxes import MatchedBoxes
from xlite.explaining.heat_maps import MapMethod, draw_maps, see_batch
from xlite.explaining.localisation import ScoredPairs, score_pairs
from xlite.labels import NIH_LABELS
from xlite.models.catalogue import HeadName
from xlite.models.classifier import Classifier
from xlite.settings import ClaheSettings
from xlite.synthetic.places import find_places
from xlite.synthetic.radiograph import draw_film, philox

FINDINGS = ("Effusion", "Consolidation")
SIZE, TRAINED, ALL = 64, 220, 300


@dataclass(frozen=True)
class Films:
    images: torch.Tensor
    targets: torch.Tensor
    boxes: MatchedBoxes
    """Of the films that nothing was trained on."""


@pytest.fixture(scope="module")
def films() -> Films:
    rng = np.random.default_rng(0)
    targets = rng.random((ALL, len(FINDINGS))) < 0.5
    images, by_pair = [], {}
    for row, present in enumerate(targets):
        labels = np.isin(NIH_LABELS, np.array(FINDINGS)[present]).astype(np.int8)
        film = draw_film(
            labels, patient_rng=philox(5, row), image_rng=philox(6, row), image_size=SIZE
        )
        images.append(film.pixels)
        for place in find_places("", film.signs):
            pair = (row, FINDINGS.index(place.finding))
            box = (place.x, place.y, place.width, place.height)
            by_pair[pair] = (*by_pair.get(pair, ()), box)
    held_out = {pair: boxes for pair, boxes in sorted(by_pair.items()) if pair[0] >= TRAINED}
    return Films(
        images=torch.from_numpy(np.stack(images))[:, None],
        targets=torch.from_numpy(targets.astype(np.float32)),
        boxes=MatchedBoxes(
            by_pair=held_out, shapes=dict.fromkeys(range(ALL), (SIZE, SIZE)), left_out={}
        ),
    )


def train(films: Films, head: HeadName = "plain") -> Classifier:
    model = build_tiny(len(FINDINGS), seed=0, head=head)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(150):
        rows = torch.randint(TRAINED, (24,))
        loss = functional.binary_cross_entropy_with_logits(
            model(films.images[rows]), films.targets[rows]
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def draw(model: Classifier, films: Films, method: MapMethod = "gradcam") -> np.ndarray:
    rows, columns = map(list, zip(*films.boxes.by_pair, strict=True))
    seen = see_batch(model, films.images)
    return draw_maps(model, seen, rows, columns, method=method).numpy()


def score(
    model: Classifier, films: Films, head: HeadName = "plain", method: MapMethod = "gradcam"
) -> ScoredPairs:
    patients = np.array([row for row, _ in films.boxes.by_pair])
    fresh = [build_tiny(len(FINDINGS), seed, head=head).eval() for seed in (1, 2, 3)]
    random = np.stack([draw(one, films, method) for one in fresh])
    settings = ClaheSettings(size=SIZE)
    return score_pairs(films.boxes, draw(model, films, method), random, patients, None, settings)


def test_a_trained_model_beats_the_centre_and_a_random_one_does_not(films: Films) -> None:
    pairs = score(train(films), films)
    everything = np.ones(len(pairs.columns), dtype=bool)
    trained = pairs.describe(everything)
    assert trained.films > 60
    for measure in (trained.pointing, trained.energy):
        assert measure.value > measure.centre.value
        assert measure.centre.gain_low > 0
        assert measure.randomised.gain_low > 0
    for column in range(len(FINDINGS)):
        assert pairs.describe(pairs.columns == column).pointing.centre.gain_low > 0

    random = score(build_tiny(len(FINDINGS), seed=4).eval(), films).describe(everything)
    for measure in (random.pointing, random.energy, random.iou):
        assert measure.centre.gain_low < 0


@pytest.mark.parametrize("head", ["csra", "query"])
def test_the_maps_that_a_trained_head_makes_point_and_those_of_a_random_one_do_not(
    films: Films, head: HeadName
) -> None:
    pairs = score(train(films, head), films, head, "head")
    found = pairs.describe(np.ones(len(pairs.columns), dtype=bool))
    for measure in (found.pointing, found.energy):
        assert measure.centre.gain_low > 0
        assert measure.randomised.gain_low > 0
        assert measure.randomised.value < 0.15


def test_the_mean_box_of_others_is_a_strong_rival_and_blind_to_its_own_patient(
    films: Films,
) -> None:
    pairs = score(build_tiny(len(FINDINGS), seed=4).eval(), films)
    everything = np.ones(len(pairs.columns), dtype=bool)
    found = pairs.describe(everything)
    assert found.pointing.mean_box.value > found.pointing.centre.value + 0.1
    moved = dict(films.boxes.by_pair)
    first = next(iter(moved))
    moved[first] = ((0, 0, 5, 5),)
    boxes = MatchedBoxes(by_pair=moved, shapes=films.boxes.shapes, left_out={})
    again = score(
        build_tiny(len(FINDINGS), seed=4).eval(), Films(films.images, films.targets, boxes)
    )
    assert again.others["mean_box"].pointing[0] == 0
    assert again.others["mean_box"].thresholds[0] == pairs.others["mean_box"].thresholds[0]
