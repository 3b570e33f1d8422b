"""Imports go one way: foundation, settings, run folder, middle rooms, training, studies, judging.

Of the middle rooms only these see others: splitting and sampling read tables, splitting and
loading the cache, loading sampling and tables. `docs/architecture.md` shows the same order as a
picture.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "xlite"

FOUNDATION = (
    "errors",
    "text_table",
    "console",
    "streams",
    "signals",
    "randomness",
    "places",
    "ids",
    "inputs",
    "dicom_file",
    "records",
    "results",
    "ownership",
    "whole_folder",
    "labels",
    "arrays",
    "files",
)
BELOW = (*FOUNDATION, "settings", "run_folder")
MIDDLE = (
    "tables",
    "clahe_cache",
    "splitting",
    "sampling",
    "loading",
    "models",
    "losses",
    "scores",
    "synthetic",
)
ABOVE = (
    "training",
    "studies",
    "executors",
    "judging",
    "probing",
    "predicting",
    "explaining",
    "exporting",
    "reporting",
    "proving",
    "tracking",
)

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "text_table": set(),
    "console": {"errors", "text_table"},
    "streams": {"console"},
    "signals": set(),
    "own_process": set(),
    "randomness": {"errors"},
    "places": {"errors"},
    "ids": set(),
    "inputs": {"errors"},
    "dicom_file": {"errors"},
    "records": {"errors", "inputs"},
    "results": {"errors", "records", "results"},
    "ownership": {"errors", "inputs"},
    "whole_folder": set(),
    "labels": {"errors", "console"},
    "arrays": {"errors", "labels"},
    "files": {"errors", "console", "inputs", "records"},
    "settings": {"errors", "console", "labels", "settings"},
    "scores": {*FOUNDATION, "scores"},
    # Thresholds in a run's file are those that scores fit.
    "run_folder": {*FOUNDATION, "settings", "scores", "run_folder"},
    "tables": {*BELOW, "tables"},
    # `own_process` is for the command line, and for the processes that these rooms start.
    "clahe_cache": {*BELOW, "clahe_cache", "own_process"},
    "splitting": {*BELOW, "splitting", "clahe_cache", "tables"},
    "sampling": {*BELOW, "sampling", "tables"},
    "loading": {*BELOW, "loading", "clahe_cache", "sampling", "tables"},
    **{room: {*BELOW, room} for room in ("models", "losses", "synthetic")},
    "training": {*BELOW, *MIDDLE, "training"},
    "studies": {*BELOW, *MIDDLE, "training", "studies"},
    "executors": {*BELOW, *MIDDLE, "training", "studies", "executors", "own_process"},
    "judging": {*BELOW, *MIDDLE, "training", "studies", "judging"},
    # `whole_folder` is for rooms that write a folder at once.
    "probing": {*BELOW, *MIDDLE, "training", "judging", "probing", "whole_folder"},
    "predicting": {*BELOW, *MIDDLE, "training", "judging", "predicting"},
    "explaining": {*BELOW, *MIDDLE, "training", "judging", "predicting", "explaining"},
    "exporting": {*BELOW, *MIDDLE, "training", "judging", "predicting", "exporting"},
    "reporting": {*BELOW, "scores", "reporting", "own_process"},
    "proving": {*BELOW, *MIDDLE, "training", "studies", "judging", "reporting", "proving"},
    "tracking": {*BELOW, "tracking"},
    "workflows": {*BELOW, *MIDDLE, *ABOVE, "workflows"},
    "cli": {*BELOW, *MIDDLE, *ABOVE, "workflows", "cli", "own_process"},
    "__main__": {"signals", "cli", "own_process"},
    "__init__": {*BELOW, *MIDDLE, "executors", "judging", "workflows"},
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported_layers(source: str) -> set[str]:
    layers = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            # `from xlite import console` names a module, `from xlite import __version__` does not.
            names = (
                [f"xlite.{alias.name}" for alias in node.names]
                if node.module == "xlite"
                else [node.module]
            )
        else:
            continue
        layers |= {name.split(".")[1] for name in names if name.startswith("xlite.")}
    return {layer for layer in layers if not layer.startswith("__")}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_imports_go_one_way(path: Path) -> None:
    layer = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert imported_layers(path.read_text(encoding="utf-8")) <= MAY_IMPORT[layer]


def test_a_wrong_import_would_be_seen() -> None:
    wrong = "from xlite.training import loop\nfrom xlite import console\n"
    assert imported_layers(wrong) == {"training", "console"}
    assert not imported_layers(wrong) <= MAY_IMPORT["loading"]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_relative_imports_and_prints_are_not_used(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not (isinstance(node, ast.ImportFrom) and node.level), path
        is_print = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
        assert not is_print, f"{path}: user-facing text goes through xlite.console"


def modules_loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nsys.stdout.write('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stdout.split())


def test_starting_the_command_line_loads_nothing_heavy() -> None:
    loaded = modules_loaded_by("import xlite.cli.app")
    assert "typer" in loaded
    heavy = {"torch", "pandas", "numpy", "cv2", "scipy", "sklearn", "timm", "matplotlib"}
    assert not loaded & (heavy | {"pydantic", "PIL"})


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["train", "--help-all"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    loaded = modules_loaded_by(
        "import contextlib, io, sys\n"
        f"sys.argv = ['xlite', *{arguments}]\n"
        "from xlite.cli.app import app\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as text:\n"
        "    app()\n"
        "assert 'Usage' in text.getvalue()"
    )
    assert not loaded & {"pydantic", "torch", "pandas", "numpy", "timm"}


@pytest.mark.parametrize(
    "module",
    [
        "splitting.split",
        "clahe_cache.build",
        "sampling.balance",
        "tables.manifest",
        "sampling.sampler",
    ],
)
def test_data_modules_do_not_load_torch(module: str) -> None:
    loaded = modules_loaded_by(f"import xlite.{module}")
    assert "numpy" in loaded
    assert "torch" not in loaded


def test_what_a_command_does_not_use_is_not_loaded() -> None:
    assert not {"torch", "scipy"} & modules_loaded_by(
        "import xlite.cli.balance, xlite.sampling.balance"
    )
    # lightning_fabric takes torchmetrics along where that is installed.
    hidden = "import sys; sys.modules['torchmetrics'] = None\n"
    loaded = modules_loaded_by(hidden + "import xlite.workflows.training_queue")
    assert "xlite.training.loop" in loaded
    unused = {"timm", "sklearn", "matplotlib", "scipy.stats", "scipy.optimize"}
    assert not unused & loaded
