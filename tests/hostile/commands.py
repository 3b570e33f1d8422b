"""Starting `xlite` commands in the server's children, and what they said and did."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

SECONDS = 20.0
GIGABYTE = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a command ended."""

    exit_code: int | None
    """Negative: the signal that killed it. None: it was still running when its time was up."""
    out: str
    err: str
    peak_bytes: int
    """Largest resident memory, what it shares with the server included."""
    left_processes: bool
    """Whether processes that it had started outlived it."""

    @property
    def text(self) -> str:
        """Everything that it said, blanks and frames of tables made plain."""
        return re.sub(r"[\s│]+", " ", self.err + "\n" + self.out)


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a command finds around itself, beside its folder."""

    environment: dict[str, str | None] = field(default_factory=dict)
    """Changes; None takes a variable away."""
    encoding: str = "utf-8"
    """Of standard output and error."""
    closed: tuple[str, ...] = ()
    """Streams that are closed: of stdin, stdout and stderr."""
    stdout: str | None = None
    """A file or device to take standard output."""
    user: int | None = None
    """The user and group to become."""
    seconds: float = SECONDS
    memory: int = 3 * GIGABYTE
    """Address space beyond the server's."""


class Commands:
    """A running server; close it, or use it as a context manager."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == "ready"
        self._streams = Path(tempfile.mkdtemp(prefix="hostile-"))
        self._streams.chmod(0o777)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @staticmethod
    def are_possible() -> bool:
        """Whether the platform can fork a process that has torch in it."""
        return hasattr(os, "fork") and sys.platform.startswith("linux")

    def close(self) -> None:
        """End the server and forget what commands have said."""
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait()
        for path in self._streams.iterdir():
            path.unlink()
        self._streams.rmdir()

    def run(
        self, arguments: Sequence[object], folder: Path, around: Surroundings | None = None
    ) -> Ending:
        """How `xlite` with these arguments ends in `folder`."""
        [ending] = self.run_together([arguments], folder, around)
        return ending

    def run_together(
        self,
        several: Sequence[Sequence[object]],
        folder: Path,
        around: Surroundings | None = None,
    ) -> list[Ending]:
        """How commands end that are started at once in one folder."""
        around = around or Surroundings()
        requests = [
            self._request(k, arguments, folder, around) for k, arguments in enumerate(several)
        ]
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(requests) + "\n")
        self._server.stdin.flush()
        answers = json.loads(self._answer())
        return [
            Ending(
                exit_code=answer["exit_code"],
                out=self._read(request["streams"]["stdout"]),
                err=self._read(request["streams"]["stderr"]),
                peak_bytes=answer["peak_bytes"],
                left_processes=answer["left_processes"],
            )
            for request, answer in zip(requests, answers, strict=True)
        ]

    def _request(
        self, number: int, arguments: Sequence[object], folder: Path, around: Surroundings
    ) -> dict[str, Any]:
        streams: dict[str, str | None] = {
            "stdin": os.devnull,
            "stdout": around.stdout or str(self._streams / f"{number}.out"),
            "stderr": str(self._streams / f"{number}.err"),
        }
        for path in self._streams.iterdir():
            path.unlink()
        environment: dict[str, str | None] = {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
            "HOME": str(folder.parent / "home"),
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "COLUMNS": "120",
            **around.environment,
        }
        return {
            "arguments": [str(argument) for argument in arguments],
            "folder": str(folder),
            "environment": {k: v for k, v in environment.items() if v is not None},
            "encoding": around.encoding,
            "streams": {name: None if name in around.closed else p for name, p in streams.items()},
            "user": around.user,
            "seconds": around.seconds,
            "bytes": around.memory,
        }

    def _answer(self) -> str:
        assert self._server.stdout is not None
        line = self._server.stdout.readline()
        assert line, "the server has ended"
        return line.strip()

    def _read(self, path: str | None) -> str:
        if path is None or not Path(path).is_file():
            return ""
        return Path(path).read_bytes().decode("utf-8", "backslashreplace")
