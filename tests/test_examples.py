"""Each script of examples/ runs from a clean folder, and prints what its first lines promise."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = {"own_loop.py", "judge_predictions.py", "study.py"}
SERVED = {"serve.py"}
"""Run by a server: tests/exporting/test_reader.py asks it."""


def run_example(name: str, *arguments: object, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_script_is_run_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == SCRIPTS | SERVED


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_script_says_first_what_it_does_and_how_it_is_run(name: str) -> None:
    text = ast.get_docstring(ast.parse((EXAMPLES / name).read_text(encoding="utf-8"))) or ""
    assert len(text.splitlines()) > 4
    assert f"python examples/{name}" in text


def test_own_loop(tmp_path: Path) -> None:
    said = run_example("own_loop.py", "--num-images", 240, "--epochs", 2, folder=tmp_path)
    assert "0.00 as drawn" in said
    losses = [float(line.split()[-1]) for line in said.splitlines() if line.startswith("epoch")]
    assert losses[1] < losses[0]
    assert "95 % intervals" in said
    # No run folder, no split: nothing but the radiographs was written.
    assert [path.name for path in tmp_path.iterdir()] == ["own_loop"]
    assert [path.name for path in (tmp_path / "own_loop").iterdir()] == ["raw"]


def test_judge_predictions_that_it_makes_up(tmp_path: Path) -> None:
    said = run_example("judge_predictions.py", folder=tmp_path)
    rows = [line.split() for line in said.splitlines() if line.startswith("Effusion")]
    auroc, _, difference = rows
    assert float(auroc[2]) < float(auroc[1]) < float(auroc[3])
    assert 0 < float(difference[2]) < float(difference[1]) < float(difference[3])
    assert list(tmp_path.iterdir()) == []


def test_judge_predictions_of_files(tmp_path: Path) -> None:
    images = [f"{row}.png" for row in range(8)]
    labels = {"image": images, "patient": range(8), "Mass": [0, 1] * 4, "Edema": [0, 0, 1, 1] * 2}
    pd.DataFrame(labels).to_csv(tmp_path / "labels.csv", index=False)
    # Of the same images in another order, and labels in another one.
    probs = pd.DataFrame(
        {"image": images, "Edema": [0.1, 0.2, 0.8, 0.7] * 2, "Mass": [0.1, 0.9] * 4}
    )
    probs[::-1].to_csv(tmp_path / "probs.csv", index=False)
    arguments = ("--labels", "labels.csv", "--probs", "probs.csv")
    said = run_example("judge_predictions.py", *arguments, folder=tmp_path)
    assert next(line.split()[1] for line in said.splitlines() if line.startswith("Mass")) == "1.0"
    assert "others" not in said


def test_study(tmp_path: Path) -> None:
    arguments = ("--model", "test_resnet", "--num-images", 160, "--epochs", 1)
    said = run_example("study.py", *arguments, folder=tmp_path)
    assert "patients in two parts: 0" in said
    assert "sampler max-entropy: pass" in said
    assert re.search(r"focal against bce: (ADOPT|REJECT|TRADE-OFF|EQUIVALENT|UNDECIDED)", said)
    assert "4 run folders" in said
    experiments = tmp_path / "study" / "experiments"
    assert (experiments / "ablation.json").is_file()
    # The second time all of it is there.
    again = run_example("study.py", *arguments, folder=tmp_path)
    assert again == said
    assert len(list((experiments / "runs").iterdir())) == 4
