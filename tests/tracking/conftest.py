"""Each tracker in turn, and a project to replay: a finished run, a stopped one, a study."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest
from tracking.readers import Reader

from xlite.studies.ledger_entries import Claim, Decision, End, Score
from xlite.tracking.tracker import TRACKERS
from xlite.workflows.study_beginning import begin_study

FINISHED, STOPPED = "golden_net-bce-none-s0-fce5e245", "golden_net-focal-none-s0-82f8ffcd"

PLAN = """
name = "toy"
question = "Does dropout help?"
seeds = [0]
[settings]
model = "golden_net"
pretrained = false
[data]
split = "splits"
[[experiment]]
id = "E1"
"""


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from xlite.tracking.mlflow_tracker import DATABASE, make_database

    return make_database(tmp_path_factory.mktemp("mlflow") / DATABASE)


@pytest.fixture(params=TRACKERS)
def tracker(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Reader:
    """A tracker that asks no server for anything; skipped with a word where it is not installed."""
    name = request.param
    if importlib.util.find_spec(name) is None:
        pytest.skip(f'{name} is not installed: pip install "xlite[{name}]"')
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    # Trackio keeps the folder that it was loaded for.
    for module in [one for one in sys.modules if one.partition(".")[0] == "trackio"]:
        monkeypatch.delitem(sys.modules, module)
    database = request.getfixturevalue("mlflow_database") if name == "mlflow" else None
    reader = Reader(name, tmp_path / "tracked", database)
    reader.begin()
    return reader


@pytest.fixture
def study(golden_schema_2: Path) -> Path:
    """A study in the golden project, of which the finished run is the only one; it won."""
    Path("plan.toml").write_text(PLAN)
    folder = begin_study("plan.toml")
    folder.ledger.refresh()
    run = f"runs/{FINISHED}"
    for item in ("train:E1:s0", "judge:E1"):
        folder.ledger.append(Claim(at="2026-01-01T00:00", agent="a", item=item))
        folder.ledger.append(
            End(
                at="2026-01-01T00:01",
                agent="a",
                item=item,
                outcome="finished",
                run=run,
                scores={"val.auroc": Score(point=0.7)},
            )
        )
    choice = {"id": "E1"}
    why = "it is the only one"
    folder.ledger.append(
        Decision(at="2026-01-01T00:02", agent="a", subject="winner", choice=choice, why=why)
    )
    return folder.path


def copy_judged(experiments: Path) -> None:
    """An ablation and a comparison of another project, as `ablate` and `compare` wrote them."""
    judged = Path(__file__).parents[1] / "golden" / "judged_0_2"
    for name in ("ablation.json", "comparison.json"):
        shutil.copyfile(judged / name, experiments / name)
