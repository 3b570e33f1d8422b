"""`xlite ablate`: one model trained in several ways, and a verdict by rule on each."""

from __future__ import annotations

import shlex
import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.ablation_tables import print_ablation
from xlite.cli.expansion import expand_groups
from xlite.cli.loss_options import LossOptions
from xlite.cli.names import split_names
from xlite.cli.running_options import RunningOptions
from xlite.cli.sampler_options import SamplerOptions
from xlite.cli.seeds import Seeds, parse_seeds
from xlite.cli.settings_command import SettingsCommand
from xlite.cli.settings_options import SettingsOptions
from xlite.cli.training_command import StudyOptions, require_success
from xlite.cli.training_options import TrainingOptions
from xlite.errors import InputError

if TYPE_CHECKING:
    from xlite.studies.axes import Axis

_EPILOG = (
    "Example: xlite ablate --model efficientnet_b0_mhsa --losses bce,pos-weight,focal --seeds 0,1,2"
    "\n\n"
    "Example: xlite ablate --model efficientnet_b0_mhsa --samplers none,max-entropy --vary "
    "lr=1e-4,3e-4 --product --resume\n\n"
    "Example: xlite ablate --model efficientnet_b0_mhsa --loss bce --variant "
    "both:loss=pos-weight,sampler=max-entropy --seeds 0,1,2"
)
_AXES = "What is varied"
_DEFAULT_LOSSES = "bce,pos-weight,focal"


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    command = app.command("ablate", cls=SettingsCommand, rich_help_panel="Training", epilog=_EPILOG)
    command(expand_groups(ablate))


def ablate(
    study: StudyOptions,
    training: TrainingOptions,
    running: RunningOptions,
    sampling: SamplerOptions,
    losses_settings: LossOptions,
    sources: SettingsOptions,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "--models",
            metavar="NAME",
            help="The model to train in each way; several, separated by commas, are an axis.",
        ),
    ],
    context: typer.Context,
    losses: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,…",
            help=f"Losses. Default, when nothing else is varied: {_DEFAULT_LOSSES}.",
            rich_help_panel=_AXES,
        ),
    ] = None,
    samplers: Annotated[
        str | None,
        typer.Option(metavar="A,B,…", help="Samplers.", rich_help_panel=_AXES),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=A,B,…",
            help="Any other option of training, loss or sampler by its name; repeatable.",
            rich_help_panel=_AXES,
        ),
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:SETTING=VALUE,…",
            help="A variant that differs from the baseline in several settings, under a name of "
            "its own; repeatable.",
            rich_help_panel=_AXES,
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="VALUE,…",
            help="The values, or NAME=VALUE, that the others are compared with. Default: the "
            "first of each axis.",
            rich_help_panel=_AXES,
        ),
    ] = None,
    product: Annotated[
        bool,
        typer.Option(
            "--product",
            help="Every combination of the axes. Without it, each variant differs from the "
            "baseline on one axis.",
            rich_help_panel=_AXES,
        ),
    ] = False,
    seeds: Seeds = None,
    margin: Annotated[
        float,
        typer.Option(
            min=0.0, help="Change of a label's AUROC up to which it has neither gained nor lost."
        ),
    ] = 0.01,
    safety_margin: Annotated[
        float,
        typer.Option(
            min=0.0,
            help="Loss of a label's AUROC that ADOPT has to rule out for each label, by the lower "
            "limit of its change.",
        ),
    ] = 0.05,
    loss: Annotated[
        str | None, typer.Option(help="The loss, unless --losses. Default: pos-weight.")
    ] = None,
    sampler: Annotated[
        str | None, typer.Option(help="The sampler, unless --samplers. Default: none.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Train a model in several ways and judge each by rule: ADOPT, REJECT, TRADE-OFF, UNDECIDED.

    Data, order, augmentation and initialisation of a seed are the same for each variant. Changes
    are paired, on the validation part, with intervals over seeds and patients, and corrected for
    the number of labels; the rule is printed beside the verdict. One seed can't decide: pass
    --seeds. Collapsed labels are named with the likely cause. Writes ablation.csv and
    ablation.json. Like train it skips what has finished and continues the rest with --resume.
    """
    from xlite.studies.axes import Axis, Combination, plan_runs, plan_variants

    study.check_out()
    combinations = [Combination.parse(text) for text in variant or []]
    is_varied = vary or combinations or "," in model
    if losses is None and samplers is None and loss is None and not is_varied:
        losses = _DEFAULT_LOSSES
    axes = [
        *_read_axis("model", None, model),
        *_read_axis("loss", losses, loss),
        *_read_axis("sampler", samplers, sampler),
        *(Axis.parse(text) for text in vary or []),
    ]
    first = {axis.name: axis.values[0] for axis in axes}
    base = training.to_settings(
        running,
        model=first.get("model", model),
        loss=losses_settings.to_settings(first.get("loss", loss or "pos-weight")),
        sampler=sampling.to_settings(first.get("sampler", sampler or "none")),
        seed=study.seed,
    )
    used_seeds = parse_seeds(seeds, context) or [study.seed]
    # Planned first without torch, whose import takes seconds: a wrong name is refused at once.
    plan_all = partial(
        plan_variants, axes=axes, combinations=combinations, baseline=baseline, product=product
    )
    plan_all(base)
    if sources.shows(context):
        return
    variants = plan_all(running.settle_precision(base))

    from xlite.judging.ablation import judge_ablation, write_ablation
    from xlite.judging.variant_runs import group_outcomes
    from xlite.reporting.experiment_log import update_experiment_log
    from xlite.training.device import is_main_process

    plan = plan_runs(variants, used_seeds)
    data = study.load_data()
    outcomes = study.run(plan, data, running)
    if is_main_process():
        runs = group_outcomes(variants, used_seeds, outcomes)
        ablation = judge_ablation(
            runs,
            data,
            margin=margin,
            safety_margin=safety_margin,
            command=shlex.join(["xlite", *sys.argv[1:]]),
        )
        if ablation is None:
            console.warn(f"no run of the baseline {variants[0].name} finished: nothing to compare.")
        else:
            # Written before anything is shown: a terminal that fails must not lose the result.
            paths = write_ablation(study.out, ablation)
            update_experiment_log(places.experiment_log_path(study.out), study.out)
            if json:
                console.result_json(ablation.to_json())
            else:
                print_ablation(ablation)
            console.say(f"written: {', '.join(map(str, paths))}")
    require_success(outcomes)


def _read_axis(name: str, many: str | None, one: str | None) -> list[Axis]:
    """The axis in the option of several values, or in that of one where commas are in it."""
    from xlite.studies.axes import Axis

    option = f"--{name}es" if name == "loss" else f"--{name}s"
    if many is not None and one is not None:
        raise InputError(f"{option} varies what --{name} would fix. Pass one.")
    if many is None and (one is None or "," not in one):
        return []
    values = tuple(split_names(many or one or ""))
    if not values:
        raise InputError(f"{option} is empty. Name at least two, separated by commas.")
    return [Axis(name, values)]
