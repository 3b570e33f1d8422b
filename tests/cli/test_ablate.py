from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from xlite.dataset.split import read_split


def arguments(project: Any, out: Path, *more: object) -> tuple[object, ...]:
    return (
        *("ablate", "--model", "test_resnet+mhsa", "--split", project.split),
        *("--cache", project.cache, "--out", out, "--no-pretrained", "--batch-size", 16),
        *("--lr", 1e-3, "--epochs", 2, *more),
    )


@pytest.fixture(scope="module")
def ablated(project: Any, xlite_ok: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("experiments")
    xlite_ok(*arguments(project, out, "--losses", "bce,pos-weight,focal"))
    return out


def test_rows_are_sorted_by_rarity_and_changes_add_up(project: Any, ablated: Path) -> None:
    table = pd.read_csv(ablated / "ablation.csv")
    train = read_split(project.split).parts["train"]
    positives = dict(zip(train.vocabulary, train.positives.tolist(), strict=True))
    variants = table["variant"].unique()
    assert [name.rpartition(":")[2] for name in variants] == ["bce", "pos-weight", "focal"]
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
    assert (table[table["variant"] == variants[1]]["auroc_change"].abs() > 0).any()


def test_variants_share_data_order_and_initialisation(ablated: Path) -> None:
    configs = [json.loads(path.read_text()) for path in ablated.glob("runs/*/config.json")]
    assert len(configs) == 3
    for config in configs:
        config["settings"]["loss"].pop("name")
    assert configs[0]["settings"] == configs[1]["settings"] == configs[2]["settings"]
    assert configs[0]["data"] == configs[1]["data"] == configs[2]["data"]


def test_the_table_and_json_of_a_second_run(project: Any, ablated: Path, xlite_ok: Any) -> None:
    command = arguments(project, ablated, "--losses", "bce,pos-weight,focal", "--resume")
    shown = xlite_ok(*command)
    assert "AUROC on validation" in shown.stdout
    assert "no verdict" in shown.stdout
    content = json.loads(xlite_ok(*command, "--json").stdout)
    assert len(content["rows"]) == 3 * 15
    assert content["baseline"] == "test_resnet+mhsa:bce"


@pytest.mark.parametrize(
    ("losses", "message"),
    [("bce", "at least two"), ("bce,hinge", "hinge"), ("bce,bce", "more than once")],
)
def test_wrong_usage_is_explained(
    project: Any, xlite: Any, tmp_path: Path, losses: str, message: str
) -> None:
    result = xlite(*arguments(project, tmp_path / "e", "--losses", losses))
    assert result.exit_code == 2
    assert message in result.stderr
