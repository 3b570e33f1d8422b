"""Several runs as one folder: an ensemble is the mean of logits, a soup that of weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Project

import xlite
from xlite.errors import CheckFailedError, InputError
from xlite.models.ensemble import average_weights
from xlite.models.weights_file import read_weights
from xlite.predicting.exported_model import open_exported
from xlite.run_folder import RunFolder, read_run
from xlite.run_folder.ending import seal_run
from xlite.run_folder.weights import write_weights
from xlite.settings import LossSettings, Runtime, TrainSettings

CPU = Runtime(device="cpu", num_workers=0)
SETTINGS = TrainSettings(
    model="test_resnet",
    initial_weights="none",
    loss=LossSettings(name="bce"),
    batch_size=16,
    lr=1e-3,
    epochs=1,
)


@pytest.fixture(scope="module")
def runs(project: Project, tmp_path_factory: pytest.TempPathFactory) -> list[RunFolder]:
    outcomes = xlite.train(
        SETTINGS,
        seeds=[3, 4],
        split=project.split,
        cache=project.cache,
        out=tmp_path_factory.mktemp("combining"),
        runtime=CPU,
    )
    return [read_run(outcome.run_dir) for outcome in outcomes]


@pytest.fixture(scope="module")
def ensemble(runs: list[RunFolder], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ensembles") / "seeds"
    xlite.combine([run.path for run in runs], out=folder, runtime=CPU)
    return folder


def predict(model: Path, project: Project, part: str, out: Path | None = None) -> Any:
    table = project.split / f"{part}.csv"
    return xlite.predict(model, labels=table, cache=project.cache, out=out, runtime=CPU)


def change_weights(run: RunFolder, to: Path, factor: float) -> Path:
    """A copy of a run whose last layer is multiplied: a run that was never trained."""
    copy = RunFolder(Path(shutil.copytree(run.path, to)))
    weights, described = read_weights(run.find_weights()), run.weights_description
    assert described is not None
    last = [name for name in weights if name.startswith("head.3.")]
    write_weights(to, {k: t * factor if k in last else t for k, t in weights.items()}, described)
    seal_run(to, copy.require_scores(), copy.require_scores().files)
    return to


def logit(probs: Any) -> Any:
    return np.log(probs) - np.log1p(-probs)


def test_an_ensemble_says_the_mean_of_its_members_logits(
    runs: list[RunFolder], ensemble: Path, project: Project, tmp_path: Path
) -> None:
    said = predict(ensemble, project, "test")
    members = [logit(predict(run.path, project, "test").probs) for run in runs]
    assert np.abs(members[0] - members[1]).max() > 0.01
    assert np.abs(logit(said.probs) - np.mean(members, axis=0)).max() < 1e-5
    folder = read_run(ensemble)
    for part in ("val", "test"):
        predict(ensemble, project, part, out=tmp_path / f"{part}.csv")
        assert (tmp_path / f"{part}.csv").read_bytes() == folder.find_predictions(part).read_bytes()
    assert said.summary.thresholds == "the run's own"
    combined = folder.config.combined
    assert combined is not None
    assert [member.seed for member in combined.members] == [3, 4]
    found = xlite.evaluate(ensemble, split=project.split, figures=False)
    assert found.to_json()["macro"]["auroc"] == pytest.approx(folder.val_auroc)


def test_it_is_exported_as_one_and_checks(ensemble: Path, tmp_path: Path) -> None:
    xlite.export(ensemble, out=tmp_path / "exported")
    assert xlite.check_export(tmp_path / "exported").largest_logit_difference <= 1e-4
    model = open_exported(tmp_path / "exported")
    images = np.zeros((3, 1, 64, 64), np.uint8)
    assert model.predict(images).logits.shape == (3, 14)
    assert "ensemble of 2 runs" in (tmp_path / "exported/README.md").read_text()


def test_a_damaged_one_is_combined_again(ensemble: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(ensemble, tmp_path / "copy"))
    (copy / "best.safetensors").unlink()
    with pytest.raises(InputError, match=r"Delete .*scores\.json, and combine its runs"):
        RunFolder(copy).find_weights()


def test_maps_are_those_of_members(ensemble: Path, project: Project, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is an ensemble.*Explain one of its runs: test_resnet"):
        xlite.explain(ensemble, project.images, labels=project.table, out=tmp_path / "x")


def test_a_soup_is_the_mean_of_weights(
    runs: list[RunFolder], project: Project, tmp_path: Path
) -> None:
    run = runs[0]
    other = change_weights(run, tmp_path / "other", factor=3.0)
    found = xlite.combine([run.path, other], out=tmp_path / "soup", kind="soup", runtime=CPU)
    assert found.steps is not None
    assert [step.is_kept for step in found.steps] == [True, True]
    own, wanted = (read_weights(read_run(path).find_weights()) for path in (run.path, other))
    mean = read_weights(read_run(tmp_path / "soup").find_weights())
    assert torch.equal(mean["head.3.weight"], (own["head.3.weight"] + wanted["head.3.weight"]) / 2)
    said, alone = (predict(path, project, "test").probs for path in (tmp_path / "soup", run.path))
    assert np.abs(logit(said) - 2 * logit(alone)).max() < 1e-4
    assert found.num_parameters == run.require_scores().num_parameters


def test_a_soup_that_does_not_help_is_refused(runs: list[RunFolder], tmp_path: Path) -> None:
    other = change_weights(runs[0], tmp_path / "other", factor=-1.0)
    with pytest.raises(CheckFailedError, match="as good on validation as .* alone"):
        xlite.combine([runs[0].path, other], out=tmp_path / "soup", kind="soup", runtime=CPU)
    assert not (tmp_path / "soup").exists()
    assert list(tmp_path.iterdir()) == [other]


def test_folds_become_one_with_thresholds_out_of_fold(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    xlite.make_folds(project.table, out=tmp_path / "folds", folds=2)
    outcomes = xlite.train(
        SETTINGS,
        split=tmp_path / "folds",
        cache=project.cache,
        out=tmp_path / "experiments",
        runtime=CPU,
        ensemble=True,
    )
    (folder,) = (tmp_path / "experiments/ensembles").iterdir()
    run = read_run(folder)
    assert run.config.num_models == 2
    assert run.require_scores().val is None
    found = predict(folder, project, "test")
    assert found.summary.thresholds == "the run's own"
    members = [logit(predict(one.run_dir, project, "test").probs) for one in outcomes]
    assert np.abs(logit(found.probs) - np.mean(members, axis=0)).max() < 1e-5
    with pytest.raises(InputError, match="combines runs of several splits"):
        run.find_predictions("test")
    with pytest.raises(InputError, match="picked on one validation part"):
        xlite.combine(
            [one.run_dir for one in outcomes], out=tmp_path / "soup", kind="soup", runtime=CPU
        )


def test_what_does_not_fit_together_is_refused(
    runs: list[RunFolder], ensemble: Path, project: Project, tmp_path: Path
) -> None:
    out = tmp_path / "x"
    with pytest.raises(InputError, match="is one run, and a model already"):
        xlite.combine([runs[0].path], out=out)
    with pytest.raises(InputError, match="combines runs already"):
        xlite.combine([runs[0].path, ensemble], out=out)
    with pytest.raises(InputError, match="named twice"):
        xlite.combine([runs[0].path, runs[0].path], out=out)
    other = Path(shutil.copytree(runs[1].path, tmp_path / "other"))
    config = json.loads((other / "config.json").read_text())
    config["settings"]["lr"] = 0.5
    (other / "config.json").write_text(json.dumps(config))
    scores = RunFolder(runs[1].path).require_scores()
    seal_run(other, scores, scores.files)
    with pytest.raises(InputError, match="has other settings, and not the seed alone, than"):
        xlite.combine([runs[0].path, other], out=out)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/config.json").write_text("{}")
    with pytest.raises(InputError, match="nothing says that it belongs"):
        xlite.combine([run.path for run in runs], out=tmp_path / "theirs")
    with pytest.raises(InputError, match="Pass --split DIR and --cache DIR"):
        xlite.combine([run.path for run in runs], out=out, split=project.split, cache="nowhere")
    with pytest.raises(xlite.ArgumentError, match="kind is ensemble or soup, not 'mean'"):
        xlite.combine([run.path for run in runs], out=out, kind="mean")
    assert not out.exists()


def test_weights_of_whole_numbers_are_not_averaged() -> None:
    one, two = ({"n": torch.tensor(number), "w": torch.tensor([number / 2])} for number in (1, 2))
    mean = average_weights([one, two])
    assert mean["n"].dtype == torch.int64
    assert mean["n"] == 1
    assert mean["w"] == 0.75


def test_the_command_says_what_it_made(
    runs: list[RunFolder], tmp_path: Path, xlite_ok: Any
) -> None:
    paths = [run.path for run in runs]
    done = xlite_ok("combine", *paths, "--out", tmp_path / "both")
    assert "ensemble of 2 runs" in done.stdout
    assert "the best of the runs alone has 0." in done.stdout
    found = json.loads(xlite_ok("combine", *paths, "--out", tmp_path / "both", "--json").stdout)
    assert found["kind"] == "ensemble"
    assert "steps" not in found
