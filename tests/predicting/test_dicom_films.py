"""DICOM films of an archive, without suffixes and with an index, are predicted as their pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

import xlite
from xlite.errors import InputError
from xlite.run_folder import RunFolder
from xlite.settings import Runtime
from xlite.synthetic.dicom_films import encode_dicom
from xlite.tables.table_format import TableFormat

pytest.importorskip("pydicom")

CPU = Runtime(device="cpu", num_workers=0)
HEADERS = TableFormat(dataset="dicom")


def write_archive(root: Path, films: list[Path]) -> list[str]:
    """Films as an archive exports them: a folder a study, no suffix, an index, what is hidden."""
    names = []
    for number, film in enumerate(films):
        name = f"s{number // 2}/IM{number:04d}"
        grey = cv2.imread(str(film), cv2.IMREAD_UNCHANGED)
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            encode_dicom(grey, bits_stored=8, elements={"PatientID": f"P{number // 3}"})
        )
        names.append(name)
    (root / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    (root / "notes.txt").write_text("none")
    for hidden in (root / "s0" / ".IM9999", root / ".thumbnails" / "IM0000"):
        hidden.parent.mkdir(exist_ok=True)
        hidden.write_bytes(path.read_bytes())
    return names


def test_an_archive_is_predicted_as_the_png_of_its_pixels(
    trained_runs: list[RunFolder], project: Any, tmp_path: Path, xlite_ok: Any
) -> None:
    run = trained_runs[0].path
    films = sorted(project.images.glob("*.png"))[:6]
    root = tmp_path / "archive"
    names = write_archive(root, films)
    as_png = xlite.predict(run, films, runtime=CPU)
    found = xlite.predict(run, root, runtime=CPU)
    assert list(found.predictions().image_ids) == names
    np.testing.assert_array_equal(found.probs, as_png.probs)
    # Named as a data set, with or without its folder as the table, they are the same films.
    xlite_ok(
        *("predict", run, "--dataset", "dicom", "--images", root, "--device", "cpu"),
        *("--out", tmp_path / "p.csv"),
    )
    assert pd.read_csv(tmp_path / "p.csv")["image_id"].tolist() == names
    by_table = xlite.predict(run, root, labels=root, table_format=HEADERS, runtime=CPU)
    np.testing.assert_array_equal(by_table.probs, as_png.probs)
    # One file alone, too, by its name.
    alone = xlite.predict(run, root / names[3], runtime=CPU)
    assert list(alone.predictions().image_ids) == ["IM0003"]
    # As `explain` finds them, whose patients are those of the headers.
    explained = xlite.explain(
        run, root, table_format=HEADERS, only=["Mass"], runtime=CPU, out=tmp_path / "explained"
    )
    assert (explained.films, explained.patients) == (6, 2)
    plain = xlite.explain(run, root, only=["Mass"], runtime=CPU, out=tmp_path / "plain")
    assert (plain.films, plain.patients) == (6, 6)
    assert {film.image_id for one in plain.gallery for film in one.films} <= {*names}


def test_words_about_a_table_that_is_not_there_are_refused(
    trained_runs: list[RunFolder], project: Any
) -> None:
    run, some = trained_runs[0].path, sorted(project.images.glob("*.png"))[:2]
    for images, layout, said in (
        (some, HEADERS, "--dataset dicom is one folder"),
        (project.images, HEADERS, "holds no DICOM film"),
        (some, TableFormat(dataset="nih"), "options of columns say how a label table is read"),
        (some, TableFormat(dataset="nhi"), "no such source"),
    ):
        for command in (xlite.predict, xlite.explain):
            with pytest.raises(InputError, match=said):
                command(run, images, table_format=layout, runtime=CPU)
