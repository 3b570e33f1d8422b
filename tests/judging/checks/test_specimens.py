"""Every check sees the fault in its ill specimen, and none in the sound one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from judging.checks.museum import find_specimen

from xlite.judging.checks.registry import CHECKS

CODES = [check.code for check in CHECKS]


def look_at(words: list[str], xlite: Any) -> dict[str, Any]:
    """What `xlite doctor` says in JSON, and its exit code."""
    result = xlite("doctor", *words, "--json")
    return {"exit": result.exit_code, **json.loads(result.stdout)}


def statuses(said: dict[str, Any], code: str) -> set[str]:
    return {one["status"] for one in said["findings"] if one["code"] == code}


@pytest.mark.parametrize("code", CODES)
def test_the_fault_is_seen_where_it_is_and_nowhere_else(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, xlite: Any
) -> None:
    for name, build in find_specimen(code).fixtures.items():
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        said = look_at(build(folder), xlite)
        if name.startswith("ill"):
            assert said["exit"] == 1
            seen = [
                one for one in said["findings"] if (one["code"], one["status"]) == (code, "issue")
            ]
            assert seen
            for one in seen:
                assert all(one[field] for field in ("evidence", "consequence", "remedy"))
                assert one["page"] == f"docs/doctor.md#{code.lower()}"
                assert one["numbers"], "the evidence has numbers"
        else:
            # A check that does not apply to the sound specimen would pass whatever it does.
            assert "passed" in statuses(said, code)
            assert "issue" not in statuses(said, code)


def test_codes_are_in_order_and_given_once() -> None:
    assert sorted(set(CODES)) == CODES
    assert all(check.look.__doc__ and check.consequence and check.remedy for check in CHECKS)
