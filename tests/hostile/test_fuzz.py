"""The first of the cases of `make fuzz`, and that it finds what it is there to find."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hostile import fuzz
from hostile.mutations import Mutant

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="fuzzing forks processes")


@needs_fork
def test_no_reader_crashes_hangs_or_believes_what_is_not_there() -> None:
    script = Path(fuzz.__file__)
    done = subprocess.run(
        [sys.executable, script, "--cases", "600", "--seed", "20", "--jobs", "2"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    found = re.fullmatch(r"600 passed \((\d+) of them read\), 0 failed\n", done.stdout)
    assert found, done.stdout + done.stderr
    # Ensure that this was a meaningful test.
    assert 60 < int(found[1]) < 540


def test_a_case_is_a_function_of_seed_and_number() -> None:
    assert fuzz.make_mutant(1, 17) == fuzz.make_mutant(1, 17)
    assert len({fuzz.make_mutant(1, number).content for number in range(50)}) > 45


def test_a_wrong_label_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_manifest = fuzz.read_manifest

    def read_wrongly(*args: object, **options: object) -> object:
        manifest = read_manifest(*args, **options)  # type: ignore[arg-type]
        manifest.labels[0, 0] = 1 - abs(manifest.labels[0, 0])
        return manifest

    monkeypatch.setattr(fuzz, "read_manifest", read_wrongly)
    _, tables = fuzz.sound_files()
    sound = tables["texts.csv"]
    with pytest.raises(fuzz.WrongResultError, match="labels of"):
        fuzz.check(Mutant("texts.csv", sound, sound), tmp_path)


@needs_fork
def test_a_crash_is_found_and_the_rest_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(mutant: Mutant, _: Path) -> bool:
        if mutant == fuzz.make_mutant(0, 7):
            os._exit(77)
        return True

    monkeypatch.setattr(fuzz, "check", crash)
    read, failures = fuzz.fuzz(20, seed=0, jobs=2)
    assert read == 19
    assert [(failure.number, failure.what) for failure in failures] == [(7, "exit 77")]
