"""What a plan was made of, and what of that it could not say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xlite.results import Result


@dataclass(frozen=True, kw_only=True)
class ImportedPlan(Result):
    """What `import_wandb` returns and `xlite study import-wandb --json` prints."""

    schema_version: int = 1
    source: Path
    plan: str
    """The text of the plan."""
    notes: tuple[str, ...] = ()
    """A sentence for each thing that it leaves out or takes otherwise; comments in the plan."""
    written: Path | None = None
    """None where it was not written to a file."""
