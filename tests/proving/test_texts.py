"""What page, cards and log say of a bundle is in it, and is rendered again where it is verified."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import xlite
from benchmarks.bundle_mutations import Members, mend_sums, read_members, write_members
from tests.conftest import run_cli

RUN = "resnet18-bce-s1"
CARD, PAGE, LOG = f"texts/cards/{RUN}.md", "texts/page-1.md", "texts/EXPERIMENT_LOG.md"


@pytest.fixture(scope="module")
def of_run(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Members:
    """The members of the bundle of one run."""
    bundle = tmp_path_factory.mktemp("texts") / "run.zip"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(drawn)
        xlite.bundle(f"experiments/runs/{RUN}", out=bundle)
    return read_members(bundle)


def verify(members: Members, folder: Path) -> xlite.results.verification.Verification:
    write_members(members, folder / "changed.zip")
    return xlite.verify(folder / "changed.zip")


def test_they_say_what_the_reports_of_the_project_say(drawn: Path) -> None:
    members = read_members(drawn / "b.zip")
    assert {CARD, PAGE, LOG, "texts/cards/drawn/model_card.md"} < set(members)
    own = (drawn / "experiments/studies/drawn/model_card.md").read_text()
    results = re.compile("## Results.*?## Who", re.DOTALL)
    card = members["texts/cards/drawn/model_card.md"].decode()
    assert results.findall(card) == results.findall(own) != []
    scores = json.loads(members[f"experiments/runs/{RUN}/scores.json"])
    page = members[PAGE].decode()
    assert f"| {RUN} | {scores['val']['macro']['auroc']:.3f} |" in page
    assert "Which loss is best?" in page
    assert "Doctor" not in page
    log = members[LOG].decode()
    assert "| EXP-007 |" in log
    assert "cd " not in log


def test_a_changed_number_is_named_by_its_file_and_line(of_run: Members, tmp_path: Path) -> None:
    changed = dict(of_run)
    wanted = {}
    for name in (CARD, PAGE, LOG):
        lines = of_run[name].decode().split("\n")
        row = next(row for row, line in enumerate(lines) if re.search(r"0\.\d{3}", line))
        lines[row] = re.sub(r"0\.(\d{3})", r"1.\1", lines[row], count=1)
        changed[name] = "\n".join(lines).encode()
        wanted[name] = f"line {row + 1}"
    found = verify(mend_sums(changed), tmp_path)
    assert {one.file: one.key for one in found.differences} == wanted
    assert all(one.stated != one.found for one in found.differences)


def test_one_that_was_added_or_left_out_is_named(of_run: Members, tmp_path: Path) -> None:
    changed = {name: content for name, content in of_run.items() if name != CARD}
    record = json.loads(changed["bundle.json"])
    del record["members"][CARD]
    record["members"]["texts/praise.md"] = ""
    changed |= {"texts/praise.md": b"the best", "bundle.json": json.dumps(record).encode()}
    told = {one.file: one.stated for one in verify(mend_sums(changed), tmp_path).differences}
    assert told == {"texts/praise.md": "there", CARD: "missing"}


def test_those_of_another_version_are_stated(of_run: Members, tmp_path: Path) -> None:
    record = json.loads(of_run["bundle.json"])
    record["xlite"] = "0.0.9"
    changed = {
        **of_run,
        LOG: of_run[LOG].replace(b"val AUROC", b"AUROC of val"),
        "bundle.json": json.dumps(record).encode(),
    }
    write_members(mend_sums(changed), tmp_path / "b.zip")
    done = run_cli("verify", tmp_path / "b.zip")
    assert done.exit_code == 0, done.output
    assert "stated, not proven: texts: all: as xlite 0.0.9 words them" in done.stderr


def test_a_bundle_without_any_holds(of_run: Members, tmp_path: Path) -> None:
    former = {name: content for name, content in of_run.items() if not name.startswith("texts/")}
    record = json.loads(former["bundle.json"])
    record["members"] = {name: "" for name in former if name != "bundle.json"}
    former["bundle.json"] = json.dumps(record).encode()
    found = verify(mend_sums(former), tmp_path)
    assert (found.holds, found.texts) == (True, 0)
