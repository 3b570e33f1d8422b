"""What Python callers hand over as arrays: lists, NumPy, pandas, torch, read as one kind of array.

N images, C classes. The functions of `xlite` read their arguments here and compute on what comes
back. One dimension is one class: (N,) is read as (N, 1). Torch's tensors and pandas' tables are
known by what they can do, so that neither library is imported for a list. Where both targets and
probs have names of columns, as tables of pandas do, columns are matched by name; rows are never
put in another order, since two orders of images are a mistake more often than not.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xlite.errors import ArgumentError
from xlite.labels import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBERS = "biuf"
_KINDS = {"U": "text", "S": "bytes", "c": "complex numbers", "M": "dates", "m": "spans of time"}


@dataclass(frozen=True, eq=False, kw_only=True)
class JudgedArrays:
    """Targets, the probs of one or more models for them, and whose images they are."""

    targets: NDArray[np.int8]
    """(N, C): 1 present, 0 absent, -1 unknown."""
    models: tuple[NDArray[np.floating[Any]], ...]
    """(N, C) each, columns in the order of the targets."""
    patients: NDArray[Any] | None
    """(N,) patient ids, or None."""
    labels: tuple[str, ...]
    """The C names."""


def read_judged(
    targets: ArrayLike, models: Mapping[str, ArrayLike], *, patients: ArrayLike | None = None
) -> JudgedArrays:
    """Targets and the probs of models for the same images, `models` by the argument's name.

    Raises ArgumentError as `read_targets`, `read_numbers` and `read_patients` do, and where shapes,
    names of columns or names of rows do not fit together.
    """
    codes = read_targets(targets)
    names = column_names(targets)
    read = []
    for argument, probs in models.items():
        values = _match_columns(read_numbers(probs, argument), probs, names, argument)
        if values.shape != codes.shape:
            raise ArgumentError(
                f"{argument} must have a row an image and a column a label, as targets do: it is "
                f"{values.shape} and targets are {codes.shape}."
            )
        _require_same_rows(targets, probs, argument)
        read.append(values if values.dtype.kind == "f" else values.astype(np.float64))
    if patients is not None:
        _require_same_rows(targets, patients, "patients")
    return JudgedArrays(
        targets=codes,
        models=tuple(read),
        patients=None if patients is None else read_patients(patients, len(codes)),
        labels=names or number_classes(codes.shape[1]),
    )


def read_targets(values: ArrayLike, argument: str = "targets") -> NDArray[np.int8]:
    """(N, C) int8 labels: 1 present, 0 absent, -1 unknown; True and False are 1 and 0.

    Raises ArgumentError for other values, NaN included, and as `read_numbers` does.

    >>> read_targets([True, False, True]).tolist()
    [[1], [0], [1]]
    """
    numbers = read_numbers(values, argument)
    if numbers.dtype.kind == "f":
        refuse_entries(np.isnan(numbers), f"NaN (write -1 for unknown) among {argument}")
    # Whole numbers in these bounds have no other values, and bounds are quickly found.
    if numbers.dtype.kind == "f" or numbers.min() < UNKNOWN or numbers.max() > 1:
        is_coded = (numbers == 1) | (numbers == 0) | (numbers == UNKNOWN)
        refuse_entries(~is_coded, f"{argument} other than 1, 0 and -1")
    return numbers.astype(np.int8, copy=False)


def read_numbers(values: ArrayLike, argument: str) -> NDArray[Any]:
    """(N, C) numbers of any real dtype, from (N, C) or (N,).

    Raises ArgumentError for text, dates, missing or masked values, sparse matrices, ragged lists,
    other dimensions, and where there is no row or no column.
    """
    numbers = _require_numbers(_to_array(values, argument), argument)
    if numbers.ndim == 1:
        numbers = numbers[:, None]
    if numbers.ndim != 2 or numbers.size == 0:
        raise ArgumentError(
            f"{argument} must be (N, C), a row an image and a column a label, or (N,) for one "
            f"label, with at least one entry, not {numbers.shape}."
        )
    return numbers


def read_vector(values: ArrayLike, argument: str) -> NDArray[np.float64]:
    """(N,) float64 numbers, one an image, in an array of its own.

    Raises ArgumentError as `read_numbers` does, but for an empty one.
    """
    numbers = _require_numbers(_to_array(values, argument), argument)
    if numbers.ndim != 1:
        raise ArgumentError(f"{argument} must be (N,), one number an image, not {numbers.shape}.")
    return np.array(numbers, dtype=np.float64)


def read_patients(values: ArrayLike, num_rows: int) -> NDArray[Any]:
    """(N,) patient ids, numbers or text; raises ArgumentError for missing ids."""
    ids = _to_array(values, "patients")
    if ids.shape != (num_rows,):
        raise ArgumentError(f"{num_rows} rows need as many patients, got {ids.shape}.")
    if ids.dtype.kind == "f":
        is_missing = np.isnan(ids)
    elif ids.dtype == object:
        # None, NaN and pandas' NA, whose comparisons are neither true nor false.
        is_missing = np.array([one is None or not _equals_itself(one) for one in ids])
        ids = np.array([str(one) for one in ids.tolist()], dtype=np.str_)
    else:
        return ids
    if is_missing.any():
        raise ArgumentError(
            f"{int(is_missing.sum())} of {num_rows} patients are missing, the first in row "
            f"{int(np.argmax(is_missing))} (counted from 0). Every image needs its patient's id."
        )
    return ids


def read_count(value: int, argument: str, *, at_least: int) -> int:
    """The whole number `value`; raises ArgumentError for any other, and for a smaller one."""
    try:
        count = operator.index(value)
    except TypeError:
        count = None
    if count is None or isinstance(value, bool) or count < at_least:
        raise ArgumentError(
            f"{argument} must be a whole number of at least {at_least}, not {value!r}."
        )
    return count


def read_level(level: float) -> float:
    """The confidence level; raises ArgumentError unless it is between 0 and 1.

    >>> read_level(0.95)
    0.95
    """
    if not (isinstance(level, int | float | np.number) and 0 < level < 1):
        raise ArgumentError(f"level must be a number between 0 and 1, such as 0.95, not {level!r}.")
    return float(level)


def column_names(values: object) -> tuple[str, ...] | None:
    """The names of the columns of a table, or that of a named series; None where there are none.

    Columns that are numbered and not named have none.
    """
    columns = getattr(values, "columns", None)
    names: list[Any] = [getattr(values, "name", None)] if columns is None else list(columns)
    return tuple(names) if names and all(isinstance(name, str) for name in names) else None


def number_classes(count: int) -> tuple[str, ...]:
    """The names of classes that have none.

    >>> number_classes(2)
    ('class 0', 'class 1')
    """
    return tuple(f"class {column}" for column in range(count))


def refuse_entries(is_wrong: NDArray[np.bool_], what: str) -> None:
    """Raise ArgumentError when any of (N, C) entries is wrong, naming the first class and row."""
    if is_wrong.any():
        row, column = np.argwhere(is_wrong)[0]
        raise ArgumentError(
            f"{what} in {is_wrong.sum()} of {is_wrong.size} entries; "
            f"the first is in class {column}, row {row} (counted from 0)"
        )


def _to_array(values: Any, argument: str) -> NDArray[Any]:
    if hasattr(values, "toarray"):
        raise ArgumentError(f"{argument} is a sparse matrix. Pass its .toarray().")
    if hasattr(values, "detach"):  # torch, whose gradients and devices NumPy knows nothing of
        values = values.detach().cpu()
        if str(values.dtype) == "torch.bfloat16":
            values = values.float()
    elif hasattr(values, "to_numpy"):
        values = values.to_numpy()
    if np.ma.is_masked(values):
        raise ArgumentError(f"{argument} has masked entries. Fill them first: -1 is unknown.")
    try:
        return np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ArgumentError(
            f"{argument} can't be read as an array ({str(error).splitlines()[0]}). Pass one row "
            "an image, all of the same length."
        ) from None


def _require_numbers(array: NDArray[Any], argument: str) -> NDArray[Any]:
    if array.dtype == object:
        # A table with columns of several types, or with pandas' own of missing values.
        is_text = any(isinstance(one, str | bytes) for one in array.flat)
        try:
            array = array.astype(np.str_ if is_text else np.float64)
        except (TypeError, ValueError):
            raise ArgumentError(
                f"{argument} has entries that are no numbers, or missing. Pass numbers alone."
            ) from None
    if array.dtype.kind not in _NUMBERS:
        kind = _KINDS.get(array.dtype.kind, str(array.dtype))
        raise ArgumentError(f"{argument} must hold numbers, not {kind}.")
    return array


def _equals_itself(value: object) -> bool:
    try:
        return bool(value == value)
    except TypeError:
        return False


def _match_columns(
    values: NDArray[Any], probs: object, names: Sequence[str] | None, argument: str
) -> NDArray[Any]:
    """The columns in the order of the targets' names, where both have several of them."""
    own = column_names(probs)
    if own is None or names is None or len(own) == len(names) == 1 or own == names:
        return values
    if len(set(own)) < len(own) or set(own) != set(names):
        raise ArgumentError(
            f"the columns of {argument} ({', '.join(own)}) are not those of targets "
            f"({', '.join(names)}). Name both alike, one column a label."
        )
    return values[:, [own.index(name) for name in names]]


def _require_same_rows(targets: object, other: object, argument: str) -> None:
    """Raise ArgumentError where two of pandas name their rows, and not alike."""
    rows, others = _row_names(targets), _row_names(other)
    if rows is None or others is None or len(rows) != len(others) or rows.equals(others):
        return
    first = next(at for at, (a, b) in enumerate(zip(rows, others, strict=True)) if a != b)
    raise ArgumentError(
        f"row {first} is {rows[first]!r} in targets and {others[first]!r} in {argument}. Bring "
        f"both in one order ({argument}.loc[targets.index]), or pass {argument}.to_numpy() to "
        "match rows by position."
    )


def _row_names(values: object) -> Any:
    index = getattr(values, "index", None)
    # A list has a method of this name.
    return index if hasattr(index, "equals") else None
