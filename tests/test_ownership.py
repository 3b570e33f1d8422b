from __future__ import annotations

import os
from pathlib import Path

import pytest

from xlite.errors import InputError
from xlite.ownership import (
    refuse_links,
    require_our_folder,
    require_replaceable_file,
    require_writable_folder,
)


def is_ours(head: bytes) -> bool:
    return head.startswith(b"ours")


def snapshot(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_an_absent_file_and_one_of_ours_may_be_replaced(tmp_path: Path) -> None:
    require_replaceable_file(tmp_path / "new" / "report.html", is_ours=is_ours)
    (tmp_path / "report.html").write_bytes(b"ours, longer")
    require_replaceable_file(tmp_path / "report.html", is_ours=is_ours)
    assert not (tmp_path / "new").exists()


def test_a_foreign_file_needs_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(b"theirs")
    with pytest.raises(InputError, match=r"data\.csv was not written by this command.*--overwrite"):
        require_replaceable_file(path, is_ours=is_ours)
    require_replaceable_file(path, is_ours=is_ours, overwrite=True)
    assert snapshot(tmp_path) == {"data.csv": b"theirs"}


@pytest.mark.parametrize("overwrite", [False, True])
def test_links_folders_and_devices_are_never_replaced(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "target").write_bytes(b"ours")
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "folder").mkdir()
    for name, message in (
        ("link", "is a link"),
        ("dangling", "is a link"),
        ("folder", "is a folder"),
        ("/dev/full", "is a device"),
        ("target/below", "is not a folder"),
    ):
        with pytest.raises(InputError, match=message):
            require_replaceable_file(tmp_path / name, is_ours=is_ours, overwrite=overwrite)


def test_a_folder_is_ours_when_it_has_a_marker_or_none_of_the_names(tmp_path: Path) -> None:
    def require() -> None:
        require_our_folder(tmp_path, markers=["cache.json"], names=["images"], what="a cache")

    require()
    (tmp_path / "notes.txt").touch()
    require()
    (tmp_path / "images").mkdir()
    with pytest.raises(InputError, match="holds images, and nothing says that it belongs to a"):
        require()
    (tmp_path / "cache.json").touch()
    require()
    (tmp_path / "images").rmdir()
    (tmp_path / "images").symlink_to("/tmp")
    with pytest.raises(InputError, match="images is a link"):
        require()


@pytest.mark.parametrize(
    "name", ["file/below", "/proc/new", "/sys/new", "x" * 256, "a\0b", "file", "é" * 200]
)
def test_what_can_not_be_a_folder_is_said_before_anything_is_made(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="ass another --cache"):
        require_writable_folder(tmp_path / name, option="--cache")


def test_a_folder_that_can_be_made_or_is_linked_is_fine(tmp_path: Path) -> None:
    require_writable_folder(tmp_path / "a" / "b")
    (tmp_path / "link").symlink_to(tmp_path)
    require_writable_folder(tmp_path / "link" / "c")
    require_writable_folder(Path("relative-and-absent"))
    refuse_links([tmp_path / "absent"])
    assert not (tmp_path / "a").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="permissions"):
        require_writable_folder(tmp_path / "new")
