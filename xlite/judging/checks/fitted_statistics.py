"""XL006: means and standard deviations of more than the training part.

S statistics, each a column's mean and standard deviation.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.examined.split import ExaminedSplit
from xlite.labels import simplify_label
from xlite.places import FOLDS_RECORD, SPLIT_RECORD
from xlite.records import MAX_JSON_BYTES, read_own_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

TRAIN = "train"

_AGREES = 1e-6
"""Relative: what is printed with six digits agrees, with the mean of other images it does not."""
_LEAST_DIFFERENCE = 1e-4
"""Where training's mean is nearer than this to that of all images, nothing can be told."""


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """What a file says of a column; None where it says nothing."""

    mean: float | None = None
    std: float | None = None
    count: int | None = None
    """Of the values that it was fitted on."""


def look(split: ExaminedSplit) -> Observation:
    """A JSON file beside a split's tables, or in the folder above, may hold means and standard
    deviations of numeric columns, as a scaler saves them. Each is computed again over training,
    over all parts and over each: it has to be training's. (The normalisation of xlite's own models
    is that of their pretraining, and of no image of the project.)
    """
    statistics: dict[str, Statistic] = {}
    for folder in (split.path.parent, split.path):
        for path in sorted(folder.glob("*.json")):
            if path.name not in (SPLIT_RECORD, FOLDS_RECORD):
                statistics |= read_statistics(path)
    if not statistics:
        return NotApplicable("no JSON file beside the split holds means or standard deviations")
    parts = {
        part: {
            column: pd.to_numeric(table.cells[name], errors="coerce").to_numpy(dtype=np.float64)
            for column in statistics
            if (name := _find_column(column, list(table.cells.columns))) is not None
        }
        for part, table in split.parts.items()
    }
    return look_at_statistics(statistics, parts)


def look_at_statistics(
    statistics: Mapping[str, Statistic], parts: Mapping[str, Mapping[str, NDArray[np.float64]]]
) -> Observation:
    """Whether statistics by column are of more images than those of training.

    parts: by part, train among them, the values (N,) of each column, NaN where there is none. A
    statistic is of those images whose mean, or else whose number, is its own.
    """
    fitted: dict[str, list[str]] = {}
    for column, statistic in statistics.items():
        values = {
            part: columns[column][~np.isnan(columns[column])]
            for part, columns in parts.items()
            if column in columns
        }
        fitted.setdefault(_find_images(statistic, values), []).append(column)
    numbers = {"statistics": float(len(statistics))}
    more = {images: columns for images, columns in fitted.items() if images not in (TRAIN, "")}
    numbers["of_more"] = float(sum(map(len, more.values())))
    if more:
        told = "; ".join(
            f"{', '.join(columns)} (mean {_show(statistics[columns[0]].mean)}) of {images}"
            for images, columns in more.items()
        )
        return Issue(f"statistics are not of training alone: {told}.", numbers)
    if TRAIN not in fitted:
        return NotApplicable("the statistics are of no part of the split that can be told")
    return Passed(f"the statistics of {', '.join(fitted[TRAIN])} are of training alone", numbers)


def read_statistics(path: Path) -> dict[str, Statistic]:
    """The statistics in a JSON file by column; none in a file that holds something else.

    Understood are `{"age": {"mean": 46.9, "std": 16.8}}`, `{"mean": {"age": 46.9}, …}`, and
    scikit-learn's attributes `feature_names_in_`, `mean_`, `scale_`, `n_samples_seen_`.
    """
    try:
        content = json.loads(read_own_bytes(path, max_bytes=MAX_JSON_BYTES, remedy=""))
    except (ValueError, RecursionError):
        return {}
    except InputError:
        return {}
    if not isinstance(content, dict):
        return {}
    return _read_scaler(content) or _read_by_kind(content) or _read_by_column(content)


def _find_images(statistic: Statistic, values: Mapping[str, NDArray[np.float64]]) -> str:
    """Which images a statistic is of, in words; "" where that can't be told."""
    train = values.get(TRAIN)
    others = [part for part in values if part != TRAIN and values[part].size]
    if train is None or not train.size or not others:
        return ""
    sets = {"all parts": [TRAIN, *others]}
    sets |= {f"train and {part}": [TRAIN, part] for part in others if len(others) > 1}
    sets |= {part: [part] for part in others}
    if _is_of(statistic, train):
        return TRAIN
    for words, names in sets.items():
        together = np.concatenate([values[name] for name in names])
        if _is_of(statistic, together) and not _is_like(train, together):
            return words
    return ""


def _is_of(statistic: Statistic, values: NDArray[np.float64]) -> bool:
    if statistic.mean is None:
        return statistic.count == values.size
    if not _agree(statistic.mean, float(values.mean())):
        return False
    if statistic.std is None:
        return True
    stds = [float(values.std(ddof=ddof)) for ddof in (0, 1) if values.size > ddof]
    return any(_agree(statistic.std, std) for std in stds)


def _is_like(train: NDArray[np.float64], together: NDArray[np.float64]) -> bool:
    spread = float(together.std())
    return abs(float(train.mean() - together.mean())) < _LEAST_DIFFERENCE * spread


def _agree(said: float, is_so: float) -> bool:
    # A file may hold few digits; what it has of them has to be right.
    digits = len(f"{said!r}".partition(".")[2].rstrip("0"))
    rounding = 0.5 * 10.0**-digits if 3 <= digits <= 12 and "e" not in f"{said!r}" else 0.0
    return abs(said - is_so) <= max(_AGREES * abs(is_so), rounding * 1.01)


def _read_scaler(content: Mapping[str, Any]) -> dict[str, Statistic]:
    plain = {key.strip("_"): value for key, value in content.items()}
    names, means = plain.get("feature_names_in"), plain.get("mean")
    if not (isinstance(names, list) and isinstance(means, list) and len(names) == len(means)):
        return {}
    scales = plain.get("scale")
    stds = scales if isinstance(scales, list) and len(scales) == len(names) else [None] * len(names)
    count = plain.get("n_samples_seen")
    return {
        str(name): Statistic(
            mean=_number(mean), std=_number(std), count=count if isinstance(count, int) else None
        )
        for name, mean, std in zip(names, means, stds, strict=True)
    }


def _read_by_kind(content: Mapping[str, Any]) -> dict[str, Statistic]:
    means = content.get("mean", content.get("means"))
    stds = content.get("std", content.get("stds"))
    if not isinstance(means, dict):
        return {}
    spreads = stds if isinstance(stds, dict) else {}
    return {
        str(name): Statistic(mean=_number(mean), std=_number(spreads.get(name)))
        for name, mean in means.items()
    }


def _read_by_column(content: Mapping[str, Any]) -> dict[str, Statistic]:
    return {
        str(name): Statistic(mean=_number(value["mean"]), std=_number(value.get("std")))
        for name, value in content.items()
        if isinstance(value, dict) and _number(value.get("mean")) is not None
    }


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    number = float(value) if is_number else math.nan  # type: ignore[arg-type]
    return number if math.isfinite(number) else None


def _show(mean: float | None) -> str:
    return "unknown" if mean is None else f"{mean:.6g}"


def _find_column(name: str, columns: Sequence[str]) -> str | None:
    """The column of that name, or else the first whose last word it is: `Patient Age` of age."""
    wanted = simplify_label(name)
    exact = [one for one in columns if simplify_label(one) == wanted]
    last = [one for one in columns if simplify_label(re.split(r"[ _-]", one)[-1]) == wanted]
    return next(iter([*exact, *last]), None)


CHECK = Check(
    code="XL006",
    title="statistics of more than training",
    severity="error",
    subject=ExaminedSplit,
    look=look,
    consequence="Validation and test images have helped to prepare their own inputs: scores are "
    "too good, and worse on images that come later.",
    remedy="Fit normalisation and scalers on the training part alone, save what they found, and "
    "apply that to the others.",
)
