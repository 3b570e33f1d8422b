"""`study import-wandb`: a sweep of Weights & Biases as a plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xlite.errors import InputError
from xlite.files import write_text
from xlite.inputs import MEBIBYTE
from xlite.ownership import require_replaceable_file
from xlite.records import read_own_bytes
from xlite.results.imported_plan import ImportedPlan
from xlite.studies.plan_file import parse_plan
from xlite.studies.sweep import write_plan_of_sweep

_REMEDY = "Pass a sweep of Weights & Biases, a YAML file."


def import_wandb(
    sweep: str | Path,
    *,
    out: str | Path | None = None,
    model: str | None = None,
    overwrite: bool = False,
) -> ImportedPlan:
    """The plan that a sweep's YAML file comes to, written to `out` where that is named.

    What a plan can't say is among its notes. model: for a sweep that names none. overwrite: replace
    another file in `out`. Raises InputError for a file that can't be read or is no sweep, for one
    that searches nothing, and for an `out` that was not written here.
    """
    path = Path(sweep)
    found = write_plan_of_sweep(_read_yaml(path), source=path.name, model=model)
    # Whatever is written can be read: what a sweep holds beyond all that was foreseen ends here.
    parse_plan(found.text, None, where=f"the plan of {path}")
    written = None if out is None else Path(out)
    if written is not None:
        same = found.text.encode()
        require_replaceable_file(written, is_ours=lambda head: head == same, overwrite=overwrite)
        write_text(written, found.text)
    return ImportedPlan(source=path, plan=found.text, notes=found.notes, written=written)


def _read_yaml(path: Path) -> Any:
    import yaml

    content = read_own_bytes(path, max_bytes=MEBIBYTE, remedy=_REMEDY)
    try:
        return yaml.safe_load(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text. {_REMEDY}") from None
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f" at line {error.problem_mark.line + 1}"
        raise InputError(f"{path} is not valid YAML{line}: {error.problem}. {_REMEDY}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        fault = str(error).splitlines()[0] if str(error) else "it can't be read"
        raise InputError(f"{path} is not valid YAML: {fault}. {_REMEDY}") from None
