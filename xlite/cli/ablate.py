"""`xlite ablate`: the same training under several losses, and what changes for each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlite import console
from xlite.cli import options
from xlite.cli.expansion import expand_groups
from xlite.cli.loss_options import LossOptions
from xlite.cli.names import split_names
from xlite.cli.running_options import RunningOptions
from xlite.cli.sampler_options import SamplerOptions
from xlite.cli.study import StudyOptions, require_success
from xlite.cli.training_options import TrainingOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

_EPILOG = (
    "Example: xlite ablate --losses bce,pos-weight,focal --model efficientnet_b0_mhsa --epochs 20"
)


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("ablate", rich_help_panel="Training", epilog=_EPILOG)(expand_groups(ablate))


def ablate(
    study: StudyOptions,
    training: TrainingOptions,
    running: RunningOptions,
    sampling: SamplerOptions,
    losses_settings: LossOptions,
    model: Annotated[str, typer.Option(help="The model to train under each loss.")],
    losses: Annotated[
        str, typer.Option(help="Losses separated by commas; the first is the baseline.")
    ] = "bce,pos-weight,focal",
    sampler: Annotated[str, typer.Option(help="See `xlite verify-balance --compare`.")] = "none",
    json: options.Json = False,
) -> None:
    """Train one model under several losses and show each class's change, rarest class first.

    Data, order, augmentation and initialisation are the same for each. Writes ablation.csv.
    Scores are those of the validation part, and F1 is cross-fitted between its patients.
    """
    from xlite.artifacts import ABLATION
    from xlite.studies.compare import compare_to_baseline, write_ablation
    from xlite.studies.plan import plan_losses

    names = split_names(losses)
    base = training.to_settings(
        running,
        model=model,
        loss=losses_settings.to_settings(names[0] if names else ""),
        sampler=sampling.to_settings(sampler),
        seed=study.seed,
    )
    plan = plan_losses(base, names)
    data = study.load_data()
    outcomes = study.run(plan, data, running)
    positives = dict(zip(data.vocabulary, data.parts["train"].positives.tolist(), strict=True))
    rows = compare_to_baseline(outcomes, positives)
    if rows:
        write_ablation(study.out / ABLATION, rows)
    if json:
        console.result_json({"baseline": plan[0].name, "rows": rows})
    elif rows:
        _print_rows(rows, [outcome.name for outcome in outcomes])
        console.say(f"written: {study.out / ABLATION}")
    require_success(outcomes)


def _print_rows(rows: Sequence[dict[str, Any]], variants: Sequence[str]) -> None:
    by_variant = {name: [row for row in rows if row["variant"] == name] for name in variants}
    baseline = by_variant[variants[0]]
    for score, title in (("auroc", "AUROC"), ("average_precision", "AP"), ("f1", "F1")):
        cells = []
        for place, row in enumerate(baseline):
            others = [by_variant[name][place] for name in variants[1:] if by_variant[name]]
            positives = row["train_positives"]
            cells.append(
                [
                    row["label"],
                    "" if positives is None else f"{positives:,}",
                    "" if row["val_positives"] is None else f"{row['val_positives']:,}",
                    console.decimal(row[score]),
                    *(
                        f"{console.decimal(other[score])} "
                        f"({console.decimal(other[f'{score}_change'], sign=True)})"
                        for other in others
                    ),
                ]
            )
        finished = [name for name in variants if by_variant[name]]
        console.table(
            f"{title} on validation and its change against {variants[0]}",
            ["label", "train +", "val +", *(name.rpartition(":")[2] for name in finished)],
            cells,
            caption="One seed: a difference is no verdict.",
        )
