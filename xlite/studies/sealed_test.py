"""The count of looks at the test part: each one spends a little of what it is worth.

A number that was chosen because of its test score is no longer an estimate of anything. So test
scores are not in a run's `scores.json`; they are computed when asked for, and each time is noted.
"""

from __future__ import annotations

from pathlib import Path

from xlite.artifacts import read_json, write_json
from xlite.studies.progress import current_time

TEST_LOOKS = "test_looks.json"


def record_test_look(run_dir: Path, command: str) -> int:
    """The number of looks at a run's test scores, after noting that `command` takes one now."""
    looks = read_test_looks(run_dir)
    looks.append({"time": current_time(), "command": command})
    write_json(run_dir / TEST_LOOKS, {"looks": looks})
    return len(looks)


def read_test_looks(run_dir: Path) -> list[dict[str, str]]:
    """The looks at a run's test scores so far, oldest first: time and command of each."""
    path = run_dir / TEST_LOOKS
    if not path.exists():
        return []
    remedy = "Restore it from a backup; without it looks can't be counted."
    return list(read_json(path, remedy=remedy)["looks"])
