"""Runs `xlite` commands in forked children of one process that has imported everything once.

A request and an answer are one line of JSON each, on standard input and output. A child has its
own folder, environment, user, limits and terminal-less streams, so that what a command does to
its process stays there; starting one costs a fork instead of the imports of torch and timm.
"""

from __future__ import annotations

import os

if __name__ == "__main__":  # before numpy: a fork copies no threads, but what they hold locked
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import atexit
import codecs
import gc
import importlib
import io
import json
import pkgutil
import resource
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

_POLL = 0.004
_GRACE = 15.0  # seconds in which its loader processes, which may still import, have to be gone


def import_everything() -> None:
    """Import what any command may, and leave no object for a child's collector to copy."""
    import xlite

    for module in pkgutil.walk_packages(xlite.__path__, "xlite."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in ("timm", "torchvision.transforms", "sklearn.metrics", "rich.table"):
        importlib.import_module(name)
    for name in (
        "matplotlib.pyplot",
        "pandas",
        "safetensors.torch",
        "lightning_fabric",
        "jinja2",
        "importlib.readers",
    ):
        importlib.import_module(name)
    for name in ("utf-8-sig", "cp1252", "ascii", "utf-16", "latin-1", "idna"):
        codecs.lookup(name)  # a child of another user may not be let near the interpreter's files
    gc.collect()
    gc.freeze()


def run_child(request: dict[str, Any]) -> NoReturn:
    """Become the command: never returns."""
    code = 1
    try:
        prepare(request)
        code = call_main(request["arguments"])
        # What Python does when it ends, and `os._exit` does not: loader processes are ended there.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    except BaseException:  # noqa: BLE001  (whatever it is, a forked child may not go on)
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                if stream is not None:
                    stream.flush()
            except (OSError, ValueError):
                code = code or 120  # as Python itself ends when it can't write what it said
        os._exit(code)


def prepare(request: dict[str, Any]) -> None:
    """Take on the folder, environment, limits, streams and user that the request wants."""
    os.setsid()
    # A listener that is killed may leave a signal ignored, and a child would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    for number, (name, path) in enumerate(request["streams"].items()):
        if path is None:
            os.close(number)
            setattr(sys, name, None)
            continue
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        opened = os.open(path, flags, 0o666)
        os.dup2(opened, number)
        os.close(opened)
        if number:
            raw = os.fdopen(number, "wb", buffering=0 if number == 2 else -1, closefd=False)
            errors = "backslashreplace" if number == 2 else "strict"
            encoding = request["encoding"]
            text = io.TextIOWrapper(raw, encoding, errors, line_buffering=number == 2)
            setattr(sys, name, text)
    now = _address_space()
    resource.setrlimit(resource.RLIMIT_AS, (now + request["bytes"],) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if request["user"] is not None:
        os.setgroups([])
        os.setgid(request["user"])
        os.setuid(request["user"])


def call_main(arguments: list[str]) -> int:
    """The exit code of `xlite` with these arguments."""
    from xlite.__main__ import main

    sys.argv = ["xlite", *arguments]
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(end.code + "\n")
            return 1
        return int(end.code or 0)
    return 0


def _address_space() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, IndexError):
        return 1 << 38
    return pages * resource.getpagesize()


def wait(pid: int, seconds: float) -> dict[str, Any]:
    """How a child ended, and whether it left processes behind; all of them are then gone."""
    end = time.monotonic() + seconds
    status, timed_out = None, False
    while status is None:
        done, code, usage = os.wait4(pid, os.WNOHANG)
        if done:
            status = os.waitstatus_to_exitcode(code)
        elif time.monotonic() > end:
            timed_out = True
            os.killpg(pid, signal.SIGKILL)
            os.wait4(pid, 0)
            break
        else:
            time.sleep(_POLL)
    left = _group_lives_on(pid)
    return {
        "exit_code": status,
        "timed_out": timed_out,
        "left_processes": left,
        "peak_bytes": 0
        if timed_out
        else usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }


def _group_lives_on(pid: int) -> bool:
    end = time.monotonic() + _GRACE
    while time.monotonic() < end:
        if not _is_alive(pid):
            return False
        time.sleep(_POLL)
    os.killpg(pid, signal.SIGKILL)
    return True


def _is_alive(group: int) -> bool:
    """Whether a process of the group runs; one that init has yet to bury does not."""
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of_group = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(of_group) == group and state != "Z":
            return True
    return False


def serve() -> None:
    """Answer requests until standard input ends; several in one request run side by side."""
    import_everything()
    # The children's streams are files: nothing that they write may reach the answers.
    answers = os.fdopen(os.dup(1), "w")
    questions = os.fdopen(os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(2, 1)
    answers.write("ready\n")
    answers.flush()
    for line in questions:
        started = []
        for request in json.loads(line):
            pid = os.fork()
            if pid == 0:
                run_child(request)
            started.append((pid, request["seconds"]))
        answers.write(json.dumps([wait(*child) for child in started]) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
