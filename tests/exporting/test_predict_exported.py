"""An exported folder predicts as the run that was exported, by the same command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

import xlite
from xlite.run_folder import RunFolder
from xlite.settings import Runtime

CPU = Runtime(device="cpu", num_workers=0)


def test_an_exported_folder_predicts_as_its_run(
    trained: RunFolder, exported: Path, project: Any
) -> None:
    films = sorted(project.images.glob("*.png"))[:6]
    ours = xlite.predict(trained.path, films, runtime=CPU)
    theirs = xlite.predict(exported, films, runtime=CPU)
    assert theirs.summary.kind == "exported"
    np.testing.assert_allclose(theirs.probs, ours.probs, atol=1e-4)
    assert theirs.thresholds is not None
    np.testing.assert_array_equal(theirs.thresholds.thresholds, ours.thresholds.thresholds)
    assert theirs.summary.unlike is not None
    np.testing.assert_allclose(theirs.p_values, ours.p_values, atol=0.05)


def test_run_and_exported_folder_mark_inverted_and_flat_films(
    trained: RunFolder, exported: Path, project: Any, tmp_path: Path
) -> None:
    kept = trained.find_typical_films()
    assert kept is not None
    assert (exported / kept.name).read_bytes() == kept.read_bytes()
    for path in sorted(project.images.glob("*.png"))[:6]:
        film = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        assert film is not None
        cv2.imwrite(str(tmp_path / path.name), film)
        cv2.imwrite(str(tmp_path / f"inverted_{path.name}"), 255 - film)
    cv2.imwrite(str(tmp_path / "inverted_to_grey.png"), np.full((96, 96), 90, np.uint8))
    for model in (trained.path, exported):
        said = xlite.predict(model, tmp_path, runtime=CPU)
        assert said.summary.unlike is not None
        inverted = {name for name in said.image_ids if name.startswith("inverted")}
        assert len(inverted) == 7
        assert inverted <= set(said.summary.unlike.films)
