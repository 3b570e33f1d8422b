from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlite.clahe_cache import journal
from xlite.clahe_cache.build import build_cache
from xlite.clahe_cache.journal import JOURNAL
from xlite.clahe_cache.plan import SourceImage
from xlite.clahe_cache.shards import Shard, build_shard, has_unmerged_shards, merge_shards
from xlite.clahe_cache.store import ClaheCache
from xlite.errors import InputError
from xlite.results.cache import CacheSummary
from xlite.settings import ClaheSettings

SETTINGS = ClaheSettings(size=32)
FORMATS = pytest.mark.parametrize("file_format", ["packed", "png"])
COUNT = 3


def make_sources(folder: Path, number: int = 11) -> list[SourceImage]:
    sources = []
    for seed in range(number):
        path = folder / f"images_{seed % 2:03}" / f"{seed:08}_000.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(seed).integers(0, 256, (60, 48 + seed), dtype=np.uint8)
        path.write_bytes(cv2.imencode(".png", noise)[1].tobytes())
        sources.append(SourceImage(path.name, path))
    return sources


def build_shards(
    sources: list[SourceImage], out: Path, file_format: str = "packed", count: int = COUNT
) -> None:
    # Last first: an array job has no order.
    for number in range(count, 0, -1):
        shard = Shard(count=count, number=number)
        build_shard(
            sources,
            out,
            SETTINGS,
            shard=shard,
            file_format=file_format,  # type: ignore[arg-type]
            workers=1,
        )


def merge(sources: list[SourceImage], out: Path, file_format: str = "packed") -> CacheSummary:
    return merge_shards(sources, out, SETTINGS, file_format=file_format, workers=1)  # type: ignore[arg-type]


def build_singly(sources: list[SourceImage], out: Path, file_format: str = "packed") -> None:
    build_cache(sources, out, SETTINGS, file_format=file_format, workers=1)  # type: ignore[arg-type]


def files_of(out: Path) -> dict[str, bytes]:
    paths = [path for path in out.rglob("*") if path.is_file()]
    contents = {path.relative_to(out).as_posix(): path.read_bytes() for path in paths}
    return {
        name: content
        for name, content in contents.items()
        if not name.startswith("shards/") and name != ".building.lock"
    }


@FORMATS
def test_merged_shards_have_the_bytes_of_a_single_build(tmp_path: Path, file_format: str) -> None:
    sources = make_sources(tmp_path / "raw")
    sources[4].path.write_bytes(b"no image")
    sources[8].path.unlink()
    out, single = tmp_path / "cache", tmp_path / "single"
    build_shards(sources, out, file_format)
    assert has_unmerged_shards(out)
    summary = merge(sources, out, file_format)
    assert (summary.images, summary.failed, summary.skipped) == (9, 2, 9)
    assert not has_unmerged_shards(out)
    build_singly(sources, single, file_format)
    assert files_of(out) == files_of(single)
    assert "failed.csv" in files_of(out), "ensure failures were among them"
    assert ClaheCache.open(out).fingerprint == ClaheCache.open(single).fingerprint


def test_a_shard_whose_rows_moved_is_merged_in_the_order_of_the_table(tmp_path: Path) -> None:
    sources = make_sources(tmp_path / "raw")
    out = tmp_path / "cache"
    build_shards([sources[1], sources[0], *sources[2:]], out)
    build_shards(sources, out)
    first = ClaheCache.open(Shard(count=COUNT, number=1).folder(out))
    assert list(first._stored_rows[:2]) == [1, 0], "ensure rows and places differ"
    merge(sources, out)
    build_singly(sources, tmp_path / "single")
    assert files_of(out) == files_of(tmp_path / "single")


def test_images_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = make_sources(tmp_path / "raw")
    build_shards(sources, tmp_path / "cache")
    monkeypatch.setattr("xlite.clahe_cache.workers.read_radiograph", None)
    assert merge(sources, tmp_path / "cache").skipped == 11
    # A complete cache does not need its shards any more.
    shutil.rmtree(tmp_path / "cache" / "shards")
    assert merge(sources, tmp_path / "cache").skipped == 11


def test_a_merge_that_was_killed_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = make_sources(tmp_path / "raw")
    out = tmp_path / "cache"
    build_shards(sources, out)
    append = journal.Journal.append

    def append_until_the_end(self: journal.Journal, images: object) -> None:
        append(self, images)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(journal.Journal, "append", append_until_the_end)
        with pytest.raises(KeyboardInterrupt):
            merge(sources, out)
    assert (out / JOURNAL).exists()
    assert has_unmerged_shards(out)
    merge(sources, out)
    build_singly(sources, tmp_path / "single")
    assert files_of(out) == files_of(tmp_path / "single")


def remove_shard(out: Path) -> None:
    shutil.rmtree(Shard(count=COUNT, number=2).folder(out))


def leave_incomplete(out: Path) -> None:
    (Shard(count=COUNT, number=2).folder(out) / "cache.json").unlink()


def flip_a_bit(out: Path) -> None:
    with (Shard(count=COUNT, number=2).folder(out) / "images.u8").open("r+b") as file:
        file.seek(1500)
        byte = file.read(1)[0]
        file.seek(1500)
        file.write(bytes([byte ^ 1]))


def change_settings(out: Path) -> None:
    path = Shard(count=COUNT, number=2).folder(out) / "cache.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "clip": 3.0}))


def change_opencv(out: Path) -> None:
    path = Shard(count=COUNT, number=2).folder(out) / "cache.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "opencv": "3.0"}))


def add_another_count(out: Path) -> None:
    shutil.copytree(Shard(count=COUNT, number=2).folder(out), out / "shards" / "2-of-8")


def remove_all(out: Path) -> None:
    shutil.rmtree(out / "shards")


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (remove_shard, r"1 of 3 shards .* missing or not complete: 2/3\. Build each with --shard"),
        (leave_incomplete, r"missing or not complete: 2/3"),
        (flip_a_bit, r"Shard 2/3 in .* is damaged.*--shard 2/3 --rebuild"),
        (change_settings, r"2-of-3 was made with other settings: clip 3\.0 \(now 2\.0\)"),
        (change_opencv, r"2-of-3 was begun with OpenCV 3\.0"),
        (add_another_count, r"holds shards of 3 and of 8"),
        (remove_all, r"There are no shards in .*--shard 1/16"),
    ],
)
def test_shards_that_cannot_be_merged_are_named(
    tmp_path: Path, fault: Callable[[Path], None], message: str
) -> None:
    sources = make_sources(tmp_path / "raw")
    out = tmp_path / "cache"
    build_shards(sources, out)
    fault(out)
    with pytest.raises(InputError, match=message):
        merge(sources, out)
    assert files_of(out) == {}


def test_shards_of_other_sources_are_refused(tmp_path: Path) -> None:
    sources = make_sources(tmp_path / "raw")
    out = tmp_path / "cache"
    build_shards(sources, out)
    with pytest.raises(InputError, match=r"Shard 2/3 .* other images or other files"):
        merge(sources[:-1], out)
    with pytest.raises(InputError, match=r"Shard 1/3 .* other images or other files"):
        merge(sources[::-1], out)
    content = sources[5].path.read_bytes()
    sources[5].path.write_bytes(content + b"\0")
    with pytest.raises(InputError, match=r"Shard 2/3 .* other images or other files"):
        merge(sources, out)


def test_a_folder_begun_with_other_settings_is_not_replaced(tmp_path: Path) -> None:
    sources = make_sources(tmp_path / "raw")
    out = tmp_path / "cache"
    build_cache(sources, out, ClaheSettings(size=32, clip=3.0), workers=1)
    before = files_of(out)
    build_shards(sources, out)
    with pytest.raises(InputError, match=r"clip 3\.0 \(now 2\.0\)"):
        merge(sources, out)
    assert files_of(out) == before
    merge_shards(sources, out, SETTINGS, workers=1, rebuild=True)
    build_singly(sources, tmp_path / "single")
    assert files_of(out) == files_of(tmp_path / "single")


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3", ""])
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(InputError, match="Write 1/16 to 16/16"):
        Shard.parse(text)


def test_more_shards_than_images(tmp_path: Path) -> None:
    sources = make_sources(tmp_path / "raw", 2)
    with pytest.raises(InputError, match="2 images can't be cut into 3 shards"):
        build_shard(sources, tmp_path, SETTINGS, shard=Shard(count=3, number=1))


@given(st.integers(1, 50), st.integers(0, 300))
def test_shards_cover_each_image_once(count: int, more: int) -> None:
    num_images = count + more
    parts = [Shard(count=count, number=n).places(num_images) for n in range(1, count + 1)]
    assert [place for part in parts for place in part] == list(range(num_images))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
