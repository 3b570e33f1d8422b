"""Agents of a study on a Slurm cluster: their batch script, written and submitted."""

from __future__ import annotations

from pathlib import Path

from xlite.executors.slurm import FIRST_LINES, SCRIPT, submit_script, write_array_script
from xlite.files import write_text
from xlite.ownership import require_replaceable_file
from xlite.results.agent_array import AgentArray
from xlite.settings import SlurmSettings
from xlite.studies.recorded_plan import RecordedPlan, read_state
from xlite.workflows.study_beginning import begin_study


def work_on_slurm(
    plan: str | Path,
    *,
    out: str | Path | None = None,
    submit: bool = False,
    accept_change: bool = False,
) -> AgentArray:
    """The job array of the agents that `[slurm]` of a plan asks for, as a batch script.

    The study begins in `out/studies/NAME`, or goes on there; the script lies in its folder. out:
    None for the plan's. submit: hand it to `sbatch`, too. accept_change: as for `begin_study`.
    Raises InputError for what that does, for a folder that Slurm can't write logs to, for a file of
    somebody else's in the script's place, and for what sbatch refuses.
    """
    folder = begin_study(plan, out, accept_change=accept_change)
    settings = RecordedPlan(folder).of(read_state(folder)).slurm or SlurmSettings()
    text = write_array_script(settings, folder.path)
    script = folder.path / SCRIPT
    require_replaceable_file(
        script, is_ours=lambda head: head.startswith(FIRST_LINES.encode()), overwrite=None
    )
    # Slurm makes no folder for its logs: the job would end without a word.
    folder.logs.mkdir(exist_ok=True)
    write_text(script, text)
    job = submit_script(script) if submit else None
    return AgentArray(study=str(folder.path), script=str(script), agents=settings.agents, job=job)
