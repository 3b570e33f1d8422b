"""Runs the commands of a page and writes beneath each what it printed: a transcript.

    python docs/transcript.py docs/use.md --in FOLDER

A block of a transcript begins with ```console, its commands with "$ ". FOLDER holds what they name;
they run there, in the order of the page, in a shell, at 80 columns. The page ends as it was where a
command fails that does not say so: its line ends with "# exit 1", or another code.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)
_EXPECTED = re.compile(r"# exit (\d+)$")


def list_commands(block: str) -> list[str]:
    """The commands of a block; one that ends with a backslash goes on in the next line."""
    lines = block.splitlines()
    commands: list[str] = []
    for number, line in enumerate(lines):
        if line.startswith("$ "):
            commands.append(line[2:])
        elif number and lines[number - 1].endswith("\\") and commands:
            commands[-1] += f"\n{line}"
    return commands


def run_command(command: str, folder: Path) -> str:
    """What a command prints, both streams as they come; SystemExit where it fails unannounced."""
    expected = _EXPECTED.search(command)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "COLUMNS": "80", "PATH": path, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    if done.returncode != (int(expected[1]) if expected else 0):
        raise SystemExit(f"{command}\n{done.stdout}\nexit code {done.returncode}")
    said = done.stdout.replace(f"{folder.resolve()}{os.sep}", "")
    return "\n".join(line.rstrip() for line in said.splitlines()).strip("\n")


def write_transcript(page: Path, folder: Path) -> None:
    """Run all commands of the page, and write it with what they printed."""

    def replay(block: re.Match[str]) -> str:
        parts = []
        for command in list_commands(block[0]):
            sys.stderr.write(f"$ {command}\n")
            parts.append(f"$ {command}\n{run_command(command, folder)}".rstrip() + "\n")
        return "".join(parts)

    page.write_text(BLOCK.sub(replay, page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("--in", dest="folder", type=Path, required=True)
    options = parser.parse_args()
    write_transcript(options.page, options.folder)
