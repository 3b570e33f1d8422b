"""The folder of a study: the plan as it was given, the ledger, and a folder an agent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from xlite.errors import InputError
from xlite.places import QUEUES
from xlite.studies.ledger import Ledger


@dataclass(frozen=True)
class StudyFolder:
    """`experiments/studies/NAME/`, which any machine may see under another path."""

    path: Path

    @property
    def plan_file(self) -> Path:
        """The plan, for people: what counts is its text in the ledger."""
        return self.path / "plan.toml"

    @property
    def agents(self) -> Path:
        """A folder an agent, with its signs of life."""
        return self.path / "agents"

    @property
    def logs(self) -> Path:
        """A text file a run."""
        return self.path / "logs"

    def log_of(self, item_id: str) -> Path:
        """The text file of an item; ids have no `@` and no `~`, so that each has its own.

        >>> StudyFolder(Path("s")).log_of("train:search/7:s0:e5").as_posix()
        's/logs/train@search~7@s0@e5.log'
        """
        return self.logs / f"{item_id.replace(':', '@').replace('/', '~')}.log"

    @property
    def experiments(self) -> Path:
        """The experiments folder that it lies in: run folders are named from there."""
        return self.path.parent.parent

    @property
    def is_queue(self) -> bool:
        """Whether `train` or `ablate` made it, which have a `--resume`, and nobody's plan."""
        return self.path.parent.name == QUEUES

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, not read yet."""
        # `train` works where there are no links, as on a drive in the cloud, with locks alone.
        return Ledger(self.path / "ledger", needs_links=not self.is_queue)

    def require_begun(self) -> None:
        """Raise InputError where no study has begun in the folder."""
        if not self.ledger.path_of(1).exists():
            raise InputError(
                f"{self.path} holds no study. Pass a folder that `xlite study run PLAN.toml` made, "
                "as in experiments/studies/NAME."
            )
