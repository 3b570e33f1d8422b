"""What Python callers hand over as arrays, in all the forms in which they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from xlite.arrays import (
    column_names,
    read_count,
    read_judged,
    read_level,
    read_numbers,
    read_patients,
    read_targets,
    read_vector,
)
from xlite.errors import InputError

CODES = [[1, 0], [0, -1], [0, 1]]
NAMES = ["Mass", "Edema"]
FORMS: dict[str, Callable[[list[list[int]]], Any]] = {
    "lists": lambda rows: rows,
    "tuples": lambda rows: tuple(map(tuple, rows)),
    "int64": np.array,
    "float32": lambda rows: np.array(rows, dtype=np.float32),
    "Fortran order": lambda rows: np.asfortranarray(np.array(rows, dtype=np.int8)),
    "table": lambda rows: pd.DataFrame(rows, columns=NAMES),
    "table of pandas' integers": lambda rows: pd.DataFrame(rows, columns=NAMES, dtype="Int64"),
    "table of two types": lambda rows: pd.DataFrame(rows).astype({0: bool}),
    "tensor": torch.tensor,
    "tensor with gradients": lambda rows: torch.tensor(rows, dtype=torch.float32).requires_grad_(),
    "bfloat16": lambda rows: torch.tensor(rows, dtype=torch.bfloat16),
    "list of arrays": lambda rows: [np.array(row) for row in rows],
    "list of tensors": lambda rows: [torch.tensor(row) for row in rows],
    "masked array without a mask": np.ma.array,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_alike(form: str) -> None:
    codes = read_targets(FORMS[form](CODES))
    assert codes.dtype == np.int8
    assert codes.tolist() == CODES


@pytest.mark.parametrize(
    "values",
    [[1, 0, -1], np.array([1.0, 0, -1]), pd.Series([1, 0, -1]), torch.tensor([1, 0, -1])],
    ids=lambda values: type(values).__name__,
)
def test_one_dimension_is_one_class(values: Any) -> None:
    assert read_targets(values).tolist() == [[1], [0], [-1]]


def test_an_array_that_fits_is_not_copied() -> None:
    codes = np.array(CODES, dtype=np.int8)
    assert np.shares_memory(read_targets(codes), codes)


def test_weights_are_copied() -> None:
    weights = np.array([1.0, 2.0])
    assert not np.shares_memory(read_vector(weights, "weights"), weights)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1, 2]], r"targets other than 1, 0 and -1 in 1 of 2 .* class 1, row 0"),
        ([[1.0, 0.5]], "targets other than"),
        ([[np.uint8(255), np.uint8(1)]], "targets other than"),
        ([[1, np.nan]], r"NaN \(write -1 for unknown\) among targets in 1 of 2"),
        ([[1, None]], "NaN"),
        (pd.DataFrame({"Mass": [1, pd.NA]}), "no numbers, or missing"),
        (["1", "0"], "must hold numbers, not text"),
        (pd.DataFrame({"image": ["a.png"], "Mass": [1]}), "must hold numbers, not text"),
        ([b"1"], "must hold numbers, not bytes"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), "must hold numbers, not dates"),
        ([1j], "not complex numbers"),
        ([[1, 0], [1]], "can't be read as an array"),
        (np.zeros((2, 2, 2)), r"must be \(N, C\).*not \(2, 2, 2\)"),
        (np.zeros((0, 3)), "at least one entry"),
        ([], "at least one entry"),
        (1, r"not \(\)"),
        (None, r"not \(\)"),
        ({1, 0}, "no numbers, or missing"),
        (sparse.csr_matrix([[1, 0]]), r"sparse matrix\. Pass its \.toarray"),
        (np.ma.array([1, 0], mask=[0, 1]), "masked entries"),
    ],
    ids=str,
)
def test_what_is_no_target_is_refused(values: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_targets(values)
    # Whoever catches what Python's own functions raise catches this, too.
    assert isinstance(caught.value, ValueError)


def test_the_argument_is_named() -> None:
    with pytest.raises(InputError, match="^labels must hold numbers"):
        read_numbers(["a"], "labels")
    with pytest.raises(InputError, match=r"^weights must be \(N,\), one number an image"):
        read_vector(np.ones((2, 1)), "weights")


def test_columns_are_matched_by_name() -> None:
    targets = pd.DataFrame(CODES, columns=NAMES)
    probs = pd.DataFrame({"Edema": [0.1, 0.2, 0.3], "Mass": [0.4, 0.5, 0.6]})
    arrays = read_judged(targets, {"probs": probs})
    assert arrays.labels == ("Mass", "Edema")
    assert arrays.models[0][:, 0].tolist() == [0.4, 0.5, 0.6]
    # Without names on one side there is nothing to match by.
    unnamed = read_judged(targets, {"probs": probs.to_numpy()})
    assert unnamed.models[0][:, 0].tolist() == [0.1, 0.2, 0.3]


@pytest.mark.parametrize("columns", [["Mass", "Nodule"], ["Mass", "Mass"]])
def test_other_columns_are_refused(columns: list[str]) -> None:
    probs = pd.DataFrame(np.full((3, 2), 0.5), columns=columns)
    with pytest.raises(InputError, match=r"columns of probs .* are not those of targets"):
        read_judged(pd.DataFrame(CODES, columns=NAMES), {"probs": probs})


def test_a_series_need_not_have_the_name_of_the_label() -> None:
    arrays = read_judged(
        pd.Series([1, 0], name="Mass"), {"probs": pd.Series([0.5, 0.1], name="prob")}
    )
    assert arrays.labels == ("Mass",)


def test_rows_in_another_order_are_refused() -> None:
    targets = pd.DataFrame({"Mass": [1, 0, 0]}, index=["a", "b", "c"])
    probs = pd.DataFrame({"Mass": [0.9, 0.1, 0.2]}, index=["a", "c", "b"])
    with pytest.raises(InputError, match=r"row 1 is 'b' in targets and 'c' in probs_b\. Bring"):
        read_judged(targets, {"probs_a": targets, "probs_b": probs})
    with pytest.raises(InputError, match="row 0 is 'a' in targets and 0 in patients"):
        read_judged(targets, {"probs": targets}, patients=pd.Series([1, 2, 3]))
    by_position = read_judged(targets, {"probs": probs.to_numpy()})
    assert by_position.models[0].ravel().tolist() == [0.9, 0.1, 0.2]


def test_shapes_have_to_agree() -> None:
    with pytest.raises(InputError, match=r"probs must have.*it is \(2, 2\) and targets are \(3, 2"):
        read_judged(CODES, {"probs": [[0.5, 0.5]] * 2})


@pytest.mark.parametrize(
    "groups",
    [[3, 3, 7], ["a", "a", "b"], pd.Series(["a", "a", "b"]), np.array([1.0, 1.0, 2.0]),
     pd.Series(["a", "a", "b"], dtype="string"), torch.tensor([5, 5, 6])],
    ids=lambda groups: type(groups).__name__,
)  # fmt: skip
def test_patients_have_any_ids(groups: Any) -> None:
    read = read_patients(groups, 3)
    assert np.unique(read, return_inverse=True)[1].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["a", "b"], "3 rows need as many patients"),
        ([["a"], ["b"], ["c"]], "3 rows need as many patients"),
        (["a", None, "c"], r"1 of 3 patients are missing, the first in row 1"),
        (pd.Series(["a", pd.NA, "c"], dtype="string"), "first in row 1"),
        ([1.0, 2.0, np.nan], "first in row 2"),
    ],
)
def test_patients_that_are_not_known_are_refused(groups: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_patients(groups, 3)


@pytest.mark.parametrize("value", [0, -1, 1.5, "8", None, True, [4]])
def test_counts_are_whole_numbers(value: Any) -> None:
    with pytest.raises(InputError, match="batch_size must be a whole number of at least 1"):
        read_count(value, "batch_size", at_least=1)
    assert read_count(np.int64(4), "batch_size", at_least=1) == 4


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, np.nan, "0.95", None])
def test_levels_are_shares(level: Any) -> None:
    with pytest.raises(InputError, match=r"such as 0\.95"):
        read_level(level)


def test_numbered_columns_have_no_names() -> None:
    assert column_names(pd.DataFrame([[1, 2]])) is None
    assert column_names([[1, 2]]) is None
    assert column_names(pd.Series([1])) is None
