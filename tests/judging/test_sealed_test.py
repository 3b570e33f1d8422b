from __future__ import annotations

import dataclasses
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from xlite.errors import InputError
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.sealed_test import (
    TEST_LOOKS,
    digest_test_set,
    find_test_run,
    has_look,
    looks_folder,
    record_test_look,
)


def make_cases(prefix: str = "i", *, num_images: int = 6) -> LabelledPredictions:
    return LabelledPredictions(
        name="model",
        image_ids=np.array([f"{prefix}{k}.png" for k in range(num_images)], dtype=object),
        patient_ids=np.array([f"{k // 2:04d}" for k in range(num_images)], dtype=object),
        targets=np.zeros((num_images, 1), dtype=np.int8),
        probs=np.zeros((num_images, 1)),
        vocabulary=("Mass",),
        columns={},
    )


def test_a_test_set_is_known_by_its_images_and_patients_however_they_are_written() -> None:
    cases = make_cases()
    other = dataclasses.replace(
        cases,
        image_ids=np.array([rf"data\{name}" for name in cases.image_ids[::-1]], dtype=object),
        patient_ids=np.array([f"{int(name)}.0" for name in cases.patient_ids[::-1]], dtype=object),
        targets=1 - cases.targets,
    )
    assert digest_test_set(other) == digest_test_set(cases)
    assert digest_test_set(make_cases("j")) != digest_test_set(cases)
    assert digest_test_set(cases.select(np.arange(5))) != digest_test_set(cases)


def test_looks_count_by_test_set_over_all_runs(tmp_path: Path) -> None:
    numbers = [
        len(record_test_look(tmp_path, make_cases(prefix), "xlite evaluate", run=run))
        for prefix, run in (("i", "a"), ("j", "a"), ("i", "b"), ("i", None), ("j", "b"))
    ]
    assert numbers == [1, 1, 2, 3, 2]
    assert has_look(tmp_path / "runs" / "b")
    assert not has_look(tmp_path / "runs" / "c")


def test_looks_at_the_same_time_are_all_counted(tmp_path: Path) -> None:
    begin = threading.Barrier(8)

    def look(index: int) -> int:
        begin.wait()
        return len(record_test_look(tmp_path, make_cases(), "xlite evaluate", run=f"{index}"))

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(look, range(8))) == list(range(1, 9))


def test_looks_that_an_older_version_kept_with_a_run_still_count(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "a"
    run.mkdir(parents=True)
    old = {"time": "2020-01-01T00:00:00+00:00", "command": "xlite evaluate"}
    (run / TEST_LOOKS).write_text(json.dumps({"looks": [old]}))
    assert has_look(run)
    looks = record_test_look(tmp_path, make_cases(), "xlite evaluate", run="b")
    assert [look.run for look in looks] == [None, "b"]


@pytest.mark.parametrize("content", ["{}", '{"looks": [1]}', "no json"])
def test_a_damaged_count_is_not_begun_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / TEST_LOOKS).write_text(content)
    with pytest.raises(InputError, match=r"test_looks\.json .*backup"):
        record_test_look(tmp_path, make_cases(), "xlite evaluate", run="a")
    assert (tmp_path / TEST_LOOKS).read_text() == content


def test_the_test_predictions_of_a_run_are_known_behind_a_link(tmp_path: Path) -> None:
    run = tmp_path / "experiments" / "runs" / "a"
    run.mkdir(parents=True)
    predictions = run / "predictions_test.csv"
    predictions.touch()
    assert find_test_run(predictions) is None, "a folder without config.json is no run"
    (run / "config.json").touch()
    (tmp_path / "mine.csv").symlink_to(predictions)
    assert find_test_run(tmp_path / "mine.csv") == find_test_run(predictions) == run.resolve()
    assert find_test_run(run / "predictions_val.csv") is None
    assert looks_folder(run) == tmp_path / "experiments"
    assert looks_folder(tmp_path) == tmp_path
