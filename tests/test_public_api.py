"""`import xlite`: what it gives, what it costs, and what it says of bad arguments."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import xlite

SOURCE = Path(xlite.__file__).read_text(encoding="utf-8")


def run_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout


def test_importing_the_package_loads_nothing_else() -> None:
    before_and_after = run_python(
        "import sys; before = set(sys.modules); import xlite, sys\n"
        "sys.stdout.write(' '.join(set(sys.modules) - before))"
    )
    assert before_and_after.split() == ["xlite"]


@pytest.mark.parametrize(
    "name", ["max_entropy_weights", "EpochSampler", "auroc_interval", "fit_thresholds", "evaluate"]
)
def test_what_needs_no_torch_does_not_load_it(name: str) -> None:
    assert (
        run_python(
            f"import sys, xlite; xlite.{name}; sys.stdout.write(str('torch' in sys.modules))"
        )
        == "False"
    )


def test_every_name_is_there_under_its_own_name() -> None:
    for name in xlite.__all__:
        value = getattr(xlite, name)
        assert value.__name__ == name
        assert getattr(xlite, name) is value
    assert {*xlite.__all__} <= {*dir(xlite)}


def test_type_checkers_see_what_is_there() -> None:
    seen = {
        alias.asname: node.module
        for node in ast.walk(ast.parse(SOURCE))
        if isinstance(node, ast.ImportFrom) and node.module != "importlib"
        for alias in node.names
        if alias.asname == alias.name
    }
    assert seen == xlite._HOMES


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'predikt'"):
        xlite.predikt  # noqa: B018
    with pytest.raises(ImportError):
        from xlite import predikt  # noqa: F401


def test_public_names_say_what_they_give() -> None:
    for name in xlite.__all__:
        text = inspect.getdoc(getattr(xlite, name)) or ""
        first = text.split("\n\n")[0]
        assert first.strip().endswith((".", ":")), name
