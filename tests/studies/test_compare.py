from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xlite.config import TrainSettings
from xlite.errors import InputError
from xlite.studies.cases import Cases
from xlite.studies.compare import (
    choose_method,
    describe_comparison,
    find_finished_runs,
    group_runs,
    parse_order,
    rank_methods,
    write_comparison,
)
from xlite.studies.contrast import JudgedMethods, Method, judge_methods
from xlite.studies.evaluation import Resampling

LABELS = ("Mass", "Edema")


def judge(signals: Mapping[str, float], *, seeds: int = 3) -> JudgedMethods:
    rng = np.random.default_rng(0)
    n = 500
    targets = (rng.random((n, 2)) < 0.15).astype(np.int8)
    of_image = rng.normal(size=targets.shape)
    first = Cases(
        name="",
        image_ids=np.array([f"{i}.png" for i in range(n)]),
        patient_ids=np.array([f"p{i // 2}" for i in range(n)]),
        targets=targets,
        probs=np.zeros((n, 2)),
        vocabulary=LABELS,
        columns={},
    )
    methods = []
    for name, signal in signals.items():
        cases = {}
        for seed in range(seeds):
            logits = signal * targets + of_image + 0.4 * rng.normal(size=targets.shape)
            cases[seed] = replace(first, name=name, probs=1 / (1 + np.exp(-logits)))
        methods.append(Method(name=name, cases=cases))
    return judge_methods(methods, resampling=Resampling(num_resamples=300))


@pytest.fixture(scope="module")
def judged() -> JudgedMethods:
    return judge({"bad": 0.2, "good": 2.0, "equal": 2.0, "middle": 1.1})


def test_what_the_test_cannot_tell_apart_shares_a_rank(judged: JudgedMethods) -> None:
    places = rank_methods(judged, "auroc")
    assert {place.name: place.rank for place in places} == {
        "good": 1,
        "equal": 1,
        "middle": 3,
        "bad": 4,
    }
    leader, tied = places[:2]
    assert np.isnan(leader.p)
    assert tied.p > 0.05


def test_a_tie_goes_to_the_first_tie_breaker_that_decides(judged: JudgedMethods) -> None:
    places = rank_methods(judged, "auroc")
    means = {
        name: {s: round(float(v.mean()), 3) for s, v in judged.mean_scores(name).items()}
        for name in ("good", "equal")
    }
    for score in ("average_precision", "recall", "mcc"):
        a, b = (means[name][score] for name in ("good", "equal"))
        assert a != b, "ensure the tie-breaker can decide"
        expected = "good" if a > b else "equal"
        assert choose_method(judged, ["auroc", score], places).name == expected
    brier = {name: means[name]["brier"] for name in means}
    assert brier["good"] != brier["equal"]
    lowest = min(brier, key=lambda name: brier[name])
    assert choose_method(judged, ["auroc", "brier", "recall"], places).name == lowest


def test_without_a_tie_breaker_the_highest_is_taken_and_that_is_said(
    judged: JudgedMethods,
) -> None:
    places = rank_methods(judged, "auroc")
    choice = choose_method(judged, ["auroc"], places)
    assert choice.name == places[0].name
    assert "can't tell it from" in choice.steps[0]
    assert "still tied" in choice.steps[-1]


def test_a_clear_winner_needs_no_tie_breaker() -> None:
    judged = judge({"bad": 0.2, "good": 2.0})
    choice = choose_method(judged, ["auroc", "recall"], rank_methods(judged, "auroc"))
    assert (choice.name, len(choice.steps)) == ("good", 1)


@pytest.mark.parametrize(
    ("by", "then", "message"),
    [
        ("test.auroc", [], "test set never selects"),
        ("val.auroc", ["test.recall"], "test set never selects"),
        ("val.auroc", ["val.recall", "test_auroc"], "test set never selects"),
        ("train.auroc", [], "only validation"),
        ("val.recall", [], "use one of val.auroc"),
        ("val.auroc", ["val.accuracy"], "use one of"),
        ("val.auroc", ["auroc"], "more than once"),
    ],
)
def test_an_order_that_must_not_choose_is_refused(by: str, then: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_order(by, then)


def test_files_and_content_agree(judged: JudgedMethods, tmp_path: Path) -> None:
    content = describe_comparison(judged, ["auroc", "average_precision"])
    path, record = write_comparison(tmp_path, content)
    table = pd.read_csv(path).set_index("name")
    assert table["auroc"].is_monotonic_decreasing
    assert table["chosen"].sum() == 1
    assert table.loc[content["chosen"], "rank"] == 1
    assert np.isnan(table.loc[content["best"], "p"])
    assert (table["change"].dropna() < 0).all()
    assert table.loc["bad", "p_holm"] >= table.loc["bad", "p"]
    again = json.loads(record.read_text())
    assert again["order"] == ["val.auroc", "val.average_precision"]
    assert again["per_class"]["good"]["Mass"]["auroc"] == pytest.approx(
        judged.mean_scores("good")["auroc"][0]
    )
    # One leader and three against it: no change, interval or p in its row, and null in JSON.
    assert sum("p" in row for row in again["rows"]) == 3


def write_run(folder: Path, name: str, **settings: object) -> Path:
    run_dir = folder / "runs" / name
    run_dir.mkdir(parents=True)
    values = TrainSettings(**{"model": "test_resnet", **settings})  # type: ignore[arg-type]
    data = {"split_sha256": {"train": "a", "val": "b", "test": "c"}, "source": "d"}
    config = {"settings": values.model_dump(mode="json"), "data": data}
    (run_dir / "config.json").write_text(json.dumps(config))
    (run_dir / "scores.json").write_text("{}")
    return run_dir


def test_runs_that_differ_in_the_seed_alone_are_one_method(tmp_path: Path) -> None:
    one, two = (write_run(tmp_path, f"a{seed}", seed=seed) for seed in (0, 1))
    other = write_run(tmp_path, "b", seed=0, lr=0.5)
    (tmp_path / "training_progress.json").write_text(
        json.dumps({"models": {"test_resnet:s0": {"run": "runs/a0", "seed": 0}}})
    )
    runs = find_finished_runs(tmp_path)
    assert runs == [one, two, other]
    assert group_runs(runs) == {"test_resnet": {0: one, 1: two}, "b": {0: other}}
    with pytest.raises(InputError, match="same settings and seed"):
        group_runs([one, one])


def test_folders_that_are_no_runs_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished run"):
        find_finished_runs(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty is no run folder"):
        group_runs([tmp_path / "empty"])
