"""What `study slurm` has written and submitted."""

from __future__ import annotations

from dataclasses import dataclass

from xlite.results import Result


@dataclass(frozen=True, kw_only=True)
class AgentArray(Result):
    """A job array of agents."""

    study: str
    """The study's folder."""
    script: str
    """The batch script's path."""
    agents: int
    job: str | None
    """Its number in Slurm; None where it was not submitted."""
