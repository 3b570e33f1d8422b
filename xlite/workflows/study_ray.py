"""Studies from a plan file, carried out by agents on a Ray cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xlite.errors import CheckFailedError
from xlite.executors.ray_agents import require_cluster, run_on_ray
from xlite.executors.study_status import read_study_status
from xlite.signals import StopSource, heed_no_signals
from xlite.workflows.study_beginning import begin_study

if TYPE_CHECKING:
    from xlite.results.study_status import StudyStatus


def run_study_on_ray(
    plan: str | Path,
    address: str,
    *,
    out: str | Path | None = None,
    agents: int | None = None,
    accept_change: bool = False,
    stopping: StopSource = heed_no_signals,
) -> StudyStatus:
    """Where the study of a plan file stands, once it has ended or waits for a person.

    Its agents are tasks of the Ray cluster at `address`, whose nodes see the project's folder under
    the same name; see `run_on_ray`. Raises what that and `begin_study` raise, and CheckFailedError
    when all agents have ended by a fault of their own before the study has.
    """
    require_cluster(address)
    folder = begin_study(plan, out, accept_change=accept_change)
    ends = run_on_ray(
        address,
        folder.path,
        agents=agents,
        has_ended=lambda: read_study_status(folder.path).state == "ended",
        stopping=stopping,
    )
    status = read_study_status(folder.path)
    faults = [end for end in ends if end.exit_code not in (0, 3)]
    if faults and status.state == "stopped":
        raise CheckFailedError(
            f"the study has not ended, and no agent is left: {len(faults)} of {len(ends)} ended by "
            f"a fault (see {faults[0].log}). Mend it, and the same command goes on."
        )
    return status
