"""`ablate --until-decided`: seeds are added one by one, by command and function alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xlite.errors import ArgumentError, InputError
from xlite.judging.choices import read_choices
from xlite.results.ablation import Ablation
from xlite.run_folder.folder import read_run
from xlite.settings import Runtime, TrainSettings
from xlite.workflows import training_queue
from xlite.workflows.ablate import ablate
from xlite.workflows.growing_ablation import check_growth, plan_growth

GROWING = ("--until-decided", "--max-seeds", 4, "--seeds", "0,1", "--json")


def arguments(project: Any, out: Path, *more: object) -> tuple[object, ...]:
    return (
        *("ablate", "--model", "test_resnet", "--split", project.split, "--workers", 0),
        *("--cache", project.cache, "--out", out, "--no-pretrained", "--batch-size", 16),
        *("--lr", 1e-3, "--epochs", 1, "--losses", "bce,focal", *more),
    )


def read_record(out: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((out / "ablation.json").read_text())
    return record | {"time": "", "command": ""}


def list_looks(out: Path) -> set[tuple[str, int]]:
    """By the ledger: what each look at growing seeds was, and with how many of them."""
    noted = [one for one in read_choices(out) if one.growth is not None]
    assert all(one.growth is not None and one.growth.max_seeds == 4 for one in noted)
    return {(one.kind, one.growth.seeds) for one in noted if one.growth is not None}


def list_seeds(found: Ablation) -> dict[str, list[int]]:
    return {one.name: [run.seed for run in one.runs] for one in found.variants}


def test_seeds_are_added_until_each_variant_has_ended_and_a_stopped_study_goes_on(
    project: Any, tmp_path: Path, xlite: Any, xlite_ok: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "experiments"
    train, begun = training_queue.train_item, []

    def stop_at_the_sixth(item: Any, *rest: Any, **options: Any) -> Any:
        begun.append(item.name)
        if len(begun) == 6:
            raise KeyboardInterrupt
        return train(item, *rest, **options)

    # Whatever it is that these few images say, it takes all seeds to know it.
    monkeypatch.setattr("xlite.judging.growth._has_hope", lambda *_: True)
    monkeypatch.setattr(training_queue, "train_item", stop_at_the_sixth)
    xlite(*arguments(project, out, *GROWING))
    assert begun == [f"test_resnet:loss={x}:s{s}" for s in (0, 1, 2) for x in ("bce", "focal")]
    assert read_record(out)["max_seeds"] == 4
    assert "ended" not in read_record(out)["verdict"]["loss=focal"]

    result = xlite_ok(*arguments(project, out, *GROWING, "--resume"))
    assert "looked at after 3 seeds: loss=focal open; seed 4 of 4 for 1" in result.stderr
    assert "looked at after 4 seeds" in result.stderr
    found = Ablation.from_json(json.loads(result.stdout))
    assert list_seeds(found) == {key: [0, 1, 2, 3] for key in ("loss=bce", "loss=focal")}
    verdict = found.verdict["loss=focal"]
    assert (verdict.seeds, verdict.looks, verdict.ended) == (4, 3, "last look")
    assert "Looked at after 2 seeds and each further one, up to 4" in found.rule
    # Every interval is that of all looks: nothing beside the verdict is narrower.
    xlite_ok(*arguments(project, tmp_path / "fixed", "--seeds", "0,1,2,3"))
    fixed = Ablation.read(tmp_path / "fixed" / "ablation.json", remedy="")
    for row, once in zip(found.rows, fixed.rows, strict=True):
        for score in ("auroc", "average_precision", "f1"):
            wide, narrow = row.change(score), once.change(score)
            if narrow.p == narrow.p and narrow.p < 1:
                assert wide.high - wide.low > narrow.high - narrow.low
                assert wide.p > narrow.p
    # The function comes to the same from the same runs.
    by_command = read_record(out)
    settings = {
        one.name: read_run(out / "runs" / one.runs[0].run).settings for one in found.variants
    }
    ablate(
        dict(settings.items()),
        seeds=[0, 1],
        until_decided=True,
        max_seeds=4,
        split=project.split,
        cache=project.cache,
        out=out,
        resume=True,
        runtime=Runtime(num_workers=0),
    )
    assert read_record(out)["rows"] == by_command["rows"]
    assert read_record(out)["verdict"] == by_command["verdict"]
    # Each look is in the ledger of choices, and the same again is the same look.
    assert list_looks(out) == {("look", 2), ("look", 3), ("ablation", 4)}
    assert found.choices is not None
    assert (found.choices.looks, found.choices.comparisons) == (3, 1)
    # Limits hold for the number of looks that was said before the first.
    result = xlite(*arguments(project, out, *GROWING[:1], "--max-seeds", 6, "--seeds", "0,1"))
    assert result.exit_code == 2
    assert "was looked at with --max-seeds 4" in result.stderr
    # A fixed number of seeds over the same runs does not make them forgotten.
    xlite_ok(*arguments(project, out, "--seeds", "0,1,2,3", "--resume"))
    assert "max_seeds" not in read_record(out)
    said = "loss=bce, loss=focal: seeds were added one after the other, up to 4, and looked at"
    assert said in read_record(out)["rule"]
    compared = xlite_ok("compare", "--split", project.split, "--out", out)
    assert "up to 4, and looked at after each" in " ".join(compared.stderr.split())
    xlite_ok(*arguments(project, out, *GROWING, "--resume"))
    assert read_record(out)["rule"] == by_command["rule"]


def test_a_variant_that_has_ended_gets_no_further_seeds(
    project: Any, tmp_path: Path, xlite_ok: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "experiments"
    has_hope = {"loss=focal": False, "dropout=0.5": True}
    monkeypatch.setattr("xlite.judging.growth._has_hope", lambda _, __, name, *___: has_hope[name])
    xlite_ok(*arguments(project, out, "--vary", "dropout=0.1,0.5", *GROWING, "--max-seeds", 3))
    found = Ablation.read(out / "ablation.json", remedy="")
    seeds = list_seeds(found)
    assert [len(each) for each in seeds.values()] == [3, 2, 3]
    assert [one.ended for one in found.verdict.values()] == ["hopeless", "last look"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--max-seeds", 4), "--max-seeds goes with --until-decided"),
        (("--until-decided", "--seeds", "0"), "one seed can't decide"),
        (("--until-decided", "--seeds", "0,1,2", "--max-seeds", 3), "more than the 3"),
        (("--until-decided", "--max-seeds", 25), "24 at most"),
        (("--until-decided", "--devices", 2, "--device", "cpu"), "one process"),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_trained(
    project: Any, tmp_path: Path, xlite: Any, more: tuple[object, ...], message: str
) -> None:
    result = xlite(*arguments(project, tmp_path / "out", *more))
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert not (tmp_path / "out" / "runs").exists()


def test_seeds_go_on_after_those_to_begin_with() -> None:
    assert plan_growth((), seed=42).seeds == tuple(range(42, 54))
    assert plan_growth((), seed=42).first == 3
    assert plan_growth((5, 1), seed=0, most=4).seeds == (5, 1, 6, 7)


def test_the_function_refuses_what_the_command_does(tmp_path: Path) -> None:
    settings = {name: TrainSettings(model=name) for name in ("resnet18", "resnet34")}
    with pytest.raises(ArgumentError, match="until_decided"):
        ablate(settings, max_seeds=4, out=tmp_path)
    with pytest.raises(InputError, match="one seed"):
        ablate(settings, seeds=[1], until_decided=True, out=tmp_path)


def test_folds_are_refused(tmp_path: Path) -> None:
    from xlite.training.folded_data import FoldedData

    folded = object.__new__(FoldedData)
    with pytest.raises(InputError, match="single split"):
        check_growth([], plan_growth((), seed=0), folded, tmp_path, devices=1)
