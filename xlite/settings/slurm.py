"""Settings of the agents of a study on a Slurm cluster: the `[slurm]` table of its plan."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from xlite.settings.settings import Settings

_SIGNS = r"A-Za-z0-9_.:,@+/=%()&|*\[\]-"
"""What names, features and resources of Slurm are made of. No space, quote, # or line end, so that
none of them ends its line of the script."""
_WORD = re.compile(rf"\w[{_SIGNS}]*", re.ASCII)
_DURATION = re.compile(r"(\d+-)?\d+(:\d{1,2}){0,2}", re.ASCII)
_MEMORY = re.compile(r"\d{1,10}[KMGT]?", re.ASCII)
_OPTION = re.compile(rf"--([a-z][a-z-]*)(=[{_SIGNS}]+)?")

_SET_FROM = {
    "account": "account",
    "array": "agents",
    "cpus-per-task": "cpus_per_task",
    "gres": "gres",
    "mem": "mem",
    "partition": "partition",
    "qos": "qos",
    "signal": "signal_seconds",
    "time": "time",
}
"""The setting that an option of sbatch is made of."""
_FIXED = (
    *("chdir", "error", "export", "job-name", "nodes", "no-requeue", "ntasks"),
    *("open-mode", "output", "parsable", "requeue", "test-only", "wait", "wrap"),
)
"""Options of sbatch that the script depends on."""


def _quoted(value: Any) -> Any:
    # TOML reads 08:00:00 as a time of day, and 30 as a number.
    if isinstance(value, str) or value is None:
        return value
    raise ValueError('must be text in quotes, as "08:00:00" or "gpu:1"')


def _check_word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError(
            "must be one word of letters, digits and _.:,@+/=%()&|*[]-, and begin with none but "
            "the first two and _"
        )
    return text


def _check_duration(text: str) -> str:
    if not _DURATION.fullmatch(text) or not _seconds(text):
        raise ValueError(
            "must be a time above 0 as Slurm writes it: minutes, minutes:seconds, "
            "hours:minutes:seconds, days-hours, days-hours:minutes or days-hours:minutes:seconds"
        )
    return text


def _seconds(duration: str) -> int:
    """Seconds of a time as Slurm writes it.

    >>> _seconds("30"), _seconds("1:30"), _seconds("8:00:00"), _seconds("1-12"), _seconds("1-0:30")
    (1800, 90, 28800, 129600, 88200)
    """
    days, dash, rest = duration.rpartition("-")
    parts = [int(part) for part in rest.split(":")]
    if dash or len(parts) == 3:
        hours, minutes, seconds = (*parts, 0, 0)[:3]
    else:
        hours, minutes, seconds = 0, *(*parts, 0)[:2]
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds


def _check_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("must be one line of text, without control characters")
    return text


def _check_memory(text: str) -> str:
    if not _MEMORY.fullmatch(text):
        raise ValueError("must be a size as 16G, 800M or 2T, or 0 for all memory of a node")
    return text


def _check_option(text: str) -> str:
    found = _OPTION.fullmatch(text)
    if found is None:
        raise ValueError(
            "each must be a long option of sbatch in one word, as --constraint=a100 or --exclusive"
        )
    # sbatch takes the beginning of an option for the whole.
    name = found[1]
    if field := next((_SET_FROM[own] for own in _SET_FROM if own.startswith(name)), None):
        raise ValueError(f"--{name} is set from {field} of this table")
    if any(own.startswith(name) for own in _FIXED):
        raise ValueError(f"--{name} is for xlite to set")
    return text


_Word = Annotated[str, BeforeValidator(_quoted), AfterValidator(_check_word)]
_Line = Annotated[str, BeforeValidator(_quoted), AfterValidator(_check_line)]
_Memory = Annotated[str, BeforeValidator(_quoted), AfterValidator(_check_memory)]
_Duration = Annotated[str, BeforeValidator(_quoted), AfterValidator(_check_duration)]
_Option = Annotated[str, BeforeValidator(_quoted), AfterValidator(_check_option)]


class SlurmSettings(Settings):
    """What Slurm is asked for, for each agent of a study; nothing here changes a result.

    No value can end its line of the batch script; `setup` alone is run by a shell.
    """

    panel: ClassVar[str] = "Slurm"

    @classmethod
    def option(cls, field: str) -> str:
        """A setting as it is written in a plan: it has no option."""
        return f"[slurm] {field}"

    agents: int = Field(default=1, ge=1, le=10_000)
    """Agents that work at the study, each a task of the job array."""
    account: _Word | None = None
    """Account that pays. Default: yours."""
    partition: _Word | None = None
    """Partition, or several separated by commas. Default: the cluster's."""
    qos: _Word | None = None
    """Quality of service."""
    gres: _Word | None = None
    """What each agent gets beside processors and memory: gpu:1, gpu:a100:1."""
    cpus_per_task: int = Field(default=1, ge=1, le=1024)
    """Processors of each agent."""
    mem: _Memory | None = None
    """Memory of each agent: 16G, or a number of megabytes. Default: the cluster's."""
    time: _Duration | None = None
    """Time limit of each agent as Slurm writes it: 08:00:00, 2-12:00:00. Work that it cuts short is
    saved and goes on. Default: the partition's."""
    signal_seconds: int = Field(default=120, ge=10, le=65_535)
    """Seconds before the time limit at which an agent saves and makes way. Slurm may be 60 seconds
    early."""
    python: _Line | None = None
    """Python of the nodes that has xlite installed. Default: the one that writes the script."""
    setup: tuple[_Line, ...] = ()
    """Shell commands before the agent starts, a line each: module load cuda/12.4."""
    options: tuple[_Option, ...] = ()
    """More options of sbatch, one word each: --constraint=a100."""

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.time is not None and _seconds(self.time) <= self.signal_seconds:
            raise ValueError(
                f"time {self.time} ends before signal_seconds {self.signal_seconds} have passed: "
                "no agent would ever work. Raise time or lower signal_seconds"
            )
        return self
