"""Fixtures that many tests share: the real tables and images where they are, and a tiny project."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from xlite.cli.app import app

ROOT = Path(__file__).parents[1]

# Tables are as wide as the terminal says, and tests are to see what is printed off a terminal.
os.environ.pop("COLUMNS", None)


@pytest.fixture(scope="session")
def nih_table() -> Path:
    """NIH's 112,120-row label table, as the torchxrayvision package ships it."""
    spec = importlib.util.find_spec("torchxrayvision")
    if spec is None or spec.origin is None:
        pytest.skip("torchxrayvision is not installed, so NIH's label table is not at hand")
    return Path(spec.origin).parent / "data" / "Data_Entry_2017_v2020.csv.gz"


@pytest.fixture(scope="session")
def nih_sample() -> Path:
    """Some hundred real radiographs with their label table."""
    folder = ROOT.parent / "shared" / "nih-sample"
    if not folder.is_dir():
        pytest.skip("the sample of real radiographs is not at hand")
    return folder


@pytest.fixture(scope="session")
def in_other_processes():  # type: ignore[no-untyped-def]
    """What a piece of code writes in processes of its own, which hash texts differently."""

    def collect(code: str) -> set[str]:
        return {
            subprocess.run(
                [sys.executable, "-c", code],
                env={"PYTHONHASHSEED": seed},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for seed in ("1", "2")
        }

    return collect


@dataclass(frozen=True)
class Project:
    """Folders of a small project on synthetic radiographs."""

    table: Path
    images: Path
    split: Path
    cache: Path


INTERNAL_ERROR = 70


def run_cli(*arguments: object) -> Result:
    """The result of `xlite` with these arguments, in this process.

    An exception that nobody foresaw, which the command turns into exit code 70, is raised.
    """
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exit_code == INTERNAL_ERROR:
        raise find_cause(result.exception)
    return result


def find_cause(error: BaseException | None) -> BaseException:
    """The first of the exceptions that led to this one."""
    assert error is not None
    while (earlier := error.__cause__ or error.__context__) is not None:
        error = earlier
    return error


def run_ok(*arguments: object) -> Result:
    """The result of a command that has to succeed."""
    result = run_cli(*arguments)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="session")
def xlite():  # type: ignore[no-untyped-def]
    """`run_cli`, for tests in any folder."""
    return run_cli


@pytest.fixture(scope="session")
def xlite_ok():  # type: ignore[no-untyped-def]
    """`run_ok`, for tests in any folder."""
    return run_ok


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """160 synthetic radiographs, split and cached at 64 pixels."""
    from xlite.synthetic.generate import generate_synthetic

    folder = tmp_path_factory.mktemp("project")
    table = generate_synthetic(
        folder / "raw", num_images=160, seed=1, image_size=96, min_positives=6
    )
    made = Project(table, table.parent / "images", folder / "splits", folder / "cache")
    run_ok("split", "--labels", table, "--out", made.split)
    run_ok(
        "cache-clahe",
        *("--labels", table, "--images", made.images, "--size", 64, "--grid", 4),
        *("--out", made.cache, "--workers", 1),
    )
    return made


def merge(content: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The content with some values changed, those of nested objects one by one."""
    for name, value in changes.items():
        old = content.get(name)
        content[name] = (
            merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return content


def write_run(
    folder: Path,
    settings: Any,
    *,
    scores: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    history: str | None = None,
    is_finished: bool = True,
) -> Path:
    """A run folder with its records as version 0.1 wrote them, some values of them changed."""
    macro = {"auroc": 0.5, "average_precision": 0.25, "f1": 0.125, "f1_at_half": 0.1}
    described = {
        "fingerprint": "0123456789ab",
        "settings": settings.model_dump(mode="json"),
        "runtime": {"num_workers": 0, "contiguous_models": []},
        "labels": ["Mass", "Edema"],
        "pos_weight": None,
        "data": {
            "images": {"train": 7000, "val": 150, "test": 151},
            "train_positives": [70, 7],
            "split_sha256": {"train": "a" * 64, "val": "b" * 64, "test": "c" * 64},
            "source": "d" * 64,
        },
        "environment": {
            "xlite": "0.1.0",
            "torch": "2.9.0",
            "python": "3.12.1",
            "machine": "x86_64",
            "num_threads": 2,
            "num_processes": 1,
        },
    }
    reached = {
        "run_id": folder.name,
        "model": settings.model,
        "fingerprint": "0123456789ab",
        "num_parameters": 1234567,
        "epochs": settings.epochs,
        "best_epoch": 1,
        "stopped_early": False,
        "accumulate": 1,
        "seconds": 90.0,
        "val": {
            "images": 150,
            "patients": 50,
            "f1_thresholds": "cross-fitted",
            "macro": macro,
            "undefined": {},
            "per_class": {label: {"auroc": 0.5, "f1": None} for label in described["labels"]},
        },
    }
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(merge(described, config or {})))
    if history is not None:
        (folder / "history.csv").write_text(history)
    if is_finished:
        (folder / "scores.json").write_text(json.dumps(merge(reached, scores or {})))
    return folder


@pytest.fixture(scope="session")
def make_run():  # type: ignore[no-untyped-def]
    """`write_run`, for tests in any folder."""
    return write_run


def golden_net(pretrained: bool = False, **options: Any) -> Any:
    """The network of the golden runs: so small that a checkpoint of it can be kept."""
    from timm.models._builder import build_model_with_cfg
    from timm.models.resnet import BasicBlock, ResNet

    options["pretrained_cfg"] = {
        "input_size": (3, 32, 32),
        "mean": (0.5, 0.5, 0.5),
        "std": (0.5, 0.5, 0.5),
        "num_classes": 1000,
        "pool_size": (1, 1),
        "first_conv": "conv1.0",
        "classifier": "fc",
        "url": "",
    }
    return build_model_with_cfg(
        ResNet,
        "golden_net",
        pretrained,
        block=BasicBlock,
        layers=(1, 1, 1, 1),
        channels=(4, 4, 8, 16),
        stem_width=4,
        stem_type="deep",
        **options,
    )


@pytest.fixture
def golden_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """While it lasts, `golden_net` is a network of timm's."""
    from timm.models import _registry

    _registry.register_model(golden_net)
    # Names are looked up in timm's source as well, which does not have this one.
    nothing: frozenset[str] = frozenset()
    monkeypatch.setattr("xlite.models.catalogue._read_timm_names", lambda: (nothing, nothing))
    yield
    # Other tests look at all of timm's models.
    for names in vars(_registry).values():
        if isinstance(names, dict):
            names.pop("golden_net", None)
        elif isinstance(names, set):
            names.discard("golden_net")


@pytest.fixture
def golden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, golden_network: None) -> Path:
    """A copy of a project as version 0.1 left it, which is the working folder; its network."""
    return _enter_copy("run_0_1", tmp_path, monkeypatch)


@pytest.fixture
def golden_schema_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, golden_network: None) -> Path:
    """The same with runs of schema version 2: one finished, one stopped in its second epoch.

    Their weights say nothing of themselves.
    """
    return _enter_copy("run_schema_2", tmp_path, monkeypatch)


def _enter_copy(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    project = tmp_path / "project"
    shutil.copytree(ROOT / "tests" / "golden" / name, project)
    monkeypatch.chdir(project)
    return project
