"""A Slurm cluster of two nodes on this machine, which ends with the test that started it."""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "srun")
NODES = ("node1", "node2")

_SYSTEM_PROGRAMS = "/usr/sbin:/usr/local/sbin"
_STARTED_SECONDS = 30.0
_NODE = "NODE_OF_A_TEST"
"""The variable by which daemons, and what they start for themselves, are found."""

# No cgroups and no accounting, which a container may not have, and nothing of /etc. JobRequeue=0
# leaves it to the script to ask for it. config_overrides: this machine may have one processor.
_CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
JobRequeue=0
KillWait=10
SlurmdTimeout=10
ReturnToService=2
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 State=UNKNOWN
NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 State=UNKNOWN
PartitionName=all Nodes=node1,node2 Default=YES MaxTime=INFINITE State=UP
"""


class SlurmCluster:
    """A running cluster, and its commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}

    def command(self, *arguments: str) -> str:
        """What one of Slurm's commands prints."""
        done = subprocess.run(
            arguments, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    def states(self, job: str) -> dict[str, str]:
        """The state of each task that is not over, by its number: {"0": "RUNNING"}."""
        text = self.command("squeue", "--noheader", "--array", "--format=%F %K %T")
        rows = [line.split() for line in text.splitlines()]
        return {task: state for array, task, state in rows if array == job}

    def start_waiting_tasks(self, job: str) -> None:
        """Let requeued tasks start at once: Slurm has them wait for two minutes."""
        # So that a node does not take the start for what it was just told to end: "already killed".
        time.sleep(2)
        for task, state in self.states(job).items():
            if state == "PENDING":
                with contextlib.suppress(AssertionError):  # it may start by itself meanwhile
                    self.command("scontrol", "update", f"JobId={job}_{task}", "StartTime=now")

    def kill_node(self, name: str) -> None:
        """Take a node away as a power cut does: its daemon, and all processes of its jobs."""
        daemon = self._daemons.pop(name)
        # Slurm's own processes first: they would report the end of the jobs.
        for variable in (f"{_NODE}={name}", f"SLURMD_NODENAME={name}"):
            for pid in _find_processes(variable, f"SLURM_CONF={self.folder}"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        daemon.wait()

    def start_node(self, name: str) -> None:
        """Start the daemon of a node."""
        self.start_daemon(name, "slurmd", "-D", "-N", name)

    def start_daemon(self, name: str, *arguments: str) -> None:
        """Start a program in a session of its own, so that a Ctrl-C in the tests is not for it."""
        program = shutil.which(arguments[0], path=f"{os.environ['PATH']}:{_SYSTEM_PROGRAMS}")
        assert program is not None, arguments
        with (self.folder / f"{name}.out").open("ab") as output:
            self._daemons[name] = subprocess.Popen(
                [program, *arguments[1:]],
                env={**self.environment, _NODE: name},
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def stop(self) -> None:
        """End all jobs and daemons."""
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            self.command("scancel", "--signal=KILL", "--full", "--state=RUNNING")
            self.command("scancel", f"--user={getpass.getuser()}")
            wait_until(lambda: not self.command("squeue", "--noheader"), seconds=15)
        for daemon in reversed(self._daemons.values()):
            daemon.terminate()
        for daemon in self._daemons.values():
            try:
                daemon.wait(15)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        # What a killed node's jobs have left.
        for pid in _find_processes(f"SLURM_CONF={self.folder}"):
            if pid != os.getpid():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def missing_programs() -> list[str]:
    """The programs of a cluster that this machine lacks."""
    path = f"{os.environ['PATH']}:{_SYSTEM_PROGRAMS}"
    return [program for program in PROGRAMS if shutil.which(program, path=path) is None]


@contextmanager
def start_cluster() -> Iterator[SlurmCluster]:
    """A cluster of two nodes with a processor each, which is gone at the end of the block."""
    # In /tmp whatever folder tests have: the path of a socket has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o600)
    (folder / "slurm.conf").write_text(
        _CONFIGURATION.format(
            folder=folder,
            host=socket.gethostname().partition(".")[0],
            user=getpass.getuser(),
            ports=_free_ports(3),
        )
    )
    cluster = SlurmCluster(folder)
    files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "seed-file": "seed"}
    places = [f"--{option}={folder}/munge.{ending}" for option, ending in files.items()]
    try:
        # --force: it would refuse a key in a folder that others may write to.
        cluster.start_daemon("munged", "munged", "--foreground", "--force", *places)
        wait_until((folder / "munge.socket").exists, seconds=_STARTED_SECONDS)
        cluster.start_daemon("slurmctld", "slurmctld", "-D", "-i")
        for node in NODES:
            cluster.start_node(node)
        wait_until(lambda: _count_idle(cluster) == len(NODES), seconds=_STARTED_SECONDS)
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def wait_until(is_so: Callable[[], bool], *, seconds: float) -> None:
    """Wait until `is_so`; an AssertionError when it takes longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"still not so after {seconds} s: {is_so}"
        time.sleep(0.2)


def _count_idle(cluster: SlurmCluster) -> int:
    try:
        text = cluster.command("sinfo", "--noheader", "--Node", "--format=%T")
    except AssertionError:  # the controller does not answer yet
        return 0
    return text.split().count("idle")


def _find_processes(*variables: str) -> list[int]:
    """Processes whose environment begins a variable as each of `variables` does."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            entries = path.read_bytes().decode(errors="replace").split("\0")
            if all(any(entry.startswith(one) for entry in entries) for one in variables):
                found.append(int(path.parent.name))
    return found


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
