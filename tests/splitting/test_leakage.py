from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xlite.errors import InputError
from xlite.labels import NIH_LABELS, encode_label_texts
from xlite.splitting.leakage import SplitPart, find_leakage
from xlite.splitting.patient_disjoint import assign_patients


def make_part(images, patients, labels=None):
    labels = np.zeros((len(images), 1), np.int8) if labels is None else np.asarray(labels, np.int8)
    return SplitPart(np.array(images), np.array(patients), labels)


@pytest.fixture(scope="module")
def nih(nih_table: Path):
    table = pd.read_csv(nih_table, usecols=["Image Index", "Finding Labels", "Patient ID"])
    labels = encode_label_texts(table["Finding Labels"].to_numpy(), NIH_LABELS)
    return SplitPart(table["Image Index"].to_numpy(), table["Patient ID"].to_numpy(), labels)


def divide(whole: SplitPart, part):
    return {
        name: SplitPart(
            whole.image_id[part == k], whole.patient_id[part == k], whole.labels[part == k]
        )
        for k, name in enumerate(("train", "val", "test"))
    }


def test_random_split_of_images_leaks_as_the_precursors_did(nih):
    part = np.random.default_rng(0).choice(3, size=len(nih.labels), p=[0.7, 0.15, 0.15])
    parts = divide(nih, part)
    audit = find_leakage(parts, labels=NIH_LABELS)
    leaked = audit.images_of_shared_patients["train|val"]
    assert leaked / audit.parts["val"].images == pytest.approx(0.81, abs=0.02)
    # Counted again by the definition, with Python's sets.
    train = set(parts["train"].patient_id)
    assert leaked == sum(patient in train for patient in parts["val"].patient_id)
    assert audit.patient_overlap["train|val"] == len(train & set(parts["val"].patient_id))
    assert audit.has_leakage
    assert set(audit.image_overlap.values()) == {0}


def test_split_by_patient_has_no_leakage(nih):
    part = assign_patients(nih.labels, nih.patient_id, ratios=(0.7, 0.15, 0.15), seed=42)
    audit = find_leakage(divide(nih, part), labels=NIH_LABELS)
    assert not audit.has_leakage
    assert audit.patient_overlap == {"train|val": 0, "train|test": 0, "val|test": 0}
    assert audit.max_deviation_pp < 0.03
    assert sum(part.patients for part in audit.parts.values()) == 30_805
    assert sum(part.positives["Hernia"] for part in audit.parts.values()) == 227
    assert sum(part.no_finding for part in audit.parts.values()) == 60_361


def test_overlaps_of_three_parts_by_hand():
    audit = find_leakage(
        {
            "a": make_part(["1", "2", "3"], ["p", "p", "q"]),
            "b": make_part(["4", "5", "6"], ["p", "q", "r"]),
            "c": make_part(["6", "7"], ["s", "r"]),
        },
        labels=["Mass"],
    )
    assert audit.patient_overlap == {"a|b": 2, "a|c": 0, "b|c": 1}
    assert audit.images_of_shared_patients == {"a|b": 2, "a|c": 0, "b|c": 1}
    assert audit.image_overlap == {"a|b": 0, "a|c": 0, "b|c": 1}


def test_shared_image_with_other_patient_ids_is_leakage():
    parts = {"a": make_part(["1"], ["p"]), "b": make_part(["1"], ["q"])}
    audit = find_leakage(parts, labels=["Mass"])
    assert audit.patient_overlap == {"a|b": 0}
    assert audit.has_leakage


def test_counts_and_deviation_of_each_part():
    audit = find_leakage(
        {
            "a": make_part(["1", "2"], [7, 7], [[1, 0], [0, 0]]),
            "b": make_part(["3", "4"], [8, 9], [[-1, 0], [0, 0]]),
        },
        labels=["Mass", "Edema"],
    )
    part = audit.parts["b"]
    assert (part.images, part.patients, part.no_finding) == (2, 2, 1)
    assert part.positives == {"Mass": 0, "Edema": 0}
    assert audit.parts["a"].deviation_pp == {"Mass": 25.0, "Edema": 0.0, "No Finding": 0.0}
    assert audit.max_deviation_pp == 25


def test_few_positives_are_warned_about_below_thirty_only():
    labels = np.zeros((40, 2), np.int8)
    labels[:30, 0] = labels[:29, 1] = 1
    ids = np.arange(40)
    parts = {"a": SplitPart(ids, ids, labels), "b": SplitPart(ids + 40, ids + 40, labels)}
    warnings = find_leakage(parts, labels=["Mass", "Edema"]).warnings
    assert [warning.split(":")[0] for warning in warnings] == ["a", "b"]
    assert all("Edema (29)" in warning and "Mass" not in warning for warning in warnings)


def test_repeated_image_in_a_part_is_warned_about():
    parts = {"a": make_part(["1", "1"], ["p", "p"]), "b": make_part(["2"], ["q"])}
    assert find_leakage(parts, labels=["Mass"]).warnings[0].startswith("a: 1 rows repeat an image")


def test_dict_has_the_promised_keys_and_is_json():
    parts = {"a": make_part(["1"], ["p"]), "b": make_part(["2"], ["q"])}
    content = json.loads(json.dumps(find_leakage(parts, labels=["Mass"]).to_json()))
    assert set(content) == {
        "patient_overlap",
        "images_of_shared_patients",
        "image_overlap",
        "patients_respelled",
        "images_respelled",
        "parts",
        "max_deviation_pp",
        "warnings",
    }
    assert content["parts"]["a"]["positives"] == {"Mass": 0}


@pytest.mark.parametrize(
    ("one", "other"),
    [(["0013"], ["13"]), (["13"], ["13.0"]), (["P5"], ["p5"]), ([13], [13.0]), ([13], ["00013"])],
)
def test_patients_match_however_their_ids_are_written(one, other):
    audit = find_leakage({"a": make_part(["1"], one), "b": make_part(["2"], other)}, labels=["M"])
    assert audit.has_leakage
    assert audit.patient_overlap == audit.patients_respelled == {"a|b": 1}
    assert audit.images_of_shared_patients == {"a|b": 1}
    assert "1 patients in a and b (1 of them spelled differently)" in audit.describe_leakage()
    assert any("written differently" in warning for warning in audit.warnings)


def test_ids_that_are_spelled_alike_are_not_called_respelled():
    parts = {
        "a": make_part(["x/1.png", "2.png"], ["0013", "7"]),
        "b": make_part(["x/1.png", "3.png"], ["0013", "8"]),
    }
    audit = find_leakage(parts, labels=["Mass"])
    assert (audit.patient_overlap, audit.image_overlap) == ({"a|b": 1}, {"a|b": 1})
    assert (audit.patients_respelled, audit.images_respelled) == ({"a|b": 0}, {"a|b": 0})


@pytest.mark.parametrize("other", [r"x\1.png", "./x/1.png", "1.png", "data/x/1.png"])
def test_images_match_with_and_without_their_folders(other):
    parts = {"a": make_part(["x/1.png", "y/2.png"], ["p", "q"]), "b": make_part([other], ["r"])}
    audit = find_leakage(parts, labels=["Mass"])
    assert audit.image_overlap == audit.images_respelled == {"a|b": 1}
    assert audit.has_leakage


def test_equal_file_names_of_different_folders_are_different_images():
    parts = {"a": make_part(["p1/v.png"], ["p"]), "b": make_part(["p2/v.png"], ["q"])}
    assert not find_leakage(parts, labels=["Mass"]).has_leakage


def test_numbers_that_lost_digits_are_no_ids():
    parts = {"a": make_part(["1"], [1.23e17]), "b": make_part(["2"], ["q"])}
    with pytest.raises(InputError, match=r"part 'a' has the patient id 1\.23e\+17"):
        find_leakage(parts, labels=["Mass"])


def test_numbers_in_one_part_and_names_in_another_are_warned_about():
    parts = {"a": make_part(["1"], ["13"]), "b": make_part(["2"], ["patient13"])}
    warnings = find_leakage(parts, labels=["Mass"]).warnings
    assert any("numbers in a and names in b" in warning for warning in warnings)


def test_a_label_called_no_finding_keeps_its_own_deviation():
    parts = {
        "a": make_part(["1", "2"], ["p", "q"], [[1], [1]]),
        "b": make_part(["3", "4"], ["r", "s"], [[1], [0]]),
    }
    audit = find_leakage(parts, labels=["No Finding"])
    assert audit.parts["a"].deviation_pp == {"No Finding": 25.0}


@pytest.mark.parametrize("missing", [np.nan, None])
def test_missing_patient_id_is_refused(missing):
    patients = np.array(["p", missing], dtype=object)
    parts = {
        "a": SplitPart(np.array(["1", "2"]), patients, np.zeros((2, 1), np.int8)),
        "b": make_part(["3"], ["q"]),
    }
    with pytest.raises(InputError, match=r"1 of 2 rows of part 'a' have no patient id .*row 2"):
        find_leakage(parts, labels=["Mass"])


def test_single_or_empty_part_is_refused():
    part = make_part(["1"], ["p"])
    with pytest.raises(InputError, match="two parts"):
        find_leakage({"a": part}, labels=["Mass"])
    with pytest.raises(InputError, match="'b' has no images"):
        find_leakage({"a": part, "b": make_part([], [])}, labels=["Mass"])
