"""Who has started this process, and how many train together: nobody else, xlite, torchrun, Slurm.

What is wrong with it is said at once. torch would wait for the processes that are missing, for
half an hour or for ever, without a word.
"""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from lightning_fabric.plugins.environments.slurm import SLURMEnvironment

from xlite.errors import InputError
from xlite.settings import Runtime

_MAIN_PROCESS = "XLITE_MAIN_PROCESS"
"""The process that starts the others, by its id: those are its children, or itself."""

_TORCHRUN_ID = "TORCHELASTIC_RUN_ID"
_OF_A_LAUNCHER = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK")
_ANSWER_SECONDS = 10.0


def count_processes(runtime: Runtime) -> tuple[int, int]:
    """Processes on this machine, and machines; torchrun's word goes before the options'.

    Raises InputError for several machines without torchrun or Slurm, and for variables of
    torchrun's that an earlier command has left in the environment.
    """
    if _TORCHRUN_ID in os.environ:
        return _ask_torchrun(runtime)
    _require_tasks_per_node()
    with without_advice():
        is_slurm_job = SLURMEnvironment.detect()
    if is_slurm_job:
        return runtime.devices, runtime.num_nodes
    left = [name for name in _OF_A_LAUNCHER if name in os.environ]
    if left and not _is_started_by_us():
        raise InputError(
            f"the environment says that this is one of several processes ({', '.join(left)}), but "
            f"torchrun has not started it. {_unset(left)}, or start the command by torchrun."
        )
    if runtime.num_nodes > 1:
        raise InputError(
            f"--nodes {runtime.num_nodes} needs torchrun or Slurm to start this command on each "
            'machine, and neither has started it. See "More than one device" in docs/training.md, '
            "or leave --nodes out."
        )
    return runtime.devices, 1


@contextmanager
def without_advice() -> Iterator[None]:
    """A block in which Fabric looks for Slurm without a word.

    Wherever Slurm is installed it would ask for `srun`, in and out of a job, which a run on one
    device has no use for.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The `srun` command is available")
        yield


def _require_tasks_per_node() -> None:
    """Raise InputError for a Slurm job of which nothing says how its tasks lie on machines."""
    tasks = os.environ.get("SLURM_NTASKS", "1")
    if tasks != "1" and "SLURM_NTASKS_PER_NODE" not in os.environ:
        raise InputError(
            f"this is a Slurm job of --ntasks={tasks}, which says nothing of machines. Ask for "
            "--ntasks-per-node, or run `unset SLURM_NTASKS` to train without the job's tasks."
        )


def announce_launch() -> None:
    """Let the processes that this one starts know that they are its own."""
    os.environ.setdefault(_MAIN_PROCESS, str(os.getpid()))


def _is_started_by_us() -> bool:
    # An id that was left in the environment belongs to no process of ours.
    return os.environ.get(_MAIN_PROCESS) in (str(os.getpid()), str(os.getppid()))


def _ask_torchrun(runtime: Runtime) -> tuple[int, int]:
    try:
        per_node = int(os.environ["LOCAL_WORLD_SIZE"])
        total = int(os.environ["WORLD_SIZE"])
        address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    except (KeyError, ValueError):
        raise InputError(_describe_remains("some are missing or no numbers")) from None
    # Its agent serves the processes while they run; with another rendezvous rank 0 does, later.
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True":
        try:
            socket.create_connection(address, timeout=_ANSWER_SECONDS).close()
        except OSError:
            place = f"{address[0]}:{address[1]}"
            raise InputError(_describe_remains(f"nothing answers at {place}")) from None
    devices = max(per_node, runtime.devices)
    return devices, max(runtime.num_nodes, total // devices)


def _describe_remains(fault: str) -> str:
    names = [name for name in (*_OF_A_LAUNCHER, _TORCHRUN_ID) if name in os.environ]
    return (
        f"the environment holds torchrun's variables ({', '.join(names)}), but they are of no use: "
        f"{fault}. {_unset(names)}, or start the command by torchrun."
    )


def _unset(names: list[str]) -> str:
    return f"Run `unset {' '.join(names)}`"
