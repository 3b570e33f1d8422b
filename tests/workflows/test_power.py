"""`xlite power`, and `evaluate --plan`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xlite as toolkit
from xlite.errors import ArgumentError, InputError


def test_the_command_says_what_the_function_finds(
    project: Any, xlite_ok: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = xlite_ok("power", "--split", project.split, "--part", "test", "--width", 0.1, "--json")
    plan = toolkit.plan_sample(split=project.split, part="test", aim=toolkit.Aim(width=0.1))
    assert json.loads(shown.stdout) == json.loads(json.dumps(plan.to_json()))
    counts = [row.positives for row in plan.per_class]
    assert counts == sorted(counts)
    for row in plan.per_class:
        if row.positives and not np.isnan(row.half_width):
            assert (row.positives_needed > row.positives) == (row.half_width > plan.width)
    monkeypatch.setenv("COLUMNS", "80")
    table = xlite_ok("power", "--labels", project.table).stdout
    assert "for ±0.05" in table
    assert "seed deviation 0.01" in table.replace("\n", " ")


def test_predictions_say_what_was_assumed_before() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random((400, 2)) < [0.1, 0.3]).astype(int)
    probs = 1 / (1 + np.exp(-(rng.normal(size=(400, 2)) + targets)))
    patients = np.arange(400) // 2
    found = toolkit.evaluate(
        predictions=probs, labels=targets, patients=patients, plan=toolkit.Aim(width=0.05)
    )
    assert found.plan is not None
    assert found.plan.assumed.keys() == {"model_correlation", "seed_deviation"}
    macro = found.macro
    assert found.plan.macro.half_width == pytest.approx((macro.auroc_high - macro.auroc_low) / 2)
    for row, name in zip(found.plan.per_class, ("class 0", "class 1"), strict=True):
        scores = list(found.per_class.values())[int(name[-1])]
        assert row.half_width == pytest.approx((scores.auroc_high - scores.auroc_low) / 2)
    plain = toolkit.evaluate(predictions=probs, labels=targets, patients=patients)
    assert "plan" not in plain.to_json()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"part": "val"}, "--part is of a split"),
        ({"auroc": 1.0}, "auroc must be from 0.5 to 0.99"),
        ({"aim": toolkit.Aim(width=0.0)}, "width must be from"),
        ({"aim": toolkit.Aim(model_correlation=1.0)}, "model_correlation must be"),
        ({"aim": toolkit.Aim(seeds=0)}, "seeds must be a whole number"),
    ],
)
def test_what_can_not_be_asked_is_refused(
    project: Any, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises((InputError, ArgumentError), match=said):
        toolkit.plan_sample(project.table, **arguments)


def test_a_part_that_is_none_is_refused(project: Any, xlite: Any, tmp_path: Path) -> None:
    assert xlite("power", "--split", project.split, "--part", "all").exit_code == 2
    assert xlite("power", "--split", tmp_path).exit_code == 2
    assert xlite("power", "--labels", tmp_path / "none.csv").exit_code == 2
