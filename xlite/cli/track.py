"""`xlite track`: runs and studies in a tracker, while they are trained or after."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.expansion import expand_groups
from xlite.cli.option_values import read_choice

_EPILOG = (
    "Example: xlite track --to tensorboard\n\n"
    "Example: xlite track experiments/runs/ONE --to mlflow --follow"
)
_TRACKERS = ("tensorboard", "wandb", "mlflow", "trackio")

_Items = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[RUN|STUDY|EXPERIMENTS]...",
        help="Run folders, studies, their names, or whole experiments folders. Default: all of "
        "--experiments.",
    ),
]
_To = Annotated[
    str,
    typer.Option(
        "--to",
        metavar="NAME",
        help="tensorboard, wandb, mlflow or trackio, each an extra of that name: pip install "
        '"xlite[NAME]".',
        show_default=False,
    ),
]
_Follow = Annotated[
    bool,
    typer.Option("--follow", help="Go on while they are trained, until they end or Ctrl-C."),
]
_Interval = Annotated[
    float, typer.Option("--interval", min=0.1, help="--follow: seconds between two looks.")
]
_Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Where the tracker writes; of mlflow also an address, as http://HOST:5000. "
        "Default: MLFLOW_TRACKING_URI, WANDB_DIR or TRACKIO_DIR, else "
        "experiments/tracking/NAME.",
        show_default=False,
    ),
]
_Project = Annotated[
    str | None,
    typer.Option(
        "--project",
        metavar="NAME",
        help="wandb, mlflow, trackio: project or experiment. Default: the name of the "
        "project's folder.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("track", rich_help_panel="Judging", epilog=_EPILOG)(expand_groups(track))


def track(
    to: _To,
    items: _Items = None,
    follow: _Follow = False,
    interval: _Interval = 2.0,
    out: _Out = None,
    project: _Project = None,
    experiments: Annotated[
        Path, typer.Option("--experiments", metavar="DIR", help="Folder of runs and studies.")
    ] = places.EXPERIMENTS_DIR,
    json: options.Json = False,
) -> None:
    """Replay runs and studies into a tracker: settings, every epoch, scores, verdicts in words.

    What the tracker has already is not written again, however often this runs and however it was
    killed. Nothing in a run folder is changed, and no radiograph leaves: figures are the curves
    that `xlite evaluate` drew. wandb is online or offline as its own settings say
    (WANDB_MODE=offline writes files that `wandb sync` sends later).
    """
    from xlite.signals import catch_stop_signals
    from xlite.workflows.track import track as replay

    done = replay(
        items or (),
        to=read_choice("--to", to, _TRACKERS),
        out=out,
        project=project,
        experiments=experiments,
        follow=follow,
        interval=interval,
        stopping=catch_stop_signals,
    )
    if json:
        console.result_json(done.to_json())
        return
    new = sum(entry.new_steps for entry in done.entries)
    console.say(f"{len(done.entries)} in {done.where}; new epochs: {new}")
    if done.show:
        console.say(f"to see it: {done.show}")
