"""A bundle is recomputed, and what was changed in it is found, its sums mended or not."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import xlite
from benchmarks.bundle_mutations import (
    Members,
    change_any,
    change_proven,
    list_proven,
    mend_sums,
    read_members,
    write_members,
)
from tests.conftest import run_cli
from xlite.proving.archive import unpack_archive


@pytest.fixture(scope="package")
def members(drawn: Path) -> Members:
    return read_members(drawn / "b.zip")


@pytest.fixture(scope="package")
def small(members: Members) -> Members:
    """The members of one run and its split alone, which are recomputed in a tenth of a second."""
    kept = {name: content for name, content in members.items() if _is_of_one_run(name)}
    record = json.loads(kept["bundle.json"])
    record["members"] = {name: record["members"][name] for name in kept if name != "bundle.json"}
    record["stated"] = {name: keys for name, keys in record["stated"].items() if name in kept}
    return {**kept, "bundle.json": json.dumps(record).encode()}


def _is_of_one_run(name: str) -> bool:
    return name.startswith(("splits/", "experiments/runs/resnet18-bce-s0/", "bundle.json"))


def verify(members: Members, folder: Path) -> xlite.results.verification.Verification:
    write_members(members, folder / "changed.zip")
    return xlite.verify(folder / "changed.zip")


def test_shared_among_processes_a_bundle_is_the_same(
    drawn_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xlite.proving.recomputing._FEWEST_ROWS", 0)
    xlite.bundle("drawn", out="shared.zip", hash_ids=drawn_copy / "key", processes=2)
    assert Path("shared.zip").read_bytes() == Path("b.zip").read_bytes()
    assert xlite.verify("shared.zip", processes=2).holds


def test_an_untouched_bundle_holds_wherever_it_is_read(drawn: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.zip"
    shutil.copy(drawn / "b.zip", elsewhere)
    found = xlite.verify(elsewhere)
    assert found.holds, found.differences[:3]
    assert found.proven["experiments/ablation.json"] > 400
    assert found.proven["experiments/evaluation/resnet18-bce-s0-test/scores.json"] > 500
    assert "seconds" in found.stated["experiments/runs/resnet18-bce-s0/scores.json"]
    done = run_cli("verify", elsewhere, "--sha256", found.sha256)
    assert done.exit_code == 0
    assert "numbers in" in done.stdout
    done = run_cli("verify", elsewhere, "--sha256", "0" * 64, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["differences"][0]["key"] == "SHA-256"


def test_mended_sums_alone_change_nothing(small: Members, tmp_path: Path) -> None:
    assert verify(mend_sums(small), tmp_path).holds


def test_any_changed_number_is_found_by_the_sums(small: Members, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for _ in range(10):
        changed, told = change_any(small, rng)
        # A changed version of the format is refused.
        with contextlib.suppress(xlite.InputError):
            assert not verify(changed, tmp_path).holds, told


def test_a_changed_result_is_found_with_its_sums_mended(small: Members, tmp_path: Path) -> None:
    rng, proven = np.random.default_rng(2), list_proven(small)
    for _ in range(30):
        changed, told = change_proven(small, rng, proven)
        found = verify(changed, tmp_path)
        assert not found.holds, told
        # It is named where it stands, and not only that something is wrong.
        assert told.split(":")[0] in {one.file for one in found.differences}, told


def test_a_changed_verdict_and_a_changed_table_are_found(members: Members, tmp_path: Path) -> None:
    ablation = json.loads(members["experiments/ablation.json"])
    ablation["verdict"]["loss=focal"]["decision"] = "ADOPT"
    table = members["experiments/comparison.csv"].replace(b"0.", b"1.", 1)
    changed = {
        **members,
        "experiments/ablation.json": json.dumps(ablation).encode(),
        "experiments/comparison.csv": table,
    }
    found = verify(mend_sums(changed), tmp_path)
    told = {(one.file, one.key) for one in found.differences}
    assert ("experiments/ablation.json", "verdict.loss=focal.decision") in told
    assert any(file == "experiments/comparison.csv" for file, _ in told)


def test_a_study_is_replayed_from_its_ledger(members: Members, tmp_path: Path) -> None:
    folder = "experiments/studies/drawn"
    names = [name for name in members if name.startswith(f"{folder}/ledger/")]
    entries = {name: json.loads(members[name]) for name in names}
    rule = next(name for name in names if entries[name].get("subject") == "rule:good")
    judged = next(
        name
        for name in names
        if entries[name]["kind"] == "end" and entries[name]["item"] == "judge:focal"
    )
    entries[rule]["choice"]["holds"] = False
    entries[judged]["scores"]["val.auroc"]["high"] += 0.001
    changed = {name: json.dumps(entry).encode() for name, entry in entries.items()}
    verdicts = json.loads(members[f"{folder}/verdicts.json"])
    verdicts["verdicts"]["focal"]["decision"] = "ADOPT"
    look = json.loads(members[f"{folder}/test_look.json"])
    look["scores"]["test.auroc"]["point"] += 0.001
    changed[f"{folder}/verdicts.json"] = json.dumps(verdicts).encode()
    changed[f"{folder}/test_look.json"] = json.dumps(look).encode()
    found = verify(mend_sums({**members, **changed}), tmp_path)
    told = {(one.file, one.key) for one in found.differences}
    assert (rule, "choice.holds") in told
    assert (judged, "scores.val.auroc.high") in told
    assert (f"{folder}/verdicts.json", "verdicts.focal.decision") in told
    assert (f"{folder}/test_look.json", "scores.test.auroc.point") in told
    # What the study says in short follows from the ledger, and no longer does.
    assert any(file == f"{folder}/study.json" for file, _ in told)


def test_changed_labels_are_found_by_what_follows_from_them(small: Members, tmp_path: Path) -> None:
    name = "splits/1/val.csv"
    lines = small[name].decode().split("\n")
    lines[1] = lines[1].replace("Atelectasis", "Effusion", 1)
    assert lines != small[name].decode().split("\n")
    found = verify(mend_sums({**small, name: "\n".join(lines).encode()}), tmp_path)
    keys = {one.key for one in found.differences}
    assert any(key.startswith("val.per_class.Atelectasis") for key in keys), keys


def test_a_run_chosen_at_another_epoch_is_found(small: Members, tmp_path: Path) -> None:
    name = "experiments/runs/resnet18-bce-s0/scores.json"
    scores = json.loads(small[name])
    scores["best_epoch"] = 1
    found = verify(mend_sums({**small, name: json.dumps(scores).encode()}), tmp_path)
    assert "best_epoch" in {one.key for one in found.differences}


def test_an_auroc_of_another_epoch_is_found_beyond_its_limits(
    small: Members, tmp_path: Path
) -> None:
    name = "experiments/runs/resnet18-bce-s0/history.csv"
    lines = small[name].decode().split("\n")
    column = lines[0].split(",").index("val_auroc_Atelectasis")
    cells = lines[1].split(",")
    cells[column] = str(round(float(cells[column]) - 0.02, 6))
    lines[1] = ",".join(cells)
    found = verify(mend_sums({**small, name: "\n".join(lines).encode()}), tmp_path)
    assert [one.key for one in found.differences] == ["epoch 1, val_auroc_Atelectasis"]


def test_members_that_were_added_or_left_out_are_named(small: Members, tmp_path: Path) -> None:
    gone = "experiments/runs/resnet18-bce-s0/predictions_test.csv"
    changed = {name: content for name, content in small.items() if name != gone}
    found = verify({**changed, "notes.txt": b"trust me"}, tmp_path)
    told = {one.file: one.stated for one in found.differences}
    assert told["notes.txt"] == "there"
    assert told[gone] == "missing"


def test_the_page_is_made_of_an_unpacked_bundle_alone(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack_archive(drawn / "b.zip", tmp_path)
    monkeypatch.chdir(tmp_path)
    xlite.report("page.html", split="splits/1", cache="nowhere")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    scores = json.loads((tmp_path / "experiments/runs/resnet18-focal-s0/scores.json").read_text())
    assert f"{scores['val']['macro']['auroc']:.3f}" in page
    assert "Which loss is best?" in page
