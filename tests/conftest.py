"""Fixtures that many tests share: the real tables and images where they are, and a tiny project."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from xlite.cli.app import app

ROOT = Path(__file__).parents[1]


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
    from xlite.dataset.synthetic import generate_synthetic

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
