"""Agents of a study as tasks of a Ray cluster: Ray places them, and starts those again that a lost
node has taken along.

An agent is the same command as on any other machine, in a process of its own: Ray's worker can't
handle SIGTERM for it. It ends with the worker, and the worker ends with its node or with us.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlite import console
from xlite.errors import InputError, InterruptedRunError
from xlite.signals import StopRequest, StopSource, heed_no_signals

_ANSWER_SECONDS = 10.0
_POLL_SECONDS = 0.5
_HOST_AND_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+):([0-9]{1,5})", re.ASCII)

_MADE_WAY = (143, -15)
"""How an agent ends that SIGTERM has told to: after saving, or before it had begun."""

_AGENT = """\
import sys
from xlite.signals import end_with_starter
end_with_starter(int(sys.argv.pop(1)))
from xlite.__main__ import main
main()
"""


@dataclass(frozen=True, kw_only=True)
class AgentEnd:
    """How an agent has ended."""

    host: str
    exit_code: int
    """0: the study has ended; 3: it waits for a person; others as of any command."""
    log: Path


class _MadeWayError(Exception):
    """An agent has saved and ended, though the study goes on: Ray starts it again elsewhere."""


def run_on_ray(
    address: str,
    study_dir: Path,
    *,
    has_ended: Callable[[], bool],
    agents: int | None = None,
    stopping: StopSource = heed_no_signals,
) -> list[AgentEnd]:
    """How the agents of the study in `study_dir` have ended, once all of them have.

    address: HOST:PORT of the cluster's head, auto for the one that runs on this machine, local for
    a cluster of this machine alone that ends with the work. agents: by default one for each GPU
    of the cluster, or for each of its processors where it has none; those that find no place wait
    for one. has_ended: whether the study has, so that nobody need wait any more. All nodes have to
    see the folder under the same name.

    Raises InputError where there is no Ray or nothing answers; InterruptedRunError, after all
    agents have saved, once what `stopping` gives is set.
    """
    require_cluster(address)
    ray = _import_ray()
    with _connected(ray, address), stopping() as stop:
        resources = ray.cluster_resources()
        gpus, cpus = int(resources.get("GPU", 0)), int(resources.get("CPU", 0))
        if not gpus and not cpus:
            raise InputError(f"the Ray cluster at {address} has no processors. Add nodes to it.")
        wanted = agents or gpus or cpus
        # Spread: two agents on one node would share its disk, and be lost with it together.
        task = ray.remote(_work).options(
            name=f"xlite {study_dir.name}",
            num_cpus=1,
            num_gpus=1 if gpus else 0,
            max_retries=-1,
            retry_exceptions=[_MadeWayError],
            scheduling_strategy="SPREAD",
        )
        (study_dir / "logs").mkdir(exist_ok=True)
        console.say(f"{wanted} agents on Ray; they write to {study_dir / 'logs'}")
        tasks = [task.remote(str(study_dir.absolute()), number) for number in range(wanted)]
        return _wait(ray, tasks, stop, has_ended)


def _import_ray() -> Any:
    # Its greeting and its question about statistics are for those who start clusters.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise InputError(
            "--ray needs Ray, which is not installed. Run `pip install 'xlite[ray]'`, here and on "
            "the nodes."
        ) from None
    return ray


@contextmanager
def _connected(ray: Any, address: str) -> Iterator[None]:
    if ray.is_initialized():  # by the caller, in a notebook
        yield
        return
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise InputError(
            f"no Ray cluster can be used at {address}: {_first_line(error)}. Start one with `ray "
            "start --head`, and pass its HOST:PORT as --ray."
        ) from None
    # A thread of Ray's prints each lost node with pages of its log, at the latest when it ends, and
    # this process's standard output is for results. It starts tasks again whether that is read or
    # not.
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        try:
            yield
        finally:
            ray.shutdown()


def require_cluster(address: str) -> None:
    """Raise InputError unless Ray is installed and something answers at the address.

    Ray itself would try for minutes. auto and local are left to it.
    """
    _import_ray()
    if address in ("auto", "local"):
        return
    found = _HOST_AND_PORT.fullmatch(address)
    if found is None:
        raise InputError(
            f"--ray {address} is no address of a cluster. Pass HOST:PORT of its head (the port is "
            "6379 unless it was started with another), auto, or local."
        )
    host, port = found[1].strip("[]"), int(found[2])
    try:
        socket.create_connection((host, port), timeout=_ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise InputError(
            f"no Ray cluster answers at {address} ({_first_line(error)}). Start one with `ray "
            "start --head`, and pass its HOST:PORT as --ray."
        ) from None


def _wait(
    ray: Any, tasks: Sequence[Any], stop: StopRequest, has_ended: Callable[[], bool]
) -> list[AgentEnd]:
    running, ends = list(tasks), []
    is_cancelled = False
    while running:
        done, running = ray.wait(running, timeout=_POLL_SECONDS)
        ends += [end for task in done if (end := _read_end(ray, task)) is not None]
        # With the study at its end an agent that still waits for a place has nothing to come for.
        if not is_cancelled and (stop or (done and has_ended())):
            is_cancelled = True
            for task in running:
                ray.cancel(task)
    if stop:
        raise InterruptedRunError(
            "stopped: each agent has saved its work. The same command continues from there.",
            signal_number=stop.signal_number or 0,
        )
    return ends


def _read_end(ray: Any, task: Any) -> AgentEnd | None:
    """How the agent of a task that is over has ended; None when we had it cancelled."""
    try:
        host, exit_code, log = ray.get(task)
    except ray.exceptions.TaskCancelledError:
        return None
    except ray.exceptions.RayError as error:
        raise InputError(
            f"Ray could not start an agent: {_last_line(error)}. Each node needs this version of "
            "xlite and of Python, and the same folders."
        ) from None
    end = AgentEnd(host=host, exit_code=exit_code, log=Path(log))
    if exit_code not in (0, 3):
        console.warn(f"the agent on {host} ended with exit code {exit_code}: see {log}")
    return end


def _work(study_dir: str, number: int) -> tuple[str, int, str]:
    """Be an agent, on the node where Ray has placed it; returns host, exit code and log."""
    log = Path(study_dir) / "logs" / f"ray-{number}.log"
    with log.open("ab") as output:
        agent = subprocess.Popen(
            [sys.executable, "-c", _AGENT, str(os.getpid()), "study", "work", study_dir],
            env={**os.environ, "PYTHONSAFEPATH": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    exit_code = None
    is_cancelled = False
    while exit_code is None:
        try:
            # Not `wait`: Ray's cancellation interrupts Python and no system call.
            time.sleep(_POLL_SECONDS)
            exit_code = agent.poll()
        except KeyboardInterrupt:
            is_cancelled = True
            agent.terminate()
    if is_cancelled:
        raise KeyboardInterrupt
    if exit_code in _MADE_WAY:
        raise _MadeWayError
    return socket.gethostname(), exit_code, str(log)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def _last_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[-1].rstrip(".")
