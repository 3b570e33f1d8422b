"""Boxes around what a synthetic film shows, against films that differ in the finding alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xlite.labels import NIH_LABELS
from xlite.synthetic.generate import BOX_TABLE, LABEL_TABLE, generate_synthetic
from xlite.synthetic.places import find_places
from xlite.synthetic.radiograph import DrawnFilm, draw_film, philox
from xlite.tables.sources.files import gather_tables
from xlite.tables.sources.nih import NIH
from xlite.tables.sources.reading import read_source

SIZE = 128


def draw(person: int, *findings: str) -> DrawnFilm:
    labels = np.isin(NIH_LABELS, findings).astype(np.int8)
    return draw_film(
        labels, patient_rng=philox(1, person), image_rng=philox(2, person), image_size=SIZE
    )


@pytest.mark.parametrize("finding", ["Mass", "Nodule", "Effusion", "Consolidation", "Hernia"])
def test_a_box_is_where_the_film_changes(finding: str) -> None:
    shares = []
    for person in range(8):
        with_it, without = draw(person, finding), draw(person)
        change = np.abs(with_it.pixels.astype(float) - without.pixels)
        inside = np.zeros((SIZE, SIZE), dtype=bool)
        for place in find_places("a.png", with_it.signs):
            assert place.finding == finding
            assert 0 <= place.x < place.x + place.width <= SIZE
            assert 0 <= place.y < place.y + place.height <= SIZE
            inside[place.y : place.y + place.height, place.x : place.x + place.width] = True
        assert inside.mean() < 0.3
        shares.append(change[inside].sum() / change.sum())
    assert np.mean(shares) > 0.85


def test_the_heart_has_one_box_and_both_lungs_have_two() -> None:
    heart = find_places("a.png", draw(3, "Cardiomegaly").signs)
    assert len(heart) == 1
    assert heart[0].y > SIZE / 3, "the great vessels are no part of it"
    lungs = sorted(place.x for place in find_places("a.png", draw(3, "Emphysema").signs))
    assert len(lungs) == 2
    assert lungs[0] < SIZE / 2 < lungs[1]
    assert find_places("a.png", draw(3).signs) == []


def test_the_list_is_read_as_nih_s(tmp_path: Path) -> None:
    table = generate_synthetic(tmp_path, num_images=40, image_size=64, min_positives=2)
    found = read_source(gather_tables(NIH, [table, tmp_path / BOX_TABLE]))
    assert table.name == LABEL_TABLE
    boxed = set(zip(found.boxes["image_id"], found.boxes["label"], strict=True))
    named = {
        (image, NIH_LABELS[c])
        for image, row in zip(found.manifest.image_ids, found.manifest.labels, strict=True)
        for c in np.flatnonzero(row == 1)
    }
    assert boxed <= named
    assert len(boxed) >= 0.9 * len(named), "but for findings that others hide, all have a box"
