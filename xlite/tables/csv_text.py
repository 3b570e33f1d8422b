"""The bytes of a CSV file as UTF-8 text with line feeds and commas."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from xlite.errors import InputError

ZIP_MAGIC = b"PK\x03\x04"
_WEB_PAGE = re.compile(rb"\s*<(?:!doctype|html|head|\?xml)", re.IGNORECASE)


def normalise_csv(content: bytes, path: Path) -> bytes:
    """UTF-8 without a mark in front or empty lines around, with line feeds and commas alone.

    Raises InputError for what is no text, or no table.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{path} is UTF-16, not UTF-8. Save it again as UTF-8 CSV.")
    content = content.removeprefix(b"\xef\xbb\xbf")
    if content[:4] == ZIP_MAGIC:
        raise InputError(f"{path} is an archive or a workbook. Unpack it, or save it as CSV.")
    if not content.strip():
        raise InputError(f"{path} is empty. Download or export the table again.")
    if _WEB_PAGE.match(content[:256]):
        raise InputError(
            f"{path} is a web page, not a CSV: the download gave a login or error page. "
            "Open it in a browser to see which, and download the table itself."
        )
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise InputError(f"{path} is no text (a zero byte in line {line}). Export it as CSV.")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path} is not UTF-8 (byte 0x{content[error.start]:02x} in line {line}). "
            "Save it again as UTF-8 CSV."
        ) from None
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return _separate_by_commas(content.rstrip(b"\n") + b"\n", path)


def _separate_by_commas(content: bytes, path: Path) -> bytes:
    """The table with commas between its cells, where its header has semicolons or tabs instead.

    Rows keep their numbers, and cells what is in them: one with a comma gets quotes.
    """
    header = content[: content.index(b"\n")]
    sign = next((sign for sign in (";", "\t") if sign.encode() in header), None)
    if sign is None or b"," in header:
        return content
    reader = csv.reader(io.StringIO(content.decode(), newline=""), delimiter=sign, strict=True)
    found = io.StringIO(newline="")
    try:
        csv.writer(found, lineterminator="\n").writerows(reader)
    except csv.Error as error:
        raise csv_fault(path, reader.line_num, error) from None
    return found.getvalue().encode()


def csv_fault(path: Path, line: int, error: csv.Error) -> InputError:
    """What to say of a table whose cells can't be told."""
    return InputError(
        f"{path} can't be read as a CSV: {error}, in line {line}. Close every quote, and double "
        "those within a cell."
    )
