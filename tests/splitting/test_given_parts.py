from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from xlite.errors import InputError, LeakageError
from xlite.splitting.given_parts import adopt_split, name_parts
from xlite.splitting.split_folder import read_split
from xlite.tables.table_format import TableFormat


def write_parts(folder: Path, **rows: list[tuple[str, str, str]]) -> list[Path]:
    paths = []
    for name, part in rows.items():
        path = folder / f"{name}.csv"
        pd.DataFrame(part, columns=["file", "labels", "who"]).to_csv(path, index=False)
        paths.append(path)
    return paths


TRAIN = [("a.png", "Mass", "p1"), ("b.png", "Edema;Mass", "p2"), ("c.png", "No Finding", "p3")]
VAL = [("d.png", "Mass", "p4"), ("e.png", "No Finding", "p5")]
TEST = [("f.png", "Edema", "p6"), ("g.png", "No Finding", "p7")]
LAYOUT = TableFormat(image_col="file", labels_col="labels", separator=";", patient_col="who")
OPTIONS = (
    "--image-col",
    "file",
    "--labels-col",
    "labels",
    "--separator",
    ";",
    "--patient-col",
    "who",
)


def test_a_split_of_three_files_is_taken_as_it_is(tmp_path: Path, xlite_ok: Any) -> None:
    paths = write_parts(tmp_path, my_test=TEST, my_train=TRAIN, my_valid=VAL)
    out = tmp_path / "split"
    told = xlite_ok("split", *paths, *OPTIONS, "--out", out).output
    assert "patients on two sides: 0" in told
    parts = read_split(out).parts
    assert {name: len(part) for name, part in parts.items()} == {"train": 3, "val": 2, "test": 2}
    assert parts["train"].vocabulary == ("Mass", "Edema")
    assert parts["test"].labels.tolist() == [[0, 1], [0, 0]]
    # The same again changes nothing, and another is not written over it.
    xlite_ok("split", *paths, *OPTIONS, "--out", out)
    with pytest.raises(InputError, match="holds another split"):
        adopt_split(paths[:2], out=out, table_format=LAYOUT)


def test_a_column_of_parts_is_of_one_table(tmp_path: Path, xlite: Any) -> None:
    paths = write_parts(tmp_path, train=TRAIN, val=VAL, test=TEST)
    for mode in ((), ("--audit",)):
        refused = xlite("split", *mode, *paths, *OPTIONS, "--split-col", "part")
        assert (refused.exit_code, "each file is a part" in refused.stderr) == (2, True)


def test_a_patient_on_two_sides_is_a_leak(tmp_path: Path, xlite: Any) -> None:
    shared = [*TEST, ("h.png", "Mass", "P1")]
    paths = write_parts(tmp_path, train=TRAIN, test=shared)
    with pytest.raises(LeakageError):
        adopt_split(paths, table_format=LAYOUT)
    refused = xlite("split", *paths, *OPTIONS, "--out", tmp_path / "split")
    assert refused.exit_code == 1
    assert not (tmp_path / "split").exists()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a.csv"], "1 files are no split"),
        (["train.csv", "b.csv"], "do not say which part"),
        (["train.csv", "train_2.csv"], "do not say which part"),
        (["train.csv", "val.csv"], None),
    ],
)
def test_what_is_no_split_is_refused(names: list[str], message: str | None) -> None:
    if message is None:
        assert list(name_parts([Path(name) for name in names])) == ["train", "val"]
        return
    with pytest.raises(InputError, match=message):
        name_parts([Path(name) for name in names])


def test_parts_need_training_and_test(tmp_path: Path) -> None:
    paths = write_parts(tmp_path, train=TRAIN, val=VAL)
    with pytest.raises(InputError, match="these are train, val"):
        adopt_split(paths, table_format=LAYOUT)


def test_options_that_make_parts_do_not_go_with_files(tmp_path: Path, xlite: Any) -> None:
    paths = write_parts(tmp_path, train=TRAIN, val=VAL, test=TEST)
    wrong = xlite("split", *paths, *OPTIONS, "--folds", 3)
    assert wrong.exit_code == 2
    assert "leave out --labels" in wrong.stderr


def write_table(folder: Path, parts: list[str]) -> Path:
    rows = [(*row, part) for row, part in zip([*TRAIN, *VAL, *TEST], parts, strict=True)]
    path = folder / "table.csv"
    pd.DataFrame(rows, columns=["file", "labels", "who", "fold"]).to_csv(path, index=False)
    return path


def test_a_column_says_the_parts(tmp_path: Path, xlite_ok: Any) -> None:
    parts = ["train", "Training", "train", "valid", "val", "test", "TEST"]
    table = write_table(tmp_path, parts)
    out = tmp_path / "split"
    xlite_ok("split", "--labels", table, *OPTIONS, "--split-col", "fold", "--out", out)
    found = read_split(out).parts
    assert [list(found[name].image_ids) for name in ("val", "test")] == [
        ["d.png", "e.png"],
        ["f.png", "g.png"],
    ]


def test_a_part_that_is_none_is_named_with_its_row(tmp_path: Path, xlite: Any) -> None:
    table = write_table(tmp_path, ["train"] * 5 + ["test", "hold"])
    wrong = xlite("split", "--labels", table, *OPTIONS, "--split-col", "fold")
    assert wrong.exit_code == 2
    assert "row 8 has 'hold' in 'fold'" in wrong.stderr


def test_odd_labels_of_a_split_are_said(tmp_path: Path, xlite_ok: Any) -> None:
    rows = [(f"{k}.png", "Mass" if k < 40 else "Mass;Edema", f"p{k}") for k in range(50)]
    paths = write_parts(tmp_path, train=rows[:40], test=rows[40:])
    told = xlite_ok("split", *paths, *OPTIONS, "--out", tmp_path / "split")
    assert "every image has Mass" in told.output
    assert "the prevalence of Edema is another in test by 80.0 percentage points" in " ".join(
        told.output.split()
    )
