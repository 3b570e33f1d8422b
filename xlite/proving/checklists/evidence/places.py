"""Where what was found of a subject lies, and the command that finds it again."""

from __future__ import annotations

from xlite.proving.checklists.subject import Subject
from xlite.reporting.log_markdown import join_command


def list_judged_files(subject: Subject) -> tuple[str, ...]:
    """The files of evaluations and of a study that say what was found."""
    found = [one.folder.as_posix() for one in subject.evaluations if one.folder is not None]
    if subject.study_folder is not None:
        found.append(subject.study_folder.path.as_posix())
    return tuple(found)


def write_evaluate_command(subject: Subject, part: str | None = None) -> str:
    """The command that judges the run whose weights count, on validation where no part is named."""
    words = ["xlite", "evaluate", subject.run.path.as_posix()]
    return join_command([*words, *(("--part", part) if part else ())])


def write_verify_command(subject: Subject) -> str:
    """The command that computes every score again, without a further look at the test part."""
    bundle = f"{subject.name}.zip"
    words = (["bundle", subject.name, "--out", bundle], ["verify", bundle])
    return " && ".join(join_command(["xlite", *one]) for one in words)
