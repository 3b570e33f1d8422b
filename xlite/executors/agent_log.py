"""A text file an item: what was said while an agent was at it."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


def log_path(logs: Path, item_id: str) -> Path:
    """The file of an item.

    >>> log_path(Path("logs"), "train:search/3:s0").name
    'train_search_3_s0.log'
    """
    return logs / (re.sub(r"[^A-Za-z0-9._+=,-]", "_", item_id) + ".log")


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """Within the block what goes to standard error is written to the end of the file, too.

    Without a file where none can be written: a log must not end what it tells of.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a", encoding="utf-8", errors="backslashreplace")
    except OSError:
        yield
        return
    with file, contextlib.redirect_stderr(_Teed(sys.stderr, file)):
        yield


class _Teed(io.TextIOBase):
    """A stream whose text reaches a file as well, but for bars, which are drawn over."""

    def __init__(self, stream: TextIO | None, file: TextIO) -> None:
        self._stream, self._file = stream, file

    def write(self, text: str, /) -> int:
        if "\r" not in text:
            with contextlib.suppress(OSError):
                self._file.write(text)
                self._file.flush()
        if self._stream is not None:
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        if self._stream is not None:
            self._stream.flush()

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._stream, "encoding", None) or "utf-8"
