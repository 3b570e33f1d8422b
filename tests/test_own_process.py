from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from executors import toy_study

from xlite.errors import InputError

# 64 MB are over the size up to which glibc keeps freed blocks of its own accord.
_TOUCH_AND_FREE = """
import resource, sys
from xlite.own_process import keep_freed_memory

def count_faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def take_and_free(num_bytes):
    return len(b"x" * num_bytes)

if "keep" in sys.argv:
    assert keep_freed_memory()
take_and_free(64 << 20)
before = count_faults()
for _ in range(10):
    take_and_free(64 << 20)
print(count_faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_freed_memory_is_not_fetched_again_from_the_system() -> None:
    kept, given_back = (_count_page_faults(word) for word in ("keep", "leave"))
    assert given_back > 10_000, "otherwise nothing was there to be saved"
    assert kept < given_back / 100


@pytest.mark.parametrize(
    ("command", "function"), [("run", "run_study_plan"), ("work", "work_on_study")]
)
def test_agents_of_the_command_keep_freed_memory(
    command: str, function: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, xlite: Any
) -> None:
    done = []

    def begin(*_: object, **__: object) -> None:
        done.append("agent")
        raise InputError("seen")

    monkeypatch.setattr(
        f"xlite.cli.study_{command}.keep_freed_memory", lambda: done.append("memory")
    )
    monkeypatch.setattr(f"xlite.workflows.study.{function}", begin)
    result = xlite("study", command, toy_study.begin(tmp_path).path)
    assert result.exit_code == 2
    assert done == ["memory", "agent"]


def _count_page_faults(word: str) -> int:
    command = [sys.executable, "-c", _TOUCH_AND_FREE, word]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
