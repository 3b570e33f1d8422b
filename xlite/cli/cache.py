"""`xlite cache-clahe`: every image of a label table, equalised once."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.clahe_options import ClaheOptions
from xlite.cli.expansion import expand_groups
from xlite.errors import CheckFailedError, InputError, did_you_mean

if TYPE_CHECKING:
    from xlite.clahe_cache.build import CacheSummary

_EPILOG = (
    "Example: xlite cache-clahe --labels Data_Entry_2017.csv --images images --size 224 "
    "--out data/clahe_cache"
)


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("cache-clahe", rich_help_panel="Data", epilog=_EPILOG)(expand_groups(cache_clahe))


def cache_clahe(
    columns: options.ColumnOptions,
    pixels: ClaheOptions,
    labels: options.Labels = None,
    split: Annotated[
        Path | None,
        typer.Option(
            "--split",
            metavar="DIR",
            help="Instead of --labels: the images of all parts of a split.",
            rich_help_panel=options.DATA,
        ),
    ] = None,
    images: Annotated[
        Path,
        typer.Option("--images", metavar="DIR", help="Folder with the images, at any depth."),
    ] = Path("data/raw"),
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder to write.")
    ] = places.CACHE_DIR,
    file_format: Annotated[
        str, typer.Option("--format", help="packed (one memory map, fast) or png (to look at).")
    ] = "packed",
    workers: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Processes. Default: all cores.")
    ] = None,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Go on without images that are not there.")
    ] = False,
    allow_failed: Annotated[
        bool, typer.Option("--allow-failed", help="Exit 0 although images could not be read.")
    ] = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Start afresh, replacing a cache that differs.")
    ] = False,
    shard: Annotated[
        str | None,
        typer.Option(metavar="K/N", help="Build only part K of N, beside other jobs: 3/16."),
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Check all shards and put them together.")
    ] = False,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Check every pixel of the cache in --out; build nothing."),
    ] = False,
    json: options.Json = False,
) -> None:
    """Cache CLAHE images: equalised at full resolution, then resized by area, 8-bit grey.

    Stopped at any moment, the same command goes on where it was; a second run does nothing.
    Images that can't be read are named in failed.csv and the rest goes on (exit 1). Several jobs
    build a large cache with --shard 1/16 to 16/16, the rest of the command alike; --merge last.
    With --verify each image's checksum is compared with that of its build (exit 1 where one is
    another); the next build makes damaged images anew.
    """
    from xlite.clahe_cache.build import SourceImage
    from xlite.clahe_cache.build import cache_clahe as build_cache
    from xlite.clahe_cache.folder import check_folder, is_complete
    from xlite.clahe_cache.record import FILE_FORMATS
    from xlite.clahe_cache.shards import (
        Shard,
        cache_clahe_shard,
        has_unmerged_shards,
        merge_shards,
    )
    from xlite.clahe_cache.speedup import measure_loading_speedup
    from xlite.clahe_cache.store import ClaheCache
    from xlite.tables.images import find_images

    settings = pixels.to_settings()
    if file_format not in FILE_FORMATS:
        hint = did_you_mean(file_format, FILE_FORMATS)
        raise InputError(f"unknown --format {file_format!r}.{hint} Use: {', '.join(FILE_FORMATS)}.")
    _refuse_together(shard=shard is not None, merge=merge, verify=verify)
    if verify:
        _verify(out, as_json=json)
        return
    part = None if shard is None else Shard.parse(shard)
    folder = out if part is None else part.folder(out)
    if not is_complete(folder):
        check_folder(folder)
    if part is None and not merge and not rebuild and has_unmerged_shards(out):
        raise InputError(
            f"{out} holds shards that are not merged. Pass --merge, or --rebuild to build the "
            "cache without them."
        )
    image_ids = _read_image_ids(labels, split, columns)
    paths = find_images(image_ids, images, skip_missing=skip_missing, leave_out=out)
    sources = [
        SourceImage(image_id, Path(path))
        for image_id, path in zip(image_ids, paths, strict=True)
        if path is not None
    ]
    build = merge_shards if merge else build_cache
    if part is not None:
        build = functools.partial(cache_clahe_shard, shard=part)
    summary = build(
        sources, out, settings, file_format=file_format, workers=workers, rebuild=rebuild
    )
    content = summary.to_dict()
    made = summary.images - summary.skipped
    if made > 0:
        cache = ClaheCache.open(folder)
        content["loading_speedup"] = measure_loading_speedup(cache, sources, settings)
    if json:
        console.result_json(content)
    elif made or summary.failed:
        _print_summary(summary, folder, content.get("loading_speedup"))
    if summary.failed and not allow_failed:
        raise CheckFailedError(
            f"{summary.failed} of {summary.images + summary.failed} images could not be read; "
            f"{folder / 'failed.csv'} says why. Replace the files and run again, "
            "or pass --allow-failed."
        )


def _refuse_together(*, shard: bool, merge: bool, verify: bool) -> None:
    if shard + merge + verify > 1:
        raise InputError(
            "--shard builds a part, --merge puts the parts together, --verify builds nothing: "
            "pass one of them."
        )


def _verify(out: Path, *, as_json: bool) -> None:
    """Say whether every image of a cache is whole; CheckFailedError that names those not."""
    from xlite.clahe_cache.integrity import describe_damage, verify_cache

    verification = verify_cache(out)
    if as_json:
        console.result_json(verification.to_dict())
    if verification.index_fault is not None:
        damage = (
            f" {describe_damage(out, verification.damaged, verification.images)}"
            if verification.damaged
            else ""
        )
        raise CheckFailedError(
            f"{verification.index_fault}.{damage} Build the cache again with --rebuild."
        )
    if verification.damaged:
        raise CheckFailedError(
            f"{describe_damage(out, verification.damaged, verification.images)} Run the "
            "`xlite cache-clahe` that built the cache again: it makes these images anew."
        )
    if not as_json:
        console.say(
            f"All {verification.images:,} images in {out} have the checksums of their build "
            f"({verification.seconds:.1f} s)."
        )


def _print_summary(summary: CacheSummary, folder: Path, speedup: float | None) -> None:
    rows = [
        ["images", f"{summary.images:,} ({summary.skipped:,} were there already)"],
        ["could not be read", f"{summary.failed:,}"],
        ["time", f"{summary.seconds:.1f} s, {summary.ms_per_image:.2f} ms/image"],
        ["disk used", _megabytes(summary.bytes)],
        ["against decoded images", _saved(summary.bytes, summary.bytes_decoded)],
        ["against the image files", _saved(summary.bytes, summary.bytes_files)],
    ]
    if speedup is not None:
        rows.append(["loading", f"{speedup:.0f}x as fast as runtime CLAHE"])
    console.table(f"CLAHE cache in {folder}", ["", ""], rows)


def _read_image_ids(
    labels: Path | None, split: Path | None, columns: options.ColumnOptions
) -> list[str]:
    """The images of a label table, or of all parts of a split."""
    from xlite.splitting.checked_split import read_checked_split
    from xlite.tables.label_table import read_manifest

    if split is None:
        table_path = places.find_label_table(labels)
        manifest = read_manifest(table_path, table_format=columns.to_table_format())
        return list(manifest.image_ids)
    if labels is not None:
        raise InputError("--labels and --split both name the images. Pass one of them.")
    if columns != options.ColumnOptions():
        raise InputError("options of columns belong to --labels: a split has columns of its own.")
    parts = read_checked_split(split, None).parts.values()
    return [image_id for part in parts for image_id in part.image_ids]


def _megabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:,.1f} MB"


def _saved(used: int, other: int) -> str:
    return f"{_megabytes(other)} ({1 - used / other:.1%} saved)" if other else "unknown"
