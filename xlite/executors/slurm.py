"""Agents of a study as a job array of Slurm: the text of its batch script, and its submission.

How an agent comes back is what the script is for. `--requeue` returns jobs whose node was lost or
that were preempted, and no others. Near the time limit `--signal` has Slurm send SIGTERM to the
steps of the job and not to its shell, so the agent is a step (`srun`); it saves, gives its work
back and ends with 143, and the shell then requeues its own task. `scancel` signals the shell as
well, which ends by it: a cancelled job stays cancelled.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from xlite.errors import InputError
from xlite.settings import SlurmSettings

SCRIPT = "slurm.sh"
"""The script in a study's folder."""

FIRST_LINES = "#!/bin/bash\n# The agents of a study, written by `xlite study slurm`.\n"
"""How a script begins that is ours to replace."""

_SUBMIT_SECONDS = 300
_NOT_IN_LOG_PATHS = ("%", "\\")
"""sbatch reads patterns, and takes backslashes away, also from within quotes."""


def write_array_script(settings: SlurmSettings, study_dir: Path) -> str:
    """The batch script of `settings.agents` agents of the study in `study_dir`.

    The nodes have to see the folder under the same name. Raises InputError where Slurm could not
    write its log there.
    """
    study_dir = study_dir.absolute()
    log = str(study_dir / "logs" / "slurm-%A_%a.log")
    if not log.isprintable() or any(sign in str(study_dir) for sign in _NOT_IN_LOG_PATHS):
        raise InputError(
            f"Slurm can't write logs to {str(study_dir)!r}: no {' or '.join(_NOT_IN_LOG_PATHS)} "
            "and no control character may be in its path. Pass another --out."
        )
    options = _list_options(settings, name=f"xlite-{study_dir.name}", log=log)
    python = settings.python or sys.executable
    agent = shlex.join([python, "-m", "xlite", "study", "work", str(study_dir)])
    lines = [
        *(f"#SBATCH {option}" for option in options),
        "",
        *map(_describe_setup, settings.setup),
        "",
        "# As many threads as processors were asked for; from Slurm 22.05 on srun does not ask for",
        "# them by itself.",
        'export OMP_NUM_THREADS="${OMP_NUM_THREADS:-$SLURM_CPUS_PER_TASK}"',
        "status=0",
        "# The agent trains as on any machine, and not as one of the tasks of a training.",
        'srun --ntasks=1 --cpus-per-task="$SLURM_CPUS_PER_TASK" --mpi=none --input=none \\',
        f"  env -u SLURM_NTASKS {agent} || status=$?",
        "",
        "# It has saved before the time limit: --requeue alone would not bring this task back.",
        'if [ "$status" -eq 143 ]; then',
        '  scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}" ||',
        '    echo "xlite: this task can\'t be requeued; submit the script again" >&2',
        "fi",
        'exit "$status"',
    ]
    return FIRST_LINES + "\n".join(lines) + "\n"


def submit_script(script: Path) -> str:
    """The number of the job array that sbatch has made of the script.

    Raises InputError where there is no sbatch on this machine, and for what it refuses.
    """
    sbatch = shutil.which("sbatch")
    if sbatch is None:
        raise InputError(
            f"this machine has no sbatch. Run `sbatch {shlex.quote(str(script))}` on a login node "
            "that sees the folder, or leave --submit out."
        )
    try:
        done = subprocess.run(
            [sbatch, "--parsable", str(script.absolute())],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_SUBMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise InputError(
            f"sbatch has not answered for {_SUBMIT_SECONDS} seconds. See whether the job is there "
            f"(`squeue --me`), else run `sbatch {shlex.quote(str(script))}` later."
        ) from None
    # NUMBER, or NUMBER;CLUSTER where there are several.
    number = done.stdout.strip().partition(";")[0]
    if done.returncode or not number.isdigit():
        raise InputError(
            f"sbatch refused the agents: {_find_reason(done.stderr)}. Correct [slurm] in the plan, "
            f"and see {script}."
        )
    return number


def _list_options(settings: SlurmSettings, *, name: str, log: str) -> Sequence[str]:
    asked = {
        "account": settings.account,
        "partition": settings.partition,
        "qos": settings.qos,
        "gres": settings.gres,
        "mem": settings.mem,
        "time": settings.time,
    }
    return [
        f"--job-name={shlex.quote(name)}",
        f"--array=0-{settings.agents - 1}",
        "--nodes=1",
        "--ntasks=1",
        f"--cpus-per-task={settings.cpus_per_task}",
        *(f"--{option}={value}" for option, value in asked.items() if value is not None),
        "--requeue",
        f"--signal=TERM@{settings.signal_seconds}",
        # A task that comes back goes on with its log.
        "--open-mode=append",
        f"--output={shlex.quote(log)}",
        *settings.options,
    ]


def _describe_setup(line: str) -> str:
    # By eval a line ends with itself, whatever quote or document it leaves open.
    failure = shlex.quote(f"xlite: this line of setup failed: {line}")
    return f"eval {shlex.quote(line)} || {{ echo {failure} >&2; exit 1; }}"


def _find_reason(text: str) -> str:
    """The last thing that sbatch said, without its name.

    >>> _find_reason("sbatch: error: Batch job submission failed: Invalid qos specification\\n")
    'Batch job submission failed: Invalid qos specification'
    """
    lines = [line for line in text.splitlines() if line.strip()]
    last = lines[-1] if lines else "it gave no reason"
    return last.removeprefix("sbatch: ").removeprefix("error: ").rstrip(".")
