"""`xlite ablate`: one model trained in several ways, and a verdict by rule on each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from xlite import console
from xlite.cli import options
from xlite.cli.ablation_tables import print_ablation
from xlite.cli.axis_options import AxisOptions, Model
from xlite.cli.expansion import expand_groups
from xlite.cli.growth_options import GrowthOptions
from xlite.cli.loss_options import LossOptions
from xlite.cli.policy_options import TrainingPolicyOptions
from xlite.cli.running_options import RunningOptions
from xlite.cli.sampler_options import SamplerOptions
from xlite.cli.seeds import Seeds, parse_seeds
from xlite.cli.settings_command import SettingsCommand
from xlite.cli.settings_options import SettingsOptions
from xlite.cli.training_command import StudyOptions
from xlite.cli.training_options import TrainingOptions
from xlite.cli.verdict_options import VerdictOptions

if TYPE_CHECKING:
    from pathlib import Path

    from xlite.results.ablation import Ablation

_EPILOG = (
    "Example: xlite ablate --model efficientnet_b0_mhsa --losses bce,pos-weight,focal --seeds 0,1,2"
    "\n\nExample: xlite ablate --model efficientnet_b0_mhsa --samplers none,max-entropy --vary "
    "lr=1e-4,3e-4 --product --resume\n\n"
    "Example: xlite ablate --model efficientnet_b0_mhsa --loss bce --variant "
    "both:loss=pos-weight,sampler=max-entropy --seeds 0,1,2\n\n"
    "Example: xlite ablate --model efficientnet_b0_mhsa --losses bce,focal --until-decided "
    "--max-seeds 12"
)


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    command = app.command("ablate", cls=SettingsCommand, rich_help_panel="Training", epilog=_EPILOG)
    command(expand_groups(ablate))


def ablate(
    axes: AxisOptions,
    verdict: VerdictOptions,
    growing: GrowthOptions,
    study: StudyOptions,
    training: TrainingOptions,
    running: RunningOptions,
    sampler_settings: SamplerOptions,
    loss_settings: LossOptions,
    policies: TrainingPolicyOptions,
    sources: SettingsOptions,
    model: Model,
    context: typer.Context,
    seeds: Seeds = None,
    json: options.Json = False,
) -> None:
    """Train a model in several ways and judge each by rule: ADOPT, REJECT, EQUIVALENT and so on.

    Data, order, augmentation and initialisation of a seed are the same for each variant. Changes
    are paired, on validation or, with folds as --split, out-of-fold predictions, with intervals
    over seeds and patients; the rule stands beside the verdict. One seed can't decide: pass
    --seeds, or --until-decided. Writes ablation.csv and ablation.json. --resume as for train.
    """
    study.check_out()
    verdict.read_margins()
    varied = axes.read_axes(model)
    chosen = axes.choose(varied, model)
    base = training.to_settings(
        running,
        model=chosen["model"],
        loss=loss_settings.to_settings(chosen["loss"]),
        sampler=sampler_settings.to_settings(chosen["sampler"]),
        policy=policies.to_settings(),
        seed=study.seed,
    )
    named = parse_seeds(seeds, context)
    used_seeds = growing.plan_growth(named, study.seed) or named or [study.seed]
    # Planned first without torch, whose import takes seconds: a wrong name is refused at once.
    axes.plan(base, varied)
    if sources.shows(context):
        return
    variants = axes.plan(running.settle_precision(base), varied)

    from xlite.cli.ablation_runs import train_and_judge
    from xlite.studies.outcome import require_success
    from xlite.training.device import is_main_process

    found, outcomes = train_and_judge(variants, used_seeds, study, running, verdict)
    if is_main_process():
        # Written before anything is shown: a terminal that fails must not lose the result.
        _show(found, variants[0].name, study.out, json)
    require_success(outcomes)


def _show(found: Ablation | None, baseline: str, out: Path, json: bool) -> None:
    from xlite.places import ABLATION, ABLATION_RECORD

    if found is None:
        console.warn(f"no run of the baseline {baseline} finished: nothing to compare.")
        return
    if json:
        console.result_json(found.to_json())
    else:
        print_ablation(found)
    console.say(f"written: {out / ABLATION}, {out / ABLATION_RECORD}")
