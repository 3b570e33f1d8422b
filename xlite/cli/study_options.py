"""Options that the commands of a study share, and how such a command ends."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlite import console
from xlite.errors import CheckFailedError, WaitingForPersonError

if TYPE_CHECKING:
    from xlite.results.study_status import StudyStatus

Jobs = Annotated[
    int,
    typer.Option("--jobs", min=1, max=1024, help="Agents on this machine; they share its cores."),
]
Device = Annotated[
    str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps. Default: the plan's.")
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=0, max=1024, help="Loader processes. Default: the plan's."),
]
AcceptChange = Annotated[
    bool,
    typer.Option(
        "--accept-change",
        help="The plan was edited since: record that, and do anew what it makes invalid.",
    ),
]
StudyName = Annotated[
    str,
    typer.Argument(metavar="STUDY", help="Its name, or its folder.", show_default=False),
]
ExperimentsDir = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder of experiments, for a name.")
]


def end_study_command(status: StudyStatus, *, json: bool) -> None:
    """Print where a study stands after work on it, and end as that asks for.

    Raises WaitingForPersonError when it waits for one, CheckFailedError when items failed.
    """
    from xlite.cli.study_tables import print_decisions, print_failures

    if json:
        console.result_json(status.to_json())
    else:
        print_failures(status)
        print_decisions(status)
    if status.waiting_for and status.state != "ended":
        raise WaitingForPersonError(describe_waiting(status))
    if status.failed:
        names = ", ".join(item.id for item in status.failed[:5])
        raise CheckFailedError(
            f"{len(status.failed)} of {len(status.items)} items failed: {names}. Their errors are "
            f"above and in {status.folder}/logs."
        )


def describe_waiting(status: StudyStatus) -> str:
    """What a study waits for, and the command that answers it."""
    question = status.waiting_for[0]
    command = shlex.join(["xlite", "study", "decide", status.folder, question.choices[0]])
    choices = ", ".join(f'"{choice}"' for choice in question.choices)
    more = f" ({len(status.waiting_for) - 1} more wait)" if len(status.waiting_for) > 1 else ""
    return (
        f"the study waits for a person{more}: {question.question} Choices: {choices}. Answer with "
        f'{command} --why "…", then run it again.'
    )
