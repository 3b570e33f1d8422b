"""The plans of examples/studies, made small and trained for real: each by one call, to its end."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from xlite.results.study_status import StudyStatus
from xlite.settings.settings_text import toml_value
from xlite.studies.folder import StudyFolder
from xlite.studies.recorded_plan import read_state
from xlite.studies.study_state import StudyState
from xlite.workflows.study import run_study_plan
from xlite.workflows.study_answer import answer_question

pytestmark = pytest.mark.slow

STUDIES = Path(__file__).parents[2] / "examples" / "studies"
TINY = {
    "efficientnet_b0": "test_efficientnet",
    "efficientnet_b3": "test_convnext",
    "convnext_tiny": "test_convnext",
    "mobilenet_v3_large": "test_convnext2",
    "resnet18": "test_resnet",
    "resnet34": "test_convnext",
    "resnet50": "test_resnet",
}
CAPS = {
    "early_stopping": 2,
    "image_size": 64,
    "batch_size": 16,
    "warmup_epochs": 0.5,
    "freeze_epochs": 2,
    "unfreeze_epochs": 0,
    "first": 1,
    "factor": 2,
    "runs": 3,
    "size": 64,
    "shards": 2,
    "rest": 0,
}
LENGTHS = (15, 45)
"""Epochs: one here for up to so many, two and three for more, so that length still differs."""


def make_small(value: Any, name: str = "") -> Any:
    """A part of a plan with tiny models, hardly any epochs, few trials and one seed for each."""
    if isinstance(value, dict):
        return {
            key: make_small(one, name if key == "values" else key) for key, one in value.items()
        }
    if isinstance(value, list):
        small = [make_small(one, name) for one in (value[:1] if name == "seeds" else value)]
        return [one for place, one in enumerate(small) if one not in small[:place]]
    if name == "model":
        backbone = next(one for one in TINY if value.startswith(one))
        return TINY[backbone] + value.removeprefix(backbone).replace("_", "+")
    if name == "epochs":
        return 1 + sum(value > length for length in LENGTHS)
    return min(value, CAPS[name]) if name in CAPS else value


def render(value: Any) -> str:
    """A value as TOML, its tables and lists inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml_value(k)} = {render(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(render, value))}]"
    return toml_value(value)


def read_small(stem: str) -> dict[str, Any]:
    """A plan of examples/studies, made small."""
    plan: dict[str, Any] = make_small(tomllib.loads((STUDIES / f"{stem}.toml").read_text()))
    settings = {"image_size": 64, "batch_size": 16, "pretrained": False} | plan["settings"]
    running = {"device": "cpu", "workers": 0} | plan.get("running", {})
    return plan | {"settings": settings, "running": running}


def run(plan: dict[str, Any]) -> tuple[StudyStatus, StudyState]:
    """Where the study of a plan stands after one call, and what its ledger says."""
    Path("plan.toml").write_text("".join(f"{key} = {render(one)}\n" for key, one in plan.items()))
    status = run_study_plan("plan.toml")
    state = read_state(StudyFolder(Path("experiments/studies") / plan["name"]))
    for name, item in state.items.items():
        assert item.status != "failed", (name, state.end_of(name))
    return status, state


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, project: Any, xlite_ok: Any) -> Path:
    """What the heads of the plans tell a user to make: splits, a cache, and a checkpoint."""
    folder = tmp_path_factory.mktemp("made")
    data = folder / "data"
    shutil.copytree(project.cache, data / "clahe_cache")
    shutil.copytree(project.split, data / "splits")
    for name, more in (
        ("splits_view", ("--hold-out", "view=AP")),
        ("splits_fifth", ("--subset", 0.2)),
        ("splits_handful", ("--subset", 0.2, "--seed", 1)),
    ):
        xlite_ok("split", "--labels", project.table, *more, "--out", data / name)
    xlite_ok(
        *("train", "--model", "test_efficientnet+mhsa", "--no-pretrained", "--epochs", 1),
        *("--image-size", 64, "--batch-size", 16, "--workers", 0, "--device", "cpu"),
        *("--split", data / "splits", "--cache", data / "clahe_cache"),
        *("--out", folder / "experiments"),
    )
    (best,) = folder.glob("experiments/runs/*/best.safetensors")
    (folder / "weights").mkdir()
    shutil.copy(best, folder / "weights" / "baseline.safetensors")
    shutil.rmtree(folder / "experiments")
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a project with all that the plans need, and nothing trained."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def left_by(status: StudyStatus) -> set[str]:
    """The names of the files in a study's folder."""
    return {path.name for path in Path(status.folder).iterdir()}


def trained(state: StudyState) -> list[str]:
    """The experiments and trials of which something was trained, without their seeds."""
    items = sorted(state.items)
    return list(dict.fromkeys(one.split(":")[1] for one in items if one.startswith("train:")))


def test_fine_tuning_goes_by_its_tree_to_a_confirmed_search(here: Path) -> None:
    plan = read_small("a_fine_tuning")
    # What tiny models reach: the first rule holds, and the second does not.
    plan["rule"][0]["when"]["above"] = 0.01
    status, state = run(plan)
    assert status.state == "ended"
    assert state.decisions["rule:above-0.815"].choice == {"holds": True, "begins": ["2.5"]}
    assert state.decisions["rule:enough"].choice == {"holds": False, "begins": ["contingency"]}
    assert {"2.5", "contingency/3", "confirm/1", "confirm/2"} <= set(trained(state))
    assert (here / "configs" / "fine_tuned.toml").is_file()
    assert {"comparison.json", "report.html"} <= left_by(status)


def test_fine_tuning_asks_a_person_where_nothing_was_above(here: Path) -> None:
    plan = read_small("a_fine_tuning")
    status, _ = run(plan)
    assert [one.id for one in status.waiting_for] == ["loaded"]
    answer_question("fine-tuning", "it was not: mend the plan, run again", why="nothing fitted")
    status, state = run(plan)
    assert status.state == "ended"
    assert trained(state) == ["2.1", "2.2", "2.3", "2.4"]


def test_a_sweep_in_phases_ends_in_what_was_confirmed(here: Path) -> None:
    status, state = run(read_small("b_sweep_in_phases"))
    assert status.state == "ended"
    assert {"coarse/3", "fine/3", "confirm/1", "confirm/2"} <= set(trained(state))
    assert str(status.winner).startswith("confirm/")
    assert (here / "configs" / "swept.toml").is_file()
    assert {"comparison.json", "report.html"} <= left_by(status)


def test_experiments_by_splits_wait_for_a_person_and_carry_the_answer_out(
    here: Path, project: Any
) -> None:
    shutil.copytree(project.images, here / "data" / "images")
    plan = read_small("c_experiments_by_splits")
    status, state = run(plan)
    assert (status.state, [one.id for one in status.waiting_for]) == ("waiting", ["default"])
    assert len(trained(state)) == 8
    assert (here / "data" / "clahe_cache_320").is_dir()
    answer_question("experiments-by-splits", "best: E3", why="as good on the other view")
    status, _ = run(plan)
    assert (status.state, status.winner) == ("ended", "E3")
    assert (here / "configs" / "default.toml").is_file()
    assert (here / "weights" / "best.safetensors").is_file()
    assert {"model_card.md", "comparison.json", "report.html"} <= left_by(status)


def test_chest_xray_questions_end_with_comparisons_on_both_splits(here: Path) -> None:
    status, state = run(read_small("d_chest_xray_questions"))
    assert status.state == "ended"
    assert state.decisions["rule:worth-it"].choice == {"holds": False, "begins": []}
    assert len(trained(state)) == 13
    assert "full" not in trained(state)
    assert {"comparison.json", "verdicts.json", "report.html"} <= left_by(status)


def test_practices_begin_once_a_handful_was_learnt(here: Path) -> None:
    plan = read_small("e_practices")
    status, state = run(plan)
    assert (status.state, trained(state)) == ("waiting", ["handful"])
    answer_question("practices", "it came near zero", why="0.004 after 80 epochs")
    status, state = run(plan)
    assert status.state == "ended"
    assert len(trained(state)) == 9
    assert {"comparison.json", "report.html"} <= left_by(status)
