"""An exported folder predicts as the run that was exported, by the same command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
