"""`xlite train`: many models and seeds, in turn or side by side, resumable."""

from __future__ import annotations

from typing import Annotated

import typer

from xlite.cli import options
from xlite.cli.expansion import expand_groups
from xlite.cli.generated_options import LOSS_HELP, SAMPLER_HELP
from xlite.cli.loss_options import LossOptions
from xlite.cli.names import require_one, split_models
from xlite.cli.policy_options import TrainingPolicyOptions
from xlite.cli.running_options import RunningOptions
from xlite.cli.sampler_options import SamplerOptions
from xlite.cli.seeds import Seeds, parse_seeds
from xlite.cli.settings_command import SettingsCommand
from xlite.cli.settings_options import SettingsOptions
from xlite.cli.training_command import StudyOptions
from xlite.cli.training_options import TrainingOptions
from xlite.cli.training_tables import show_runs
from xlite.cli.trial_options import TrialOptions
from xlite.cli.whole_options import WholeOptions, parse_shares
from xlite.signals import catch_stop_signals

_EPILOG = (
    "Example: xlite train --models efficientnet_b0_mhsa,mobilenet_v3_large_performer "
    "--seeds 0,1,2 --epochs 20 --resume\n\n"
    "Example: xlite train --models resnet18 --seeds 0,1,2 --subset-sizes 0.25,0.5,1 --resume\n\n"
    "Example: xlite train --models resnet18 --overfit 16"
)

Models = Annotated[
    str,
    typer.Option(
        "--models",
        "--model",
        metavar="A,B,…",
        help="Names separated by commas: efficientnet_b0_mhsa and the other five, or "
        "TIMM_NAME, TIMM_NAME+mhsa, TIMM_NAME+performer, TIMM_NAME+mean; +linear, +gem, +csra or "
        "+query behind it for another head.",
    ),
]
Loss = Annotated[str, typer.Option("--loss", "--losses", metavar="NAME", help=LOSS_HELP)]
Sampler = Annotated[str, typer.Option("--sampler", "--samplers", metavar="NAME", help=SAMPLER_HELP)]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    command = app.command("train", cls=SettingsCommand, rich_help_panel="Training", epilog=_EPILOG)
    command(expand_groups(train))


def train(
    study: StudyOptions,
    training: TrainingOptions,
    running: RunningOptions,
    sampling: SamplerOptions,
    losses: LossOptions,
    policies: TrainingPolicyOptions,
    trial: TrialOptions,
    sources: SettingsOptions,
    whole: WholeOptions,
    models: Models,
    context: typer.Context,
    seeds: Seeds = None,
    loss: Loss = "pos-weight",
    sampler: Sampler = "none",
    json: options.Json = False,
) -> None:
    """Train models on a split, one run folder each, and rank them on validation.

    Stopped by Ctrl-C, SIGTERM or a power cut, the same command with --resume continues. A run that
    fails is recorded with its error, the others go on (exit 1). `xlite status` shows how far they
    are. With folds as --split it is one run a fold.
    """
    from xlite.studies.plan import plan_models

    study.check_out()
    names, used_seeds = split_models(models), parse_seeds(seeds, context)
    shares = parse_shares(whole.subset_sizes)
    trial.check(study, running, seeds=bool(seeds), **whole.passed)
    base = training.to_settings(
        running,
        model=names[0] if names else "",
        loss=losses.to_settings(require_one("--loss", loss)),
        sampler=sampling.to_settings(require_one("--sampler", sampler)),
        policy=policies.to_settings(),
        seed=study.seed,
    )
    # Planned first without torch, whose import takes seconds: a wrong name is refused at once.
    plan = plan_models(base, names, seeds=used_seeds)
    if sources.shows(context) or trial.is_carried_out(plan, study, running, json=json):
        return
    from xlite.studies.outcome import require_success
    from xlite.workflows import train as training_workflow

    outcomes = training_workflow.train(
        running.settle_precision(base),
        models=names,
        seeds=used_seeds,
        **study.places,
        resume=study.resume,
        runtime=running.prepare(base, is_cached=study.images is None),
        tune=running.tune,
        keeps_precision=running.precision != "auto",
        subset_sizes=shares,
        ensemble=whole.ensemble,
        stopping=catch_stop_signals,
        command=options.typed_command(),
    )
    show_runs(outcomes, study.out, has_curve=bool(shares), json=json)
    require_success(outcomes)
