"""The audit of anybody's files, and that it says what the command prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from xlite.errors import InputError, LeakageError
from xlite.results.split import SplitAudit
from xlite.splitting.audit import audit_split
from xlite.splitting.leakage import require_no_leakage
from xlite.tables.read_labels import read_labels
from xlite.tables.table_format import TableFormat

GOLDEN = Path(__file__).parents[1] / "golden" / "results"
PARTS = [GOLDEN / "audit_a.csv", GOLDEN / "audit_b.csv"]
FORMAT = TableFormat(vocabulary=("Hernia", "Mass", "Edema"))


def test_the_json_of_an_audit_stays_byte_for_byte(xlite: Any) -> None:
    result = xlite("split", "--audit", *PARTS, "--vocabulary", "Hernia,Mass,Edema", "--json")
    assert result.exit_code == 1
    assert "5 patients in audit_a and audit_b (5 of them spelled differently)" in result.stderr
    assert result.stdout == (GOLDEN / "audit.json").read_text()


def test_the_function_gives_what_the_command_prints() -> None:
    audit = audit_split(PARTS, table_format=FORMAT)
    written = (GOLDEN / "audit.json").read_text()
    assert json.dumps(audit.to_json(), indent=2) + "\n" == written
    assert SplitAudit.from_json(json.loads(written)) == audit
    with pytest.raises(LeakageError, match="the split leaks: 5 patients in audit_a and audit_b"):
        require_no_leakage(audit)


def test_parts_may_be_files_data_frames_and_manifests() -> None:
    wanted = audit_split(PARTS, table_format=FORMAT)
    first, second = PARTS
    mixed = {
        "audit_a": pd.read_csv(first, dtype={"Patient ID": str}),
        "audit_b": read_labels(second, table_format=FORMAT),
    }
    assert audit_split(mixed, table_format=FORMAT) == wanted


def test_the_frame_has_a_row_a_part_and_label() -> None:
    frame = audit_split(PARTS, table_format=FORMAT).to_frame()
    assert frame.shape == (6, 6)
    row = frame.set_index(["part", "label"]).loc[("audit_a", "Hernia")]
    assert (row["images"], row["positives"]) == (199, 10)
    assert row["prevalence_pct"] == pytest.approx(100 * 10 / 199)


def test_one_part_alone_is_no_split() -> None:
    with pytest.raises(InputError, match="two parts or more"):
        audit_split(PARTS[:1], table_format=FORMAT)
    with pytest.raises(InputError, match="named twice"):
        audit_split([PARTS[0], PARTS[0]], table_format=FORMAT)
