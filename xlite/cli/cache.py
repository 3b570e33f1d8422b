"""`xlite cache-clahe`: every image of a label table, equalised once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.cache_tables import print_cache_summary, report_verification
from xlite.cli.clahe_options import ClaheOptions
from xlite.cli.expansion import expand_groups
from xlite.cli.settings_command import SettingsCommand
from xlite.cli.settings_options import SettingsOptions

_EPILOG = (
    "Example: xlite cache-clahe --labels Data_Entry_2017.csv --images images --size 224 "
    "--out data/clahe_cache"
)


Split = Annotated[
    Path | None,
    typer.Option(
        "--split",
        metavar="DIR",
        help="Instead of --labels: the images of all parts of a split.",
        rich_help_panel=options.DATA,
    ),
]
Images = Annotated[
    Path, typer.Option("--images", metavar="DIR", help="Folder with the images, at any depth.")
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write.")]
Format = Annotated[
    str, typer.Option("--format", help="packed (one memory map, fast) or png (to look at).")
]
Workers = Annotated[
    int | None, typer.Option(min=1, max=1024, help="Processes. Default: all cores.")
]
SkipMissing = Annotated[
    bool, typer.Option("--skip-missing", help="Go on without images that are not there.")
]
AllowFailed = Annotated[
    bool, typer.Option("--allow-failed", help="Exit 0 although images could not be read.")
]
Rebuild = Annotated[
    bool, typer.Option("--rebuild", help="Start afresh, replacing a cache that differs.")
]
ShardOption = Annotated[
    str | None,
    typer.Option("--shard", metavar="K/N", help="Build only part K of N, beside other jobs: 3/16."),
]
Merge = Annotated[bool, typer.Option("--merge", help="Check all shards and put them together.")]
Verify = Annotated[
    bool, typer.Option("--verify", help="Check every pixel of the cache in --out; build nothing.")
]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    command = app.command(
        "cache-clahe", cls=SettingsCommand, rich_help_panel="Data", epilog=_EPILOG
    )
    command(expand_groups(cache_clahe))


def cache_clahe(
    columns: options.ColumnOptions,
    pixels: ClaheOptions,
    sources: SettingsOptions,
    context: typer.Context,
    labels: options.Labels = None,
    split: Split = None,
    images: Images = Path("data/raw"),
    out: Out = places.CACHE_DIR,
    file_format: Format = "packed",
    workers: Workers = None,
    skip_missing: SkipMissing = False,
    allow_failed: AllowFailed = False,
    rebuild: Rebuild = False,
    shard: ShardOption = None,
    merge: Merge = False,
    verify: Verify = False,
    json: options.Json = False,
) -> None:
    """Cache CLAHE images: equalised at full resolution, then resized by area, 8-bit grey.

    Stopped at any moment, the same command goes on where it was; a second run does nothing.
    Images that can't be read are named in failed.csv and the rest goes on (exit 1). Several jobs
    build a large cache with --shard 1/16 to 16/16, the rest of the command alike; --merge last.
    With --verify each image's checksum is compared with that of its build (exit 1 where one is
    another); the next build makes damaged images anew.
    """
    from xlite.clahe_cache.integrity import verify_cache
    from xlite.clahe_cache.shards import Shard, refuse_together
    from xlite.clahe_cache.summary import require_all_read
    from xlite.workflows import cache_clahe as caching

    refuse_together(shard=shard is not None, merge=merge, verify=verify)
    table_format, settings = columns.to_table_format(), pixels.to_settings()
    if sources.shows(context):
        return
    if verify:
        report_verification(verify_cache(out), out, as_json=json)
        return
    summary = caching.cache_clahe(
        labels,
        images=images,
        out=out,
        split=split,
        table_format=table_format,
        settings=settings,
        file_format=file_format,
        workers=workers,
        skip_missing=skip_missing,
        rebuild=rebuild,
        shard=shard,
        merge=merge,
    )
    folder = out if shard is None else Shard.parse(shard).folder(out)
    if json:
        console.result_json(summary.to_json())
    elif summary.made or summary.failed:
        print_cache_summary(summary, folder)
    if not allow_failed:
        require_all_read(summary, folder)
