"""The experiment log brought up to date and commented."""

from __future__ import annotations

from pathlib import Path

from xlite import places
from xlite.errors import InputError
from xlite.ownership import refuse_links, require_writable_folder
from xlite.reporting.experiment_log import Remarks, update_experiment_log
from xlite.reporting.log_markdown import DECISION, FOCUS, OBJECTIVE
from xlite.results.report import LogUpdate
from xlite.workflows.study_record import record_studies


def add_to_log(
    experiments: str | Path = places.EXPERIMENTS_DIR,
    *,
    focus: str | None = None,
    objective: str | None = None,
    decision: str | None = None,
    run: str | Path | None = None,
    ablation: str | Path | None = None,
    comparison: str | Path | None = None,
    record: str | None = None,
) -> LogUpdate:
    """The experiment log that was brought up to date, and the record that the remarks went to.

    focus, objective, decision: what a person says of one experiment, for its notes and the index.
    At most one of the following names it; else it is the newest. run: a folder or its name.
    ablation, comparison: its JSON file. record: an id, as EXP-007. Raises InputError when there is
    no such experiment, or the log or a file of the experiments can't be read.
    """
    named = {"--run": run, "--ablation": ablation, "--comparison": comparison, "--id": record}
    given = [option for option, value in named.items() if value is not None]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} exclude each other. Pass one.")
    folder = Path(experiments)
    if not folder.is_dir():
        raise InputError(f"{folder} does not exist. Pass --experiments DIR.")
    path = places.experiment_log_path(folder)
    require_writable_folder(path.parent, option="--experiments")
    refuse_links([path], option="--experiments")
    require_writable_folder(folder, option="--experiments")
    record_studies(folder)
    texts = {FOCUS: focus, OBJECTIVE: objective, DECISION: decision}
    lines = {name: text for name, text in texts.items() if text is not None}
    source = next((Path(one) for one in (run, ablation, comparison) if one is not None), None)
    remarks = Remarks(lines, key=record, source=source) if lines or given else None
    return LogUpdate(log=str(path), id=update_experiment_log(path, folder, remarks=remarks))
