"""Starting the command line against starting Python."""

from __future__ import annotations

import statistics
import subprocess
import sys

from benchmarks.measure import Row, compare_times, time_in_turns

_TARGET_SECONDS = 0.3


def run() -> list[Row]:
    """The row of `xlite --help`, wall-clock of a whole process."""
    seconds = time_in_turns(
        {
            "help": lambda: run_python("-m", "xlite", "--help"),
            "python": lambda: run_python("-c", "pass"),
        },
        rounds=9,
    )
    return [
        compare_times(
            f"xlite --help (target: {_TARGET_SECONDS} s): python -c pass",
            seconds,
            ours="help",
            peer="python",
            # The one target that is a time; as a ratio it depends on how fast Python starts here.
            target=round(_TARGET_SECONDS / statistics.median(seconds["python"]), 1),
        )
    ]


def run_python(*arguments: str) -> int:
    """Run this interpreter with the arguments, output discarded; always 1 unit of work.

    Raises CalledProcessError when it fails: a command that stops early would look fast.
    """
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return 1
