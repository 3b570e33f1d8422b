"""int8 in the place of float32: behind the gate, or not at all."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Project, run_cli
from scipy.stats import norm

import xlite
import xlite.workflows.export_quantised as workflow
from xlite.errors import CheckFailedError, InputError
from xlite.exporting.gate import judge_quantised, require_non_inferior
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.predicting.exported_folder import ExportedFolder
from xlite.predicting.exported_model import open_exported
from xlite.run_folder import RunFolder


def draw(num_patients: int, seed: int, *, shift: float = 1.2) -> LabelledPredictions:
    """Films of patients, two each, with three labels that the probs tell with AUROC 0.8."""
    rng = np.random.default_rng(seed)
    N = 2 * num_patients
    targets = (rng.random((N, 3)) < 0.2).astype(np.int8)
    logits = rng.standard_normal((N, 3)) + shift * targets
    return LabelledPredictions(
        name="drawn",
        image_ids=np.array([f"{n}.png" for n in range(N)]),
        patient_ids=np.repeat(np.arange(num_patients), 2).astype(str),
        targets=targets,
        probs=1 / (1 + np.exp(-logits)),
        vocabulary=("A", "B", "C"),
        columns={},
    )


def jitter(labelled: LabelledPredictions, sd: float, seed: int = 9) -> np.ndarray:
    logits = np.log(labelled.probs / (1 - labelled.probs))
    noisy = logits + sd * np.random.default_rng(seed).standard_normal(logits.shape)
    return 1 / (1 + np.exp(-noisy))


def test_the_gate_lets_through_what_ranks_alike_and_nothing_that_lost() -> None:
    films = draw(400, 0)
    same = judge_quantised(films, films.probs)
    assert (same.change, same.low, same.high) == (0, 0, 0)
    assert (same.images, same.patients) == (800, 400)
    near = judge_quantised(films, jitter(films, 0.01))
    assert near.low > -0.005
    assert near.low < near.change < near.high
    require_non_inferior(near, quantising="dynamic")
    lost = judge_quantised(films, jitter(films, 1.0))
    assert lost.change < -0.03
    with pytest.raises(CheckFailedError, match=r"static was refused: .* -0\.\d+, 90 % interval"):
        require_non_inferior(lost, quantising="static")
    few = judge_quantised(draw(8, 0), jitter(draw(8, 0), 0.5))
    with pytest.raises(CheckFailedError, match="Nothing was written"):
        require_non_inferior(few, quantising="dynamic")


def test_a_loss_of_the_margin_passes_in_at_most_a_trial_of_twenty() -> None:
    # Two normal distributions of sd 1 that lie 1.2 apart have an AUROC of Phi(1.2 / sqrt(2)); noise
    # of sd s on top makes that Phi(1.2 / sqrt(2 + 2 s^2)).
    separation = 1.2 / np.sqrt(2)
    lowered = norm.ppf(norm.cdf(separation) - 0.005)
    sd = np.sqrt((separation / lowered) ** 2 - 1)
    gates = [
        judge_quantised(films, jitter(films, sd, seed))
        for seed in range(100)
        for films in (draw(100, 1000 + seed),)
    ]
    assert np.mean([gate.change for gate in gates]) == pytest.approx(-0.005, abs=0.0015)
    # At 5 %, 100 trials let 10 or fewer through in 99 of 100 cases.
    assert sum(gate.low > -0.005 for gate in gates) <= 10


def test_dynamic_int8_is_exported_with_thresholds_of_its_own(
    trained: RunFolder, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The small project has too few patients to judge anything by.
    with pytest.raises(CheckFailedError, match=r"interval unknown.*Too few patients"):
        xlite.export(trained.path, out=tmp_path / "small", quantize="dynamic")
    assert list(tmp_path.iterdir()) == []
    gate = judge_quantised(draw(200, 0), jitter(draw(200, 0), 0.001))
    monkeypatch.setattr(workflow, "judge_quantised", lambda *_: gate)
    found = xlite.export(trained.path, out=tmp_path / "small", quantize="dynamic")
    assert found.precision == "dynamic int8"
    assert found.gate == gate
    record = ExportedFolder(tmp_path / "small").record
    assert record.gate == found.gate
    assert gate.sentence.split(",")[0] in (tmp_path / "small" / "README.md").read_text()
    small, whole = open_exported(tmp_path / "small"), open_exported(exported)
    assert small.thresholds is not None
    assert whole.thresholds is not None
    assert not np.array_equal(small.thresholds.scaling.slope, whole.thresholds.scaling.slope)
    assert found.largest_logit_difference > 1e-5
    assert (small.typical_films, whole.typical_films is None) == (None, False)
    check = xlite.check_export(tmp_path / "small")
    assert check.largest_logit_difference == pytest.approx(found.largest_logit_difference)


def test_what_is_refused_leaves_nothing(
    trained: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scramble(labelled: LabelledPredictions, probs: np.ndarray) -> Any:
        return judge_quantised(labelled, jitter(replace(labelled, probs=probs), 3.0))

    monkeypatch.setattr(workflow, "judge_quantised", scramble)
    done = run_cli("export", trained.path, "--out", tmp_path / "out", "--quantize", "static")
    assert done.exit_code == 1
    assert "--quantize static was refused: macro AUROC on" in done.output
    assert list(tmp_path.iterdir()) == []


def test_without_its_films_a_quantised_model_is_not_judged(
    trained: RunFolder, project: Project, tmp_path: Path, make_run: Any
) -> None:
    moved = Path(shutil.copytree(trained.path, tmp_path / "run"))
    config = json.loads((moved / "config.json").read_text())
    config["data"] |= {"split_dir": None, "cache_dir": None}
    scores = json.loads((moved / "scores.json").read_text())
    scores["files"].pop("config.json", None)
    (moved / "config.json").write_text(json.dumps(config))
    (moved / "scores.json").write_text(json.dumps(scores))
    options: dict[str, Any] = {"out": tmp_path / "out", "quantize": "dynamic"}
    with pytest.raises(InputError, match="Pass --split DIR and --cache DIR"):
        xlite.export(moved, **options)
    with pytest.raises(InputError, match="validation films: .*nowhere"):
        xlite.export(moved, split="nowhere", cache=project.cache, **options)
    with pytest.raises(xlite.ArgumentError, match="quantize is dynamic or static, not 'int4'"):
        xlite.export(moved, out=tmp_path / "out", quantize="int4")  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()
