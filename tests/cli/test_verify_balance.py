from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from xlite.labels import NIH_LABELS


def test_the_table_csv_and_figure(project: Any, xlite_ok: Any, tmp_path: Path) -> None:
    result = xlite_ok(
        *("verify-balance", "--labels", project.table, "--sampler", "inverse-mean"),
        *("--out", tmp_path, "--json"),
    )
    content = json.loads(result.stdout)
    assert content["verdict"] == "pass"
    report = content["samplers"]["inverse-mean"]
    assert report["drawn_images"] == 500 * 32
    table = pd.read_csv(tmp_path / "data_balance_verification.csv")
    assert set(table["label"]) == set(NIH_LABELS)
    assert table["count"].is_monotonic_increasing
    for row in table.itertuples():
        assert row.exact_pct == pytest.approx(100 * report["share"][row.label], abs=1e-3)
        assert row.weighted_batch_pct == pytest.approx(row.exact_pct, abs=1.5)
    assert (tmp_path / "balance.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "balance.svg").stat().st_size > 1000


def test_compare_shows_every_sampler(project: Any, xlite_ok: Any, tmp_path: Path) -> None:
    from xlite.dataset.weights import SAMPLER_NAMES

    result = xlite_ok(
        *("verify-balance", "--labels", project.table, "--compare", "--batches", 50),
        *("--out", tmp_path, "--json"),
    )
    assert set(json.loads(result.stdout)["samplers"]) == set(SAMPLER_NAMES)


def test_the_precursors_weight_is_a_collapse(nih_table: Path, xlite: Any, tmp_path: Path) -> None:
    result = xlite(
        *("verify-balance", "--labels", nih_table, "--sampler", "inverse-mean"),
        *("--no-finding", "1.0", "--out", tmp_path, "--json"),
    )
    assert result.exit_code == 1
    content = json.loads(result.stdout)
    assert content["verdict"] == "fail"
    assert content["samplers"]["inverse-mean"]["no_finding_share"] > 0.999
    assert "collapsed" in result.stderr
    assert "starved: Atelectasis" in result.stderr
    assert "--no-finding smallest" in result.stderr
