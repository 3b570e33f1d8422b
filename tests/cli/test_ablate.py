from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from xlite.cli.ablation_tables import print_ablation
from xlite.cli.verdict_options import VerdictOptions
from xlite.errors import CheckFailedError
from xlite.judging.margins import DEFAULT_MARGINS, DEFAULT_SAFETY_MARGIN
from xlite.results.ablation import Ablation
from xlite.run_folder.folder import read_run
from xlite.splitting.split_folder import read_split
from xlite.workflows import study_training

LOSSES = ("--losses", "bce,pos-weight")


def arguments(project: Any, out: Path, *more: object) -> tuple[object, ...]:
    return (
        *("ablate", "--model", "test_resnet", "--split", project.split, "--workers", 0),
        *("--cache", project.cache, "--out", out, "--no-pretrained", "--batch-size", 16),
        *("--lr", 1e-3, "--epochs", 1, *more),
    )


@pytest.fixture(scope="module")
def ablated(project: Any, xlite_ok: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("experiments")
    xlite_ok(*arguments(project, out, *LOSSES, "--vary", "dropout=0.1,0.5", "--seeds", "0,1"))
    return out


def read_record(out: Path) -> dict[str, Any]:
    return json.loads((out / "ablation.json").read_text())


def test_rows_are_sorted_by_rarity_and_changes_add_up(project: Any, ablated: Path) -> None:
    table = pd.read_csv(ablated / "ablation.csv")
    train = read_split(project.split).parts["train"]
    positives = dict(zip(train.vocabulary, train.positives.tolist(), strict=True))
    variants = list(table["variant"].unique())
    assert variants == ["loss=bce,dropout=0.1", "loss=pos-weight", "dropout=0.5"]
    baseline = table[table["variant"] == variants[0]].set_index("label")
    for variant in variants:
        rows = table[table["variant"] == variant]
        assert rows["label"].iloc[-1] == "macro"
        labels = rows["label"].iloc[:-1]
        assert [positives[label] for label in labels] == sorted(positives.values())
        for row in rows.itertuples():
            if row.auroc == row.auroc:
                change = row.auroc - baseline.loc[row.label, "auroc"]
                assert row.auroc_change == pytest.approx(change, abs=1e-5)
                # One that a single patient has no interval.
                assert np.isnan(row.auroc_change_low) or (
                    row.auroc_change_low <= row.auroc_change <= row.auroc_change_high
                )
    assert (table[table["variant"] == variants[1]]["auroc_change"].abs() > 0).any()


def test_scores_are_the_mean_of_those_of_the_runs(ablated: Path) -> None:
    record = read_record(ablated)
    rows = {(row["variant"], row["label"]): row for row in record["rows"]}
    for variant in record["variants"]:
        runs = [ablated / "runs" / run["run"] / "scores.json" for run in variant["runs"]]
        val = [json.loads(path.read_text())["val"] for path in runs]
        assert len(val) == 2
        macro = rows[variant["name"], "macro"]
        for score in ("auroc", "average_precision"):
            mean = sum(one["macro"][score] for one in val) / 2
            assert macro[score] == pytest.approx(mean, abs=1e-6)
        assert variant["cost"]["seconds_a_run"] > 0
        assert variant["cost"]["epochs_a_run"] == 1


def test_variants_share_data_order_and_initialisation(ablated: Path) -> None:
    configs = [json.loads(path.read_text()) for path in ablated.glob("runs/*/config.json")]
    assert len(configs) == 6
    for config in configs:
        settings = config["settings"]
        settings["loss"].pop("name")
        settings.pop("dropout")
    by_seed = {config["settings"]["seed"]: config for config in configs}
    assert sorted(by_seed) == [0, 1]
    for config in configs:
        twin = by_seed[config["settings"]["seed"]]
        assert (config["settings"], config["data"]) == (twin["settings"], twin["data"])


def test_the_record_holds_verdicts_with_their_rule(ablated: Path) -> None:
    record = read_record(ablated)
    assert record["baseline"] == "loss=bce,dropout=0.1"
    assert list(record["verdict"]) == ["loss=pos-weight", "dropout=0.5"]
    for verdict in record["verdict"].values():
        ended = ("ADOPT", "REJECT", "TRADE-OFF", "EQUIVALENT", "NON-INFERIOR")
        assert verdict["decision"] in (*ended, "UNDECIDED")
        assert verdict["seeds"] == 2
        assert verdict["reasons"]
    assert "Holm" in record["rule"]
    assert record["seeds"] == [0, 1]
    assert record["command"].split()[0] == "xlite"
    log = (ablated / "EXPERIMENT_LOG.md").read_text()
    decision = record["verdict"]["loss=pos-weight"]["decision"]
    assert f"loss=pos-weight: {decision}" in log
    for collapse in record["collapse"]:
        assert collapse["cause"]
        assert all(set(seeds) <= {0, 1} for seeds in collapse["labels"].values())


def test_the_table_and_json_of_a_second_run(project: Any, ablated: Path, xlite_ok: Any) -> None:
    command = arguments(project, ablated, *LOSSES, "--seeds", "0", "--resume")
    shown = xlite_ok(*command)
    assert shown.stderr.count("finished already, skipped") == 2
    assert "AUROC of loss=bce and its change by label" in shown.stdout
    assert "UNDECIDED" in shown.stdout
    assert "One seed" in shown.stderr
    content = json.loads(xlite_ok(*command, "--json").stdout)
    assert len(content["rows"]) == 2 * 15
    assert content["baseline"] == "loss=bce"
    assert content["verdict"]["loss=pos-weight"]["decision"] == "UNDECIDED"


def test_a_setting_that_is_not_read_has_no_effect_and_that_is_said(
    project: Any, tmp_path: Path, xlite_ok: Any
) -> None:
    shown = xlite_ok(
        *arguments(project, tmp_path, "--loss", "bce", "--vary", "focal-gamma=1,2"),
    )
    assert "identical" in shown.stderr
    verdict = read_record(tmp_path)["verdict"]["focal-gamma=2"]
    assert verdict["decision"] == "UNDECIDED"


def test_samplers_are_an_axis(project: Any, tmp_path: Path, xlite_ok: Any) -> None:
    content = json.loads(
        xlite_ok(
            *arguments(project, tmp_path, "--samplers", "none,inverse-mean", "--json"),
            *("--baseline", "inverse-mean"),
        ).stdout
    )
    assert content["baseline"] == "sampler=inverse-mean"
    assert list(content["verdict"]) == ["sampler=none"]


def test_a_named_variant_changes_several_settings_at_once(
    project: Any, tmp_path: Path, xlite_ok: Any
) -> None:
    both = "both:loss=pos-weight,sampler=max-entropy"
    shown = xlite_ok(*arguments(project, tmp_path, "--loss", "bce", "--variant", both))
    assert "both: loss=pos-weight, sampler=max-entropy" in shown.stderr
    assert "│ both" in shown.stdout
    record = read_record(tmp_path)
    assert record["baseline"] == "loss=bce,sampler=none"
    assert list(record["verdict"]) == ["both"]
    run = record["variants"][1]["runs"][0]
    assert run["name"] == "test_resnet:both"
    config = json.loads((tmp_path / "runs" / run["run"] / "config.json").read_text())
    settings = config["settings"]
    assert settings["loss"]["name"] == "pos-weight"
    assert settings["sampler"]["name"] == "max-entropy"
    assert "both" in pd.read_csv(tmp_path / "ablation.csv")["variant"].tolist()
    assert "both:" in (tmp_path / "EXPERIMENT_LOG.md").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--losses", "bce"), "at least two"),
        (("--losses", "bce,hinge"), "hinge"),
        (("--losses", "bce,bce"), "more than once"),
        (("--losses", "bce,focal", "--loss", "bce"), "--losses varies what --loss"),
        (("--samplers", "none,max-entropy", "--sampler", "none"), "--samplers varies"),
        (("--vary", "lrr=1,2"), "Did you mean lr"),
        (("--vary", "lr"), "NAME=VALUE"),
        ((*LOSSES, "--baseline", "zlpr"), "not varied"),
        ((*LOSSES, "--seeds", "0,x"), "whole number"),
        ((*LOSSES, "--seeds", "1,1"), "more than once"),
        ((*LOSSES, "--seeds", "0,1", "--seed", 3), "exclude each other"),
    ],
)
def test_wrong_usage_is_explained(
    project: Any, xlite: Any, tmp_path: Path, options: tuple[object, ...], message: str
) -> None:
    result = xlite(*arguments(project, tmp_path / "e", *options))
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "e" / "runs").exists()


@pytest.mark.parametrize("baseline", ["test_resnet", "test_efficientnet+mhsa"])
def test_a_variant_that_fails_is_recorded_and_the_others_are_judged(
    project: Any, tmp_path: Path, xlite: Any, monkeypatch: pytest.MonkeyPatch, baseline: str
) -> None:
    train = study_training.follow_run

    def fail_with_attention(settings: Any, *rest: Any, **options: Any) -> Any:
        if settings.model.endswith("+mhsa"):
            raise CheckFailedError("out of memory with a single image")
        return train(settings, *rest, **options)

    monkeypatch.setattr(study_training, "follow_run", fail_with_attention)
    models = "model=test_resnet,test_efficientnet+mhsa,test_efficientnet"
    options = ("--loss", "bce", "--vary", models, "--baseline", baseline)
    result = xlite(*arguments(project, tmp_path, *options))
    assert result.exit_code == 1
    assert "1 of 3 runs failed" in result.stderr
    if baseline == "test_resnet":
        record = read_record(tmp_path)
        assert list(record["verdict"]) == ["model=test_efficientnet"]
        failed = next(v for v in record["variants"] if v["name"].endswith("+mhsa"))
        assert "memory" in failed["runs"][0]["error"]
        assert failed["cost"]["seconds_a_run"] is None
    else:
        assert "no run of the baseline" in result.stderr
        assert not (tmp_path / "ablation.json").exists()


def test_the_default_margins_are_the_rules() -> None:
    options = VerdictOptions()
    assert options.read_margins() == DEFAULT_MARGINS
    assert options.safety_margin == DEFAULT_SAFETY_MARGIN


def test_a_settings_file_gives_one_margin_or_one_of_each_score(
    project: Any, xlite: Any, tmp_path: Path
) -> None:
    path = tmp_path / "margins.toml"
    for text, shown in (("0.02", "0.02"), ('["0.02", "f1=0.03"]', "f1=0.03")):
        path.write_text(f"margin = {text}\n", encoding="utf-8")
        result = xlite("ablate", "--model=resnet18", "--config", str(path), "--show-config")
        assert result.exit_code == 0, result.stderr
        assert shown in result.stdout
    refused = xlite("ablate", "--model=resnet18", "--margin", "auc=0.02")
    assert refused.exit_code == 2
    assert "margin of auc: the scores that have one" in refused.stderr


def test_results_are_written_before_a_terminal_can_fail(
    project: Any, ablated: Path, xlite: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ablated, tmp_path / "e")
    for path in ("ablation.json", "ablation.csv"):
        (tmp_path / "e" / path).unlink()

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no terminal")

    monkeypatch.setattr("xlite.cli.ablate.print_ablation", fail)
    with pytest.raises(RuntimeError, match="no terminal"):
        xlite(*arguments(project, tmp_path / "e", *LOSSES, "--seeds", "0", "--resume"))
    assert read_record(tmp_path / "e")["baseline"] == "loss=bce"
    assert (tmp_path / "e" / "ablation.csv").exists()


def test_a_label_called_macro_has_its_own_rows(capsys: pytest.CaptureFixture[str]) -> None:
    scores = ("auroc", "average_precision", "f1")
    rows = []
    for variant, change in (("base", 0.0), ("other", 0.03)):
        for label, positives, factor in (("macro", 12, 2), ("Mass", 340, 1), ("macro", None, 1)):
            row: dict[str, Any] = {"variant": variant, "label": label, "seeds": 2}
            row |= {"train_positives": positives, "val_positives": positives}
            row["few_positives"] = False
            for score in scores:
                keys = ("", "_change", "_change_low", "_change_high", "_p", "_p_holm")
                values = (0.7, change * factor, change * factor, change * factor, 0.01, 0.01)
                row |= {score + key: value for key, value in zip(keys, values, strict=True)}
            rows.append(row)
    verdict = {"decision": "ADOPT", "reasons": ["so"], "seeds": 2, "covers": "seeds and images"}
    cost = {"seconds_a_run": 1.0, "epochs_a_run": 1, "peak_memory_mb": None}
    content = {
        **{"baseline": "base", "part": "val", "images": 9, "patients": 9, "seeds": [0, 1]},
        **{"level": 0.95, "margin": 0.01, "resamples": 2000, "rule": "", "collapse": []},
        "macro_labels": ["macro", "Mass"],
        "verdict": {"other": verdict},
        "variants": [
            {"name": name, "cost": cost, "values": {}, "runs": []} for name in ("base", "other")
        ],
        "rows": rows,
    }
    print_ablation(Ablation.from_json(content))
    shown = capsys.readouterr().out
    assert shown.count("ADOPT") == 1
    assert shown.count("+0.060 [+0.060, +0.060]") == 1


def test_variants_of_the_number_of_epochs_are_runs_of_their_own(
    project: Any, xlite_ok: Any, tmp_path: Path
) -> None:
    again = arguments(project, tmp_path, "--vary", "epochs=1,2", "--seeds", "0", "--resume")
    for _ in range(2):
        xlite_ok(*again)
        runs = [read_run(path) for path in sorted((tmp_path / "runs").iterdir())]
        assert [run.require_scores().epochs for run in runs] == [1, 2]
    variants = read_record(tmp_path)["variants"]
    assert [one["values"] for one in variants] == [{"epochs": "1"}, {"epochs": "2"}]
