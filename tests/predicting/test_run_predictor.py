from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit

from xlite.clahe_cache.store import ClaheCache
from xlite.errors import InputError
from xlite.predicting.ensemble import Ensemble
from xlite.predicting.run_predictor import open_run_predictor
from xlite.predicting.run_thresholds import find_thresholds, find_thresholds_of_mean
from xlite.run_folder import RunFolder, read_run
from xlite.run_folder.typical_films_file import read_typical_films
from xlite.scores.typical_films import SeenFilms
from xlite.settings import Runtime

CPU = Runtime(device="cpu", num_workers=0)


def read_part(run: RunFolder, project: Any, part: str) -> np.ndarray:
    cache = ClaheCache.open(project.cache)
    return cache.read_many(cache.rows_of(list(run.predictions(part).image_ids)))[:, None]


def test_a_run_says_of_its_images_what_it_wrote(
    trained_runs: list[RunFolder], project: Any
) -> None:
    run = trained_runs[0]
    found = find_thresholds(run)
    predictor = open_run_predictor(run, thresholds=found.fitted, runtime=CPU)
    assert found.source == "the run's own"
    assert predictor.labels == run.labels == predictor.thresholds.vocabulary
    images = read_part(run, project, "val")
    assert len(images) <= 64, "ensure that training predicted them in one batch, too"
    said = predictor.predict(images)
    probs = expit(said.logits.astype(np.float64))
    written = run.predictions("val").probs
    np.testing.assert_array_equal(np.vectorize(lambda p: float(f"{p:.9g}"))(probs), written)
    assert said.features.shape == (len(images), predictor.model.head[0].in_features)
    films = read_typical_films(run.find_typical_films(), remedy="")
    # What the rule was not fitted to is its measure: validation, here of one batch.
    assert films.appearance is not None
    measured = films.measure(SeenFilms(said.features, images[:, 0]))
    places = np.arange(2, len(images) + 2) / (len(images) + 1)
    np.testing.assert_array_equal(np.sort(films.p_values(measured)), places)


def test_the_mean_of_runs_is_that_of_their_probs(
    trained_runs: list[RunFolder], project: Any
) -> None:
    members = [open_run_predictor(run, runtime=CPU) for run in trained_runs]
    images = read_part(trained_runs[0], project, "val")[:8]
    found = find_thresholds_of_mean(trained_runs)
    ensemble = Ensemble(members, thresholds=found.fitted)
    said = ensemble.predict(images)
    alone = [member.predict(images) for member in members]
    mean = np.mean([expit(batch.logits.astype(np.float64)) for batch in alone], axis=0)
    np.testing.assert_allclose(said.logits, logit(mean), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(said.features, alone[0].features)
    assert found.fitted_on.num_images == len(trained_runs[0].predictions("val").image_ids)
    assert found.fitted.vocabulary == ensemble.labels


def test_thresholds_of_an_older_run_are_fitted_now_or_it_is_said_what_to_pass(
    trained_runs: list[RunFolder], project: Any, tmp_path: Path
) -> None:
    run = trained_runs[0]
    older = shutil.copytree(run.path, tmp_path / "older")
    scores = json.loads((older / "scores.json").read_text())
    del scores["files"]["thresholds.json"]
    (older / "scores.json").write_text(json.dumps(scores))
    own, now = find_thresholds(run).fitted, find_thresholds(read_run(older)).fitted
    np.testing.assert_array_equal(now.thresholds, own.thresholds)
    np.testing.assert_array_equal(now.scaling.slope, own.scaling.slope)

    config = json.loads((older / "config.json").read_text())
    config["data"]["split_dir"] = str(tmp_path / "gone")
    (older / "config.json").write_text(json.dumps(config))
    del scores["files"]["config.json"]
    (older / "scores.json").write_text(json.dumps(scores))
    found = find_thresholds(read_run(older))
    assert found.fitted is None
    assert "--thresholds FILE" in found.source
    again = find_thresholds(read_run(older), split_dir=project.split)
    np.testing.assert_array_equal(again.fitted.thresholds, own.thresholds)
    with pytest.raises(InputError, match="gone"):
        find_thresholds(read_run(older), split_dir=tmp_path / "gone")
    given = find_thresholds(read_run(older), file=run.find_thresholds())
    np.testing.assert_array_equal(given.fitted.thresholds, own.thresholds)


def test_a_run_of_version_0_1_takes_how_images_are_made_from_its_cache(
    golden: Path, tmp_path: Path
) -> None:
    run = read_run(next((golden / "experiments/runs").glob("golden_net-bce*")))
    assert run.preprocessing is None
    predictor = open_run_predictor(run, cache_dir=golden / "cache", runtime=CPU)
    cache = ClaheCache.open(golden / "cache")
    assert predictor.preprocessing.clahe.size == cache.size
    rows = cache.rows_of(list(run.predictions("val").image_ids))
    probs = expit(predictor.predict(cache.read_many(rows)[:, None]).logits.astype(np.float64))
    np.testing.assert_allclose(probs, run.predictions("val").probs, atol=1e-4)
    with pytest.raises(InputError, match=r"version 0.1.*does not say.*--cache DIR"):
        open_run_predictor(run, cache_dir=tmp_path, runtime=CPU)
