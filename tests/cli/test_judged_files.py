"""What ablate and compare leave, held to what they left before, and files of earlier versions."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from xlite.files import atomic_path, write_table
from xlite.results.ablation import Ablation
from xlite.results.comparison import Comparison

GOLDEN = Path(__file__).parents[1] / "golden"
JUDGED = GOLDEN / "judged"
EARLIER = GOLDEN / "judged_0_2"
"""Of before there were chances, margins a score, and verdicts of a comparison."""
ABLATE = ("ablate", "--model", "golden_net", "--losses", "bce,focal", "--epochs", 2)
ABLATE += ("--batch-size", 16, "--lr", 0.003, "--seed", 0, "--no-pretrained", "--device", "cpu")
ABLATE += ("--workers", 0, "--split", "splits", "--cache", "cache", "--resume")


@pytest.fixture
def judged(golden: Path, xlite_ok: Any) -> Path:
    """The golden project with its ablation and a comparison judged again."""
    for path in golden.glob("experiments/*.json"):
        if path.name != "training_progress.json":
            path.unlink()
    (golden / "EXPERIMENT_LOG.md").unlink()
    xlite_ok(*ABLATE)
    runs = sorted(golden.glob("experiments/runs/*"))
    shutil.copy(runs[0] / "predictions_val.csv", golden / "theirs.csv")
    xlite_ok(
        "compare", *(run.name for run in runs), "theirs.csv", "--show-test", "--split", "splits"
    )
    return golden


def read(path: Path) -> dict[str, Any]:
    # To nine digits, since sums of floats differ between processors in the last of seventeen.
    found: dict[str, Any] = json.loads(path.read_text(), parse_float=lambda n: f"{float(n):.9g}")
    return found


def without_time(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d\+00:00)?", "DATE", text)


@pytest.mark.parametrize("name", ["ablation", "comparison"])
def test_files_have_the_keys_and_values_that_scripts_know(judged: Path, name: str) -> None:
    made, known = (read(folder / f"{name}.json") for folder in (judged / "experiments", JUDGED))
    assert made.pop("working_dir") == str(judged)
    assert list(made) == list(known)
    for content in (made, known):
        content.pop("time")
        content.pop("command")
    assert json.dumps(made) == json.dumps(known)
    table = (judged / f"experiments/{name}.csv").read_text()
    assert table == (JUDGED / f"{name}.csv").read_text()


@pytest.mark.parametrize("kind", [Ablation, Comparison])
@pytest.mark.parametrize("folder", [JUDGED, EARLIER, GOLDEN / "run_0_1" / "experiments"])
def test_files_of_every_version_are_read(
    kind: type[Ablation | Comparison], folder: Path, tmp_path: Path
) -> None:
    path = folder / f"{kind.kind}.json"
    found = kind.read(path, remedy="")
    known = json.loads(path.read_text())
    again = found.to_json()
    assert again["rows"] == known["rows"]
    if folder == JUDGED:
        assert again == known
    if folder == EARLIER:
        assert known.items() <= again.items()
    with atomic_path(tmp_path / "table.csv") as temporary:
        write_table(temporary, found.to_frame())
    columns = pd.read_csv(path.with_suffix(".csv")).columns
    made, kept = (
        pd.read_csv(one)[columns] for one in (tmp_path / "table.csv", path.with_suffix(".csv"))
    )
    pd.testing.assert_frame_equal(made, kept)


def test_the_log_of_them_stays(judged: Path) -> None:
    made, known = (folder / "EXPERIMENT_LOG.md" for folder in (judged, JUDGED))
    commandless = [
        re.sub(r"^(cd .* && )?xlite\b.*$", "", without_time(path.read_text()), flags=re.MULTILINE)
        for path in (made, known)
    ]
    assert commandless[0] == commandless[1]
