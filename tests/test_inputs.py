from __future__ import annotations

import gzip
import os
import socket
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlite.errors import InputError
from xlite.inputs import (
    MEBIBYTE,
    RefusedFileError,
    decompress_gzip,
    open_regular,
    read_bytes,
)

needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")


def test_a_regular_file_is_read_whole_and_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\x00\r\nabc")
    (tmp_path / "b").symlink_to("a")
    assert read_bytes(tmp_path / "a", max_bytes=6) == b"\x00\r\nabc"
    assert read_bytes(tmp_path / "b", max_bytes=6) == b"\x00\r\nabc"


@needs_pipes
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.mkdir(), "is a folder"),
        (os.mkfifo, "is a named pipe"),
        (lambda path: path.symlink_to("nowhere"), "is a link to nothing"),
        (lambda path: path.symlink_to(path), "can't be opened"),
        (lambda path: path.symlink_to("/dev/zero"), "is a device"),
    ],
)
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, make, reason: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "x.png"
    make(path)
    with pytest.raises(RefusedFileError, match=reason) as caught:
        open_regular(path, what="image", remedy="Remove it.")
    assert caught.value.reason.startswith(reason)
    assert str(caught.value) == f"image {path} {caught.value.reason}. Remove it."


def test_a_socket_a_name_too_long_and_a_null_byte_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        for path in (Path("s"), Path("n" * 300), Path("a\0b")):
            with pytest.raises(InputError, match="can't be opened"):
                open_regular(path)


def test_size_is_bounded_before_anything_is_read(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(RefusedFileError, match="is larger than the 1 MiB that are read"):
        read_bytes(sparse, max_bytes=MEBIBYTE)
    (tmp_path / "five").write_bytes(b"12345")
    with pytest.raises(RefusedFileError, match="larger than the 4 bytes"):
        read_bytes(tmp_path / "five", max_bytes=4)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
def test_a_file_that_says_it_is_empty_and_is_not_is_bounded_too() -> None:
    assert os.stat("/proc/self/status").st_size == 0  # noqa: PTH116
    with pytest.raises(RefusedFileError, match="larger than"):
        read_bytes(Path("/proc/self/status"), max_bytes=10)


@given(parts=st.lists(st.binary(max_size=200), min_size=1, max_size=4))
def test_gzip_files_one_after_the_other_are_decompressed_as_gzip_does(parts: list[bytes]) -> None:
    content = b"".join(map(gzip.compress, parts))
    assert decompress_gzip(content, Path("t.gz"), max_bytes=MEBIBYTE) == gzip.decompress(content)


def test_a_bomb_is_refused_without_being_unpacked() -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(MEBIBYTE)
    content = b"".join([*(bomb.compress(zeros) for _ in range(100)), bomb.flush()])
    assert len(content) < MEBIBYTE
    with pytest.raises(RefusedFileError, match="decompresses to more than 64 MiB"):
        decompress_gzip(content, Path("t.gz"), max_bytes=1 << 40)


@given(cut=st.integers(1, 30))
def test_damage_and_missing_ends_are_named(cut: int) -> None:
    content = gzip.compress(b"Image Index,Finding Labels\n" * 3, mtime=0)
    for damaged in (content[:-cut], content[:10] + bytes(cut) + content[10 + cut :]):
        with pytest.raises(RefusedFileError, match=r"t\.gz is a damaged gzip file"):
            decompress_gzip(damaged, Path("t.gz"), max_bytes=MEBIBYTE)
