"""The processes that turn radiographs into cached pixels.

Workers write the pixels themselves and send back a few numbers an image. They end with their
parent, however it ends, and leave signals to it.
"""

from __future__ import annotations

import io
import itertools
import multiprocessing
import os
import signal
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from xlite.clahe_cache.clahe import apply_clahe
from xlite.clahe_cache.file_names import CACHE_IMAGES
from xlite.clahe_cache.opencv_threads import one_opencv_thread
from xlite.clahe_cache.radiograph import UnreadableImageError, read_radiograph
from xlite.clahe_cache.record import FileFormat, png_name
from xlite.errors import XliteError
from xlite.own_process import keep_freed_memory
from xlite.settings import ClaheSettings
from xlite.signals import StopRequest, end_with_parent, hold_back_interrupts

if TYPE_CHECKING:
    from numpy.typing import NDArray

# At about 11 ms an image a chunk takes 0.05 s: the overhead of sending it is below 1 %, and no
# more than that is lost by a kill, or waited for at the end.
_CHUNK = 4
_POLL_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True)
class Task:
    """One image to be made; `position` is its place among the sources."""

    position: int
    row: int
    image_id: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Made:
    """What became of a task: its pixels' CRC-32 and the source's size, or why it failed."""

    position: int
    row: int
    image_id: str
    crc32: int = 0
    height: int = 0
    width: int = 0
    bits: int = 0
    has_several_windows: bool = False
    """Whether it is a DICOM film of several windows, of which the first was taken."""
    failure: str | None = None


class PixelTarget:
    """Where cached pixels go: a row of `images.u8` or a PNG, in a folder that exists already."""

    def __init__(self, out: Path, settings: ClaheSettings, file_format: FileFormat) -> None:
        self.out = out
        self.settings = settings
        self._file: io.FileIO | None = None
        if file_format == "packed":
            # Plain writes, not a memory map: a full disk is then an OSError, never a SIGBUS.
            self._file = io.FileIO(out / CACHE_IMAGES, "r+")

    def make(self, task: Task) -> Made:
        """Read, equalise and store one image. Raises OSError when it can't be stored."""
        done = Made(position=task.position, row=task.row, image_id=task.image_id)
        noted: list[bool] = []
        try:
            image = read_radiograph(task.path, note_windows=lambda: noted.append(True))
        except UnreadableImageError as error:
            return replace(done, failure=error.reason)
        pixels = apply_clahe(image, self.settings)
        if self._file is None:
            _write_png(self.out / png_name(task.image_id), pixels)
        else:
            self._write_row(task.row, pixels)
        return replace(
            done,
            crc32=zlib.crc32(pixels.data),
            height=image.shape[0],
            width=image.shape[1],
            bits=image.dtype.itemsize * 8,
            has_several_windows=bool(noted),
        )

    def blacken(self, rows: Iterable[int]) -> None:
        """Leave nothing of former images in these rows of `images.u8`."""
        black = np.zeros((self.settings.size, self.settings.size), np.uint8)
        for row in rows:
            self._write_row(row, black)

    def close(self) -> None:
        """Close the file; packed pixels are flushed to the disk first."""
        if self._file is not None:
            os.fsync(self._file.fileno())
            self._file.close()

    def _write_row(self, row: int, pixels: NDArray[np.uint8]) -> None:
        assert self._file is not None
        self._file.seek(row * self.settings.size**2)
        rest = pixels.data.cast("B")
        while rest:
            rest = rest[self._file.write(rest) :]


def make_images(
    target: PixelTarget,
    tasks: Sequence[Task],
    *,
    file_format: FileFormat,
    workers: int,
    stop: StopRequest,
) -> Iterator[list[Made]]:
    """Yield what became of the tasks, some at a time and in any order, until all are done.

    Of `workers` processes this one is the first, which works while the others start (0.4 s).
    Ends early, with running images finished, once `stop` is set. Raises OSError
    when pixels can't be stored, after what was stored has been yielded.
    """
    if workers == 1:
        for task in tasks:
            if stop:
                return
            yield [target.make(task)]
        return
    context = multiprocessing.get_context("spawn")
    initargs = (target.out, target.settings, file_format)
    with (
        one_opencv_thread(),
        ProcessPoolExecutor(workers - 1, context, _start_worker, initargs) as pool,
    ):
        yield from _share_out(target, iter(tasks), pool, num_helpers=workers - 1, stop=stop)


def _share_out(
    target: PixelTarget,
    tasks: Iterator[Task],
    pool: ProcessPoolExecutor,
    *,
    num_helpers: int,
    stop: StopRequest,
) -> Iterator[list[Made]]:
    problem: Exception | None = None
    pending: set[Future[list[Made]]] = set()
    while True:
        task: Task | None = None
        if not stop and problem is None:
            # One chunk in work and one ahead for each helper.
            with hold_back_interrupts():
                for chunk in itertools.islice(_chunks(tasks), 2 * num_helpers - len(pending)):
                    pending.add(pool.submit(_make_chunk, chunk))
            task = next(tasks, None)
        else:
            pending = {future for future in pending if not future.cancel()}
        if task is not None:
            try:
                yield [target.make(task)]
            except OSError as error:
                problem = error
        elif not pending:
            break
        done, pending = wait(pending, 0 if task else _POLL_SECONDS, FIRST_COMPLETED)
        for future in done:
            failure = future.exception()
            if failure is None:
                yield future.result()
            elif isinstance(failure, OSError | BrokenProcessPool):
                problem = failure
            else:
                raise failure
    if isinstance(problem, BrokenProcessPool) and not stop:
        raise XliteError(
            "A worker process was killed, most often because memory ran out. Finished images are "
            "kept: run the same command again with a smaller --workers."
        )
    if isinstance(problem, OSError):
        raise problem


def _chunks(tasks: Iterator[Task]) -> Iterator[list[Task]]:
    while chunk := list(itertools.islice(tasks, _CHUNK)):
        yield chunk


_worker_target: PixelTarget | None = None


def _start_worker(out: Path, settings: ClaheSettings, file_format: FileFormat) -> None:
    global _worker_target
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    cv2.setNumThreads(1)
    keep_freed_memory()
    # libpng and libjpeg write to the terminal from C; what they find is in failed.csv.
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    _worker_target = PixelTarget(out, settings, file_format)


def _make_chunk(tasks: Sequence[Task]) -> list[Made]:
    assert _worker_target is not None
    return [_worker_target.make(task) for task in tasks]


def _write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    encoded = cv2.imencode(".png", pixels)[1]
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not atomic_path: its fsync an image would cost more than CLAHE; the CRC guards a resume.
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_bytes(encoded.tobytes())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
