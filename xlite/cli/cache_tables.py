"""What `xlite cache-clahe` prints of a build, and of a look at every image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite import console
from xlite.cli.film_pairs import print_pairs
from xlite.errors import CheckFailedError

if TYPE_CHECKING:
    from pathlib import Path

    from xlite.clahe_cache.integrity import CacheVerification
    from xlite.results.cache import CacheSummary


def report_summary(summary: CacheSummary, folder: Path, *, as_json: bool) -> None:
    """Print what was made, and what it saves on the disk and in loading."""
    if as_json:
        console.result_json(summary.to_json())
        return
    if summary.made or summary.failed:
        _print_summary(summary, folder)
    if summary.near_duplicates is not None:
        console.say(f"pairs of images that are one film: {len(summary.near_duplicates):,}")
        print_pairs(summary.near_duplicates)


def _print_summary(summary: CacheSummary, folder: Path) -> None:
    rows = [
        ["images", f"{summary.images:,} ({summary.skipped:,} were there already)"],
        ["could not be read", f"{summary.failed:,}"],
        ["time", f"{summary.seconds:.1f} s, {summary.ms_per_image:.2f} ms/image"],
        ["disk used", _megabytes(summary.bytes)],
        ["against decoded images", _saved(summary.bytes, summary.bytes_decoded)],
        ["against the image files", _saved(summary.bytes, summary.bytes_files)],
    ]
    if summary.loading_speedup is not None:
        rows.append(["loading", f"{summary.loading_speedup:.0f}x as fast as runtime CLAHE"])
    console.table(f"CLAHE cache in {folder}", ["", ""], rows)


def report_verification(found: CacheVerification, out: Path, *, as_json: bool) -> None:
    """Say that every image of a cache is whole; CheckFailedError that names those that are not."""
    from xlite.clahe_cache.integrity import describe_damage

    damage = describe_damage(out, found.damaged, found.images) if found.damaged else ""
    if as_json:
        console.result_json(found.to_json())
    if found.index_fault is not None:
        more = f" {damage}" if damage else ""
        raise CheckFailedError(f"{found.index_fault}.{more} Build the cache again with --rebuild.")
    if damage:
        raise CheckFailedError(
            f"{damage} Run the `xlite cache-clahe` that built the cache again: it makes these "
            "images anew."
        )
    if not as_json:
        console.say(
            f"All {found.images:,} images in {out} have the checksums of their build "
            f"({found.seconds:.1f} s)."
        )


def _megabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:,.1f} MB"


def _saved(used: int, other: int) -> str:
    return f"{_megabytes(other)} ({1 - used / other:.1%} saved)" if other else "unknown"
