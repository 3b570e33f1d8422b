from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xlite.errors import InputError
from xlite.settings import PolicySettings, RowSettings
from xlite.tables.cells import ABSENT, BLANK, PRESENT, UNCERTAIN
from xlite.tables.manifest import Manifest
from xlite.tables.rows import choose_rows
from xlite.tables.training_part import apply_policy

CELLS = [
    [PRESENT, UNCERTAIN],
    [ABSENT, BLANK],
    [UNCERTAIN, ABSENT],
    [UNCERTAIN, PRESENT],
]


def make_part(cells: list[list[int]] = CELLS, **columns: object) -> Manifest:
    table = pd.DataFrame(
        {
            "image_id": [f"{row}.png" for row in range(len(cells))],
            "path": "",
            "patient_id": ["p0", "p0", "p1", "p1"],
            "view": ["PA", "AP", "LATERAL", "PA"],
            "age": [30.0, 31.0, np.nan, 10.0],
            "sex": "",
            **columns,
        }
    )
    return Manifest.of_codes(
        table, np.array(cells, dtype=np.int8), ("Mass", "Edema"), blank="absent"
    )


def test_without_a_policy_nothing_changes() -> None:
    part = make_part()
    assert apply_policy(part, PolicySettings(), seed=0).manifest is part
    assert part.labels.tolist() == [[1, -1], [0, 0], [-1, 0], [-1, 1]]


@pytest.mark.parametrize(
    ("policy", "labels"),
    [
        ({"uncertain": "ones"}, [[1, 1], [0, 0], [1, 0], [1, 1]]),
        ({"uncertain": "zeros"}, [[1, 0], [0, 0], [0, 0], [0, 1]]),
        ({"uncertain": "Mass=ones"}, [[1, -1], [0, 0], [1, 0], [1, 1]]),
        ({"blank": "unknown"}, [[1, -1], [0, -1], [-1, 0], [-1, 1]]),
        ({"blank": "absent"}, [[1, -1], [0, 0], [-1, 0], [-1, 1]]),
    ],
)
def test_cells_are_learnt_as_the_policy_says(
    policy: dict[str, str], labels: list[list[int]]
) -> None:
    found = apply_policy(make_part(), PolicySettings.parse(**policy), seed=0)
    assert found.manifest.labels.tolist() == labels
    assert found.targets is None


def test_soft_targets_are_drawn_by_seed_and_counted_as_unknown() -> None:
    policy = PolicySettings(uncertain="Mass=soft:0.55-0.85,Edema=zeros")
    found, again, other = (apply_policy(make_part(), policy, seed=seed) for seed in (3, 3, 4))
    assert found.manifest.labels.tolist() == [[1, 0], [0, 0], [-1, 0], [-1, 1]]
    assert found.targets is not None
    assert again.targets is not None
    assert other.targets is not None
    assert found.targets.dtype == np.float32
    soft = found.targets[2:, 0]
    assert ((soft >= 0.55) & (soft <= 0.85)).all()
    assert soft[0] != soft[1]
    assert found.targets[:2].tolist() == [[1, 0], [0, 0]]
    assert (found.targets == again.targets).all()
    assert (found.targets != other.targets).any()


def test_which_rows_count_does_not_change_what_is_drawn_for_them() -> None:
    soft = {"uncertain": "soft:0.1-0.9"}
    whole = apply_policy(make_part(), PolicySettings.parse(**soft), seed=1)
    some = apply_policy(make_part(), PolicySettings.parse(views="PA", **soft), seed=1)
    assert whole.targets is not None
    assert some.targets is not None
    assert (some.targets == whole.targets[[0, 3]]).all()


@pytest.mark.parametrize(
    ("rows", "left"),
    [
        ({"views": "frontal"}, [0, 1, 3]),
        ({"views": "AP"}, [1]),
        ({"min_age": 30}, [0, 1]),
        ({"one_per_patient": True}, [0, 2]),
        ({"one_per_patient": True, "views": "AP"}, [1]),
    ],
)
def test_rows_are_chosen_by_view_age_and_patient(rows: dict[str, object], left: list[int]) -> None:
    mask = choose_rows(make_part(), RowSettings.parse(**rows), what="the table")
    assert np.flatnonzero(mask).tolist() == left


def test_the_first_film_of_a_patient_is_the_earliest_that_has_a_date() -> None:
    part = make_part(date=["2020-02-01", "2019-05-05", "", "2021-01-01"])
    mask = choose_rows(part, RowSettings(one_per_patient=True), what="the table")
    assert np.flatnonzero(mask).tolist() == [1, 3]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"uncertain": "Maas=ones"}, "no such label. Did you mean Mass"),
        ({"views": "AP", "min_age": 90}, "no image left with --views AP --min-age 90"),
    ],
)
def test_a_policy_that_does_not_fit_the_table_is_refused(
    policy: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        apply_policy(make_part(), PolicySettings.parse(**policy), seed=0)


def test_a_policy_for_cells_that_are_not_there_is_refused() -> None:
    part = make_part([[1, 0], [0, 1], [0, 0], [1, 1]])
    for policy in (PolicySettings(uncertain="ones"), PolicySettings(blank="absent")):
        with pytest.raises(InputError, match="would change nothing"):
            apply_policy(part, policy, seed=0)


@pytest.mark.parametrize(("column", "rows"), [("view", {"views": "PA"}), ("age", {"min_age": 1})])
def test_a_table_that_does_not_say_is_refused(column: str, rows: dict[str, object]) -> None:
    part = make_part(**{column: np.nan if column == "age" else ""})
    with pytest.raises(InputError, match=f"the table does not say the {column}"):
        choose_rows(part, RowSettings.parse(**rows), what="the table")
