"""What a build does to a folder that is not, or not wholly, its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clahe_cache.test_build import (
    SETTINGS,
    assert_like_fresh,
    build,
    make_sources,
    write_image,
)
from tests.clahe_cache.test_shards import build_shards, merge
from xlite.clahe_cache.build import build_cache
from xlite.clahe_cache.journal import JOURNAL
from xlite.clahe_cache.plan import SourceImage
from xlite.clahe_cache.store import ClaheCache
from xlite.errors import InputError
from xlite.settings import ClaheSettings

needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")


def listing(folder: Path) -> dict[str, Any]:
    """What lies below a folder: the content of files, the targets of links."""
    paths = sorted(folder.rglob("*"))
    return {
        path.relative_to(folder).as_posix(): os.readlink(path)  # noqa: PTH115
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else None
        for path in paths
    }


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """Somebody's folder beside the cache."""
    folder = tmp_path / "private"
    for name in ("letter.txt", "00000000_000.png", "scans/00000001_000.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"precious {name}")
    return folder


def rebuild(sources: list[SourceImage], out: Path, file_format: str = "packed") -> None:
    build_cache(sources, out, SETTINGS, file_format=file_format, workers=1, rebuild=True)  # type: ignore[arg-type]


LINKS = [
    ("packed", "images.u8", "letter.txt"),
    ("packed", "cache.json", "letter.txt"),
    ("packed", "index.csv", "letter.txt"),
    ("packed", "failed.csv", "letter.txt"),
    ("packed", "verified.json", "letter.txt"),
    ("packed", JOURNAL, "letter.txt"),
    ("packed", ".building.lock", "letter.txt"),
    ("packed", "images", "."),
    ("png", "images", "."),
    ("png", "images", "scans"),
]


@pytest.mark.parametrize(("file_format", "name", "target"), LINKS)
@pytest.mark.parametrize("state", ["new", "complete", "changed", "rebuilt", "merged"])
def test_nothing_is_written_or_deleted_through_a_link(
    tmp_path: Path, private: Path, file_format: str, name: str, target: str, state: str
) -> None:
    sources = make_sources(tmp_path / "raw", 6)
    out = tmp_path / "cache"
    out.mkdir()
    if state == "merged":
        build_shards(sources, out, file_format)
    elif state != "new":
        build(sources, out, file_format)
        if (out / name).is_dir():
            shutil.rmtree(out / name)
        else:
            (out / name).unlink(missing_ok=True)
    (out / name).symlink_to(private / target)
    before = listing(private)
    if state == "changed":
        write_image(sources[2].path, 70)
    attempt = {"merged": merge, "rebuilt": rebuild}.get(state, build)
    with pytest.raises(InputError) as caught:
        attempt(sources if state == "merged" else sources[:-1], out, file_format)
    assert str(out / name) in str(caught.value)
    assert listing(private) == before
    assert (out / name).is_symlink()


def test_a_linked_folder_among_the_pngs_is_refused(tmp_path: Path, private: Path) -> None:
    sources = make_sources(tmp_path / "raw", 4)
    nested = [SourceImage(f"scans/{one.image_id}", one.path) for one in sources]
    out = tmp_path / "cache"
    build(nested, out, "png")
    shutil.rmtree(out / "images" / "scans")
    (out / "images" / "scans").symlink_to(private / "scans")
    before = listing(private)
    for attempt in (build, rebuild):
        with pytest.raises(InputError, match="scans is a link"):
            attempt(nested, out, "png")
        with pytest.raises(InputError, match="scans is a link"):
            attempt(sources, out, "png")
    assert listing(private) == before


def test_a_png_that_is_a_link_is_replaced_and_its_target_is_not(
    tmp_path: Path, private: Path
) -> None:
    sources = make_sources(tmp_path / "raw", 4)
    out = tmp_path / "cache"
    build(sources, out, "png")
    png = out / "images" / "00000000_000.png"
    png.unlink()
    png.symlink_to(private / "00000000_000.png")
    before = listing(private)
    build(sources, out, "png")
    assert not png.is_symlink()
    assert_like_fresh(sources, out, "png")
    assert listing(private) == before


def test_only_pngs_that_a_build_has_named_are_deleted(tmp_path: Path) -> None:
    sources = make_sources(tmp_path / "raw", 6)
    out = tmp_path / "cache"
    build(sources, out, "png")
    foreign = [out / "images" / name for name in ("mine.png", "my/notes.txt")]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    build(sources[:-2], out, "png")
    assert not (out / "images" / sources[-1].image_id).exists()
    build(sources, out, "png")
    rebuild(sources[1:], out, "png")
    assert not (out / "images" / sources[0].image_id).exists()
    rebuild(sources, out, "packed")
    assert sorted(path for path in (out / "images").rglob("*") if path.is_file()) == foreign
    assert [path.read_text() for path in foreign] == ["mine", "mine"]


def test_folders_of_pngs_go_when_they_are_empty(tmp_path: Path) -> None:
    sources = make_sources(tmp_path / "raw", 4)
    nested = [SourceImage(f"a/b/{one.image_id}", one.path) for one in sources]
    build(nested, tmp_path / "cache", "png")
    rebuild(nested, tmp_path / "cache", "packed")
    assert not (tmp_path / "cache" / "images").exists()


def test_a_folder_that_only_looks_like_a_cache_is_not_rebuilt(tmp_path: Path) -> None:
    sources = make_sources(tmp_path / "raw", 2)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "cache.json").write_text('{"my": "own"}')
    (foreign / "images.u8").write_bytes(b"precious")
    before = listing(foreign)
    with pytest.raises(InputError, match="has no 'format'"):
        build(sources, foreign)
    with pytest.raises(InputError, match="nothing there is discarded"):
        rebuild(sources, foreign)
    assert listing(foreign) == before


@needs_pipes
@pytest.mark.parametrize("name", ["images.u8", ".building.lock", "cache.json", JOURNAL])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_pipes_and_folders_in_place_of_files_are_named(
    tmp_path: Path, name: str, make: Callable[[Path], None]
) -> None:
    sources = make_sources(tmp_path / "raw", 3)
    out = tmp_path / "cache"
    build(sources, out)
    (out / name).unlink(missing_ok=True)
    make(out / name)
    for attempt in (lambda: build(sources[:2], out), lambda: rebuild(sources, out)):
        with pytest.raises(InputError, match=r"cache"):
            attempt()


def test_targets_that_can_be_no_cache_are_refused_before_images_are_looked_at(
    tmp_path: Path, xlite: Any
) -> None:
    (tmp_path / "file").write_text("")
    for out, message in (
        (tmp_path / "file" / "cache", "is not a folder"),
        (tmp_path / ("n" * 300), "is too long"),
        (tmp_path / ("n" * 300) / "cache", "is too long"),
        (Path("/proc/cache"), "can't be written to"),
        (Path("/dev/null"), "is not a folder"),
    ):
        result = xlite("cache-clahe", "--labels", "absent.csv", "--out", out)
        assert result.exit_code == 2, result.output
        assert message in result.stderr
        result = xlite("cache-clahe", "--labels", "absent.csv", "--out", out, "--rebuild")
        assert result.exit_code == 2
        assert message in result.stderr


def test_images_in_the_folder_of_the_cache_are_refused(
    project: Any, tmp_path: Path, xlite: Any
) -> None:
    images = Path(shutil.copytree(project.images, tmp_path / "images"))
    before = listing(tmp_path)
    arguments = ("cache-clahe", "--labels", project.table, "--images", images, "--size", 32)
    for out in (images, tmp_path, tmp_path / "images" / ".." / "images"):
        result = xlite(*arguments, "--out", out)
        assert result.exit_code == 2
        assert "out" in result.stderr
    assert listing(tmp_path) == before
    # A PNG cache below the images is not taken for images by the next command.
    for _ in range(2):
        made = xlite(*arguments, "--format", "png", "--out", images / "cache")
        assert made.exit_code == 0, made.output


def dump(value: Any) -> bytes:
    return json.dumps(value).encode()


def without(record: dict[str, Any], key: str) -> bytes:
    return dump({name: value for name, value in record.items() if name != key})


FAULTS: list[tuple[Callable[[dict[str, Any]], bytes], str]] = [
    (lambda r: b"", "is not valid JSON"),
    (lambda r: b"\xff\xfe", "is not valid JSON"),
    (lambda r: b"[" * 100_000, "is not valid JSON"),
    (lambda r: b'{"format": ' + b"9" * 5000 + b"}", "cache.json"),
    (lambda r: dump(r).replace(b'"size": 32', b'"size": ' + b"9" * 5000), "out of range"),
    (lambda r: dump({**r, "size": 1 << 70}), "size"),
    (lambda r: dump({**r, "size": -1}), "--size"),
    (lambda r: dump({**r, "clip": "2.0"}), "'clip'"),
    (lambda r: dump({**r, "clip": float("nan")}), "cache.json"),
    (lambda r: dump({**r, "fit": "squash"}), "--fit"),
    (lambda r: dump({**r, "format": "zip"}), "'format'"),
    (lambda r: dump({**r, "rows": None}), "'rows'"),
    (lambda r: dump({**r, "rows": -3}), "'rows'"),
    (lambda r: dump({**r, "images": [1]}), "'images'"),
    (lambda r: dump({**r, "pixels": 5}), "'pixels'"),
    (lambda r: dump({**r, "schema_version": 99}), "newer xlite"),
    (lambda r: dump([r]), "no JSON object"),
    *[
        (lambda r, key=key: without(r, key), f"has no '{key}'")
        for key in ("format", "size", "opencv", "images", "rows", "source_fingerprint", "pixels")
    ],
]


@pytest.mark.parametrize(("change", "message"), FAULTS)
def test_a_damaged_record_is_one_sentence(
    tmp_path: Path, change: Callable[[dict[str, Any]], bytes], message: str
) -> None:
    sources = make_sources(tmp_path / "raw", 2)
    out = tmp_path / "cache"
    build(sources, out)
    path = out / "cache.json"
    path.write_bytes(change(json.loads(path.read_bytes())))
    for attempt in (lambda: ClaheCache.open(out), lambda: build(sources, out)):
        with pytest.raises(InputError) as caught:
            attempt()
        text = str(caught.value)
        assert message in text
        assert "cache.json" in text
        assert "\n" not in text
        assert len(text) < 400 + len(str(path))
    rebuild(sources, out)
    assert_like_fresh(sources, out, "packed")


@pytest.mark.parametrize(
    "head", [b"", b"[1]", b"{}", b"[" * 100_000, b'{"size": ' + b"9" * 5000 + b"}", b"\xff"]
)
def test_a_journal_without_a_recipe_is_one_sentence(tmp_path: Path, head: bytes) -> None:
    out = tmp_path / "cache"
    out.mkdir()
    (out / JOURNAL).write_bytes(head)
    with pytest.raises(InputError, match=r"building\.jsonl is damaged.*--rebuild"):
        build(make_sources(tmp_path / "raw", 2), out)
    rebuild(make_sources(tmp_path / "raw", 2), out)


def test_foreign_lines_of_a_journal_are_left_out(tmp_path: Path) -> None:
    sources = make_sources(tmp_path / "raw", 3)
    out = tmp_path / "cache"
    build(sources, out)
    record = json.loads((out / "cache.json").read_bytes())
    line = {"image_id": "x", "path": "x", "bytes": 1, "mtime_ns": 1, "height": 1, "width": 1}
    lines: list[Any] = [
        {**line, "bits": 8, "row": 1 << 80, "crc32": 1},
        {**line, "bits": 8, "row": -1, "crc32": 1},
        {**line, "bits": 8, "row": 1, "crc32": "1"},
        {**line, "bits": [], "row": 1, "crc32": 1},
        [],
        None,
    ]
    text = [dump(record), *map(dump, lines), b"[" * 100_000, b'{"row": ' + b"9" * 5000, b"\xff"]
    (out / "cache.json").unlink()
    (out / JOURNAL).write_bytes(b"\n".join(text))
    build(sources, out)
    assert_like_fresh(sources, out, "packed")


def test_names_that_are_no_text_are_cached(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    sources = [
        SourceImage(f"{number}.png", folder / os.fsdecode(b"\xff%d" % number) / f"{number}.png")
        for number in range(3)
    ]
    for number, source in enumerate(sources):
        write_image(source.path, number)
    sources[2].path.write_bytes(b"no image")
    out = folder / "cache"
    summary = build(sources, out)
    assert (summary.images, summary.failed) == (2, 1)
    assert "\\udcff2" in (out / "failed.csv").read_text("utf-8")
    assert build(sources, out).skipped == 2
    assert_like_fresh(sources, out, "packed")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    command = [mount, "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("file_format", ["packed", "png"])
def test_a_full_disk_is_said_and_the_build_goes_on_when_there_is_room(
    tmp_path: Path, small_disk: Path, file_format: str
) -> None:
    sources = make_sources(tmp_path / "raw", 12)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(200 * 1024))
    settings = ClaheSettings(size=96)
    out = small_disk / "cache"
    with pytest.raises(InputError, match="no room for the CLAHE cache"):
        build_cache(sources, out, settings, file_format=file_format, workers=1)  # type: ignore[arg-type]
    filler.unlink()
    build_cache(sources, out, settings, file_format=file_format, workers=1)  # type: ignore[arg-type]
    cache = ClaheCache.open(out)
    cache.require_whole()
    assert len(cache) == 12
