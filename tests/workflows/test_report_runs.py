"""Which runs and which model a page shows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from reporting.test_judged_studies import ablation

from tests.conftest import write_run
from xlite.errors import InputError
from xlite.reporting.chosen_runs import ChosenRuns
from xlite.run_folder.listing import list_runs
from xlite.settings import LossSettings, TrainSettings
from xlite.workflows import report_runs
from xlite.workflows.report_runs import ShownRuns, choose_runs

SCORES = {("bce", 0): 0.80, ("bce", 1): 0.60, ("focal", 0): 0.75, ("focal", 1): 0.74}
"""The best run is not of the settings with the best mean."""


@pytest.fixture
def experiments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for (loss, seed), auroc in SCORES.items():
        write_run(
            tmp_path / "runs" / f"{loss}{seed}",
            TrainSettings(model="m", seed=seed, loss=LossSettings(name=loss)),
            scores={"val": {"macro": {"auroc": auroc}}},
        )
    monkeypatch.setattr(report_runs, "read_run_predictions", lambda path, *_: path.name)
    return tmp_path


def show(experiments: Path, names: list[str] | None = None) -> ShownRuns:
    runs, _ = list_runs(experiments)
    sums = {"train": "a" * 64, "val": "b" * 64, "test": "c" * 64}
    split: Any = SimpleNamespace(sha256=sums)
    return choose_runs(report_runs.rank_runs(runs), names, experiments, split)


def test_the_best_model_has_the_best_mean_over_its_seeds(experiments: Path) -> None:
    shown = show(experiments)
    assert [run.name for run in shown.chosen] == ["bce0", "focal0", "focal1"]
    assert shown.best is not None
    assert shown.best.name == "m, loss focal"
    assert shown.best.why == "its mean score, which is no test"
    assert list(shown.best.runs) == ["focal0", "focal1"], "the best first"
    named = show(experiments, ["bce1", "bce0"]).best
    assert named is not None
    assert named.name == "m, loss bce"


def test_what_a_rule_has_chosen_comes_before_what_scores_best(
    experiments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = ChosenRuns(time="2025", why="the comparison", names=frozenset({"bce0", "bce1"}))
    gone = replace(chosen, why="a study", names=frozenset({"bce0", "gone"}))
    monkeypatch.setattr(report_runs, "find_choices", lambda _: [gone, chosen])
    best = show(experiments).best
    assert best is not None
    assert (best.name, best.why) == ("m, loss bce", "the comparison")
    assert list(best.runs) == ["bce0", "bce1"]


def test_a_run_that_cannot_be_judged_is_left_out_unless_it_was_named(
    experiments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path, *_: Any) -> str:
        if path.name == "focal0":
            raise InputError("focal0/predictions_val.csv is damaged.")
        return path.name

    monkeypatch.setattr(report_runs, "read_run_predictions", read)
    shown = show(experiments)
    assert shown.faults == ("focal0 is in no score here: focal0/predictions_val.csv is damaged.",)
    assert [run.name for run in shown.chosen] == ["bce0", "focal1", "bce1"]
    assert shown.best is not None
    assert list(shown.best.runs) == ["focal1"]
    with pytest.raises(InputError, match="is damaged"):
        show(experiments, ["focal0"])


def test_choices_are_read_from_what_was_judged(tmp_path: Path) -> None:
    from xlite.reporting.chosen_runs import find_choices

    assert find_choices(tmp_path) == []
    (tmp_path / "ablation.json").write_text(json.dumps(ablation()))
    assert find_choices(tmp_path) == [], "an ablation chooses nothing"
