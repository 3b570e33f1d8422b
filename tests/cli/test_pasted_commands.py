"""Every command that page, log and card print, run as one who pastes it from another folder."""

from __future__ import annotations

import html
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

TRAINING = ("--batch-size", 16, "--lr", 3e-3, "--no-pretrained", "--device", "cpu", "--workers", 0)
PLAN = """
name = "two-losses"
seeds = [3]
[settings]
model = "golden_net"
epochs = 1
batch_size = 16
lr = 3e-3
pretrained = false
[data]
split = "my splits"
cache = "the  $cache'"
out = "e x"
[running]
device = "cpu"
workers = 0
[[experiment]]
id = "bce"
[[experiment]]
id = "focal"
set = {loss = "focal", focal_gamma = 1.5}
[finally]
compare = true
card = true
"""


def in_log(path: Path) -> list[str]:
    return re.findall(r"^```sh\n(.*)\n```$", path.read_text(encoding="utf-8"), re.MULTILINE)


def on_page(path: Path) -> list[str]:
    """The commands of the sections that are there."""
    sections = re.findall(r'<section id="[^"]*" aria.*?</section>', path.read_text(), re.DOTALL)
    found = [
        re.findall("<code>(.*?)</code>", one) for one in sections if 'class="absent"' not in one
    ]
    return [html.unescape(text) for texts in found for text in texts]


@pytest.fixture
def paste(tmp_path: Path, xlite_ok: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command line, as a shell takes it, from a folder that has nothing to do with it."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def run(line: str, folder: Path = elsewhere) -> None:
        # By bash, but in this process, which has the network.
        script = f'xlite() {{ printf \'%s\\0\' "$PWD" "$@"; }}; {line}'
        done = subprocess.run(
            ["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=True
        )
        place, *words = done.stdout.split("\0")[:-1]
        with monkeypatch.context() as patch:
            patch.chdir(place)
            patch.setattr("sys.argv", ["xlite", *words])
            xlite_ok(*words)

    return run


@pytest.fixture
def type_in(xlite_ok: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command as one who types it here."""

    def run(*words: object) -> None:
        with monkeypatch.context() as patch:
            patch.setattr("sys.argv", ["xlite", *map(str, words)])
            xlite_ok(*words)

    return run


def test_each_command_runs_when_it_is_pasted_and_trains_the_same_runs(
    golden: Path, type_in: Any, paste: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = golden.rename(golden.parent / "it's  $mine")
    monkeypatch.chdir(golden)
    (golden / "splits").rename(golden / "my splits")
    (golden / "cache").rename(golden / "the  $cache'")
    data = ("--split", "my splits", "--cache", "the  $cache'", "--out", "e x")
    type_in(
        *("ablate", "--model", "golden_net", *TRAINING, *data, "--epochs", 1, "--seed", 3),
        *("--losses", "bce,focal", "--focal-gamma", 1.5),
    )
    (golden / "plan.toml").write_text(PLAN)
    type_in("study", "run", "plan.toml")
    type_in("compare", "--split", "my splits", "--out", "e x")
    type_in(
        *("report", "--out", "a page.html", "--experiments", "e x"),
        *("--split", "my splits", "--cache", "the  $cache'"),
    )
    card = in_log(golden / "e x/studies/two-losses/model_card.md")
    log, page = in_log(golden / "e x/EXPERIMENT_LOG.md"), on_page(golden / "a page.html")
    assert (len(card), len(log), len(page)) == (1, 6, 6)
    assert f" && {card[0]}" in "".join(log), "a card goes to others: it names no folder of ours"
    before = {path.name: path for path in (golden / "e x/runs").iterdir()}
    assert len(before) == 3
    ablation, comparison = (golden / f"e x/{n}.csv" for n in ("ablation", "comparison"))
    compared = comparison.read_text()
    old_page = (golden / "a page.html").read_bytes()
    for line in sorted({*log, *page}):
        paste(line)
    again = {path.name: path for path in (golden / "e x-again/runs").iterdir()}
    assert again.keys() == before.keys()
    for name, run in before.items():
        for file in ("best.safetensors", "predictions_val.csv", "predictions_test.csv"):
            assert (run / file).read_bytes() == (again[name] / file).read_bytes()
    assert (golden / "e x-again/ablation.csv").read_text() == ablation.read_text()
    assert comparison.read_text() == compared
    # Pasted again, nothing is trained, and nothing is refused.
    paste(card[0], golden)
    type_in(
        *("report", "--out", "a page.html", "--experiments", "e x"),
        *("--split", "my splits", "--cache", "the  $cache'"),
    )
    assert (golden / "a page.html").read_bytes() == old_page


def test_a_project_that_was_moved_is_gone_to_where_it_is(golden: Path, tmp_path: Path) -> None:
    from xlite.reporting.reproduction import find_working_dir
    from xlite.run_folder.folder import RunFolder
    from xlite.run_folder.records import write_sittings

    run = next((golden / "experiments/runs").iterdir())
    config = json.loads((run / "config.json").read_text())
    assert find_working_dir(RunFolder(run)) is None, "version 0.1 did not note it"
    first = RunFolder(run).sittings[0]
    later = first.model_copy(update={"working_dir": "/later"})
    write_sittings(run, [first.model_copy(update={"working_dir": "/there"}), later])

    def find(out_dir: str) -> str | None:
        (run / "config.json").write_text(json.dumps(config | {"out_dir": out_dir}))
        return find_working_dir(RunFolder(run))

    assert find("experiments") == str(golden)
    assert find("project/experiments") == str(golden.parent)
    assert find("elsewhere") == "/there"
    assert find(str(golden / "experiments")) == "/there"
    assert find("../project/experiments") == "/there"
