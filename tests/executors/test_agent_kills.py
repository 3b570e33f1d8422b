"""The promise that a study survives anything, with real kills of its agents: see kill_agents.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HARNESS = Path(__file__).with_name("kill_agents.py")
TESTS = HARNESS.parents[1]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the harness forks processes"),
]


@pytest.mark.parametrize(
    ("options", "num_kills"),
    [
        (["--agents", "1"], 50),
        (["--agents", "3"], 30),
        (["--agents", "1", "--real"], 4),
    ],
    ids=["one-agent", "three-agents", "trainings"],
)
def test_a_study_whose_agents_are_killed_ends_like_an_undisturbed_one(
    tmp_path: Path, options: list[str], num_kills: int
) -> None:
    done = subprocess.run(
        [sys.executable, HARNESS, "--kills", str(num_kills), "--out", tmp_path / "out", *options],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.stdout, done.stderr
    report = json.loads(done.stdout[done.stdout.index("{") :])
    assert report["differences"] == []
    assert done.returncode == 0
    # Ensure that this was a meaningful test.
    assert report["kills"] >= num_kills
    assert len(report["kills_by_place"]) >= 2
