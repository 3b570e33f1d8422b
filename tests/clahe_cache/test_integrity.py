from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.clahe_cache.test_build import SETTINGS, assert_like_fresh, build, make_sources
from xlite.clahe_cache import integrity
from xlite.clahe_cache.build import build_cache
from xlite.clahe_cache.integrity import STAMP, CacheVerification, verify_cache
from xlite.clahe_cache.plan import SourceImage
from xlite.clahe_cache.record import png_name
from xlite.clahe_cache.store import ClaheCache
from xlite.errors import InputError
from xlite.settings import ClaheSettings

NUM_IMAGES = 12
SIZE = SETTINGS.size


def flip_a_byte(out: Path, *, row: int = 5) -> None:
    with (out / "images.u8").open("r+b") as file:
        file.seek(row * SIZE**2 + 7)
        byte = file.read(1)[0]
        file.seek(row * SIZE**2 + 7)
        file.write(bytes([byte ^ 1]))


def rewrite_index(out: Path, change: Callable[[list[dict[str, str]]], None]) -> None:
    with (out / "index.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    change(lines)
    with (out / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, lines[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


def reverse(column: str) -> Callable[[list[dict[str, str]]], None]:
    def change(lines: list[dict[str, str]]) -> None:
        values = [line[column] for line in lines]
        for line, value in zip(lines, reversed(values), strict=True):
            line[column] = value

    return change


def swap(*columns: str) -> Callable[[list[dict[str, str]]], None]:
    def change(lines: list[dict[str, str]]) -> None:
        for column in columns:
            lines[2][column], lines[9][column] = lines[9][column], lines[2][column]

    return change


def repeat(column: str) -> Callable[[list[dict[str, str]]], None]:
    return lambda lines: lines[3].update({column: lines[4][column]})


def set_cell(column: str, value: str) -> Callable[[list[dict[str, str]]], None]:
    return lambda lines: lines[3].update({column: value})


def make_old(out: Path) -> None:
    """Leave the cache as version 0.1 wrote it."""
    record = json.loads((out / "cache.json").read_text())
    del record["schema_version"], record["index_sha256"]
    (out / "cache.json").write_text(json.dumps(record))


def set_key(out: Path, **values: Any) -> None:
    record = json.loads((out / "cache.json").read_text())
    (out / "cache.json").write_text(json.dumps({**record, **values}))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("built")
    sources = make_sources(folder / "raw", NUM_IMAGES)
    for file_format in ("packed", "png"):
        build(sources, folder / file_format, file_format)
    return {name: folder / name for name in ("raw", "packed", "png")}


def sources_of(built: dict[str, Path]) -> list[SourceImage]:
    paths = sorted(built["raw"].rglob("*.png"), key=lambda path: path.name)
    return [SourceImage(path.name, path) for path in paths]


def copy_of(built: dict[str, Path], file_format: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built[file_format], tmp_path / "cache"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (reverse("row"), "was changed since"),
        (swap("row"), "was changed since"),
        (swap("image_id"), "was changed since"),
        (swap("row", "crc32"), "was changed since"),
        (swap(*("row", "crc32", "path", "bytes", "mtime_ns", "width")), "was changed since"),
        (repeat("row"), "names the row 4 twice"),
        (repeat("image_id"), "names the image 00000004_000.png twice"),
        (set_cell("row", "99"), "names rows that a cache of 12 rows does not have"),
        (set_cell("row", "-1"), "row 5 has '-1' as its row"),
        (set_cell("row", "9" * 5000), "row 5 has '9999.*' as its row"),
        (set_cell("crc32", "x"), "row 5 has 'x' as its crc32"),
        (lambda lines: lines.pop(), "has 11 images, cache.json says 12"),
        (lambda lines: lines.reverse(), "was changed since"),
    ],
)
@pytest.mark.parametrize("file_format", ["packed", "png"])
def test_an_index_that_was_changed_is_refused_at_opening(
    built: dict[str, Path],
    tmp_path: Path,
    file_format: str,
    change: Callable[[list[dict[str, str]]], None],
    message: str,
) -> None:
    out = copy_of(built, file_format, tmp_path)
    rewrite_index(out, change)
    with pytest.raises(InputError, match=rf"index\.csv.*{message}.*--rebuild"):
        ClaheCache.open(out)
    with pytest.raises(InputError, match=rf"index\.csv.*{message}.*--rebuild"):
        build(sources_of(built), out, file_format)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (reverse("row"), "12 of 12 images that were looked at"),
        (swap("row"), r"2 of 12 .*00000009_000\.png in row 2, 00000002_000\.png in row 9"),
        (swap("image_id"), "was changed since"),
        (swap("row", "crc32"), "was changed since"),
        (lambda lines: lines.reverse(), "was changed since"),
    ],
)
def test_a_changed_index_of_version_0_1_is_seen_by_the_pixels(
    built: dict[str, Path],
    tmp_path: Path,
    change: Callable[[list[dict[str, str]]], None],
    message: str,
) -> None:
    out = copy_of(built, "packed", tmp_path)
    make_old(out)
    assert len(ClaheCache.open(out)) == NUM_IMAGES
    rewrite_index(out, change)
    with pytest.raises(InputError, match=message):
        ClaheCache.open(out)


def test_a_cache_of_version_0_1_is_used_and_kept(built: dict[str, Path], tmp_path: Path) -> None:
    out = copy_of(built, "packed", tmp_path)
    fingerprint = ClaheCache.open(out).fingerprint
    make_old(out)
    cache = ClaheCache.open(out)
    cache.require_whole()
    assert cache.fingerprint == fingerprint
    before = (out / "cache.json").read_bytes()
    sources = sources_of(built)
    assert build(sources, out).skipped == NUM_IMAGES
    assert (out / "cache.json").read_bytes() == before


def append_a_byte(out: Path) -> None:
    with (out / "images.u8").open("ab") as file:
        file.write(b"\0")


def lose_a_png(out: Path) -> None:
    (out / png_name("00000005_000.png")).unlink()


def another_png(out: Path) -> None:
    shutil.copyfile(out / png_name("00000006_000.png"), out / png_name("00000005_000.png"))


def png_as_pipe(out: Path) -> None:
    lose_a_png(out)
    os.mkfifo(out / png_name("00000005_000.png"))


DAMAGE = [
    ("packed", flip_a_byte, r"1 of 12 .*00000005_000\.png in row 5\)"),
    ("packed", lambda out: (out / "images.u8").unlink(), r"images\.u8 is missing"),
    (
        "packed",
        lambda out: os.truncate(out / "images.u8", 6 * SIZE**2 - 1),
        r"images\.u8 has 6,143 bytes of 12,288",
    ),
    ("packed", append_a_byte, r"images\.u8 has 12,289 bytes of 12,288"),
    ("packed", lambda out: set_key(out, size=64), r"images\.u8 has 12,288 bytes of 49,152"),
    ("png", lose_a_png, r"1 of 12 .*00000005_000\.png in row 5\)"),
    ("png", another_png, r"1 of 12 .*00000005_000\.png in row 5\)"),
    ("png", png_as_pipe, r"1 of 12 .*00000005_000\.png in row 5\)"),
    ("png", lambda out: set_key(out, size=64), r"12 of 12 images"),
]


@pytest.mark.parametrize(("file_format", "damage", "message"), DAMAGE)
def test_damaged_pixels_are_refused_and_made_again_by_the_next_build(
    built: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    file_format: str,
    damage: Callable[[Path], None],
    message: str,
) -> None:
    out = copy_of(built, file_format, tmp_path)
    damage(out)
    with pytest.raises(InputError, match=rf"{message}.*`xlite cache-clahe` that built"):
        ClaheCache.open(out)
    sources = sources_of(built)
    if json.loads((out / "cache.json").read_text())["size"] != SIZE:
        with pytest.raises(InputError, match="other settings"):
            build(sources, out, file_format)
        return
    build(sources, out, file_format)
    assert "nothing to do" not in capsys.readouterr().err
    assert_like_fresh(sources, out, file_format)


def test_what_a_sample_misses_is_found_before_training_once(
    built: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(integrity, "_SAMPLE", 2)
    out = copy_of(built, "packed", tmp_path)
    flip_a_byte(out)
    cache = ClaheCache.open(out)
    with pytest.raises(InputError, match=r"1 of 12 .*00000005_000\.png in row 5\).*--verify"):
        cache.require_whole()
    # The build that follows knows of it, although its own sample shows nothing.
    sources = sources_of(built)
    assert build(sources, out).skipped == NUM_IMAGES - 1
    assert_like_fresh(sources, out, "packed")

    cache = ClaheCache.open(out)
    cache.require_whole()
    with monkeypatch.context() as patch:
        patch.setattr(integrity, "verify_cache", None)
        ClaheCache.open(out).require_whole()
    flip_a_byte(out, row=4)
    stat = (out / "images.u8").stat()
    os.utime(out / "images.u8", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(InputError, match=r"00000004_000\.png in row 4\)"):
        cache.require_whole()
    found = verify_cache(out)
    assert [image["row"] for image in found.to_json()["damaged"]] == [4]
    assert CacheVerification.from_json(found.to_json()) == found


@pytest.mark.parametrize("file_format", ["packed", "png"])
def test_a_look_at_everything_is_forgotten_when_anything_changes(
    built: dict[str, Path], tmp_path: Path, file_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = copy_of(built, file_format, tmp_path)
    assert verify_cache(out).is_whole
    cache = ClaheCache.open(out)
    looks = []
    verify = integrity.verify_cache
    monkeypatch.setattr(
        integrity, "verify_cache", lambda folder: looks.append(folder) or verify(folder)
    )
    pixels = out / ("images.u8" if file_format == "packed" else png_name("00000003_000.png"))
    for change in (
        lambda: os.utime(pixels),
        lambda: (out / "cache.json").write_text((out / "cache.json").read_text() + "\n"),
        lambda: (out / STAMP).write_text("{"),
        lambda: (out / STAMP).unlink(),
    ):
        cache.require_whole()
        assert looks == [], "ensure that the last look is remembered"
        change()
        cache.require_whole()
        assert looks == [out]
        looks.clear()


def test_a_folder_that_cannot_be_written_is_looked_at_each_time(
    built: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = copy_of(built, "packed", tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(integrity.files, "write_json", refuse)
    ClaheCache.open(out).require_whole()
    assert not (out / STAMP).exists()


def test_rebuilt_caches_are_looked_at_again(built: dict[str, Path], tmp_path: Path) -> None:
    out = copy_of(built, "packed", tmp_path)
    ClaheCache.open(out).require_whole()
    sources = sources_of(built)
    build_cache(sources, out, ClaheSettings(size=SIZE, clip=3.0), workers=1, rebuild=True)
    assert not (out / STAMP).exists()


def test_many_chunks_name_each_damaged_image(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(integrity, "_CHUNK", 4)
    sources = make_sources(tmp_path / "raw", 30)
    build(sources, tmp_path / "cache")
    rows = [0, 3, 4, 17, 29]
    for row in rows:
        flip_a_byte(tmp_path / "cache", row=row)
    assert [image.row for image in verify_cache(tmp_path / "cache").damaged] == rows
    assert np.isfinite(verify_cache(tmp_path / "cache").seconds)
