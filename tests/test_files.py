from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlite.errors import InputError
from xlite.files import atomic_path, read_json, sha256_of_file, write_json, write_table, write_text
from xlite.records import read_rows


@given(text=st.text(st.characters(codec="utf-8")), before=st.none() | st.binary(max_size=20))
@settings(max_examples=40, deadline=None)
def test_written_text_is_what_the_file_holds(
    tmp_path_factory: pytest.TempPathFactory, text: str, before: bytes | None
) -> None:
    path = tmp_path_factory.mktemp("text") / "new" / "file.txt"
    if before is not None:
        path.parent.mkdir()
        path.write_bytes(before)
    write_text(path, text)
    assert path.read_bytes() == text.encode()
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("before", [None, b"old"])
@pytest.mark.parametrize("fault", [RuntimeError, KeyboardInterrupt])
def test_a_writer_that_fails_leaves_the_folder_as_it_was(
    tmp_path: Path, before: bytes | None, fault: type[BaseException]
) -> None:
    path = tmp_path / "file.txt"
    if before is not None:
        path.write_bytes(before)

    def write_half() -> None:
        with atomic_path(path) as temporary:
            temporary.write_bytes(b"half")
            assert path.exists() == (before is not None)
            raise fault

    with pytest.raises(fault):
        write_half()
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([] if before is None else [before])


def test_readers_see_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == tmp_path, "a rename is atomic within one file system only"
    assert path.read_text() == "new"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no flock")
def test_the_next_writer_removes_what_a_killed_one_has_left_and_nothing_else(
    tmp_path: Path,
) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from xlite.files import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    path = tmp_path / "train.csv"
    done = subprocess.run([sys.executable, "-c", code, path], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1, "ensure that something was left"
    kept = [tmp_path / name for name in (".train.csv.x.tmp", ".xlite.train.csv.bak", ".tmp")]
    for other in kept:
        other.write_text("a user's own")
    with atomic_path(path) as temporary:
        temporary.write_text("one")
        # A second writer of the same file, at the same time, leaves the first one's alone.
        write_text(path, "two")
        assert temporary.read_text() == "one"
    assert path.read_text() == "one"
    assert {*tmp_path.iterdir()} == {path, *kept}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_the_mode_is_that_of_any_new_file(
    tmp_path: Path, mask: int, mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(mask)
    try:
        with monkeypatch.context() as patch:
            # Reading it is changing it, for the files that other threads make at that moment, too.
            patch.delattr("os.umask")
            write_text(tmp_path / "file.txt", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file.txt").stat().st_mode) == mode


def test_json_comes_back_with_undefined_numbers_as_null(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    write_json(path, {"auroc": [0.1, float("nan"), float("inf")], "text": "κ", "none": None})
    assert read_json(path, remedy="") == {"auroc": [0.1, None, None], "text": "κ", "none": None}
    # Python alone reads NaN; jq and every other reader must be able to, too.
    json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "value.json does not exist. Do this."),
        (b"", "value.json is not valid JSON (Expecting value"),
        (b'{"a": 1', "value.json is not valid JSON"),
        (b"\xff\xfe{}", "value.json is not valid JSON"),
        (b"[1, 2]", "value.json holds no JSON object. Do this."),
        (b"null", "value.json holds no JSON object. Do this."),
    ],
)
def test_faults_of_a_json_file_are_named(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "value.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_json(path, remedy="Do this.")
    assert message in str(caught.value)
    assert str(caught.value).endswith("Do this.")


@given(content=st.binary(max_size=100))
@settings(max_examples=20, deadline=None)
def test_the_digest_is_that_of_the_whole_file(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("digest") / "file"
    path.write_bytes(content)
    assert sha256_of_file(path) == hashlib.sha256(content).hexdigest()


def test_cells_that_a_spreadsheet_would_run_are_guarded_and_come_back(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    names = ["+1+1", "@SUM(A1)", "'=1", "=cmd|' /C calc'!A0", "Mass", "-0.5"]
    table = pd.DataFrame({"label": names, "=A1": [0.1234567, np.nan, 1.0, 2.0, 3.0, -4.0]})
    write_table(path, table)
    lines = path.read_text().splitlines()
    assert lines[0] == "label,'=A1"
    assert lines[1] == "'+1+1,0.123457"
    assert not [line for line in lines if line[0] in "=+@"]
    assert [row["label"] for row in read_rows(path, ["label", "=A1"], remedy="")] == names
