from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xlite.errors import InputError, LeakageError
from xlite.studies.cases import Cases
from xlite.studies.decision_rule import apply_rule, fit_rule
from xlite.studies.rule_file import FittedOn, read_rule, require_unseen, write_rule

LABELS = ("Mass", "Edema", "Hernia")


def make_cases(seed: int = 0, *, num_images: int = 400, prefix: str = "i") -> Cases:
    rng = np.random.default_rng(seed)
    targets = (rng.random((num_images, 3)) < (0.4, 0.2, 0.05)).astype(np.int8)
    logits = rng.normal(size=targets.shape) + 2 * targets - 1
    ids = np.array([f"{prefix}{k}.png" for k in range(num_images)], dtype=object)
    return Cases(
        name="model",
        image_ids=ids,
        patient_ids=np.array([str(k // 2) for k in range(num_images)], dtype=object),
        targets=targets,
        probs=1 / (1 + np.exp(-logits)),
        vocabulary=LABELS,
        columns={},
    )


def test_a_rule_survives_its_file_and_is_applied_by_label(tmp_path: Path) -> None:
    fitted, other = make_cases(0), make_cases(1, prefix="other")
    fitted.targets[:, 2] = 0
    rule = fit_rule(fitted, method="sensitivity:0.9", calibration="platt")
    assert np.isnan(rule.thresholds[2])
    path = tmp_path / "thresholds.json"
    write_rule(path, rule, FittedOn.of(fitted, split_sha256="ab"))
    again, seen = read_rule(path)
    assert (seen.num_images, seen.split_sha256, len(seen.marks)) == (400, "ab", 400)
    np.testing.assert_array_equal(again.thresholds, rule.thresholds)
    decisions = apply_rule(again, other, source="a file")
    np.testing.assert_array_equal(decisions.calls, apply_rule(rule, other, source="memory").calls)
    assert (decisions.targets[:, 2] == -1).all(), "no threshold, no judgement"
    found = decisions.calls[:, :2][other.targets[:, :2] == 1].mean()
    assert found == pytest.approx(0.9, abs=0.07)

    swapped = Cases(
        **{
            **{name: getattr(other, name) for name in ("name", "image_ids", "patient_ids")},
            "targets": other.targets[:, [1, 0]],
            "probs": other.probs[:, [1, 0]],
            "vocabulary": ("Edema", "Mass"),
            "columns": {},
        }
    )
    calls = apply_rule(again, swapped, source="a file").calls
    np.testing.assert_array_equal(calls, decisions.calls[:, [1, 0]])


def test_images_that_a_rule_has_seen_are_refused() -> None:
    fitted = make_cases()
    seen = FittedOn.of(fitted, split_sha256="ab")
    with pytest.raises(LeakageError, match="these very images: 400 of 400"):
        require_unseen(seen, fitted)
    require_unseen(seen, make_cases(prefix="other"), split_sha256="cd")
    require_unseen(seen, make_cases(prefix="other"))
    with pytest.raises(LeakageError, match="these very images"):
        require_unseen(seen, make_cases(prefix="other"), split_sha256="ab")
    mixed = make_cases(prefix="other")
    mixed.image_ids[7] = "folder/i3.png"
    with pytest.raises(LeakageError, match="images among these: 1 of 400"):
        require_unseen(seen, mixed)


@pytest.mark.parametrize("content", ["{}", '{"per_class": [], "fitted_on": {}}', "[1]", "no json"])
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "thresholds.json"
    path.write_text(content)
    with pytest.raises(InputError, match="--save-thresholds"):
        read_rule(path)
