"""Sound images and tables, and seeded damage to them: what `fuzz.py` feeds to the readers."""

from __future__ import annotations

import csv
import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

Random = np.random.Generator

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
NUM_ROWS = 24
LABELS = ("Edema", "Mass", "Hernia")


@dataclass(frozen=True)
class Mutant:
    """A damaged file: its bytes, what it was made from, and whether checksums were repaired."""

    name: str
    content: bytes
    sound: bytes
    is_resealed: bool = False


def make_images() -> dict[str, bytes]:
    """One sound file of each kind of image that is read, by name."""
    rng = np.random.default_rng(0)
    grey = Image.fromarray(rng.integers(0, 256, (37, 29), dtype=np.uint8))
    deep = Image.fromarray(rng.integers(0, 1 << 16, (37, 29)).astype(np.uint16))
    kinds: tuple[tuple[str, Image.Image, str, dict[str, Any]], ...] = (
        ("grey.png", grey, "PNG", {}),
        ("deep.png", deep, "PNG", {}),
        ("colour.png", grey.convert("RGB"), "PNG", {}),
        ("alpha.png", grey.convert("RGBA"), "PNG", {}),
        ("palette.png", grey.convert("P"), "PNG", {}),
        ("bits.png", grey.convert("1"), "PNG", {}),
        ("grey.jpg", grey, "JPEG", {}),
        ("progressive.jpg", grey.convert("RGB"), "JPEG", {"progressive": True}),
        ("grey.tif", grey, "TIFF", {}),
        ("lzw.tif", deep, "TIFF", {"compression": "tiff_lzw"}),
        ("grey.bmp", grey, "BMP", {}),
    )
    made = {}
    for name, image, kind, options in kinds:
        file = io.BytesIO()
        image.save(file, kind, **options)
        made[name] = file.getvalue()
    return made


def make_tables() -> dict[str, bytes]:
    """NIH's table, one with a column a label, one of label texts, and predictions, by name."""
    rng = np.random.default_rng(1)
    present = rng.random((NUM_ROWS, len(LABELS))) < 0.4
    texts = [
        "|".join(name for name, is_set in zip(LABELS, row, strict=True) if is_set)
        for row in present
    ]
    names = [f"{k // 2 + 1:08d}_{k % 2:03d}.png" for k in range(NUM_ROWS)]
    nih = [
        ["Image Index", "Finding Labels", "Patient ID", "Patient Age", "View Position"],
        *(
            [name, text or "No Finding", str(k // 2 + 1), f"{40 + k}", "PA"]
            for k, (name, text) in enumerate(zip(names, texts, strict=True))
        ),
    ]
    columns = [
        ["file", *LABELS, "person"],
        *(
            [name, *("-1" if k % 7 == 0 else str(int(cell)) for cell in row), f"p{k // 2}"]
            for k, (name, row) in enumerate(zip(names, present, strict=True))
        ),
    ]
    own = [
        ["file", "finding", "person"],
        *(
            [name, text or "No Finding", f"p{k // 2}"]
            for k, (name, text) in enumerate(zip(names, texts, strict=True))
        ),
    ]
    probs = [
        ["image_id", *(f"prob_{name}" for name in LABELS)],
        *([name, *(f"{p:.6g}" for p in rng.random(len(LABELS)))] for name in names),
    ]
    tables = {"nih.csv": nih, "columns.csv": columns, "texts.csv": own, "predictions.csv": probs}
    return {name: to_csv(rows) for name, rows in tables.items()}


def to_csv(rows: list[list[str]]) -> bytes:
    """The rows as a CSV."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue().encode("utf-8", "surrogatepass")


def mutate_image(rng: Random, sound: dict[str, bytes]) -> Mutant:
    """One of the images with damage to its bytes, or to a PNG's chunk, whose checksum is right."""
    name = str(rng.choice(list(sound)))
    content = sound[name]
    if name.endswith(".png") and rng.random() < 0.4:
        return Mutant(name, _reseal_png(rng, content), content, is_resealed=True)
    return Mutant(name, _damage(rng, content, sound), content)


def mutate_table(rng: Random, sound: dict[str, bytes]) -> Mutant:
    """One of the tables with damage to its bytes, or to its cells."""
    name = str(rng.choice(list(sound)))
    content = sound[name]
    if rng.random() < 0.35:
        return Mutant(name, _damage(rng, content, sound), content)
    rows = [line.split(",") for line in content.decode().splitlines()]
    for _ in range(int(rng.integers(1, 3))):
        _damage_rows(rng, rows)
    return Mutant(name, to_csv(rows), content)


def _damage(rng: Random, content: bytes, others: dict[str, bytes]) -> bytes:
    data = bytearray(content)
    for _ in range(int(rng.choice([1, 1, 1, 2, 5]))):
        place = int(rng.integers(0, max(len(data), 1)))
        length = int(rng.choice([1, 2, 4, 16, 200]))
        match int(rng.integers(0, 8)):
            case 0 if data:
                data[place % len(data)] ^= 1 << int(rng.integers(0, 8))
            case 1:
                data[place : place + length] = b""
            case 2:
                data[place:place] = rng.bytes(length)
            case 3:
                data[place : place + 4] = struct.pack(
                    ">I", int(rng.choice([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]))
                )
            case 4:
                del data[place:]
            case 5:
                data[place:place] = data[place : place + length]
            case 6:
                other = others[str(rng.choice(list(others)))]
                data[place:] = other[int(rng.integers(0, len(other))) :]
            case _:
                data[place:place] = bytes(rng.choice([0, 10, 13, 34, 44, 124, 255], 3).tolist())
    return bytes(data)


def split_chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """The kind and body of each chunk of a sound PNG."""
    chunks = []
    place = len(PNG_SIGNATURE)
    while place < len(png):
        length, kind = struct.unpack_from(">I4s", png, place)
        chunks.append((kind, png[place + 8 : place + 8 + length]))
        place += 12 + length
    return chunks


def join_chunks(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG of these chunks, all checksums right."""
    parts = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    ]
    return PNG_SIGNATURE + b"".join(parts)


def _reseal_png(rng: Random, content: bytes) -> bytes:
    """Damage that a checksum does not show: the pixels may well be others."""
    chunks = split_chunks(content)
    place = int(rng.integers(0, len(chunks)))
    kind, body = chunks[place]
    match int(rng.integers(0, 6)):
        case 0:
            chunks[place] = kind, _damage(rng, body, {"": body or b"\0"})
        case 1:
            del chunks[place]
        case 2:
            chunks.insert(place, (kind, body))
        case 3:
            other = bytes(rng.choice([b"tRNS", b"PLTE", b"IDAT", b"zTXt", b"IHDR", b"acTL"]))
            chunks.insert(place, (other, rng.bytes(int(rng.integers(0, 40)))))
        case 4:
            sizes = [0, 1, 29, 60_000, 1 << 31]
            width, height = rng.choice(sizes, 2)
            depth = int(rng.choice([1, 2, 3, 8, 16]))
            color = int(rng.choice([0, 2, 3, 4, 6, 7]))
            header = struct.pack(">IIBBBBB", int(width), int(height), depth, color, 0, 0, 0)
            chunks[0] = b"IHDR", header
        case _:
            pixels = _damage(rng, zlib.decompress(chunks[-2][1]), {"": b"\5" * 50})
            chunks[-2] = b"IDAT", zlib.compress(pixels)
    return join_chunks(chunks)


_CELLS = (
    *("", " ", "nan", "-1", "0", "1", "2", "1.0", "0.5", "1e400", "inf", "True", "1" * 5_000),
    *("Mass", "mass", "Mess", "No Finding", "Mass|Edema", "|", "No Finding|Mass", "['Mass']"),
    *("[/red]", "\x1b[2J", "=1+1", "../x.png", "/etc/passwd", "a/b.png", 'qu"ote', "two\nlines"),
    *("0001", "1.0", "P1", "p1", "\ud800", "\0", "x" * 200_000, "ünï", "１", "-0", "0x1"),
)


def _damage_rows(rng: Random, rows: list[list[str]]) -> None:
    place = int(rng.integers(0, len(rows)))
    row = rows[place]
    column = int(rng.integers(0, max(len(row), 1)))
    match int(rng.integers(0, 9)):
        case 0 | 1 | 2 if row:
            row[column % len(row)] = str(rng.choice(np.array(_CELLS, dtype=object)))
        case 3 if row:
            del row[column % len(row)]
        case 4:
            row.insert(column, str(rng.choice(np.array(_CELLS, dtype=object))))
        case 5:
            rows.insert(place, list(rows[int(rng.integers(0, len(rows)))]))
        case 6 if len(rows) > 1:
            del rows[place]
        case 7:
            other = rows[int(rng.integers(0, len(rows)))]
            row[:], other[:] = list(other), list(row)
        case _:
            for one in rows:
                if len(one) > 1:
                    one[0], one[1] = one[1], one[0]
