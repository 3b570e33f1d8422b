"""CLAHE caches that have rotted, been tampered with, or stand where links lead elsewhere."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hostile.cases import DONE, Case, Spoil, run_case
from hostile.command_lines import (
    CACHE,
    CHECKED,
    EITHER,
    FAILED,
    MADE,
    NAMED,
    REFUSED,
    TRAIN,
    TRAINED,
)
from hostile.commands import Commands
from hostile.spoil import (
    FILE_FAULTS,
    Fault,
    both,
    edit,
    edit_bytes,
    edit_rows,
    fifo_instead,
    folder_instead,
    halve,
    link_to,
    on,
    remove,
    write,
)

PACKED, PNG = "data/clahe_cache", "data/png_cache"
VERIFY = f"{CACHE} --verify"
ROW_BYTES = 32 * 32
IMAGE_ID, ROW, PATH, BYTES, HEIGHT, CRC = 0, 1, 2, 3, 5, 8


def flip_at(position: int) -> Fault:
    """One bit is another, this far from the start, or from the end."""

    def change(data: bytes) -> bytes:
        place = position % len(data)
        return data[:place] + bytes([data[place] ^ 0x80]) + data[place + 1 :]

    return edit_bytes(change)


def swap_rows(data: bytes) -> bytes:
    return data[ROW_BYTES : 2 * ROW_BYTES] + data[:ROW_BYTES] + data[2 * ROW_BYTES :]


def set_cell(row: int, column: int, text: str) -> Fault:
    return edit_rows(lambda rows: rows[row].__setitem__(column, text))


def reverse_column(column: int) -> Fault:
    """A column runs the other way: every image gets another's cell."""

    def change(rows: list[list[str]]) -> None:
        cells = [row[column] for row in rows[1:]][::-1]
        for row, cell in zip(rows[1:], cells, strict=True):
            row[column] = cell

    return edit_rows(change)


def swap_cells(column: int) -> Fault:
    def change(rows: list[list[str]]) -> None:
        rows[1][column], rows[2][column] = rows[2][column], rows[1][column]

    return edit_rows(change)


PIXELS: dict[str, Fault] = {
    "with a flipped bit at its start": flip_at(0),
    "with a flipped bit in its middle": flip_at(24_000),
    "with a flipped bit at its end": flip_at(-1),
    "with two rows swapped": edit_bytes(swap_rows),
    "all black": edit_bytes(lambda data: bytes(len(data))),
    "one byte short": edit_bytes(lambda data: data[:-1]),
    "one row short": edit_bytes(lambda data: data[:-ROW_BYTES]),
    "one row longer": edit_bytes(lambda data: data + data[:ROW_BYTES]),
    "gone": remove,
}

INDEX: dict[str, Fault] = {
    "with its rows reversed": reverse_column(ROW),
    "with its images reversed": reverse_column(IMAGE_ID),
    "with two images swapped": swap_cells(IMAGE_ID),
    "with two rows swapped": swap_cells(ROW),
    "with an image twice": edit_rows(lambda rows: rows.append(rows[1])),
    "with a row twice": set_cell(2, ROW, "0"),
    "without an image": edit_rows(lambda rows: rows.pop(3)),
    "with a negative row": set_cell(2, ROW, "-1"),
    "with a row beyond the end": set_cell(2, ROW, "48000"),
    "with a row of text": set_cell(2, ROW, "two"),
    "with a row of NaN": set_cell(2, ROW, "nan"),
    "with a row of 5,000 digits": set_cell(2, ROW, "1" * 5_000),
    "with a row of a half": set_cell(2, ROW, "0.5"),
    "with a row in Arabic digits": set_cell(2, ROW, "١"),
    "with another checksum": set_cell(2, CRC, "7"),
    "with a checksum of text": set_cell(2, CRC, "x"),
    "with a negative height": set_cell(2, HEIGHT, "-48"),
    "with a height of 10¹⁸": set_cell(2, HEIGHT, "1" + "0" * 18),
    "with another image": set_cell(2, IMAGE_ID, "x.png"),
    "with an image in another case": set_cell(2, IMAGE_ID, "00000001_001.PNG"),
    "without a column": edit_rows(lambda rows: [row.pop(CRC) for row in rows]),
    "with a column twice": edit_rows(lambda rows: [row.append(row[0]) for row in rows]),
    "without a header": edit(lambda text: text.partition("\n")[2]),
    "with a header alone": edit(lambda text: text.partition("\n")[0] + "\n"),
    "with a cell too few": edit_rows(lambda rows: rows[3].pop()),
    "with a cell over 1 MB": set_cell(2, PATH, "x" * 2_000_000),
    "gone": remove,
}


def used(name: str, spoil: Spoil, says: str) -> Case:
    """Training does not begin on such a cache."""
    return Case(name=f"{name}, train", spoil=spoil, command=TRAIN, says=says, writes=CHECKED)


def verified(name: str, spoil: Spoil, says: str) -> Case:
    """The check of a whole cache finds it, and changes nothing."""
    return Case(
        name=f"{name}, --verify",
        spoil=spoil,
        command=VERIFY,
        says=says,
        ends=FAILED,
        writes=CHECKED,
    )


def rebuilt(name: str, spoil: Spoil, says: str = "cache") -> Case:
    """The build mends such a cache, or refuses it; what lies outside stays as it was."""
    return Case(
        name=f"{name}, cache-clahe",
        spoil=spoil,
        command=CACHE,
        says=says,
        says_when_done=False,
        ends=EITHER,
        writes=(f"project/{PACKED}/*",),
    )


CONTENT = [
    *(
        used(f"images.u8 {name}", on(f"{PACKED}/images.u8", fault), "clahe_cache")
        for name, fault in PIXELS.items()
    ),
    *(
        used(f"index.csv {name}", on(f"{PACKED}/index.csv", fault), "clahe_cache")
        for name, fault in INDEX.items()
    ),
    *(
        used(f"{file} is {name}", on(f"{PACKED}/{file}", fault), "clahe_cache")
        for file in ("images.u8", "index.csv")
        for name, fault in FILE_FAULTS.items()
        if not (file == "images.u8" and name == "UTF-16")
    ),
    *(
        verified(f"images.u8 {name}", on(f"{PACKED}/images.u8", PIXELS[name]), "clahe_cache")
        for name in PIXELS
        if name != "one row longer"  # all images are there: opening refuses it, the check does not
    ),
    *(
        verified(f"index.csv {name}", on(f"{PACKED}/index.csv", INDEX[name]), "clahe_cache")
        for name in list(INDEX)[:8]
    ),
    *(
        rebuilt(f"{file} is {name}", on(f"{PACKED}/{file}", FILE_FAULTS[name]))
        for file in ("images.u8", "index.csv", "cache.json")
        for name in ("empty", "folder", "fifo", "noise", "dangling link", "link to a device")
    ),
]


def png_cache(name: str, spoil: Spoil, says: str = "png_cache") -> Case:
    return Case(
        name=f"PNG cache {name}, train", spoil=spoil, command=f"{TRAIN} --cache {PNG}", says=says
    )


ONE = f"{PNG}/images/00000001_001.png"
OTHER = "00000001_002.png"

PNGS = [
    png_cache("without an image", on(ONE, remove)),
    png_cache("with half an image", on(ONE, halve)),
    png_cache("with an empty image", on(ONE, write(b""))),
    png_cache("with another's image", on(ONE, lambda path: shutil.copy(path.parent / OTHER, path))),
    png_cache("with a fifo as an image", on(ONE, fifo_instead)),
    png_cache("with a folder as an image", on(ONE, folder_instead)),
    png_cache("with a device as an image", on(ONE, link_to("/dev/zero"))),
    png_cache(
        "with a source as an image",
        on(ONE, lambda path: shutil.copy(path.parents[2] / "raw" / path.name, path)),
    ),
    png_cache("without images", on(f"{PNG}/images", remove)),
]

OUTSIDE = "../../../foreign"

LINKS = [
    rebuilt(
        "images.u8 links to another's file",
        on(f"{PACKED}/images.u8", link_to(f"{OUTSIDE}/notes.txt")),
    ),
    rebuilt(
        "index.csv links to another's file",
        on(f"{PACKED}/index.csv", link_to(f"{OUTSIDE}/thesis.csv")),
    ),
    rebuilt(
        "cache.json links to another's file",
        on(f"{PACKED}/cache.json", link_to(f"{OUTSIDE}/notes.txt")),
    ),
    rebuilt(
        "failed.csv links to another's file",
        on(f"{PACKED}/failed.csv", link_to(f"{OUTSIDE}/thesis.csv")),
    ),
    rebuilt(
        "its lock links to another's file",
        on(f"{PACKED}/.building.lock", link_to(f"{OUTSIDE}/notes.txt")),
    ),
    rebuilt("its lock is a folder", on(f"{PACKED}/.building.lock", folder_instead)),
    rebuilt("its lock is a fifo", on(f"{PACKED}/.building.lock", fifo_instead)),
    *(
        Case(
            name=f"{folder} of which {file} links outside, --rebuild {form}",
            spoil=on(f"data/{folder}/{file}", link_to(target)),
            command=f"{CACHE.replace('32', '40')} --rebuild --format {form} --out data/{folder}",
            says="",
            ends=NAMED,
            writes=(f"project/data/{folder}/*", f"project/data/{folder}"),
        )
        for folder in ("clahe_cache", "png_cache")
        for form in ("packed", "png")
        for file, target in (("images.u8", f"{OUTSIDE}/notes.txt"), ("images", f"{OUTSIDE}/images"))
    ),
    *(
        Case(
            name=f"new cache over {what}",
            spoil=on(f"made/{name}", fault),
            command=f"{CACHE} --format {form} --out made",
            says="made",
            ends=REFUSED,
        )
        for what, name, fault, form in (
            ("somebody's images.u8", "images.u8", write("my pixels"), "packed"),
            ("somebody's folder of images", "images/mine.png", write("my image"), "png"),
            ("somebody's index.csv", "index.csv", write("a,b\n"), "packed"),
            ("somebody's cache.json", "cache.json", write('{"mine": 1}'), "packed"),
            ("a linked folder of images", "images", link_to("../../foreign/images"), "png"),
            ("a linked images.u8", "images.u8", link_to("../../foreign/notes.txt"), "packed"),
        )
    ),
    Case(
        name="cache moved to another place",
        spoil=on(PACKED, lambda path: path.rename(path.parent / "elsewhere")),
        command=TRAIN + " --cache data/elsewhere",
        ends=(DONE,),
        writes=TRAINED,
    ),
    Case(
        name="cache of clocks in the future",
        spoil=lambda project: [os.utime(path, (9e9, 9e9)) for path in (project / PACKED).iterdir()],
        command=TRAIN,
        ends=(DONE,),
        writes=TRAINED,
    ),
    Case(
        name="cache of another table",
        spoil=on("data/raw/00000001_001.png", lambda path: os.utime(path, (9e9, 9e9))),
        command=CACHE,
        ends=NAMED,
        writes=(f"project/{PACKED}/*",),
    ),
    Case(
        name="cache at another size",
        spoil=both(),
        command=CACHE.replace("32", "40"),
        says="--rebuild|another --out",
        ends=REFUSED,
    ),
    Case(
        name="cache that is not there", spoil=on(PACKED, remove), command=TRAIN, says="clahe_cache"
    ),
    Case(
        name="cache that is a file",
        spoil=on(PACKED, remove, write("x")),
        command=TRAIN,
        says="clahe_cache",
    ),
    Case(
        name="cache of fewer images than the split has",
        spoil=on("data/splits/split.json", lambda path: None),
        command=f"{CACHE} --labels data/splits/val.csv --out made",
        ends=(DONE,),
        writes=MADE,
    ),
]

CASES = [*CONTENT, *PNGS, *LINKS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_cache(case: Case, commands: Commands, sound: Path, tmp_path: Path) -> None:
    run_case(case, commands, sound, tmp_path)
