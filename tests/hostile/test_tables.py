"""Label tables as other people export, damage and forge them, before `split` and its audit."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest
from hostile.cases import DONE, FAULT_FOUND, Case, run_case
from hostile.command_lines import EITHER, MADE, NAMED, REFUSED
from hostile.commands import Commands
from hostile.spoil import (
    FILE_FAULTS,
    Fault,
    both,
    edit,
    edit_bytes,
    edit_rows,
    gzip_bomb,
    on,
    swap,
    write,
)

TABLE = "data/Data_Entry_2017.csv"
SPLIT = f"split --labels {TABLE} --out made"
NAME = "Data_Entry_2017"


def nih(name: str, fault: Fault, says: str = NAME, *, ends: tuple[int, ...] = REFUSED) -> Case:
    """NIH's table, spoiled."""
    return Case(
        name=f"table {name}",
        spoil=on(TABLE, fault),
        command=SPLIT,
        says=says,
        says_when_done=False,
        ends=ends,
        writes=MADE if DONE in ends else (),
    )


def cell(row: int, column: int, text: str) -> Fault:
    """The cell in this row (the header is 0) and column has another text."""

    def change(rows: list[list[str]]) -> None:
        rows[row][column] = text

    return edit_rows(change)


IMAGE, LABELS, PATIENT, AGE, SEX, VIEW = 0, 1, 3, 4, 5, 6

FILES = [
    *(nih(f"is {fault}", spoil) for fault, spoil in FILE_FAULTS.items()),
    nih("with old-Mac line ends", edit(lambda text: text.replace("\n", "\r")), ends=NAMED),
    nih("with Windows' line ends", edit(lambda text: text.replace("\n", "\r\n")), ends=(DONE,)),
    nih("with a byte order mark", edit(lambda text: "\ufeff" + text), ends=(DONE,)),
    nih("without a last line end", edit(str.rstrip), ends=(DONE,)),
    nih("compressed", edit_bytes(gzip.compress), ends=(DONE,)),
    nih("compressed twice", edit_bytes(lambda data: gzip.compress(gzip.compress(data)))),
    nih("compressed and cut", edit_bytes(lambda data: gzip.compress(data)[:-20])),
    nih("compressed and cut early", edit_bytes(lambda data: gzip.compress(data)[:5])),
    nih(
        "compressed with a flipped bit",
        edit_bytes(lambda data: _flip(gzip.compress(data, mtime=0), 200)),
    ),
    nih("compressed with other bytes after", edit_bytes(lambda d: gzip.compress(d) + b"more")),
    nih("that is a gzip bomb", gzip_bomb),
    nih("that is a zip", write(b"PK\x03\x04" + bytes(range(256)) * 4)),
    nih("that is a web page", write("<!DOCTYPE html><html>log in</html>"), "web page"),
    nih("that is JSON", write('{"Image Index": ["a.png"]}')),
    nih("in Latin-1", edit_bytes(lambda data: data.replace(b"Mass", b"M\xe4ss", 1)), "UTF-8"),
    nih("with a lone surrogate", edit_bytes(lambda data: data + b"\xed\xa0\x80,Mass,0,1\n")),
    nih("with semicolons", edit(lambda text: text.replace(",", ";")), ends=(DONE,)),
    nih("with tabs", edit(lambda text: text.replace(",", "\t")), ends=(DONE,)),
    nih("without its header", edit(lambda text: text.partition("\n")[2])),
    nih("with a header alone", edit(lambda text: text.partition("\n")[0]), "no rows"),
    nih("with a header twice", edit(lambda text: text.partition("\n")[0] + "\n" + text)),
    nih("with a line of a million columns", edit(lambda text: text + "," * 1_000_000)),
    nih("with a header of a million columns", edit(lambda text: "," * 1_000_000 + text)),
]


def _flip(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1 :]


ROWS = [
    nih("with a field too many", edit_rows(lambda rows: rows[4].insert(1, "")), "row 5"),
    nih("with a field too few", edit_rows(lambda rows: rows[4].pop(2)), "row 5"),
    nih("cut in mid-row", edit(lambda text: text[: text.rindex(",", 0, -12)]), "row 49"),
    nih("with a quote that is not closed", swap("00000001_001.png", '"00000001_001.png')),
    nih("with a quote in a row's middle", swap(",23,F", ',"23,F'), ends=REFUSED),
    nih("with a cell over 128 KiB", cell(3, LABELS, "x" * 200_000)),
    nih("with a NUL in a cell", cell(3, LABELS, "Ma\0ss")),
    nih(
        "with an empty row in the middle", edit_rows(lambda rows: rows.insert(5, [""])), ends=NAMED
    ),
    nih("with an empty label cell", cell(4, LABELS, ""), "row 5"),
    nih("with a blank label cell", cell(4, LABELS, "  "), "row 5"),
    nih("with No Finding beside a finding", cell(4, LABELS, "No Finding|Mass"), "row 5"),
    nih("with nothing between separators", cell(4, LABELS, "Mass||Edema"), ends=NAMED),
    nih("with a separator alone", cell(4, LABELS, "|"), "row 5"),
    nih("with an unknown label", cell(4, LABELS, "Mess"), "Mess.*row 5"),
    nih("with a label in another case", cell(4, LABELS, "mass"), "mass.*row 5"),
    nih("with a list as a label", cell(4, LABELS, "['Mass']"), "row 5"),
    nih("with markup as a label", cell(4, LABELS, "[/red]"), r"\[/red\]"),
    nih("with escapes as a label", cell(4, LABELS, "\x1b[2Jx"), "row 5"),
    nih("with NaN as a label", cell(4, LABELS, "nan"), "row 5"),
    nih("with an image twice", cell(4, IMAGE, "00000001_001.png"), "00000001_001.png"),
    nih("with one name in two folders", cell(4, IMAGE, "a/00000001_001.png"), ends=NAMED),
    nih("with an image twice by backslash", cell(4, IMAGE, r".\00000001_001.png"), "00000001_001"),
    nih("without an image name", cell(4, IMAGE, ""), "row 5"),
    nih("with an image above its folder", cell(4, IMAGE, "../../foreign/x.png"), "row 5"),
    nih("with an image above by backslash", cell(4, IMAGE, r"..\..\x.png"), "row 5"),
    nih("with an image at the root", cell(4, IMAGE, "/etc/passwd"), "row 5"),
    nih("with an image on a drive", cell(4, IMAGE, "C:\\x.png"), "row 5"),
    nih("with an image on a share", cell(4, IMAGE, "\\\\host\\x.png"), "row 5"),
    nih("with a very long image name", cell(4, IMAGE, "x" * 5_000 + ".png"), ends=NAMED),
    nih("without a patient", cell(4, PATIENT, ""), "row 5"),
    nih("with NaN as a patient", cell(4, PATIENT, "nan"), "row 5", ends=NAMED),
    nih("with a patient of a million digits", cell(4, PATIENT, "1" * 100_000), ends=NAMED),
    nih("with patient 0001 beside 1", cell(2, PATIENT, "0001"), "patient", ends=NAMED),
    nih("with patient 1.0 beside 1", cell(2, PATIENT, "1.0"), "patient", ends=NAMED),
    nih("with a patient in escapes", cell(4, PATIENT, "\x1b]0;x\x07"), ends=NAMED),
    nih("with an age of text", cell(4, AGE, "old"), ends=NAMED),
    nih("with an age of 400 digits", cell(4, AGE, "9" * 400), "age", ends=NAMED),
    nih("with a negative age", cell(4, AGE, "-5"), ends=NAMED),
    nih("with an infinite age", cell(4, AGE, "inf"), ends=NAMED),
    nih("with a sex of markup", cell(4, SEX, "[bold]"), ends=NAMED),
    nih("with a view that spreadsheets run", cell(4, VIEW, "=cmd|' /C calc'!A0"), ends=NAMED),
    nih("with a column twice", edit_rows(lambda rows: rows[0].__setitem__(2, "Finding Labels"))),
    nih("with two image columns", edit_rows(lambda rows: rows[0].__setitem__(2, "Image Index"))),
    nih("with two patient columns", edit_rows(lambda rows: rows[0].__setitem__(2, "Patient ID"))),
    nih("without its image column", swap("Image Index", "Image"), "Image Index"),
    nih("without its label column", swap("Finding Labels", "Labels"), "Finding Labels"),
    nih("with one image", edit_rows(lambda rows: rows.__delitem__(slice(2, None))), "1 images"),
    nih("with two images", edit_rows(lambda rows: rows.__delitem__(slice(3, None))), "2 images"),
    nih(
        "of one patient",
        edit_rows(lambda rows: [row.__setitem__(PATIENT, "7") for row in rows[1:]]),
        "patient",
    ),
    nih(
        "of healthy images",
        edit_rows(lambda rows: [row.__setitem__(LABELS, "No Finding") for row in rows[1:]]),
        ends=NAMED,
    ),
]


def own(
    name: str,
    header: str,
    row: str,
    options: str,
    says: str = "own",
    *,
    ends: tuple[int, ...] = REFUSED,
    rows: int = 40,
) -> Case:
    """A table of one's own: `{k}` in its rows counts them."""
    text = header + "\n" + "".join(row.replace("{k}", str(k)) + "\n" for k in range(rows))
    return Case(
        name=f"own table {name}",
        spoil=on("own.csv", write(text.encode("utf-8", "surrogatepass"))),
        command=f"split --labels own.csv --image-col file --out made {options}",
        says=says,
        says_when_done=False,
        ends=ends,
        writes=MADE if DONE in ends else (),
    )


def one_label(name: str, label: str, *, ends: tuple[int, ...] = NAMED, says: str = "label") -> Case:
    """A table whose every second image has this label."""
    text = "file,finding,person\n" + "".join(
        f'{k}.png,"{label if k % 2 else "Edema"}",p{k}\n' for k in range(40)
    )
    return Case(
        name=f"label {name}",
        spoil=on("own.csv", write(text.encode("utf-8", "surrogatepass"))),
        command=(
            "split --labels own.csv --image-col file --labels-col finding --patient-col person "
            "--out made"
        ),
        says=says,
        says_when_done=False,
        ends=ends,
        writes=MADE if DONE in ends else (),
    )


COLUMNS = "--label-cols a,b --patient-col person"
TEXTS = "--labels-col finding --patient-col person"

OWN = [
    own("whose cells are 2", "file,a,b,person", "{k}.png,2,0,p{k}", COLUMNS, "row 2"),
    own("whose cells are words", "file,a,b,person", "{k}.png,perhaps,0,p{k}", COLUMNS, "row 2"),
    own("whose cells are shares", "file,a,b,person", "{k}.png,0.5,0,p{k}", COLUMNS, "row 2"),
    own("whose cells are infinite", "file,a,b,person", "{k}.png,inf,0,p{k}", COLUMNS, "row 2"),
    own("whose cells are all unknown", "file,a,b,person", "{k}.png,,-1,p{k}", COLUMNS, ends=NAMED),
    own("that names a label twice", "file,a,b,person", "{k}.png,1,0,p{k}", "--label-cols a,a", "a"),
    own("without such columns", "file,a,b,person", "{k}.png,1,0,p{k}", "--label-cols a,z", "'z'"),
    own("with no label column", "file,a,b,person", "{k}.png,1,0,p{k}", "--label-cols ,", ""),
    own(
        "whose labels differ in case",
        "file,Mass,mass,person",
        "{k}.png,1,0,p{k}",
        "--label-cols Mass,mass --patient-col person",
        "mass",
    ),
    own(
        "whose labels differ in a blank",
        "file,Big Mass,Big_Mass,person",
        "{k}.png,1,0,p{k}",
        "'--label-cols=Big Mass,Big_Mass' --patient-col person",
        "Mass",
    ),
    own("whose label is its image", "file,a,b,person", "{k}.png,1,0,p{k}", "--label-cols file", ""),
    own("without patients", "file,a,b", "{k}.png,1,0", "--label-cols a,b", "patient"),
    own("of list texts", "file,finding,person", "{k}.png,\"['COPD signs']\",p{k}", TEXTS, "list"),
    own("with a list of two", "file,finding,person", "{k}.png,\"['a', 'b']\",p{k}", TEXTS, "list"),
    own("of empty texts", "file,finding,person", "{k}.png,,p{k}", TEXTS),
    own("of numbers as texts", "file,finding,person", "{k}.png,{k},p{k}", TEXTS, ends=NAMED),
    own(
        "with an empty separator",
        "file,finding,person",
        "{k}.png,Mass|Edema,p{k}",
        f"{TEXTS} --separator ''",
        "separator",
    ),
    own(
        "with a line break as separator",
        "file,finding,person",
        "{k}.png,Mass|Edema,p{k}",
        f"{TEXTS} --separator '\n'",
        "",
        ends=NAMED,
    ),
    own(
        "with 2,000 label columns",
        "file,person," + ",".join(f"l{k}" for k in range(2_000)),
        "{k}.png,p{k}" + ",1" * 2_000,
        "--patient-col person --label-cols " + ",".join(f"l{k}" for k in range(2_000)),
        "",
        ends=NAMED,
    ),
    one_label("of markup", "[/red]"),
    one_label("of TeX", r"$\notacommand$"),
    one_label("of a line break", "two\nlines", says="line break"),
    one_label("of a carriage return", "two\rlines", says="line break"),
    one_label("of escapes", "\x1b[2J"),
    one_label("of a bell", "\x07"),
    one_label("called macro", "macro"),
    one_label("called No Finding", "No Finding", ends=(DONE,)),
    one_label("called image_id", "image_id"),
    one_label("of 10,000 letters", "x" * 10_000),
    one_label("of a spreadsheet's formula", "=1+1"),
    one_label("of another formula", "@SUM(A1)"),
    one_label("of a path", "../../foreign/notes"),
    one_label("in Arabic", "كتلة", ends=(DONE,)),
    one_label("in right-to-left override", "\u202egnp.exe"),
    one_label("of an emoji", "🫁"),
    one_label("of a lone surrogate", "\ud800", says=""),
    one_label("with a comma", "Mass, left", ends=NAMED),
    one_label("with a quote", '""quoted""', ends=NAMED),
]


def lists(name: str, faults: dict[str, Fault], says: str, ends: tuple[int, ...] = REFUSED) -> Case:
    """NIH's official lists: `t.txt` and `v.txt` are their halves unless spoiled."""

    def halves(project: Path) -> None:
        names = [row.split(",")[0] for row in (project / TABLE).read_text().splitlines()[1:]]
        patients = sorted({name[:8] for name in names})
        early = set(patients[: len(patients) // 2])
        for file, wanted in (("t.txt", True), ("v.txt", False)):
            chosen = [name for name in names if (name[:8] in early) == wanted]
            (project / file).write_text("\n".join(chosen) + "\n")

    return Case(
        name=f"lists {name}",
        spoil=both(halves, *(on(path, fault) for path, fault in faults.items())),
        command=f"{SPLIT} --train-val-list t.txt --test-list v.txt",
        says=says,
        ends=ends,
        writes=MADE if DONE in ends else (),
    )


LISTS = [
    lists("that are sound", {}, "", (DONE,)),
    *(
        lists(f"of which one is {fault}", {"v.txt": spoil}, r"v\.txt|--test-list")
        for fault, spoil in FILE_FAULTS.items()
        if fault not in ("UTF-16",)
    ),
    lists(
        "with an image in both",
        {"v.txt": edit(lambda t: t + "00000001_000.png\n")},
        "00000001_000",
        (FAULT_FOUND, 2),
    ),
    lists(
        "that split a patient", {"v.txt": lambda p: _move_line(p.parent)}, "patient", (FAULT_FOUND,)
    ),
    lists("with a stranger", {"v.txt": edit(lambda t: t + "stranger.png\n")}, "stranger"),
    lists("with an image missing", {"v.txt": edit(lambda t: t.partition("\n")[2])}, "neither list"),
    lists("with an image twice", {"v.txt": edit(lambda t: t + t)}, "", EITHER),
    lists(
        "that are the same",
        {"v.txt": lambda p: p.write_text((p.parent / "t.txt").read_text())},
        "both",
        (FAULT_FOUND, 2),
    ),
    Case(
        name="lists of which one is not given",
        spoil=lambda _: None,
        command=f"{SPLIT} --test-list v.txt",
        says="list",
    ),
]


def _move_line(folder: Path) -> None:
    first, _, rest = (folder / "t.txt").read_text().partition("\n")
    (folder / "t.txt").write_text(rest)
    with (folder / "v.txt").open("a") as file:
        file.write(first + "\n")


HEADER = "Image Index,Finding Labels,Patient ID"


def audit(
    name: str,
    parts: Sequence[str],
    says: str,
    ends: tuple[int, ...] = (FAULT_FOUND,),
    *,
    header: str = HEADER,
) -> Case:
    """Parts of a split made by hand; a row each."""
    files = [f"part{k}.csv" for k in range(len(parts))]
    return Case(
        name=f"audit {name}",
        spoil=both(
            *(
                on(file, write(f"{header}\n{rows}\n"))
                for file, rows in zip(files, parts, strict=True)
            )
        ),
        command=f"split --audit {' '.join(files)}",
        says=says,
        says_when_done=False,
        ends=ends,
    )


AUDITS = [
    audit("that is sound", ["a.png,Mass,1", "b.png,Mass,2"], "", (DONE,)),
    audit("of zeros before a patient", ["a.png,Mass,13", "b.png,Mass,0013"], "patient"),
    audit("of decimals after a patient", ["a.png,Mass,13", "b.png,Mass,13.0"], "patient"),
    audit("of both", ["a.png,Mass,0013", "b.png,Mass,13.0"], "patient"),
    audit("of a patient in another case", ["a.png,Mass,P5", "b.png,Mass,p5"], "patient"),
    audit("of a patient with blanks", ["a.png,Mass,P5", "b.png,Mass, P5 "], "patient"),
    audit("of an image in a folder", ["a.png,Mass,1", "x/a.png,Mass,2"], "image"),
    audit("of an image by backslash", ["x/a.png,Mass,1", "x\\a.png,Mass,2"], "image"),
    audit("of the same rows", ["a.png,Mass,1", "a.png,Mass,1"], "patient"),
    audit("of three parts", ["a.png,Mass,1", "b.png,Mass,2", "c.png,Mass,01"], "patient"),
    audit("of one part", ["a.png,Mass,1"], "", (2,)),
    audit("of no part", [], "", (2,)),
    audit(
        "without patients",
        ["a.png,Mass", "b.png,Mass"],
        "patient",
        (2,),
        header="Image Index,Finding Labels",
    ),
    audit("of an empty patient", ["a.png,Mass,", "b.png,Mass,1"], "part0", (2,)),
    Case(
        name="audit of a part twice",
        spoil=lambda _: None,
        command="split --audit data/splits/val.csv data/splits/val.csv",
        says="patient|same|twice",
        ends=(FAULT_FOUND, 2),
    ),
    Case(
        name="audit of a missing part",
        spoil=lambda _: None,
        command="split --audit data/splits/val.csv nowhere.csv",
        says="nowhere.csv",
    ),
    Case(
        name="audit of a folder",
        spoil=lambda _: None,
        command="split --audit data/splits/val.csv data/splits",
        says="data/splits",
    ),
    Case(
        name="audit of parts that are floats",
        spoil=both(
            on("p0.csv", write(f"{HEADER}\na.png,Mass,1e5\n")),
            on("p1.csv", write(f"{HEADER}\nb.png,Mass,100000\n")),
        ),
        command="split --audit p0.csv p1.csv",
        says="patient",
        says_when_done=False,
        ends=EITHER,
    ),
    *(
        Case(
            name=f"audit of a part that is {fault}",
            spoil=on("data/splits/val.csv", spoil),
            command="split --audit data/splits/train.csv data/splits/val.csv",
            says=r"val\.csv",
        )
        for fault, spoil in FILE_FAULTS.items()
    ),
]

CASES = [*FILES, *ROWS, *OWN, *LISTS, *AUDITS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_table(case: Case, commands: Commands, sound: Path, tmp_path: Path) -> None:
    run_case(case, commands, sound, tmp_path)
