from __future__ import annotations

import html
import json
import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

KEYS = [
    *(
        "summary",
        "split",
        "balance",
        "runs",
        "scores",
        "floor",
        "curves",
        "study",
        "verdicts",
        "ablation",
    ),
    *("comparison", "doctor", "explanations", "mistakes", "checklists", "environment"),
]


@pytest.fixture(scope="module")
def experiments(tmp_path_factory: pytest.TempPathFactory, project: Any, xlite_ok: Any) -> Path:
    """A trained run and its balance."""
    out: Path = tmp_path_factory.mktemp("report") / "experiments"
    xlite_ok(
        *("train", "--models", "test_resnet", "--no-pretrained", "--epochs", 1),
        *("--image-size", 64, "--batch-size", 16, "--workers", 0, "--device", "cpu"),
        *("--split", project.split, "--cache", project.cache, "--out", out),
    )
    xlite_ok(
        *("verify-balance", "--split", project.split, "--sampler", "inverse-mean", "--batches", 50),
        *("--out", out),
    )
    return out


def write_report(xlite: Any, experiments: Path, project: Any, out: Path, *more: object) -> Any:
    places = ("--experiments", experiments, "--split", project.split, "--cache", project.cache)
    return xlite("report", "--out", out, *places, *more)


def test_a_project_becomes_one_page(
    xlite_ok: Any, experiments: Path, project: Any, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    content = json.loads(write_report(xlite_ok, experiments, project, out, "--json").stdout)
    assert content["report"] == str(out)
    assert content["bytes"] == out.stat().st_size < 5_000_000
    present = {section["key"]: section["present"] for section in content["sections"]}
    assert list(present) == KEYS
    absent = {key for key, is_present in present.items() if not is_present}
    assert absent == {
        "study",
        "verdicts",
        "ablation",
        "comparison",
        "doctor",
        "explanations",
        "checklists",
    }
    page = out.read_text()
    summary = page[page.index('id="summary"') : page.index('id="split"')]
    assert "A place in this table is no ranking" in summary
    assert "table alone" in summary
    assert "Choices made on this validation set: " in summary
    assert "Nobody has looked for the faults" in summary
    assert "Looks at the test part: " in page
    assert "as measured; corrected for being the best of" in page


def test_the_first_screen_says_what_it_is_of_whom_and_of_when(
    xlite_ok: Any, experiments: Path, project: Any, tmp_path: Path
) -> None:
    out, evil = tmp_path / "report.html", '<script>alert(1)</script> "& {{ 7*7 }}'
    write_report(xlite_ok, experiments, project, out, "--title", evil, "--author", f"Dr. {evil}")
    page = out.read_text(encoding="utf-8")
    shown = html.escape(evil).replace("&quot;", "&#34;")
    assert f"<h1>{shown}</h1>" in page
    assert f"<p>Dr. {shown} · Results as of {date.today().day} {date.today():%B %Y}</p>" in page
    assert page.count("<script>") == 1
    first, nav = page.index('id="summary"'), page.index("<nav")
    assert first < nav < page.index('id="split"')
    lead = html.unescape(page[first:nav])
    for part in (
        "Nothing has been judged yet",
        "Best model: test_resnet, loss ",
        "macro AUROC on validation, one seed; chosen by its mean score, which is no test",
        "95 % interval ",
        "no patient stands on two sides",
    ):
        assert part in lead


def test_a_damaged_run_is_left_out_and_said_to_be(
    xlite_ok: Any, xlite: Any, experiments: Path, project: Any, tmp_path: Path
) -> None:
    copy, out = tmp_path / "experiments", tmp_path / "report.html"
    shutil.copytree(experiments, copy)
    [run] = (copy / "runs").iterdir()
    (run / "predictions_val.csv").write_text("image\n")
    # As of version 0.1, which noted no sums: the damage shows only where the file is used.
    scores = json.loads((run / "scores.json").read_text())
    (run / "scores.json").write_text(json.dumps({**scores, "files": {}}))
    result = write_report(xlite_ok, copy, project, out)
    assert f"{run.name} is in no score here: " in result.stderr
    page = out.read_text(encoding="utf-8")
    assert f"{run.name} is in no score here: " in page
    assert "predictions_val.csv" in page
    named = write_report(xlite, copy, project, out, "--runs", run.name)
    assert named.exit_code == 2


def test_the_same_project_gives_the_same_page(
    xlite_ok: Any, experiments: Path, project: Any, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    pages = []
    for _ in range(2):
        write_report(xlite_ok, experiments, project, out)
        pages.append(out.read_bytes())
    assert pages[0] == pages[1]


def test_what_is_not_there_yet_is_said_with_its_command(
    xlite_ok: Any, project: Any, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    places = ("--experiments", tmp_path / "e", "--split", project.split, "--cache", tmp_path / "c")
    result = xlite_ok("report", "--out", out, *places)
    assert "not there yet: Runs and their curves" in result.stderr
    page = out.read_text(encoding="utf-8")
    cd, others = f"cd {Path.cwd()} && xlite", f"--split {project.split}"
    for command in (
        f"verify-balance --sampler max-entropy {others} --out {tmp_path / 'e'}",
        f"train --models efficientnet_b0_mhsa {others} --cache {tmp_path / 'c'} --out "
        f"{tmp_path / 'e'}",
        f"compare {others} --out {tmp_path / 'e'}",
        f"doctor {tmp_path}",
    ):
        assert f"<code>{cd} {command}</code>" in html.unescape(page)


def test_finished_runs_without_their_split_are_said_to_be_so(
    experiments: Path, xlite_ok: Any, project: Any, tmp_path: Path
) -> None:
    out, split = tmp_path / "report.html", tmp_path / "split"
    xlite_ok(
        *("report", "--out", out, "--experiments", experiments),
        *("--split", split, "--cache", project.cache),
    )
    page = out.read_text(encoding="utf-8")
    assert page.count("The split that these runs are judged by is not there.") == 5
    assert "No run is finished" not in page


def test_nothing_to_report_on_is_an_error(xlite: Any, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    places = ("--experiments", tmp_path / "e", "--split", tmp_path / "s", "--cache", tmp_path / "c")
    result = xlite("report", "--out", out, *places)
    assert result.exit_code == 2
    assert "there is nothing to report on" in result.stderr
    assert not out.exists()


def test_runs_are_chosen_by_name_or_path(
    xlite_ok: Any, xlite: Any, experiments: Path, project: Any, tmp_path: Path
) -> None:
    [run] = (experiments / "runs").iterdir()
    out = tmp_path / "report.html"
    for name in (run.name, run):
        write_report(xlite_ok, experiments, project, out, "--runs", name)
        assert f"<h3>{run.name}</h3>" in out.read_text(encoding="utf-8")
    result = write_report(xlite, experiments, project, out, "--runs", "absent")
    assert result.exit_code == 2
    assert f"'absent' is no finished run in {experiments / 'runs'}" in result.stderr
    assert run.name in result.stderr


def test_a_folder_is_no_page(xlite: Any, tmp_path: Path) -> None:
    result = xlite("report", "--out", tmp_path)
    assert result.exit_code == 2
    assert "is a folder" in result.stderr


def test_hostile_names_stay_text(
    xlite_ok: Any, experiments: Path, project: Any, tmp_path: Path
) -> None:
    from xlite.files import sha256_of_file

    # A label and an image that try to be markup, all the way from the label table.
    copy, split = tmp_path / "<img src=x>", tmp_path / "split"
    shutil.copytree(experiments, copy)
    shutil.copytree(project.split, split)
    evil, evil_image = "<script>alert(1)</script>", '"><script>alert(2)</script>.png'
    [run] = (copy / "runs").iterdir()
    image = (split / "val.csv").read_text().splitlines()[1].split(",")[0]
    for path in (*split.iterdir(), *run.glob("*.json"), *run.glob("*.csv"), *copy.glob("*.csv")):
        text = path.read_text(encoding="utf-8").replace("Infiltration", evil)
        quoted = evil_image.replace('"', '""' if path.suffix == ".csv" else '\\"')
        path.write_text(text.replace(image, f'"{quoted}"' if path.suffix == ".csv" else quoted))
    record, config = (
        json.loads(p.read_text()) for p in (split / "split.json", run / "config.json")
    )
    for part in ("train", "val", "test"):
        digest = sha256_of_file(split / f"{part}.csv")
        record["files"][f"{part}.csv"] = config["data"]["split_sha256"][part] = digest
    (split / "split.json").write_text(json.dumps(record))
    (run / "config.json").write_text(json.dumps(config))
    scores = json.loads((run / "scores.json").read_text())
    scores["files"] = {name: sha256_of_file(run / name) for name in scores["files"]}
    (run / "scores.json").write_text(json.dumps(scores))
    out = tmp_path / "report.html"
    xlite_ok(
        "report", "--out", out, "--experiments", copy, "--split", split, "--cache", project.cache
    )
    page = out.read_text(encoding="utf-8")
    assert page.count("<script") == 1
    assert "&lt;script&gt;alert(1)" in page
    assert not re.search(r"<img src=x", page)
