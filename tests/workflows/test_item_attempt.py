"""What is said of an item that failed: how it is mended where there is a `--resume`, or none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from xlite.errors import CheckFailedError
from xlite.studies.folder import StudyFolder
from xlite.studies.work_item import WorkItem
from xlite.workflows.item_attempt import attempt


def fail() -> Iterator[Any]:
    raise CheckFailedError("out of memory. Free some.", resume="--resume continues.")
    yield


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ("queues", "out of memory. Free some. --resume continues."),
        (
            "studies",
            "out of memory. Free some. The item has failed for good: change its settings in the "
            "plan, and `xlite study run PLAN.toml --accept-change` does it anew.",
        ),
    ],
)
def test_a_study_is_not_told_to_resume(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str, error: str
) -> None:
    item = WorkItem(id="train:E1:s0", kind="train", subject="E1")
    (result,) = attempt(item, fail(), StudyFolder(tmp_path / place / "one"))
    assert (result.outcome, result.error) == ("failed", error)
    assert error in capsys.readouterr().err
