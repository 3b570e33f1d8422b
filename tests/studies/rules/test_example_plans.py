"""The plans of examples/studies, worked through with planted scores: the paths that they take."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.studies.rules.simulated import ScoreOf, Simulation
from xlite.studies.plan_file import parse_plan, read_plan
from xlite.studies.study_plan import StudyPlan
from xlite.studies.work_item import WorkItem

STUDIES = Path(__file__).parents[3] / "examples" / "studies"
PLANS = sorted(STUDIES.glob("*.toml"))


def read(path: Path, root: Path) -> StudyPlan:
    (root / "weights").mkdir()
    (root / "weights" / "baseline.safetensors").write_bytes(b"weights")
    source = read_plan(path)
    return parse_plan(source.text, source.base, where=path.name, root=root)


def planted(**scores: float) -> ScoreOf:
    """Scores by subject, after an `E` and with dots as `_`; those of others are 0.7.

    The simulated intervals reach 0.01 below.
    """

    def score_of(item: WorkItem, name: str) -> float:
        return scores.get("E" + item.subject.replace(".", "_"), 0.7)

    return score_of


def trained(study: Simulation) -> set[str]:
    """The experiments and phases of which something was trained."""
    return {
        name.split(":")[1].partition("/")[0] for name in study.ends if name.startswith("train:")
    }


@pytest.mark.parametrize(
    ("scores", "answer", "path"),
    [
        # One of the first three is above 0.815, and the longer one above 0.825: done.
        ({"E2_2": 0.83, "E2_5": 0.84}, None, {"2.5"}),
        # The longer one is not: a search, whose best trials are confirmed.
        ({"E2_2": 0.83, "E2_5": 0.83}, None, {"2.5", "contingency", "confirm"}),
        # None is above 0.815 (the point is, the lower bound is not): a person looks first.
        ({"E2_2": 0.82}, "it was: search", {"contingency", "confirm"}),
        ({"E2_2": 0.82}, "it was not: mend the plan, run again", set()),
    ],
    ids=["above", "longer-below", "none-loaded", "none-not-loaded"],
)
def test_the_tree_of_the_fine_tuning_plan_takes_its_paths(
    scores: dict[str, float], answer: str | None, path: set[str], tmp_path: Path
) -> None:
    plan = read(STUDIES / "a_fine_tuning.toml", tmp_path)
    answers = {} if answer is None else {"loaded": answer}
    study = Simulation(plan, score_of=planted(**scores), answers=answers)
    study.run()
    study.require_replayable()
    assert trained(study) == {"2.1", "2.2", "2.3", "2.4"} | path
    assert ("loaded" in study.state.answers) == (answer is not None)
    above = study.choice("rule:above-0.815")
    assert above["begins"] == (["2.5"] if "2.5" in path else ["loaded"])
    assert ("rule:enough" in study.state.decisions) == ("2.5" in path)
    assert study.choice("winner")["id"] is not None


def test_the_sweep_in_phases_searches_twice_and_confirms(tmp_path: Path) -> None:
    plan = read(STUDIES / "b_sweep_in_phases.toml", tmp_path)
    # Equal scores would make a tie of each; with one agent they are the same in any run.
    study = Simulation(plan, score_of=lambda item, name: random.Random(item.subject).random())
    study.run()
    begun = [name for name in study.ends if name.startswith("train:")]
    assert sum(name.startswith("train:coarse/") and name.endswith(":e5") for name in begun) == 45
    assert sum(name.startswith("train:coarse/") and name.endswith(":e15") for name in begun) >= 15
    assert sum(name.startswith("train:fine/") for name in begun) == 20
    assert sum(name.startswith("train:confirm/") for name in begun) == 10
    models = study.choice("keep:coarse")["values"]
    fine = [study.choice(f"suggest:fine/{number}") for number in range(1, 21)]
    assert {one["model"] for one in fine} == set(models)  # type: ignore[call-overload]
    # Each model comes with the rate of its best trial.
    assert len({(one["model"], one["lr"]) for one in fine}) == 2
    assert str(study.choice("winner")["id"]).startswith("confirm/")
    assert "too good" in study.state.decisions["keep:coarse"].why


def test_the_grid_waits_for_a_person_who_decides_the_winner(tmp_path: Path) -> None:
    plan = read(STUDIES / "c_experiments_by_splits.toml", tmp_path)
    study = Simulation(plan, score_of=planted(EE3=0.9), answers={"default": "keep E1"})
    step = study.run(until=lambda step: bool(step.waiting_for) and not step.ready)
    assert [ask.id for ask in step.waiting_for] == ["default"]
    assert len([name for name in study.ends if name.startswith("judge:")]) == 8
    study.run()
    assert study.choice("winner") == {"id": "E1"}
    assert study.ends[-1] == "finish:report"


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_each_plan_ends_whoever_dies(path: Path, tmp_path: Path) -> None:
    study = Simulation(
        read(path, tmp_path),
        score_of=lambda item, name: random.Random(item.subject).random(),
        num_agents=3,
        draws=random.Random(3),
        p_failed=0.1,
        p_lost=0.2,
    )
    study.run()
    assert study.step().is_ended
    assert len(study.ends) == len(set(study.ends))
