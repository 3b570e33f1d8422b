"""What is no bundle, or none that is safe to unpack, is refused before a byte of it is."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

import xlite
from tests.conftest import run_cli
from xlite.proving.archive import unpack_archive, write_archive


def write_zip(path: Path, members: list[tuple[str, bytes]], *, mode: int = 0o644) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = mode << 16
            archive.writestr(entry, content)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt",
        "/evil.txt",
        "a/../../evil",
        "C:/evil",
        "a\\..\\evil",
        "a//b",
        "con",
        "a/.",
        "x\n",
    ],
)
def test_a_name_that_leads_out_is_refused(name: str, tmp_path: Path) -> None:
    bundle = write_zip(tmp_path / "b.zip", [("bundle.json", b"{}"), (name, b"evil")])
    with pytest.raises(xlite.InputError, match="a member is called"):
        xlite.verify(bundle)
    assert [path.name for path in tmp_path.iterdir()] == ["b.zip"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_twins_links_and_bombs_are_refused(tmp_path: Path) -> None:
    twins = write_zip(tmp_path / "t.zip", [("a.json", b"1"), ("a.json", b"2")])
    with pytest.raises(xlite.InputError, match="'a.json' twice"):
        xlite.verify(twins)
    cases = write_zip(tmp_path / "c.zip", [("a.json", b"1"), ("A.json", b"2")])
    with pytest.raises(xlite.InputError, match="hide the other"):
        xlite.verify(cases)
    nested = write_zip(tmp_path / "n.zip", [("a", b"1"), ("a/b", b"2")])
    with pytest.raises(xlite.InputError, match="a file and a folder"):
        xlite.verify(nested)
    link = write_zip(tmp_path / "l.zip", [("a.json", b"/etc/passwd")], mode=stat.S_IFLNK | 0o777)
    with pytest.raises(xlite.InputError, match="a link"):
        xlite.verify(link)
    bomb = write_zip(tmp_path / "b.zip", [("a.json", bytes(70 << 20))])
    with pytest.raises(xlite.InputError, match="would unpack to"):
        xlite.verify(bomb)


def test_a_member_that_is_longer_than_it_says_is_refused(tmp_path: Path) -> None:
    bundle = write_zip(tmp_path / "b.zip", [("bundle.json", b" " * 4000)])
    content = bytearray(bundle.read_bytes())
    place = content.index(b"PK\x01\x02") + 24
    content[place : place + 4] = (10).to_bytes(4, "little")
    bundle.write_bytes(bytes(content))
    with pytest.raises(xlite.InputError, match="Get the bundle again"):
        xlite.verify(bundle)


@pytest.mark.parametrize(
    "content", [b"", b"no zip", b"PK\x03\x04" + bytes(100), b"PK\x05\x06" + bytes(18)]
)
def test_what_is_no_bundle_is_refused(content: bytes, tmp_path: Path) -> None:
    bundle = tmp_path / "b.zip"
    bundle.write_bytes(content)
    done = run_cli("verify", bundle)
    assert done.exit_code == 2
    assert "b.zip" in done.stderr


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    bundle = write_zip(tmp_path / "b.zip", [("bundle.json", b"{}")])
    content = bytearray(bundle.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + offset] |= 1
    bundle.write_bytes(bytes(content))
    with pytest.raises(xlite.InputError, match="encrypted"):
        xlite.verify(bundle)


def test_a_newer_format_is_named(tmp_path: Path) -> None:
    text = b'{"bundle": 99, "xlite": "9.0", "members": {}, "stated": {}}'
    bundle = write_zip(tmp_path / "b.zip", [("bundle.json", text)])
    with pytest.raises(xlite.InputError, match="newer xlite"):
        xlite.verify(bundle)


def test_what_was_packed_is_unpacked(tmp_path: Path) -> None:
    source, out = tmp_path / "a.txt", tmp_path / "out"
    source.write_text("text")
    write_archive(
        tmp_path / "b.zip", {"x/a.txt": source, "bundle.json": source}, last="bundle.json"
    )
    out.mkdir()
    assert unpack_archive(tmp_path / "b.zip", out) == ["x/a.txt", "bundle.json"]
    assert (out / "x" / "a.txt").read_text() == "text"
