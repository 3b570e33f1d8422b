"""`ablate` as a function: settings by name in, verdicts out, and the files of the command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from xlite.errors import CheckFailedError, InputError
from xlite.results.ablation import Ablation
from xlite.run_folder.folder import RunFolder
from xlite.settings import Runtime, TrainSettings
from xlite.studies.axes import Axis, plan_variants
from xlite.workflows import study_training
from xlite.workflows.ablate import ablate

DATA: dict[str, Any] = {"split": "splits", "cache": "cache"}
CPU = Runtime(device="cpu", num_workers=0)


@pytest.fixture
def settings(golden: Path) -> dict[str, TrainSettings]:
    """Those of the two runs of the golden project, which need no training."""
    found = {}
    for path in golden.glob("experiments/runs/*"):
        one = RunFolder(path).settings
        found[one.loss.name] = one
    return {name: found[name] for name in ("bce", "focal")}


def judged(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content | {"time": "", "command": ""}


def test_ablate_leaves_the_files_of_the_command(
    golden: Path, settings: dict[str, TrainSettings], xlite_ok: Any
) -> None:
    out = golden / "experiments"
    xlite_ok(
        *("ablate", "--model", "golden_net", "--losses", "bce,focal", "--epochs", 2, "--resume"),
        *("--batch-size", 16, "--lr", 0.003, "--seed", 0, "--no-pretrained", "--device", "cpu"),
        *("--workers", 0, "--split", "splits", "--cache", "cache"),
    )
    by_command, table = judged(out / "ablation.json"), (out / "ablation.csv").read_bytes()
    for name in ("ablation.json", "ablation.csv"):
        (out / name).unlink()
    variants = plan_variants(settings["bce"], [Axis("loss", ("bce", "focal"))])
    found = ablate(variants, resume=True, runtime=CPU, **DATA)
    assert judged(out / "ablation.json") == by_command
    assert (out / "ablation.csv").read_bytes() == table
    assert Ablation.read(out / "ablation.json", remedy="").to_json() == found.to_json()


def test_variants_are_settings_by_name(golden: Path, settings: dict[str, TrainSettings]) -> None:
    found = ablate({"plain": settings["bce"], "focused": settings["focal"]}, resume=True, **DATA)
    assert found.baseline == "plain"
    assert list(found.verdict) == ["focused"]
    assert [variant.values for variant in found.variants] == [
        {"loss.name": "bce"},
        {"loss.name": "focal"},
    ]
    macro = found.find_row("focused", None)
    assert macro is not None
    assert macro.seeds == 1
    assert len(found.to_frame()) == len(found.rows) == 2 * 15
    assert "focused: UNDECIDED" in (golden / "EXPERIMENT_LOG.md").read_text()


def test_what_cannot_be_compared_is_refused_before_training(
    golden: Path, settings: dict[str, TrainSettings]
) -> None:
    bce = settings["bce"]
    for variants, more, message in (
        ({"one": bce}, {}, "at least two"),
        ({"one": bce, "two": bce.model_copy(update={"seed": 5})}, {}, "one and two are the same"),
        (settings, {"seeds": [1, 1]}, "more than once"),
        (settings, {"margin": -0.01}, "margin must be"),
        (settings, {"safety_margin": float("nan")}, "safety_margin must be"),
        (settings, {"runtime": Runtime(devices=2)}, "not from Python"),
    ):
        with pytest.raises(InputError, match=message):
            ablate(variants, out=golden / "new", **DATA, **more)  # type: ignore[arg-type]
    assert not (golden / "new").exists()


@pytest.mark.parametrize("loss", ["bce", "focal"])
def test_a_run_that_fails_is_named_unless_nothing_can_be_compared_without_it(
    golden: Path, settings: dict[str, TrainSettings], monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise CheckFailedError("out of memory with a single image")

    monkeypatch.setattr(study_training, "follow_run", fail)
    shutil.rmtree(next(golden.glob(f"experiments/runs/*{loss}*")))
    if loss == "bce":
        with pytest.raises(CheckFailedError, match="no run of the baseline bce finished"):
            ablate(settings, resume=True, runtime=CPU, **DATA)
        return
    found = ablate(settings, resume=True, runtime=CPU, **DATA)
    assert found.failures == ("golden_net:focal: out of memory with a single image",)
    assert not found.verdict
    again = Ablation.read(golden / "experiments/ablation.json", remedy="")
    assert again.failures == found.failures
