"""The benchmarks' arithmetic and bookkeeping; nothing is timed here."""

from __future__ import annotations

import importlib
import inspect
import itertools
import json
import pkgutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import benchmarks
from benchmarks import __main__ as command
from benchmarks import bootstrap, checkpoint, label_table, measure, memory, scale, study_scale
from xlite.labels import NIH_LABELS, decode_labels
from xlite.models.catalogue import MODELS
from xlite.models.classifier import build_classifier

SECONDS = {"ours": [0.1, 0.2, 0.2], "peer": [0.4, 0.4, 1.0]}


def test_a_rate_row_is_the_median_of_the_ratios_of_each_round() -> None:
    row = measure.compare_rates(
        "cache", SECONDS, ours="ours", peer="peer", target=4, unit="images/s"
    )
    # Round by round 4, 2 and 5; the ratio of the medians would be 2.
    assert row["ratio"] == pytest.approx(4)
    assert row["spread"] == pytest.approx((2, 5))
    assert (row["ours"], row["peer"]) == pytest.approx((5, 2.5))
    assert (row["bound"], row["met"]) == ("at least", True)


def test_a_time_row_is_met_when_it_is_small() -> None:
    row = measure.compare_times("start", SECONDS, ours="ours", peer="peer", target=0.2)
    assert row["ratio"] == pytest.approx(0.25)
    assert row["spread"] == pytest.approx((0.2, 0.5))
    assert (row["ours"], row["peer"], row["unit"]) == (0.2, 0.4, "s")
    assert (row["bound"], row["met"]) == ("at most", False)


def test_a_cost_is_met_within_its_limit() -> None:
    row = measure.compare_with_limit("start", [0.2, 0.1, 0.5], limit=0.4, unit="s")
    assert (row["ours"], row["peer"], row["target"]) == (0.2, 0.4, 1)
    assert row["ratio"] == pytest.approx(0.5)
    assert row["spread"] == pytest.approx((0.25, 1.25))
    assert (row["bound"], row["met"]) == ("at most", True)


@pytest.mark.parametrize(
    ("ratio", "bound", "target", "expected"),
    [
        (2.0, "at least", 2.0, True),
        (1.9, "at least", 2.0, False),
        (2.0, "at most", 2.0, True),
        (2.1, "at most", 2.0, False),
        (2.1, "at most", None, None),
    ],
)
def test_targets(
    ratio: float, bound: measure.Bound, target: float | None, expected: bool | None
) -> None:
    assert measure.is_met(ratio, bound=bound, target=target) is expected


@pytest.mark.parametrize("warm_up", [False, True])
def test_contenders_take_turns(monkeypatch: pytest.MonkeyPatch, warm_up: bool) -> None:
    clock = [0.0]
    turns: list[str] = []
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])

    def contender(name: str, num_units: int) -> Any:
        def work() -> int:
            turns.append(name)
            clock[0] += len(turns)
            return num_units

        return work

    seconds = measure.time_in_turns(
        {"a": contender("a", 1), "b": contender("b", 2)}, rounds=2, warm_up=warm_up
    )
    assert turns == ["a", "b"] * (3 if warm_up else 2)
    assert seconds == ({"a": [3, 5], "b": [2, 3]} if warm_up else {"a": [1, 3], "b": [1, 2]})


def test_every_module_with_a_run_is_run() -> None:
    modules = {
        info.name: importlib.import_module(f"benchmarks.{info.name}")
        for info in pkgutil.iter_modules(benchmarks.__path__)
    }
    assert {name for name, module in modules.items() if hasattr(module, "run")} == set(
        command.SCRIPTS
    )
    for name in command.SCRIPTS:
        assert not inspect.signature(modules[name].run).parameters, name


def test_the_command_writes_what_it_prints(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.json"
    row = measure.compare_times("xlite --help", SECONDS, ours="ours", peer="peer", target=0.2)
    monkeypatch.setattr(command, "RESULTS", results)
    monkeypatch.setattr("sys.argv", ["benchmarks", "scores"])
    monkeypatch.setattr("benchmarks.scores.run", lambda: [row])
    command.main()
    printed = capsys.readouterr().out
    for text in ("xlite --help", "0.2 s", "0.4 s", "≤ 0.2", "no", "0.2 to 0.5"):
        assert text in printed
    written = json.loads(results.read_text(encoding="utf-8"))
    assert written["rows"] == [{**row, "spread": list(row["spread"])}]
    assert written["machine"]["libraries"]["numpy"] in printed
    assert written["radiographs"] == "none read"


def test_an_unknown_benchmark_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks", "startups"])
    with pytest.raises(SystemExit, match="2"):
        command.main()
    assert "no benchmark startups" in capsys.readouterr().err


def test_the_peers_of_the_bootstrap_agree_where_scores_tie() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random((400, 3)) < 0.2).astype(np.int8)
    probs = np.round(rng.random((400, 3)), 1)
    draws = bootstrap._draw_patients(np.arange(400) // 2, 3)
    by_sorting = bootstrap._score_presorted(targets, probs, draws)
    assert by_sorting == pytest.approx(bootstrap._score_with_sklearn(targets, probs, draws))
    assert len(set(by_sorting)) == 3, "ensure the resamples differ"


def test_the_contenders_for_weights_agree() -> None:
    labels = (np.random.default_rng(0).random((200, len(NIH_LABELS))) < 0.1).astype(np.int8)
    table = pd.DataFrame({"Finding Labels": decode_labels(labels, NIH_LABELS)})
    ours = label_table._weigh(table)
    np.testing.assert_allclose(label_table._weigh_vectorised(table), ours)
    by_row = label_table._weigh_row_by_row(table)
    np.testing.assert_allclose(by_row / by_row.mean(), ours)


def test_the_share_of_checkpoints_counts_those_in_between() -> None:
    # 1,200 s: two within the epoch and one at its end.
    share = checkpoint.share_of_epoch(save_seconds=2.0, image_seconds=1200 / 78_484)
    assert share == pytest.approx(3 * 2 / 1200)


def test_growth_is_measured_in_processes_of_their_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scale, "RESULTS", tmp_path / "scale.json")
    monkeypatch.setattr(scale, "_ROWS", (1000, 2000))
    monkeypatch.setattr("sys.argv", ["scale", "exposure"])
    scale.main()
    lines = json.loads((tmp_path / "scale.json").read_text(encoding="utf-8"))["exposure"]
    assert [line["size"] for line in lines] == [1000, 2000]
    assert all(line["seconds"] > 0 and line["memory_mb"] >= 0 for line in lines)
    assert "2,000" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["scale", "expose"])
    with pytest.raises(SystemExit, match="2"):
        scale.main()


def test_contenders_of_their_own_process_keep_what_they_prepared() -> None:
    preparations = {
        name: partial(counting_contender, start) for name, start in (("a", 0), ("b", 9))
    }
    with measure.in_own_processes(preparations) as contenders:
        given = [contenders[name]() for name in ("a", "b", "a", "b")]
    assert given == [1, 10, 2, 11]


def counting_contender(start: int) -> measure.Work:
    numbers = itertools.count(start + 1)
    return lambda: next(numbers)


def test_memory_on_the_meta_device_is_that_of_real_tensors() -> None:
    real = build_classifier("resnet10t+mean", pretrained=False, seed=0)
    kept = memory.count_kept(real, image_size=64)
    assert kept == memory.count_kept(real.to("meta"), image_size=64)
    # A convolution keeps its input: the first alone 3 channels of 64 x 64 float32.
    assert kept > 4 * 3 * 64 * 64


def test_memory_grows_with_the_area_of_the_image() -> None:
    model = build_classifier("resnet10t+mean", pretrained=False, seed=0).to("meta")
    small, large = (memory.count_kept(model, image_size=size) for size in (64, 128))
    assert large == pytest.approx(4 * small, rel=0.02)


def test_the_memory_file_has_the_six_hybrids() -> None:
    record = json.loads(memory.RESULTS.read_text(encoding="utf-8"))
    assert set(record) == set(MODELS)
    one = record["mobilenet_v3_large_mhsa"]
    assert one["state"] == 16 * 7_129_246
    assert set(one["image"]) == {str(size) for size in memory.IMAGE_SIZES}


@pytest.mark.parametrize("num_agents", [1, 20])
def test_a_simulated_study_does_every_item_once_and_again_where_its_agent_died(
    num_agents: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_scale, "_SECONDS_TO_DEATH", 600.0)
    latencies = study_scale.Latencies(read=0.001, append=0.04)
    found = study_scale.simulate(num_agents, 200, 60.0, latencies)
    # A claim and an end an item; a claim and a release where the agent died.
    assert found.entries == 2 * 200 + 2 * found.lost
    assert found.lost > 0
    assert found.appends_tried >= found.entries - found.lost
    assert found.makespan_seconds >= found.ideal_seconds
    assert (found.appends_tried == found.entries - found.lost) == (num_agents == 1)
