"""What goes into a bundle, and what does not."""

from __future__ import annotations

import getpass
import hashlib
import json
import platform
import re
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import xlite
from tests.conftest import run_cli
from xlite.proving.agreement import agree
from xlite.proving.pseudonyms import Pseudonyms
from xlite.proving.scrubbing import Scrubber


def read_members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def all_ids(folder: Path) -> tuple[list[str], list[str]]:
    tables = [pd.read_csv(path) for path in sorted((folder / "data/splits").glob("*.csv"))]
    whole = pd.concat(tables)
    return whole["Image Index"].tolist(), whole["Patient ID"].unique().tolist()


def test_it_holds_what_results_rest_on(drawn: Path) -> None:
    members = read_members(drawn / "b.zip")
    run = "experiments/runs/resnet18-bce-s0"
    for name in ("config.json", "history.csv", "scores.json", "sittings.json"):
        assert f"{run}/{name}" in members
    assert f"{run}/predictions_test.csv" in members
    assert f"{run}/thresholds.json" in members
    assert f"{run}/val_epochs/0001.npy" in members
    for name in ("train.csv", "val.csv", "test.csv", "split.json"):
        assert f"splits/1/{name}" in members
    for name in ("ablation.json", "comparison.json", "val_choices.json", "test_looks.json"):
        assert f"experiments/{name}" in members
    assert "experiments/evaluation/resnet18-bce-s0-val/scores.csv" in members
    assert "experiments/studies/drawn/ledger/000001.json" in members
    assert "experiments/studies/drawn/verdicts.json" in members
    assert not [name for name in members if name.endswith((".pt", ".safetensors", ".png"))]


def test_no_name_of_a_patient_an_image_a_machine_or_a_place_is_in_it(drawn: Path) -> None:
    images, patients = all_ids(drawn)
    hidden = [*images, *(Path(image).stem for image in images), *patients, str(drawn)]
    hidden += ["ward-pc", "ward-pc-12-ab"]
    hidden += [name for name in (platform.node(), getpass.getuser()) if name != "root"]
    # What can be tried out by whoever has a list of names.
    sums = {
        algorithm(f"{spelled}{end}".encode()).hexdigest()[:12]
        for spelled in (*images, *patients, *(Path(image).stem for image in images))
        for end in ("", "\n")
        for algorithm in (hashlib.sha256, hashlib.sha1, hashlib.md5)
    }
    for name, content in read_members(drawn / "b.zip").items():
        text = content.decode("latin-1")
        tokens = set(re.findall(r"[\w.-]+", text))
        assert not tokens & set(hidden), name
        assert str(drawn) not in text
        digests = re.findall(r"[0-9a-f]{12}", " ".join(re.findall(r"[0-9a-f]{12,}", text)))
        assert not set(digests) & sums, name


def test_the_same_key_makes_the_same_bytes_and_none_makes_others(drawn_copy: Path) -> None:
    run = Path("experiments/runs/resnet18-bce-s0")
    for name in ("one.zip", "two.zip"):
        xlite.bundle(run, out=name, hash_ids="key")
    assert Path("one.zip").read_bytes() == Path("two.zip").read_bytes()
    summary = xlite.bundle(run, out="three.zip")
    assert summary.key == "thrown away"
    assert Path("three.zip").read_bytes() != Path("one.zip").read_bytes()
    assert xlite.verify("three.zip").holds


def test_pseudonyms_keep_the_order_and_the_half_of_patients_who_are_judged() -> None:
    patients = ["10", "9", "P5", "7"]
    names = Pseudonyms(b"0123456789abcdef", {"val": patients})
    found = names.patients(patients)
    order = np.argsort(np.array(patients, dtype=object))
    assert order.tolist() == np.argsort(np.array(found, dtype=object)).tolist()
    halves = [zlib.crc32(one.encode()) & 1 for one in patients]
    assert halves == [zlib.crc32(one.encode()) & 1 for one in found]
    assert names.patient("012") == names.patient("12")
    assert "0000" not in names.patient("12")
    assert Pseudonyms(b"another key of bytes", {}).patient("12") != names.patient("12")


def test_texts_lose_what_names_people_and_places() -> None:
    scrubber = Scrubber({"00013_001.png": "i1f", "MRN-778": "p3a"}, machines=["ward-pc"])
    text = "no C:\\data\\anna or /home/anna/00013_001.png on ward-pc for MRN-778, ask a.b@c.org"
    found = scrubber.text(text)
    for secret in ("anna", "00013_001", "MRN-778", "ward-pc", "a.b@c.org"):
        assert secret not in found
    assert scrubber.command("xlite evaluate x --labels ../anna/t.csv --seed 3") == (
        "xlite evaluate x --labels <path> --seed 3"
    )
    assert scrubber.text("precision and/or recall, 3 of 13") == "precision and/or recall, 3 of 13"


def test_numbers_that_were_edited_are_not_bundled(drawn_copy: Path) -> None:
    path = Path("experiments/evaluation/resnet18-bce-s0-val/scores.json")
    content = json.loads(path.read_text())
    content["macro"]["auroc"] += 0.01
    path.write_text(json.dumps(content))
    with pytest.raises(xlite.CheckFailedError, match=r"macro\.auroc is .* and should be"):
        xlite.bundle("experiments/runs/resnet18-bce-s0", out="c.zip")
    assert not Path("c.zip").exists()


def test_numbers_are_those_of_the_project(drawn: Path) -> None:
    name = "experiments/evaluation/resnet18-focal-s0-test/scores.json"
    found = json.loads(read_members(drawn / "b.zip")[name])
    before = json.loads((drawn / name).read_text())
    for score, value in before["macro"].items():
        assert agree(found["macro"][score], value), score


def test_wrong_input_is_explained(drawn_copy: Path) -> None:
    done = run_cli("bundle", "resnet18-bce-s0", "--out", "b.zip")
    assert done.exit_code == 2
    assert "b.zip was not written by this command" in done.stderr
    shutil_split = drawn_copy / "data" / "splits"
    shutil_split.rename(drawn_copy / "data" / "elsewhere")
    done = run_cli("bundle", "resnet18-bce-s0", "--out", "c.zip")
    assert done.exit_code == 2
    assert "--split DIR" in done.stderr
    done = run_cli("bundle", "resnet18-bce-s0", "--out", "c.zip", "--split", "data/elsewhere")
    assert done.exit_code == 0, done.stderr
    assert re.match(r"1 run, 2 evaluations: [\d,]+ numbers recomputed\n", done.stdout)
