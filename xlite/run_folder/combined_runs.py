"""What `config.json` says of a folder that holds several runs as one model."""

from __future__ import annotations

from typing import Literal

from xlite.run_folder.record_part import Part


class MemberRecord(Part):
    """One of the runs that a folder combines."""

    run: str
    """What its folder was called."""
    seed: int
    weights_sha256: str
    split_sha256: dict[str, str]


class CombinedRuns(Part):
    """What a folder is made of that holds several runs as one model."""

    kind: Literal["ensemble", "soup"]
    """The mean of the members' logits, or of their weights."""
    members: list[MemberRecord]

    @property
    def num_models(self) -> int:
        """The models that predict: all members of an ensemble, the one that a soup is."""
        return len(self.members) if self.kind == "ensemble" else 1
