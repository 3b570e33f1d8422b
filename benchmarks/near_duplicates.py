"""How well the same film is known under two names: `python -m benchmarks.near_duplicates IMAGES`.

IMAGES is a folder of real radiographs of different patients. Each is altered in eight ways and all
of them are searched together, from files. Then each is bent smoothly, as one patient's body is
between two films, and last the index alone is given random words of ever more films, some of which
are there twice. Prints what is found and writes `benchmarks/near_duplicates.json`.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from xlite import console, files
from xlite.clahe_cache.radiograph import read_radiograph
from xlite.splitting.near_duplicates.alignment import MIN_CORRELATION
from xlite.splitting.near_duplicates.film import SIDE, FilmMarks, shrink_film
from xlite.splitting.near_duplicates.index import FilmIndex
from xlite.splitting.near_duplicates.search import search_films
from xlite.splitting.near_duplicates.sources import search_files

RESULTS = Path(__file__).with_name("near_duplicates.json")

sys.path.append(str(Path(__file__).parents[1] / "tests"))

_MM_PER_PIXEL = 350 / SIDE
_BENDS_MM = (0.5, 1.0, 2.0, 3.0, 5.0)
_NUM_BENT = 100
_WORDS = 200
# As often alike as words of real films: a word's first 28 bits agree by chance once in 2^21.5.
_ONES = 0.69
_KEPT, _FLIPPED = 0.5, 0.08
_TWINS = 100


def main() -> None:
    """Measure and write all of it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.near_duplicates", description=__doc__
    )
    parser.add_argument("images", type=Path)
    paths = sorted(parser.parse_args().images.glob("*.png"))
    record: dict[str, Any] = {"planted": measure_planted(paths)}
    console.say(str(record["planted"]))
    record["bent"] = measure_bent(paths[:_NUM_BENT])
    console.say(str(record["bent"]))
    record["growth"] = [measure_growth(count) for count in (3_000, 10_000, 30_000, 60_000)]
    console.say(str(record["growth"]))
    files.write_json(RESULTS, record)
    console.say(f"written: {RESULTS}")


def measure_planted(paths: list[Path]) -> dict[str, Any]:
    """What is found of eight alterations of each film, and how near any others come."""
    from splitting.near_duplicates.altered_films import ALTERATIONS, alter

    with tempfile.TemporaryDirectory() as folder:
        names, places = [path.name for path in paths], list(paths)
        for seed, path in enumerate(paths):
            film = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            for change in ALTERATIONS:
                place = Path(folder) / f"{change}|{path.name}"
                cv2.imwrite(str(place), alter(film, change, seed), [cv2.IMWRITE_PNG_COMPRESSION, 1])
                names.append(place.name)
                places.append(place)
        start = time.process_time()
        for place in places:
            read_radiograph(place)
        decoding = time.process_time() - start
        start, wall = time.process_time(), time.perf_counter()
        # Pairs that would be rejected are looked at, too.
        pairs = search_files(names, places, least=0.0)[0]
        seconds, wall = time.process_time() - start, time.perf_counter() - wall
    of_film = {name: name.rpartition("|")[2] for name in names}
    true: dict[str, list[float]] = {change: [] for change in ALTERATIONS}
    false, real = [0.0], [0.0]
    for pair in pairs:
        if of_film[pair.first] != of_film[pair.second]:
            false.append(pair.correlation)
            if "|" not in pair.first + pair.second:
                real.append(pair.correlation)
        elif "|" not in pair.first:
            true[pair.second.partition("|")[0]].append(pair.correlation)
    found = {
        change: sum(one >= MIN_CORRELATION for one in values) for change, values in true.items()
    }
    return {
        "films": len(paths),
        "images": len(names),
        "found": found,
        "lowest_1_percent": {
            change: round(float(np.percentile(values, 1)), 3) for change, values in true.items()
        },
        "false_pairs": sum(one >= MIN_CORRELATION for one in false),
        "highest_false": max(false),
        "highest_of_real_films": max(real),
        "candidates_of_two_films": len(false) - 1,
        "cpu_seconds": round(seconds, 1),
        "cpu_seconds_of_decoding": round(decoding, 1),
        "wall_seconds": round(wall, 1),
    }


def measure_bent(paths: list[Path]) -> dict[str, float]:
    """The share of films that are still one when all of them moves smoothly, by mm (root of mean
    square)."""
    shrunk = [shrink_film(read_radiograph(path)) for path in paths]
    return {f"{mm:g}": _share_bent(shrunk, mm) for mm in _BENDS_MM}


def _share_bent(shrunk: list[NDArray[np.uint8]], mm: float) -> float:
    rng = np.random.default_rng(0)
    x, y = np.meshgrid(np.arange(SIDE, dtype=np.float32), np.arange(SIDE, dtype=np.float32))
    count = 0
    for film in shrunk:
        moves = []
        for _ in range(2):
            field = cv2.GaussianBlur(
                rng.standard_normal((SIDE, SIDE)).astype(np.float32), (0, 0), 12
            )
            moves.append(field * np.float32(mm / _MM_PER_PIXEL / math.sqrt(2) / field.std()))
        bent = cv2.remap(film, x + moves[0], y + moves[1], cv2.INTER_CUBIC)
        both = [film, np.asarray(bent, np.uint8)]
        pairs = search_films(["a", "b"], both, both.__getitem__)
        count += any(pair.correlation >= MIN_CORRELATION for pair in pairs)
    return count / len(shrunk)


def measure_growth(count: int) -> dict[str, float]:
    """Seconds and candidates of an index of random words, in which some films are there twice."""
    rng = np.random.default_rng(count)
    films = [_draw_film(rng) for _ in range(count - _TWINS)]
    films += [_alter_film(film, rng) for film in films[:_TWINS]]
    start = time.process_time()
    pairs = {(one.first, one.second) for one in FilmIndex(films).find_candidates()}
    seconds = time.process_time() - start
    planted = {(film, count - _TWINS + film) for film in range(_TWINS)}
    return {
        "films": count,
        "seconds": round(seconds, 2),
        "ms_per_film": round(seconds * 1000 / count, 4),
        "twins_found": len(pairs & planted) / _TWINS,
        "other_candidates_per_film": round(len(pairs - planted) / count, 5),
    }


def _draw_film(rng: np.random.Generator) -> FilmMarks:
    points = rng.uniform(4, SIDE - 5, (96, 2)).astype(np.float32)
    ends = np.stack([rng.integers(0, 48, _WORDS), rng.integers(48, 96, _WORDS)], axis=1)
    bits = np.zeros((_WORDS, 64), np.bool_)
    bits[:, 2:] = rng.random((_WORDS, 62), np.float32) < _ONES
    words = np.packbits(bits, axis=1).view(">u8").ravel().astype(np.uint64)
    mirrored = rng.random(_WORDS) < 0.5
    return FilmMarks(points, points[:, 0] > 0, words, ends.astype(np.uint8), mirrored)


def _alter_film(film: FilmMarks, rng: np.random.Generator) -> FilmMarks:
    """The film with half of its words lost, and in the others one bit in twelve changed."""
    kept = rng.random(len(film.words)) < _KEPT
    bits = np.zeros((len(film.words), 64), np.bool_)
    bits[:, 2:] = rng.random((len(film.words), 62)) < np.where(kept, _FLIPPED, 0.5)[:, None]
    changes = np.packbits(bits, axis=1).view(">u8").ravel().astype(np.uint64)
    return film._replace(words=film.words ^ changes)


if __name__ == "__main__":
    main()
