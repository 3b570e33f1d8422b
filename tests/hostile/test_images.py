"""Image files that are broken, forged or something else, before `cache-clahe` and `train`."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile.cases import DONE, FAULT_FOUND, Case, Spoil, folder_case, nothing, run_case
from hostile.command_lines import CACHE, EITHER, FAILED, MADE, NEW_CACHE, REFUSED, TRAIN, TRAINED
from hostile.commands import Commands
from hostile.spoil import (
    FILE_FAULTS,
    Fault,
    edit_bytes,
    folder_instead,
    link_to,
    on,
    remove,
    swap,
    write,
)
from PIL import Image

NAME = "00000001_001.png"
IMAGE = f"data/raw/{NAME}"
RUNTIME = TRAIN + " --images data/raw"

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG's chunk with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int,
    height: int,
    pixels: bytes | None = None,
    *,
    depth: int = 8,
    color: int = 0,
    extra: bytes = b"",
    interlace: int = 0,
) -> bytes:
    """A PNG with this header; its pixels are grey unless given."""
    if pixels is None:
        pixels = (b"\0" + bytes([99]) * width) * height
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(pixels, 9))
    return _SIGNATURE + body + chunk(b"IEND", b"")


def saved(mode: str, kind: str, size: tuple[int, int] = (48, 48), **options: Any) -> bytes:
    """An image of random pixels as Pillow saves it."""
    rng = np.random.default_rng(1)
    grey = Image.fromarray(rng.integers(0, 256, size[::-1], dtype=np.uint8))
    file = io.BytesIO()
    grey.convert(mode).save(file, kind, **options)
    return file.getvalue()


def flip_in(kind: bytes) -> Callable[[bytes], bytes]:
    """Flips a bit in the first chunk of this kind."""

    def change(data: bytes) -> bytes:
        place = data.index(kind) + 10
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]

    return change


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 48 48\n%%EndComments\nshowpage\n"
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>'
BOMB = zlib.compress(bytes(1 << 28), 9)

BAD_CONTENT: dict[str, bytes | str] = {
    "EPS": EPS,
    "PDF": b"%PDF-1.4\n1 0 obj\n",
    "SVG": SVG,
    "a web page": "<html>not found</html>",
    "text": "P\n",
    "a DICOM header": bytes(128) + b"DICM" + bytes(100),
    "a NumPy array": b"\x93NUMPY\x01\0v\0{'descr': '|O'}",
    "a pickle": b"\x80\x04\x8c\x05posix\x8c\x06system\x93.",
    "a zip": b"PK\x03\x04" + bytes(100),
    "an executable": b"\x7fELF" + bytes(200),
    "ICO": saved("RGB", "ICO"),
    "PCX": saved("L", "PCX"),
    "a PNG's signature alone": _SIGNATURE,
    "a PNG without pixels": _SIGNATURE
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 48, 48, 8, 0, 0, 0, 0))
    + chunk(b"IEND", b""),
    "a PNG without height": png(48, 0, b""),
    "a PNG without width": png(0, 48, b""),
    "a PNG of 2³¹ columns": png((1 << 31) - 1, 1, b"\0"),
    "a PNG of 60,000 × 60,000": png(60_000, 60_000, b""),
    "a PNG bomb": _SIGNATURE
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0))
    + chunk(b"IDAT", BOMB)
    + chunk(b"IEND", b""),
    "a PNG of depth 3": png(48, 48, depth=3),
    "a PNG of colour 5": png(48, 48, color=5),
    "a PNG with too few pixels": png(48, 48, b"\0" * 100),
    "a PNG of half its pixels": png(48, 48)[:-30],
    "a PNG with interlace 9": png(48, 48, interlace=9),
    "a PNG with a filter of 9": png(48, 48, (b"\x09" + bytes(48)) * 48),
    "a PNG without its palette": png(48, 48, color=3),
    "a PNG with a chunk of 4 GB": png(48, 48, extra=b"\xff\xff\xff\xfftEXtabc"),
    "half a JPEG": saved("L", "JPEG")[:200],
    "a JPEG's start": b"\xff\xd8\xff\xe0",
    "a JPEG of 65,500 × 65,500": b"\xff\xd8\xff\xc0\0\x0b\x08\xff\xdc\xff\xdc\x01\x01\x11\0",
    "half a TIFF": saved("L", "TIFF")[:100],
    "a TIFF in a circle": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
    "a BMP's start": b"BM" + bytes(60),
}

STRANGE_CONTENT: dict[str, bytes] = {
    "a PNG of one pixel": png(1, 1),
    "a PNG of one row": png(2_000, 1),
    "a PNG of one column": png(1, 2_000),
    "a black PNG": png(48, 48, (b"\0" + bytes(48)) * 48),
    "a PNG in colours": saved("RGB", "PNG"),
    "a PNG with transparency": saved("RGBA", "PNG"),
    "a grey PNG with transparency": saved("LA", "PNG"),
    "a PNG with a palette": saved("P", "PNG"),
    "a PNG of one bit": saved("1", "PNG"),
    "a PNG of 16 bits": png(48, 48, (b"\0" + bytes(96)) * 48, depth=16),
    "an interlaced PNG": png(8, 8, bytes(64 + 15), interlace=1),
    "a PNG with a bomb as comment": png(48, 48, extra=chunk(b"zTXt", b"a\0\0" + BOMB)),
    "a PNG with a bomb as profile": png(48, 48, extra=chunk(b"iCCP", b"a\0\0" + BOMB)),
    "a PNG with an unknown chunk": png(48, 48, extra=chunk(b"abCd", b"?" * 99)),
    "a PNG with bytes behind": png(48, 48) + b"PK\x03\x04more",
    "a PNG without an end": png(48, 48)[:-12],
    "a JPEG": saved("L", "JPEG"),
    "a JPEG in CMYK": saved("CMYK", "JPEG"),
    "a progressive JPEG": saved("L", "JPEG", progressive=True),
    "a TIFF": saved("L", "TIFF"),
    "a BMP": saved("L", "BMP"),
    "a PPM": saved("L", "PPM"),
    "a WebP": saved("RGB", "WEBP"),
    "a GIF": saved("P", "GIF"),
}

BAD_FILES: dict[str, Fault] = {
    **{name: fault for name, fault in FILE_FAULTS.items() if name != "UTF-16"},
    **{name: write(content) for name, content in BAD_CONTENT.items()},
    "a PNG with a flipped bit": edit_bytes(flip_in(b"IDAT")),
    "a PNG with a flipped header": edit_bytes(flip_in(b"IHDR")),
}


def cached(fault: str, spoil: Fault, ends: tuple[int, ...] = (FAULT_FOUND,)) -> Case:
    """An image is not cached, and named; the others are."""
    return Case(
        name=f"image is {fault}, cache-clahe",
        spoil=on(IMAGE, spoil),
        command=NEW_CACHE,
        says=rf"failed\.csv|{NAME}",
        says_when_done=False,
        ends=ends,
        writes=MADE,
    )


def trained(fault: str, spoil: Fault, ends: tuple[int, ...] = FAILED) -> Case:
    """Training on files reads an image, or ends with its name."""
    return Case(
        name=f"image is {fault}, train",
        spoil=on(IMAGE, spoil),
        command=RUNTIME,
        says=NAME,
        says_when_done=False,
        ends=ends,
        writes=TRAINED,
    )


# An image that is no file counts as missing, and is refused before the work begins.
NO_FILE = {"folder", "dangling link", "circular link", "link to a folder", "link to a device"}
SOME = (
    "fifo",
    "link to a device",
    "sparse",
    "noise",
    "EPS",
    "a PNG bomb",
    "a PNG of half its pixels",
)

SINGLE = [
    *(
        cached(name, spoil, FAILED if name in NO_FILE else (FAULT_FOUND,))
        for name, spoil in BAD_FILES.items()
    ),
    *(cached(name, write(content), EITHER) for name, content in STRANGE_CONTENT.items()),
    *(trained(name, BAD_FILES[name]) for name in SOME),
    trained("gone", remove, REFUSED),
]


def fill(name: bytes) -> Spoil:
    """A file with this name beside the images."""

    def spoil(project: Path) -> None:
        (project / "data/raw" / os.fsdecode(name)).write_bytes(b"?")

    return spoil


def every_image(fault: Fault) -> Spoil:
    def spoil(project: Path) -> None:
        for path in (project / "data/raw").iterdir():
            fault(path)

    return spoil


def folder(
    name: str, spoil: Spoil, says: str, ends: tuple[int, ...], command: str = NEW_CACHE
) -> Case:
    """Something about the folder of the images."""
    return folder_case(f"image folder {name}", spoil, command, says, ends, MADE)


def move_away(project: Path) -> None:
    """The image lies outside, and a link to it in its place."""
    outside = project.parent / "foreign" / "moved.png"
    (project / IMAGE).rename(outside)
    (project / IMAGE).symlink_to(outside)


FOLDERS = [
    folder("is gone", on("data/raw", remove), "raw", REFUSED),
    folder("is a file", on("data/raw", remove, write("x")), "raw", REFUSED),
    folder("is empty", on("data/raw", folder_instead), "raw", REFUSED),
    folder("is another's", nothing, "foreign", REFUSED, f"{NEW_CACHE} --images ../foreign"),
    folder(
        "is the root of devices",
        nothing,
        "/dev/shm|missing",
        REFUSED,
        f"{NEW_CACHE} --images /dev/shm",
    ),
    folder(
        "has a name of 300 letters", nothing, "xxx", REFUSED, f"{NEW_CACHE} --images {'x' * 300}"
    ),
    folder("links to itself", on("data/raw/again", link_to(".")), "", (DONE,)),
    folder("holds an image twice", on(f"data/raw/b/{NAME}", write(png(9, 9))), NAME, EITHER),
    folder("holds a name that is not UTF-8", fill(b"\xff\xfe.png"), "", (DONE,)),
    folder("holds a name with a line break", fill(b"a\nb.png"), "", (DONE,)),
    folder("holds a name of escapes", fill(b"\x1b[2J.png"), "", (DONE,)),
    folder("holds nothing that can be read", every_image(write("x")), "48", FAILED),
    folder(
        "holds fifos alone", every_image(lambda p: (remove(p), os.mkfifo(p))), "pipe|48", FAILED
    ),
    folder("holds an image that is a link out", move_away, NAME, EITHER),
    folder(
        "holds a link to another's folder",
        on("data/raw/more", link_to("../../../foreign")),
        "",
        EITHER,
    ),
    folder(
        "has a name that is not UTF-8",
        on("data/raw", lambda path: path.rename(path.parent / "r\udcffw")),
        "",
        EITHER,
        f"{NEW_CACHE} --images data/r\udcffw",
    ),
]

OPTIONS = [
    folder(name, nothing, says, REFUSED, f"cache-clahe --out made --workers 1 {options}")
    for name, says, options in (
        ("at size 0", "size", "--size 0"),
        ("at size -1", "size", "--size=-1"),
        ("at size 10⁹", "size", "--size 1000000000"),
        ("at grid 0", "grid", "--grid 0"),
        ("at grid 10⁶", "grid", "--grid 1000000"),
        ("at clip NaN", "clip", "--clip nan"),
        ("at clip infinity", "clip", "--clip inf"),
        ("at clip -1", "clip", "--clip=-1"),
        ("at clip 10³⁰⁰", "clip", "--clip 1e300"),
        ("fit otherwise", "padd", "--fit padd"),
        ("in another format", "jpeg", "--format jpeg"),
        ("in shard 0/4", "shard", "--shard 0/4"),
        ("in shard 5/4", "shard", "--shard 5/4"),
        ("in shard a/b", "shard", "--shard a/b"),
        ("in shard 1/10¹²", "shard", "--shard 1/1000000000000"),
        ("merged without shards", "shard|merge", "--merge"),
        ("with 0 workers", "workers", "--workers 0"),
        ("with 10⁹ workers", "workers", "--workers 1000000000"),
    )
]

# The table names images that only a path can tell apart.
PATHS = [
    Case(
        name=f"image name in the table {name}",
        spoil=on("data/Data_Entry_2017.csv", swap(NAME, image)),
        command=CACHE + " --out made",
        says=says,
        ends=REFUSED,
    )
    for name, image, says in (
        ("leads out", "../../foreign/images/holiday.png", r"holiday"),
        ("is that of a device", "/dev/zero", "/dev/zero"),
        ("is a folder", ".", "missing|row"),
        ("has escapes", "\x1b[31mx.png", "missing|row"),
        ("has markup", "[red]x.png", r"\[red\]x"),
    )
]

CASES = [*SINGLE, *FOLDERS, *OPTIONS, *PATHS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_image(case: Case, commands: Commands, sound: Path, tmp_path: Path) -> None:
    run_case(case, commands, sound, tmp_path)
    failed = tmp_path / "project/made/failed.csv"
    if case.name.endswith("cache-clahe") and failed.exists():
        [_, line] = failed.read_text().splitlines()
        assert line.startswith(NAME)
