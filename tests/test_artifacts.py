from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from xlite.artifacts import (
    Predictions,
    atomic_path,
    read_json,
    read_predictions,
    sha256_of_file,
    write_json,
    write_predictions,
    write_text,
)
from xlite.errors import InputError


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


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_the_mode_is_that_of_any_new_file(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        write_text(tmp_path / "file.txt", "text")
        assert os.umask(mask) == mask, "reading the mask must not change it"
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


@given(
    probs=npst.arrays(
        np.float32, npst.array_shapes(min_dims=2, max_dims=2), elements=st.floats(0, 1, width=32)
    )
)
@settings(max_examples=60, deadline=None)
def test_predictions_come_back_to_the_bit(
    tmp_path_factory: pytest.TempPathFactory, probs: np.ndarray
) -> None:
    path = tmp_path_factory.mktemp("predictions") / "p.csv"
    vocabulary = tuple(f"label {c}" for c in range(probs.shape[1]))
    ids = np.array([f"{n:08d}" for n in range(len(probs))], dtype=object)
    write_predictions(path, Predictions(ids, probs.astype(float), vocabulary))
    result = read_predictions(path, vocabulary[::-1])
    assert result.image_ids.tolist() == ids.tolist(), "ids with leading zeros are text"
    assert result.vocabulary == vocabulary[::-1]
    assert result.probs.dtype == np.float64
    assert result.probs[:, ::-1].astype(np.float32).tobytes() == probs.tobytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        ("", "can't be read as a CSV"),
        ('image_id,prob_Mass\n"a', "can't be read as a CSV"),
        ("image,prob_Mass,prob_Edema\na,0.5,0.5\n", "has no column image_id."),
        ("image_id,Mass\na,0.5\n", "has no column prob_Mass, prob_Edema."),
        ("image_id,prob_Mass,prob_Edema\na,0,1\nb,0.5,1.5\n", "not in [0, 1] in row 3."),
        ("image_id,prob_Mass,prob_Edema\na,-0.01,1\n", "not in [0, 1] in row 2."),
        ("image_id,prob_Mass,prob_Edema\na,0.5,\n", "not in [0, 1] in row 2."),
    ],
)
def test_faults_of_a_predictions_file_are_named(
    tmp_path: Path, content: str | None, message: str
) -> None:
    path = tmp_path / "p.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_predictions(path, ("Mass", "Edema"))
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_prob_that_is_text_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("image_id,prob_Mass\na,high\n")
    with pytest.raises(InputError):
        read_predictions(path, ("Mass",))
