from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from xlite.labels import NIH_LABELS
from xlite.sampling.balance import verify_sampler
from xlite.settings import SamplerSettings
from xlite.tables.label_table import read_manifest


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
    from xlite.sampling.weights import SAMPLER_NAMES

    result = xlite_ok(
        *("verify-balance", "--labels", project.table, "--compare", "--batches", 50),
        *("--out", tmp_path, "--json"),
    )
    assert set(json.loads(result.stdout)["samplers"]) == set(SAMPLER_NAMES)


def test_compare_leaves_out_whose_target_the_table_cannot_meet(xlite: Any, tmp_path: Path) -> None:
    texts = ["Scar|Stent"] * 20 + ["Stent"] * 40 + ["No Finding"] * 40
    rows = [f"{row:03}.png,{text},{row}" for row, text in enumerate(texts)]
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["Image Index,Finding Labels,Patient ID", *rows]))
    command = (
        *("verify-balance", "--labels", table, "--vocabulary", "Scar,Stent", "--compare"),
        *("--out", tmp_path, "--json"),
    )
    result = xlite(*command, "--sampler", "inverse-mean")
    shown = json.loads(result.stdout)["samplers"]
    assert {"inverse-mean", "class-aware"} <= set(shown)
    for name in ("max-entropy", "max-ess"):
        assert name not in shown
        assert f"{name} is left out of the comparison: the class shares of" in result.stderr
    # One that was asked for is not left out.
    refused = xlite(*command, "--sampler", "max-ess")
    assert refused.exit_code == 2
    assert "lower --min-repeat, or pass --nearest-feasible" in refused.stderr


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


def test_twenty_batches_prove_nothing(nih_table: Path, xlite: Any, tmp_path: Path) -> None:
    result = xlite("verify-balance", "--labels", nih_table, "--batches", 20, "--out", tmp_path)
    assert result.exit_code == 1
    assert "20 batches of 32 are 640 images" in result.stderr
    needed = int(re.findall(r"Draw --batches (\d+) or more", result.stderr)[0])
    enough = xlite("verify-balance", "--labels", nih_table, "--batches", needed, "--out", tmp_path)
    assert enough.exit_code == 0


def test_a_pos_weight_of_n_over_14_is_refused(nih_table: Path, xlite: Any, tmp_path: Path) -> None:
    manifest = read_manifest(nih_table)
    inverse = len(manifest) / manifest.positives
    precursor = inverse / inverse.mean() * len(manifest) / 14
    numbers = ",".join(f"{weight:.2f}" for weight in precursor)
    command = ("verify-balance", "--labels", nih_table, "--pos-weight", numbers, "--out", tmp_path)
    refused = xlite(*command)
    assert refused.exit_code == 2
    assert "14 of 14 classes over 0.9" in refused.stderr
    assert xlite(*command, "--allow-extreme").exit_code == 0


def test_sampler_and_loss_weights_together_are_judged(
    nih_table: Path, xlite: Any, tmp_path: Path
) -> None:
    command = ("verify-balance", "--labels", nih_table, "--out", tmp_path, "--json")
    double = xlite(*command, "--pos-weight", "neg-over-pos")
    assert "corrected twice" in double.stderr
    hernia = json.loads(double.stdout)["loss"]["Hernia"]
    assert hernia["operating_point"] == pytest.approx(0.5, abs=1e-9)
    assert hernia["joint_operating_point"] > 0.9
    assert hernia["corrected_twice"]
    single = xlite(*command, "--pos-weight", "neg-over-pos", "--sampler", "none")
    assert "corrected twice" not in single.stderr


def test_batches_can_go_through_the_loader(project: Any, xlite_ok: Any, tmp_path: Path) -> None:
    command = (
        *("verify-balance", "--split", project.split, "--cache", project.cache),
        *("--out", tmp_path, "--json"),
    )
    plain = json.loads(xlite_ok(*command).stdout)
    decoded = json.loads(xlite_ok(*command, "--decode").stdout)
    assert plain == decoded


def test_the_control_has_to_be_rejected() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random((400, 2)) < 0.4).astype(np.int8)
    settings = SamplerSettings(name="max-entropy", no_finding="share:0.1")
    report = verify_sampler(
        labels, ("a", "b"), settings, batch_size=1, num_batches=3, seed=0, sets=None
    )
    assert report.verdict == "fail"
    assert any("fit wrong weights as well" in reason for reason in report.reasons)
