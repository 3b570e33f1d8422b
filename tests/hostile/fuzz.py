"""Feeds thousands of damaged images and tables to the readers, and finds what they may not do.

    python tests/hostile/fuzz.py --cases 10000 --seed 0

A reader may refuse a file in a sentence, or read it. It may not crash, hang, take gigabytes, or
believe what is not there: where it reads, an oracle of a few lines says what the file holds. Each
case is a pure function of the seed and its number.
"""

from __future__ import annotations

import argparse
import csv
import io
import multiprocessing
import os
import re
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[1]))

from hostile.mutations import (
    LABELS,
    Mutant,
    make_images,
    make_tables,
    mutate_image,
    mutate_table,
)

from xlite.clahe_cache.radiograph import MAX_PIXELS, UnreadableImageError, read_radiograph
from xlite.errors import XliteError
from xlite.judging.labelled_predictions import join_predictions
from xlite.tables.label_table import read_manifest
from xlite.tables.manifest import Manifest
from xlite.tables.table_format import TableFormat

SECONDS_A_CASE = 20
BYTES_MORE = 3 << 30
SHARE_OF_IMAGES = 0.5

FORMATS = {
    "nih.csv": TableFormat(),
    "columns.csv": TableFormat(image_col="file", label_cols=LABELS, patient_col="person"),
    "texts.csv": TableFormat(image_col="file", labels_col="finding", patient_col="person"),
}


class WrongResultError(AssertionError):
    """A reader believed what the file does not hold."""


@dataclass(frozen=True)
class Failure:
    """A case that did what none may do."""

    number: int
    name: str
    what: str


@cache
def sound_files() -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The images and the tables that are damaged."""
    return make_images(), make_tables()


def make_mutant(seed: int, number: int) -> Mutant:
    """The file of a case."""
    rng = np.random.default_rng([seed, number])
    images, tables = sound_files()
    if rng.random() < SHARE_OF_IMAGES:
        return mutate_image(rng, images)
    return mutate_table(rng, tables)


def check(mutant: Mutant, folder: Path) -> bool:
    """Whether the file was read; raises what no reader may raise."""
    path = folder / mutant.name
    path.write_bytes(mutant.content)
    try:
        if not mutant.name.endswith(".csv"):
            _check_image(path, mutant)
        elif mutant.name == "predictions.csv":
            _check_predictions(path, folder, mutant)
        else:
            _check_table(path, mutant)
    except (XliteError, UnreadableImageError) as refusal:
        if not str(refusal).strip():
            raise WrongResultError("refused without a word") from refusal
        return False
    return True


def _check_image(path: Path, mutant: Mutant) -> None:
    pixels = read_radiograph(path)
    if pixels.ndim != 2 or not 0 < pixels.size <= MAX_PIXELS:
        raise WrongResultError(f"pixels of shape {pixels.shape}")
    if path.suffix == ".png" and not mutant.is_resealed and mutant.content.startswith(b"\x89PNG"):
        # Its checksums cover all that pixels come from: what is read is a whole sound image.
        images, _ = sound_files()
        if not any(
            np.array_equal(pixels, _decode_sound(name)) for name in images if ".png" in name
        ):
            raise WrongResultError("a damaged PNG was read as other pixels")


@cache
def _decode_sound(name: str) -> Any:
    images, _ = sound_files()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(images[name])
        return read_radiograph(path)


def _check_table(path: Path, mutant: Mutant) -> None:
    layout = FORMATS[mutant.name]
    manifest = read_manifest(path, table_format=layout)
    header, rows = _parse_strictly(mutant.content)
    if len(rows) != len(manifest):
        raise WrongResultError(f"{len(manifest)} of {len(rows)} rows")
    for row, image_id, found in zip(rows, manifest.image_ids, manifest.labels, strict=True):
        cells = dict(zip(header, row, strict=True))
        if cells[layout.image_col] != image_id:
            raise WrongResultError(f"{cells[layout.image_col]!r} is read as {image_id!r}")
        if layout.label_cols:
            expected = {name: _read_code(cells[name]) for name in layout.label_cols}
        else:
            texts = {text.strip() for text in cells[layout.labels_col].split("|")} - {
                "",
                "No Finding",
            }
            unread = texts - set(manifest.vocabulary)
            if unread:
                raise WrongResultError(f"{unread} of {image_id!r} vanished")
            expected = {name: int(name in texts) for name in manifest.vocabulary}
        got = dict(zip(manifest.vocabulary, found.tolist(), strict=True))
        if got != expected:
            raise WrongResultError(f"labels of {image_id!r}: {got} instead of {expected}")


def _read_code(cell: str) -> int:
    known = {"1": 1, "1.0": 1, "0": 0, "0.0": 0, "-0": 0, "-1": -1, "-1.0": -1, "": -1, "nan": -1}
    if cell.lower() not in known:
        raise WrongResultError(f"{cell!r} was read as a label")
    return known[cell.lower()]


def _check_predictions(path: Path, folder: Path, mutant: Mutant) -> None:
    cases, _ = join_predictions(path, _truth(folder), name="fuzz")
    header, rows = _parse_strictly(mutant.content)
    by_image = {
        re.split(r"[/\\]", row[header.index(_image_column(header))])[-1]: row for row in rows
    }
    for image_id, probs in zip(cases.image_ids, cases.probs, strict=True):
        row = by_image[_last_part(image_id)]
        for label, prob in zip(cases.vocabulary, probs, strict=True):
            places = [
                k
                for k, name in enumerate(header)
                if _simple(name) in (_simple(label), _simple("prob" + label))
            ]
            if not any(abs(float(row[place]) - prob) < 1e-12 for place in places):
                raise WrongResultError(f"prob of {label} of {image_id!r} is read as {prob}")
        if not ((probs >= 0) & (probs <= 1)).all():
            raise WrongResultError(f"probs of {image_id!r}: {probs}")


def _truth(folder: Path) -> Manifest:
    _, tables = sound_files()
    path = folder / "truth.csv"
    path.write_bytes(tables["nih.csv"])
    return read_manifest(path, vocabulary=LABELS)


def _last_part(name: str) -> str:
    return re.split(r"[/\\]", name)[-1]


def _image_column(header: list[str]) -> str:
    known = ("image_id", "imageindex", "image", "filename", "file", "path", "imagepath")
    return next(name for name in header if _simple(name) in {_simple(word) for word in known})


def _simple(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).casefold()


def _parse_strictly(content: bytes) -> tuple[list[str], list[list[str]]]:
    """The header and rows of a CSV, without blanks around cells; all as long as the header."""
    text = content.decode("utf-8-sig")
    former = csv.field_size_limit(1 << 30)
    try:
        header, *rows = csv.reader(io.StringIO(text, newline=""))
    finally:
        csv.field_size_limit(former)
    rows = [[cell.strip() for cell in row] for row in rows if row]
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise WrongResultError(f"row {number} of {len(row)} cells was read under {len(header)}")
    return [name.strip() for name in header], rows


def run_range(numbers: range, seed: int, current: Any, report: Callable[[Any], None]) -> None:
    """Run cases, saying before each which it is, so that a crash has a number."""
    _limit_memory()
    # OpenCV and libpng say there what they think of a file.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    signal.signal(signal.SIGALRM, _give_up)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        for number in numbers:
            current.value = number
            mutant = make_mutant(seed, number)
            signal.alarm(SECONDS_A_CASE)
            try:
                report(check(mutant, Path(folder)))
            except Exception as fault:  # noqa: BLE001  (finding them is the point)
                what = traceback.format_exception_only(fault)[-1].strip()
                where = traceback.extract_tb(fault.__traceback__)[-1]
                at = f" ({Path(where.filename).name}:{where.lineno})"
                report(Failure(number, mutant.name, what[:300] + at))
            finally:
                signal.alarm(0)


def _give_up(*_: object) -> None:
    raise WrongResultError(f"not done after {SECONDS_A_CASE} s")


def _limit_memory() -> None:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return
    limit = pages * resource.getpagesize() + BYTES_MORE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def fuzz(num_cases: int, seed: int, jobs: int) -> tuple[int, list[Failure]]:
    """How many cases were read, and those that failed; each job is a process with a share."""
    edges = np.linspace(0, num_cases, jobs + 1).astype(int)
    context = multiprocessing.get_context("fork")
    pending = [range(a, b) for a, b in pairwise(edges)]
    read, failures = 0, []
    workers = [_start(context, numbers, seed) for numbers in pending if numbers]
    while workers:
        numbers, process, current, receiver = workers.pop(0)
        for result in _results(receiver):
            if isinstance(result, Failure):
                failures.append(result)
            else:
                read += bool(result)
        process.join()
        if process.exitcode:
            number = current.value
            failures.append(
                Failure(number, make_mutant(seed, number).name, f"exit {process.exitcode}")
            )
            rest = range(number + 1, numbers.stop)
            if rest:
                workers.append(_start(context, rest, seed))
    return read, sorted(failures, key=lambda failure: failure.number)


def _start(context: Any, numbers: range, seed: int) -> tuple[range, Any, Any, Any]:
    receiver, sender = context.Pipe(duplex=False)
    current = context.Value("q", numbers.start)
    process = context.Process(target=run_range, args=(numbers, seed, current, sender.send))
    process.start()
    sender.close()
    return numbers, process, current, receiver


def _results(receiver: Any) -> Iterator[Any]:
    while True:
        try:
            yield receiver.recv()
        except EOFError:
            return


def main() -> int:
    """The exit code: 1 where a case failed; `--keep DIR` saves the files of those."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    read, failures = fuzz(options.cases, options.seed, options.jobs)
    for failure in failures:
        sys.stdout.write(f"case {failure.number} ({failure.name}): {failure.what}\n")
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            mutant = make_mutant(options.seed, failure.number)
            (options.keep / f"{failure.number}-{mutant.name}").write_bytes(mutant.content)
    passed = options.cases - len(failures)
    sys.stdout.write(f"{passed:,} passed ({read:,} of them read), {len(failures)} failed\n")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
