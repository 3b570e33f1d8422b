"""`verify_balance` as a function: the files and the JSON of the command, for any kind of labels."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from xlite.errors import InputError
from xlite.results.balance import BalanceReport
from xlite.settings import LossSettings, SamplerSettings
from xlite.tables.read_labels import read_labels
from xlite.tables.table_format import TableFormat
from xlite.workflows.verify_balance import verify_balance

GOLDEN = Path(__file__).parents[1] / "golden" / "results"
TABLE = GOLDEN / "labels.csv"
NAMES = ("Hernia", "Mass", "Edema")
FORMAT = TableFormat(vocabulary=NAMES)
OPTIONS = ("--labels", TABLE, "--vocabulary", ",".join(NAMES), "--seed", 3, "--json")
GIVEN: dict[str, Any] = {"table_format": FORMAT, "seed": 3}


def require_same(found: Any, golden: Any) -> None:
    """The same keys in the same order, and numbers to the last digits, which machines may round."""
    if isinstance(golden, dict):
        assert list(found) == list(golden)
        for key, value in golden.items():
            require_same(found[key], value)
    elif isinstance(golden, float):
        assert found == pytest.approx(golden, rel=1e-6, abs=1e-9)
    else:
        assert found == golden


@pytest.mark.parametrize(
    ("name", "options", "exit_code"),
    [
        ("verify_balance", ("--compare", "--batches", 100, "--pos-weight", "sqrt"), 0),
        (
            "verify_balance_failed",
            ("--batches", 2, "--sampler", "inverse-mean", "--no-finding", "1.0"),
            1,
        ),
    ],
)
def test_the_json_stays_as_it_was(
    xlite: Any, tmp_path: Path, name: str, options: tuple[object, ...], exit_code: int
) -> None:
    result = xlite("verify-balance", *OPTIONS, *options, "--out", tmp_path)
    assert result.exit_code == exit_code
    require_same(json.loads(result.stdout), json.loads((GOLDEN / f"{name}.json").read_text()))
    # The text is what json.dumps makes of it, as it was.
    assert result.stdout == json.dumps(json.loads(result.stdout), indent=2) + "\n"


def test_the_function_leaves_the_files_of_the_command(xlite_ok: Any, tmp_path: Path) -> None:
    options = ("--compare", "--batches", 100, "--pos-weight", "sqrt", "--out", tmp_path / "command")
    printed = json.loads(xlite_ok("verify-balance", *OPTIONS, *options).stdout)
    report = verify_balance(
        str(TABLE),
        compare=True,
        batches=100,
        loss=LossSettings.parse(name="pos-weight", pos_weight="sqrt"),
        out=str(tmp_path / "function"),
        **GIVEN,
    )
    assert report.to_json() == printed
    back = BalanceReport.from_json(printed)
    assert back.to_json() == printed
    written = sorted(path.name for path in (tmp_path / "command").iterdir())
    assert len(written) == 5
    for name in written:
        ours = (tmp_path / "function" / name).read_bytes()
        assert ours == (tmp_path / "command" / name).read_bytes()
    table = "data_balance_verification.csv"
    kept = pd.read_csv(GOLDEN / table)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "function" / table), kept, rtol=1e-5)
    pd.testing.assert_frame_equal(report.to_frame(), kept, rtol=1e-5)


def test_without_a_folder_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    report = verify_balance(TABLE, batches=50, **GIVEN)
    assert report.verdict == "pass"
    assert list(tmp_path.iterdir()) == []


def test_arrays_of_any_kind_say_what_the_table_says() -> None:
    wanted = verify_balance(TABLE, batches=50, **GIVEN)
    manifest = read_labels(TABLE, table_format=FORMAT)
    patients = manifest.patient_ids
    frame = pd.DataFrame(manifest.labels, columns=list(NAMES))
    for labels in (frame, manifest):
        ids = None if labels is manifest else patients
        assert verify_balance(labels, ids, batches=50, seed=3) == wanted
    unnamed = verify_balance(manifest.labels.tolist(), patients.tolist(), batches=50, seed=3)
    assert list(unnamed.chosen.share) == ["class 0", "class 1", "class 2"]
    assert list(unnamed.chosen.share.values()) == list(wanted.chosen.share.values())
    nobody = verify_balance(torch.tensor(manifest.labels), batches=50, seed=3)
    assert nobody.chosen.patients_behind is None
    assert all(math.isnan(row.patients_behind) for row in nobody.classes)
    assert nobody.chosen.images_behind == unnamed.chosen.images_behind


def test_one_label_may_be_one_dimensional() -> None:
    labels = np.array([1] * 30 + [0] * 170)
    report = verify_balance(labels, batches=50, sampler=SamplerSettings(name="max-entropy"))
    assert report.chosen.share == {"class 0": 1.0}
    assert report.verdict == "pass"


def test_what_cannot_be_read_is_said(project: Any, xlite: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="patients of its own"):
        verify_balance(TABLE, ["a"])
    with pytest.raises(InputError, match="batches must be a whole number of at least 1"):
        verify_balance(TABLE, batches=0)
    with pytest.raises(InputError, match="Pass its path"):
        verify_balance(np.ones((2, 2)), split=project.split)
    with pytest.raises(InputError, match="a split has patients of its own"):
        verify_balance(patients=["a"], split=project.split)
    with pytest.raises(InputError, match="other than 1, 0 and -1"):
        verify_balance([0, 1, 2])
    # Options of columns, of which a split has its own, were passed over in silence.
    command = ("verify-balance", "--split", project.split, "--out", tmp_path / "e")
    refused = xlite(*command, "--patient-col", "who")
    assert refused.exit_code == 2
    assert "a split has columns of its own" in refused.stderr
    assert not (tmp_path / "e").exists()


def _tied(folder: Path) -> Path:
    """Mass never appears without Edema, which is as often alone: equal shares can't be met."""
    rows = [(1, 1)] * 40 + [(0, 1)] * 40 + [(0, 0)] * 120
    table = pd.DataFrame(rows, columns=["Mass", "Edema"])
    table.insert(0, "Patient ID", range(len(table)))
    table.insert(0, "Image Index", [f"{row}.png" for row in range(len(table))])
    table.to_csv(folder / "tied.csv", index=False)
    return folder / "tied.csv"


def test_a_target_that_nobody_asked_for_gives_way_aloud(tmp_path: Path, xlite: Any) -> None:
    columns = ("--label-cols", "Mass,Edema", "--out", tmp_path / "out", "--json")
    command = ("verify-balance", "--labels", _tied(tmp_path), *columns)
    result = xlite(*command)
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    assert content["verdict"] == "pass"
    assert "Mass 49.875%" in content["given_up"]
    assert "instead of 50.000%" in content["given_up"]
    # A warning is broken into lines.
    assert "Verified are the nearest that can" in " ".join(result.stderr.split())
    (tmp_path / "asked.toml").write_text("[sampler]\nstrength = 1.0\n")
    for asked in (
        ("--sampler", "max-entropy"),
        ("--sampler-strength", 1),
        ("--no-finding", "natural"),
        ("--config", tmp_path / "asked.toml"),
    ):
        refused = xlite(*command, *asked)
        assert (refused.exit_code, "can't be met" in refused.stderr) == (2, True), asked
    allowed = xlite(*command, "--nearest-feasible")
    assert "given_up" not in json.loads(allowed.stdout)


def test_a_strength_that_nobody_asked_for_is_lowered_until_it_is_sound(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rng = np.random.default_rng(0)
    labels = np.zeros((6000, 3), dtype=np.int8)
    labels[:4, 0] = labels[4:40, 1] = 1
    labels[40:, 2] = rng.random(5960) < 0.9
    report = verify_balance(labels, np.arange(6000), seed=3)
    assert report.given_up is not None
    assert "of strength 0.7, the strongest in steps of 0.05 that is sound" in report.given_up
    assert report.given_up in capsys.readouterr().err
    assert report.verdict == "pass"
    assert report.chosen.ess > 0.05
    # As many draws as the rarest class needs, where nobody says how many.
    weak = SamplerSettings(name="max-entropy", strength=0.2)
    found = verify_balance(labels, np.arange(6000), seed=3, sampler=weak)
    assert (found.verdict, found.chosen.drawn_images > 500 * 32) == ("pass", True)
    asked = verify_balance(labels, np.arange(6000), seed=3, sampler="max-entropy")
    assert asked.verdict == "fail"
    assert any("collapsed" in reason for reason in asked.reasons)
