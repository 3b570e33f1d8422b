from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from xlite.errors import InputError
from xlite.run_folder.predictions import Predictions, read_predictions, write_predictions


@given(
    probs=npst.arrays(
        np.float32, npst.array_shapes(min_dims=2, max_dims=2), elements=st.floats(0, 1, width=32)
    )
)
@settings(max_examples=60, deadline=None)
def test_predictions_come_back_to_the_bit(
    tmp_path_factory: pytest.TempPathFactory, probs: np.ndarray
) -> None:
    folder = tmp_path_factory.mktemp("predictions")
    vocabulary = tuple(f"label {c}" for c in range(probs.shape[1]))
    ids = np.array([f"{n:08d}" for n in range(len(probs))], dtype=object)
    write_predictions(folder, "val", Predictions(ids, probs.astype(float), vocabulary))
    result = read_predictions(folder / "predictions_val.csv", vocabulary[::-1])
    assert result.image_ids.tolist() == ids.tolist(), "ids with leading zeros are text"
    assert result.vocabulary == vocabulary[::-1]
    assert result.probs.dtype == np.float64
    assert result.probs[:, ::-1].astype(np.float32).tobytes() == probs.tobytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        ("", "is empty"),
        ('image_id,prob_Mass,prob_Edema\n"a', "can't be read as a CSV"),
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


def test_ids_that_a_spreadsheet_would_run_are_guarded_and_come_back(tmp_path: Path) -> None:
    path = tmp_path / "predictions_test.csv"
    names = ["+1+1", "@SUM(A1)", "'=1", "=cmd|' /C calc'!A0", "Mass", "-0.5"]
    predictions = Predictions(np.array(names, dtype=object), np.full((6, 1), 0.5), ("Mass",))
    write_predictions(tmp_path, "test", predictions)
    assert read_predictions(path, ["Mass"]).image_ids.tolist() == names
    assert not [line for line in path.read_text().splitlines() if line[0] in "=+@"]
