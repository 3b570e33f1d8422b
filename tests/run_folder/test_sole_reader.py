"""Nobody but `xlite/run_folder` names the files of a run, and so nobody else opens them.

But for `proving`, whose bundle has runs laid out as a project has: it takes the names from there.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import xlite
from xlite.run_folder import file_names

PACKAGE = Path(xlite.__file__).parent
NAMES = {value for name, value in vars(file_names).items() if name.startswith("RUN_")}
PREDICTIONS = re.compile(r"predictions_.*\.csv")
OTHERS_OF_THAT_NAME = {
    ("places.py", "scores.json"),
    ("exporting/predict.py", "thresholds.json"),
    ("predicting/exported_folder.py", "thresholds.json"),
    ("predicting/exported_folder.py", "typical_films.safetensors"),
}
"""An evaluation's own scores; what an exported folder has of its own."""

MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.parent.name != file_names.__name__.split(".")[1]
)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_no_other_room_names_a_file_of_a_run(path: Path) -> None:
    place = path.relative_to(PACKAGE).as_posix()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    named = {text for text in texts if isinstance(text, str)} & NAMES
    assert {(place, text) for text in named} <= OTHERS_OF_THAT_NAME
    assert not [text for text in texts if isinstance(text, str) and PREDICTIONS.fullmatch(text)]
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == file_names.__name__
        for alias in node.names
    }
    if not place.startswith("proving/"):
        # The folder of runs is no file of a run.
        assert imported <= {"RUNS"}


def test_there_is_something_to_name() -> None:
    assert {"config.json", "scores.json", "history.csv", "last.pt"} <= NAMES
    assert len(MODULES) > 150
