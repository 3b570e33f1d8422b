"""`xlite train`: many models and seeds, in turn or side by side, resumable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.expansion import expand_groups
from xlite.cli.loss_options import LossOptions
from xlite.cli.names import require_one, split_names
from xlite.cli.running_options import RunningOptions
from xlite.cli.sampler_options import SamplerOptions
from xlite.cli.seeds import Seeds, parse_seeds
from xlite.cli.settings_command import SettingsCommand
from xlite.cli.settings_options import SettingsOptions
from xlite.cli.training_command import StudyOptions, require_success
from xlite.cli.training_options import TrainingOptions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from xlite.executors.in_turn import Outcome

_EPILOG = (
    "Example: xlite train --models efficientnet_b0_mhsa,mobilenet_v3_large_performer "
    "--seeds 0,1,2 --epochs 20 --resume"
)


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
    sources: SettingsOptions,
    models: Annotated[
        str,
        typer.Option(
            "--models",
            "--model",
            metavar="A,B,…",
            help="Names separated by commas: efficientnet_b0_mhsa and the other five, or "
            "TIMM_NAME, TIMM_NAME+mhsa, TIMM_NAME+performer, TIMM_NAME+mean.",
        ),
    ],
    context: typer.Context,
    seeds: Seeds = None,
    loss: Annotated[
        str,
        typer.Option(
            "--loss",
            "--losses",
            metavar="NAME",
            help="bce, pos-weight, focal, combined, asymmetric, class-balanced, "
            "distribution-balanced, ldam, logit-adjusted, two-way or zlpr.",
        ),
    ] = "pos-weight",
    sampler: Annotated[
        str,
        typer.Option(
            "--sampler",
            "--samplers",
            metavar="NAME",
            help="See `xlite verify-balance --compare`.",
        ),
    ] = "none",
    json: options.Json = False,
) -> None:
    """Train models on a split, one run folder each, and rank them on validation.

    Stopped by Ctrl-C, SIGTERM or a power cut, the same command with --resume skips finished
    runs and continues the unfinished ones. A run that fails is recorded with its error and
    the others go on (exit 1). `xlite status` shows how far they are.
    """
    from xlite.models.catalogue import require_listed
    from xlite.places import BASELINE_RESULTS
    from xlite.studies.plan import plan_models

    study.check_out()
    names = split_names(models)
    for name in names:
        require_listed(name)
    base = training.to_settings(
        running,
        model=names[0] if names else "",
        loss=losses.to_settings(require_one("--loss", loss)),
        sampler=sampling.to_settings(require_one("--sampler", sampler)),
        seed=study.seed,
    )
    used_seeds = parse_seeds(seeds, context)
    plan = plan_models(running.settle_precision(base), names, seeds=used_seeds)
    if sources.shows(context):
        return
    data = study.load_data()
    outcomes = study.run(plan, data, running)
    if json:
        console.result_json(
            {
                "runs": [
                    {"name": o.name, "run": str(o.run_dir), "error": o.error, "scores": o.scores}
                    for o in outcomes
                ]
            }
        )
    else:
        _print_ranking(outcomes, study.out / BASELINE_RESULTS)
        console.say(f"written: {study.out}, {places.experiment_log_path(study.out)}")
    require_success(outcomes)


def _print_ranking(outcomes: Sequence[Outcome], path: Path) -> None:
    finished = [outcome for outcome in outcomes if outcome.scores is not None]
    cells = []
    for outcome in sorted(finished, key=lambda o: -o.scores["val"]["macro"]["auroc"]):  # type: ignore[index]
        scores = outcome.scores or {}
        val = scores["val"]["macro"]
        cells.append(
            [
                outcome.name,
                *(console.decimal(val[name]) for name in ("auroc", "average_precision", "f1")),
                f"{scores['best_epoch']}/{scores['epochs']}",
                f"{scores['num_parameters'] / 1e6:.2f} M",
                f"{scores['seconds'] / 60:.1f} min",
            ]
        )
    if cells:
        console.table(
            "Validation, macro over the labels",
            ["run", "AUROC", "AP", "F1 (cross-fitted)", "best epoch", "parameters", "time"],
            cells,
            caption="A rank is no verdict. Test scores: `xlite evaluate RUN --part test`.",
            all_in=path,
        )
