"""Splits as files: what goes in comes out, and nobody else's files are touched."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlite.errors import InputError
from xlite.places import SPLIT_PARTS
from xlite.results.split import SplitRecord
from xlite.splitting.audit import read_parts
from xlite.splitting.split import divide_by_patient, split_by_patient
from xlite.splitting.split_folder import read_split
from xlite.splitting.split_writer import write_split
from xlite.tables.label_table import read_manifest
from xlite.tables.manifest import Manifest, write_manifest
from xlite.tables.table_format import TableFormat
from xlite.tables.vocabulary import check_vocabulary

NUM_IMAGES = 12


def is_vocabulary(names: list[str]) -> bool:
    try:
        check_vocabulary(names, source="names")
    except InputError:
        return False
    return True


LABEL_NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12) | st.sampled_from(
    ["No Finding", "a|b", "x, y", 'say "so"', "[/red]", "$\\notacommand$", "Épanchement", "肺炎"]
)
VOCABULARIES = st.lists(
    LABEL_NAMES.filter(lambda name: name not in ("image", "who")), min_size=1, max_size=5
).filter(is_vocabulary)


def write_table(path: Path, vocabulary: list[str], labels: np.ndarray, first: str = "a") -> Path:
    rows = [[f"{first}{i}.png", f"p{i}", *labels[i]] for i in range(len(labels))]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["image", "who", *vocabulary], *rows])
    return path


def read_table(path: Path, vocabulary: list[str]) -> Manifest:
    layout = TableFormat(image_col="image", patient_col="who", label_cols=tuple(vocabulary))
    return read_manifest(path, table_format=layout)


@settings(max_examples=60, deadline=None)
@given(VOCABULARIES, st.integers(0, 2**32 - 1), st.sampled_from(["a", "=1+", "'@x", "x/y z"]))
def test_tables_survive_being_split(vocabulary: list[str], seed: int, first: str) -> None:
    labels = np.random.default_rng(seed).integers(-1, 2, size=(NUM_IMAGES, len(vocabulary)))
    with TemporaryDirectory() as folder:
        path = write_table(Path(folder) / "t.csv", vocabulary, labels, first)
        table = read_table(path, vocabulary)
        assert table.labels.tolist() == labels.tolist()
        parts = divide_by_patient(table, ratios=(0.5, 0.25, 0.25), seed=1)
        write_split(parts, Path(folder) / "s", {}, overwrite=False)
        back = read_split(Path(folder) / "s", table=table).parts
    for name in SPLIT_PARTS:
        assert back[name].vocabulary == tuple(vocabulary)
        assert back[name].labels.tolist() == parts[name].labels.tolist()
        assert back[name].image_ids.tolist() == parts[name].image_ids.tolist()
        assert back[name].patient_ids.tolist() == parts[name].patient_ids.tolist()


@settings(max_examples=40, deadline=None)
@given(VOCABULARIES, st.sampled_from([";", "|", " / ", "##"]), st.integers(0, 2**32 - 1))
def test_tables_of_label_texts_survive_being_split(
    vocabulary: list[str], separator: str, seed: int
) -> None:
    names = [name for name in vocabulary if separator.strip() not in name and name != "No Finding"]
    names = [name for name in names if name.casefold() not in ("nan", "none", "null")]
    names = [name for name in names if not (name.startswith("[") and name.endswith("]"))]
    is_one_of_many = any(
        set(name.split(sign)) <= set(names) - {name} for name in names for sign in ";,|"
    )
    if not names or is_one_of_many:
        return
    rng = np.random.default_rng(seed)
    sets = [[name for name in names if rng.random() < 0.5] for _ in range(NUM_IMAGES)]
    sets[0] = names
    rows = [[f"a{i}.png", f"p{i}", separator.join(s) or "No Finding"] for i, s in enumerate(sets)]
    layout = TableFormat(
        image_col="image", patient_col="who", labels_col="found", separator=separator
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["image", "who", "found"], *rows])
        table = read_manifest(path, table_format=layout)
        assert set(table.vocabulary) == set(names)
        parts = divide_by_patient(table, ratios=(0.5, 0.25, 0.25), seed=1)
        write_split(parts, Path(folder) / "s", {}, overwrite=False)
        back = read_split(Path(folder) / "s", table=table).parts
    found = {
        image: {name for name, present in zip(part.vocabulary, row, strict=True) if present}
        for part in back.values()
        for image, row in zip(part.image_ids, part.labels, strict=True)
    }
    assert found == {f"a{i}.png": set(names) for i, names in enumerate(sets)}


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    labels = np.random.default_rng(0).integers(0, 2, size=(NUM_IMAGES, 2))
    return read_table(
        write_table(tmp_path / "t.csv", ["No Finding", "Mass"], labels), ["No Finding", "Mass"]
    )


def test_what_would_not_read_back_is_not_written(manifest: Manifest, tmp_path: Path) -> None:
    manifest.table["view"] = " PA"
    parts = divide_by_patient(manifest, ratios=(0.5, 0.25, 0.25), seed=1)
    with pytest.raises(InputError, match=r"train\.csv would not read back.*view differ"):
        write_split(parts, tmp_path / "s", {}, overwrite=False)
    assert not (tmp_path / "s").exists()


def make_parts(manifest: Manifest, seed: int = 1) -> dict[str, Manifest]:
    return divide_by_patient(manifest, ratios=(0.5, 0.25, 0.25), seed=seed)


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_anybodys_files_of_these_names_are_kept(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "val.csv").write_text("mine")
    before = contents_of(tmp_path)
    with pytest.raises(InputError, match=r"val\.csv was not written by this command.*--overwrite"):
        write_split(make_parts(manifest), tmp_path, {}, overwrite=False)
    assert contents_of(tmp_path) == before
    write_split(make_parts(manifest), tmp_path, {}, overwrite=True)
    read_split(tmp_path)


@pytest.mark.parametrize("name", ["train.csv", "split.json"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_folders_and_links_of_these_names_are_never_replaced(
    manifest: Manifest, tmp_path: Path, name: str, overwrite: bool
) -> None:
    out = tmp_path / "s"
    (out / name).mkdir(parents=True)
    with pytest.raises(InputError, match="is a folder"):
        write_split(make_parts(manifest), out, {}, overwrite=overwrite)
    assert [path.name for path in out.iterdir()] == [name]
    (out / name).rmdir()
    (tmp_path / "theirs").write_text("theirs")
    (out / name).symlink_to(tmp_path / "theirs")
    with pytest.raises(InputError, match=r"link|JSON"):
        write_split(make_parts(manifest), out, {}, overwrite=overwrite)
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert [path.name for path in out.iterdir()] == [name]


def test_an_edited_file_of_a_split_is_kept(manifest: Manifest, tmp_path: Path) -> None:
    write_split(make_parts(manifest), tmp_path, {"seed": 1}, overwrite=False)
    (tmp_path / "test.csv").write_text("notes")
    before = contents_of(tmp_path)
    with pytest.raises(InputError, match=r"test\.csv was changed"):
        write_split(make_parts(manifest), tmp_path, {"seed": 1}, overwrite=False)
    assert contents_of(tmp_path) == before


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_a_split_is_made_from_is_never_replaced(
    manifest: Manifest, tmp_path: Path, overwrite: bool
) -> None:
    table = (tmp_path / "t.csv").rename(tmp_path / "train.csv")
    before = contents_of(tmp_path)
    with pytest.raises(InputError, match="is what the split is made from"):
        write_split(make_parts(manifest), tmp_path, {}, overwrite=overwrite, sources=[table])
    assert contents_of(tmp_path) == before


def test_a_stopped_write_is_finished_by_the_same_command(
    manifest: Manifest, tmp_path: Path
) -> None:
    out = tmp_path / "s"
    write_split(make_parts(manifest), out, {}, overwrite=False)
    whole = contents_of(out)
    (out / "split.json").unlink()
    (out / "test.csv").unlink()
    write_split(make_parts(manifest), out, {}, overwrite=False)
    assert contents_of(out) == whole


def test_a_split_of_version_0_1_is_read(nih_sample: Path, tmp_path: Path) -> None:
    manifest = read_manifest(nih_sample / "Data_Entry_2017.csv")
    parts = make_parts(manifest)
    write_split(parts, tmp_path, {"seed": 1}, overwrite=False)
    record = json.loads((tmp_path / "split.json").read_text())
    assert (record.pop("schema_version"), record.pop("layout")) == (2, "nih")
    (tmp_path / "split.json").write_text(json.dumps(record))
    assert read_split(tmp_path).parts["val"].labels.tolist() == parts["val"].labels.tolist()
    # The same split again changes nothing, whoever wrote it.
    before = contents_of(tmp_path)
    write_split(parts, tmp_path, {"seed": 1}, overwrite=False)
    assert contents_of(tmp_path) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": 3}, r"split\.json has 3 in 'labels'"),
        ({"files": {}}, r"train\.csv was changed"),
        ({"schema_version": 99}, "newer xlite"),
        ({"layout": "rows"}, "'layout'"),
    ],
)
def test_a_damaged_record_is_named(
    manifest: Manifest, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    write_split(make_parts(manifest), tmp_path, {}, overwrite=False)
    record = json.loads((tmp_path / "split.json").read_text())
    (tmp_path / "split.json").write_text(json.dumps(record | change))
    with pytest.raises(InputError, match=message):
        read_split(tmp_path)


def test_our_own_files_are_audited_as_their_record_says(manifest: Manifest, tmp_path: Path) -> None:
    write_split(make_parts(manifest), tmp_path, {}, overwrite=False)
    parts = read_parts([tmp_path / f"{name}.csv" for name in SPLIT_PARTS])
    assert parts["train"].vocabulary == ("No Finding", "Mass")


def test_labels_that_one_part_lacks_are_absent_from_it(tmp_path: Path) -> None:
    header = "Image Index,found,Patient ID\n"
    (tmp_path / "a.csv").write_text(f"{header}1.png,Cyst,p\n2.png,Mass,q\n")
    (tmp_path / "b.csv").write_text(f"{header}3.png,Mass,r\n")
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    parts = read_parts(paths, table_format=TableFormat(labels_col="found"))
    assert parts["b"].vocabulary == ("Cyst", "Mass")
    assert parts["b"].labels.tolist() == [[0, 1]]


def test_nihs_table_is_written_as_it_was(nih_sample: Path, tmp_path: Path) -> None:
    manifest = read_manifest(nih_sample / "Data_Entry_2017.csv")
    write_manifest(manifest, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text().splitlines()[0] == (
        "Image Index,Finding Labels,Patient ID,Patient Age,Patient Gender,View Position"
    )


GOLDEN = Path(__file__).parents[1] / "golden" / "results"
VOCABULARY = ("Hernia", "Mass", "Edema")
COMMAND = ("split", "--labels", GOLDEN / "labels.csv", "--vocabulary", ",".join(VOCABULARY))


def test_the_json_of_a_split_stays_byte_for_byte(xlite_ok: Any, tmp_path: Path) -> None:
    result = xlite_ok(*COMMAND, "--out", tmp_path / "s", "--json")
    assert result.stdout == (GOLDEN / "split.json").read_text()
    assert (tmp_path / "s" / "split.json").read_text() == result.stdout


def test_the_function_leaves_the_files_of_the_command(xlite_ok: Any, tmp_path: Path) -> None:
    xlite_ok(*COMMAND, "--subset", 0.5, "--ratios", "60/20/20", "--out", tmp_path / "command")
    made = split_by_patient(
        GOLDEN / "labels.csv",
        out=tmp_path / "function",
        table_format=TableFormat(vocabulary=VOCABULARY),
        ratios=(60, 20, 20),
        subset=0.5,
    )
    written = contents_of(tmp_path / "command")
    assert len(written) == 4
    assert contents_of(tmp_path / "function") == written
    record = json.loads(written["split.json"])
    assert made.to_json() == record
    assert SplitRecord.from_json(record) == made
    # The same split again is read back, its rows with it.
    again = split_by_patient(
        str(GOLDEN / "labels.csv"),
        out=str(tmp_path / "function"),
        table_format=TableFormat(vocabulary=VOCABULARY),
        ratios="60/20/20",
        subset=0.5,
    )
    assert again == made
    assert {name: len(rows) for name, rows in again.rows.items()} == {
        name: part.images for name, part in made.parts.items()
    }


def test_rows_divide_a_data_frame_by_patient() -> None:
    table = pd.read_csv(GOLDEN / "labels.csv")
    layout = TableFormat(vocabulary=VOCABULARY)
    split = split_by_patient(table, table_format=layout, seed=5)
    parts = {name: table.iloc[rows] for name, rows in split.rows.items()}
    patients = [set(part["Patient ID"]) for part in parts.values()]
    assert sum(map(len, patients)) == len(set.union(*patients)) == table["Patient ID"].nunique()
    assert sum(map(len, parts.values())) == len(table)
    for name, part in parts.items():
        hernias = int(part["Finding Labels"].str.contains("Hernia").sum())
        assert split.parts[name].positives["Hernia"] == hernias > 0
    assert split.files == {}
    frame = split.to_frame()
    assert frame.groupby("label")["positives"].sum()["Hernia"] == 30


@pytest.mark.parametrize("ratios", ["70/30", "a/b/c", (1, 1, 0), (1, 1, float("inf"))])
def test_ratios_are_three_positive_numbers(ratios: Any) -> None:
    with pytest.raises(InputError, match="is not three positive numbers such as 70/15/15"):
        split_by_patient(GOLDEN / "labels.csv", ratios=ratios)


def test_arrays_of_labels_and_patients_are_split_as_their_table() -> None:
    table = pd.read_csv(GOLDEN / "labels.csv")
    labels = table["Finding Labels"].str.get_dummies("|")[list(VOCABULARY)]
    wanted = split_by_patient(table, table_format=TableFormat(vocabulary=VOCABULARY))
    for array in (labels, labels.to_numpy(), labels.to_numpy().tolist()):
        split = split_by_patient(array, patients=table["Patient ID"])
        for name, rows in wanted.rows.items():
            assert split.rows[name].tolist() == rows.tolist()
        assert list(split.parts["val"].positives.values()) == list(
            wanted.parts["val"].positives.values()
        )
    one = split_by_patient(labels["Hernia"], patients=table["Patient ID"].tolist())
    assert one.labels == ("Hernia",)
    assert sum(part.positives["Hernia"] for part in one.parts.values()) == 30


def test_labels_without_patients_are_not_split(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not known whose the images are"):
        split_by_patient([0, 1, 0, 1])
    with pytest.raises(InputError, match="4 rows need as many patients"):
        split_by_patient([0, 1, 0, 1], patients=[1, 2])
    with pytest.raises(InputError, match="1 of 4 patients are missing"):
        split_by_patient([0, 1, 0, 1], patients=[1, 2, None, 3])
    with pytest.raises(InputError, match="patient's id is empty"):
        split_by_patient([0, 1, 0, 1], patients=["a", "b", "", "c"])


def test_the_record_of_version_0_1_is_a_result_like_any() -> None:
    folder = GOLDEN.parent / "run_0_1" / "splits"
    record = SplitRecord.read(folder / "split.json", remedy="")
    assert (record.schema_version, record.seed, record.layout) == (1, 42, "nih")
    assert {name: part.images for name, part in record.parts.items()} == {
        name: len(part) for name, part in read_split(folder).parts.items()
    }
    assert len(record.to_frame()) == 3 * 14
