"""`xlite cache-clahe`: every image of a label table, equalised once."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import typer

from xlite import places
from xlite.cli import cache_options, options
from xlite.cli.cache_tables import report_summary, report_verification
from xlite.cli.clahe_options import ClaheOptions
from xlite.cli.column_options import ColumnOptions
from xlite.cli.expansion import expand_groups
from xlite.cli.settings_command import SettingsCommand
from xlite.cli.settings_options import SettingsOptions
from xlite.own_process import keep_freed_memory
from xlite.signals import catch_stop_signals

_EPILOG = (
    "Example: xlite cache-clahe --labels Data_Entry_2017.csv --images images --size 224 "
    "--out data/clahe_cache"
)

# A second Ctrl-C is noted like the first: it would cut a line of the journal in two.
_STOPPING = partial(catch_stop_signals, second_ends=False)


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    command = app.command(
        "cache-clahe", cls=SettingsCommand, rich_help_panel="Data", epilog=_EPILOG
    )
    command(expand_groups(cache_clahe))


def cache_clahe(
    columns: ColumnOptions,
    pixels: ClaheOptions,
    sources: SettingsOptions,
    context: typer.Context,
    labels: options.Labels = None,
    split: cache_options.Split = None,
    images: cache_options.Images = Path("data/raw"),
    out: cache_options.Out = places.CACHE_DIR,
    file_format: cache_options.Format = "packed",
    workers: cache_options.Workers = None,
    skip_missing: cache_options.SkipMissing = False,
    allow_failed: cache_options.AllowFailed = False,
    rebuild: cache_options.Rebuild = False,
    shard: cache_options.Shard = None,
    merge: cache_options.Merge = False,
    near_duplicates: cache_options.NearDuplicates = False,
    verify: cache_options.Verify = False,
    json: options.Json = False,
) -> None:
    """Cache CLAHE images: equalised at full resolution, then resized by area, 8-bit grey.

    Stopped at any moment, the same command goes on where it was; a second run does nothing. Images
    that can't be read are named in failed.csv and the rest goes on (exit 1). Several jobs build a
    large cache with --shard 1/16 to 16/16, the rest alike; --merge last. --verify compares each
    image's checksum with its build's (exit 1 where one differs); the next build makes it anew.
    """
    from xlite.clahe_cache.build import require_all_read
    from xlite.clahe_cache.integrity import verify_cache
    from xlite.clahe_cache.shards import Shard, refuse_together
    from xlite.workflows import cache_clahe as caching

    refuse_together(shard=shard is not None, merge=merge, verify=verify)
    settings = pixels.to_settings()
    if sources.shows(context):
        return
    if verify:
        report_verification(verify_cache(out), out, as_json=json)
        return
    keep_freed_memory()
    summary = caching.cache_clahe(
        labels,
        images=images,
        out=out,
        split=split,
        table_format=columns.to_table_format(),
        settings=settings,
        file_format=file_format,
        workers=workers,
        skip_missing=skip_missing,
        rebuild=rebuild,
        shard=shard,
        merge=merge,
        near_duplicates=near_duplicates,
        stopping=_STOPPING,
    )
    folder = out if shard is None else Shard.parse(shard).folder(out)
    report_summary(summary, folder, as_json=json)
    if not allow_failed:
        require_all_read(summary, folder)
