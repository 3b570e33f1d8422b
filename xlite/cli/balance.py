"""`xlite verify-balance`: what batches hold, exactly and as drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.balance_tables import print_balance
from xlite.cli.column_options import ColumnOptions
from xlite.cli.expansion import expand_groups
from xlite.cli.loss_options import LossOptions
from xlite.cli.policy_options import PolicyOptions
from xlite.cli.sampler_options import SamplerOptions, is_sampler_asked
from xlite.cli.settings_command import SettingsCommand
from xlite.cli.settings_options import SettingsOptions
from xlite.errors import CheckFailedError

_EPILOG = (
    "Example: xlite verify-balance --labels Data_Entry_2017.csv --sampler max-entropy "
    "--batches 500 --batch-size 32"
)

Split = Annotated[
    Path | None,
    typer.Option(
        "--split",
        metavar="DIR",
        help="Judge the training part of this split instead of the whole table.",
        rich_help_panel=options.DATA,
    ),
]
_SAMPLER = "The sampler. Where nothing is said of it, shares are as equal as the labels allow."
Sampler = Annotated[str, typer.Option(help=_SAMPLER)]
Compare = Annotated[bool, typer.Option("--compare", help="Show every sampler side by side.")]
_BATCHES = "Batches to draw. Default: 500, or as many as the rarest class needs."
Batches = Annotated[int | None, typer.Option(min=1, help=_BATCHES)]
BatchSize = Annotated[int, typer.Option(min=1, help="Images a batch.")]
Decode = Annotated[
    bool,
    typer.Option("--decode", help="Send the batches through image decoding, as training does."),
]
Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder for the CSV and the figures.")
]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    command = app.command(
        "verify-balance", cls=SettingsCommand, rich_help_panel="Balance", epilog=_EPILOG
    )
    command(expand_groups(verify_balance))


def verify_balance(
    columns: ColumnOptions,
    sampling: SamplerOptions,
    losses: LossOptions,
    policies: PolicyOptions,
    sources: SettingsOptions,
    context: typer.Context,
    labels: options.Labels = None,
    split: Split = None,
    sampler: Sampler = "max-entropy",
    compare: Compare = False,
    batches: Batches = None,
    batch_size: BatchSize = 32,
    decode: Decode = False,
    cache: options.CacheDir = places.CACHE_DIR,
    out: Out = places.EXPERIMENTS_DIR,
    seed: options.Seed = 42,
    json: options.Json = False,
) -> None:
    """Compute each class's exposure exactly, draw real batches, and judge whether they agree.

    The sampling options are those of the sampler to verify; the others of --compare are shown
    at their defaults. Rows and uncertain labels are read as `xlite train` would. With --pos-weight
    the loss weights are judged together with the sampler.

    Writes data_balance_verification.csv, balance.png and, with --compare, balance_tradeoff.png
    (and .svg). Exit 1, with reasons, when a class is starved, the sampler has collapsed, the
    draws contradict the algebra, or they are too few to tell.
    """
    from xlite.reporting.figures import drawing_process
    from xlite.workflows import verify_balance as balance

    chosen, loss = sampling.to_settings(sampler), losses.to_settings("pos-weight")
    policy, table_format = policies.beside(columns.to_table_format(), is_split=split is not None)
    if sources.shows(context):
        return
    report = balance.verify_balance(
        labels,
        sampler=chosen if is_sampler_asked(context) else None,
        split=split,
        table_format=table_format,
        compare=compare,
        loss=loss,
        policy=policy,
        batches=batches,
        batch_size=batch_size,
        decode_from=cache if decode else None,
        out=out,
        seed=seed,
        drawing=drawing_process,
    )
    if json:
        console.result_json(report.to_json())
    else:
        print_balance(report, out)
    if report.reasons:
        raise CheckFailedError(f"sampler {sampler}: " + " ".join(report.reasons))
