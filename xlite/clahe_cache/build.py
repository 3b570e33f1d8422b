"""Building the CLAHE cache: resumable, on all cores, never half-trusted.

States of the folder, each of which a crash may leave behind: no cache; a journal without
`cache.json` (being built: continue); `cache.json` (complete, whatever the journal says). An
update of a complete cache writes the journal first, then removes `cache.json`.
"""

from __future__ import annotations

import contextlib
import csv
import os
import time
from collections.abc import Sequence
from pathlib import Path

import cv2

import xlite
from xlite import console, files
from xlite.clahe_cache.clahe import ORDER
from xlite.clahe_cache.dicom_grey import DICOM_GREY
from xlite.clahe_cache.file_names import CACHE_FAILED, CACHE_IMAGES, CACHE_INDEX, CACHE_RECORD
from xlite.clahe_cache.folder import (
    allocate,
    check_folder,
    check_png_folders,
    discard_packed,
    discard_pngs,
    disk_faults_explained,
    flush_pngs,
    holds_pixels,
    is_complete,
    locked,
    mark_incomplete,
)
from xlite.clahe_cache.integrity import recall_verification, require_whole_sample
from xlite.clahe_cache.journal import (
    JOURNAL,
    Journal,
    known_images,
    listed_ids,
    read_complete,
    require_recognisable,
)
from xlite.clahe_cache.plan import (
    CachePlan,
    SourceImage,
    SourceStat,
    check_sources,
    plan_cache,
    printable,
    stat_sources,
)
from xlite.clahe_cache.record import (
    PNG_FOLDER,
    CachedImage,
    CacheRecipe,
    CacheRecord,
    FileFormat,
    parse_format,
    pixels_digest,
    write_index,
)
from xlite.clahe_cache.workers import PixelTarget, make_images
from xlite.errors import CheckFailedError, InputError, InterruptedRunError
from xlite.records import guard_cell
from xlite.results.cache import CacheSummary
from xlite.settings import ClaheSettings
from xlite.signals import StopSource, heed_no_signals


def build_cache(
    sources: Sequence[SourceImage],
    out: Path,
    settings: ClaheSettings,
    *,
    file_format: FileFormat = "packed",
    workers: int | None = None,
    rebuild: bool = False,
    stopping: StopSource = heed_no_signals,
) -> CacheSummary:
    """Make or bring up to date the cache in `out`; returns what was done.

    Finished images are kept when their source has the same size, modification time and relative
    path, so that the result is what a fresh build would give: the index in the order of
    `sources`, the same pixels. Sources that can't be read are listed in `failed.csv`, left out
    of the index, and tried again by the next run. `workers` is the number of processes (default:
    one a core; 1 works in this process). `rebuild` discards what `out` holds.

    Raises InputError for a cache with other settings, a folder that is not a cache, one that
    can't be written or has no room, and while another build writes to it; InterruptedRunError once
    what `stopping` gives is set. After each of them the same command continues where it was.
    """
    started = time.perf_counter()
    parse_format(file_format)
    if workers is not None and workers < 1:
        raise InputError(f"--workers is {workers}; at least 1 process is needed.")
    check_sources(sources, out)
    recipe = cache_recipe(settings, file_format)
    stats = stat_sources(sources)
    if not rebuild and is_complete(out):
        up_to_date = _find_up_to_date(sources, stats, out, recipe)
        if up_to_date is not None:
            record, images = up_to_date
            console.say(f"The CLAHE cache in {out} is up to date: nothing to do.")
            return _summarise(images, record.bytes, started, num_failed=0, num_tried=0)
    check_folder(out)
    if rebuild and holds_pixels(out):
        require_recognisable(out)
    with disk_faults_explained(out), locked(out):
        known = [] if rebuild else known_images(out, recipe)
        plan = plan_cache(sources, stats, known, file_format)
        if plan.tasks and known:
            console.say(f"{len(plan.kept)} of {len(sources)} images are in {out} already.")
        with _begin(plan, out, recipe, is_fresh=rebuild) as journal:
            made, failures = _make_planned(
                plan,
                out,
                settings,
                file_format=file_format,
                workers=workers or os.cpu_count() or 1,
                journal=journal,
                stopping=stopping,
            )
        finished = {**plan.kept, **made}
        images = [finished[one.image_id] for one in sources if one.image_id in finished]
        if failures:
            _write_failures(out / CACHE_FAILED, sources, failures)
        num_bytes = _complete(out, recipe, plan, images)
    num_tried = len(plan.tasks)
    return _summarise(images, num_bytes, started, num_failed=len(failures), num_tried=num_tried)


def require_all_read(summary: CacheSummary, folder: Path) -> None:
    """Raise CheckFailedError where sources of the cache in `folder` could not be read."""
    if summary.failed:
        raise CheckFailedError(
            f"{summary.failed} of {summary.images + summary.failed} images could not be read; "
            f"{folder / CACHE_FAILED} says why. Replace the files and run again, "
            "or pass --allow-failed."
        )


def cache_recipe(settings: ClaheSettings, file_format: FileFormat) -> CacheRecipe:
    """How pixels are made and kept, as a record or a journal says it."""
    return CacheRecipe(
        format=file_format,
        **settings.model_dump(),
        order=ORDER,
        opencv=cv2.__version__,
        dicom=DICOM_GREY,
    )


def _find_up_to_date(
    sources: Sequence[SourceImage],
    stats: Sequence[SourceStat],
    out: Path,
    recipe: CacheRecipe,
) -> tuple[CacheRecord, list[CachedImage]] | None:
    """The record and the images of the cache in `out`, or None where a build would change it.

    Damage that a look at all images has found, or now a look at a few, is such a change.
    """
    record, images = read_complete(out, recipe)
    plan = plan_cache(sources, stats, images, recipe.format)
    image_ids = [image.image_id for image in images]
    is_same = image_ids == [one.image_id for one in sources] and not plan.tasks
    if not is_same or record.source_fingerprint != plan.fingerprint:
        return None
    was_whole = recall_verification(out, record, image_ids)
    if was_whole is None:
        try:
            require_whole_sample(out, record, [image.stored for image in images])
        except InputError:
            was_whole = False
    return None if was_whole is False else (record, images)


def _begin(plan: CachePlan, out: Path, recipe: CacheRecipe, *, is_fresh: bool) -> Journal:
    """Leave of a former cache what the plan keeps; from here on a stopped build goes on."""
    former = listed_ids(out) if (out / PNG_FOLDER).exists() else set()
    png_ids = {*former, *(task.image_id for task in plan.tasks)}
    check_png_folders(out, png_ids if recipe.format == "png" else former)
    journal = Journal.start(out, recipe, plan.kept.values())
    mark_incomplete(out)
    if is_fresh:
        discard_packed(out)
    discard_pngs(out, former - plan.kept.keys())
    return journal


def _complete(
    out: Path, recipe: CacheRecipe, plan: CachePlan, images: Sequence[CachedImage]
) -> int:
    """Write index and record, the mark of a complete cache; returns the bytes of its pixels."""
    num_bytes = plan.num_sources * recipe.image_bytes
    if recipe.format == "png":
        num_bytes = flush_pngs(out, [image.image_id for image in images])
    index_path = out / CACHE_INDEX
    write_index(index_path, images, file_format=recipe.format)
    record = CacheRecord(
        **recipe.model_dump(),
        images=len(images),
        rows=plan.num_sources,
        bytes=num_bytes,
        source_fingerprint=plan.fingerprint,
        pixels=pixels_digest(image.stored for image in images),
        index_sha256=files.sha256_of_file(index_path),
        xlite=xlite.__version__,
    )
    files.write_json(out / CACHE_RECORD, record.model_dump())
    (out / JOURNAL).unlink()
    return num_bytes


def _make_planned(
    plan: CachePlan,
    out: Path,
    settings: ClaheSettings,
    *,
    file_format: FileFormat,
    workers: int,
    journal: Journal,
    stopping: StopSource,
) -> tuple[dict[str, CachedImage], dict[int, str]]:
    """The images made, by id, and the reasons of those that failed, by place in the sources."""
    if file_format == "packed":
        allocate(out / CACHE_IMAGES, plan.num_sources * settings.size**2)
    else:
        (out / PNG_FOLDER).mkdir(exist_ok=True)
    images: dict[str, CachedImage] = {}
    failures: dict[int, str] = {}
    num_windowed = 0
    with (
        contextlib.closing(PixelTarget(out, settings, file_format)) as target,
        stopping() as stop,
        console.progress_bar(plan.num_sources, "CLAHE", "image", initial=len(plan.kept)) as bar,
    ):
        for some in make_images(
            target, plan.tasks, file_format=file_format, workers=workers, stop=stop
        ):
            done = [plan.cached_image(made) for made in some if made.failure is None]
            journal.append(done)
            images.update((image.image_id, image) for image in done)
            failures.update(
                (made.position, made.failure) for made in some if made.failure is not None
            )
            num_windowed += sum(made.has_several_windows for made in some)
            bar.update(len(some))
        if stop.signal_number is not None and len(images) + len(failures) < len(plan.tasks):
            raise InterruptedRunError(
                f"Stopped: {len(plan.kept) + len(images)} of {plan.num_sources} images are done "
                f"and kept in {out}. Run the same command again to continue.",
                signal_number=stop.signal_number,
            )
        if file_format == "packed":
            used = {image.row for image in (*plan.kept.values(), *images.values())}
            target.blacken(sorted(set(range(plan.num_sources)) - used))
    if num_windowed:
        films = "film has" if num_windowed == 1 else "films have"
        console.say(f"{num_windowed:,} DICOM {films} several windows; the first was taken.")
    return images, failures


def _write_failures(path: Path, sources: Sequence[SourceImage], failures: dict[int, str]) -> None:
    with (
        files.atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("image_id", "path", "reason"))
        for position, reason in sorted(failures.items()):
            cells = (sources[position].image_id, printable(str(sources[position].path)), reason)
            writer.writerow(map(guard_cell, cells))


def _summarise(
    images: Sequence[CachedImage],
    num_bytes: int,
    started: float,
    *,
    num_failed: int,
    num_tried: int,
) -> CacheSummary:
    """The summary of a build that began at `started`, of `time.perf_counter`."""
    seconds = time.perf_counter() - started
    return CacheSummary(
        images=len(images),
        failed=num_failed,
        skipped=len(images) + num_failed - num_tried,
        seconds=seconds,
        ms_per_image=seconds * 1000 / num_tried if num_tried else float("nan"),
        bytes=num_bytes,
        bytes_decoded=sum(image.decoded_bytes for image in images),
        bytes_files=sum(image.bytes for image in images),
    )
