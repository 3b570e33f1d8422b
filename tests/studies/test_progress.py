from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from xlite.errors import InputError
from xlite.studies.progress import ProgressFile, read_entries

WRITER = """
import sys
from pathlib import Path
from xlite.studies.progress import ProgressFile
progress = ProgressFile(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    progress.update({f"{sys.argv[2]}{number}": {"run": f"runs/{sys.argv[2]}{number}"}})
    progress.update({"common": {"run": "runs/common", sys.argv[2]: number}})
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "experiments" / "training_progress.json"


def test_entries_have_every_field_in_one_order(path: Path) -> None:
    progress = ProgressFile(path)
    progress.update({"a": {"seconds": 3.0, "run": "runs/a"}})
    progress.update({"a": {"run": "runs/a", "status": "finished", "seed": 1}})
    content = json.loads(path.read_text())
    assert list(content) == ["models", "completed_models", "last_updated"]
    assert content["completed_models"] == ["a"]
    assert " ".join(content["models"]["a"]) == (
        "status model seed epochs epochs_done best_val_auroc run started finished updated "
        "seconds error note"
    )
    assert content["models"]["a"]["seconds"] == 3.0
    assert content["models"]["a"]["updated"] == content["last_updated"]


def test_processes_do_not_lose_each_others_entries(path: Path) -> None:
    count = 25
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), letter, str(count)])
        for letter in "xyz"
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0]
    entries = read_entries(path)
    expected = {f"{letter}{number}" for letter in "xyz" for number in range(count)}
    assert set(entries) == {*expected, "common"}
    assert [entries["common"][letter] for letter in "xyz"] == [count - 1] * 3


def test_a_name_goes_to_the_latest_run_and_updates_follow_the_folder(path: Path) -> None:
    mine, others = ProgressFile(path), ProgressFile(path)
    mine.update({"a": {"run": "runs/a-1", "status": "running"}})
    others.update({"a": {"run": "runs/a-2", "status": "running"}})
    mine.update({"a": {"run": "runs/a-1", "epochs_done": 1}})
    others.update({"a": {"run": "runs/a-2", "epochs_done": 2}})
    entries = read_entries(path)
    assert {name: entry["epochs_done"] for name, entry in entries.items()} == {"a": 2, "a-1": 1}


def test_a_run_that_never_began_gives_way(path: Path) -> None:
    progress = ProgressFile(path)
    progress.update({"a": {"run": "runs/a-1"}})
    progress.update({"a": {"run": "runs/a-2"}})
    assert list(read_entries(path)) == ["a"]


def test_undefined_scores_are_null(path: Path) -> None:
    ProgressFile(path).update({"a": {"run": "runs/a", "best_val_auroc": float("nan")}})
    assert json.loads(path.read_text())["models"]["a"]["best_val_auroc"] is None


def test_who_is_not_the_writer_writes_nothing(path: Path) -> None:
    ProgressFile(path, is_writer=False).update({"a": {"run": "runs/a"}})
    assert not path.parent.exists()


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"models": []}', '{"models": {"a": 1}}', '{"models": {"a": {}}}']
)
def test_a_file_of_another_form_is_refused_and_kept(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(InputError, match=r"training_progress.json .*Move it away"):
        ProgressFile(path).update({"a": {"run": "runs/a"}})
    assert path.read_text() == text
