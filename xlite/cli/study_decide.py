"""`xlite study decide`: a person's answer to a question of a study."""

from __future__ import annotations

from typing import Annotated

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.expansion import expand_groups
from xlite.cli.study_options import ExperimentsDir, StudyName

_EPILOG = 'Example: xlite study decide NAME "best: E3" --why "fewest parameters"'


def register(study: typer.Typer) -> None:
    """Add the command to the group."""
    study.command("decide", epilog=_EPILOG)(expand_groups(decide))


def decide(
    study: StudyName,
    choice: Annotated[
        str, typer.Argument(help="One of the question's choices.", show_default=False)
    ],
    why: Annotated[
        str,
        typer.Option("--why", metavar="TEXT", help="What it rests on, for ledger and log."),
    ],
    who: Annotated[
        str | None, typer.Option("--who", metavar="NAME", help="Default: the user.")
    ] = None,
    ask: Annotated[
        str | None,
        typer.Option("--ask", metavar="ID", help="The question, where several have this choice."),
    ] = None,
    out: ExperimentsDir = places.EXPERIMENTS_DIR,
    json: options.Json = False,
) -> None:
    """Answer a question that a study waits for. An answer is kept and can't be taken back.

    Agents that work on the study go on by it at once; else run it again.
    """
    from xlite.workflows.study_answer import answer_question

    answer = answer_question(study, choice, why=why, who=who, ask=ask, out=out)
    if json:
        console.result_json(answer.model_dump(mode="json"))
    else:
        console.say(f'{answer.ask}: "{answer.choice}", by {answer.who}')
