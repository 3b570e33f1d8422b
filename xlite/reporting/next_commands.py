"""The commands that a page suggests for what is missing, with the folders of its project."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xlite.places import CACHE_DIR, EXPERIMENTS_DIR, SPLIT_DIR
from xlite.reporting.html_page import Command, Section
from xlite.reporting.reproduction import paste_command

_DEFAULTS = {"experiments": EXPERIMENTS_DIR, "split": SPLIT_DIR, "cache": CACHE_DIR}

_TRAINING = {"--split": "split", "--cache": "cache", "--out": "experiments"}
_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "split": {"--out": "split"},
    "cache-clahe": {"--out": "cache"},
    "verify-balance": {"--split": "split", "--out": "experiments"},
    "train": _TRAINING,
    "ablate": _TRAINING,
    "compare": {"--split": "split", "--out": "experiments"},
    "study": {"--out": "experiments"},
    "evaluate": {"--split": "split"},
    "report": {"--experiments": "experiments", "--cache": "cache"},
    "checklist": {"--experiments": "experiments"},
}
"""By command: the options that name a folder of the project, unless it is where they look."""


@dataclass(frozen=True, kw_only=True)
class ProjectFolders:
    """Where a project's things lie, as seen from the folder where its page was asked for."""

    working_dir: Path
    experiments: Path
    split: Path
    cache: Path


def complete_commands(sections: Sequence[Section], folders: ProjectFolders) -> list[Section]:
    """The sections with each command that begins with `xlite` made one of these folders, which
    runs from any other: it goes where they are seen from, and names those that are not the usual.
    """
    return [
        replace(
            section,
            blocks=[
                Command(_complete(block.text, folders)) if isinstance(block, Command) else block
                for block in section.blocks
            ],
        )
        for section in sections
    ]


def _complete(text: str, folders: ProjectFolders) -> str:
    words = shlex.split(text)
    if words[0] != "xlite":
        return text  # It goes somewhere already.
    for option, name in _OPTIONS.get(words[1], {}).items():
        place: Path = getattr(folders, name)
        if place != _DEFAULTS[name] and option not in words:
            words += [option, str(place)]
    if words[1] == "doctor" and folders.experiments != EXPERIMENTS_DIR:
        words.append(str(folders.experiments.parent))
    return paste_command(words, folders.working_dir)
