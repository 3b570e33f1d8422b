"""Variants that get one seed after the other: what each look decides, told by the ledger alone."""

from __future__ import annotations

from typing import Any

from tests.studies.rules.simulated import AT, Simulation, experiment
from xlite.studies.ledger_entries import End
from xlite.studies.study_plan import GrowingSeeds, StudyPlan
from xlite.studies.work_item import WorkItem

GROWTH = GrowingSeeds(seeds=(0, 1, 2, 3), first=2, variants=("A", "B", "C"))
PLAN = StudyPlan(
    name="s", growth=GROWTH, experiments=tuple(experiment(n, seeds=(0, 1)) for n in "ABC")
)


class Looked(Simulation):
    """Looks end with planted verdicts: of a variant, after how many seeds it is decided."""

    decided: dict[str, int]

    def end(self, item: WorkItem, agent: str = "a0", *, fails: bool = False) -> None:
        if item.kind != "look" or fails:
            super().end(item, agent, fails=fails)
            return
        count = int(item.subject)
        verdicts: dict[str, Any] = {}
        for name in [one for one in item.groups if one != "A"]:
            ended = "decided" if count >= self.decided[name] else None
            decision = "ADOPT" if ended else "UNDECIDED"
            limits = {"change": 0.01, "low": -0.01, "high": 0.03}
            verdicts[name] = {"decision": decision, "ended": ended, **limits}
        values: dict[str, Any] = {"outcome": "finished", "details": {"verdicts": verdicts}}
        self.append(End(at=AT, agent=agent, item=item.id, **values))


def work(**decided: int) -> Looked:
    study = Looked(PLAN)
    study.decided = decided
    study.run()
    study.require_replayable()
    return study


def test_only_what_is_open_gets_a_further_seed() -> None:
    study = work(B=2, C=3)
    first = [f"train:{name}:s{seed}" for seed in (0, 1) for name in "ABC"]
    assert study.ends == [*first, "look:2", "train:A:s2", "train:C:s2", "look:3"]
    assert study.choice("seeds:2") == {
        "seed": 2,
        "open": ["C"],
        "ended": {"B": "ADOPT (decided)"},
    }
    assert study.choice("seeds:3") == {"seed": None, "open": [], "ended": {"C": "ADOPT (decided)"}}
    decision = study.state.decisions["seeds:2"]
    assert decision.saw == [study.state.items["look:2"].end_number]
    assert decision.why == (
        "after 2 of 4 seeds: B: ADOPT, macro AUROC +0.0100 (-0.0100 to +0.0300); C: UNDECIDED, "
        "macro AUROC +0.0100 (-0.0100 to +0.0300); seed 2 is next for C"
    )


def test_after_the_last_seed_nothing_is_open() -> None:
    study = work(B=9, C=9)
    assert [one for one in study.ends if one.startswith("look")] == ["look:2", "look:3", "look:4"]
    ended = {"B": "UNDECIDED (last look)", "C": "UNDECIDED (last look)"}
    assert study.choice("seeds:4") == {"seed": None, "open": [], "ended": ended}


def test_without_a_run_to_judge_no_further_seed_is_begun() -> None:
    study = Looked(PLAN, p_failed=1.0)
    study.run()
    assert len(study.ends) == 6
    assert study.choice("seeds:2")["seed"] is None
