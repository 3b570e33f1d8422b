"""What an agent writes into a study's ledger, each entry in sight of all before it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

from xlite.studies.item_result import ItemResult
from xlite.studies.ledger import Ledger
from xlite.studies.ledger_entries import Claim, Decision, End, Entry, Release, entry_time
from xlite.studies.next_step import DueDecision
from xlite.studies.study_state import StudyState

_RETRY_SECONDS = 0.2


class AgentEntries:
    """A ledger as one agent reads and writes it, and the state that it comes to."""

    def __init__(self, ledger: Ledger, agent: str) -> None:
        """Nothing is read before `refresh`; what has been read counts."""
        self.state = StudyState.of(ledger.entries)
        self._ledger, self._agent = ledger, agent

    def refresh(self) -> bool:
        """Read what others have written; whether there was anything."""
        new = self._ledger.refresh()
        self.state.apply(new)
        return bool(new)

    def record(self, due: DueDecision) -> bool:
        """Write a decision down; False when another entry came first, and it is to be made anew."""
        return self._append(
            Decision(
                at=entry_time(),
                agent=self._agent,
                subject=due.subject,
                choice=due.choice,
                why=due.why,
                saw=list(due.saw),
            )
        )

    def claim(self, item_id: str) -> bool:
        """Take a free item on; False when another entry came first, which may be another claim."""
        return self._append(Claim(at=entry_time(), agent=self._agent, item=item_id)) and self.holds(
            item_id
        )

    def holds(self, item_id: str) -> bool:
        """Whether this agent has the item."""
        return self._is_holder(item_id, self._agent)

    def claim_file(self, item_id: str) -> Path:
        """The file of the entry by which the item is held."""
        return self._ledger.path_of(self.state.items[item_id].claim)

    def end(self, item_id: str, result: ItemResult) -> bool:
        """Say how an item ended; False when it is no longer this agent's."""
        entry = End(
            at=entry_time(),
            agent=self._agent,
            item=item_id,
            outcome=result.outcome,
            run=result.run,
            epochs=result.epochs,
            seconds=result.seconds,
            scores=dict(result.scores),
            details=dict(result.details),
            error=result.error,
        )
        return self._append_while_held(entry, item_id, self._agent)

    def release(
        self,
        item_id: str,
        *,
        reason: Literal["stopped", "lost"],
        holder: str | None = None,
        epochs: int = 0,
    ) -> bool:
        """Set an item free, by default one of this agent's; False when it is free already."""
        holder = holder or self._agent
        entry = Release(
            at=entry_time(),
            agent=self._agent,
            item=item_id,
            holder=holder,
            reason=reason,
            epochs=epochs,
        )
        return self._append_while_held(entry, item_id, holder)

    def _append_while_held(self, entry: Entry, item_id: str, holder: str) -> bool:
        """Write an entry that is worth writing for as long as `holder` has the item."""
        while self._is_holder(item_id, holder):
            if self._append(entry):
                return True
        return False

    def _is_holder(self, item_id: str, agent: str) -> bool:
        item = self.state.items.get(item_id)
        return item is not None and item.holder == agent

    def _append(self, entry: Entry) -> bool:
        if self._ledger.append(entry):
            self.state.apply([entry])
            return True
        # A file server may be slow to show what another machine has written.
        if not self.refresh():
            time.sleep(_RETRY_SECONDS)
        return False
