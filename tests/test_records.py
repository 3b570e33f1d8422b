from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import model_validator

from xlite.errors import InputError
from xlite.records import Record, guard_cell, read_columns, read_rows, unguard_cell


class Inner(Record):
    name: str
    score: float | None


class Sample(Record):
    newest_schema: ClassVar[int] = 2

    epochs: int
    labels: tuple[str, ...]
    parts: dict[str, Inner]

    @model_validator(mode="after")
    def _check(self) -> Sample:
        if self.epochs < len(self.labels):
            raise ValueError("fewer epochs than labels")
        return self


SOUND: dict[str, Any] = {
    "epochs": 3,
    "labels": ["Edema"],
    "parts": {"val": {"name": "a", "score": None}},
    "new": 1,
}


def read(tmp_path: Path, content: Any) -> Sample:
    path = tmp_path / "sample.json"
    is_raw = isinstance(content, bytes)
    path.write_bytes(content if is_raw else json.dumps(content).encode())
    return Sample.read(path, remedy="Train again.")


def test_a_sound_file_gives_typed_values_and_unknown_keys_are_left_out(tmp_path: Path) -> None:
    sample = read(tmp_path, SOUND)
    assert sample.labels == ("Edema",)
    assert sample.parts["val"].score is None
    assert sample.schema_version == 1
    assert not hasattr(sample, "new")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not valid JSON"),
        (b'{"epochs": 3', "is not valid JSON"),
        (b"\xff\xfe{}", "is not valid JSON"),
        (b"[" * 100_000, "is not valid JSON"),
        (b'{"epochs": ' + b"9" * 5000 + b"}", "is not valid JSON"),
        (b"[1]", "holds no JSON object"),
        ({**SOUND, "epochs": "3"}, "has '3' in 'epochs': input should be a valid integer"),
        ({**SOUND, "epochs": True}, "in 'epochs'"),
        ({**SOUND, "epochs": 0}, "does not fit together: fewer epochs than labels"),
        ({**SOUND, "labels": ["a", 1]}, "has 1 in 'labels.1'"),
        ({**SOUND, "parts": {"val": {"name": "a"}}}, "has no 'parts.val.score'"),
        ({**SOUND, "parts": {"val": []}}, "holds no JSON object in 'parts.val'"),
        ({**SOUND, "parts": {"val": {"name": "a", "score": float("nan")}}}, "finite number"),
        ({"epochs": 3}, "has no 'labels'"),
        ({**SOUND, "schema_version": 3}, "newer xlite (schema version 3; this one reads up to 2)"),
        ({"schema_version": 3}, "newer xlite"),
    ],
)
def test_each_fault_is_one_short_sentence_with_file_key_and_remedy(
    tmp_path: Path, content: Any, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, content)
    text = str(caught.value)
    assert message in text
    assert str(tmp_path / "sample.json") in text
    assert text.endswith(("Train again.", "Update xlite."))
    assert len(text) < 300 + len(str(tmp_path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    path = tmp_path / "sample.json"
    with pytest.raises(InputError, match=r"sample\.json does not exist\. Train again\."):
        Sample.read(path, remedy="Train again.")
    os.mkfifo(path)
    with pytest.raises(InputError, match="is a named pipe"):
        Sample.read(path, remedy="Train again.")


def test_rows_are_read_by_column(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('\ufeffid,text\n1,"a\nb"\n2,\'=1\n', encoding="utf-8")
    assert read_rows(path, ["id"], remedy="") == [
        {"id": "1", "text": "a\nb"},
        {"id": "2", "text": "=1"},
    ]
    assert read_columns(path, ["text", "id"], remedy="") == [["a\nb", "=1"], ["1", "2"]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"text\n1\n", "has no column id"),
        (b"id,id\n1,2\n", "has a column twice"),
        (b"id,text\n1,2\n1\n", "row 3 has 1 cells, the header 2"),
        (b"id,text\n1,2,3\n", "row 2 has 3 cells, the header 2"),
        (b"id,text\n1,\xff\n", "is not UTF-8"),
        (b'id,text\n1,"a\n', "can't be read as a CSV"),
        (b"id,text\n1," + b"a" * (1 << 21), "can't be read as a CSV"),
    ],
)
def test_a_damaged_table_is_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    before = csv.field_size_limit()
    for read in (read_rows, read_columns):
        with pytest.raises(InputError, match=message) as caught:
            read(path, ["id"], remedy="Build it again.")
        assert str(caught.value).endswith("Build it again.")
    assert csv.field_size_limit() == before


@given(text=st.text(alphabet="'=+-@\t\rab1.e", max_size=8))
def test_guarded_cells_start_no_formula_and_come_back_exactly(text: str) -> None:
    guarded = guard_cell(text)
    assert unguard_cell(guarded) == text
    try:
        float(guarded)
    except ValueError:
        assert not guarded.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_guarded_cell_survives_a_csv(tmp_path: Path) -> None:
    texts = ["=1+1", "'=x", "''", "-3.5", "+1+1", "@SUM(A1)", "Edema"]
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["text"])
    writer.writerows([guard_cell(text)] for text in texts)
    path = tmp_path / "rows.csv"
    path.write_text(buffer.getvalue(), encoding="utf-8", newline="")
    assert [row["text"] for row in read_rows(path, ["text"], remedy="")] == texts
