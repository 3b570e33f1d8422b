from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlite.clahe_cache.store import ClaheCache


def arguments(project: Any, out: Path, *more: object) -> tuple[object, ...]:
    return (
        *("cache-clahe", "--labels", project.table, "--images", project.images),
        *("--out", out, "--size", 32, "--workers", 1, *more),
    )


def test_the_summary_and_a_second_run(project: Any, xlite_ok: Any, tmp_path: Path) -> None:
    first = json.loads(xlite_ok(*arguments(project, tmp_path / "c", "--json")).stdout)
    assert (first["images"], first["failed"], first["skipped"]) == (160, 0, 0)
    assert first["bytes"] >= 160 * 32 * 32
    assert first["loading_speedup"] > 1
    second = xlite_ok(*arguments(project, tmp_path / "c"))
    assert "nothing to do" in second.stderr


def test_both_formats_hold_the_same_pixels(project: Any, xlite_ok: Any, tmp_path: Path) -> None:
    for name in ("packed", "png"):
        xlite_ok(*arguments(project, tmp_path / name, "--format", name))
    packed, png = (ClaheCache.open(tmp_path / name) for name in ("packed", "png"))
    assert list(packed.image_ids) == list(png.image_ids)
    rows = np.arange(160)
    np.testing.assert_array_equal(packed.read_many(rows), png.read_many(rows))


def test_broken_images_are_named_and_the_rest_goes_on(
    project: Any, xlite: Any, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    shutil.copytree(project.images, images)
    names = sorted(path.name for path in images.iterdir())
    (images / names[0]).write_bytes(b"")
    content = (images / names[1]).read_bytes()
    (images / names[1]).write_bytes(content[: len(content) // 2])
    (images / names[2]).write_text("no image")
    command = list(arguments(project, tmp_path / "c", "--json"))
    command[command.index("--images") + 1] = images
    result = xlite(*command)
    assert result.exit_code == 1
    assert "3 of 160 images could not be read" in result.stderr
    failed = (tmp_path / "c" / "failed.csv").read_text()
    assert all(name in failed for name in names[:3])
    assert names[3] not in failed
    assert len(ClaheCache.open(tmp_path / "c").image_ids) == 157
    assert xlite(*command, "--allow-failed").exit_code == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--size", 0), "--size"),
        (("--fit", "squash"), "--fit"),
        (("--format", "zip"), "packed, png"),
        (("--images", "/no/such/folder"), "does not exist"),
    ],
)
def test_wrong_usage_is_explained(
    project: Any, xlite: Any, tmp_path: Path, more: tuple[object, ...], message: str
) -> None:
    result = xlite(*arguments(project, tmp_path / "c"), *more)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "c").exists()


def test_other_settings_never_mix_into_a_cache(project: Any, xlite: Any, tmp_path: Path) -> None:
    assert xlite(*arguments(project, tmp_path / "c")).exit_code == 0
    other = xlite(*arguments(project, tmp_path / "c", "--clip", 3.0))
    assert other.exit_code == 2
    assert "clip 2.0 (now 3.0)" in other.stderr
    assert xlite(*arguments(project, tmp_path / "c", "--clip", 3.0, "--rebuild")).exit_code == 0


def test_shards_are_built_apart_and_merged(project: Any, xlite: Any, tmp_path: Path) -> None:
    out = tmp_path / "c"
    assert xlite(*arguments(project, out, "--shard", "2/2")).exit_code == 0
    missing = xlite(*arguments(project, out, "--merge"))
    assert missing.exit_code == 2
    assert "missing or not complete: 1/2" in missing.stderr
    plain = xlite(*arguments(project, out))
    assert plain.exit_code == 2
    assert "Pass --merge" in plain.stderr
    first = xlite(*arguments(project, out, "--shard", "1/2", "--json"))
    assert json.loads(first.stdout)["images"] == 80
    merged = xlite(*arguments(project, out, "--merge", "--json"))
    assert json.loads(merged.stdout)["skipped"] == 160
    assert "2 shards are merged" in merged.stderr
    assert xlite(*arguments(project, tmp_path / "single")).exit_code == 0
    for name in ("cache.json", "index.csv", "images.u8"):
        assert (out / name).read_bytes() == (tmp_path / "single" / name).read_bytes()


def test_shards_that_are_none(project: Any, xlite: Any, tmp_path: Path) -> None:
    both = xlite(*arguments(project, tmp_path / "c", "--shard", "1/2", "--merge"))
    assert both.exit_code == 2
    assert "pass one of them" in both.stderr
    none = xlite(*arguments(project, tmp_path / "c", "--shard", "3/2"))
    assert none.exit_code == 2
    assert "Write 1/16 to 16/16" in none.stderr


def test_the_images_of_a_split_are_cached(project: Any, xlite_ok: Any, tmp_path: Path) -> None:
    common = ("--images", project.images, "--size", 32, "--workers", 1)
    xlite_ok("cache-clahe", "--split", project.split, *common, "--out", tmp_path / "c")
    xlite_ok(*arguments(project, tmp_path / "whole"))
    cache, whole = (ClaheCache.open(tmp_path / name) for name in ("c", "whole"))
    assert sorted(cache.image_ids) == sorted(whole.image_ids)
    pixels = whole.read_many(whole.rows_of(cache.image_ids))
    np.testing.assert_array_equal(cache.read_many(range(160)), pixels)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--labels", "t.csv"), "Pass one of them"),
        (("--image-col", "file"), "belong to --labels"),
        (("--images", "."), "are missing under . (first: "),
    ],
)
def test_a_split_beside_what_it_replaces_and_a_wrong_folder_are_explained(
    project: Any,
    xlite: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    more: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = xlite("cache-clahe", "--split", project.split, "--images", project.images, *more)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not list(tmp_path.iterdir())


def test_verify_names_damaged_rows_and_builds_nothing(
    project: Any, xlite: Any, tmp_path: Path
) -> None:
    out = tmp_path / "c"
    assert xlite(*arguments(project, out)).exit_code == 0
    whole = xlite("cache-clahe", "--verify", "--out", out)
    assert whole.exit_code == 0
    assert "All 160 images" in whole.stderr
    name = ClaheCache.open(out).image_ids[7]
    with (out / "images.u8").open("r+b") as file:
        file.seek(7 * 32 * 32)
        file.write(bytes(32 * 32))
    damaged = xlite("cache-clahe", "--verify", "--out", out, "--json")
    assert damaged.exit_code == 1
    assert f"1 of 160 images in the CLAHE cache in {out}" in damaged.stderr
    assert f"({name} in row 7)" in damaged.stderr
    found = json.loads(damaged.stdout)["damaged"]
    assert [(one["image_id"], one["row"]) for one in found] == [(name, 7)]
    again = json.loads(xlite(*arguments(project, out, "--json")).stdout)
    assert (again["images"], again["skipped"]) == (160, 159)
    assert xlite("cache-clahe", "--verify", "--out", out).exit_code == 0
    index = out / "index.csv"
    header, first, second, *rest = index.read_text().splitlines(keepends=True)
    index.write_text("".join((header, second, first, *rest)))
    changed = xlite("cache-clahe", "--verify", "--out", out)
    assert changed.exit_code == 1
    assert "index.csv was changed since the cache was built" in changed.stderr
    assert xlite("cache-clahe", "--verify", "--out", tmp_path / "absent").exit_code == 2
    both = xlite("cache-clahe", "--verify", "--merge")
    assert both.exit_code == 2
    assert "pass one of them" in both.stderr


def test_training_refuses_a_damaged_cache_and_names_the_row(
    project: Any, xlite: Any, tmp_path: Path
) -> None:
    out = tmp_path / "c"
    shutil.copytree(project.cache, out)
    with (out / "images.u8").open("r+b") as file:
        # Between two images of the sample that every opening looks at.
        file.seek(7 * 64 * 64)
        file.write(bytes(64 * 64))
    name = ClaheCache.open(out).image_ids[7]
    trained = xlite(
        *("train", "--models", "resnet18", "--split", project.split, "--cache", out),
        *("--out", tmp_path / "out"),
    )
    assert trained.exit_code == 2
    assert f"({name} in row 7)" in trained.stderr
    assert "--verify" in trained.stderr
    assert not (tmp_path / "out").exists()
