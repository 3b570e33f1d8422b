from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlite.errors import InputError
from xlite.results import Number, Result


@dataclass(frozen=True, kw_only=True)
class Interval(Result):
    low: Number
    high: Number


@dataclass(frozen=True, kw_only=True)
class Found(Result):
    label: str
    counts: tuple[int, ...]
    auroc: Interval
    by_part: dict[str, Interval]
    path: str | None = None


FOUND = Found(
    label="Edema",
    counts=(1, 2),
    auroc=Interval(low=0.5, high=math.nan),
    by_part={"val": Interval(low=0.0, high=1.0)},
)


@given(st.floats(allow_infinity=False), st.lists(st.integers(-(2**31), 2**31)), st.text())
def test_results_come_back_from_json(low: float, counts: list[int], label: str) -> None:
    found = replace(
        FOUND, label=label, counts=tuple(counts), auroc=Interval(low=low, high=1.0), by_part={}
    )
    again = Found.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False)))
    assert again.to_json() == found.to_json()
    assert again.auroc.low == pytest.approx(low, nan_ok=True)


def test_numpy_and_paths_become_plain_values() -> None:
    found = replace(FOUND, counts=np.array([1, 2]), path=Path("a") / "b")  # type: ignore[arg-type]
    assert Found.from_json(json.loads(json.dumps(found.to_json()))).path == str(Path("a/b"))


@dataclass(frozen=True, kw_only=True)
class Extended(Interval):
    left_out: ClassVar[frozenset[str]] = frozenset({"more"})

    more: int | None = None
    other: int | None = None


def test_a_key_may_be_left_out_where_there_is_no_value() -> None:
    found = Extended(low=0.0, high=math.inf)
    assert found.to_json() == {"low": 0.0, "high": None, "other": None}
    assert Extended.from_json(found.to_json()).more is None
    assert Extended.from_json({**found.to_json(), "more": 3}).to_json()["more"] == 3


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ({"label": 3}, "'label'"),
        ({"counts": ["1"]}, r"'counts\.0'"),
        ({"auroc": {"low": 0.5}}, r"no 'auroc\.high'"),
        ({"by_part": {"val": {"low": "x", "high": 1}}}, r"'by_part\.val\.low'"),
    ],
)
def test_the_wrong_key_is_named(spoil: dict[str, object], says: str, tmp_path: Path) -> None:
    content = {**FOUND.to_json(), **spoil}
    with pytest.raises(InputError, match=says):
        Found.from_json(content)
    path = tmp_path / "found.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=rf"found\.json .*{says}.*Make it again\."):
        Found.read(path, remedy="Make it again.")


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    path.write_text(json.dumps({**FOUND.to_json(), "schema_version": 2}))
    with pytest.raises(InputError, match="newer xlite"):
        Found.read(path, remedy="")
