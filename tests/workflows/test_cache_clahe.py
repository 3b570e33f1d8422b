"""`cache_clahe` as a function: the cache that the command makes, and its result."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from xlite.clahe_cache.build import require_all_read
from xlite.clahe_cache.store import ClaheCache
from xlite.errors import CheckFailedError, InputError
from xlite.results.cache import CacheSummary
from xlite.settings import ClaheSettings
from xlite.tables.read_labels import read_labels
from xlite.tables.table_format import TableFormat
from xlite.workflows.cache_clahe import cache_clahe

SETTINGS = ClaheSettings(size=32)
KEYS = [
    *("images", "failed", "skipped", "seconds", "ms_per_image"),
    *("bytes", "bytes_decoded", "bytes_files", "loading_speedup"),
]
"""Of the JSON, in their order, since version 0.1."""


def contents_of(cache: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(cache.glob("[!.]*"))}


def test_the_function_leaves_the_files_of_the_command(
    project: Any, xlite_ok: Any, tmp_path: Path
) -> None:
    command = (
        *("cache-clahe", "--labels", project.table, "--images", project.images),
        *("--size", 32, "--workers", 1, "--out", tmp_path / "command", "--json"),
    )
    printed = json.loads(xlite_ok(*command).stdout)
    assert list(printed) == KEYS
    out = tmp_path / "function"
    made = cache_clahe(
        str(project.table), images=str(project.images), out=str(out), settings=SETTINGS, workers=1
    )
    assert contents_of(out) == contents_of(tmp_path / "command")
    assert CacheSummary.from_json(made.to_json()) == made
    for name in ("images", "failed", "skipped", "bytes", "bytes_decoded", "bytes_files"):
        assert made.to_json()[name] == printed[name]
    # A second run makes nothing, so that there is no speed to tell.
    assert list(json.loads(xlite_ok(*command).stdout)) == KEYS[:-1]
    again = cache_clahe(
        read_labels(project.table), images=project.images, out=out, settings=SETTINGS, workers=1
    )
    assert again.made == 0
    assert again.loading_speedup is None
    assert math.isnan(again.ms_per_image)
    assert again.to_json()["ms_per_image"] is None


def test_a_split_brings_its_own_images_and_columns(project: Any, tmp_path: Path) -> None:
    given = {"images": project.images, "out": tmp_path / "c", "split": project.split}
    with pytest.raises(InputError, match="Pass one of them"):
        cache_clahe(project.table, **given)
    with pytest.raises(InputError, match="a split has columns of its own"):
        cache_clahe(**given, table_format=TableFormat(patient_col="who"))
    with pytest.raises(InputError, match="pass one of them"):
        cache_clahe(project.table, images=project.images, shard="1/2", merge=True)
    assert not (tmp_path / "c").exists()
    made = cache_clahe(**given, settings=SETTINGS, workers=1, shard="1/2")
    assert made.images == 80
    assert (tmp_path / "c" / "shards" / "1-of-2" / "cache.json").exists()


def test_images_that_could_not_be_read_are_a_failed_check(tmp_path: Path) -> None:
    summary = CacheSummary(
        images=3,
        failed=1,
        skipped=0,
        seconds=1.0,
        ms_per_image=1.0,
        bytes=1,
        bytes_decoded=1,
        bytes_files=1,
    )
    with pytest.raises(CheckFailedError, match="1 of 4 images could not be read"):
        require_all_read(summary, tmp_path)


def test_no_spreadsheet_runs_an_images_name_in_the_index(project: Any, tmp_path: Path) -> None:
    name = "=1+1.png"
    (tmp_path / "images").mkdir()
    shutil.copyfile(next(project.images.glob("*.png")), tmp_path / "images" / name)
    table = pd.DataFrame(
        {"Image Index": [name], "Finding Labels": ["No Finding"], "Patient ID": [1]}
    )
    out = tmp_path / "cache"
    made = cache_clahe(table, images=tmp_path / "images", out=out, settings=SETTINGS, workers=1)
    assert made.images == 1
    assert (out / "index.csv").read_text().splitlines()[1].startswith(f"'{name},")
    assert ClaheCache.open(out).image_ids == (name,)


def test_near_duplicates_are_looked_for_once_for_each_build(
    project: Any, xlite_ok: Any, tmp_path: Path
) -> None:
    out = tmp_path / "cache"
    given: dict[str, Any] = {
        **{"images": project.images, "out": out, "workers": 1},
        **{"settings": SETTINGS, "near_duplicates": True},
    }
    made = cache_clahe(project.table, **given)
    assert made.near_duplicates is not None
    kept = out / "near_duplicates.json"
    record = json.loads(kept.read_text())
    assert record["pairs"] == made.to_json()["near_duplicates"]
    # What was found of this build is taken, what was found of another is not.
    kept.write_text(json.dumps({**record, "pairs": []}))
    assert cache_clahe(project.table, **given).near_duplicates == ()
    kept.write_text(json.dumps({**record, "pairs": [], "fingerprint": "another"}))
    assert cache_clahe(project.table, **given).near_duplicates == made.near_duplicates
    cache_clahe(project.table, **{**given, "near_duplicates": False}, rebuild=True)
    assert not kept.exists()
    with pytest.raises(InputError, match="whole cache"):
        cache_clahe(project.table, **given, shard="1/2")
