from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xlite.judging.evaluation import Resampling, score_predictions
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.thresholding import crossfit_calls
from xlite.reporting.score_figures import MOST_LABELS, draw_scores
from xlite.reporting.score_panels import ScorePanels

NAMES = ("roc", "precision_recall", "calibration", "score_by_prevalence", "confusion")


def make_panels(num_classes: int, *, lacks_positives: bool = False) -> ScorePanels:
    rng = np.random.default_rng(0)
    targets = (rng.random((300, num_classes)) < 0.2).astype(np.int8)
    targets[:20, 0] = -1
    if lacks_positives:
        targets[:, -1] = 0
    probs = np.clip(0.3 * targets + rng.random(targets.shape) / 2, 0, 1)
    labels = [f"Pleural_Mass {c}" for c in range(num_classes)]
    labelled = LabelledPredictions(
        name="model",
        image_ids=np.arange(300).astype(str),
        patient_ids=np.arange(300).astype(str),
        targets=targets,
        probs=probs,
        vocabulary=tuple(labels),
        columns={},
    )
    calls = crossfit_calls(labelled, method="f1", calibration="none")
    scores = score_predictions(labelled, calls, resampling=Resampling(num_resamples=100))
    return ScorePanels(
        labels=labels,
        targets=targets,
        probs=probs,
        scaled=probs,
        is_called=calls.is_called,
        called=calls.targets,
        per_class=scores.per_class,
    )


@pytest.mark.parametrize("num_classes", [1, 5, 14])
def test_every_figure_is_drawn_for_any_number_of_labels(num_classes: int, tmp_path: Path) -> None:
    paths = draw_scores(make_panels(num_classes, lacks_positives=True), tmp_path)
    assert [path.stem for path in paths] == [*NAMES, "error_overlap"]
    for path in paths:
        with Image.open(path) as picture:
            assert len(np.unique(np.asarray(picture))) > 10, f"{path.name} is blank"
        ET.parse(path.with_suffix(".svg"))


def test_of_many_labels_those_with_most_positives_are_shown(tmp_path: Path) -> None:
    panels = make_panels(MOST_LABELS + 3)
    rows = {
        name: dataclasses.replace(row, positives=5 if number in (0, 4, 9) else 40)
        for number, (name, row) in enumerate(panels.per_class.items())
    }
    panels = dataclasses.replace(panels, per_class=rows)
    shown = panels.select_commonest(MOST_LABELS)
    assert [name for name in panels.labels if name not in shown.labels] == [
        panels.labels[number] for number in (0, 4, 9)
    ]
    np.testing.assert_array_equal(shown.targets[:, 0], panels.targets[:, 1])
    draw_scores(panels, tmp_path)
    for path in tmp_path.glob("*.svg"):
        text = path.read_text()
        assert "the 28 of 31 labels with most positives" in text, path.name
        assert "Pleural Mass 4 " not in text
    assert panels.select_commonest(31).selection == ""


def test_labels_with_signs_of_formulas_are_drawn_as_they_are(tmp_path: Path) -> None:
    panels = make_panels(2)
    labels = [r"$\notacommand$ a", "$ }{ $"]
    rows = dict(zip(labels, panels.per_class.values(), strict=True))
    draw_scores(dataclasses.replace(panels, labels=labels, per_class=rows), tmp_path)
    assert r"$\notacommand$ a" in (tmp_path / "roc.svg").read_text()


def test_the_same_scores_give_the_same_files(tmp_path: Path) -> None:
    for name in ("first", "second"):
        draw_scores(make_panels(3), tmp_path / name)
    for path in sorted((tmp_path / "first").iterdir()):
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes(), path.name


def test_figures_show_the_scores_in_words(tmp_path: Path) -> None:
    panels = make_panels(2)
    draw_scores(panels, tmp_path)
    row = panels.per_class[panels.labels[0]]
    text = (tmp_path / "roc.svg").read_text()
    assert f"<!-- {row.auroc:.3f} -->" in text
    assert "Pleural Mass 0" in text
    assert f"<!-- ECE {row.ece:.3f} -->" in (tmp_path / "calibration.svg").read_text()
